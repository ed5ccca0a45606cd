package kql

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kustash/kustash/pipeline"
)

// textTests are the operators on two texts, without their negations. Those that
// ignore case get both texts in lower case.
var textTests = map[string]func(s, part string) bool{
	"=~":         func(s, t string) bool { return s == t },
	"contains":   strings.Contains,
	"startswith": strings.HasPrefix,
	"endswith":   strings.HasSuffix,
	"has":        func(s, t string) bool { return hasTerm(s, t, true, true) },
	"hasprefix":  func(s, t string) bool { return hasTerm(s, t, true, false) },
	"hassuffix":  func(s, t string) bool { return hasTerm(s, t, false, true) },
}

// textTest binds contains, has, startswith and so on. A null counts as the empty
// text, and the empty text is part of every text.
func textTest(op string, l, r *scalar) func([]Value) (Value, error) {
	negate := strings.HasPrefix(op, "!")
	name := strings.TrimPrefix(op, "!")
	if op == "!~" {
		name = "=~"
	}
	base, exact := strings.CutSuffix(name, "_cs")
	test := textTests[base]
	fixed := ""
	if r.constant {
		fixed = strings.ToLower(text(r.value))
	}
	return pairwise(l.eval, r.eval, func(v, w Value) (Value, error) {
		s, t := text(v), fixed
		switch {
		case exact:
			t = text(w)
		case !r.constant:
			t = strings.ToLower(text(w))
		}
		if !exact {
			s = strings.ToLower(s)
		}
		return test(s, t) != negate, nil
	})
}

// hasTerm looks for part in s where it begins or ends at the edge of a term:
// terms are runs of letters and digits.
func hasTerm(s, part string, atStart, atEnd bool) bool {
	if part == "" {
		return true
	}
	for from := 0; ; {
		i := strings.Index(s[from:], part)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i+len(part):])
		if !(atStart && termRune(before) && termEdge(part, true)) && !(atEnd && termRune(after) && termEdge(part, false)) {
			return true
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		from = i + n
	}
}

func termRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// termEdge tells whether the part begins (ends) inside a term: "-a" does not
// care what stands in front of its hyphen.
func termEdge(part string, start bool) bool {
	r, _ := utf8.DecodeLastRuneInString(part)
	if start {
		r, _ = utf8.DecodeRuneInString(part)
	}
	return termRune(r)
}

// matcher binds matches regex; the service uses RE2, as Go does.
func matcher(l, r *scalar) func([]Value) (Value, error) {
	var patterns regexCache
	return pairwise(l.eval, r.eval, func(v, w Value) (Value, error) {
		re, err := patterns.get(text(w))
		if err != nil {
			return nil, err
		}
		return re.MatchString(text(v)), nil
	})
}

// regexCache keeps the pattern of the row before, which is nearly always the
// same.
type regexCache struct {
	pattern string
	re      *regexp.Regexp
}

func (c *regexCache) get(pattern string) (*regexp.Regexp, error) {
	if c.re != nil && c.pattern == pattern {
		return c.re, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, semanticError(codeOther, "the pattern '%s' is not a regular expression: %v", pattern, err)
	}
	c.pattern, c.re = pattern, re
	return re, nil
}

// anyColumn binds "* has x": the test holds in at least one visible column.
func (b *binder) anyColumn(x *binaryExpr, e env) (*scalar, error) {
	out := constantOf(false, pipeline.Bool)
	for _, i := range visible(e.columns) {
		typ := e.columns[i].Type
		test := &binaryExpr{op: x.op, x: &nameExpr{id: e.columns[i].Name}, y: x.y}
		if _, textual := textTests[strings.TrimSuffix(strings.TrimPrefix(x.op, "!"), "_cs")]; textual && typ != pipeline.String {
			test.x = &callExpr{fn: "tostring", args: []expr{test.x}}
		}
		s, err := b.binary(test, e)
		if err != nil {
			continue // a column of another type
		}
		out = &scalar{typ: pipeline.Bool, needsRow: true, eval: connective(false, out.eval, s.eval)}
	}
	if _, err := b.scalar(x.y, e); err != nil {
		return nil, err
	}
	return out, nil
}
