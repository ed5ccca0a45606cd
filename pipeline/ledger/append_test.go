package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

func TestEntriesWaitForCompany(t *testing.T) {
	ctx := context.Background()
	store, c := NewMemory(), newClock()
	l := mustOpen(t, store, c.options("first"))
	durable := func(when string, want ...string) {
		t.Helper()
		checkKeys(t, when, mustRead(t, store).Entries, want...)
	}
	renew := func() {
		t.Helper()
		if err := l.Renew(ctx); err != nil {
			t.Fatal(err)
		}
	}
	mustAppend(t, l)
	mustAppend(t, l, entry(pipeline.KindDone, "a"))
	c.Advance(company - 1)
	mustAppend(t, l, entry(pipeline.KindQuery, "b"), entry(pipeline.KindSchema, "c"))
	renew()
	durable("before five seconds")
	waiting := entriesOf(l)
	checkKeys(t, "what waits", waiting, "done a", "query b", "schema c")
	c.Advance(1)
	renew()
	durable("after five seconds", "done a", "query b", "schema c")
	if seq, _ := l.Head(); seq != 2 {
		t.Errorf("got segment %d, want 2: all in one", seq)
	}

	mustAppend(t, l, entry(pipeline.KindDone, "d"))
	c.Advance(company - 1)
	renew()
	durable("a new wait begins", "done a", "query b", "schema c")
	mustAppend(t, l, entry(pipeline.KindIntended, "e"), entry(pipeline.KindDone, "f"))
	durable("with an intent", "done a", "query b", "schema c", "done d", "intended e", "done f")

	mustAppend(t, l, entry(pipeline.KindDone, "g"))
	mustClose(t, l)
	durable("after close", "done a", "query b", "schema c", "done d", "intended e", "done f", "done g")
	if seq, _ := l.Head(); seq != 4 {
		t.Errorf("got segment %d, want 4", seq)
	}
	if err := l.Append(ctx, entry(pipeline.KindDone, "h")); err == nil {
		t.Error("append after close: got no error")
	}
	if l.Held() == nil || l.Renew(ctx) == nil {
		t.Error("a closed ledger is held")
	}
	mustClose(t, l)
}

func TestDurableKinds(t *testing.T) {
	for kind, want := range map[pipeline.Kind]bool{
		pipeline.KindQuery: false, pipeline.KindSchema: false, pipeline.KindDone: false,
		pipeline.KindIntended: true, pipeline.KindForgotten: true, pipeline.KindFailed: true,
	} {
		store := NewMemory()
		l := mustOpen(t, store, newClock().options("first"))
		mustAppend(t, l, entry(kind, "a"))
		if got := len(mustRead(t, store).Entries) == 1; got != want {
			t.Errorf("%s: durable %v, want %v", kind, got, want)
		}
		mustClose(t, l)
	}
}

func TestAppendKeepsNothingOfTheCaller(t *testing.T) {
	l := mustOpen(t, NewMemory(), newClock().options("first"))
	e := entry(pipeline.KindIntended, "a")
	mustAppend(t, l, e)
	e.Key = "changed"
	got := entriesOf(l)
	checkKeys(t, "entries", got, "intended a")
	_ = append(got, entry(pipeline.KindDone, "x"))
	mustAppend(t, l, entry(pipeline.KindDone, "b"))
	got = entriesOf(l)
	checkKeys(t, "entries", got, "intended a", "done b")
}

func TestRefusedEntryRecordsNothing(t *testing.T) {
	store := NewMemory()
	l := mustOpen(t, store, newClock().options("first"))
	err := l.Append(context.Background(), entry(pipeline.KindIntended, "a"), pipeline.Entry{Kind: "guessed", Query: "query.a"})
	if err == nil || !strings.Contains(err.Error(), `guessed of query.a`) {
		t.Errorf("got %v, want an error about the kind", err)
	}
	mustAppend(t, l, entry(pipeline.KindIntended, "b"))
	mustClose(t, l)
	checkKeys(t, "entries", mustRead(t, store).Entries, "intended b")
}

