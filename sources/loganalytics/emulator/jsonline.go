package emulator

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// eachField calls f for the keys and raw values of one JSON object, in order.
// It stops at the first error of f. Files of rows are large, and a map for each
// line costs more than everything else.
func eachField(line []byte, f func(key string, raw json.RawMessage) error) error {
	if !json.Valid(line) {
		return json.Unmarshal(line, new(json.RawMessage)) // for its message
	}
	if line[0] != '{' {
		return errors.New(shorten(string(line)))
	}
	for i := 1; ; {
		i = skipSpace(line, i)
		if line[i] == '}' {
			return nil
		}
		if line[i] == ',' {
			i = skipSpace(line, i+1)
		}
		end := valueEnd(line, i)
		key := plainText(line[i:end])
		i = skipSpace(line, end)
		i = skipSpace(line, i+1) // the colon
		end = valueEnd(line, i)
		if err := f(key, line[i:end]); err != nil {
			return err
		}
		i = end
	}
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n' {
		i++
	}
	return i
}

// valueEnd returns where the value that starts at i ends. The JSON is valid.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; ; i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				continue
			}
			for b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
				i++
			}
			return i
		}
		if depth == 0 {
			return i + 1
		}
	}
}

// plainText returns the text of a valid JSON string.
func plainText(raw []byte) string {
	inside := raw[1 : len(raw)-1]
	for _, c := range inside {
		if c == '\\' {
			return decodedText(raw)
		}
	}
	if !utf8.Valid(inside) {
		return decodedText(raw)
	}
	return string(inside)
}

func decodedText(raw []byte) string {
	var s string
	_ = json.Unmarshal(raw, &s) // valid, says the caller
	return s
}
