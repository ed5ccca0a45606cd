package loganalytics

import "strings"

// script is a query cut into tokens and statements.
type script struct {
	text       string
	tokens     []token // without space and comments
	match      []int   // for each token the index of the other bracket, or -1
	statements []part  // what stands between semicolons, empty ones left out
	odd        int     // index of the first token that makes it no query, or -1
}

// part is the tokens [from, to) of a script.
type part struct{ from, to int }

func (p part) empty() bool { return p.from >= p.to }

// newScript never fails; odd says whether brackets and quotes are balanced.
func newScript(text string) *script {
	s := &script{text: text, odd: -1}
	for _, t := range scan(text) {
		if t.kind != tokenSpace && t.kind != tokenComment {
			s.tokens = append(s.tokens, t)
		}
	}
	s.balance()
	if s.odd >= 0 {
		return s
	}
	for _, p := range s.split(part{0, len(s.tokens)}, ";") {
		if !p.empty() {
			s.statements = append(s.statements, p)
		}
	}
	return s
}

func (s *script) balance() {
	s.match = make([]int, len(s.tokens))
	var open []int
	for i, t := range s.tokens {
		s.match[i] = -1
		if t.kind == tokenBroken && s.odd < 0 {
			s.odd = i
		}
		switch c := s.at(i); c {
		case "(", "[", "{":
			open = append(open, i)
		case ")", "]", "}":
			n := len(open) - 1
			if n < 0 || closing[s.at(open[n])] != c {
				if s.odd < 0 {
					s.odd = i
				}
				continue
			}
			s.match[i], s.match[open[n]] = open[n], i
			open = open[:n]
		}
	}
	if len(open) > 0 && s.odd < 0 {
		s.odd = open[len(open)-1]
	}
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

// at returns the text of token i, or "" if there is none.
func (s *script) at(i int) string {
	if i < 0 || i >= len(s.tokens) {
		return ""
	}
	return s.text[s.tokens[i].start:s.tokens[i].end]
}

// in returns the text of token i if p holds it, or else "".
func (s *script) in(p part, i int) string {
	if i < p.from || i >= p.to {
		return ""
	}
	return s.at(i)
}

func (s *script) kind(i int) tokenKind {
	if i < 0 || i >= len(s.tokens) {
		return tokenSpace
	}
	return s.tokens[i].kind
}

// after returns the index of the token after i, with a bracket and all that is
// in it taken as one.
func (s *script) after(i int) int {
	if s.match[i] > i {
		return s.match[i] + 1
	}
	return i + 1
}

// split cuts p at each separator that stands in no bracket of its own.
func (s *script) split(p part, separator string) []part {
	var parts []part
	from := p.from
	for i := p.from; i < p.to; i = s.after(i) {
		if s.at(i) == separator {
			parts = append(parts, part{from, i})
			from = i + 1
		}
	}
	return append(parts, part{from, p.to})
}

// find returns the index of the first such token that stands in no bracket of
// its own, or -1.
func (s *script) find(p part, text string) int {
	for i := p.from; i < p.to; i = s.after(i) {
		if s.at(i) == text {
			return i
		}
	}
	return -1
}

// inside returns what stands between the bracket at i and its partner.
func (s *script) inside(i int) part { return part{i + 1, s.match[i]} }

// word reads an operator's name at the start of p, with its hyphens, and
// returns what follows.
func (s *script) word(p part) (string, part) {
	if s.kind(p.from) != tokenName || p.empty() {
		return "", p
	}
	i := p.from
	for i+2 < p.to && s.at(i+1) == "-" && s.kind(i+2) == tokenName &&
		s.tokens[i].end == s.tokens[i+1].start && s.tokens[i+1].end == s.tokens[i+2].start {
		i += 2
	}
	return s.text[s.tokens[p.from].start:s.tokens[i].end], part{i + 1, p.to}
}

// name reads a name, plain or as ['…'] or ["…"], at i and returns its value
// and the index after it; "" if there is none.
func (s *script) name(p part, i int) (string, int) {
	switch {
	case i >= p.to:
	case s.kind(i) == tokenName:
		if literals[s.at(i)] {
			return "", i
		}
		return s.at(i), i + 1
	case s.at(i) == "[" && s.kind(i+1) == tokenText && s.match[i] == i+2:
		if quoted := s.at(i + 1); quoted[0] == '\'' || quoted[0] == '"' {
			return unquote(quoted), i + 3
		}
	}
	return "", i
}

// literals look like names and are values.
var literals = map[string]bool{"true": true, "false": true, "True": true, "False": true, "TRUE": true, "FALSE": true, "null": true}

// unquote undoes the escapes that a name can hold.
func unquote(literal string) string {
	inner := literal[1 : len(literal)-1]
	if !strings.Contains(inner, `\`) {
		return inner
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}

// quoteName writes a name in the form in which it can stand anywhere.
func quoteName(name string) string {
	return "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}

// offset returns where the tokens of p begin in the text, and how long they
// are.
func (s *script) offset(p part) (start, length int) {
	if p.empty() || p.from >= len(s.tokens) {
		return len(s.text), 0
	}
	start = s.tokens[p.from].start
	return start, s.tokens[min(p.to, len(s.tokens))-1].end - start
}
