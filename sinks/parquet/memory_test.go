package parquet

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks/sinktest"
)

// heap returns what is in use.
func heap() int64 {
	runtime.GC() // twice, for what sync.Pool keeps over the first
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The memory for a large answer stays far below its size.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 50 MB")
	}
	columns, rows := wide(rand.New(rand.NewPCG(1, 1)), 200, 2000)
	rec := sinktest.Record(columns, rows)
	f, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	e, err := f.NewEncoder(io.Discard, columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	var written, peak int64
	for written < 50<<20 {
		if err := e.Write(rec); err != nil {
			t.Fatal(err)
		}
		if written += sizeOf(rec); written/(10<<20) != (written-sizeOf(rec))/(10<<20) {
			peak = max(peak, heap()-before)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MB written, heap grew by %d MB", written>>20, peak>>20)
	if peak > 50<<20 {
		t.Errorf("the heap grew by %d MB, want less than 50", peak>>20)
	}
}

// watched is a file that nobody keeps, and that looks at the heap each time when
// some bytes were written.
type watched struct {
	heap        func() int64
	every       int64
	bytes, next int64
	peak        int64
}

func (w *watched) Write(p []byte) (int, error) {
	if w.bytes += int64(len(p)); w.bytes >= w.next {
		w.next = w.bytes + w.every
		w.peak = max(w.peak, w.heap())
	}
	return len(p), nil
}

// repeated is a record of one row in which all columns have the same cell, and
// the same memory.
func repeated(columns pipeline.Schema, cell []byte) arrow.Record {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.BinaryBuilder.Append(cell)
	column := b.NewArray()
	cells := make([]arrow.Array, len(columns))
	for i := range cells {
		cells[i] = column
	}
	return array.NewRecord(columns.Arrow(), cells, 1)
}

// Whether rows are far larger than a row group or far smaller, what 500 columns
// of noise take is a matter of the size of a row group.
func TestMemoryOfLargeCells(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 700 MB")
	}
	var columns pipeline.Schema
	for i := range 500 {
		columns = append(columns, pipeline.Column{Name: fmt.Sprintf("c%d", i), Type: pipeline.String})
	}
	rng := rand.New(rand.NewPCG(1, 1))
	const group = 32 << 20
	for _, test := range []struct{ cell, rows, most int64 }{
		{1 << 20, 1, 2 * group}, // of a row of 500 MB, a column at a time
		{16 << 10, 30, 3 * group},
	} {
		cell := make([]byte, test.cell)
		for i := range cell {
			cell[i] = byte(' ' + rng.IntN(95))
		}
		rec := repeated(columns, cell)
		f := formatOf(t, Options{})
		f.groupSize = group
		out := &watched{heap: heap, every: 12 << 20}
		before := heap()
		e, err := f.NewEncoder(out, columns.Arrow())
		if err != nil {
			t.Fatal(err)
		}
		for row := range test.rows {
			if err := e.Write(rec); err != nil {
				t.Fatal(err)
			}
			if row%4 == 2 {
				out.peak = max(out.peak, heap())
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		peak := out.peak - before
		t.Logf("%d rows of %d MB: heap grew by %d MB", test.rows, sizeOf(rec)>>20, peak>>20)
		if peak > test.most {
			t.Errorf("%d rows of %d MB: the heap grew by %d MB, want less than %d", test.rows, sizeOf(rec)>>20, peak>>20, test.most>>20)
		}
		rec.Release()
	}
}
