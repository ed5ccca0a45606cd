package loganalytics

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind says what a stretch of KQL is.
type tokenKind uint8

const (
	tokenSpace tokenKind = iota
	tokenComment
	tokenName   // also keywords; operators with a hyphen are several tokens
	tokenNumber // also 1d, 0x1F and 1.5e-3
	tokenText   // a string literal with its prefix and quotes
	tokenSymbol // one punctuation mark, or one of the pairs below
	tokenBroken // a string literal without an end
)

// token is a stretch of a text, by byte offsets.
type token struct {
	kind       tokenKind
	start, end int
}

// pairs are the symbols of two characters.
var pairs = []string{"==", "!=", "=~", "!~", "<=", ">=", "<>", "=>", "..", "::"}

// scan cuts KQL into tokens that lie end to end from the first byte to the
// last. It never fails: what has no end is one broken token up to the end of
// its line or, for literals that may span lines, of the text.
//
// The literals are those of
// https://learn.microsoft.com/kusto/query/scalar-data-types/string.
func scan(text string) []token {
	tokens := make([]token, 0, len(text)/4+1)
	for at := 0; at < len(text); {
		kind, n := scanOne(text[at:])
		tokens = append(tokens, token{kind, at, at + n})
		at += n
	}
	return tokens
}

// scanOne returns the kind and the length, at least 1, of the token that s
// begins with. s is not empty.
func scanOne(s string) (tokenKind, int) {
	if kind, n := scanText(s); n > 0 {
		return kind, n
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case strings.HasPrefix(s, "//"):
		return tokenComment, lineEnd(s)
	case isSpaceRune(r):
		return tokenSpace, span(s, isSpaceRune)
	case r >= '0' && r <= '9':
		return tokenNumber, scanNumber(s)
	case isNameRune(r):
		return tokenName, span(s, isNameRune)
	}
	for _, p := range pairs {
		if strings.HasPrefix(s, p) {
			return tokenSymbol, len(p)
		}
	}
	return tokenSymbol, size
}

// scanText returns a length of 0 if s does not begin with a string literal.
func scanText(s string) (tokenKind, int) {
	at := 0
	if s[0] == 'h' || s[0] == 'H' {
		at = 1
	}
	verbatim := at < len(s) && s[at] == '@'
	if verbatim {
		at++
	}
	rest := s[at:]
	if !verbatim {
		for _, fence := range []string{"```", "~~~"} {
			if strings.HasPrefix(rest, fence) {
				return fenced(at, rest, fence, len(s))
			}
		}
	}
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return tokenSpace, 0
	}
	quote := rest[0]
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == quote && verbatim && i+1 < len(rest) && rest[i+1] == quote:
			i++ // a doubled quote stands for itself
		case c == quote:
			return tokenText, at + i + 1
		case c == '\\' && !verbatim && i+1 < len(rest) && rest[i+1] != '\n' && rest[i+1] != '\r':
			i++
		case (c == '\n' || c == '\r') && !verbatim:
			return tokenBroken, at + i
		}
	}
	return tokenBroken, len(s)
}

func fenced(at int, rest, fence string, whole int) (tokenKind, int) {
	if end := strings.Index(rest[len(fence):], fence); end >= 0 {
		return tokenText, at + end + 2*len(fence)
	}
	return tokenBroken, whole
}

func scanNumber(s string) int {
	n := span(s, isNameRune)
	if n+1 < len(s) && s[n] == '.' && s[n+1] >= '0' && s[n+1] <= '9' {
		n += 1 + span(s[n+1:], isNameRune)
	}
	hex := strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X")
	if last := s[n-1] | 0x20; last == 'e' && !hex && n+1 < len(s) && (s[n] == '-' || s[n] == '+') && s[n+1] >= '0' && s[n+1] <= '9' {
		n += 1 + span(s[n+1:], isNameRune)
	}
	return n
}

// lineEnd returns the length of s up to its first line break.
func lineEnd(s string) int {
	if n := strings.IndexAny(s, "\n\r\u2028\u2029"); n >= 0 {
		return n
	}
	return len(s)
}

// span returns how many bytes at the start of s hold runes that are in.
func span(s string, in func(rune) bool) int {
	for i, r := range s {
		if !in(r) {
			return i
		}
	}
	return len(s)
}

func isNameRune(r rune) bool {
	return r == '_' || r == '$' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// isSpaceRune takes for space what the service does: also a byte order mark,
// which editors leave, and marks without a width, which come by copying.
func isSpaceRune(r rune) bool {
	return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' || r == '\u180e'
}
