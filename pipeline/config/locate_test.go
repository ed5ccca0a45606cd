package config

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Every expression makes a text with "top" in it. The place found for it must
// be what the source shows between guillemets, which are taken out first.
func TestLocate(t *testing.T) {
	for name, source := range map[string]string{
		"quoted":            `"T | «top» 3"`,
		"escaped":           `"T\t| x == \"\\d\" \u00e4 \U0001F600 | «top» 3"`,
		"unicode":           `"ä € 😀 | «top» 3"`,
		"parentheses":       `("T | «top»")`,
		"heredoc":           "<<EOT\nT\n  | x\n\n\t| «top» 3\nEOT\n",
		"indented":          "<<-EOT\n    T\n      | $${x} %%{y}\n\n      | «top» 3\n  EOT\n",
		"first line":        "<<-EOT\n\t\t«top»\n\t\tT\n\tEOT\n",
		"crlf":              "<<-EOT\r\n    T\r\n    | «top» 3\r\n  EOT\r\n",
		"behind a value":    `"${upper("t")} | «top» 3"`,
		"heredoc, value":    "<<-EOT\n    ${upper(\"t\")} | x\n    | ${word} | «top» 3\n  EOT\n",
		"within a value":    `"T | ${«word»} 3"`,
		"half in a value":   `"T | «t${half»} 3"`,
		"backslash heredoc": "<<EOT\nT | x matches regex \"\\d\\n\" | «top»\nEOT\n",
		"call":              `«join(" ", ["T", "| top"])»`,
		"conditional":       `«true ? "T | top" : ""»`,
		"decomposed":        "«\"e\u0301 | top\"»",
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			text := "kql = " + source + "\n"
			from, to := strings.Index(text, "«"), strings.Index(text, "»")-len("«")
			src := []byte(strings.NewReplacer("«", "", "»", "").Replace(text))
			file, diags := hclsyntax.ParseConfig(src, "x", hcl.InitialPos)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			l := newLoader("", Options{})
			l.files["x"] = file
			ctx := &hcl.EvalContext{Functions: l.functions, Variables: map[string]cty.Value{"word": cty.StringVal("top"), "half": cty.StringVal("op")}}
			if name == "heredoc, value" {
				ctx.Variables["word"] = cty.StringVal("word")
			}
			expr := file.Body.(*hclsyntax.Body).Attributes["kql"].Expr
			value, diags := expr.Value(ctx)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			b := &body{decoder: &decoder{loader: l, ctx: ctx}}
			got := b.locate(expr, value.AsString(), strings.Index(value.AsString(), "top"), 3)
			if got.Start.Byte != from || got.End.Byte != to {
				t.Errorf("found %q, want %q", src[got.Start.Byte:got.End.Byte], src[from:to])
			}
			if want := rangeAt(src, "x", from, to); got != want {
				t.Errorf("range = %+v, want %+v", got, want)
			}
		})
	}
}

func TestRangeAt(t *testing.T) {
	src := []byte("ab\nä😀x\r\nlast")
	for _, test := range []struct{ offset, line, column int }{
		{0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {5, 2, 2}, {9, 2, 3}, {10, 2, 4}, {12, 3, 1}, {16, 3, 5}, {99, 3, 5}, {-1, 1, 1},
	} {
		if got := rangeAt(src, "x", test.offset, test.offset).Start; got.Line != test.line || got.Column != test.column {
			t.Errorf("offset %d is at %d:%d, want %d:%d", test.offset, got.Line, got.Column, test.line, test.column)
		}
	}
}
