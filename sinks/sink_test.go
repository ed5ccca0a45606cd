package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/sinktest"
)

var ctx = context.Background()

func formatCSV(t *testing.T, o csv.Options) sinks.Format {
	t.Helper()
	f, err := csv.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t *testing.T, o sinks.Options) *sinks.Sink {
	t.Helper()
	if o.Format == nil {
		o.Format = formatCSV(t, csv.Options{})
	}
	s, err := sinks.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write brings an object as far as it goes.
func write(s pipeline.Sink, f pipeline.File, rows []sinktest.Row) (pipeline.Receipt, error) {
	tx, err := s.Begin(ctx, f)
	if err != nil {
		return pipeline.Receipt{}, err
	}
	defer tx.Abort()
	for _, rec := range sinktest.Records(f.Columns, rows, 7) {
		if err := tx.Write(rec); err != nil {
			return pipeline.Receipt{}, err
		}
	}
	r, err := tx.Prepare(ctx)
	if err != nil {
		return r, err
	}
	return r, tx.Commit(ctx)
}

var errDisk = errors.New("input/output error")

// Whichever step fails, the error comes back, nothing is visible, and the next
// attempt succeeds.
func TestFaults(t *testing.T) {
	for _, step := range []string{"create", "write", "prepare", "commit"} {
		memory := sinktest.NewMemory()
		broken := true
		s := open(t, sinks.Options{Store: &sinktest.Faulty{Store: memory, Fail: func(at string) error {
			if broken && at == step {
				return errDisk
			}
			return nil
		}}})
		f := sinktest.File(1, sinktest.Columns)
		if _, err := write(s, f, sinktest.RandomRows(20, 1)); !errors.Is(err, errDisk) {
			t.Errorf("%s: %v, want %v", step, err, errDisk)
		}
		if err := s.List(ctx, func(key string, _ int64) error { return fmt.Errorf("%s is visible", key) }); err != nil {
			t.Errorf("%s: %v", step, err)
		}
		broken = false
		r, err := write(s, f, sinktest.RandomRows(20, 1))
		if err != nil {
			t.Errorf("%s: the next attempt: %v", step, err)
		}
		if err := s.Verify(ctx, r); err != nil {
			t.Error(err)
		}
	}
}

// A commit whose outcome got lost is found by Verify.
func TestLostWord(t *testing.T) {
	s := open(t, sinks.Options{Store: &sinktest.Faulty{Store: sinktest.NewMemory(),
		Fail: func(string) error { return nil }, After: func(string) error { return errDisk }}})
	r, err := write(s, sinktest.File(1, sinktest.Columns), sinktest.RandomRows(5, 1))
	if !errors.Is(err, errDisk) {
		t.Fatalf("commit: %v, want %v", err, errDisk)
	}
	if err := s.Verify(ctx, r); err != nil {
		t.Errorf("verify: %v", err)
	}
	if err := s.Fence(ctx, sinktest.File(1, sinktest.Columns), r.Key); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("fence: %v, want %v", err, pipeline.ErrExists)
	}
}

func TestBeginRefuses(t *testing.T) {
	s := open(t, sinks.Options{Store: sinktest.NewMemory()})
	tests := map[string]struct {
		change func(*pipeline.File)
		want   string
	}{
		"no columns":         {func(f *pipeline.File) { f.Columns = nil }, "without columns"},
		"column like folder": {func(f *pipeline.File) { f.Columns = pipeline.Schema{{Name: "DATE", Type: pipeline.Long}} }, "the column DATE"},
		"two folders":        {func(f *pipeline.File) { f.Slice.Window.End = f.Slice.Window.End.Add(100) }, "beyond its folder, which ends at 2026-01-02T00:00Z"},
		"long key": {func(f *pipeline.File) { f.Slice.Query.Address = `query.a["` + strings.Repeat("é", 100) + `"]` },
			"name of 600 bytes"},
	}
	for name, test := range tests {
		f := sinktest.File(1, sinktest.Columns)
		test.change(&f)
		if _, err := s.Begin(ctx, f); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
	}
	renamed := sinktest.File(1, pipeline.Schema{{Name: "date", As: "date_2", Type: pipeline.Long}})
	if tx, err := s.Begin(ctx, renamed); err != nil {
		t.Errorf("a column with another name in files: %v", err)
	} else if err := tx.Abort(); err != nil {
		t.Error(err)
	}
}

func TestWriteRefuses(t *testing.T) {
	s := open(t, sinks.Options{Store: sinktest.NewMemory()})
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.String}}
	begin := func() pipeline.Tx {
		tx, err := s.Begin(ctx, sinktest.File(1, columns))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tx.Abort() })
		return tx
	}
	if err := begin().Write(sinktest.Record(columns[:1], []sinktest.Row{{"x"}})); err == nil {
		t.Error("a record with other columns was taken")
	}
	tx := begin()
	if err := tx.Write(sinktest.Record(columns, []sinktest.Row{{"x", "y"}})); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []sinktest.Row{{"ok", "b\xff"}, {"\xe2\x82", "\xac"}} {
		err := begin().Write(sinktest.Record(columns, []sinktest.Row{{nil, "é"}, bad}))
		if err == nil || !strings.Contains(err.Error(), "row 2") || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%q: %v, want an error with the row", bad, err)
		}
	}
	whole := sinktest.Record(columns, []sinktest.Row{{"\xe2\x82", "x"}, {"\xac", "x"}}) // one character in two values
	if err := begin().Write(whole); err == nil || !strings.Contains(err.Error(), "column a, row 1") {
		t.Errorf("half a character: %v", err)
	}
	if err := tx.Write(sinktest.Record(columns, []sinktest.Row{{"\xff", nil}})); err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("in the second record: %v, want an error with row 2 of the file", err)
	}
	if _, err := tx.Prepare(ctx); err == nil {
		t.Error("the file was completed after a record was refused")
	}
}

