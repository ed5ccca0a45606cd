// Package ledgertest checks that a ledger.Store keeps its promises.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/kustash/kustash/pipeline/ledger"
)

// Store runs the suite. open returns an empty store each time it is called.
func Store(t *testing.T, open func(t *testing.T) ledger.Store) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, ledger.Store){
		"create":             create,
		"list":               list,
		"list numbered":      numbered,
		"swap":               swap,
		"delete":             remove,
		"cancelled":          cancelled,
		"one creator wins":   oneCreator,
		"no swap is dropped": everySwap,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

func create(t *testing.T, s ledger.Store) {
	ctx := context.Background()
	if _, err := s.Read(ctx, "ledger/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read of nothing: got %v, want fs.ErrNotExist", err)
	}
	data := []byte("one\x00\n")
	if err := s.Create(ctx, "ledger/a", data); err != nil {
		t.Fatal(err)
	}
	data[0] = 'X'
	if err := s.Create(ctx, "ledger/a", []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second create: got %v, want fs.ErrExist", err)
	}
	if err := s.Create(ctx, "ledger/empty", nil); err != nil {
		t.Fatal(err)
	}
	want(t, s, "ledger/a", "one\x00\n")
	want(t, s, "ledger/empty", "")
}

func list(t *testing.T, s ledger.Store) {
	ctx := context.Background()
	expect := func(after string, names ...string) {
		t.Helper()
		got, err := s.List(ctx, "ledger/", after)
		if err != nil || !slices.Equal(got, names) {
			t.Errorf("list after %q: got %q, %v, want %q", after, got, err, names)
		}
	}
	expect("")
	for _, name := range []string{"ledger/b", "other/c", "ledger/a1", "ledgers/d", "ledger/b.jsonl", "ledger/a", "ledger/x/y"} {
		if err := s.Create(ctx, name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Swap(ctx, "lock.json", nil, []byte("1")); err != nil {
		t.Fatal(err)
	}
	expect("", "ledger/a", "ledger/a1", "ledger/b", "ledger/b.jsonl")
	expect("ledger/", "ledger/a", "ledger/a1", "ledger/b", "ledger/b.jsonl")
	expect("ledger/a", "ledger/a1", "ledger/b", "ledger/b.jsonl")
	expect("ledger/a0", "ledger/a1", "ledger/b", "ledger/b.jsonl")
	expect("ledger/b", "ledger/b.jsonl")
	expect("ledger/b.jsonl")
	expect("m")
}

// numbered lists names as those of segments are, up to where the digits carry.
func numbered(t *testing.T, s ledger.Store) {
	ctx := context.Background()
	var names []string
	for _, n := range []int{1, 2, 9, 10, 11, 99, 100, 101, 999, 1000, 1001} {
		names = append(names, fmt.Sprintf("ledger/%020d.jsonl", n))
	}
	for _, i := range rand.Perm(len(names)) {
		if err := s.Create(ctx, names[i], nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, after := range names {
		got, err := s.List(ctx, "ledger/", after)
		if err != nil || !slices.Equal(got, names[i+1:]) {
			t.Errorf("list after %s: got %q, %v, want %q", after, got, err, names[i+1:])
		}
	}
}

func swap(t *testing.T, s ledger.Store) {
	ctx := context.Background()
	for i, step := range []struct {
		old, data []byte
		want      error
	}{
		{[]byte("x"), []byte("a"), ledger.ErrChanged},
		{[]byte{}, []byte("a"), ledger.ErrChanged},
		{nil, []byte("a"), nil},
		{nil, []byte("b"), ledger.ErrChanged},
		{[]byte("b"), []byte("c"), ledger.ErrChanged},
		{[]byte("a"), []byte{}, nil},
		{nil, []byte("d"), ledger.ErrChanged},
		{[]byte{}, []byte("e"), nil},
	} {
		if err := s.Swap(ctx, "lock.json", step.old, step.data); !errors.Is(err, step.want) {
			t.Errorf("swap %d: got %v, want %v", i, err, step.want)
		}
	}
	want(t, s, "lock.json", "e")
}

func remove(t *testing.T, s ledger.Store) {
	ctx := context.Background()
	const name, other = "checkpoints/a", "checkpoints/b"
	if err := s.Delete(ctx, name); err != nil {
		t.Errorf("delete of nothing: got %v, want nil", err)
	}
	for _, data := range []string{"one", "two"} {
		for _, name := range []string{name, other + data} {
			if err := s.Create(ctx, name, []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
		want(t, s, name, data)
		if err := s.Delete(ctx, name); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(ctx, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read of what was deleted: got %v, want fs.ErrNotExist", err)
		}
	}
	got, err := s.List(ctx, "checkpoints/", "")
	if names := []string{other + "one", other + "two"}; err != nil || !slices.Equal(got, names) {
		t.Errorf("list: got %q, %v, want %q", got, err, names)
	}
}

func cancelled(t *testing.T, s ledger.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, readErr := s.Read(ctx, "ledger/a")
	_, listErr := s.List(ctx, "ledger/", "")
	for i, err := range []error{
		s.Create(ctx, "ledger/a", nil), s.Swap(ctx, "lock.json", nil, nil), s.Delete(ctx, "checkpoints/a"), readErr, listErr,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d: got %v, want context.Canceled", i, err)
		}
	}
}

func oneCreator(t *testing.T, s ledger.Store) {
	const writers = 8
	errs := together(writers, func(i int) error {
		return s.Create(context.Background(), "ledger/a", fmt.Append(nil, i))
	})
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("both %d and %d created the object", winner, i)
		case !errors.Is(err, fs.ErrExist):
			t.Errorf("writer %d: got %v, want fs.ErrExist", i, err)
		}
	}
	want(t, s, "ledger/a", fmt.Sprint(winner))
}

// everySwap lets writers lengthen one object: none of their bytes may go.
func everySwap(t *testing.T, s ledger.Store) {
	const writers, each = 4, 5
	ctx := context.Background()
	if err := s.Swap(ctx, "lock.json", nil, []byte("|")); err != nil {
		t.Fatal(err)
	}
	errs := together(writers, func(i int) error {
		for done := 0; done < each; {
			old, err := s.Read(ctx, "lock.json")
			if err != nil {
				return err
			}
			err = s.Swap(ctx, "lock.json", old, fmt.Appendf(old[:len(old):len(old)], "%d", i))
			switch {
			case err == nil:
				done++
			case !errors.Is(err, ledger.ErrChanged):
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	got, err := s.Read(ctx, "lock.json")
	if err != nil || len(got) != 1+writers*each {
		t.Errorf("got %q, %v, want %d bytes", got, err, 1+writers*each)
	}
}

func together(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return errs
}

func want(t *testing.T, s ledger.Store, name, data string) {
	t.Helper()
	got, err := s.Read(context.Background(), name)
	if err != nil || got == nil || string(got) != data {
		t.Errorf("read %s: got %q, %v, want %q", name, got, err, data)
	}
}
