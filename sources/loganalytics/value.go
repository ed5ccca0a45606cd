package loganalytics

import (
	"errors"
	"math"
)

var (
	errNotNumber  = errors.New("is not a number")
	errNotInteger = errors.New("is not an integer")
	errRange      = errors.New("is outside the range of")
)

// parseInteger reads an integer in any form that JSON has for it, 1.0 and 1e3
// included, exactly. The error is one of those above.
func parseInteger(b []byte) (int64, error) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if n := len(digits); n == 0 || n > 18 || digits[0] == '0' && n > 1 {
		return parseIntegral(b)
	}
	var v int64
	for _, c := range digits {
		if !isDigit(c) {
			return parseIntegral(b)
		}
		v = v*10 + int64(c-'0')
	}
	if len(digits) < len(b) {
		v = -v
	}
	return v, nil
}

// parseIntegral is parseInteger for numbers of many digits, with a fraction or
// with an exponent: digits times ten to the power of exponent.
func parseIntegral(b []byte) (int64, error) {
	digits, exponent, ok := splitNumber(b)
	if !ok {
		return 0, errNotNumber
	}
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		exponent++
	}
	switch {
	case len(digits) == 0:
		return 0, nil
	case exponent < 0:
		return 0, errNotInteger
	case int64(len(digits))+exponent > 19:
		return 0, errRange
	}
	var v uint64 // 19 digits fit
	for _, c := range digits {
		v = v*10 + uint64(c-'0')
	}
	for ; exponent > 0; exponent-- {
		v *= 10
	}
	negative := b[0] == '-'
	switch {
	case negative && v <= 1<<63:
		return -int64(v), nil // the lowest int64 is its own negative
	case !negative && v <= math.MaxInt64:
		return int64(v), nil
	}
	return 0, errRange
}

// splitNumber takes a JSON number apart: all its digits without leading zeros,
// and the power of ten that they are to be multiplied with.
func splitNumber(b []byte) (digits []byte, exponent int64, ok bool) {
	rest := b
	if len(rest) > 0 && rest[0] == '-' {
		rest = rest[1:]
	}
	whole, rest := cutDigits(rest)
	if len(whole) == 0 || whole[0] == '0' && len(whole) > 1 {
		return nil, 0, false
	}
	digits = append(digits, whole...)
	if len(rest) > 0 && rest[0] == '.' {
		var fraction []byte
		if fraction, rest = cutDigits(rest[1:]); len(fraction) == 0 {
			return nil, 0, false
		}
		digits = append(digits, fraction...)
		exponent = -int64(len(fraction))
	}
	if len(rest) > 0 {
		e, ok := parseExponent(rest)
		if !ok {
			return nil, 0, false
		}
		exponent += e
	}
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits, exponent, true
}

// parseExponent reads e5, E+5 or e-5. A power beyond a billion, more than any
// text has digits, counts as a billion.
func parseExponent(b []byte) (int64, bool) {
	if b[0]|0x20 != 'e' {
		return 0, false
	}
	b = b[1:]
	negative := len(b) > 0 && b[0] == '-'
	if negative || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	digits, rest := cutDigits(b)
	if len(digits) == 0 || len(rest) > 0 {
		return 0, false
	}
	var e int64
	for _, c := range digits {
		e = min(e*10+int64(c-'0'), 1e9)
	}
	if negative {
		e = -e
	}
	return e, true
}

func cutDigits(b []byte) (digits, rest []byte) {
	n := 0
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return b[:n], b[n:]
}

// isDecimal reports whether b is the text of a decimal: digits with an
// optional sign, point and exponent, or one of the words for what is none.
func isDecimal(b []byte) bool {
	if isSpecial(b) {
		return true
	}
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	whole, rest := cutDigits(b)
	var fraction []byte
	if len(rest) > 0 && rest[0] == '.' {
		fraction, rest = cutDigits(rest[1:])
	}
	if len(whole)+len(fraction) == 0 {
		return false
	}
	if len(rest) == 0 {
		return true
	}
	_, ok := parseExponent(rest)
	return ok
}

func isSpecial(b []byte) bool {
	return string(b) == "NaN" || string(b) == "Infinity" || string(b) == "-Infinity"
}

// isGUID reports whether b is 32 hex digits in groups of 8-4-4-4-12.
func isGUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if _, ok := hexDigit(c); !ok {
			return false
		}
	}
	return true
}

// clipValue keeps messages short: 40 characters of a value.
func clipValue(b []byte) string {
	n := 0
	for i := range string(b) {
		if n++; n > 40 {
			return string(b[:i]) + "…"
		}
	}
	return string(b)
}
