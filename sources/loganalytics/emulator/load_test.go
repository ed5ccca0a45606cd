package emulator

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const smallSchema = `{"table":"T","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"S","type":"string"},{"name":"L","type":"long"},
	{"name":"_BilledSize","type":"real"},{"name":"_Shown","type":"int","hidden":true}],"observed_undocumented_columns":[{"name":"MG","type":"string"}],"attributes":{}}`

func TestLoadDataset(t *testing.T) {
	dir := folder(t, map[string]string{
		"T.json":     smallSchema,
		"T.jsonl":    `{"TimeGenerated":"2026-01-01T00:00:00Z","L":9007199254740993,"MG":"m"}` + "\n\r\n" + `{"S":null,"L":null,"_BilledSize":1,"_ItemId":"i"}`,
		"Empty.json": `{"columns":[{"name":"a","type":"bool"}]}`,
		"README.md":  "x", "_T.meta.json": "x", ".hidden.jsonl": "x", "LICENSES.txt": "x",
	})
	d, err := LoadDataset(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Tables(); !reflect.DeepEqual(got, []string{"Empty", "T"}) {
		t.Fatalf("got tables %v", got)
	}
	table, _ := d.Table("T")
	var shown []string
	for _, c := range table.Columns {
		if !c.Hidden {
			shown = append(shown, c.Name)
		}
	}
	if got := strings.Join(shown, " "); got != "TimeGenerated S L MG" {
		t.Errorf("columns that show: %s", got)
	}
	if len(table.Rows) != 2 || table.Rows[0][2] != int64(9007199254740993) || table.Rows[1][1] != "" || table.Rows[1][2] != nil || table.Rows[1][3] != 1.0 {
		t.Errorf("got rows %v", table.Rows)
	}
	empty, _ := d.Table("Empty")
	if empty.Columns[0].Name != "TimeGenerated" || empty.Columns[0].Type != pipeline.Datetime || len(empty.Rows) != 0 {
		t.Errorf("a list without time: got %+v", empty.Columns)
	}
}

func TestLoadFromTwoFolders(t *testing.T) {
	schemas := folder(t, map[string]string{"T.json": smallSchema})
	rows := folder(t, map[string]string{"T.jsonl": `{"S":"a"}`})
	more := folder(t, map[string]string{"T.jsonl": `{"S":"b"}`})
	d, err := LoadDataset(schemas, rows, more)
	if err != nil {
		t.Fatal(err)
	}
	table, _ := d.Table("T")
	if len(table.Rows) != 2 || table.Rows[0][1] != "a" || table.Rows[1][1] != "b" || table.Rows[0][6] == table.Rows[1][6] {
		t.Errorf("got rows %v", table.Rows)
	}
}

func TestLoadNamesTheFault(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"a value", map[string]string{"T.json": smallSchema, "T.jsonl": "{}\n{\"L\":\"x\\ny\"}"}, `T.jsonl:2: column L: "x\ny" is not a value of type long`},
		{"a long value", map[string]string{"T.json": smallSchema, "T.jsonl": `{"L":"` + strings.Repeat("ä", 99) + `"}`}, `T.jsonl:1: column L: "` + strings.Repeat("ä", 29) + `… is not a value of type long`},
		{"a column", map[string]string{"T.json": smallSchema, "T.jsonl": `{"Oops":1}`}, "T.jsonl:1: column Oops: the table has no such column"},
		{"no object", map[string]string{"T.json": smallSchema, "T.jsonl": "null"}, "T.jsonl:1: the line is not an object of columns: null"},
		{"cut off", map[string]string{"T.json": smallSchema, "T.jsonl": "{}\n\n{\"S\":"}, "T.jsonl:3: the line is not an object of columns: unexpected end of JSON input"},
		{"no schema", map[string]string{"T.jsonl": "{}"}, "T.jsonl: there is no DIR/T.json with its columns"},
		{"bad schema", map[string]string{"T.json": "[]"}, "T.json: it is not a list of columns: json: cannot unmarshal array into Go value of type emulator.schemaFile"},
		{"no columns", map[string]string{"T.json": "{}"}, `T.json: "columns" is empty or missing`},
		{"another name", map[string]string{"T.json": `{"table":"U"}`}, `T.json: it describes table "U"; rename one of them`},
		{"bad type", map[string]string{"T.json": `{"columns":[{"name":"a","type":"double"}]}`}, `T.json: column a: "double" is not a type of KQL`},
		{"twice", map[string]string{"T.json": `{"columns":[{"name":"a","type":"int"}],"observed_undocumented_columns":[{"name":"a","type":"int"}]}`}, "T.json: column a is there twice"},
	} {
		dir := folder(t, test.files)
		_, err := LoadDataset(dir)
		want := "read dataset: " + dir + "/" + strings.ReplaceAll(test.want, "DIR", dir)
		if err == nil || filepath.ToSlash(err.Error()) != filepath.ToSlash(want) {
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, want)
		}
	}
	if _, err := LoadDataset(filepath.Join(t.TempDir(), "absent")); err == nil || !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("an absent folder: got %v", err)
	}
}

func unwrapAll(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil || os.IsNotExist(err) {
			return err
		}
		err = inner.Unwrap()
	}
}

func TestEachField(t *testing.T) {
	for line, want := range map[string]string{
		`{}`: "", ` {"a":1}`: "*", `{"a":1}`: "a=1;", `{ "a" : "x\"}" , "b\u0041" : [1,{"c":"]"}],"":null }`: `a="x\"}";bA=[1,{"c":"]"}];=null;`,
		`{"a":{"b":{}},"c":-1.5e3}`: `a={"b":{}};c=-1.5e3;`, `{"ä":"\\"}`: `ä="\\";`, `[]`: "*", `{"a":1`: "*", `null`: "*", `{"a":1}{}`: "*", `"{}"`: "*",
	} {
		var got strings.Builder
		err := eachField([]byte(line), func(key string, raw json.RawMessage) error {
			got.WriteString(key + "=" + string(raw) + ";")
			return nil
		})
		if (err != nil) != (want == "*") || err == nil && got.String() != want {
			t.Errorf("%s: got %q (%v), want %q", line, got.String(), err, want)
		}
	}
	stop := errors.New("stop")
	if err := eachField([]byte(`{"a":1,"b":2}`), func(string, json.RawMessage) error { return stop }); err != stop {
		t.Errorf("got %v, want %v", err, stop)
	}
}

func FuzzEachField(f *testing.F) {
	f.Add(`{"a":{"b":[1,"]"]},"c":"x\"","d":null}`)
	f.Add(`{ "a" :-1.5e3 , "a":true}`)
	f.Fuzz(func(t *testing.T, line string) {
		var want map[string]json.RawMessage
		if strings.TrimSpace(line) != line || json.Unmarshal([]byte(line), &want) != nil || want == nil {
			return
		}
		got := make(map[string]json.RawMessage)
		err := eachField([]byte(line), func(key string, raw json.RawMessage) error { got[key] = raw; return nil })
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q (%v), want %q", line, got, err, want)
		}
	})
}
