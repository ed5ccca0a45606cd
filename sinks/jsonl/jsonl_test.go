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
	} {
		rec := sinktest.Record(columns, []sinktest.Row{{text, text}})
		quoted := encode(t, jsonl.Options{}, columns[1:], sinktest.Record(columns[1:], []sinktest.Row{{text}}))
		inText := strings.TrimSuffix(strings.TrimPrefix(quoted, `{"s":`), "}\n")
		if got, want := encode(t, jsonl.Options{Dynamic: "json"}, columns, rec), `{"d":`+want+`,"s":`+inText+"}\n"; got != want {
			t.Errorf("json: %s, want %s", got, want)
		}
		if got, want := encode(t, jsonl.Options{}, columns, rec), `{"d":`+inText+`,"s":`+inText+"}\n"; got != want {
			t.Errorf("text: %s, want %s", got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	var setting *pipeline.SettingError
	for want, o := range map[string]jsonl.Options{"compression": {Compression: "zip"}, "dynamic": {Dynamic: "JSON"}} {
		if _, err := jsonl.New(o); !errors.As(err, &setting) || setting.Name != want {
			t.Errorf("%+v: %v, want an error about %s", o, err, want)
		}
	}
}

// Check reads types, not only objects.
func TestCheckTypes(t *testing.T) {
	f := newFormat(t, jsonl.Options{})
	columns := pipeline.Schema{{Name: "a", Type: pipeline.Int}, {Name: "b", Type: pipeline.Real}, {Name: "c", Type: pipeline.Bool}, {Name: "d", Type: pipeline.String}}
	for line, good := range map[string]bool{
		`{"a":1,"b":1.5,"c":true,"d":"x"}`:          true,
		`{"a":null,"b":"NaN","c":null,"d":null}`:    true,
		`{"a":2147483648,"b":1,"c":true,"d":"x"}`:   false,
		`{"a":1.5,"b":1,"c":true,"d":"x"}`:          false,
		`{"a":"1","b":1,"c":true,"d":"x"}`:          false,
		`{"a":1,"b":"nan","c":true,"d":"x"}`:        false,
		`{"a":1,"b":1,"c":"true","d":"x"}`:          false,
		`{"a":1,"b":1,"c":true,"d":1}`:              false,
		`{"b":1,"a":1,"c":true,"d":"x"}`:            false,
		`{"a":1,"b":1,"c":true}`:                    false,
		`{"a":1,"b":1,"c":true,"d":"x","e":1}`:      false,
		`[1]`:                                       false,
		`{"a":1,"b":1,"c":true,"d":"x"} {"a":null}`: false,
		"{\"a\":1,\n\"b\":1,\"c\":true,\"d\":\"\"}": false,
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
			if err := json.Unmarshal([]byte(text[:strings.Index(text, "\n")]), &row); err != nil || row["a\n\""] != a || len(row) != 2 {
				t.Fatalf("%q: %v, %v", text, row, err)
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
