package jsonl

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

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

// Decode implements sinks.Decoder.
func (f *Format) Decode(ctx context.Context, r io.ReaderAt, size int64, m sinks.Metadata, emit func(arrow.Record) error) error {
	if strings.Contains(m.Format, dynamicJSON) && !(&Format{dynamic: true}).Exact(m.Columns) {
		return fmt.Errorf("%w: its dynamic values were made part of the lines (dynamic = \"json\")", pipeline.ErrInexact)
	}
	text, err := sinks.ReadLines(r, size, f.zip)
	if err != nil {
		return err
	}
	rows := sinks.NewRows(m.Columns, emit)
	return rows.Close(decode(ctx, text, rows, m.Columns))
}

func decode(ctx context.Context, text io.Reader, rows *sinks.Rows, columns pipeline.Schema) error {
	d := json.NewDecoder(text)
	d.UseNumber()
	for n := int64(1); ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		start, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err == nil && start != json.Delim('{') {
			err = fmt.Errorf("%v is no object", start)
		}
		if err == nil {
			err = decodeMembers(d, rows, columns)
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", n, err)
		}
		if err := rows.End(); err != nil {
			return err
		}
	}
}

// decodeMembers reads the rest of an object.
func decodeMembers(d *json.Decoder, rows *sinks.Rows, columns pipeline.Schema) error {
	for i, c := range columns {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if name != c.FileName() {
			return fmt.Errorf("member %d is %v, not %q", i+1, name, c.FileName())
		}
		value, err := d.Token()
		if err != nil {
			return err
		}
		if !fits(value, c.Type) {
			return fmt.Errorf("%v is no value of the type %s", name, c.Type)
		}
		switch v := value.(type) {
		case nil:
			rows.Null(i)
		case string:
			err = rows.Text(i, v)
		case json.Number:
			err = rows.Text(i, v.String())
		case bool:
			err = rows.Text(i, fmt.Sprint(v))
		default:
			err = fmt.Errorf("%v is a value with parts", name)
		}
		if err != nil {
			return err
		}
	}
	end, err := d.Token()
	if err == nil && end != json.Delim('}') {
		err = fmt.Errorf("it has more than %d members", len(columns))
	}
	return err
}
