package jsonl

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Exact implements sinks.Decoder: a dynamic value that was made part of the
// line does not tell any more what its text was.
func (f *Format) Exact(columns pipeline.Schema) bool {
	if !f.dynamic {
		return true
	}
	for _, c := range columns {
		if c.Type == pipeline.Dynamic {
			return false
		}
	}
	return true
}

// Decode implements sinks.Decoder. It has a line and a record in memory.
func (f *Format) Decode(ctx context.Context, r io.ReaderAt, size int64, m sinks.Metadata, emit func(arrow.Record) error) error {
	dynamic, err := settingsOf(m)
	if err != nil {
		return err
	}
	if !(&Format{dynamic: dynamic}).Exact(m.Columns) {
		return fmt.Errorf("%w: its dynamic values were made part of the lines (dynamic = \"json\")", pipeline.ErrInexact)
	}
	text, err := sinks.ReadLines(r, size, f.compression)
	if err != nil {
		return err
	}
	rows := sinks.NewRows(m.Columns, emit)
	return rows.Close(decode(ctx, text, rows, m.Columns))
}

func decode(ctx context.Context, text *sinks.LineReader, rows *sinks.Rows, columns pipeline.Schema) error {
	in := bufio.NewReaderSize(text, 256<<10)
	var long []byte // memory for lines beyond the buffer
	for n := int64(1); ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		text.Next()
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long[:0], line...)
			for errors.Is(err, bufio.ErrBufferFull) {
				line, err = in.ReadSlice('\n')
				long = append(long, line...)
			}
			line = long
		}
		switch {
		case err == io.EOF && len(line) == 0:
			return nil
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
		case err == nil:
			err = decodeLine(&scanner{rest: line}, rows, columns)
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", n, err)
		}
		if err := rows.End(); err != nil {
			return err
		}
	}
}

// decodeLine reads an object as the encoder writes it: without white space, all
// columns in their order.
func decodeLine(s *scanner, rows *sinks.Rows, columns pipeline.Schema) error {
	before := byte('{')
	for i, c := range columns {
		if err := s.expect(before); err != nil {
			return err
		}
		before = ','
		name, err := s.string()
		if err != nil {
			return fmt.Errorf("name of member %d: %w", i+1, err)
		}
		if string(name) != c.FileName() {
			return fmt.Errorf("member %d is %.60q, not %q", i+1, name, c.FileName())
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		value, quoted, err := s.value()
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", c.FileName(), err)
		case value == nil:
			rows.Null(i)
			continue
		case quoted != inQuotes(c.Type, value):
			return fmt.Errorf("%s: %.60q is no value of the type %s", c.FileName(), value, c.Type)
		}
		if err := rows.Text(i, value); err != nil {
			return err
		}
	}
	if !bytes.Equal(s.rest, []byte("}\n")) {
		return fmt.Errorf("behind member %d comes %.60q, not the end", len(columns), s.rest)
	}
	return nil
}

// inQuotes reports whether a value of the type is written as a string.
func inQuotes(t pipeline.Type, value []byte) bool {
	switch t {
	case pipeline.Bool, pipeline.Int, pipeline.Long:
		return false
	case pipeline.Real: // NaN, Infinity and -Infinity
		last := len(value) - 1
		return last < 0 || value[last] < '0' || value[last] > '9'
	}
	return true
}
