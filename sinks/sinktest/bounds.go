package sinktest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// testBounds holds the time column of every row against the slice: an object
// promises that only if it is so, and keeps the promise to the tick.
func testBounds(t *testing.T, format sinks.Format, checker sinks.Checker) {
	columns := pipeline.Schema{{Name: "Id", Type: pipeline.Long}, {Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Note", Type: pipeline.String}}
	f := File(1, columns)
	first, last := f.Slice.Window.Start, f.Slice.Window.End.Add(-pipeline.TickSize)
	at := func(at time.Time) any { return at.Format("2006-01-02T15:04:05.9999999Z") }
	inside := []Row{{int64(1), at(first), "a"}, {int64(2), nil, "b"}, {int64(3), at(last), nil}, {int64(4), at(first.Add(time.Hour)), "d"}}

	write := func(f pipeline.File, rows []Row) (sinks.Metadata, string, *Memory) {
		t.Helper()
		s, store := newSink(t, format)
		tx, receipt := prepare(t, s, f, Records(columns, rows, 2))
		if err := tx.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		m, err := s.Describe(ctx, receipt.Key)
		if err != nil {
			t.Fatal(err)
		}
		return m, receipt.Key, store
	}
	m, key, store := write(f, inside)
	if m.TimeColumn != "TimeGenerated" {
		t.Errorf("the object promises %q, want its time column", m.TimeColumn)
	}
	check := func(m sinks.Metadata) error {
		data := store.Bytes(key)
		_, err := checker.Check(ctx, strings.NewReader(string(data)), int64(len(data)), m)
		return err
	}
	if err := check(m); err != nil {
		t.Errorf("rows within the slice: %v", err)
	}
	for name, w := range map[string]pipeline.Window{
		"row 1": {Start: first.Add(pipeline.TickSize), End: last.Add(pipeline.TickSize)},
		"row 3": {Start: first, End: last},
	} {
		narrow := m
		narrow.Window = w
		if err := check(narrow); err == nil || !strings.Contains(err.Error(), name+": TimeGenerated is") {
			t.Errorf("a window a tick too narrow: %v, want an error about %s", err, name)
		}
	}

	outside := append(inside[:2:2], Row{int64(5), at(f.Slice.Window.End), "e"})
	if m, _, _ := write(f, outside); m.TimeColumn != "" {
		t.Errorf("with a row outside the object promises %q, want nothing", m.TimeColumn)
	}
	loose := f
	loose.Ends = pipeline.Approximate
	if m, _, _ := write(loose, inside); m.TimeColumn != "" {
		t.Errorf("with approximate ends the object promises %q, want nothing", m.TimeColumn)
	}

	// A writer that promises what it does not keep is found out.
	lies := inside[:len(inside):len(inside)]
	for i := range 4500 {
		lies = append(lies, Row{int64(i), at(first.Add(time.Duration(i) * time.Second)), "x"})
	}
	lies = append(lies, Row{int64(5), at(f.Slice.Window.End), "e"})
	for column, want := range map[string]string{
		"":              "",
		"TimeGenerated": "row 4505: TimeGenerated is 2026-01-02T00:00:00.0000000Z, outside of the slice 2026-01-01T00:00Z … 2026-01-02T00:00Z",
		"Note":          `promises times in the column "Note"`,
		"absent":        `promises times in the column "absent"`,
	} {
		s, r := forge(t, format, f, column, Records(columns, lies, 1000))
		err := s.Verify(ctx, r)
		if want == "" && err != nil {
			t.Errorf("without a promise: %v", err)
		}
		if want != "" && (!errors.Is(err, pipeline.ErrMismatch) || !strings.Contains(err.Error(), want)) {
			t.Errorf("promised for %q: %v, want %v: …%s", column, err, pipeline.ErrMismatch, want)
		}
	}
}

// forge publishes an object that promises times in a column, whatever its rows
// are, and returns its sink and receipt.
func forge(t *testing.T, format sinks.Format, f pipeline.File, column string, records []arrow.Record) (*sinks.Sink, pipeline.Receipt) {
	t.Helper()
	s, store := newSink(t, format)
	_, r := prepare(t, s, f, records)
	m := Described(f, format, r.Rows)
	m.TimeColumn = column
	var out bytes.Buffer
	e, err := format.NewEncoder(&out, f.Columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		if err := e.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if d, ok := e.(sinks.Describer); ok {
		if err := d.Describe(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(out.Bytes())
	r.Bytes, r.SHA256 = int64(out.Len()), hex.EncodeToString(sum[:])
	m.Bytes, m.SHA256 = r.Bytes, r.SHA256
	if err := put(t, store, r.Key, out.Bytes(), m).Commit(ctx); err != nil {
		t.Fatal(err)
	}
	return s, r
}
