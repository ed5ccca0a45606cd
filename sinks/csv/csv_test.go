package csv_test

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	"errors"
	"flag"
	"math"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/klauspost/compress/gzip"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/sinktest"
)

var ctx = context.Background()

var update = flag.Bool("update", false, "rewrite the golden files")

func encode(t testing.TB, o csv.Options, columns pipeline.Schema, records ...arrow.Record) string {
	t.Helper()
	var b bytes.Buffer
	e, err := newFormat(t, o).NewEncoder(&b, columns.Arrow())
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
	return b.String()
}

func TestGolden(t *testing.T) {
	rows := sinktest.Extremes()
	rows = append(rows[:6], rows[7:]...) // without the long text
	for name, o := range map[string]csv.Options{
		"extremes.csv": {},
		"dialect.csv":  {Delimiter: ";", Null: "NULL"},
		"lines.csv":    {Delimiter: "\t", Null: `\N`, Newline: "escape", Formulas: "neutralise"},
	} {
		got := encode(t, o, sinktest.Columns, sinktest.Records(sinktest.Columns, rows, 3)...)
		name = "testdata/" + name
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestQuoting(t *testing.T) {
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.String}}
	tests := []struct {
		value any
		want  string
	}{
		{nil, ""}, {"", `""`}, {"x", "x"}, {" ", `" "`}, {" x", `" x"`}, {"x ", `"x "`}, {"\tx", "\"\tx\""}, {"x y", "x y"},
		{"a,b", `"a,b"`}, {`"`, `""""`}, {`say "hi"`, `"say ""hi"""`}, {"a\nb", "\"a\nb\""}, {"a\rb", "\"a\rb\""},
		{"null", "null"}, {"=1+1", "=1+1"}, {"'", "'"}, {";", ";"}, {"é", "é"},
	}
	for _, test := range tests {
		got := encode(t, csv.Options{}, columns, sinktest.Record(columns, []sinktest.Row{{test.value, "z"}}))
		if want := "a,b\n" + test.want + ",z\n"; got != want {
			t.Errorf("%q: %q, want %q", test.value, got, want)
		}
	}
	names := pipeline.Schema{{Name: `a "b", c`, Type: pipeline.Real}, {Name: "", Type: pipeline.Long}}
	rows := []sinktest.Row{{math.Inf(-1), int64(math.MinInt64)}, {1e300, nil}}
	if got, want := encode(t, csv.Options{}, names, sinktest.Record(names, rows)), "\"a \"\"b\"\", c\",\"\"\n-Infinity,-9223372036854775808\n1e+300,\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := encode(t, csv.Options{Header: &off}, names, sinktest.Record(names, rows[1:])); got != "1e+300,\n" {
		t.Errorf("without a header: %q", got)
	}
}

// A line of nothing is no row for readers, so a lonely null is refused.
func TestLonelyNull(t *testing.T) {
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}}
	e, err := newFormat(t, csv.Options{}).NewEncoder(&bytes.Buffer{}, columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Write(sinktest.Record(columns, []sinktest.Row{{""}, {"x"}})); err != nil {
		t.Errorf("empty text: %v", err)
	}
	err = e.Write(sinktest.Record(columns, []sinktest.Row{{"x"}, {nil}}))
	if err == nil || !strings.Contains(err.Error(), "column a, row 4") || !strings.Contains(err.Error(), "parquet") {
		t.Errorf("null: %v, want an error with the row and the way out", err)
	}
}

