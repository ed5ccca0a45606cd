package kql

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// stringAt reads the string literal at the start of s: "a", 'a', @"a",
// ```a```, ~~~a~~~, each also with an h in front. n is its length in s, 0 where
// no literal starts; ok is false where it does not end or holds an unknown
// escape.
func stringAt(s string) (value string, n int, ok bool) {
	start := 0
	if s[0] == 'h' || s[0] == 'H' {
		start = 1
	}
	verbatim := strings.HasPrefix(s[start:], "@")
	if verbatim {
		start++
	}
	body := s[start:]
	switch {
	case strings.HasPrefix(body, "```"), strings.HasPrefix(body, "~~~"):
		end := strings.Index(body[3:], body[:3])
		if end < 0 {
			return "", len(s), false
		}
		return body[3 : 3+end], start + end + 6, true
	case !strings.HasPrefix(body, `"`) && !strings.HasPrefix(body, "'"):
		return "", 0, false
	case verbatim:
		value, n, ok = verbatimAt(body)
	default:
		value, n, ok = escapedAt(body)
	}
	return value, start + n, ok
}

// verbatimAt reads a string in which only the doubled quote is special.
func verbatimAt(s string) (value string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != s[0] {
			b.WriteByte(s[i])
			continue
		}
		if i+1 >= len(s) || s[i+1] != s[0] {
			return b.String(), i + 1, true
		}
		b.WriteByte(s[0])
		i++
	}
	return "", len(s), false
}

func escapedAt(s string) (value string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); {
		switch c := s[i]; c {
		case s[0]:
			return b.String(), i + 1, true
		case '\n', '\r':
			return "", i, false
		case '\\':
			r, size, known := escapeAt(s[i+1:])
			if !known {
				return "", i, false
			}
			b.WriteRune(r)
			i += 1 + size
		default:
			b.WriteByte(c)
			i++
		}
	}
	return "", len(s), false
}

var escapes = map[byte]rune{
	'\'': '\'', '"': '"', '\\': '\\', 'n': '\n', 'r': '\r', 't': '\t',
	'a': '\a', 'b': '\b', 'f': '\f', 'v': '\v', '0': 0,
}

func escapeAt(s string) (r rune, size int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	if r, ok := escapes[s[0]]; ok {
		return r, 1, true
	}
	width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if width == 0 || len(s) <= width {
		return 0, 0, false
	}
	code, err := strconv.ParseUint(s[1:1+width], 16, 32)
	if err != nil || code > utf8.MaxRune {
		return 0, 0, false
	}
	return rune(code), 1 + width, true
}
