package sinks_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/local"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sinks/sinktest"
)

// formats returns one of each kind.
func formats(t testing.TB) map[string]sinks.Format {
	t.Helper()
	made := make(map[string]sinks.Format)
	add := func(f sinks.Format, err error) {
		if err != nil {
			t.Fatal(err)
		}
		made[f.Ext()] = f
	}
	c, err := csv.New(csv.Options{})
	add(c, err)
	c, err = csv.New(csv.Options{Compression: "gzip"})
	add(c, err)
	j, err := jsonl.New(jsonl.Options{})
	add(j, err)
	j, err = jsonl.New(jsonl.Options{Compression: "zstd"})
	add(j, err)
	p, err := parquet.New(parquet.Options{})
	add(p, err)
	return made
}

func ignore(arrow.Record) error { return nil }

// An object that cannot be read is not called another one: verify would tell
// of damage, a rebuild would leave it out, and recovery would make a conflict
// of it.
func TestReadErrorIsNoMismatch(t *testing.T) {
	for name, format := range formats(t) {
		reads, failAt := 0, 0
		s := open(t, sinks.Options{Format: format, Store: &sinktest.Faulty{Store: sinktest.NewMemory(), Fail: func(step string) error {
			if step == "read" {
				if reads++; reads == failAt {
					return errDisk
				}
			}
			return nil
		}}})
		r, err := write(s, sinktest.File(1, sinktest.Columns), sinktest.RandomRows(50, 1))
		if err != nil {
			t.Fatal(err)
		}
		for what, of := range map[string]struct {
			read   func() error
			passes int // over the object, at least
		}{
			"verify":    {func() error { return s.Verify(ctx, r) }, 2},
			"read back": {func() error { return s.ReadBack(ctx, r, sinktest.Columns, ignore) }, 2},
			"describe":  {func() error { _, err := s.Describe(ctx, r.Key); return err }, 1},
		} {
			for failAt = 1; ; failAt++ {
				reads = 0
				err := of.read()
				if reads < failAt {
					if err != nil {
						t.Errorf("%s, %s undisturbed: %v", name, what, err)
					}
					break
				}
				if !errors.Is(err, errDisk) || errors.Is(err, pipeline.ErrMismatch) {
					t.Errorf("%s, %s, read %d fails: %v, want %v", name, what, failAt, err, errDisk)
				}
			}
			if failAt <= of.passes {
				t.Errorf("%s, %s: only %d reads, so the test has shown nothing about the last pass", name, what, failAt-1)
			}
		}
	}
}

func TestReadBackRefuses(t *testing.T) {
	renamed := append(pipeline.Schema{}, sinktest.Columns...)
	renamed[2].Name = "other"
	all := formats(t)
	for name, format := range all {
		store := sinktest.NewMemory()
		s := open(t, sinks.Options{Format: format, Store: store})
		r, err := write(s, sinktest.File(1, sinktest.Columns), sinktest.RandomRows(20, 1))
		if err != nil {
			t.Fatal(err)
		}
		fewer := r
		fewer.Rows--
		absent := r
		absent.Key = strings.Replace(r.Key, "-f1-", "-f2-", 1)
		unknown := open(t, sinks.Options{Format: all["csv"], Store: store})
		if name == "csv" {
			unknown = open(t, sinks.Options{Format: all["jsonl"], Store: store})
		}
		for what, test := range map[string]struct {
			sink    *sinks.Sink
			receipt pipeline.Receipt
			columns pipeline.Schema
			want    error // nil: any
		}{
			"other columns":  {s, r, renamed, pipeline.ErrMismatch},
			"other rows":     {s, fewer, sinktest.Columns, pipeline.ErrMismatch},
			"absent":         {s, absent, sinktest.Columns, pipeline.ErrMissing},
			"outside":        {s, pipeline.Receipt{Key: "../x.csv"}, sinktest.Columns, nil},
			"unknown format": {unknown, r, sinktest.Columns, nil},
		} {
			err := test.sink.ReadBack(ctx, test.receipt, test.columns, func(arrow.Record) error {
				t.Errorf("%s, %s: rows were handed over", name, what)
				return nil
			})
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%s, %s: %v, want %v", name, what, err, test.want)
			}
		}
	}
}

