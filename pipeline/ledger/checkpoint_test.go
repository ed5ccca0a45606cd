package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// counted counts the requests to a store.
type counted struct {
	Store
	reads, writes, lists atomic.Int64
}

func (c *counted) Read(ctx context.Context, name string) ([]byte, error) {
	c.reads.Add(1)
	return c.Store.Read(ctx, name)
}

func (c *counted) Create(ctx context.Context, name string, data []byte) error {
	c.writes.Add(1)
	return c.Store.Create(ctx, name, data)
}

func (c *counted) Swap(ctx context.Context, name string, old, data []byte) error {
	c.writes.Add(1)
	return c.Store.Swap(ctx, name, old, data)
}

func (c *counted) List(ctx context.Context, prefix, after string) ([]string, error) {
	c.lists.Add(1)
	return c.Store.List(ctx, prefix, after)
}

// hourOf returns the nth hour of an archive.
func hourOf(n int) pipeline.Window {
	start := begin.Truncate(time.Hour).Add(time.Duration(n) * time.Hour)
	return pipeline.Window{Start: start, End: start.Add(time.Hour)}
}

// emptyHours returns done entries of hours without rows.
func emptyHours(from, n int) []pipeline.Entry {
	var all []pipeline.Entry
	for i := range n {
		all = append(all, pipeline.Entry{Kind: pipeline.KindDone, Query: "query.a", Sink: "local:archive",
			Receipt: &pipeline.Receipt{Window: hourOf(from + i), Rows: int64(i), Fingerprint: "fp1:a"}})
	}
	return all
}

// grow opens the ledger, appends hours and closes it, as a run does.
func grow(t *testing.T, store Store, from, n int) {
	t.Helper()
	c := newClock()
	l := mustOpen(t, store, c.options("anna"))
	mustAppend(t, l, emptyHours(from, n)...)
	if err := l.Checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
}

