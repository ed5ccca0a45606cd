package sinktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Store checks the promises of sinks.Store on empty stores that open returns.
func Store(t *testing.T, open func(t *testing.T) sinks.Store) {
	tests := map[string]func(*testing.T, sinks.Store){
		"RoundTrip":  testRoundTrip,
		"Exists":     testExists,
		"Abort":      testAbort,
		"Keys":       testKeys,
		"Concurrent": testConcurrent,
		"List":       testList,
		"Order":      testOrder,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

var ctx = context.Background()

func put(t *testing.T, s sinks.Store, key string, data []byte, m sinks.Metadata) sinks.Object {
	t.Helper()
	o, err := s.Create(ctx, key)
	if err != nil {
		t.Fatalf("create %s: %v", key, err)
	}
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 100_000)
		if got, err := o.Write(rest[:n]); got != n || err != nil {
			t.Fatalf("write %d bytes = %d, %v", n, got, err)
		}
		rest = rest[n:]
	}
	if err := o.Prepare(ctx, m); err != nil {
		t.Fatalf("prepare %s: %v", key, err)
	}
	return o
}

func read(t *testing.T, s sinks.Store, key string) []byte {
	t.Helper()
	c, err := s.Open(ctx, key)
	if err != nil {
		t.Fatalf("open %s: %v", key, err)
	}
	defer c.Close()
	data, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()+10))
	if err != nil || int64(len(data)) != c.Size() {
		t.Fatalf("read %s: %d bytes of %d, %v", key, len(data), c.Size(), err)
	}
	return data
}

func listed(t *testing.T, s sinks.Store) map[string]int64 {
	t.Helper()
	found := make(map[string]int64)
	err := s.List(ctx, func(key string, size int64) error {
		if _, twice := found[key]; twice {
			t.Errorf("%s is listed twice", key)
		}
		found[key] = size
		return nil
	})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return found
}

func testRoundTrip(t *testing.T, s sinks.Store) {
	data := make([]byte, 3<<20+17)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	const key = "events/date=2026-01-01/a%2Fb.bin"
	m := sinks.Metadata{Lineage: "l", Query: `query.a["é"]`, Rows: 5, Schema: "s", Columns: Columns, Format: "bin", Replaces: []string{}}
	o := put(t, s, key, data, m)
	if _, err := s.Open(ctx, key); !errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("open before commit: %v, want %v", err, pipeline.ErrMissing)
	}
	if found := listed(t, s); len(found) != 0 {
		t.Errorf("list before commit: %v, want nothing", found)
	}
	if err := o.Commit(ctx); err != nil {
		t.Fatalf("commit: %v", err)
	}
	if got := read(t, s, key); !bytes.Equal(got, data) {
		t.Errorf("read back %d other bytes, want the %d written", len(got), len(data))
	}
	if got := listed(t, s)[key]; got != int64(len(data)) {
		t.Errorf("listed with %d bytes, want %d", got, len(data))
	}
	c, err := s.Open(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, ok, err := c.Metadata(ctx)
	if err != nil || !ok || (got.Columns != nil && !reflect.DeepEqual(got, m)) || got.Lineage != m.Lineage || got.Rows != m.Rows {
		t.Errorf("metadata = %+v, %v, %v, want %+v", got, ok, err, m)
	}
	part := make([]byte, 100)
	if n, err := c.ReadAt(part, 1<<20+3); n != 100 || err != nil || !bytes.Equal(part, data[1<<20+3:][:100]) {
		t.Errorf("ReadAt in the middle = %d, %v", n, err)
	}
	if n, err := c.ReadAt(part, int64(len(data))-10); n != 10 || err != io.EOF {
		t.Errorf("ReadAt at the end = %d, %v, want 10 and EOF", n, err)
	}
}

func testExists(t *testing.T, s sinks.Store) {
	first := put(t, s, "a/x.bin", []byte("first"), sinks.Metadata{Lineage: "first"})
	second := put(t, s, "a/x.bin", []byte("second"), sinks.Metadata{Lineage: "second"})
	if err := first.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.Commit(ctx); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("second commit: %v, want %v", err, pipeline.ErrExists)
	}
	if err := second.Abort(); err != nil {
		t.Errorf("abort after it: %v", err)
	}
	if got := read(t, s, "a/x.bin"); string(got) != "first" {
		t.Errorf("the key holds %q, want the first object", got)
	}
	c, err := s.Open(ctx, "a/x.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if m, ok, err := c.Metadata(ctx); m.Lineage != "first" || !ok || err != nil {
		t.Errorf("its metadata = %q, %v, %v, want that of the first", m.Lineage, ok, err)
	}
}

