package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/xitongsys/parquet-go/parquet"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks/sinktest"
)

// statisticsOf returns those of the only row group, as parquet-go reads them.
func statisticsOf(t testing.TB, data []byte) (all []*parquet.Statistics) {
	t.Helper()
	footer, err := readFooter(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(footer.RowGroups) != 1 {
		t.Fatalf("%d row groups, %v, want one", len(footer.RowGroups), err)
	}
	for _, chunk := range footer.RowGroups[0].Columns {
		all = append(all, chunk.MetaData.Statistics)
	}
	return all
}

func le32(v int32) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(v))) }
func le64(v int64) string { return string(binary.LittleEndian.AppendUint64(nil, uint64(v))) }
func bits64(v float64) string {
	return string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
}

// Smallest and largest value are those of Parquet's orders, as engines believe
// them: they pass over row groups, and answer min() and max().
func TestStatisticsOfEveryType(t *testing.T) {
	const none = "none"
	nan, inf, minus := math.NaN(), math.Inf(1), math.Copysign(0, -1)
	long := strings.Repeat("m", maxExtreme)
	for name, test := range map[string]struct {
		typ       pipeline.Type
		values    []any
		low, high string
		signed    bool // the older fields have them too
	}{
		"bool":           {pipeline.Bool, []any{true, nil, false}, "\x00", "\x01", false},
		"only true":      {pipeline.Bool, []any{true, true}, "\x01", "\x01", false},
		"only false":     {pipeline.Bool, []any{false, nil}, "\x00", "\x00", false},
		"int":            {pipeline.Int, []any{int32(-1), int32(math.MaxInt32), int32(math.MinInt32)}, le32(math.MinInt32), le32(math.MaxInt32), true},
		"negative int":   {pipeline.Int, []any{int32(-5), int32(-7)}, le32(-7), le32(-5), true},
		"long":           {pipeline.Long, []any{int64(math.MinInt64), nil, int64(math.MaxInt64)}, le64(math.MinInt64), le64(math.MaxInt64), true},
		"real":           {pipeline.Real, []any{1.5, -2.5, nil}, bits64(-2.5), bits64(1.5), true},
		"NaN among":      {pipeline.Real, []any{nan, 1.0, nan, 2.0, nan}, bits64(1), bits64(2), true},
		"only NaN":       {pipeline.Real, []any{nan, nil, nan}, none, none, false},
		"infinite":       {pipeline.Real, []any{inf, -inf, 0.5}, bits64(-inf), bits64(inf), true},
		"only infinite":  {pipeline.Real, []any{inf, inf, nan}, bits64(inf), bits64(inf), true},
		"minus infinite": {pipeline.Real, []any{-inf}, bits64(-inf), bits64(-inf), true},
		"outermost":      {pipeline.Real, []any{math.MaxFloat64, -math.MaxFloat64}, bits64(-math.MaxFloat64), bits64(math.MaxFloat64), true},
		"zero":           {pipeline.Real, []any{0.0}, bits64(minus), bits64(0), true},
		"minus zero":     {pipeline.Real, []any{minus, nan}, bits64(minus), bits64(0), true},
		"up to zero":     {pipeline.Real, []any{-1.0, minus}, bits64(-1), bits64(0), true},
		"text":           {pipeline.String, []any{"b", "a", nil, "c"}, "a", "c", false},
		"empty":          {pipeline.String, []any{"", nil, ""}, "", "", false},
		"empty among":    {pipeline.String, []any{"b", "", "a"}, "", "b", false},
		"UTF-8":          {pipeline.String, []any{"z", "é", "\uffff", "\U00010000", "Z", "\x00"}, "\x00", "\U00010000", false},
		"prefix":         {pipeline.String, []any{"ab", "a", "abc"}, "a", "abc", false},
		"longest":        {pipeline.String, []any{long, "a"}, "a", long, false},
		"too long high":  {pipeline.String, []any{long + "m", "a"}, none, none, false},
		"too long low":   {pipeline.String, []any{long + "m", "z"}, none, none, false},
		"too long mid":   {pipeline.String, []any{long + "m", "a", "z"}, "a", "z", false},
		"not the same":   {pipeline.String, []any{long + "a", long + "b"}, none, none, false},
		"dynamic":        {pipeline.Dynamic, []any{`{"a":1}`, `[]`}, `[]`, `{"a":1}`, false},
		"guid":           {pipeline.GUID, []any{"b0", "0b"}, "0b", "b0", false},
		"timespan":       {pipeline.Timespan, []any{"-00:00:01", "1.00:00:00"}, le64(-1e7), le64(864e9), true},
		"datetime":       {pipeline.Datetime, []any{"1970-01-01T00:00:01Z", "1969-12-31T23:59:59Z"}, le64(-1e6), le64(1e6), true},
		"decimal text":   {pipeline.Decimal, []any{"9", "10"}, "10", "9", false},
		"all null":       {pipeline.Long, []any{nil, nil}, none, none, false},
	} {
		columns := pipeline.Schema{{Name: "x", Type: test.typ}}
		var rows []sinktest.Row
		nulls := int64(0)
		for _, v := range test.values {
			rows = append(rows, sinktest.Row{v})
			if v == nil {
				nulls++
			}
		}
		for _, perRecord := range []int{1, 100} { // the order of values must not matter
			s := statisticsOf(t, written(t, formatOf(t, Options{}), columns, rows, perRecord))[0]
			slices.Reverse(rows)
			if s.NullCount == nil || *s.NullCount != nulls || s.DistinctCount != nil {
				t.Errorf("%s: %v nulls and %v distinct values, want %d and none", name, s.GetNullCount(), s.DistinctCount, nulls)
			}
			if (test.low == none) != (s.MinValue == nil) || (test.high == none) != (s.MaxValue == nil) {
				t.Errorf("%s: from %.20q to %.20q, want %.20q to %.20q", name, s.MinValue, s.MaxValue, test.low, test.high)
			} else if test.low != none && (string(s.MinValue) != test.low || string(s.MaxValue) != test.high) {
				t.Errorf("%s: from %.20q to %.20q, want %.20q to %.20q", name, s.MinValue, s.MaxValue, test.low, test.high)
			}
			if older := s.Min != nil && bytes.Equal(s.Min, s.MinValue) && bytes.Equal(s.Max, s.MaxValue); older != test.signed || (s.Max != nil) != test.signed {
				t.Errorf("%s: the older fields have %q to %q, want them: %v", name, s.Min, s.Max, test.signed)
			}
		}
	}
}

