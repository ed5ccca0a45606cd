package parquet

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/sinktest"
)

// Every way of keeping a time is held against the slice to the tick, and the
// row is named by its place in the file.
func TestBoundsOfEveryWay(t *testing.T) {
	columns := pipeline.Schema{{Name: "Id", Type: pipeline.Long}, {Name: "at", Type: pipeline.Datetime, As: "at_2"}}
	first := time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC)
	end := first.Add(90*time.Minute + 3*pipeline.TickSize)
	const n, odd = 9000, 8500
	for _, way := range []string{"micros", "ns", "string"} {
		f, err := New(Options{Datetime: way})
		if err != nil {
			t.Fatal(err)
		}
		f.groupSize = 60_000 // many row groups
		for at, good := range map[time.Time]bool{
			first: true, end.Add(-pipeline.TickSize): true,
			first.Add(-pipeline.TickSize): false, end: false,
		} {
			rows := make([]sinktest.Row, n)
			for i := range rows {
				rows[i] = sinktest.Row{int64(i), first.Add(time.Duration(i) * time.Microsecond).Format(pipeline.TimeLayout)}
				if i%3 == 0 {
					rows[i][1] = nil
				}
			}
			rows[odd-1][1] = at.Format(pipeline.TimeLayout)
			var b bytes.Buffer
			e, err := f.NewEncoder(&b, columns.Arrow())
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range sinktest.Records(columns, rows, 1000) {
				if err := e.Write(rec); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			m := sinks.Metadata{Columns: columns, TimeColumn: "at_2", Window: pipeline.Window{Start: first, End: end}}
			_, err = f.Check(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), m)
			want := "row 8500: at_2 is " + at.Format(pipeline.TimeLayout)
			if (err == nil) != good || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v, want an error with %q: %v", way, at, err, want, !good)
			}
		}
	}
}