func testAbort(t *testing.T, s sinks.Store) {
	unwritten, err := s.Create(ctx, "a/unwritten.bin")
	if err != nil {
		t.Fatal(err)
	}
	dropped := put(t, s, "a/dropped.bin", []byte("x"), sinks.Metadata{Lineage: "l"})
	kept := put(t, s, "a/kept.bin", []byte("kept"), sinks.Metadata{Lineage: "l"})
	if err := kept.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	for _, o := range []sinks.Object{unwritten, dropped, kept} {
		for range 2 {
			if err := o.Abort(); err != nil {
				t.Errorf("abort: %v", err)
			}
		}
	}
	if err := dropped.Commit(ctx); err == nil {
		t.Error("commit after abort succeeded")
	}
	found := listed(t, s)
	delete(found, "a/_kept.bin.meta.json")
	if len(found) != 1 || string(read(t, s, "a/kept.bin")) != "kept" {
		t.Errorf("left: %v, want the committed object only", found)
	}
}

func testKeys(t *testing.T, s sinks.Store) {
	for _, key := range []string{"", "/x", "x/", "a//b", "..", "../x", "a/../x", "./x", "a/.", `a\..\x`, "a\x00b", "a\nb"} {
		if o, err := s.Create(ctx, key); err == nil {
			t.Errorf("create %q succeeded", key)
			_ = o.Abort()
		}
		if _, err := s.Open(ctx, key); err == nil {
			t.Errorf("open %q succeeded", key)
		}
	}
	if _, err := s.Open(ctx, "no/such.bin"); !errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("open of nothing: %v, want %v", err, pipeline.ErrMissing)
	}
}

// Of many that commit to one key at once, one wins; commits to other keys do
// not disturb each other.
func testConcurrent(t *testing.T, s sinks.Store) {
	const n = 16
	outcomes := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			own := fmt.Appendf(nil, "own %d", i)
			for key, data := range map[string][]byte{"a/shared.bin": own, fmt.Sprintf("a/%d/own.bin", i): own} {
				o, err := s.Create(ctx, key)
				if err == nil {
					_, err = o.Write(data)
				}
				if err == nil {
					err = o.Prepare(ctx, sinks.Metadata{Lineage: fmt.Sprint(i)})
				}
				if err == nil {
					err = o.Commit(ctx)
				}
				if key == "a/shared.bin" {
					outcomes[i] = err
				} else if err != nil {
					t.Errorf("%s: %v", key, err)
				}
			}
		})
	}
	wait.Wait()
	winner := -1
	for i, err := range outcomes {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("%d and %d both committed to one key", winner, i)
		case !errors.Is(err, pipeline.ErrExists):
			t.Errorf("commit %d: %v, want %v", i, err, pipeline.ErrExists)
		}
	}
	if want := fmt.Sprintf("own %d", winner); string(read(t, s, "a/shared.bin")) != want {
		t.Errorf("the key holds %q, want %q", read(t, s, "a/shared.bin"), want)
	}
	for i := range n {
		if got, want := read(t, s, fmt.Sprintf("a/%d/own.bin", i)), fmt.Sprintf("own %d", i); string(got) != want {
			t.Errorf("object %d holds %q", i, got)
		}
	}
}

func testList(t *testing.T, s sinks.Store) {
	if found := listed(t, s); len(found) != 0 {
		t.Errorf("an empty store lists %v", found)
	}
	for _, key := range []string{"a/1.bin", "a/b/2.bin", "_kustash/3.json", "top.bin"} {
		if err := put(t, s, key, []byte(key), sinks.Metadata{Embedded: true}).Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if sweeper, ok := s.(sinks.Sweeper); ok {
		put(t, s, "a/crashed.bin", []byte("x"), sinks.Metadata{})
		if err := sweeper.Sweep(ctx); err != nil {
			t.Errorf("sweep: %v", err)
		}
	}
	want := map[string]int64{"a/1.bin": 7, "a/b/2.bin": 9, "_kustash/3.json": 15, "top.bin": 7}
	if got := listed(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("list = %v, want %v", got, want)
	}
	stop, calls := errors.New("stop"), 0
	if err := s.List(ctx, func(string, int64) error { calls++; return stop }); err != stop || calls != 1 {
		t.Errorf("list with a failing visit: %v after %d calls, want that error after 1", err, calls)
	}
}

func testOrder(t *testing.T, s sinks.Store) {
	o, err := s.Create(ctx, "a/x.bin")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Commit(ctx); err == nil {
		t.Error("commit before prepare succeeded")
	}
	if err := o.Prepare(ctx, sinks.Metadata{Lineage: "l"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Write([]byte("late")); err == nil {
		t.Error("write after prepare succeeded")
	}
	if err := o.Commit(ctx); err != nil {
		t.Errorf("commit of an empty object: %v", err)
	}
	if got := read(t, s, "a/x.bin"); len(got) != 0 {
		t.Errorf("it holds %q, want nothing", got)
	}
}
