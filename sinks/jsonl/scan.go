package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner takes a line of JSON without white space apart. What it returns is
// valid until the next call.
type scanner struct {
	rest []byte // of the line
	text []byte // memory for strings with escapes
}

var errNoEnd = errors.New("a string without an end")

func (s *scanner) expect(c byte) error {
	if len(s.rest) == 0 || s.rest[0] != c {
		return fmt.Errorf("%.60q where %q must be", s.rest, c)
	}
	s.rest = s.rest[1:]
	return nil
}

// value takes a string, whose text it returns, or what else stands before the
// next comma or brace; nil is null.
func (s *scanner) value() (value []byte, quoted bool, err error) {
	if len(s.rest) > 0 && s.rest[0] == '"' {
		value, err = s.string()
		return value, true, err
	}
	end := bytes.IndexAny(s.rest, ",}")
	if end <= 0 {
		return nil, false, fmt.Errorf("%.60q where a value must be", s.rest)
	}
	value, s.rest = s.rest[:end], s.rest[end:]
	if string(value) == "null" {
		return nil, false, nil
	}
	return value, false, nil
}

// string takes a string and returns its text, never nil.
func (s *scanner) string() ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	// Most strings have no escapes and need no memory of their own.
	end := bytes.IndexByte(s.rest, '"')
	if end < 0 {
		return nil, errNoEnd
	}
	if bytes.IndexByte(s.rest[:end], '\\') < 0 {
		text := s.rest[:end]
		s.rest = s.rest[end+1:]
		return text, nil
	}
	s.text = s.text[:0]
	for {
		at := bytes.IndexAny(s.rest, `"\`)
		if at < 0 {
			return nil, errNoEnd
		}
		s.text = append(s.text, s.rest[:at]...)
		c := s.rest[at]
		s.rest = s.rest[at+1:]
		if c == '"' {
			return s.text, nil
		}
		if err := s.escape(); err != nil {
			return nil, err
		}
	}
}

// escape takes what follows a backslash.
func (s *scanner) escape() error {
	if len(s.rest) == 0 {
		return errNoEnd
	}
	c := s.rest[0]
	s.rest = s.rest[1:]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.unicode()
	default:
		return fmt.Errorf("the escape \\%c is none of JSON", c)
	}
	s.text = append(s.text, c)
	return nil
}

// unicode takes the digits of \uXXXX, and of a second one where both are a
// pair.
func (s *scanner) unicode() error {
	r, err := s.hex()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(r) {
		if !bytes.HasPrefix(s.rest, []byte(`\u`)) {
			return errors.New("half a pair of surrogates")
		}
		s.rest = s.rest[2:]
		low, err := s.hex()
		if err != nil {
			return err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return errors.New("two surrogates that are no pair")
		}
	}
	s.text = utf8.AppendRune(s.text, r)
	return nil
}

func (s *scanner) hex() (rune, error) {
	if len(s.rest) < 4 {
		return 0, errNoEnd
	}
	v, err := strconv.ParseUint(string(s.rest[:4]), 16, 16)
	s.rest = s.rest[4:]
	return rune(v), err
}
