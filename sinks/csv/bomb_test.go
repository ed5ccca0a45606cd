//go:build !race

// Nothing here is concurrent, and the race detector makes it ten times slower.

package csv_test

import (
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/sinktest"
)

func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks a gigabyte")
	}
	m := sinks.Metadata{Columns: pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.String}}}
	sinktest.Bombs(t, newFormat(t, csv.Options{Compression: "zstd"}), m, map[string]string{
		"a,b\nx,\"": "x,\n", "a,b\n": ",", "": "\r",
	}, 7)
}
