package jsonl_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/sinktest"
)

// decode returns the records of an object.
func decode(f *jsonl.Format, columns pipeline.Schema, data []byte) (records []arrow.Record, err error) {
	err = f.Decode(ctx, bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns, Format: f.Ext() + " " + f.Settings()},
		func(rec arrow.Record) error {
			rec.Retain()
			records = append(records, rec)
			return nil
		})
	return records, err
}

// Whatever stands for the values, decoding them is an error or gives rows, and
// those are what they are when they are written again.
func FuzzDecode(f *testing.F) {
	f.Add(`"2026-01-01T00:00:00Z"`, "true", `"-Infinity"`)
	f.Add(`""`, "null", "1e5")
	f.Add(`"\"\u00e9\ud83e\udd8a\n\\"`, "false", `""`)
	f.Add(`"\ud800\u0041"`, "1", "nan")
	f.Add(`"\u`, "", `"1"`)
	columns := pipeline.Schema{{Name: "a", Type: pipeline.String}, {Name: "b", Type: pipeline.Bool}, {Name: "c", Type: pipeline.Real}}
	format := newFormat(f, jsonl.Options{})
	f.Fuzz(func(t *testing.T, a, b, c string) {
		line := []byte(`{"a":` + a + `,"b":` + b + `,"c":` + c + "}\n")
		_, _ = format.Check(ctx, bytes.NewReader(line), int64(len(line)), sinks.Metadata{Columns: columns}) // must not panic
		rows, err := decode(format, columns, line)
		if err != nil {
			return
		}
		again, err := decode(format, columns, []byte(encode(t, jsonl.Options{}, columns, rows...)))
		if err != nil {
			t.Fatal(err)
		}
		sinktest.SameValues(t, columns, again, rows)
	})
}

// What is decoded is what JSON says, and nothing that JSON does not have.
func TestDecodeStrings(t *testing.T) {
	columns := pipeline.Schema{{Name: "a\t", Type: pipeline.String}}
	f := newFormat(t, jsonl.Options{})
	for text, good := range map[string]bool{
		`""`: true, `"plain"`: true, `"\"\\\/\b\f\n\r\t"`: true, `"\u0000\u00E9\u20ac"`: true, `"\ud83e\udd8a"`: true, `null`: true,
		`"\ud83e"`: false, `"\ud83e\n"`: false, `"\ud83e\u0041"`: false, `"\u12"`: false, `"\u00zz"`: false, `"\x"`: false, `"\`: false, `"a`: false,
		`1`: false, `true`: false, `{}`: false, ``: false, "\"\xff\"": false, ` "a"`: false, `"a" `: false,
	} {
		records, err := decode(f, columns, []byte(`{"a\t":`+text+"}\n"))
		if (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil || text == "null" {
			continue
		}
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if got := records[0].Column(0).ValueStr(0); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, line := range []string{"{\"a\\t\":\"x\"}", `{"b":"x"}` + "\n", `{"a\t":"x","b":1}` + "\n", "{}\n", "\n", `["x"]` + "\n", `{"a\t" :"x"}` + "\n"} {
		if _, err := decode(f, columns, []byte(line)); err == nil {
			t.Errorf("%q: no error", line)
		}
	}
}
