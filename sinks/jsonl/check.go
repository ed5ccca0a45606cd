package jsonl

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Check implements sinks.Checker with the standard library's readers. The
// number of lines must be that of the objects.
func (f *Format) Check(ctx context.Context, r io.ReaderAt, size int64, m sinks.Metadata) (int64, error) {
	if _, err := settingsOf(m); err != nil {
		return 0, err
	}
	text, err := sinks.ReadLines(r, size, f.compression)
	if err != nil {
		return 0, err
	}
	in := &guard{r: text}
	d := json.NewDecoder(in)
	members := &members{d: d, columns: m.Columns, bounds: sinks.BoundsOf(m)}
	members.times = members.bounds.Column(m.Columns)
	for rows := int64(0); ; rows++ {
		if rows%1024 == 0 && ctx.Err() != nil {
			return rows, ctx.Err()
		}
		text.Next()
		start, err := d.Token()
		if err == io.EOF {
			if in.lines != rows {
				return rows, fmt.Errorf("%d lines hold %d objects", in.lines, rows)
			}
			return rows, nil
		}
		if err == nil && start != json.Delim('{') {
			err = fmt.Errorf("%v is no object", start)
		}
		if err == nil {
			err = members.check()
		}
		if err != nil {
			return rows, fmt.Errorf("row %d: %w", rows+1, err)
		}
	}
}

// members are what the objects of a file consist of.
type members struct {
	d       *json.Decoder
	columns pipeline.Schema // nil if they are not known
	bounds  sinks.Bounds
	times   int             // the column that is held against them; -1 if none is
	value   json.RawMessage // memory for each; decoded ones may take many times as much
}

// check reads the rest of an object.
func (m *members) check() error {
	n := 0
	for ; m.d.More(); n++ {
		name, err := m.d.Token()
		if err != nil {
			return err
		}
		if m.columns != nil && (n >= len(m.columns) || name != m.columns[n].FileName()) {
			return fmt.Errorf("member %d is %q, which is not the column there", n+1, name)
		}
		if err := m.d.Decode(&m.value); err != nil {
			return fmt.Errorf("%v: %w", name, err)
		}
		if err := m.checkValue(n, name); err != nil {
			return err
		}
	}
	if m.columns != nil && n != len(m.columns) {
		return fmt.Errorf("%d members, want %d", n, len(m.columns))
	}
	_, err := m.d.Token()
	return err
}

// checkValue looks at the value of a member.
func (m *members) checkValue(n int, name json.Token) error {
	if !utf8.Valid(m.value) {
		return fmt.Errorf("%v: %.60q is not UTF-8", name, m.value)
	}
	if m.columns != nil && !fits(m.value, m.columns[n].Type) {
		return fmt.Errorf("%v: %.60q is no value of the type %s", name, m.value, m.columns[n].Type)
	}
	if n != m.times || m.value[0] != '"' {
		return nil
	}
	var text string
	if err := json.Unmarshal(m.value, &text); err != nil {
		return err
	}
	return m.bounds.CheckText(text)
}

// fits reports whether a value is one that the type is written as.
func fits(value json.RawMessage, t pipeline.Type) bool {
	first := value[0]
	isNumber := first == '-' || '0' <= first && first <= '9'
	switch {
	case first == 'n': // null
		return true
	case t == pipeline.Bool:
		return first == 't' || first == 'f'
	case t == pipeline.Int || t == pipeline.Long:
		bits := map[pipeline.Type]int{pipeline.Int: 32, pipeline.Long: 64}[t]
		_, err := strconv.ParseInt(string(value), 10, bits)
		return isNumber && err == nil
	case t == pipeline.Real:
		text := string(value)
		return isNumber || text == `"NaN"` || text == `"Infinity"` || text == `"-Infinity"`
	case t == pipeline.Dynamic:
		return true
	}
	return first == '"'
}

// guard counts lines, and refuses white space that no line has: the reader
// takes it for nothing, and looks at all of it again with each piece it gets.
type guard struct {
	r        io.Reader
	lines    int64
	last     byte // that was read
	quoted   bool // within a string
	escaping bool // behind a backslash of one
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	for _, c := range p[:n] {
		switch {
		case g.escaping:
			g.escaping = false
		case c == '"':
			g.quoted = !g.quoted
		case g.quoted:
			g.escaping = c == '\\'
		case c == '\n' && g.last == '}':
			g.lines++
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			return 0, fmt.Errorf("%q follows %q, which is no end of a line", c, g.last)
		}
		g.last = c
	}
	return n, err
}