// Whether dynamic values come back is a matter of the settings that the object
// was written with, whatever those of the sink are today.
func TestReadBackInexact(t *testing.T) {
	text, err := jsonl.New(jsonl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	json, err := jsonl.New(jsonl.Options{Dynamic: "json"})
	if err != nil {
		t.Fatal(err)
	}
	store := sinktest.NewMemory()
	r, err := write(open(t, sinks.Options{Format: json, Store: store}), sinktest.File(1, sinktest.Columns), sinktest.RandomRows(20, 1))
	if err != nil {
		t.Fatal(err)
	}
	err = open(t, sinks.Options{Format: text, Store: store}).ReadBack(ctx, r, sinktest.Columns, func(arrow.Record) error {
		t.Error("rows were handed over")
		return nil
	})
	if !errors.Is(err, pipeline.ErrInexact) || errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("written as JSON: %v, want %v", err, pipeline.ErrInexact)
	}
	plain := sinktest.Columns[:len(sinktest.Columns)-1] // without the dynamic one
	var rows []sinktest.Row
	for _, row := range sinktest.RandomRows(20, 1) {
		rows = append(rows, row[:len(plain)])
	}
	r, err = write(open(t, sinks.Options{Format: json, Store: store}), sinktest.File(2, plain), rows)
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t, sinks.Options{Format: text, Store: store}).ReadBack(ctx, r, plain, ignore); err != nil {
		t.Errorf("written as JSON without dynamic values: %v", err)
	}
}

// copied are rows that every format holds, and that are hard on some.
func copied() []sinktest.Row {
	rows := append(sinktest.Extremes(), sinktest.RandomRows(5000, 3)...)
	hard := slices.Clone(rows[0])
	hard[0], hard[8] = "2026-01-01T00:00:00.1200000Z", "2026-01-01T00:00:00.0000000Z" // with zeros that the service does not send
	hard[5] = "-1234567890.123456789012345678901234"
	hard[6], hard[7] = strings.Repeat("a\"\r\n,\\ 🚀", 100_000), "🚀"
	hard[10] = "-12.00:00:00.1000000"
	hard[12] = `{"a":"say \"hi \\\" there\"","b":[null,"",1e400,"\u00e9\n"]}`
	return append(rows, hard)
}

// Rows that are read from a file of any format and written in any other are the
// same rows.
func TestCopies(t *testing.T) {
	made := formats(t)
	off := false
	made["csv header=false"] = formatCSV(t, csv.Options{Header: &off})
	made["csv in a dialect"] = formatCSV(t, csv.Options{Delimiter: ";", Null: "NULL", Newline: "escape", Formulas: "neutralise"})
	exact, err := parquet.New(parquet.Options{Compression: "snappy", Datetime: "string"})
	if err != nil {
		t.Fatal(err)
	}
	made["parquet string"] = exact

	want := sinktest.Records(sinktest.Columns, copied(), 1000)
	f := sinktest.File(1, sinktest.Columns)
	put := func(t *testing.T, format sinks.Format, records []arrow.Record) (*sinks.Sink, pipeline.Receipt) {
		t.Helper()
		s := open(t, sinks.Options{Format: format, Store: sinktest.NewMemory()})
		tx, err := s.Begin(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			if err := tx.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
		r, err := tx.Prepare(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		return s, r
	}
	for from := range made {
		s, r := put(t, made[from], want)
		read := sinktest.ReadBack(t, s, r, sinktest.Columns)
		for to := range made {
			t.Run(from+" to "+to, func(t *testing.T) {
				s, r := put(t, made[to], read)
				if err := s.Verify(ctx, r); err != nil {
					t.Error(err)
				}
				sinktest.SameValues(t, sinktest.Columns, sinktest.ReadBack(t, s, r, sinktest.Columns), want)
			})
		}
	}
}

// What reading back takes does not grow with the object, nor with its cells
// beyond a few of them.
func TestReadBackMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 160 MB")
	}
	heap := func() int64 {
		runtime.GC() // twice, for what sync.Pool keeps over the first
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.Long}}
	noise := make([]byte, 4<<20)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = byte('a' + rng.IntN(26))
	}
	for name, format := range formats(t) {
		if name == "csv.gz" {
			continue // csv is the same but for gzip's window, and much faster
		}
		for _, width := range []int{500, 500_000} {
			store, err := local.New(local.Config{Path: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			var rows []sinktest.Row
			for from := 0; from+width <= len(noise); from += width {
				rows = append(rows, sinktest.Row{string(noise[from : from+width]), int64(from)})
			}
			all := make([]sinktest.Row, 0, 7*len(rows))
			for range 7 {
				all = append(all, rows...)
			}
			s := open(t, sinks.Options{Format: format, Store: store})
			r, err := write(s, sinktest.File(1, columns), all)
			if err != nil {
				t.Fatal(err)
			}
			before, peak, records := heap(), int64(0), 0
			err = s.ReadBack(ctx, r, columns, func(arrow.Record) error {
				if records++; records%4 == 2 {
					peak = max(peak, heap()-before)
				}
				return nil
			})
			if err != nil || records < 6 {
				t.Fatalf("%s: %d records, %v", name, records, err)
			}
			t.Logf("%s: cells of %d bytes, %d MB, heap grew by %d MB", name, width, r.Bytes>>20, peak>>20)
			if peak > 24<<20 { // 8 of them are the window of zstd
				t.Errorf("%s: cells of %d bytes: the heap grew by %d MB, want less than 24", name, width, peak>>20)
			}
		}
	}
}