// covered returns how many hours a snapshot has, and the rows.
func covered(t *testing.T, s *Snapshot) (hours int, rows int64) {
	t.Helper()
	h, err := s.History(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	done, err := h.Line("query.a", "local:archive").Done(context.Background(), pipeline.Forever())
	if err != nil {
		t.Fatal(err)
	}
	return len(done), h.Line("query.a", "local:archive").Rows
}

func mustLoad(t *testing.T, store Store) *Snapshot {
	t.Helper()
	s, err := Load(context.Background(), store)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// With a checkpoint, opening and loading read a bounded part of the ledger and
// say the same as all of it.
func TestCheckpoint(t *testing.T) {
	ctx := context.Background()
	store := &counted{Store: NewMemory()}
	for run := range 40 {
		grow(t, store, run*100, 100)
	}
	store.reads.Store(0)
	loaded := mustLoad(t, store)
	reads := store.reads.Load()
	whole := mustRead(t, store)
	if len(loaded.Entries) >= worthEntries || reads > worthSegments || loaded.Seq != whole.Seq || loaded.Hash != whole.Hash {
		t.Errorf("loaded %d entries with %d reads up to %d %s, want few up to %d %s", len(loaded.Entries), reads, loaded.Seq, loaded.Hash, whole.Seq, whole.Hash)
	}
	if len(whole.Entries) != 4000 || whole.Segments[0].Seq != 1 {
		t.Errorf("read %d entries from segment %d on, want all 4000 from the first", len(whole.Entries), whole.Segments[0].Seq)
	}
	n, rows := covered(t, loaded)
	if wantN, wantRows := covered(t, whole); n != wantN || rows != wantRows || n != 4000 {
		t.Errorf("the checkpoint has %d hours with %d rows, all segments %d with %d", n, rows, wantN, wantRows)
	}
	indexes, _ := store.List(ctx, checkpointPrefix, "")
	receipts, _ := store.List(ctx, receiptsPrefix, "")
	if len(indexes) != keptCheckpoints || len(receipts) > 4+keptCheckpoints*4 {
		t.Errorf("%d checkpoints with %d files of receipts are left, want %d with few", len(indexes), len(receipts), keptCheckpoints)
	}
}

// A ledger that stays open may be saved again and again.
func TestCheckpointsOfOneRun(t *testing.T) {
	ctx := context.Background()
	store := NewMemory()
	l := mustOpen(t, store, newClock().options("anna"))
	for i := range 3 {
		mustAppend(t, l, emptyHours(i*worthEntries, worthEntries)...)
		if err := l.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, l)
	if n, _ := covered(t, mustLoad(t, store)); n != 3*worthEntries {
		t.Errorf("%d hours, want %d", n, 3*worthEntries)
	}
}

// A run that appends little writes no checkpoint.
func TestNoCheckpointForLittle(t *testing.T) {
	store := NewMemory()
	grow(t, store, 0, 10)
	if indexes, _ := store.List(context.Background(), checkpointPrefix, ""); len(indexes) != 0 {
		t.Errorf("there are checkpoints %q", indexes)
	}
}

// spoil changes an object in place.
func spoil(t *testing.T, m *Memory, name string, change func([]byte) []byte) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[name]
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	if m.objects[name] = change(slices.Clone(data)); m.objects[name] == nil {
		delete(m.objects, name)
	}
}

// A checkpoint is a cache: whatever happens to it, the ledger says the same. It
// is a witness too: of segments that are gone.
func TestSpoiledCheckpoint(t *testing.T) {
	ctx := context.Background()
	fresh := func() (*Memory, string) {
		m := NewMemory()
		grow(t, m, 0, worthEntries)
		indexes, _ := m.List(ctx, checkpointPrefix, "")
		if len(indexes) != 1 {
			t.Fatalf("checkpoints are %q, want one", indexes)
		}
		return m, indexes[0]
	}
	for name, change := range map[string]func([]byte) []byte{
		"gone":      func([]byte) []byte { return nil },
		"cut short": func(b []byte) []byte { return b[:len(b)-2] },
		"edited":    func(b []byte) []byte { return bytes.Replace(b, []byte(`"rows":`), []byte(`"rows":1`), 1) },
		"another":   func(b []byte) []byte { return bytes.Replace(b, []byte(`"format":1`), []byte(`"format":2`), 1) },
	} {
		m, index := fresh()
		spoil(t, m, index, change)
		if n, _ := covered(t, mustLoad(t, m)); n != worthEntries {
			t.Errorf("%s: %d hours, want %d", name, n, worthEntries)
		}
		grow(t, m, worthEntries, worthEntries) // and the next run makes a new one
		if n, _ := covered(t, mustLoad(t, m)); n != 2*worthEntries {
			t.Errorf("%s: %d hours after the next run, want %d", name, n, 2*worthEntries)
		}
	}

	m, _ := fresh()
	receipts, _ := m.List(ctx, receiptsPrefix, "")
	spoil(t, m, receipts[0], func(b []byte) []byte { return bytes.Replace(b, []byte(`"rows":`), []byte(`"rows":1`), 1) })
	h, err := mustLoad(t, m).History(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = h.Line("query.a", "local:archive").Done(ctx, pipeline.Forever()); err == nil || !strings.Contains(err.Error(), "remove the folder checkpoints") {
		t.Errorf("edited receipts: got %v, want the way out", err)
	}

	// The last segment is gone, and with it the lock's memory of it.
	m, _ = fresh()
	last := segmentName(mustRead(t, m).Seq)
	spoil(t, m, last, func([]byte) []byte { return nil })
	spoil(t, m, lockName, func([]byte) []byte { return nil })
	for what, read := range map[string]func(context.Context, Store) (*Snapshot, error){"load": Load, "read": Read} {
		if _, err := read(ctx, m); err == nil || !strings.Contains(err.Error(), last) {
			t.Errorf("%s without the last segment: got %v, want its name", what, err)
		}
	}
}

// BenchmarkOpen opens a ledger, appends one slice and closes it: what a run
// without news costs, by the number of slices that the archive has.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("slices=%d", n), func(b *testing.B) {
			ctx := context.Background()
			store := &counted{Store: NewMemory()}
			c := newClock()
			l, err := Open(ctx, store, c.options("anna"))
			if err != nil {
				b.Fatal(err)
			}
			for i := 0; i < n; i += 1000 {
				if err := l.Append(ctx, emptyHours(i, 1000)...); err != nil {
					b.Fatal(err)
				}
				c.Advance(company)
				if err := l.Renew(ctx); err != nil {
					b.Fatal(err)
				}
			}
			if err := errors.Join(l.Checkpoint(ctx), l.Close(ctx)); err != nil {
				b.Fatal(err)
			}
			store.reads.Store(0)
			store.writes.Store(0)
			store.lists.Store(0)
			for i := 0; b.Loop(); i++ {
				l, err := Open(ctx, store, c.options("anna"))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := l.History(ctx); err != nil {
					b.Fatal(err)
				}
				if err := errors.Join(l.Append(ctx, emptyHours(n+i, 1)...), l.Checkpoint(ctx), l.Close(ctx)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(store.reads.Load())/float64(b.N), "reads/op")
			b.ReportMetric(float64(store.writes.Load())/float64(b.N), "writes/op")
			b.ReportMetric(float64(store.lists.Load())/float64(b.N), "lists/op")
		})
	}
}