func TestConcurrentAppends(t *testing.T) {
	const writers, each = 16, 20
	ctx := context.Background()
	store := &faulty{Store: NewMemory()}
	l := mustOpen(t, store, newClock().options("first"))
	// The first segment takes until all others are in line, so that they share.
	var started sync.WaitGroup
	started.Add(writers)
	var once sync.Once
	store.set(func(_ string, do func() error) error {
		once.Do(started.Wait)
		return do()
	}, nil)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			started.Done()
			for i := range each {
				name := fmt.Sprintf("w%02d-%03d", w, i)
				if err := l.Append(ctx, entry(pipeline.KindIntended, name)); err != nil {
					t.Error(err)
				}
				if err := l.Append(ctx, entry(pipeline.KindDone, name)); err != nil {
					t.Error(err)
				}
				if err := l.Renew(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	mustClose(t, l)
	s := mustRead(t, store)
	var got []string
	for w := range writers {
		for i := range each {
			name := fmt.Sprintf("w%02d-%03d", w, i)
			got = append(got, "intended "+name, "done "+name)
		}
	}
	found := keys(s.Entries)
	memory := entriesOf(l)
	if !slices.Equal(found, keys(memory)) {
		t.Error("the store and Entries differ")
	}
	slices.SortStableFunc(found, func(a, b string) int {
		_, a, _ = strings.Cut(a, " ")
		_, b, _ = strings.Cut(b, " ")
		return strings.Compare(a, b)
	})
	if !slices.Equal(found, got) {
		t.Errorf("got %d entries, not each writer's in its order: %q", len(found), found)
	}
	if s.Seq >= writers*each {
		t.Errorf("got %d segments for %d intents: nothing was shared", s.Seq, writers*each)
	}
}

func TestTwoWritersWithoutLock(t *testing.T) {
	ctx := context.Background()
	store, c := NewMemory(), newClock()
	open := func(who string) *Ledger {
		opts := c.options(who)
		opts.NoLock = true
		return mustOpen(t, store, opts)
	}
	first, second := open("first"), open("second")
	if first.Lineage() != second.Lineage() {
		t.Errorf("two lineages: %s and %s", first.Lineage(), second.Lineage())
	}
	mustAppend(t, first, entry(pipeline.KindDone, "a"))
	mustAppend(t, second, entry(pipeline.KindIntended, "b"))
	err := first.Append(ctx, entry(pipeline.KindIntended, "c"))
	if !errors.Is(err, pipeline.ErrLockLost) || !strings.Contains(err.Error(), "written by second") {
		t.Errorf("got %v, want ErrLockLost to second", err)
	}
	for what, err := range map[string]error{
		"done":  first.Append(ctx, entry(pipeline.KindDone, "d")),
		"held":  first.Held(),
		"renew": first.Renew(ctx),
		"close": first.Close(ctx),
	} {
		if !errors.Is(err, pipeline.ErrLockLost) {
			t.Errorf("%s: got %v, want ErrLockLost", what, err)
		}
	}
	mustAppend(t, second, entry(pipeline.KindIntended, "e"))
	mustClose(t, second)
	checkKeys(t, "entries", mustRead(t, store).Entries, "intended b", "intended e")
}

func TestManyWritersWithoutLock(t *testing.T) {
	for name, store := range map[string]Store{"memory": NewMemory(), "dir": NewDir(t.TempDir())} {
		const writers = 6
		c := newClock()
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				opts := c.options("writer")
				opts.NoLock = true
				l, err := Open(context.Background(), store, opts)
				for i := 0; err == nil && i < 5; i++ {
					err = l.Append(context.Background(), entry(pipeline.KindIntended, fmt.Sprint(w, i)))
				}
				errs[w] = err
			})
		}
		wg.Wait()
		winners := 0
		for _, err := range errs {
			if err == nil {
				winners++
			} else if !errors.Is(err, pipeline.ErrLockLost) {
				t.Errorf("%s: got %v, want ErrLockLost", name, err)
			}
		}
		s := mustRead(t, store) // verifies the chain
		if winners == 0 || len(s.Entries) < 5*winners {
			t.Errorf("%s: got %d winners and %d entries", name, winners, len(s.Entries))
		}
	}
}

// TestCancelledLeader checks that a caller who gives up does not fail those
// who wait for the same segment.
func TestCancelledLeader(t *testing.T) {
	store := &faulty{Store: NewMemory()}
	l := mustOpen(t, store, newClock().options("first"))
	ctx, cancel := context.WithCancel(context.Background())
	entered, release := make(chan struct{}), make(chan struct{})
	n := 0
	store.set(func(_ string, do func() error) error {
		if n++; n == 1 {
			close(entered)
			<-release
			return context.Canceled
		}
		return do()
	}, nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Append(ctx, entry(pipeline.KindIntended, "a")); !errors.Is(err, context.Canceled) {
			t.Errorf("leader: got %v, want context.Canceled", err)
		}
	})
	<-entered
	wg.Go(func() {
		if err := l.Append(context.Background(), entry(pipeline.KindIntended, "b")); err != nil {
			t.Errorf("follower: %v", err)
		}
	})
	gone, stop := context.WithCancel(context.Background())
	stop()
	if err := l.Append(gone, entry(pipeline.KindIntended, "c")); !errors.Is(err, context.Canceled) {
		t.Errorf("impatient follower: got %v, want context.Canceled", err)
	}
	cancel()
	close(release)
	wg.Wait()
	mustClose(t, l)
	got := keys(mustRead(t, store).Entries)
	slices.Sort(got)
	if want := []string{"intended a", "intended b", "intended c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFailedSegmentFailsItsFollowers checks that those who share a segment
// that cannot be stored do not each try again in turn.
func TestFailedSegmentFailsItsFollowers(t *testing.T) {
	store := &faulty{Store: NewMemory()}
	l := mustOpen(t, store, newClock().options("first"))
	mustAppend(t, l, entry(pipeline.KindDone, "a"))
	tries := 0
	store.set(func(_ string, do func() error) error { tries++; return do() }, nil)
	failed := &write{done: make(chan struct{}), upto: 1, err: errDisk}
	close(failed.done)
	l.writing = failed
	if err := l.flush(context.Background(), 1); !errors.Is(err, errDisk) || tries != 0 {
		t.Errorf("got %v after %d tries, want %v after none", err, tries, errDisk)
	}
	l.writing = nil
	mustClose(t, l)
	checkKeys(t, "entries", mustRead(t, store).Entries, "done a")
}

func TestStaleWriterAppendsOutcomesOnly(t *testing.T) {
	store, c := NewMemory(), newClock()
	l := mustOpen(t, store, c.options("first"))
	c.Advance(defaultLifetime/2 + time.Millisecond)
	if err := l.Append(context.Background(), entry(pipeline.KindIntended, "a")); !errors.Is(err, pipeline.ErrLockLost) {
		t.Errorf("intended: got %v, want ErrLockLost", err)
	}
	mustAppend(t, l, entry(pipeline.KindFailed, "b"))
	if err := l.Renew(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, entry(pipeline.KindIntended, "c"))
	mustClose(t, l)
	checkKeys(t, "entries", mustRead(t, store).Entries, "failed b", "intended c")
}
