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
			s, _ := newSink(t, format)
			written := Records(test.columns, test.rows, 1000)
			tx, receipt := prepare(t, s, File(1, test.columns), written)
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			SameValues(t, test.columns, ReadBack(t, s, receipt, test.columns), written)

			stop := errors.New("enough")
			if err := s.ReadBack(ctx, receipt, test.columns, func(arrow.Record) error { return stop }); err != stop {
				t.Errorf("stopping gives %v, want the error of emit itself", err)
			}
		})
	}
}

// ReadBack returns the records of an object, which must have the columns, be of
// a bounded number of rows, and be one at least.
func ReadBack(t testing.TB, s pipeline.Reader, r pipeline.Receipt, columns pipeline.Schema) []arrow.Record {
	t.Helper()
	var records []arrow.Record
	err := s.ReadBack(ctx, r, columns, func(rec arrow.Record) error {
		rec.Retain()
		records = append(records, rec)
		if !rec.Schema().Equal(columns.Arrow()) || rec.NumRows() > 10_000 {
			t.Errorf("a record of %d rows has the columns %v, want few rows with %v", rec.NumRows(), rec.Schema(), columns.Arrow())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(records) == 0 {
		t.Fatal("no record came back, want one that tells the columns")
	}
	return records
}

// SameValues compares all rows cell by cell, however they are cut into records:
// times and timespans by what they stand for, others as they are.
func SameValues(t testing.TB, columns pipeline.Schema, got, want []arrow.Record) {
	t.Helper()
	for i, c := range columns {
		g, w := values(got, i, c.Type), values(want, i, c.Type)
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

// values returns a column of all records.
func values(records []arrow.Record, column int, ty pipeline.Type) []any {
	var all []any
	for _, rec := range records {
		array := rec.Column(column)
		for row := range array.Len() {
			all = append(all, value(array, row, ty))
		}
	}
	return all
}

func value(column arrow.Array, row int, ty pipeline.Type) any {
	if column.IsNull(row) {
		return nil
	}
	switch c := column.(type) {
	case *array.Float64: // as text, so that NaN equals itself and -0 is not 0
		return string(sinks.AppendReal(nil, c.Value(row)))
	case *array.String:
		return meaning(c.Value(row), ty)
	}
	return column.ValueStr(row)
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
