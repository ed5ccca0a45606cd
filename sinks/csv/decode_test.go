package csv_test

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/sinktest"
)

// decode returns the records of an object.
func decode(f *csv.Format, columns pipeline.Schema, data []byte) (records []arrow.Record, err error) {
	err = f.Decode(ctx, bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns, Format: f.Ext() + " " + f.Settings()},
		func(rec arrow.Record) error {
			rec.Retain()
			records = append(records, rec)
			return nil
		})
	return records, err
}

// Whatever the bytes are, decoding them is an error or gives rows, and those
// are what they are when they are written again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("a,b,c\n2026-01-01T00:00:00Z,true,-Infinity\n,,\n\"\",false,1e5\n"), uint8(0))
	f.Add([]byte("a,b,c\r\n"), uint8(0))
	f.Add([]byte("a,b,c\n\"a\"\"b\",\"true\",\"1\n"), uint8(0))
	f.Add([]byte("a;b;c\n''=x\\n\\\\;\"true\";NaN\nNaN;NaN;\"NaN\"\n"), uint8(15))
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.Bool}, {Name: "c", Type: pipeline.Real}}
	f.Fuzz(func(t *testing.T, data []byte, settings uint8) {
		var o csv.Options
		if settings&1 != 0 {
			o.Delimiter = ";"
		}
		if settings&2 != 0 {
			o.Null = "NaN"
		}
		if settings&4 != 0 {
			o.Newline = "escape"
		}
		if settings&8 != 0 {
			o.Formulas = "neutralise"
		}
		format := newFormat(t, o)
		m := sinks.Metadata{Columns: columns, Format: format.Settings()}
		_, checked := format.Check(ctx, bytes.NewReader(data), int64(len(data)), m)
		rows, err := decode(format, columns, data)
		if err != nil {
			return
		}
		if checked != nil {
			t.Errorf("it is decoded, but check says %v", checked)
		}
		again, err := decode(format, columns, []byte(encode(t, o, columns, rows...)))
		if err != nil {
			t.Fatal(err)
		}
		sinktest.SameValues(t, columns, again, rows)
	})
}
