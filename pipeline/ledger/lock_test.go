package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// record returns the lock record in the store.
func record(t *testing.T, store Store) Lock {
	t.Helper()
	_, k, err := readLock(context.Background(), store)
	if err != nil || k == nil {
		t.Fatalf("lock: got %v, %v", k, err)
	}
	return *k
}

func TestLivingHolder(t *testing.T) {
	for name, test := range map[string]struct {
		timeout  time.Duration
		renewals time.Duration // the holder renews so often
		until    time.Duration // and no longer
		close    bool          // it closes then
		slept    time.Duration // 0: Open fails
	}{
		"seen alive, no patience":    {0, 5 * time.Second, time.Hour, false, 0},
		"seen alive, some patience":  {2 * time.Minute, 5 * time.Second, time.Hour, false, 0},
		"closes in time":             {2 * time.Minute, 5 * time.Second, time.Minute, true, time.Minute},
		"silent from the start":      {0, time.Hour, 0, false, 30 * time.Second},
		"patience below a lifetime":  {time.Second, time.Hour, 0, false, 30 * time.Second},
		"dies while somebody waits":  {2 * time.Minute, 10 * time.Second, 20 * time.Second, false, 50 * time.Second},
		"dies too late for somebody": {25 * time.Second, 10 * time.Second, 20 * time.Second, false, 0},
		"negative patience":          {-time.Second, 5 * time.Second, time.Hour, false, 0},
	} {
		ctx := context.Background()
		store, c := NewMemory(), newClock()
		first := mustOpen(t, store, c.options("first"))
		last := time.Duration(0)
		c.each = func(slept time.Duration) {
			switch {
			case slept > test.until:
			case test.close && slept == test.until:
				mustClose(t, first)
			case slept-last >= test.renewals:
				last = slept
				if err := first.Renew(ctx); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		opts := c.options("second")
		opts.LockTimeout = test.timeout
		told := 0
		opts.Waiting = func(k Lock) {
			told++
			if k.Who != "first" {
				t.Errorf("%s: waits for %v", name, k)
			}
		}
		second, err := Open(ctx, store, opts)
		if told != 1 {
			t.Errorf("%s: told %d times that it waits, want once", name, told)
		}
		if test.slept == 0 {
			if !errors.Is(err, pipeline.ErrLocked) || !strings.Contains(err.Error(), "apply by first on ") || !strings.Contains(err.Error(), "since 2026-11-22T08:30Z") {
				t.Errorf("%s: got %v, want ErrLocked by first", name, err)
			}
			if first.Held() != nil {
				t.Errorf("%s: the holder lost its lock", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if late := c.slept - test.slept; late < 0 || late > 1500*time.Millisecond {
			t.Errorf("%s: took over after %v, want %v", name, c.slept, test.slept)
		}
		if err := first.Renew(ctx); err == nil {
			t.Errorf("%s: the old holder renewed", name)
		}
		if first.Held() == nil || second.Held() != nil {
			t.Errorf("%s: held by the old %v, by the new %v", name, first.Held(), second.Held())
		}
		_ = first.Close(ctx) // must not free the lock of the second
		if k := record(t, store); k.Who != "second" || !k.held() {
			t.Errorf("%s: the lock is %+v", name, k)
		}
		mustClose(t, second)
		mustClose(t, mustOpen(t, store, c.options("third")))
	}
}

func TestHeld(t *testing.T) {
	ctx := context.Background()
	store := &faulty{Store: NewMemory()}
	c := newClock()
	l := mustOpen(t, store, c.options("first"))
	step := func(d time.Duration, held bool) {
		t.Helper()
		c.Advance(d)
		if err := l.Held(); (err == nil) != held || (err != nil && !errors.Is(err, pipeline.ErrLockLost)) {
			t.Errorf("after %v: got %v, want held %v", d, err, held)
		}
	}
	renew := func(want error) {
		t.Helper()
		if err := l.Renew(ctx); !errors.Is(err, want) {
			t.Errorf("renew: got %v, want %v", err, want)
		}
	}
	step(0, true)
	step(15*time.Second, true)
	step(1, false)
	renew(nil)
	step(0, true)
	step(4*time.Second, true)
	renew(nil)
	if k := record(t, store); k.Counter != 1 {
		t.Errorf("renewed %d times, want once: four seconds are less than a sixth", k.Counter)
	}
	step(11*time.Second, true)
	store.set(nil, func(func() error) error { return errDisk })
	renew(errDisk)
	step(1, false)
	store.set(nil, func(do func() error) error { c.Advance(16 * time.Second); return do() })
	renew(nil)
	step(0, false) // what counts is when the renewal began
	store.set(nil, nil)
	renew(nil)
	step(0, true)
	c.Advance(-time.Hour) // a clock that is set back is no renewal and no loss
	step(0, true)
	mustClose(t, l)
}

func TestRenewalOfUnknownOutcome(t *testing.T) {
	ctx := context.Background()
	store := &faulty{Store: NewMemory()}
	c := newClock()
	l := mustOpen(t, store, c.options("first"))
	c.Advance(10 * time.Second)
	store.set(nil, func(do func() error) error { _ = do(); return errDisk })
	if err := l.Renew(ctx); !errors.Is(err, errDisk) {
		t.Errorf("got %v, want %v", err, errDisk)
	}
	c.Advance(5*time.Second + 1)
	if l.Held() == nil {
		t.Error("a renewal of unknown outcome counts")
	}
	store.set(nil, nil)
	if err := l.Renew(ctx); err != nil || l.Held() != nil {
		t.Errorf("got %v, %v, want the lock back", err, l.Held())
	}
	if k := record(t, store); k.Counter != 2 {
		t.Errorf("got counter %d, want 2", k.Counter)
	}
	c.Advance(10 * time.Second)
	store.set(nil, func(func() error) error { return ErrChanged })
	if err := l.Renew(ctx); !errors.Is(err, ErrChanged) {
		t.Errorf("a store that always says changed: got %v", err)
	}
	store.set(nil, func(do func() error) error { _ = do(); return errDisk })
	if err := l.Close(ctx); !errors.Is(err, errDisk) {
		t.Errorf("close: got %v, want %v", err, errDisk)
	}
}

func TestAcquireOfUnknownOutcome(t *testing.T) {
	store, n := &faulty{Store: NewMemory()}, 0
	store.set(nil, func(do func() error) error {
		if n++; n == 1 { // as after a retry of a request that had arrived
			_ = do()
			return ErrChanged
		}
		return do()
	})
	c := newClock()
	l := mustOpen(t, store, c.options("first"))
	if c.slept != 0 {
		t.Errorf("waited %v for itself", c.slept)
	}
	mustClose(t, l)
}

func TestLostLock(t *testing.T) {
	ctx := context.Background()
	for name, steal := range map[string]func(*Memory, Lock) error{
		"taken":    func(m *Memory, k Lock) error { k.ID = "other"; return put(m, k) },
		"removed":  func(m *Memory, _ Lock) error { delete(m.objects, lockName); return nil },
		"unlocked": func(m *Memory, k Lock) error { return ForceUnlock(ctx, m, k.ID) },
	} {
		store, c := NewMemory(), newClock()
		l := mustOpen(t, store, c.options("first"))
		mustAppend(t, l, entry(pipeline.KindDone, "a"))
		if err := steal(store, record(t, store)); err != nil {
			t.Fatal(err)
		}
		c.Advance(10 * time.Second)
		for what, call := range map[string]func() error{
			"renew":  func() error { return l.Renew(ctx) },
			"append": func() error { return l.Append(ctx, entry(pipeline.KindDone, "b")) },
			"held":   l.Held,
		} {
			if what != "renew" && l.lost == nil {
				_ = l.Renew(ctx)
			}
			if err := call(); !errors.Is(err, pipeline.ErrLockLost) {
				t.Errorf("%s, %s: got %v, want ErrLockLost", name, what, err)
			}
		}
		if err := l.Close(ctx); !errors.Is(err, pipeline.ErrLockLost) {
			t.Errorf("%s: close: got %v, want ErrLockLost", name, err)
		}
		if n := len(mustRead(t, store).Entries); n != 0 {
			t.Errorf("%s: %d entries were written without the lock", name, n)
		}
	}
}

func put(m *Memory, k Lock) error {
	data, err := json.Marshal(k)
	m.objects[lockName] = data
	return err
}

func TestTornRecord(t *testing.T) {
	ctx := context.Background()
	for _, text := range []string{
		"", "{", "null", "{}", "[1]", `{"id":"x"}`, `{"id":"x","lifetime_ms":-1}`,
		`{"id":"x","lifetime_ms":9223372036854775807}`, `{"id":"x","lifetime_ms":1e99}`, "\x00\x00",
	} {
		store := small(t)
		store.objects[lockName] = []byte(text)
		_, err := Open(ctx, store, newClock().options("second"))
		if err == nil || !strings.Contains(err.Error(), "lock.json: the lock record is damaged") || !strings.Contains(err.Error(), "remove that file if no run is alive") {
			t.Errorf("%q: got %v, want what to remove", text, err)
		}
		if err := ForceUnlock(ctx, store, "x"); !errors.Is(err, errTorn) {
			t.Errorf("%q: force-unlock: got %v, want %v", text, err, errTorn)
		}
		mustRead(t, store) // which needs no lock
		opts := newClock().options("second")
		opts.NoLock = true
		mustClose(t, mustOpen(t, store, opts))
		delete(store.objects, lockName)
		mustClose(t, mustOpen(t, store, newClock().options("second")))
	}
}

func TestRecordOfLaterVersion(t *testing.T) {
	store := small(t)
	k := record(t, store)
	store.objects[lockName] = []byte(`{"later":[],"id":"x","lifetime_ms":60000,"counter":3,"seq":` + "4}")
	c := newClock()
	l := mustOpen(t, store, c.options("second"))
	if c.slept < time.Minute {
		t.Errorf("took over after %v, want the record's own lifetime of a minute", c.slept)
	}
	if got := record(t, store); got.Seq != k.Seq {
		t.Errorf("got seq %d, want %d", got.Seq, k.Seq)
	}
	mustClose(t, l)
}

func TestForceUnlock(t *testing.T) {
	ctx := context.Background()
	store, c := NewMemory(), newClock()
	if err := ForceUnlock(ctx, store, "x"); err == nil {
		t.Error("unlocked what has no lock")
	}
	_ = mustOpen(t, store, c.options("first"))
	k := record(t, store)
	if err := ForceUnlock(ctx, store, "x"); err == nil || !strings.Contains(err.Error(), k.ID) {
		t.Errorf("another id: got %v, want an error that names %s", err, k.ID)
	}
	if err := ForceUnlock(ctx, store, k.ID); err != nil {
		t.Error(err)
	}
	if err := ForceUnlock(ctx, store, k.ID); err == nil {
		t.Error("unlocked twice")
	}
	mustClose(t, mustOpen(t, store, c.options("second")))
	if c.slept != 0 {
		t.Errorf("waited %v for a free lock", c.slept)
	}
}

func TestWaitEndsWithContext(t *testing.T) {
	store, c := NewMemory(), newClock()
	first := mustOpen(t, store, c.options("first"))
	ctx, cancel := context.WithCancel(context.Background())
	c.each = func(time.Duration) { cancel() }
	if _, err := Open(ctx, store, c.options("second")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if err := first.Renew(context.Background()); err != nil {
		t.Error(err)
	}
	mustClose(t, first)
}

func TestInterruptedOpenAndCloseFreeTheLock(t *testing.T) {
	memory, c := NewMemory(), newClock()
	store := &faulty{Store: memory}
	ctx, cancel := context.WithCancel(context.Background())
	store.set(func(_ string, do func() error) error { cancel(); return context.Canceled }, nil)
	if _, err := Open(ctx, store, c.options("first")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	l := mustOpen(t, memory, c.options("second"))
	mustAppend(t, l, entry(pipeline.KindDone, "a"))
	if err := l.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close: got %v, want context.Canceled", err)
	}
	mustClose(t, mustOpen(t, memory, c.options("third")))
	if c.slept != 0 {
		t.Errorf("waited %v", c.slept)
	}
}

// TestLongReadKeepsTheLock opens a ledger whose reading takes several
// lifetimes.
func TestLongReadKeepsTheLock(t *testing.T) {
	memory, c := small(t), newClock()
	store := slowReads{memory, func() { c.Advance(14 * time.Second) }}
	l := mustOpen(t, store, c.options("second"))
	if err := l.Held(); err != nil {
		t.Error(err)
	}
	if k := record(t, memory); k.Counter < 4 {
		t.Errorf("renewed %d times while reading four segments", k.Counter)
	}
	mustClose(t, l)
}

type slowReads struct {
	*Memory
	wait func()
}

func (s slowReads) Read(ctx context.Context, name string) ([]byte, error) {
	if isSegment(name) {
		s.wait()
	}
	return s.Memory.Read(ctx, name)
}

func TestSleep(t *testing.T) {
	if err := pipeline.Sleep(context.Background(), time.Millisecond); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := pipeline.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
