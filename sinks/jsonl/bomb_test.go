//go:build !race

// Nothing here is concurrent, and the race detector makes it ten times slower.

package jsonl_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/klauspost/compress/zstd"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/jsonl"
)

// A few kilobytes that unpack to more than a row may have, without the end of
// one, are an error and cost no more memory than some rows of that length.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks a gigabyte")
	}
	f := newFormat(t, jsonl.Options{Compression: "zstd"})
	m := sinks.Metadata{Columns: pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "d", Type: pipeline.Dynamic}}}
	before := peak()
	for start, unit := range map[string]string{
		`{"a":"`: "y", `{"a":"x","d":`: "[", `{"a":"x","d":{"a":1`: `,"a":1`, "": " ", `{`: "\n",
	} {
		data := bomb(t, start, unit)
		if _, err := f.Check(ctx, bytes.NewReader(data), int64(len(data)), m); err == nil {
			t.Errorf("check, %q and many %q: no error", start, unit)
		}
		if err := f.Decode(ctx, bytes.NewReader(data), int64(len(data)), m, func(arrow.Record) error { return nil }); err == nil {
			t.Errorf("decode, %q and many %q: no error", start, unit)
		}
	}
	if grown := peak() - before; grown > 10*sinks.MaxLine {
		t.Errorf("the heap grew by %d MB, want less than %d", grown>>20, 10*sinks.MaxLine>>20)
	}
}

// bomb packs more of unit than a row may have: a frame a megabyte, because
// frames can follow each other.
func bomb(t *testing.T, start, unit string) []byte {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	part := z.EncodeAll([]byte(strings.Repeat(unit, (1<<20)/len(unit))), nil)
	return append(z.EncodeAll([]byte(start), nil), bytes.Repeat(part, sinks.MaxLine*9/8>>20)...)
}

// peak returns the most that the heap has ever been.
func peak() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys)
}