// Decimals sort as numbers, though their bytes do not.
func TestStatisticsOfDecimals(t *testing.T) {
	columns := pipeline.Schema{{Name: "x", Type: pipeline.Decimal}}
	f := formatOf(t, Options{Decimal: map[string]string{"x": "10,2"}})
	for _, values := range [][]string{{"-1", "3", "2"}, {"-5", "-1", "-300"}, {"2", "1000"}, {"0", "-0.01"}, {"7"}} {
		var rows []sinktest.Row
		var numbers []int64
		for _, v := range values {
			rows = append(rows, sinktest.Row{v})
			var n float64
			fmt.Sscan(v, &n)
			numbers = append(numbers, int64(math.Round(n*100)))
		}
		s := statisticsOf(t, written(t, f, columns, rows, 1))[0]
		low, high := signed(string(s.MinValue)), signed(string(s.MaxValue))
		if low != fmt.Sprint(slices.Min(numbers)) || high != fmt.Sprint(slices.Max(numbers)) {
			t.Errorf("%q: hundredths from %s to %s, want %d to %d", values, low, high, slices.Min(numbers), slices.Max(numbers))
		}
	}
}

// Statistics of many pages and of dictionaries that were given up are those of
// all values, and Arrow reads them too.
func TestStatisticsOfManyPages(t *testing.T) {
	columns := pipeline.Schema{{Name: "n", Type: pipeline.Long}, {Name: "s", Type: pipeline.String}}
	rng := rand.New(rand.NewPCG(4, 4))
	var rows []sinktest.Row
	var low, high string
	nulls := int64(0)
	for i := range 20_000 {
		text := strings.Repeat("x", rng.IntN(3))
		if i > 6000 {
			text = fmt.Sprintf("%016x%0200d", rng.Uint64(), i)
		}
		row := sinktest.Row{int64(i), text}
		if rng.IntN(4) == 0 {
			row[1] = nil
			nulls++
		} else if i == 0 || text < low {
			low = text
		}
		if row[1] != nil {
			high = max(high, text)
		}
		rows = append(rows, row)
	}
	data := written(t, formatOf(t, Options{}), columns, rows, 2500)
	s := statisticsOf(t, data)[1]
	if string(s.MinValue) != low || string(s.MaxValue) != high || *s.NullCount != nulls {
		t.Errorf("from %q to %q with %d nulls, want %q to %q with %d", s.MinValue, s.MaxValue, *s.NullCount, low, high, nulls)
	}
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	chunk, err := r.MetaData().RowGroup(0).ColumnChunk(1)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := chunk.Statistics(); err != nil || string(again.EncodeMin()) != low || string(again.EncodeMax()) != high || again.NullCount() != nulls || again.DistinctCount() != 0 {
		t.Errorf("Arrow reads %v, %v", again, err)
	}
}
