package sinktest

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/klauspost/compress/zstd"

	"github.com/kustash/kustash/sinks"
)

// TextFormat is a format of text that reads back what it wrote.
type TextFormat interface {
	sinks.Checker
	sinks.Decoder
}

// Bombs feeds a format of zstd, whose objects have the metadata m, a few
// kilobytes that unpack to more than a row may have, without the end of one: each
// a start and then many of a unit. All are errors, and cost no more memory than
// so many rows of the greatest length.
func Bombs(t *testing.T, f TextFormat, m sinks.Metadata, units map[string]string, rows int64) {
	t.Helper()
	before := peak()
	for start, unit := range units {
		data := bomb(t, start, unit)
		if _, err := f.Check(ctx, bytes.NewReader(data), int64(len(data)), m); err == nil {
			t.Errorf("check, %q and many %q: no error", start, unit)
		}
		if err := f.Decode(ctx, bytes.NewReader(data), int64(len(data)), m, func(arrow.Record) error { return nil }); err == nil {
			t.Errorf("decode, %q and many %q: no error", start, unit)
		}
	}
	if grown := peak() - before; grown > rows*sinks.MaxLine {
		t.Errorf("the heap grew by %d MB, want less than %d", grown>>20, rows*sinks.MaxLine>>20)
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
