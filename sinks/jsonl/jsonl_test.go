package jsonl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/sinktest"
)

var ctx = context.Background()

var update = flag.Bool("update", false, "rewrite the golden files")

func encode(t testing.TB, o jsonl.Options, columns pipeline.Schema, records ...arrow.Record) string {
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
	for name, o := range map[string]jsonl.Options{"text": {}, "json": {Dynamic: "json"}} {
		got := encode(t, o, sinktest.Columns, sinktest.Records(sinktest.Columns, rows, 3)...)
		file := "testdata/" + name + ".jsonl"
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		for line := range strings.Lines(got) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: no JSON: %s", name, line)
			}
		}
	}
}

func TestDynamic(t *testing.T) {
	columns := pipeline.Schema{{Name: "d", Type: pipeline.Dynamic}, {Name: "s", Type: pipeline.String}}
	for text, want := range map[string]string{
		`{"b": 1.10, "a" : [ 1,2 ]}`: `{"b":1.10,"a":[1,2]}`,
		"12345678901234567890":       "12345678901234567890",
		`"text"`:                     `"text"`,
		"null":                       "null",
		"<&>":                        `"<&>"`,
		"plain":                      `"plain"`,
		"":                           `""`,
		"{\"a\":\n\"<&>\"}":          `{"a":"<&>"}`,
		`{"a":1} {"b":2}`:            `"{\"a\":1} {\"b\":2}"`,
		"[1,":                        `"[1,"`,
		`{"a":1, "a":2, "A":3}`:      `{"a":1,"a":2,"A":3}`, // members twice are the author's
		`["\ud800","\u0000","\/"]`:   `["\ud800","\u0000","\/"]`,
		"[\"\u2028\u2029\ufeff\"]":   "[\"\u2028\u2029\ufeff\"]",
		"\u2028[]":                   "\"\u2028[]\"",
		"\ufeff{}":                   "\"\ufeff{}\"",
		"[\"\x00\"]":                 `"[\"\u0000\"]"`,
		"{}\x00":                     `"{}\u0000"`,
		"NaN":                        `"NaN"`,
		"[-Infinity]":                `"[-Infinity]"`,
		"1e400":                      "1e400",
		"-0.0":                       "-0.0",
		"01":                         `"01"`,
		"[1,]":                       `"[1,]"`,
		"{'a':1}":                    `"{'a':1}"`,
		" \t\r\n1 ":                  "1",
		strings.Repeat("[", 9000) + strings.Repeat("]", 9000): strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		`["` + strings.Repeat("é", 1<<19) + `"]`:              `["` + strings.Repeat("é", 1<<19) + `"]`,
	} {
		rec := sinktest.Record(columns, []sinktest.Row{{text, text}})
		quoted := encode(t, jsonl.Options{}, columns[1:], sinktest.Record(columns[1:], []sinktest.Row{{text}}))
		inText := strings.TrimSuffix(strings.TrimPrefix(quoted, `{"s":`), "}\n")
		for _, test := range []struct {
			dynamic, want string
		}{{"json", want}, {"text", inText}} {
			o := jsonl.Options{Dynamic: test.dynamic}
			got := encode(t, o, columns, rec)
			if want := `{"d":` + test.want + `,"s":` + inText + "}\n"; got != want {
				t.Errorf("%s: %.200s, want %.200s", test.dynamic, got, want)
			}
			m := sinks.Metadata{Columns: columns, Format: "jsonl " + newFormat(t, o).Settings()}
			if rows, err := newFormat(t, jsonl.Options{}).Check(ctx, strings.NewReader(got), int64(len(got)), m); err != nil || rows != 1 {
				t.Errorf("%s: check of %.200s: %d rows, %v", test.dynamic, got, rows, err)
			}
			decoded, err := decode(newFormat(t, o), columns, []byte(got))
			if test.dynamic == "json" {
				if !errors.Is(err, pipeline.ErrInexact) || decoded != nil {
					t.Errorf("json: %v, want %v", err, pipeline.ErrInexact)
				}
				continue
			}
			if err != nil {
				t.Errorf("decode %.200s: %v", got, err)
				continue
			}
			sinktest.SameValues(t, columns, decoded, []arrow.Record{rec})
		}
	}
}

