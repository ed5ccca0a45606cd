package sinktest

import (
	"strings"
	"testing"
	"time"

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
}
