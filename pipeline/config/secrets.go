package config

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// mark is the type of marks on values.
type mark string

// sensitive marks a value that must not be shown.
const sensitive = mark("sensitive")

// hiddenText stands for a sensitive value wherever one would be shown.
const hiddenText = "(sensitive value)"

// secretName matches names of environment variables and arguments whose value
// is sensitive.
var secretName = regexp.MustCompile(`(?i)SECRET|KEY|TOKEN|PASSWORD|SAS|CONNECTION`)

// secrets remembers what must not be shown: values, and places in files where
// one is written out.
type secrets struct {
	reads  int // how often an environment variable with a secret was read
	values []string
	places []hcl.Range
}

// remember notes all texts within a sensitive value.
func (s *secrets) remember(v cty.Value) {
	v, _ = v.UnmarkDeep()
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			s.add(v.AsString())
		}
		return true, nil
	})
}

// add notes a text. Shorter ones occur in messages by chance.
func (s *secrets) add(text string) {
	const shortest = 4
	for _, t := range append(strings.Split(text, "\n"), text) {
		quoted := strconv.Quote(t)
		for _, form := range []string{t, quoted[1 : len(quoted)-1]} {
			if len(form) >= shortest && !slices.Contains(s.values, form) {
				s.values = append(s.values, form)
			}
		}
	}
}

// hide replaces every known secret in a message.
func (s *secrets) hide(text string) string {
	slices.SortFunc(s.values, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, v := range s.values {
		pairs = append(pairs, v, hiddenText)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// mask notes that the source of a sensitive value must not be quoted as far as
// it is written out. The name of an environment variable may be seen.
func (s *secrets) mask(expr hcl.Expression) {
	native, ok := hcl.UnwrapExpression(expr).(hclsyntax.Expression)
	if !ok {
		s.places = append(s.places, expr.Range())
		return
	}
	_ = hclsyntax.VisitAll(native, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.LiteralValueExpr:
			s.places = append(s.places, n.Range())
		case *hclsyntax.TemplateExpr:
			if n.IsStringLiteral() {
				s.places = append(s.places, n.Range())
			}
		}
		return nil
	})
	for _, shown := range envNames(native) {
		s.places = slices.DeleteFunc(s.places, func(r hcl.Range) bool { return r.Filename == shown.Filename && r.Overlaps(shown) })
	}
}

// envNames returns the places of the first arguments of env calls.
func envNames(expr hclsyntax.Expression) []hcl.Range {
	var names []hcl.Range
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "env" && len(call.Args) > 0 {
			names = append(names, call.Args[0].Range())
		}
		return nil
	})
	return names
}

// maskSuspicious hides what follows an argument with a telling name in a file
// that could not be parsed, and so tells nothing about its values.
func (s *secrets) maskSuspicious(src []byte, name string) {
	offset := 0
	for line := range bytes.SplitAfterSeq(src, []byte("\n")) {
		if i := bytes.IndexAny(line, "=:"); i >= 0 && secretName.Match(line[:i]) {
			s.places = append(s.places, hcl.Range{Filename: name, Start: hcl.Pos{Byte: offset + i + 1}, End: hcl.Pos{Byte: offset + len(line)}})
		}
		offset += len(line)
	}
}

// maskStray hides the value of an argument that is not expected where it
// stands, if its name is a telling one or was meant to be.
func (l *loader) maskStray(d *hcl.Diagnostic) {
	if d.Subject == nil || l.source(*d.Subject) == "" || !secretName.MatchString(l.source(*d.Subject)+d.Detail) {
		return
	}
	src := l.files[d.Subject.Filename].Bytes
	end := len(src)
	if i := bytes.IndexByte(src[d.Subject.End.Byte:], '\n'); i >= 0 {
		end = d.Subject.End.Byte + i
	}
	start := d.Subject.End
	if i := bytes.IndexByte(src[start.Byte:end], '='); i >= 0 {
		start.Byte += i + 1
	}
	l.secrets.places = append(l.secrets.places, hcl.Range{Filename: d.Subject.Filename, Start: start, End: hcl.Pos{Byte: end}})
}

// maskedFiles returns the files for quoting, with asterisks in place of
// literal secrets. Offsets stay the same.
func (l *loader) maskedFiles() map[string]*hcl.File {
	masked := make(map[string]*hcl.File, len(l.files))
	for name, f := range l.files {
		clone := *f
		clone.Bytes = bytes.Clone(f.Bytes)
		masked[name] = &clone
	}
	for _, r := range l.secrets.places {
		f := masked[r.Filename]
		if f == nil {
			continue
		}
		for i := max(0, r.Start.Byte); i < min(r.End.Byte, len(f.Bytes)); i++ {
			if c := f.Bytes[i]; c != '\n' && c != '\r' && c != '"' && c != ' ' {
				f.Bytes[i] = '*'
			}
		}
	}
	return masked
}
