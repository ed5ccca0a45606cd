package sinktest

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// testDecode writes rows and reads them back as records with the same values.
func testDecode(t *testing.T, format sinks.Format) {
	wide := pipeline.Schema{}
	row := Row{}
	for i := range 500 {
		wide = append(wide, pipeline.Column{Name: strings.Repeat("c", 1+i%7) + string(rune('A'+i%26)) + strings.Repeat("x", i), Type: pipeline.String})
		row = append(row, strings.Repeat("v", i%11))
	}
	for name, test := range map[string]struct {
		columns pipeline.Schema
		rows    []Row
	}{
		"extremes": {Columns, Extremes()},
		"many":     {Columns, RandomRows(9000, 5)},
		"none":     {Columns, nil},
		"wide":     {wide, []Row{row, row}},
		"large":    {pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.Long}}, []Row{{strings.Repeat("x", 1<<20), int64(1)}, {nil, nil}, {strings.Repeat("\"\n", 1<<19), int64(2)}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, store := newSink(t, format)
			written := Records(test.columns, test.rows, 1000)
			tx, receipt := prepare(t, s, File(1, test.columns), written)
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			var got []arrow.Record
			err := s.ReadBack(ctx, receipt, test.columns, func(rec arrow.Record) error {
				rec.Retain()
				got = append(got, rec)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == 0 || !got[0].Schema().Equal(test.columns.Arrow()) {
				t.Fatalf("%d records came back, want at least one with the columns that were written", len(got))
			}
			same(t, flatten(got), flatten(written), test.columns)

			stop := errors.New("enough")
			if err := s.ReadBack(ctx, receipt, test.columns, func(arrow.Record) error { return stop }); err != stop {
				t.Errorf("stopping gives %v, want the error of emit itself", err)
			}
			store.Change(receipt.Key, func(b []byte) []byte {
				if len(b) == 0 {
					return []byte{0}
				}
				b[len(b)/2] ^= 1
				return b
			})
			err = s.ReadBack(ctx, receipt, test.columns, func(arrow.Record) error {
				t.Error("a damaged object gave rows")
				return nil
			})
			if !errors.Is(err, pipeline.ErrMismatch) {
				t.Errorf("a damaged object gives %v, want ErrMismatch", err)
			}
		})
	}
}

// flatten returns the columns of all records.
func flatten(records []arrow.Record) [][]arrow.Array {
	columns := make([][]arrow.Array, records[0].NumCols())
	for _, rec := range records {
		for i, c := range rec.Columns() {
			columns[i] = append(columns[i], c)
		}
	}
	return columns
}

// same compares values: times and timespans by what they stand for, others as
// they are.
func same(t *testing.T, got, want [][]arrow.Array, columns pipeline.Schema) {
	t.Helper()
	for i, c := range columns {
		g, w := values(got[i], c.Type), values(want[i], c.Type)
		if len(g) != len(w) {
			t.Fatalf("column %.60s has %d values, want %d", c.FileName(), len(g), len(w))
		}
		for row := range w {
			if g[row] != w[row] {
				t.Fatalf("column %.60s, row %d: got %.90v, want %.90v", c.FileName(), row, g[row], w[row])
			}
		}
	}
}

func values(arrays []arrow.Array, ty pipeline.Type) []any {
	var all []any
	for _, a := range arrays {
		for row := range a.Len() {
			switch c := a.(type) {
			case *array.Float64:
				all = append(all, value(a, row, string(sinks.AppendReal(nil, c.Value(row)))))
			case *array.String:
				all = append(all, value(a, row, meaning(c.Value(row), ty)))
			default:
				all = append(all, value(a, row, a.ValueStr(row)))
			}
		}
	}
	return all
}

func value(a arrow.Array, row int, v any) any {
	if a.IsNull(row) {
		return nil
	}
	return v
}

// meaning returns the ticks of a time or timespan, and any other text.
func meaning(text string, ty pipeline.Type) any {
	switch ty {
	case pipeline.Datetime:
		if tick, err := pipeline.ParseTime(text); err == nil {
			return tick
		}
	case pipeline.Timespan:
		if ticks, err := pipeline.ParseSpan(text); err == nil {
			return ticks
		}
	}
	return text
}
