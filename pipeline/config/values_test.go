package config

import (
	"strings"
	"testing"
)

func TestPrecedence(t *testing.T) {
	// The origins of a value from the weakest; each test drops the last.
	files := []struct{ name, text string }{
		{"kustash.vars.hcl", "v = \"vars\"\n"},
		{"a.auto.vars.hcl", "v = \"auto-a\"\n"},
		{"b.auto.vars.json", `{"v": "auto-b"}`},
		{"c.auto.vars.hcl", "v = \"auto-c\"\n"},
	}
	args := []VarArg{{File: "extra.hcl"}, {Name: "v", Value: "arg"}, {File: "last.json"}}
	want := []string{"default", "env", "vars", "auto-a", "auto-b", "auto-c", "extra", "arg", "last"}
	for n := range want {
		dir := map[string]string{
			"main.kustash.hcl": "variable \"v\" {\n  default = \"default\"\n}\noutput \"v\" {\n  value = var.v\n}\n",
			"extra.hcl":        "v = \"extra\"\n",
			"last.json":        `{"v": "last"}`,
		}
		o := testOptions()
		if n >= 1 {
			o.Env = lookUp(map[string]string{"KUSTASH_VAR_v": "env", "KUSTASH_VAR_other": "ignored"})
		}
		for i, f := range files {
			if n >= 2+i {
				dir[f.name] = f.text
			}
		}
		o.Vars = args[:max(0, n-5)]
		p, diags := Load(writeFiles(t, dir), o)
		if len(diags) > 0 {
			t.Fatal(show(p, diags))
		}
		if got := p.Outputs[0].Value.AsString(); got != want[n] {
			t.Errorf("with %d origins the value is %q, want %q", n, got, want[n])
		}
	}
}

func TestVariableTexts(t *testing.T) {
	for _, test := range []struct{ ty, text, want string }{
		{"string", "a = b", `"a = b"`},
		{"string", "[1]", `"[1]"`},
		{"string", "", `""`},
		{"", "12", `"12"`},
		{"number", "12", "12"},
		{"bool", "true", "true"},
		{"list(string)", `["a", "b"]`, `["a", "b"]`},
		{"map(number)", `{ a = 1 }`, "{\n  a = 1\n}"},
		{"any", `[1]`, "[1]"},
		{"object({ a = number, b = optional(string, \"x\") })", `{ a = 1 }`, "{\n  a = 1\n  b = \"x\"\n}"},
	} {
		text := "variable \"v\" {\n"
		if test.ty != "" {
			text += "  type = " + test.ty + "\n"
		}
		p, diags := loadText(t, text+"}\noutput \"v\" {\n  value = var.v\n}\n", func(o *Options) { o.Vars = []VarArg{{Name: "v", Value: test.text}} })
		if len(diags) > 0 {
			t.Errorf("type %s, -var v=%s:\n%s", test.ty, test.text, show(p, diags))
			continue
		}
		if got := p.Outputs[0].String(); got != test.want {
			t.Errorf("type %s, -var v=%s gives %s, want %s", test.ty, test.text, got, test.want)
		}
	}
}

func TestVariableMistakes(t *testing.T) {
	const declared = `
variable "count_of" { type = number }
variable "names" {
  type    = list(string)
  default = []
}
`
	for _, test := range []struct {
		name  string
		arg   VarArg
		files map[string]string
		want  string
	}{
		{"none", VarArg{Name: "names", Value: "[]"}, nil, "Give it one with -var count_of=VALUE, a line count_of = … in kustash.vars.hcl, or the environment variable KUSTASH_VAR_count_of."},
		{"unknown", VarArg{Name: "nmaes", Value: "x"}, nil, `Did you mean "names"?`},
		{"no number", VarArg{Name: "count_of", Value: "many"}, nil, "Quote texts within it"},
		{"not a number", VarArg{Name: "count_of", Value: `"many"`}, nil, "a number is required"},
		{"broken", VarArg{Name: "names", Value: `["a"`}, nil, "is read as an expression"},
		{"missing file", VarArg{File: "none.hcl"}, nil, "none.hcl cannot be read: no such file"},
		{"unknown in file", VarArg{File: "v.hcl"}, map[string]string{"v.hcl": "cuont_of = 1"}, `Did you mean "count_of"?`},
		{"block in file", VarArg{File: "v.hcl"}, map[string]string{"v.hcl": "variable \"x\" {\n}\n"}, "blocks belong into *.kustash.hcl files"},
		{"reference in file", VarArg{File: "v.hcl"}, map[string]string{"v.hcl": "count_of = var.x"}, "Variables may not be used here"},
		{"type in file", VarArg{File: "v.hcl"}, map[string]string{"v.hcl": "names = [[]]"}, "does not fit the variable \"names\""},
		{"no object", VarArg{File: "v.json"}, map[string]string{"v.json": "[]"}, "JSON"},
	} {
		files := map[string]string{"main.kustash.hcl": declared}
		for name, text := range test.files {
			files[name] = text
		}
		o := testOptions()
		o.Vars = []VarArg{test.arg}
		p, diags := Load(writeFiles(t, files), o)
		if text := show(p, diags); !diags.HasErrors() || !strings.Contains(text, test.want) {
			t.Errorf("%s: no %q in:\n%s", test.name, test.want, text)
		}
	}
}

func TestParseVar(t *testing.T) {
	if got, err := ParseVar("a=b=c"); err != nil || got != (VarArg{Name: "a", Value: "b=c"}) {
		t.Errorf("ParseVar = %+v, %v", got, err)
	}
	for _, bad := range []string{"", "a", "=b", " =b"} {
		if got, err := ParseVar(bad); err == nil {
			t.Errorf("ParseVar(%q) = %+v, want an error", bad, got)
		}
	}
}

func TestNullableAndValidation(t *testing.T) {
	const text = `
variable "v" {
  type     = string
  default  = "fallback"
  nullable = false
}
variable "n" {
  type    = number
  default = null
}
variable "checked" {
  type = number
  validation {
    condition     = var.checked > 10 && length(var.v) > 0
    error_message = "Too small."
  }
}
output "o" { value = [var.v, var.n, var.checked] }
`
	p, diags := loadText(t, text, func(o *Options) { o.Vars = []VarArg{{Name: "checked", Value: "11"}} })
	if len(diags) > 0 || p.Outputs[0].String() != `["fallback", null, 11]` {
		t.Errorf("output = %v\n%s", p.Outputs, show(p, diags))
	}
	p, diags = loadText(t, text, func(o *Options) { o.Vars = []VarArg{{Name: "checked", Value: "9"}} })
	if got := show(p, diags); !strings.Contains(got, "on -var checked line 1:\n   1: 9\n") || !strings.Contains(got, "Too small.") {
		t.Errorf("diagnostics:\n%s", got)
	}
}
