package ledger

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// A ledger that is founded with entries has all of them, as old as they are, or
// is not there.
func TestFoundWithEntries(t *testing.T) {
	c := newClock()
	opts := c.options("a")
	opts.Lineage, opts.Operation = "lost", "state rebuild"
	for i := range 3 {
		e := entry(pipeline.KindDone, key(i))
		e.Time = begin.Add(-time.Duration(i) * time.Hour)
		opts.Entries = append(opts.Entries, e)
	}
	store := &faulty{Store: NewMemory()}
	broken := errors.New("broken")
	store.set(func(name string, create func() error) error { return broken }, nil)
	if _, err := Open(context.Background(), store, opts); !errors.Is(err, broken) {
		t.Fatalf("over a broken store: %v, want %v", err, broken)
	}
	if s := mustRead(t, store); s.Seq != 0 {
		t.Fatalf("a founding that failed left %d segments", s.Seq)
	}
	store.set(nil, nil)
	l := mustOpen(t, store, opts)
	checkKeys(t, "the open ledger", entriesOf(l), "done "+key(0), "done "+key(1), "done "+key(2))
	mustClose(t, l)
	s := mustRead(t, store)
	checkKeys(t, "the first segment", s.Entries, "done "+key(0), "done "+key(1), "done "+key(2))
	if s.Seq != 1 || s.Lineage != "lost" || s.Segments[0].Operation != "state rebuild" {
		t.Errorf("%d segments of lineage %s by %q, want one of lost by state rebuild", s.Seq, s.Lineage, s.Segments[0].Operation)
	}
	for i, e := range s.Entries {
		if want := begin.Add(-time.Duration(i) * time.Hour); !e.Time.Equal(want) {
			t.Errorf("entry %d has the time %v, want %v", i, e.Time, want)
		}
	}
	if _, err := Open(context.Background(), store, opts); !errors.Is(err, errFounded) {
		t.Errorf("over a ledger that is there: %v, want %v", err, errFounded)
	}
}
