package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFormat(t *testing.T) {
	const crooked = "sink   \"local\" \"a\"{\npath=\"x\"\n    layout   =    \"y\" # why\n format \"csv\" {\n}\n}\nquery \"q\" {\n  kql = <<-KQL\n   T\n     | x\n  KQL\n}\n"
	const straight = "sink \"local\" \"a\" {\n  path   = \"x\"\n  layout = \"y\" # why\n  format \"csv\" {\n  }\n}\nquery \"q\" {\n  kql = <<-KQL\n   T\n     | x\n  KQL\n}\n"
	got, diags := Format([]byte(crooked), "x.kustash.hcl")
	if len(diags) > 0 || string(got) != straight {
		t.Errorf("Format = %v\n%s\nwant\n%s", diags, got, straight)
	}
	for _, same := range []string{"", "\n", "# only a comment", straight} {
		if got, diags := Format([]byte(same), "x.kustash.hcl"); len(diags) > 0 || string(got) != same {
			t.Errorf("Format(%q) = %q, %v", same, got, diags)
		}
	}
}

func TestFormatKeepsWhatItCannotRead(t *testing.T) {
	for name, text := range map[string]string{
		"x.kustash.hcl":  "a  =  {",
		"y.kustash.hcl":  "\xff\xfe",
		"z.kustash.json": "{\"a\": }",
		"d.kustash.hcl":  "a = " + strings.Repeat("[", 500) + strings.Repeat("]", 500),
	} {
		got, diags := Format([]byte(text), name)
		if !diags.HasErrors() || string(got) != text {
			t.Errorf("Format(%s) = %q, %v", name, got, diags)
		}
	}
	if got, diags := Format([]byte(`{"a":  1}`), "x.kustash.json"); len(diags) > 0 || string(got) != `{"a":  1}` {
		t.Errorf("Format of JSON = %q, %v", got, diags)
	}
}

// Formatting the fixtures twice is formatting them once.
func TestFormatIsStable(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.kustash.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		once, _ := Format(text, name)
		twice, _ := Format(once, name)
		if string(once) != string(twice) {
			t.Errorf("%s changes again", name)
		}
	}
}