func TestGzip(t *testing.T) {
	records := sinktest.Records(sinktest.Columns, sinktest.RandomRows(3000, 1), 500)
	packed := encode(t, csv.Options{Compression: "gzip"}, sinktest.Columns, records...)
	r, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "" || r.ModTime.Unix() != 0 {
		t.Errorf("the header has the name %q and the time %v: equal rows would give other bytes", r.Name, r.ModTime)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	if b.String() != encode(t, csv.Options{}, sinktest.Columns, records...) {
		t.Error("unpacked it is not what is written without compression")
	}
}

func TestOptions(t *testing.T) {
	for o, want := range map[csv.Options]string{
		{Compression: "zst"}:                    `compression: "zst" is none of none, gzip and zstd; did you mean "zstd"?`,
		{Compression: "gzip", Level: level(10)}: "level: 10 is none of the levels 1 to 9 of gzip",
		{Level: level(3)}:                       `level: a level needs compression = "gzip" or "zstd"`,
		{Delimiter: "tab"}:                      `delimiter: "tab" is none of ",", ";", "\t" and "|"; did you mean "\t"?`,
		{Delimiter: `\t`}:                       `delimiter: "\\t" is none of ",", ";", "\t" and "|"; did you mean "\t"?`,
		{Delimiter: "Semicolon"}:                `delimiter: "Semicolon" is none of ",", ";", "\t" and "|"; did you mean ";"?`,
		{Delimiter: `"`}:                        `delimiter: "\"" is none of ",", ";", "\t" and "|"`,
		{Delimiter: "\n"}:                       `delimiter: "\n" is none of ",", ";", "\t" and "|"`,
		{Delimiter: ",,"}:                       `delimiter: ",," is none of ",", ";", "\t" and "|"`,
		{Delimiter: "·"}:                        `delimiter: "·" is none of ",", ";", "\t" and "|"`,
		{Null: " "}:                             `null: " " holds the delimiter, a quote or a line end, or begins or ends with a space: within quotes it would be a text`,
		{Null: "a,b"}:                           `null: "a,b" holds the delimiter, a quote or a line end, or begins or ends with a space: within quotes it would be a text`,
		{Null: `""`}:                            `null: "\"\"" holds the delimiter, a quote or a line end, or begins or ends with a space: within quotes it would be a text`,
		{Null: "x\ny"}:                          `null: "x\ny" holds the delimiter, a quote or a line end, or begins or ends with a space: within quotes it would be a text`,
		{Null: strings.Repeat("n", 65)}:         "null: it has 65 bytes, more than 64",
		{Newline: "escaped"}:                    `newline: "escaped" is none of keep and escape; did you mean "escape"?`,
		{Formulas: "neutralize"}:                `formulas: "neutralize" is none of keep and neutralise; did you mean "neutralise"?`,
		{Formulas: "strip"}:                     `formulas: "strip" is none of keep and neutralise`,
	} {
		var setting *pipeline.SettingError
		if _, err := csv.New(o); !errors.As(err, &setting) || err.Error() != want {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
	for o, want := range map[csv.Options]string{
		{}: "csv", {Compression: "none"}: "csv", {Compression: "gzip"}: "csv.gz", {Compression: "zstd", Level: level(19)}: "csv.zst",
		{Delimiter: ";", Null: "a,b"}: `csv delimiter=";" null="a,b"`, {Delimiter: ",", Newline: "keep", Formulas: "keep"}: "csv",
		{Header: &off, Delimiter: "\t", Null: "é", Newline: "escape", Formulas: "neutralise"}: `csv header=false delimiter="\t" null="\u00e9" newline=escape formulas=neutralise`,
	} {
		f := newFormat(t, o)
		if got := strings.TrimSpace(f.Ext() + " " + f.Settings()); got != want {
			t.Errorf("%+v: extension and settings %s, want %s", o, got, want)
		}
	}
}

// What the standard library reads is what was written, apart from null, from
// line ends, which it makes one, and from what the dialect marks. What is
// decoded is all of it, whichever dialect is the reader's own.
func FuzzReadBack(f *testing.F) {
	f.Add("a", "b", true, uint8(0), "")
	f.Add("", "x,\"\r\n", false, uint8(1), "NULL")
	f.Add(" \t", "\\.", true, uint8(6), `\N`)
	f.Add("\"", "é\u2028", false, uint8(15), "-")
	f.Add("''=1+1", "\\\n@", false, uint8(13), "'=1+1")
	f.Add("\r", "NULL", false, uint8(14), "NULL")
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "=b\n", Type: pipeline.Dynamic}, {Name: "c", Type: pipeline.String}, {Name: "d", Type: pipeline.Timespan}}
	f.Fuzz(func(t *testing.T, a, b string, null bool, settings uint8, nullText string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) || !utf8.ValidString(nullText) {
			t.Skip("the source hands over UTF-8 only")
		}
		o := csv.Options{Delimiter: []string{",", ";", "\t", "|"}[settings&3], Null: nullText}
		if settings&4 != 0 {
			o.Newline = "escape"
		}
		if settings&8 != 0 {
			o.Formulas = "neutralise"
		}
		format, err := csv.New(o)
		if err != nil {
			t.Skip("no null")
		}
		row := sinktest.Row{a, b, nil, a}
		want := []string{a, b, nullText, a}
		if !null {
			row[2], want[2] = b, b
		}
		written := sinktest.Record(columns, []sinktest.Row{row, {nil, nil, nil, nil}, row})
		text := encode(t, o, columns, written)
		reader := stdcsv.NewReader(strings.NewReader(text))
		reader.Comma = rune(o.Delimiter[0])
		read, err := reader.ReadAll()
		if err != nil || len(read) != 4 {
			t.Fatalf("%q: %d lines, %v", text, len(read), err)
		}
		if o.Newline != "" && strings.Count(text, "\n") != 4 {
			t.Errorf("%q: not four lines", text)
		}
		for _, line := range [][]string{read[1], read[3]} {
			for i := range want {
				if settings&8 != 0 && line[i] != "" && strings.ContainsAny(line[i][:1], "=+-@\t\r\n") && line[i] != nullText && i < 3 {
					t.Errorf("%q is a formula", line[i])
				}
				if settings < 4 && line[i] != strings.ReplaceAll(want[i], "\r\n", "\n") {
					t.Errorf("read %q, want %q", line[i], want[i])
				}
			}
		}
		m := sinks.Metadata{Columns: columns, Format: "csv " + format.Settings()}
		if rows, err := newFormat(t, csv.Options{}).Check(ctx, strings.NewReader(text), int64(len(text)), m); err != nil || rows != 3 {
			t.Errorf("%q: check: %d rows, %v", text, rows, err)
		}
		decoded, err := decode(format, columns, []byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		sinktest.SameValues(t, columns, decoded, []arrow.Record{written})
	})
}

// BenchmarkCSV tells rows a second and bytes a row of each compression.
func BenchmarkCSV(b *testing.B) {
	const rows = 50_000
	records := sinktest.Records(sinktest.Columns, sinktest.RandomRows(rows, 1), 5000)
	for _, bench := range []struct {
		name string
		o    csv.Options
	}{
		{"none", csv.Options{}}, {"gzip", csv.Options{Compression: "gzip"}}, {"zstd", csv.Options{Compression: "zstd"}},
		{"zstd1", csv.Options{Compression: "zstd", Level: level(1)}}, {"zstd9", csv.Options{Compression: "zstd", Level: level(9)}},
		{"marked", csv.Options{Newline: "escape", Formulas: "neutralise", Null: "NULL"}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			f := newFormat(b, bench.o)
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				e, err := f.NewEncoder(&out, sinktest.Columns.Arrow())
				if err != nil {
					b.Fatal(err)
				}
				for _, rec := range records {
					if err := e.Write(rec); err != nil {
						b.Fatal(err)
					}
				}
				if err := e.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(out.Len())/rows, "bytes/row")
		})
	}
}
