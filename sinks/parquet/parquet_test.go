package parquet_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sinks/sinktest"
)

func encode(t testing.TB, f sinks.Format, columns pipeline.Schema, records ...arrow.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	e, err := f.NewEncoder(&b, columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		if err := e.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readArrow reads a file with Arrow's own reader, row by row: nil, bool,
// int32, int64, float64 or string, times as their number.
func readArrow(t testing.TB, data []byte) (*arrow.Schema, [][]any) {
	t.Helper()
	table, err := pqarrow.ReadTable(context.Background(), bytes.NewReader(data), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rows := make([][]any, table.NumRows())
	for c := range int(table.NumCols()) {
		row := 0
		for _, chunk := range table.Column(c).Data().Chunks() {
			for i := range chunk.Len() {
				rows[row] = append(rows[row], valueOf(chunk, i))
				row++
			}
		}
	}
	return table.Schema(), rows
}

func valueOf(column arrow.Array, i int) any {
	if column.IsNull(i) {
		return nil
	}
	switch c := column.(type) {
	case *array.Boolean:
		return c.Value(i)
	case *array.Int32:
		return c.Value(i)
	case *array.Int64:
		return c.Value(i)
	case *array.Float64:
		return c.Value(i)
	case *array.String:
		return strings.Clone(c.Value(i))
	case *array.Timestamp:
		return int64(c.Value(i))
	}
	return column.DataType().String()
}

// expected returns what the columns of a file must hold for a row.
func expected(columns pipeline.Schema, row sinktest.Row, datetime string) []any {
	var want []any
	for i, c := range columns {
		value := row[i]
		text, isText := value.(string)
		switch {
		case c.Type == pipeline.Datetime && datetime != "string":
			var us, ns, digit any
			if isText {
				tick, _ := pipeline.ParseTime(text)
				at := tick.Time()
				us, digit = at.Unix()*1e6+int64(at.Nanosecond())/1000, int32(at.Nanosecond()/100%10)
				ns = at.UnixNano()
			}
			if datetime == "ns" {
				want = append(want, ns)
			} else {
				want = append(want, us, digit)
			}
			continue
		case c.Type == pipeline.Timespan && isText:
			value, _ = pipeline.ParseSpan(text)
		}
		want = append(want, value)
	}
	return want
}

func same(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, ok := a[i].(float64)
		y, ok2 := b[i].(float64)
		if ok && ok2 && math.Float64bits(x) == math.Float64bits(y) || ok && ok2 && math.IsNaN(x) && math.IsNaN(y) {
			continue
		}
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Every value comes back exactly, however it was compressed and cut into
// records, through Arrow's reader; the suites do the same with parquet-go.
func TestValues(t *testing.T) {
	recent := sinktest.RandomRows(5000, 4) // years that nanoseconds can hold
	tests := map[string]struct {
		options parquet.Options
		rows    []sinktest.Row
	}{
		"zstd":     {parquet.Options{}, append(sinktest.Extremes(), recent...)},
		"snappy":   {parquet.Options{Compression: "snappy"}, append(sinktest.Extremes(), recent...)},
		"gzip":     {parquet.Options{Compression: "gzip", Datetime: "string"}, append(sinktest.Extremes(), recent...)},
		"none":     {parquet.Options{Compression: "none", Datetime: "ns"}, recent},
		"one row":  {parquet.Options{}, sinktest.Extremes()[:1]},
		"one null": {parquet.Options{}, sinktest.Extremes()[1:2]},
		"no rows":  {parquet.Options{}, nil},
	}
	for name, test := range tests {
		for _, size := range []int{1, 999, 100000} {
			if size == 1 && len(test.rows) > 100 {
				continue
			}
			data := encode(t, newFormat(t, test.options), sinktest.Columns, sinktest.Records(sinktest.Columns, test.rows, size)...)
			_, got := readArrow(t, data)
			if len(got) != len(test.rows) {
				t.Errorf("%s: %d rows, want %d", name, len(got), len(test.rows))
				continue
			}
			for i, row := range test.rows {
				if want := expected(sinktest.Columns, row, test.options.Datetime); !same(got[i], want) {
					t.Errorf("%s, row %d: %.300v\nwant %.300v", name, i, got[i], want)
					break
				}
			}
		}
	}
}

// A dictionary that grows too large in the middle of a row group is given up:
// what it indexed before comes back all the same.
func TestDictionaryGivenUp(t *testing.T) {
	columns := pipeline.Schema{{Name: "s", Type: pipeline.String}, {Name: "n", Type: pipeline.Long}}
	var rows []sinktest.Row
	for i := range 20_000 {
		row := sinktest.Row{strings.Repeat("x", i%9), int64(i % 9)}
		if i > 5000 {
			row = sinktest.Row{strings.Repeat("y", 200) + string(rune(i+0x1000)), int64(i) << 20}
		}
		if i%11 == 0 {
			row = sinktest.Row{nil, nil}
		}
		rows = append(rows, row)
	}
	for _, compression := range []string{"zstd", "none"} {
		f := newFormat(t, parquet.Options{Compression: compression})
		data := encode(t, f, columns, sinktest.Records(columns, rows, 3000)...)
		_, got := readArrow(t, data)
		for i, row := range rows {
			if i >= len(got) || !same(got[i], row) {
				t.Fatalf("row %d of %d: %.100v, want %.100v", i, len(got), got[i:min(i+1, len(got))], row)
			}
		}
		n, err := f.Check(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns})
		if err != nil || n != int64(len(rows)) {
			t.Errorf("read back %d rows, %v", n, err)
		}
	}
}

func TestSchema(t *testing.T) {
	data := encode(t, newFormat(t, parquet.Options{DatetimeColumns: map[string]string{"TimeGenerated": "ns", "absent": "string"}}), sinktest.Columns)
	schema, _ := readArrow(t, data)
	var got []string
	for _, f := range schema.Fields() {
		line := f.Name + " " + f.Type.String()
		for _, key := range []string{"kql.type", "kql.name", "kustash.unit", "kustash.digits_of"} {
			if v, ok := f.Metadata.GetValue(key); ok {
				line += " " + key[strings.IndexByte(key, '.')+1:] + "=" + v
			}
		}
		if !f.Nullable {
			line += " required"
		}
		got = append(got, line)
	}
	want := []string{
		"TimeGenerated timestamp[ns, tz=UTC] type=datetime",
		"flag bool type=bool",
		"small int32 type=int",
		"large int64 type=long",
		"real float64 type=real",
		"money utf8 type=decimal",
		"text utf8 type=string",
		"TEXT_2 utf8 type=string name=TEXT",
		"other.time timestamp[us, tz=UTC] type=datetime",
		"other.time_100ns_2 int32 type=datetime unit=100ns of the microsecond before digits_of=other.time",
		"other.time_100NS int64 type=long",
		"length int64 type=timespan unit=100ns",
		"id utf8 type=guid",
		`name, "quoted" 名 utf8 type=dynamic`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("schema\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if root := r.MetaData().Schema.Root().RepetitionType().String(); root != "required" {
		t.Errorf("the root is %s, which strict readers refuse", root)
	}
}

func TestEmbeddedMetadata(t *testing.T) {
	f := newFormat(t, parquet.Options{})
	var b bytes.Buffer
	e, err := f.NewEncoder(&b, sinktest.Columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Write(sinktest.Record(sinktest.Columns, sinktest.Extremes())); err != nil {
		t.Fatal(err)
	}
	want := sinktest.Described(sinktest.File(1, sinktest.Columns), f, 8)
	if err := e.(sinks.Describer).Describe(want); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := f.Metadata(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("metadata %+v, %v\nwant %+v", got, err, want)
	}
	r, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for key, want := range map[string]string{"kustash.rows": "8", "kustash.replaces": "[]", "kustash.start": "2026-01-01T00:00:00.0000000Z"} {
		if got := r.MetaData().KeyValueMetadata().FindValue(key); got == nil || *got != want {
			t.Errorf("%s = %v, want %s", key, got, want)
		}
	}
	without := encode(t, f, sinktest.Columns)
	if _, err := f.Metadata(bytes.NewReader(without), int64(len(without))); err == nil {
		t.Error("metadata were found in a file that has none")
	}
}

// statistics returns smallest and largest text of a column over all groups.
func statistics(t *testing.T, data []byte, column int) (low, high string) {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for g := range r.NumRowGroups() {
		chunk, err := r.MetaData().RowGroup(g).ColumnChunk(column)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := chunk.Statistics()
		if err != nil || stats == nil || !stats.HasMinMax() {
			t.Fatalf("row group %d has no statistics: %v", g, err)
		}
		s := stats.(*metadata.ByteArrayStatistics)
		if a := string(s.Min()); g == 0 || a < low {
			low = a
		}
		if b := string(s.Max()); g == 0 || b > high {
			high = b
		}
	}
	return low, high
}

// Readers pass over row groups by their statistics: those must be right even
// though the memory of each record is used again, with nulls and empty texts.
func TestStatistics(t *testing.T) {
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}}
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		f := newFormat(t, parquet.Options{})
		var b bytes.Buffer
		e, err := f.NewEncoder(&b, columns.Arrow())
		if err != nil {
			t.Fatal(err)
		}
		low, high, any := "", "", false
		for range 1 + rng.IntN(4) {
			rows := make([]sinktest.Row, 1+rng.IntN(700))
			for i := range rows {
				text := strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(3)+round%2)
				switch rng.IntN(3) {
				case 0:
					rows[i] = sinktest.Row{nil}
					continue
				case 1:
					text += "é"
				}
				rows[i] = sinktest.Row{text}
				if !any || text < low {
					low = text
				}
				if !any || text > high {
					high = text
				}
				any = true
			}
			rec := sinktest.Record(columns, rows)
			if err := e.Write(rec); err != nil {
				t.Fatal(err)
			}
			sinktest.Spoil(rec)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if !any {
			continue
		}
		if gotLow, gotHigh := statistics(t, b.Bytes(), 0); gotLow != low || gotHigh != high {
			t.Fatalf("round %d: statistics %q to %q, want %q to %q", round, gotLow, gotHigh, low, high)
		}
	}
}

func TestEmptyTextsInStatistics(t *testing.T) {
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}}
	data := encode(t, newFormat(t, parquet.Options{}), columns,
		sinktest.Record(columns, []sinktest.Row{{"b"}, {nil}}), sinktest.Record(columns, []sinktest.Row{{""}}))
	if low, high := statistics(t, data, 0); low != "" || high != "b" {
		t.Errorf("statistics %q to %q, want \"\" to \"b\"", low, high)
	}
}

