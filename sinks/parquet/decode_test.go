package parquet_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sinks/sinktest"
)

// Times and timespans come back byte for byte if they were written as the
// service writes them, in every way of keeping a time that can hold them.
func TestServiceForm(t *testing.T) {
	columns := pipeline.Schema{{Name: "at", Type: pipeline.Datetime}, {Name: "took", Type: pipeline.Timespan}}
	recent := []sinktest.Row{
		{"1970-01-01T00:00:00Z", "00:00:00"},
		{"1969-12-31T23:59:59.9999999Z", "-00:00:00.0000001"},
		{"1969-12-31T23:59:59.999999Z", "00:00:00.0000001"},
		{"1968-02-29T23:59:59.0000001Z", "-00:00:01"},
		{"2026-01-01T00:00:00.12Z", "00:00:00.1250000"},
		{"2026-01-01T00:00:00.1234567Z", "23:59:59.9999999"},
		{"2026-01-01T00:00:10Z", "1.00:00:00"},
		{"2262-04-11T23:47:16Z", "-1.00:00:00.0000001"},
		{"1677-09-21T00:12:44Z", "10675199.02:48:05.4775807"},
		{nil, "-10675199.02:48:05.4775808"},
		{"2026-01-01T01:00:00Z", nil},
	}
	all := append(recent[:len(recent):len(recent)],
		sinktest.Row{"0001-01-01T00:00:00Z", nil},
		sinktest.Row{"0999-12-31T00:00:00.0000009Z", nil},
		sinktest.Row{"9999-12-31T23:59:59.9999999Z", nil})
	for way, rows := range map[string][]sinktest.Row{"micros": all, "string": all, "ns": recent} {
		f := newFormat(t, parquet.Options{Datetime: way})
		data := encode(t, f, columns, sinktest.Records(columns, rows, 4)...)
		at := 0
		err := f.Decode(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns}, func(rec arrow.Record) error {
			for row := range int(rec.NumRows()) {
				for i, want := range rows[at] {
					var got any
					if texts := rec.Column(i).(*array.String); texts.IsValid(row) {
						got = texts.Value(row)
					}
					if got != want {
						t.Errorf("%s, row %d: %v, want %v", way, at, got, want)
					}
				}
				at++
			}
			return nil
		})
		if err != nil || at != len(rows) {
			t.Errorf("%s: %d rows, %v, want %d", way, at, err, len(rows))
		}
	}
}

// Whatever has become of a file, decoding it is an error or none, but no panic.
func TestDecodeDamaged(t *testing.T) {
	for _, compression := range []string{"zstd", "none"} {
		f := newFormat(t, parquet.Options{Compression: compression})
		whole := encode(t, f, sinktest.Columns, sinktest.Record(sinktest.Columns, sinktest.RandomRows(500, 1)))
		decode := func(data []byte) error {
			return f.Decode(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: sinktest.Columns}, func(arrow.Record) error { return nil })
		}
		rng := rand.New(rand.NewPCG(3, 3))
		found := 0
		for range 60 {
			damaged := bytes.Clone(whole)
			damaged[rng.IntN(len(damaged))] ^= 1 << rng.IntN(8)
			if decode(damaged) != nil {
				found++
			}
		}
		if compression == "zstd" && found < 40 { // its blocks have checksums
			t.Errorf("%d of 60 damaged files were noticed", found)
		}
		for cut := 1; cut < len(whole); cut += 1 + len(whole)/20 {
			if decode(whole[:len(whole)-cut]) == nil {
				t.Errorf("%s, without the last %d bytes: no error", compression, cut)
			}
		}
	}
}