// Objects in the format of yesterday are verified and fenced as what they are.
func TestFormatChange(t *testing.T) {
	lines, err := jsonl.New(jsonl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	off := false
	store := sinktest.NewMemory()
	f := sinktest.File(1, sinktest.Columns)
	before := open(t, sinks.Options{Store: store, Format: formatCSV(t, csv.Options{Header: &off})})
	r, err := write(before, f, sinktest.RandomRows(9, 1))
	if err != nil {
		t.Fatal(err)
	}
	withHeader := open(t, sinks.Options{Store: store})
	if err := withHeader.Verify(ctx, r); err != nil {
		t.Errorf("with another setting: %v", err)
	}
	after := open(t, sinks.Options{Store: store, Format: lines, Readers: []sinks.Format{formatCSV(t, csv.Options{})}})
	if err := after.Verify(ctx, r); err != nil {
		t.Errorf("with another format: %v", err)
	}
	fenced := strings.Replace(r.Key, "-f1-", "-f2-", 1)
	if err := after.Fence(ctx, f, fenced); err != nil {
		t.Fatal(err)
	}
	if got := store.Bytes(fenced); !strings.HasPrefix(string(got), "TimeGenerated,flag,") {
		t.Errorf("the fence of a CSV file holds %q", got)
	}
	unknown := open(t, sinks.Options{Store: store, Format: lines})
	if err := unknown.Verify(ctx, r); err != nil {
		t.Errorf("with a format that nobody knows, by size and hash: %v", err)
	}
	if err := unknown.Fence(ctx, f, fenced); err == nil {
		t.Error("a fence in a format that nobody knows succeeded")
	}
}

func TestMarker(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "damaged",
		"{":                                      "damaged",
		"{}":                                     "damaged",
		`{"format_version":2,"lineage":"l"}`:     "newer kustash",
		`{"format_version":1,"lineage":"other"}`: "belongs to the ledger with lineage other",
	} {
		store := sinktest.NewMemory()
		s := open(t, sinks.Options{Store: store})
		if err := s.Enroll(ctx, "l"); err != nil {
			t.Fatal(err)
		}
		store.Change("_kustash/lineage.json", func([]byte) []byte { return []byte(text) })
		if err := s.Enroll(ctx, "l"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
}

// One place has one identity: under another the ledger would not know what it
// holds.
func TestMarkerIdentity(t *testing.T) {
	store := sinktest.NewMemory()
	for _, step := range []struct{ identity, want string }{
		{"local:a", ""}, {"local:a", ""}, {"local:b", "knows the archive here as local:a"}, {"", ""},
	} {
		err := open(t, sinks.Options{Store: store, Identity: step.identity}).Enroll(ctx, "l")
		if (err == nil) != (step.want == "") || (err != nil && !strings.Contains(err.Error(), step.want)) {
			t.Errorf("enroll as %q: %v, want %q", step.identity, err, step.want)
		}
	}
}

// A place that has the marker but takes no objects is noticed before a run.
func TestEnrollProbes(t *testing.T) {
	full := false
	s := open(t, sinks.Options{Store: &sinktest.Faulty{Store: sinktest.NewMemory(), Fail: func(step string) error {
		if full && step == "prepare" {
			return errDisk
		}
		return nil
	}}})
	if err := s.Enroll(ctx, "l"); err != nil {
		t.Fatal(err)
	}
	full = true
	if err := s.Enroll(ctx, "l"); !errors.Is(err, errDisk) {
		t.Errorf("enroll on a full disk: %v, want %v", err, errDisk)
	}
}

func TestVerifyOddReceipts(t *testing.T) {
	s := open(t, sinks.Options{Store: sinktest.NewMemory()})
	if err := s.Verify(ctx, pipeline.Receipt{}); err != nil {
		t.Errorf("a slice without rows left no object: %v", err)
	}
	if err := s.Verify(ctx, pipeline.Receipt{Key: "../../etc/passwd"}); err == nil || errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("a key outside: %v, want an error about the key", err)
	}
	if err := s.Fence(ctx, sinktest.File(1, sinktest.Columns), "../x.csv"); err == nil {
		t.Error("a fence outside succeeded")
	}
}

func TestListHidesNoData(t *testing.T) {
	store := sinktest.NewMemory()
	s := open(t, sinks.Options{Store: store})
	f := sinktest.File(1, sinktest.Columns)
	f.Slice.Query.Address = `query.a["_x"]`
	f.Slice.Window.End = f.Slice.Window.Start.Add(time.Hour)
	r, err := write(s, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	if err := s.List(ctx, func(key string, _ int64) error { found = append(found, key); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, []string{r.Key}) {
		t.Errorf("list = %v, want %s", found, r.Key)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := sinks.New(sinks.Options{}); err == nil {
		t.Error("a sink of nothing was made")
	}
}
