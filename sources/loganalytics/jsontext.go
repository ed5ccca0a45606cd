package loganalytics

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// text takes a text whose opening quote has been taken and returns it
// unescaped. The view is valid until the next call.
func (j *jsonReader) text() ([]byte, error) {
	b := j.buf[j.pos:j.end]
	n, wide := plain(b)
	if n == len(b) || b[n] != '"' {
		return j.longText(n, wide)
	}
	j.pos += n + 1
	if !wide || utf8.Valid(b[:n]) {
		return b[:n], nil
	}
	j.scratch = repair(j.scratch[:0], b[:n])
	return j.scratch, nil
}

// longText is text for one that holds an escape or goes beyond the buffer,
// after its first n bytes have been looked at.
func (j *jsonReader) longText(n int, wide bool) ([]byte, error) {
	out := j.scratch[:0]
	for {
		out = append(out, j.buf[j.pos:j.pos+n]...)
		j.pos += n
		if len(out) > j.textMax {
			return nil, fmt.Errorf("text that reaches byte %d is longer than %d bytes", j.base+int64(j.pos), j.textMax)
		}
		c, err := j.peek()
		switch {
		case err != nil:
			return nil, err
		case c == '\\':
			// The byte behind the last one is 0, which escapes nothing.
			if e := escapes[j.buf[j.pos+1]]; e != 0 {
				out = append(out, e)
				j.pos += 2
				break
			}
			j.pos++
			if out, err = j.escape(out); err != nil {
				return nil, err
			}
		case c == '"':
			j.pos++
			if wide {
				out = asUTF8(out)
			}
			j.scratch = out
			return out, nil
		case c < ' ':
			return nil, j.unexpected(c, "a text without control characters")
		}
		var w bool
		n, w = plain(j.buf[j.pos:j.end])
		wide = wide || w
	}
}

// escapes holds what the letter behind a backslash stands for.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f'}

// escape takes what follows a backslash and appends what it stands for.
func (j *jsonReader) escape(out []byte) ([]byte, error) {
	c, err := j.take()
	if err != nil {
		return out, err
	}
	if e := escapes[c]; e != 0 {
		return append(out, e), nil
	}
	if c == 'u' {
		return j.unit(out)
	}
	j.pos--
	return out, j.unexpected(c, "an escape")
}

// unit takes the four hex digits of a UTF-16 unit, and a second unit if both
// make a pair. A half of a pair that stands alone becomes U+FFFD.
func (j *jsonReader) unit(out []byte) ([]byte, error) {
	u, err := j.hex()
	for err == nil && utf16.IsSurrogate(u) {
		var c byte
		if c, err = j.peek(); err != nil || c != '\\' {
			return utf8.AppendRune(out, utf8.RuneError), err
		}
		j.pos++
		if c, err = j.peek(); err != nil || c != 'u' {
			return j.escape(utf8.AppendRune(out, utf8.RuneError))
		}
		j.pos++
		var second rune
		if second, err = j.hex(); err != nil {
			return out, err
		}
		if r := utf16.DecodeRune(u, second); r != utf8.RuneError {
			return utf8.AppendRune(out, r), nil
		}
		out, u = utf8.AppendRune(out, utf8.RuneError), second
	}
	return utf8.AppendRune(out, u), err
}

func (j *jsonReader) hex() (rune, error) {
	var u rune
	for range 4 {
		c, err := j.take()
		if err != nil {
			return 0, err
		}
		v, ok := hexDigit(c)
		if !ok {
			j.pos--
			return 0, j.unexpected(c, "a hex digit")
		}
		u = u<<4 | rune(v)
	}
	return u, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// plain returns the number of bytes before the first quote, backslash or
// control character, and whether any of them is beyond ASCII. Eight bytes are
// looked at in one step: subtracting a constant from each byte borrows from
// its top bit exactly if the byte was smaller, up to the first such byte.
func plain(b []byte) (n int, wide bool) {
	const (
		ones = 0x0101010101010101
		tops = 0x8080808080808080
	)
	var seen uint64
	for ; n+8 <= len(b); n += 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		hit := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w) & tops
		if hit != 0 {
			at := bits.TrailingZeros64(hit) &^ 7
			seen |= w & (1<<at - 1)
			return n + at/8, seen&tops != 0
		}
		seen |= w
	}
	for ; n < len(b); n++ {
		c := b[n]
		if c == '"' || c == '\\' || c < ' ' {
			break
		}
		seen |= uint64(c)
	}
	return n, seen&tops != 0
}

// repair appends b with U+FFFD for each byte that is not UTF-8.
func repair(out, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return out
}

// asUTF8 returns b, repaired if need be.
func asUTF8(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	return repair(nil, b)
}
