package parquet_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sinks/sinktest"
)

func level(n int) *int { return &n }

func TestOptions(t *testing.T) {
	decimal := func(typ string) parquet.Options {
		return parquet.Options{Decimal: map[string]string{"other": "1,0", "Cost": typ}}
	}
	for _, test := range []struct {
		options      parquet.Options
		setting, why string // of the error; "" is none
	}{
		{parquet.Options{}, "", ""},
		{parquet.Options{Compression: "brotli"}, "compression", `"brotli" is none of zstd`},
		{parquet.Options{Datetime: "millis"}, "datetime", `"millis" is none of micros`},
		{parquet.Options{DatetimeColumns: map[string]string{"a": ""}}, "datetime_columns", "a: "},
		{parquet.Options{Level: level(1)}, "", ""},
		{parquet.Options{Compression: "zstd", Level: level(22)}, "", ""},
		{parquet.Options{Compression: "gzip", Level: level(9)}, "", ""},
		{parquet.Options{Level: level(0)}, "level", "0 is not between 1 and 22, the levels of zstd"},
		{parquet.Options{Level: level(23)}, "level", "23 is not between 1 and 22"},
		{parquet.Options{Level: level(-1)}, "level", "-1 is not"},
		{parquet.Options{Compression: "gzip", Level: level(10)}, "level", "10 is not between 1 and 9, the levels of gzip"},
		{parquet.Options{Compression: "snappy", Level: level(1)}, "level", `"snappy" has no levels`},
		{parquet.Options{Compression: "none", Level: level(1)}, "level", `"none" has no levels`},
		{decimal("38,10"), "", ""},
		{decimal("38, 0"), "", ""},
		{decimal("1,1"), "", ""},
		{decimal("39,10"), "decimal", "Cost: the precision 39 is not between 1 and 38"},
		{decimal("0,0"), "decimal", "Cost: the precision 0"},
		{decimal("5,6"), "decimal", "Cost: the scale 6 is not between 0 and the precision 5"},
		{decimal("5,-1"), "decimal", "Cost: the scale -1"},
		{decimal("38"), "decimal", `Cost: "38" is no precision and scale`},
		{decimal("38,10,1"), "decimal", "Cost: "},
		{decimal("a,b"), "decimal", "Cost: "},
		{decimal(""), "decimal", "Cost: "},
	} {
		_, err := parquet.New(test.options)
		if test.setting == "" {
			if err != nil {
				t.Errorf("%+v: %v", test.options, err)
			}
			continue
		}
		var setting *pipeline.SettingError
		if !errors.As(err, &setting) || setting.Name != test.setting || !strings.Contains(err.Error(), test.why) {
			t.Errorf("%+v: %v, want an error about %s with %q", test.options, err, test.setting, test.why)
		}
	}
}

// A higher level makes smaller files of the same rows.
func TestLevels(t *testing.T) {
	rows := sinktest.RandomRows(4000, 1)
	for compression, levels := range map[string][]int{"zstd": {1, 6, 19}, "gzip": {1, 9}} {
		last := 0
		for _, n := range levels {
			f := newFormat(t, parquet.Options{Compression: compression, Level: &n})
			data := encode(t, f, sinktest.Columns, sinktest.Record(sinktest.Columns, rows))
			if last > 0 && len(data) >= last {
				t.Errorf("%s: level %d makes %d bytes, the one before %d", compression, n, len(data), last)
			}
			last = len(data)
			_, got := readArrow(t, data)
			for i, row := range rows {
				if want := expected(sinktest.Columns, row, ""); !same(got[i], want) {
					t.Fatalf("%s level %d, row %d: %.300v\nwant %.300v", compression, n, i, got[i], want)
				}
			}
			checked, err := f.Check(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: sinktest.Columns})
			if err != nil || checked != int64(len(rows)) {
				t.Errorf("%s level %d: checked %d rows, %v, want %d", compression, n, checked, err, len(rows))
			}
		}
	}
}
