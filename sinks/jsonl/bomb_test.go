//go:build !race

// Nothing here is concurrent, and the race detector makes it ten times slower.

package jsonl_test

import (
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/sinktest"
)

func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks a gigabyte")
	}
	m := sinks.Metadata{Columns: pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "d", Type: pipeline.Dynamic}}}
	sinktest.Bombs(t, newFormat(t, jsonl.Options{Compression: "zstd"}), m, map[string]string{
		`{"a":"`: "y", `{"a":"x","d":`: "[", `{"a":"x","d":{"a":1`: `,"a":1`, "": " ", `{`: "\n",
	}, 10)
}
