package parquet

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/sinktest"
)

func TestManyRowGroups(t *testing.T) {
	f, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.groupSize = 60_000
	rows := sinktest.RandomRows(4000, 1)
	var b bytes.Buffer
	e, err := f.NewEncoder(&b, sinktest.Columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range sinktest.Records(sinktest.Columns, rows, 100) {
		if err := e.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.NumRowGroups() < 10 || r.NumRows() != 4000 {
		t.Errorf("%d row groups with %d rows, want many with 4000", r.NumRowGroups(), r.NumRows())
	}
	got, err := f.Check(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), sinks.Metadata{Columns: sinktest.Columns})
	if err != nil || got != 4000 {
		t.Errorf("read back %d rows, %v", got, err)
	}
}

// Pages end by size and by rows at once, in columns of every make.
func TestPagesEndTogether(t *testing.T) {
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.Dynamic}, {Name: "c", Type: pipeline.Bool}, {Name: "d", Type: pipeline.Long}}
	for _, width := range []int{1, 1020, 1024} {
		for _, n := range []int{pageRows - 1, pageRows, pageRows + 1} {
			rows := make([]sinktest.Row, n)
			for i := range rows {
				rows[i] = sinktest.Row{fmt.Sprintf("%0*d", width, i), nil, i%2 == 0, int64(i % 3)}
			}
			f, err := New(Options{Compression: "none"})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			e, err := f.NewEncoder(&b, columns.Arrow())
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Write(sinktest.Record(columns, rows)); err != nil {
				t.Fatalf("%d rows of %d bytes: %v", n, width, err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if got, err := f.Check(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), sinks.Metadata{Columns: columns}); err != nil || got != int64(n) {
				t.Errorf("%d rows of %d bytes: read back %d, %v", n, width, got, err)
			}
		}
	}
}

// wide returns columns and rows like those of a table with many columns: 2 KB
// a row, texts of which some repeat.
func wide(rng *rand.Rand, columns, rows int) (pipeline.Schema, []sinktest.Row) {
	schema := pipeline.Schema{{Name: "TimeGenerated", Type: pipeline.Datetime}}
	for i := range columns {
		schema = append(schema, pipeline.Column{Name: fmt.Sprintf("c%d", i), Type: pipeline.String})
	}
	data := make([]sinktest.Row, rows)
	for r := range data {
		row := sinktest.Row{fmt.Sprintf("2026-01-01T00:00:%02d.%07dZ", r%60, r)}
		for c := range columns {
			switch c % 3 {
			case 0:
				row = append(row, fmt.Sprintf("%016x", rng.Uint64()))
			case 1:
				row = append(row, fmt.Sprintf("value %d of a few", rng.IntN(20)))
			default:
				row = append(row, nil)
			}
		}
		data[r] = row
	}
	return schema, data
}

func BenchmarkParquet(b *testing.B) {
	rec := sinktest.Record(sinktest.Columns, sinktest.RandomRows(20000, 1))
	benchmark(b, sinktest.Columns, func(e sinks.Encoder) error { return e.Write(rec) }, sizeOf(rec))
}

// BenchmarkParquetSmall has few rows of many columns, where what a file costs
// whatever is in it weighs most.
func BenchmarkParquetSmall(b *testing.B) {
	columns, rows := wide(rand.New(rand.NewPCG(1, 1)), 230, 50)
	rec := sinktest.Record(columns, rows)
	benchmark(b, columns, func(e sinks.Encoder) error { return e.Write(rec) }, sizeOf(rec))
}

func benchmark(b *testing.B, columns pipeline.Schema, write func(sinks.Encoder) error, size int64) {
	f, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		e, err := f.NewEncoder(io.Discard, columns.Arrow())
		if err != nil {
			b.Fatal(err)
		}
		if err := write(e); err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	f, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	e, err := f.NewEncoder(&out, sinktest.Columns.Arrow())
	if err != nil {
		b.Fatal(err)
	}
	rec := sinktest.Record(sinktest.Columns, sinktest.RandomRows(20000, 1))
	if err := e.Write(rec); err != nil {
		b.Fatal(err)
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(sizeOf(rec))
	for b.Loop() {
		if _, err := f.Check(b.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()), sinks.Metadata{Columns: sinktest.Columns}); err != nil {
			b.Fatal(err)
		}
	}
}
