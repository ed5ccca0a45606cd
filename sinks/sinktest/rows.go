package sinktest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/kustash/kustash/pipeline"
)

// Columns has every type, a renamed column, and names that formats and
// readers find hard.
var Columns = pipeline.Schema{
	{Name: "TimeGenerated", Type: pipeline.Datetime},
	{Name: "flag", Type: pipeline.Bool},
	{Name: "small", Type: pipeline.Int},
	{Name: "large", Type: pipeline.Long},
	{Name: "real", Type: pipeline.Real},
	{Name: "money", Type: pipeline.Decimal},
	{Name: "text", Type: pipeline.String},
	{Name: "TEXT", Type: pipeline.String, As: "TEXT_2"},
	{Name: "other.time", Type: pipeline.Datetime},
	{Name: "other.time_100NS", Type: pipeline.Long}, // what Parquet would add
	{Name: "length", Type: pipeline.Timespan},
	{Name: "id", Type: pipeline.GUID},
	{Name: `name, "quoted" 名`, Type: pipeline.Dynamic},
}

// Row has one value for each column: nil, bool, int32, int64, float64, or
// string as the service sends it.
type Row []any

// Extremes are rows of null, empty and outermost values.
func Extremes() []Row {
	return []Row{
		{"2026-01-01T00:00:00Z", true, int32(1), int64(1), 1.5, "1.50", "plain", "other", "2026-01-01T00:00:00.1234567Z", int64(7), "00:00:01", "6a2f41a3-c54c-fce8-32d2-0324e1c32e22", `{"a":1}`},
		{nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
		{"0001-01-01T00:00:00Z", false, int32(math.MinInt32), int64(math.MinInt64), -math.MaxFloat64, "-0.0000000000000000000000000000000001", "", "", "9999-12-31T23:59:59.9999999Z", int64(math.MinInt64), "-10675199.02:48:05.4775808", "", ""},
		{"1969-12-31T23:59:59.9999999Z", true, int32(math.MaxInt32), int64(math.MaxInt64), math.SmallestNonzeroFloat64, "79228162514264337593543950335", "comma, \"quote\"\r\nline\ttab", " spaces ", "1969-12-31T23:59:59.999999Z", int64(math.MaxInt64), "10675199.02:48:05.4775807", "x", "[1,2,\n  {\"b\": 12345678901234567890.10}]"},
		{"1600-02-29T12:00:00.0000001Z", false, int32(0), int64(9007199254740993), math.NaN(), "0", "naïve 日本語 🚀 \u2028", "\x00\x01\x1f\x7f\\", "1600-02-29T12:00:00.0000009Z", int64(0), "00:00:00.0000001", "y", "no JSON"},
		{"2026-06-30T23:59:59.9999999Z", true, int32(-1), int64(-1), math.Inf(1), "1e5", "NaN", "null", "2026-06-30T23:59:59.9Z", int64(-9007199254740993), "-00:00:00.0000001", "z", `"text"`},
		{"2026-06-30T23:59:59.9999999Z", true, int32(-1), int64(-1), math.Inf(-1), "1", strings.Repeat("long ", 2000), "'", "2026-06-30T23:59:59Z", int64(1), "-1.00:00:00", "z", "null"},
		{"2026-06-30T23:59:59.9999999Z", true, int32(-1), int64(-1), math.Copysign(0, -1), "1", "\uFEFF", "\\.", "2026-06-30T23:59:59Z", int64(1), "1.00:00:00", "z", "true"},
	}
}

// RandomRows returns n rows that are the same for the same seed, between the
// years 1990 and 2090, with nulls and repetitions.
func RandomRows(n int, seed uint64) []Row {
	rng := rand.New(rand.NewPCG(seed, 1))
	first := pipeline.TickOf(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC))
	span := int64(pipeline.TickOf(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)) - first)
	at := func() string {
		return (first + pipeline.Tick(rng.Int64N(span))).Time().Format("2006-01-02T15:04:05.9999999Z")
	}
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{
			at(), rng.IntN(2) == 0, rng.Int32(), rng.Int64() - rng.Int64(), rng.NormFloat64(),
			fmt.Sprintf("%d.%02d", rng.IntN(1000), rng.IntN(100)), fmt.Sprintf("host-%d", rng.IntN(50)),
			fmt.Sprintf("%x %d, \"%x\"", rng.Uint64(), i, rng.Uint64()), at(), int64(i),
			fmt.Sprintf("%d.%02d:00:%02d.%07d", rng.IntN(9), rng.IntN(24), rng.IntN(60), rng.IntN(1e7)),
			fmt.Sprintf("%016x", rng.Uint64()), fmt.Sprintf(`{"n":%d,"list":[%d,"é"]}`, i, rng.IntN(9)),
		}
		for c := range rows[i] {
			if rng.IntN(10) == 0 {
				rows[i][c] = nil
			}
		}
	}
	return rows
}

// Record builds a record of the rows.
func Record(columns pipeline.Schema, rows []Row) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, columns.Arrow())
	defer b.Release()
	for _, row := range rows {
		for i, value := range row {
			appendValue(b.Field(i), value)
		}
	}
	return b.NewRecord()
}

func appendValue(b array.Builder, value any) {
	switch v := value.(type) {
	case nil:
		b.AppendNull()
	case bool:
		b.(*array.BooleanBuilder).Append(v)
	case int32:
		b.(*array.Int32Builder).Append(v)
	case int64:
		b.(*array.Int64Builder).Append(v)
	case float64:
		b.(*array.Float64Builder).Append(v)
	case string:
		b.(*array.StringBuilder).Append(v)
	default:
		panic(fmt.Sprintf("no column holds a %T", value))
	}
}

// Records builds records of at most size rows each; one without rows if there
// are none.
func Records(columns pipeline.Schema, rows []Row, size int) []arrow.Record {
	var records []arrow.Record
	for from := 0; from < len(rows); from += size {
		records = append(records, Record(columns, rows[from:min(from+size, len(rows))]))
	}
	if records == nil {
		records = append(records, Record(columns, nil))
	}
	return records
}

// File returns what a sink is told about an object of these columns, for the
// given day of January 2026.
func File(day int, columns pipeline.Schema) pipeline.File {
	start := time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)
	return pipeline.File{
		Slice: pipeline.Slice{
			Query: pipeline.Query{Address: `query.events["SigninLogs"]`, Text: "SigninLogs", TimeColumn: "TimeGenerated",
				Workspace: "6a2f41a3-c54c-fce8-32d2-0324e1c32e22", Fingerprint: "fp1:0123"},
			Window: pipeline.Window{Start: start, End: start.AddDate(0, 0, 1)},
			Cut:    pipeline.Cut{To: start.AddDate(0, 0, 2)},
		},
		Lineage: "lineage-1",
		Columns: columns,
		Tool:    "kustash test",
	}
}
