package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s\nwant\n%s", name, got, want)
	}
}

func TestWriteDiagnostics(t *testing.T) {
	p, diags := Load("testdata/golden", testOptions())
	for name, style := range map[string]Style{"plain": {}, "narrow": {Width: 60}, "color": {Width: 78, Color: true}} {
		var b bytes.Buffer
		if err := WriteDiagnostics(&b, p.Files, diags, style); err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/golden/"+name+".txt", b.Bytes())
	}
	var lines bytes.Buffer
	for _, d := range diags {
		line := DiagnosticJSON(p.Files, d)
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
		lines.Write(append(line, '\n'))
	}
	golden(t, "testdata/golden/lines.jsonl", lines.Bytes())
}

// A file or a name from elsewhere must not be able to rewrite the terminal.
func TestDiagnosticsHoldNoControlCharacters(t *testing.T) {
	p, diags := loadText(t, "locals {\n  a = \"\x1b[2J\u202e\" + nope\r\n}\nsink \"\\u001b[31m\" \"a\" {\n}\n")
	if len(diags) == 0 {
		t.Fatal("no diagnostics")
	}
	if text := show(p, diags); strings.ContainsAny(text, "\x1b\u202e\r") {
		t.Errorf("control characters in %q", text)
	}
}

func TestWriteOddPlaces(t *testing.T) {
	files := map[string]*hcl.File{"f": {Bytes: []byte("one\ntwo")}}
	for _, at := range []hcl.Range{
		{Filename: "none", Start: hcl.Pos{Line: 3, Column: 1, Byte: 9}},
		{Filename: "f", Start: hcl.Pos{Line: 2, Column: 9, Byte: 99}, End: hcl.Pos{Line: 2, Column: 9, Byte: 100}},
		{Filename: "f", Start: hcl.Pos{Line: 2, Column: 4, Byte: 7}, End: hcl.Pos{Line: 2, Column: 4, Byte: 7}},
		{Filename: "f", Start: hcl.Pos{Line: 1, Column: 2, Byte: 1}, End: hcl.Pos{Line: 2, Column: 2, Byte: 5}},
		{Filename: "f", Start: hcl.Pos{Line: 1, Column: 2, Byte: -1}},
	} {
		var b strings.Builder
		d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "S", Detail: "D.", Subject: &at}
		if err := WriteDiagnostics(&b, files, hcl.Diagnostics{d}, Style{}); err != nil || !strings.HasSuffix(b.String(), "\nD.\n") {
			t.Errorf("%v: %v, %q", at, err, b.String())
		}
		if text := DiagnosticJSON(files, d); !json.Valid(text) {
			t.Errorf("%v: not JSON: %s", at, text)
		}
	}
}
