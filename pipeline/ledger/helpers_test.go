package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

var (
	_ Store      = (*Memory)(nil)
	_ HostLocker = (*Dir)(nil)
)

var begin = time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC)

// clock is virtual: sleeping moves it.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept time.Duration
	each  func(slept time.Duration) // called after every sleep
}

func newClock() *clock { return &clock{now: begin} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.Advance(d)
	c.slept += d
	if c.each != nil {
		c.each(c.slept)
	}
	return nil
}

func (c *clock) options(who string) Options {
	return Options{Who: who, Operation: "apply", Tool: "kustash 0.1.0", Now: c.Now, Sleep: c.Sleep}
}

func mustOpen(t *testing.T, store Store, opts Options) *Ledger {
	t.Helper()
	l, err := Open(context.Background(), store, opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustAppend(t *testing.T, l *Ledger, entries ...pipeline.Entry) {
	t.Helper()
	if err := l.Append(context.Background(), entries...); err != nil {
		t.Fatal(err)
	}
}

// entriesOf returns the entries that a ledger has read and been given.
func entriesOf(l *Ledger) []pipeline.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.chain.Entries)
}

func mustClose(t *testing.T, l *Ledger) {
	t.Helper()
	if err := l.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, store Store) *Snapshot {
	t.Helper()
	s, err := Read(context.Background(), store)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// entry returns one about the object key.
func entry(kind pipeline.Kind, key string) pipeline.Entry {
	return pipeline.Entry{Kind: kind, Query: "query.a", Sink: "local:archive", Receipt: &pipeline.Receipt{
		Key:    key,
		Window: pipeline.Window{Start: begin.AddDate(0, 0, -1), End: begin},
		Rows:   7, Bytes: 1 << 40, SHA256: hash([]byte(key)), Number: 1,
	}}
}

// keys returns kind and key of each entry, for comparison.
func keys(entries []pipeline.Entry) []string {
	var all []string
	for _, e := range entries {
		key := ""
		if e.Receipt != nil {
			key = e.Key
		}
		all = append(all, string(e.Kind)+" "+key)
	}
	return all
}

func checkKeys(t *testing.T, what string, entries []pipeline.Entry, want ...string) {
	t.Helper()
	if got := keys(entries); !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// faulty is a store whose Create and Swap can be spoiled.
type faulty struct {
	Store
	mu     sync.Mutex
	create func(name string, do func() error) error // nil: as usual
	swap   func(do func() error) error              // nil: as usual
}

func (f *faulty) set(create func(string, func() error) error, swap func(func() error) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.create, f.swap = create, swap
}

func (f *faulty) Create(ctx context.Context, name string, data []byte) error {
	f.mu.Lock()
	hook := f.create
	f.mu.Unlock()
	do := func() error { return f.Store.Create(ctx, name, data) }
	if hook != nil {
		return hook(name, do)
	}
	return do()
}

func (f *faulty) Swap(ctx context.Context, name string, old, data []byte) error {
	f.mu.Lock()
	hook := f.swap
	f.mu.Unlock()
	do := func() error { return f.Store.Swap(ctx, name, old, data) }
	if hook != nil {
		return hook(do)
	}
	return do()
}

var errDisk = errors.New("no space left on device")

// before fails n times without doing anything.
func before(n int) func(string, func() error) error {
	return func(_ string, do func() error) error {
		if n--; n >= 0 {
			return errDisk
		}
		return do()
	}
}

// after does its work and then fails, n times.
func after(n int) func(string, func() error) error {
	return func(_ string, do func() error) error {
		err := do()
		if n--; n >= 0 {
			return errDisk
		}
		return err
	}
}

func key(i int) string { return fmt.Sprintf("k%03d", i) }