func TestNanosRange(t *testing.T) {
	columns := pipeline.Schema{{Name: "Created", Type: pipeline.Datetime}}
	f := newFormat(t, parquet.Options{Datetime: "ns"})
	for text, good := range map[string]bool{
		"1677-09-21T00:12:43.1452241Z": false,
		"1677-09-21T00:12:44Z":         true,
		"1678-01-01T00:00:00Z":         true,
		"2262-04-11T23:47:16Z":         true,
		"2262-04-11T23:47:16.8547759Z": false,
		"9999-12-31T23:59:59.9999999Z": false,
		"0001-01-01T00:00:00Z":         false,
	} {
		e, err := f.NewEncoder(&bytes.Buffer{}, columns.Arrow())
		if err != nil {
			t.Fatal(err)
		}
		err = e.Write(sinktest.Record(columns, []sinktest.Row{{nil}, {text}}))
		if (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil {
			for _, want := range []string{"column Created, row 2", text, `datetime_columns = { "Created" = "micros" }`} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v: want %q in it", err, want)
				}
			}
		}
	}
}

// A text that is no time is an error with its place, whatever a source says.
func TestMalformedTexts(t *testing.T) {
	for typ, text := range map[pipeline.Type]string{pipeline.Datetime: "yesterday", pipeline.Timespan: "an hour"} {
		columns := pipeline.Schema{{Name: "x", Type: typ}}
		e, err := newFormat(t, parquet.Options{}).NewEncoder(&bytes.Buffer{}, columns.Arrow())
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Write(sinktest.Record(columns, []sinktest.Row{{text}})); err == nil || !strings.Contains(err.Error(), "column x, row 1") {
			t.Errorf("%s: %v, want an error with its place", text, err)
		}
	}
}

// Check of damaged files with zstd, whose blocks have checksums: an error or
// none, but no panic.
func TestCheckDamaged(t *testing.T) {
	f := newFormat(t, parquet.Options{})
	whole := encode(t, f, sinktest.Columns, sinktest.Record(sinktest.Columns, sinktest.RandomRows(500, 1)))
	rng := rand.New(rand.NewPCG(3, 3))
	found := 0
	for range 60 {
		damaged := bytes.Clone(whole)
		damaged[rng.IntN(len(damaged))] ^= 1 << rng.IntN(8)
		if _, err := f.Check(t.Context(), bytes.NewReader(damaged), int64(len(damaged)), sinks.Metadata{Columns: sinktest.Columns}); err != nil {
			found++
		}
	}
	if found < 40 {
		t.Errorf("%d of 60 damaged files were noticed", found)
	}
	for _, data := range []string{"", "PAR1", "PAR1PAR1PAR1", "PAR1\xff\xff\xff\xffPAR1", "PAR1\x00\x00\x00\x00PAR1", strings.Repeat("x", 100)} {
		if _, err := f.Check(t.Context(), strings.NewReader(data), int64(len(data)), sinks.Metadata{}); err == nil {
			t.Errorf("%q was taken for a file", data)
		}
	}
}
