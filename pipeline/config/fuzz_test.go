package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No input makes a load panic, and every diagnostic can be written.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.kustash.hcl", "testdata/valid/*/*.kustash.*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), strings.HasSuffix(name, ".json"), "a = 1", "[1]")
		}
	}
	f.Add("variable \"v\" {\n  type = object({ a = optional(list(string), [\"x\"]) })\n  default = {}\n}", false, "v = { a = null }", "{ a = null }")
	f.Fuzz(func(t *testing.T, text string, isJSON bool, values, arg string) {
		for _, outside := range []string{"fileset", "file", "abspath"} {
			if strings.Contains(text, outside) {
				t.Skip("reads what is not part of the test")
			}
		}
		name := "x" + hclSuffix
		if isJSON {
			name = "x" + jsonSuffix
		}
		o := testOptions()
		o.Vars = []VarArg{{Name: "v", Value: arg}}
		p, diags := Load(writeFiles(t, map[string]string{name: text, varsFile: values}), o)
		for _, style := range []Style{{}, {Width: 40, Color: true}} {
			if err := WriteDiagnostics(&strings.Builder{}, p.Files, diags, style); err != nil {
				t.Fatal(err)
			}
		}
		for _, d := range diags {
			DiagnosticJSON(p.Files, d)
		}
		for _, o := range p.Outputs {
			_, _ = o.String(), o.JSON()
		}
		if formatted, diags := Format([]byte(text), name); !diags.HasErrors() {
			again, _ := Format(formatted, name)
			if string(again) != string(formatted) {
				t.Errorf("formatted again it differs: %q, %q", formatted, again)
			}
		}
	})
}
