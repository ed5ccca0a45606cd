package sinks_test

import (
	"errors"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sinks/sinktest"
)

// What an object says of itself holds, and not what the sink declares today.
func TestStored(t *testing.T) {
	headless := false
	plain := formatCSV(t, csv.Options{})
	lines, err := jsonl.New(jsonl.Options{Compression: "gzip", Dynamic: "json"})
	if err != nil {
		t.Fatal(err)
	}
	nanos, err := parquet.New(parquet.Options{Datetime: "ns"})
	if err != nil {
		t.Fatal(err)
	}
	for want, format := range map[string]sinks.Format{
		"csv": plain, "csv header=false": formatCSV(t, csv.Options{Header: &headless}), "jsonl.gz dynamic=json": lines, "parquet": nanos,
	} {
		store := sinktest.NewMemory()
		r, err := write(open(t, sinks.Options{Store: store, Format: format}), sinktest.File(1, sinktest.Columns), sinktest.RandomRows(5, 1))
		if err != nil {
			t.Fatal(err)
		}
		later := open(t, sinks.Options{Store: store, Format: plain, Readers: []sinks.Format{format}})
		got, err := later.Stored(ctx, r.Key)
		if err != nil || got.Format != want || (got.Types != nil) != (want == "parquet") {
			t.Errorf("got %+v, %v, want %s", got, err, want)
		}
		kept := make(map[string]bool)
		for _, c := range sinktest.Columns {
			kept[got.Types[c.FileName()]] = true
		}
		if want == "parquet" && !kept["timestamp[ns]"] {
			t.Errorf("got %v, want times of nanoseconds", got.Types)
		}
		if _, err := later.Stored(ctx, "gone/"+r.Key); !errors.Is(err, pipeline.ErrMissing) {
			t.Errorf("an object that is missing: got %v, want %v", err, pipeline.ErrMissing)
		}
	}
	if _, err := open(t, sinks.Options{Store: sinktest.NewMemory(), Format: plain}).Stored(ctx, "a/x.orc"); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("an unknown format: got %v, want %v", err, pipeline.ErrMismatch)
	}
}
