package sinks

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

func nameFile() pipeline.File {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return pipeline.File{
		Slice:   pipeline.Slice{Query: pipeline.Query{Address: "query.a"}, Window: pipeline.Window{Start: start, End: start.Add(time.Hour)}},
		Lineage: "l",
	}
}

func TestFileName(t *testing.T) {
	f := nameFile()
	// sha256("l\x00query.a") begins with e5189d0f.
	const window = "20260101T000000.0000000Z-20260101T010000.0000000Z"
	if got, want := fileName(f, "parquet"), window+"-f1-e5189d0f.parquet"; got != want {
		t.Errorf("name %s, want %s", got, want)
	}
	f.Number, f.Slice.Part = 11, "0f"
	if got, want := fileName(f, "csv.gz"), window+"-h0f-f12-e5189d0f.csv.gz"; got != want {
		t.Errorf("name %s, want %s", got, want)
	}
	names := make(map[string]bool)
	for _, change := range []func(*pipeline.File){
		func(*pipeline.File) {},
		func(f *pipeline.File) { f.Lineage = "l2" },
		func(f *pipeline.File) { f.Lineage, f.Slice.Query.Address = "lq", "uery.a" },
		func(f *pipeline.File) { f.Slice.Query.Address = "query.b" },
		func(f *pipeline.File) { f.Number = 1 },
		func(f *pipeline.File) { f.Slice.Part = "a" },
		func(f *pipeline.File) { f.Slice.Window.End = f.Slice.Window.End.Add(100) },
	} {
		f := nameFile()
		change(&f)
		name := fileName(f, "csv")
		if names[name] {
			t.Errorf("%s is there twice", name)
		}
		names[name] = true
		if err := CheckKey(name); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckKey(t *testing.T) {
	for _, good := range []string{"a", "a/b", "a=b/c%2F.d", "_kustash/lineage.json", "é/…", strings.Repeat("x", 255)} {
		if err := CheckKey(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "/", "/a", "a/", "a//b", ".", "a/./b", "a/..", `a\b`, "a\nb", "\x7f",
		strings.Repeat("x", 256), strings.Repeat("x/", 512) + "x"} {
		if err := CheckKey(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestMetadataFields(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 123456700, time.UTC)
	full := Metadata{
		Lineage: "l", Query: `query.a["é"]`, Workspace: "w", Fingerprint: "fp1:0",
		Window: pipeline.Window{Start: start, End: start.Add(time.Hour)}, Part: "a",
		Cut: pipeline.Cut{From: start.Add(1), To: start.Add(2 * time.Hour)}, Number: 3, Rows: 1 << 40, Bytes: 5, SHA256: "00",
		Schema: "s", Columns: pipeline.Schema{{Name: "a", Type: pipeline.Long, As: "a_2"}}, Format: "csv header=false",
		Tool: "kustash 1", Replaces: []string{"x", "y"},
	}
	full.From = full.From.Truncate(100) // ticks
	for _, m := range []Metadata{full, {Lineage: "l", Replaces: []string{}}} {
		fields := m.Fields()
		got, err := MetadataOf(func(name string) string { return fields[name] })
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("read back %+v, %v\nwant %+v", got, err, m)
		}
	}
	for name, text := range map[string]string{"start": "2026-01-01", "rows": "many", "columns": "{", "lineage": ""} {
		fields := full.Fields()
		fields[name] = text
		if _, err := MetadataOf(func(name string) string { return fields[name] }); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s = %q: %v, want an error that names it", name, text, err)
		}
	}
}

func TestAppendReal(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 1e6: "1000000", 1e20: "100000000000000000000", 1e21: "1e+21",
		0.1: "0.1", 1e-6: "0.000001", 1e-7: "1e-07", 5e-324: "5e-324", -1.5: "-1.5", 123456789.125: "123456789.125"} {
		if got := string(AppendReal([]byte("x"), v)); got != "x"+want {
			t.Errorf("%g: %q, want %q", v, got, want)
		}
	}
}

// A key tells folder and format of every object, whatever they are.
func TestSplitKey(t *testing.T) {
	for _, folder := range []string{"a", "events/SigninLogs/date=2026-01-01", "a-b.c/d-00000000.x"} {
		for _, part := range []string{"", "0f"} {
			for _, ext := range []string{"parquet", "csv", "csv.gz"} {
				f := nameFile()
				f.Slice.Part = part
				key := folder + "/" + fileName(f, ext)
				if gotFolder, gotExt, ok := splitKey(key); gotFolder != folder || gotExt != ext || !ok {
					t.Errorf("%s: %q, %q, %v", key, gotFolder, gotExt, ok)
				}
			}
		}
	}
	for _, key := range []string{"a/b", "a/b.csv", "a/b-1234567.csv", "a/b-12345678", "a/12345678.csv", "a/b-12345678."} {
		if folder, ext, ok := splitKey(key); ok {
			t.Errorf("%s: %q, %q", key, folder, ext)
		}
	}
}
