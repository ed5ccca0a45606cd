package sinktest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Sink checks the promises of pipeline.Sink, pipeline.Tx and pipeline.Lister
// for a format in stores that open returns.
func Sink(t *testing.T, format sinks.Format, open func(t *testing.T) sinks.Store) {
	tests := map[string]func(*testing.T, *sinks.Sink){
		"Commit":     testCommit,
		"Second":     testSecondCommit,
		"Aborted":    testAborted,
		"Fence":      testFence,
		"Remove":     testRemove,
		"LateWriter": testLateWriter,
		"Enroll":     testEnroll,
		"Parallel":   testParallel,
		"Cancelled":  testCancelled,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := sinks.New(sinks.Options{Format: format, Store: open(t)})
			if err != nil {
				t.Fatal(err)
			}
			test(t, s)
		})
	}
}

func keys(t *testing.T, s pipeline.Lister) []string {
	t.Helper()
	var found []string
	if err := s.List(ctx, func(key string, _ int64) error { found = append(found, key); return nil }); err != nil {
		t.Fatalf("list: %v", err)
	}
	return found
}

func testCommit(t *testing.T, s *sinks.Sink) {
	rows := append(Extremes(), RandomRows(2000, 7)...)
	f := File(1, Columns)
	f.Number, f.Slice.Part = 2, "a7"
	tx, r := prepare(t, s, f, Records(Columns, rows, 300))
	want := pipeline.Receipt{Key: r.Key, Window: f.Slice.Window, Part: "a7", Cut: f.Slice.Cut, Rows: int64(len(rows)),
		Bytes: r.Bytes, SHA256: r.SHA256, Fingerprint: "fp1:0123", Schema: Columns.Hash(), Number: 2}
	if r != want || r.Bytes == 0 || len(r.SHA256) != 64 {
		t.Errorf("receipt %+v\nwant %+v", r, want)
	}
	if !strings.HasPrefix(r.Key, "events/SigninLogs/date=2026-01-01/20260101T000000.0000000Z-20260102T000000.0000000Z-ha7-f3-") {
		t.Errorf("key %s", r.Key)
	}
	if err := s.Verify(ctx, r); !errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("verify before commit: %v, want %v", err, pipeline.ErrMissing)
	}
	if found := keys(t, s); len(found) != 0 {
		t.Errorf("list before commit: %v", found)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := tx.Abort(); err != nil {
			t.Errorf("abort after commit: %v", err)
		}
	}
	if err := s.Verify(ctx, r); err != nil {
		t.Errorf("verify: %v", err)
	}
	if found := keys(t, s); len(found) != 1 || found[0] != r.Key {
		t.Errorf("list = %v, want %s", found, r.Key)
	}
	for what, spoil := range map[string]func(*pipeline.Receipt){
		"rows":        func(r *pipeline.Receipt) { r.Rows-- },
		"bytes":       func(r *pipeline.Receipt) { r.Bytes++ },
		"hash":        func(r *pipeline.Receipt) { r.SHA256 = strings.Repeat("0", 64) },
		"schema":      func(r *pipeline.Receipt) { r.Schema = "0123456789abcdef" },
		"window":      func(r *pipeline.Receipt) { r.End = r.End.Add(1e6) },
		"part":        func(r *pipeline.Receipt) { r.Part = "a8" },
		"cut":         func(r *pipeline.Receipt) { r.To = r.To.Add(100) },
		"fingerprint": func(r *pipeline.Receipt) { r.Fingerprint = "fp1:other" },
	} {
		other := r
		spoil(&other)
		if err := s.Verify(ctx, other); !errors.Is(err, pipeline.ErrMismatch) {
			t.Errorf("verify with other %s: %v, want %v", what, err, pipeline.ErrMismatch)
		}
	}
}

func testSecondCommit(t *testing.T, s *sinks.Sink) {
	first, r := prepare(t, s, File(1, Columns), Records(Columns, RandomRows(10, 1), 10))
	second, other := prepare(t, s, File(1, Columns), Records(Columns, RandomRows(20, 2), 10))
	if r.Key != other.Key {
		t.Fatalf("the keys %s and %s of one slice and number differ", r.Key, other.Key)
	}
	if err := first.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.Commit(ctx); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("second commit: %v, want %v", err, pipeline.ErrExists)
	}
	if err := second.Abort(); err != nil {
		t.Errorf("abort: %v", err)
	}
	if err := s.Verify(ctx, r); err != nil {
		t.Errorf("the first after it: %v", err)
	}
	if err := s.Verify(ctx, other); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("the second: %v, want %v", err, pipeline.ErrMismatch)
	}
}

func testAborted(t *testing.T, s *sinks.Sink) {
	begun, err := s.Begin(ctx, File(1, Columns))
	if err != nil {
		t.Fatal(err)
	}
	written, err := s.Begin(ctx, File(2, Columns))
	if err != nil {
		t.Fatal(err)
	}
	if err := written.Write(Record(Columns, Extremes())); err != nil {
		t.Fatal(err)
	}
	prepared, r := prepare(t, s, File(3, Columns), Records(Columns, Extremes(), 9))
	for _, tx := range []pipeline.Tx{begun, written, prepared} {
		for range 2 {
			if err := tx.Abort(); err != nil {
				t.Errorf("abort: %v", err)
			}
		}
		if err := tx.Commit(ctx); err == nil {
			t.Error("commit after abort succeeded")
		}
		if err := tx.Write(Record(Columns, nil)); err == nil {
			t.Error("write after abort succeeded")
		}
	}
	if err := s.Verify(ctx, r); !errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("verify after abort: %v, want %v", err, pipeline.ErrMissing)
	}
}

