package csv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Exact implements sinks.Decoder.
func (f *Format) Exact(pipeline.Schema) bool { return true }

// Decode implements sinks.Decoder. It reads the fields itself: the standard
// library's reader does not tell an empty field, a null, from "", an empty text,
// and makes one line end of another.
func (f *Format) Decode(ctx context.Context, r io.ReaderAt, size int64, m sinks.Metadata, emit func(arrow.Record) error) error {
	d, err := dialectOf(m)
	if err != nil {
		return err
	}
	text, err := sinks.ReadLines(r, size, f.compression)
	if err != nil {
		return err
	}
	in := &fields{r: bufio.NewReaderSize(text, 64<<10), lines: text, delimiter: d.delimiter}
	rows := sinks.NewRows(m.Columns, emit)
	return rows.Close(d.decode(ctx, in, rows, m.Columns))
}

func (d dialect) decode(ctx context.Context, in *fields, rows *sinks.Rows, columns pipeline.Schema) error {
	if d.header {
		err := in.line(len(columns), func(i int, text []byte, _ bool) error {
			name, err := d.unmark(text, d.neutralise)
			if err != nil {
				return err
			}
			if want := columns[i].FileName(); string(name) != want {
				return fmt.Errorf("column %d is named %q, not %q", i+1, name, want)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("line of column names: %w", noEOF(err))
		}
	}
	for n := int64(1); ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		err := in.line(len(columns), func(i int, text []byte, quoted bool) error {
			if !quoted && string(text) == d.null {
				rows.Null(i)
				return nil
			}
			text, err := d.unmark(text, d.neutralises(columns[i].Type))
			if err != nil {
				return fmt.Errorf("column %s: %w", columns[i].FileName(), err)
			}
			return rows.Text(i, text)
		})
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", n, err)
		}
		if err := rows.End(); err != nil {
			return err
		}
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fields reads the fields of lines that encoder wrote.
type fields struct {
	r         *bufio.Reader
	lines     *sinks.LineReader // below r
	delimiter byte
	text      []byte
}

// line reads one line of n fields and hands each to visit, with whether it
// stands in quotes. io.EOF says that there is no line any more.
func (f *fields) line(n int, visit func(i int, text []byte, quoted bool) error) error {
	f.lines.Next()
	if _, err := f.r.Peek(1); err != nil {
		return err
	}
	for i := range n {
		quoted, end, err := f.field()
		if err != nil {
			return noEOF(err)
		}
		if last := i == n-1; last != (end == '\n') {
			return fmt.Errorf("it has not %d fields", n)
		}
		if err := visit(i, f.text, quoted); err != nil {
			return err
		}
	}
	return nil
}

// field reads one field into f.text, and what ends it.
func (f *fields) field() (quoted bool, end byte, err error) {
	f.text = f.text[:0]
	c, err := f.r.ReadByte()
	if err != nil {
		return false, 0, err
	}
	if c == '"' {
		if end, err = f.quoted(); err == nil && end != f.delimiter && end != '\n' {
			err = fmt.Errorf("a quote is followed by %q", end)
		}
		return true, end, err
	}
	for ; c != f.delimiter && c != '\n'; c, err = f.r.ReadByte() {
		if err != nil {
			return false, 0, err
		}
		if c == '"' || c == '\r' {
			return false, 0, fmt.Errorf("%q stands in a field without quotes", c)
		}
		f.text = append(f.text, c)
	}
	return false, c, err
}

// quoted reads the rest of a field in quotes and the byte behind it.
func (f *fields) quoted() (end byte, err error) {
	for {
		c, err := f.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if c != '"' {
			f.text = append(f.text, c)
			continue
		}
		if c, err = f.r.ReadByte(); err != nil || c != '"' {
			return c, err
		}
		f.text = append(f.text, '"')
	}
}
