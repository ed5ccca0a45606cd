package csv

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/kustash/kustash/sinks"
)

// Check implements sinks.Checker with the standard library's reader.
func (f *Format) Check(ctx context.Context, r io.ReaderAt, size int64, m sinks.Metadata) (int64, error) {
	d, err := dialectOf(m)
	if err != nil {
		return 0, err
	}
	text, err := sinks.ReadLines(r, size, f.compression)
	if err != nil {
		return 0, err
	}
	in := &guard{r: text, delimiter: d.delimiter, most: max(maxFields, len(m.Columns)), last: '\n'}
	reader := csv.NewReader(in)
	reader.Comma = rune(d.delimiter)
	reader.ReuseRecord = true
	reader.FieldsPerRecord = 0 // as many as in the first line
	if m.Columns != nil {
		reader.FieldsPerRecord = len(m.Columns)
	}
	c := &checker{dialect: d, Reader: reader, m: m, bounds: sinks.BoundsOf(m)}
	c.times = c.bounds.Column(m.Columns)
	if d.header {
		if err := c.names(); err != nil {
			return 0, fmt.Errorf("line of column names: %w", err)
		}
	}
	for rows := int64(0); ; rows++ {
		if rows%1024 == 0 && ctx.Err() != nil {
			return rows, ctx.Err()
		}
		text.Next()
		record, err := reader.Read()
		if err == io.EOF {
			if in.last != '\n' {
				return rows, fmt.Errorf("its last line has no end")
			}
			return rows, nil
		}
		if err != nil {
			return rows, fmt.Errorf("after %d rows: %w", rows, err)
		}
		if err := c.row(record); err != nil {
			return rows, fmt.Errorf("row %d: %w", rows+1, err)
		}
	}
}

// checker compares what is read with the metadata.
type checker struct {
	dialect
	*csv.Reader
	m      sinks.Metadata
	bounds sinks.Bounds
	times  int    // the column that is held against them; -1 if none is
	text   []byte // memory for unmark
}

func (c *checker) names() error {
	names, err := c.Read()
	if err == io.EOF {
		return fmt.Errorf("it is missing")
	}
	if err != nil {
		return err
	}
	for i, column := range c.m.Columns {
		name, err := c.unmark([]byte(names[i]), c.neutralise)
		if err != nil {
			return err
		}
		if string(name) != column.FileName() {
			return fmt.Errorf("column %d is named %q, not %q", i+1, name, column.FileName())
		}
	}
	return nil
}

func (c *checker) row(record []string) error {
	if t := c.times; t >= 0 && record[t] != "" && record[t] != c.null {
		if err := c.bounds.CheckText(record[t]); err != nil {
			return err
		}
	}
	if !c.escape && !c.neutralise {
		return nil
	}
	for i, field := range record {
		if field == c.null {
			continue
		}
		formulas := len(c.m.Columns) > 0 && c.neutralises(c.m.Columns[i].Type)
		c.text = append(c.text[:0], field...)
		if _, err := c.unmark(c.text, formulas); err != nil {
			return fmt.Errorf("field %d: %w", i+1, err)
		}
	}
	return nil
}

// maxFields is how many fields of a line are read before they are compared with
// the columns.
const maxFields = 1 << 16

// guard sees what readers of CSV let pass: a last line that was cut short, and
// lines of so many fields that they would fill the memory before they are
// counted.
type guard struct {
	r         io.Reader
	delimiter byte
	most      int
	fields    int  // of the line so far, less one
	quoted    bool // an odd number of quotes was seen
	last      byte // that was read
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	for _, c := range p[:n] {
		switch {
		case c == '"':
			g.quoted = !g.quoted
		case c == g.delimiter && !g.quoted:
			if g.fields++; g.fields >= g.most {
				return 0, fmt.Errorf("a line of more than %d fields", g.most)
			}
		case c == '\n' && !g.quoted:
			g.fields = 0
		}
	}
	if n > 0 {
		g.last = p[n-1]
	}
	return n, err
}
