package ledger

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

func TestUnknownOutcome(t *testing.T) {
	other := errors.New("reset by peer")
	for name, test := range map[string]struct {
		create func(string, func() error) error
		want   error // of the append
		stored bool  // right after it
	}{
		"stored, answer lost":     {after(1), nil, true},
		"lost, second try stores": {before(1), nil, true},
		"lost twice":              {before(2), errDisk, false},
		"stored late": {func() func(string, func() error) error {
			n := 0
			return func(_ string, do func() error) error {
				if n++; n <= 2 {
					return other
				}
				_ = do() // an earlier attempt arrives before the one that asks
				return do()
			}
		}(), other, false},
	} {
		store := &faulty{Store: NewMemory()}
		l := mustOpen(t, store, newClock().options("first"))
		mustAppend(t, l, entry(pipeline.KindDone, "a"))
		store.set(test.create, nil)
		if err := l.Append(context.Background(), entry(pipeline.KindIntended, "b")); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if got := len(mustRead(t, store).Entries) == 2; got != test.stored {
			t.Errorf("%s: stored %v, want %v", name, got, test.stored)
		}
		mustAppend(t, l, entry(pipeline.KindDone, "c"), entry(pipeline.KindFailed, "d"))
		mustClose(t, l)
		checkKeys(t, name, mustRead(t, store).Entries, "done a", "intended b", "done c", "failed d")
	}
}

// TestCrashAtEveryStore ends the process before and after each object that it
// stores: what Append promised is there, and a successor goes on.
func TestCrashAtEveryStore(t *testing.T) {
	errCrash := errors.New("crash")
	for at := 1; ; at++ {
		crashed := false
		for _, stored := range []bool{false, true} {
			memory, n := NewMemory(), 0
			crash := func(do func() error) error {
				if n++; n < at {
					return do()
				}
				if n == at && stored {
					_ = do()
				}
				crashed = true
				return errCrash
			}
			store := &faulty{Store: memory}
			store.set(func(_ string, do func() error) error { return crash(do) }, crash)
			var promised []string
			l, err := Open(context.Background(), store, newClock().options("first"))
			for i := 0; err == nil && i < 3; i++ {
				if err = l.Append(context.Background(), entry(pipeline.KindDone, key(i)), entry(pipeline.KindIntended, key(i))); err == nil {
					promised = append(promised, "done "+key(i), "intended "+key(i))
				}
			}
			if err == nil {
				err = l.Close(context.Background())
			}
			if crashed && !errors.Is(err, errCrash) {
				t.Fatalf("store %d: got %v, want the crash", at, err)
			}
			found := keys(mustRead(t, memory).Entries)
			if len(found) < len(promised) || !slices.Equal(found[:len(promised)], promised) {
				t.Errorf("store %d: got %q, promised %q", at, found, promised)
			}
			next := mustOpen(t, memory, newClock().options("second"))
			mustAppend(t, next, entry(pipeline.KindIntended, "z"))
			mustClose(t, next)
			checkKeys(t, "after the crash", mustRead(t, memory).Entries, append(found, "intended z")...)
		}
		if !crashed {
			if at < 6 {
				t.Errorf("only %d objects were stored", at-1)
			}
			return
		}
	}
}

func TestFoundingIsDurable(t *testing.T) {
	store := &faulty{Store: NewMemory()}
	store.set(before(2), nil)
	if _, err := Open(context.Background(), store, newClock().options("first")); !errors.Is(err, errDisk) {
		t.Fatalf("got %v, want %v", err, errDisk)
	}
	l := mustOpen(t, store, newClock().options("second")) // the lock was given back
	if s := mustRead(t, store); s.Lineage != l.Lineage() || s.Seq != 1 || len(l.Lineage()) != 36 {
		t.Errorf("got lineage %q, segment %d, want %q, 1", s.Lineage, s.Seq, l.Lineage())
	}
	mustClose(t, l)
}

func TestFoundingTogether(t *testing.T) {
	memory, c := NewMemory(), newClock()
	store := &faulty{Store: memory}
	opts := c.options("second")
	opts.NoLock = true
	var rival *Ledger
	store.set(func(_ string, do func() error) error {
		rival = mustOpen(t, memory, opts)
		return do()
	}, nil)
	l := mustOpen(t, store, c.options("first"))
	store.set(nil, nil)
	if l.Lineage() != rival.Lineage() {
		t.Errorf("got lineages %s and %s", l.Lineage(), rival.Lineage())
	}
	mustAppend(t, l, entry(pipeline.KindIntended, "a"))
	mustClose(t, l)
}

func TestSegmentThatCannotBeReadBack(t *testing.T) {
	memory := NewMemory()
	store := &faulty{Store: memory}
	l := mustOpen(t, store, newClock().options("first"))
	store.set(func(string, func() error) error { return fs.ErrExist }, nil)
	err := l.Append(context.Background(), entry(pipeline.KindIntended, "a"))
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, pipeline.ErrLockLost) {
		t.Errorf("got %v, want that it cannot be read", err)
	}
	store.set(nil, nil)
	memory.objects[segmentName(2)] = []byte("torn")
	if err := l.Append(context.Background(), entry(pipeline.KindIntended, "b")); !errors.Is(err, pipeline.ErrLockLost) {
		t.Errorf("got %v, want ErrLockLost", err)
	}
	if l.Close(context.Background()) == nil {
		t.Error("close lost entries without an error")
	}
}
