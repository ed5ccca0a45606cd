package jsonl

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Check implements sinks.Checker with the standard library's readers. The
// number of lines must be that of the objects.
func (f *Format) Check(ctx context.Context, r io.ReaderAt, size int64, m sinks.Metadata) (int64, error) {
	text, err := sinks.ReadLines(r, size, f.zip)
	if err != nil {
		return 0, err
	}
	lines := &lineCounter{r: text}
	d := json.NewDecoder(lines)
	d.UseNumber()
	bounds := sinks.BoundsOf(m)
	for rows := int64(0); ; rows++ {
		if rows%1024 == 0 && ctx.Err() != nil {
			return rows, ctx.Err()
		}
		start, err := d.Token()
		if err == io.EOF {
			if lines.n != rows {
				return rows, fmt.Errorf("%d lines hold %d objects", lines.n, rows)
			}
			return rows, nil
		}
		if err == nil && start != json.Delim('{') {
			err = fmt.Errorf("%v is no object", start)
		}
		if err == nil {
			err = checkMembers(d, m.Columns, func(text string) error { return bounds.CheckText(rows+1, text) }, bounds.Column(m.Columns))
		}
		if err != nil {
			return rows, fmt.Errorf("row %d: %w", rows+1, err)
		}
	}
}

// checkMembers reads the rest of an object. It hands the text of the column
// with the index times to checkTime.
func checkMembers(d *json.Decoder, columns pipeline.Schema, checkTime func(string) error, times int) error {
	n := 0
	for ; d.More(); n++ {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if columns != nil && (n >= len(columns) || name != columns[n].FileName()) {
			return fmt.Errorf("member %d is %q, which is not the column there", n+1, name)
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return fmt.Errorf("%v: %w", name, err)
		}
		if columns != nil && !fits(value, columns[n].Type) {
			return fmt.Errorf("%v is no value of the type %s", name, columns[n].Type)
		}
		if text, ok := value.(string); ok && n == times {
			if err := checkTime(text); err != nil {
				return err
			}
		}
	}
	if columns != nil && n != len(columns) {
		return fmt.Errorf("%d members, want %d", n, len(columns))
	}
	_, err := d.Token()
	return err
}

// fits reports whether a decoded value is one that the type is written as.
func fits(value any, t pipeline.Type) bool {
	number, isNumber := value.(json.Number)
	text, isText := value.(string)
	_, isBool := value.(bool)
	switch {
	case value == nil:
		return true
	case t == pipeline.Bool:
		return isBool
	case t == pipeline.Int || t == pipeline.Long:
		bits := map[pipeline.Type]int{pipeline.Int: 32, pipeline.Long: 64}[t]
		_, err := strconv.ParseInt(string(number), 10, bits)
		return isNumber && err == nil
	case t == pipeline.Real:
		return isNumber || text == "NaN" || text == "Infinity" || text == "-Infinity"
	case t == pipeline.Dynamic:
		return true
	}
	return isText
}

type lineCounter struct {
	r io.Reader
	n int64
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for _, b := range p[:n] {
		if b == '\n' {
			c.n++
		}
	}
	return n, err
}
