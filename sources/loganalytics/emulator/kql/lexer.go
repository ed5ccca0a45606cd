package kql

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	endToken tokenKind = iota
	nameToken
	stringToken
	numberToken // integer, real or timespan
	rawToken    // a literal with its type in front: datetime(2026-01-01)
	markToken   // operators and punctuation
	badToken
)

type token struct {
	kind  tokenKind
	text  string // as written
	value string // stringToken: decoded; rawToken: what the parentheses hold
	off   int
}

func (t token) is(text string) bool {
	return (t.kind == markToken || t.kind == nameToken) && t.text == text
}

func (t token) end() int { return t.off + len(t.text) }

type lexer struct {
	text string
	off  int
}

// lex cuts the text into tokens. The last one is always an endToken; what is no
// token becomes a badToken, which no rule of the grammar accepts.
func lex(text string) []token {
	x := lexer{text: text}
	var tokens []token
	for {
		t := x.next()
		tokens = append(tokens, t)
		if t.kind == endToken {
			return tokens
		}
	}
}

func (x *lexer) next() token {
	x.skip()
	if x.off >= len(x.text) {
		return token{kind: endToken, off: len(x.text)}
	}
	rest := x.text[x.off:]
	if value, n, ok := stringAt(rest); n > 0 {
		if !ok {
			return x.take(badToken, n)
		}
		t := x.take(stringToken, n)
		t.value = value
		return t
	}
	switch c := rest[0]; {
	case c >= '0' && c <= '9':
		return x.number(rest)
	case nameStart(rest):
		return x.word(rest)
	}
	for _, mark := range marks {
		if strings.HasPrefix(rest, mark) {
			return x.mark(mark, rest)
		}
	}
	_, n := utf8.DecodeRuneInString(rest)
	return x.take(badToken, n)
}

var marks = [...]string{
	"!=", "!~", "==", "=~", "=>", "<=", ">=", "<>", "..",
	"|", ";", ",", "(", ")", "[", "]", "{", "}", "=", "<", ">", "+", "-", "*", "/", "%", ".", ":", "!",
}

// mark joins "!" with the word that follows: "!contains", "!in~".
func (x *lexer) mark(mark, rest string) token {
	if mark != "!" || !nameStart(rest[1:]) {
		return x.take(markToken, len(mark))
	}
	n := 1 + nameLength(rest[1:])
	if rest[:n] == "!in" && strings.HasPrefix(rest[n:], "~") {
		n++
	}
	return x.take(markToken, n)
}

func (x *lexer) take(kind tokenKind, n int) token {
	t := token{kind: kind, text: x.text[x.off : x.off+n], off: x.off}
	x.off += n
	return t
}

func (x *lexer) skip() {
	for x.off < len(x.text) {
		rest := x.text[x.off:]
		switch r, n := utf8.DecodeRuneInString(rest); {
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			x.off += end
		case unicode.IsSpace(r) || r == '\uFEFF' || r == '\u200B': // pasted text has invisible characters
			x.off += n
		default:
			return
		}
	}
}

// rawTypes are the type names that turn "name(...)" into one literal.
var rawTypes = map[string]bool{
	"datetime": true, "date": true, "time": true, "timespan": true, "guid": true, "decimal": true,
	"real": true, "double": true, "int": true, "long": true, "bool": true, "boolean": true,
}

func (x *lexer) word(rest string) token {
	n := nameLength(rest)
	word := rest[:n]
	if word == "in" && strings.HasPrefix(rest[n:], "~") {
		return x.take(nameToken, n+1)
	}
	if rawTypes[word] {
		open := n + len(rest[n:]) - len(strings.TrimLeft(rest[n:], " \t"))
		if strings.HasPrefix(rest[open:], "(") {
			end := strings.IndexByte(rest[open:], ')')
			if end < 0 {
				return x.take(badToken, len(rest))
			}
			t := x.take(rawToken, open+end+1)
			t.value = strings.TrimSpace(rest[open+1 : open+end])
			return t
		}
	}
	return x.take(nameToken, n)
}

// number takes digits, a fraction, an exponent and the letters of a unit. What
// the whole means is decided by the parser.
func (x *lexer) number(rest string) token {
	n := digitsAt(rest)
	if n == 1 && len(rest) > 2 && (rest[1] == 'x' || rest[1] == 'X') {
		return x.take(numberToken, 2+nameLength(rest[2:]))
	}
	if n+1 < len(rest) && rest[n] == '.' && rest[n+1] != '.' {
		if f := digitsAt(rest[n+1:]); f > 0 {
			n += 1 + f
		} else if !nameStart(rest[n+1:]) {
			n++
		}
	}
	if n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
		sign := 1
		if n+1 < len(rest) && (rest[n+1] == '-' || rest[n+1] == '+') {
			sign = 2
		}
		if e := digitsAt(rest[min(n+sign, len(rest)):]); e > 0 {
			return x.take(numberToken, n+sign+e)
		}
	}
	return x.take(numberToken, n+nameLength(rest[n:]))
}

func digitsAt(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

func nameStart(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '_' || r == '$' || (r != utf8.RuneError && unicode.IsLetter(r))
}

func nameLength(s string) int {
	for i, r := range s {
		if r != '_' && r != '$' && (r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(s)
}
