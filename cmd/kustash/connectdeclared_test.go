package main

import (
	"fmt"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/parquet"
)

// Files that cannot be asked are kept as their sink declares, unless they are of
// another format than that.
func TestAsDeclared(t *testing.T) {
	headless := false
	columns := func(string) (pipeline.Schema, bool) {
		return pipeline.Schema{{Name: "T", Type: pipeline.Datetime}, {Name: "N", Type: pipeline.Long}}, true
	}
	for _, tt := range []struct {
		settings any
		key      string
		want     string
	}{
		{&csv.Options{Header: &headless}, "q/x-0123abcd.csv", "{csv header=false map[]}"},
		{&csv.Options{Header: &headless}, "q/x-0123abcd.csv.gz", "{csv.gz map[]}"},
		{&jsonl.Options{Compression: "gzip", Dynamic: "json"}, "q.r/x-0123abcd.jsonl.gz", "{jsonl.gz dynamic=json map[]}"},
		{&parquet.Options{}, "q/x-0123abcd.parquet", "{parquet map[N:int64 T:timestamp[us] T_100ns:int32]}"},
		{&parquet.Options{Datetime: "string"}, "q/x-0123abcd.parquet", "{parquet map[N:int64 T:byte_array]}"},
		{&parquet.Options{Datetime: "string"}, "q/x-0123abcd.csv", "{csv map[]}"},
	} {
		f, err := newFormat(tt.settings)
		if err != nil {
			t.Fatal(err)
		}
		got, err := asDeclared(f, columns)(t.Context(), pipeline.Receipt{Key: tt.key})
		if err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("%+v, %s: got %v, %v, want %s", tt.settings, tt.key, got, err, tt.want)
		}
	}
}
