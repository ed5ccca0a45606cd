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
	got := encode(t, csv.Options{}, sinktest.Columns, sinktest.Records(sinktest.Columns, rows, 3)...)
	const name = "testdata/extremes.csv"
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
		t.Errorf("got\n%s\nwant\n%s", got, want)
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
	var setting *pipeline.SettingError
	if _, err := csv.New(csv.Options{Compression: "zstd"}); !errors.As(err, &setting) || setting.Name != "compression" || !strings.Contains(err.Error(), "gzip") {
		t.Errorf("zstd: %v, want an error about compression that names gzip", err)
	}
	for o, want := range map[csv.Options]string{{}: "csv", {Compression: "none"}: "csv", {Compression: "gzip"}: "csv.gz"} {
		if got := newFormat(t, o).Ext(); got != want {
			t.Errorf("%+v: extension %s, want %s", o, got, want)
		}
	}
}

// What the standard library reads is what was written, apart from null and
// from line ends, which it makes one. What is decoded is all of it.
func FuzzReadBack(f *testing.F) {
	f.Add("a", "b", true)
	f.Add("", "x,\"\r\n", false)
	f.Add(" \t", "\\.", true)
	f.Add("\"", "é\u2028", false)
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.Dynamic}, {Name: "c", Type: pipeline.String}}
	f.Fuzz(func(t *testing.T, a, b string, null bool) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			t.Skip("the source hands over UTF-8 only")
		}
		row := sinktest.Row{a, b, nil}
		want := []string{a, b, ""}
		if !null {
			row[2], want[2] = b, b
		}
		written := sinktest.Record(columns, []sinktest.Row{row, {nil, nil, nil}, row})
		text := encode(t, csv.Options{}, columns, written)
		read, err := stdcsv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(read) != 4 {
			t.Fatalf("%q: %d lines, %v", text, len(read), err)
		}
		for _, line := range [][]string{read[1], read[3]} {
			for i := range want {
				if line[i] != strings.ReplaceAll(want[i], "\r\n", "\n") {
					t.Errorf("read %q, want %q", line[i], want[i])
				}
			}
		}
		decoded, err := decode(newFormat(t, csv.Options{}), columns, []byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		sinktest.SameValues(t, columns, decoded, []arrow.Record{written})
	})
}

func BenchmarkCSV(b *testing.B) {
	rec := sinktest.Record(sinktest.Columns, sinktest.RandomRows(5000, 1))
	f := newFormat(b, csv.Options{})
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		e, err := f.NewEncoder(&out, sinktest.Columns.Arrow())
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Write(rec); err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.Len()))
	}
}