func TestOptions(t *testing.T) {
	var setting *pipeline.SettingError
	for want, o := range map[string]jsonl.Options{
		`compression: "zip" is none of none, gzip and zstd; did you mean "gzip"?`: {Compression: "zip"},
		"level: 23 is none of the levels 1 to 22 of zstd":                         {Compression: "zstd", Level: level(23)},
		`level: a level needs compression = "gzip" or "zstd"`:                     {Level: level(1)},
		`dynamic: "JSON" is none of text and json; did you mean "json"?`:          {Dynamic: "JSON"},
		`dynamic: "string" is none of text and json`:                              {Dynamic: "string"},
	} {
		if _, err := jsonl.New(o); !errors.As(err, &setting) || err.Error() != want {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
	for want, o := range map[string]jsonl.Options{"jsonl": {}, "jsonl.gz": {Compression: "gzip", Level: level(9)}, "jsonl.zst dynamic=json": {Compression: "zstd", Dynamic: "json"}} {
		f := newFormat(t, o)
		if got := strings.TrimSpace(f.Ext() + " " + f.Settings()); got != want {
			t.Errorf("%+v: extension and settings %s, want %s", o, got, want)
		}
	}
}

// Check reads types, not only objects.
func TestCheckTypes(t *testing.T) {
	f := newFormat(t, jsonl.Options{})
	columns := pipeline.Schema{{Name: "a", Type: pipeline.Int}, {Name: "b", Type: pipeline.Real}, {Name: "c", Type: pipeline.Bool}, {Name: "d", Type: pipeline.String}}
	for line, good := range map[string]bool{
		`{"a":1,"b":1.5,"c":true,"d":"x"}`:            true,
		`{"a":null,"b":"NaN","c":null,"d":null}`:      true,
		`{"a":2147483648,"b":1,"c":true,"d":"x"}`:     false,
		`{"a":1.5,"b":1,"c":true,"d":"x"}`:            false,
		`{"a":"1","b":1,"c":true,"d":"x"}`:            false,
		`{"a":1,"b":"nan","c":true,"d":"x"}`:          false,
		`{"a":1,"b":NaN,"c":true,"d":"x"}`:            false,
		`{"a":1,"b":null,"c":null,"d":"\u0000"}`:      true,
		"{\"a\":1,\"b\":1,\"c\":true,\"d\":\"\xff\"}": false,
		"{\"a\":1,\"b\":1,\"c\":true,\"d\":\"\x00\"}": false,
		`{"a":1,"b":1, "c":true,"d":"x"}`:             false,
		`{"a":1,"b":1,"c":true,"d":"x"} `:             false,
		`{"a":-1e1,"b":1,"c":true,"d":"x"}`:           false,
		`{"a":1,"b":1,"c":tru,"d":"x"}`:               false,
		`{"a":1,"b":1,"c":"true","d":"x"}`:            false,
		`{"a":1,"b":1,"c":true,"d":1}`:                false,
		`{"b":1,"a":1,"c":true,"d":"x"}`:              false,
		`{"a":1,"b":1,"c":true}`:                      false,
		`{"a":1,"b":1,"c":true,"d":"x","e":1}`:        false,
		`[1]`:                                         false,
		`{"a":1,"b":1,"c":true,"d":"x"} {"a":null}`:   false,
		"{\"a\":1,\n\"b\":1,\"c\":true,\"d\":\"\"}":   false,
	} {
		data := []byte(line + "\n")
		rows, err := f.Check(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns})
		if (err == nil && rows == 1) != good {
			t.Errorf("%s: %d rows, %v", line, rows, err)
		}
	}
}

func FuzzReadBack(f *testing.F) {
	f.Add("a", `{"x":1}`)
	f.Add("}\n{", `{"a":1,"a":["\ud800"," } "]}`)
	f.Add("T", " "+strings.Repeat("4", 1000)+"  ")
	f.Add("\x00\x1f\x7f\"\\/\b\f\n\r\t", "\u2028é")
	columns := pipeline.Schema{{Name: "a\n\"", Type: pipeline.String}, {Name: "b", Type: pipeline.Dynamic}}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			t.Skip("the source hands over UTF-8 only")
		}
		rec := sinktest.Record(columns, []sinktest.Row{{a, b}, {nil, nil}})
		for _, o := range []jsonl.Options{{}, {Dynamic: "json"}} {
			text := encode(t, o, columns, rec)
			if strings.Count(text, "\n") != 2 {
				t.Fatalf("%q: not two lines", text)
			}
			var row map[string]any
			line := json.NewDecoder(strings.NewReader(text))
			line.UseNumber() // there are larger ones than a double takes
			if err := line.Decode(&row); err != nil || row["a\n\""] != a || len(row) != 2 {
				t.Fatalf("%q: %v, %v", text, row, err)
			}
			m := sinks.Metadata{Columns: columns, Format: "jsonl " + newFormat(t, o).Settings()}
			if rows, err := newFormat(t, jsonl.Options{}).Check(ctx, strings.NewReader(text), int64(len(text)), m); err != nil || rows != 2 {
				t.Errorf("%q: check: %d rows, %v", text, rows, err)
			}
			if o.Dynamic != "" {
				continue
			}
			if row["b"] != b {
				t.Errorf("dynamic %q, want %q", row["b"], b)
			}
			decoded, err := decode(newFormat(t, o), columns, []byte(text))
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			sinktest.SameValues(t, columns, decoded, []arrow.Record{rec})
		}
	})
}

// BenchmarkJSONL tells rows a second and bytes a row of each compression.
func BenchmarkJSONL(b *testing.B) {
	const rows = 50_000
	records := sinktest.Records(sinktest.Columns, sinktest.RandomRows(rows, 1), 5000)
	for _, bench := range []struct {
		name string
		o    jsonl.Options
	}{
		{"none", jsonl.Options{}}, {"gzip", jsonl.Options{Compression: "gzip"}}, {"zstd", jsonl.Options{Compression: "zstd"}},
		{"json", jsonl.Options{Dynamic: "json"}},
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