func testFence(t *testing.T, s *sinks.Sink) {
	f := File(1, Columns)
	tx, r := prepare(t, s, f, Records(Columns, RandomRows(10, 1), 10))
	if err := s.Fence(ctx, f, r.Key); err != nil {
		t.Fatalf("fence: %v", err)
	}
	if err := tx.Commit(ctx); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("commit behind a fence: %v, want %v", err, pipeline.ErrExists)
	}
	if err := tx.Abort(); err != nil {
		t.Error(err)
	}
	if err := s.Verify(ctx, r); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("verify of the fence: %v, want %v", err, pipeline.ErrMismatch)
	}
	if err := s.Fence(ctx, f, r.Key); err != nil {
		t.Errorf("fence again, after a crash before it was recorded: %v", err)
	}
	full, r := prepare(t, s, File(2, Columns), Records(Columns, RandomRows(10, 1), 10))
	if err := full.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Fence(ctx, File(2, Columns), r.Key); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("fence over rows: %v, want %v", err, pipeline.ErrExists)
	}
	if err := s.Verify(ctx, r); err != nil {
		t.Errorf("the rows after it: %v", err)
	}
}

// testRemove takes an object back, as is done with a part of an instant of
// which others never came, and holds its name.
func testRemove(t *testing.T, s *sinks.Sink) {
	tx, r := prepare(t, s, File(1, Columns), Records(Columns, RandomRows(10, 1), 10))
	if err := s.Remove(ctx, r); !errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("remove before commit: %v, want %v", err, pipeline.ErrMissing)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	other := r
	other.Rows++
	if err := s.Remove(ctx, other); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("remove of another object: %v, want %v", err, pipeline.ErrMismatch)
	}
	if err := s.Verify(ctx, r); err != nil {
		t.Errorf("verify after a refused removal: %v", err)
	}
	if err := s.Remove(ctx, r); err != nil {
		t.Fatalf("remove: %v", err)
	}
	if err := s.Verify(ctx, r); !errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("verify after the removal: %v, want %v", err, pipeline.ErrMissing)
	}
	if found := keys(t, s); len(found) != 0 {
		t.Errorf("list after the removal: %v", found)
	}
	if err := s.Fence(ctx, File(1, Columns), r.Key); err != nil {
		t.Errorf("fence after the removal: %v", err)
	}
}

// testLateWriter crashes between intent and commit, as far as a sink sees it:
// the next run takes another number, and the late commit changes nothing.
func testLateWriter(t *testing.T, s *sinks.Sink) {
	f := File(1, Columns)
	late, lost := prepare(t, s, f, Records(Columns, RandomRows(10, 1), 10))
	if err := s.Fence(ctx, f, lost.Key); err != nil {
		t.Fatal(err)
	}
	f.Number++
	tx, r := prepare(t, s, f, Records(Columns, RandomRows(10, 1), 10))
	if r.Key == lost.Key {
		t.Fatalf("the next attempt has the key of the fence, %s", r.Key)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := late.Commit(ctx); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("late commit: %v, want %v", err, pipeline.ErrExists)
	}
	if err := s.Verify(ctx, r); err != nil {
		t.Error(err)
	}
}

func testEnroll(t *testing.T, s *sinks.Sink) {
	for range 2 {
		if err := s.Enroll(ctx, "lineage-1"); err != nil {
			t.Fatalf("enroll: %v", err)
		}
	}
	err := s.Enroll(ctx, "lineage-2")
	if err == nil || !strings.Contains(err.Error(), "lineage-1") || !strings.Contains(err.Error(), "lineage-2") {
		t.Errorf("enroll of another ledger: %v, want an error that names both", err)
	}
	if err := s.Enroll(ctx, ""); err == nil {
		t.Error("enroll without a lineage succeeded")
	}
	if found := keys(t, s); len(found) != 0 {
		t.Errorf("the marker is listed as data: %v", found)
	}
}

func testParallel(t *testing.T, s *sinks.Sink) {
	var wait sync.WaitGroup
	for day := 1; day <= 8; day++ {
		wait.Go(func() {
			if err := writeAll(s, day, Records(Columns, RandomRows(500, uint64(day)), 100)); err != nil {
				t.Errorf("day %d: %v", day, err)
			}
		})
	}
	wait.Wait()
	if found := keys(t, s); len(found) != 8 {
		t.Errorf("list = %v, want 8 objects", found)
	}
}

func testCancelled(t *testing.T, s *sinks.Sink) {
	tx, r := prepare(t, s, File(1, Columns), Records(Columns, RandomRows(10, 1), 10))
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := tx.Commit(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v, want %v", err, context.Canceled)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatalf("commit after it: %v", err)
	}
	if err := s.Verify(stopped, r); !errors.Is(err, context.Canceled) {
		t.Errorf("verify: %v, want %v and no word about the object", err, context.Canceled)
	}
}
