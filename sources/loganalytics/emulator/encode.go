package emulator

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// appendValue appends a cell as the service writes it in "rows". A string is
// never null.
func appendValue(b []byte, v kql.Value, t pipeline.Type) []byte {
	switch v := v.(type) {
	case nil:
		if t == pipeline.String {
			return append(b, `""`...)
		}
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int32:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		return appendReal(b, v)
	case string:
		return appendString(b, v)
	case pipeline.Tick:
		return append(appendTime(append(b, '"'), v), '"')
	case kql.Span:
		return append(appendSpan(append(b, '"'), v), '"')
	case kql.Decimal:
		return appendString(b, string(v))
	case kql.GUID:
		return appendString(b, string(v))
	case kql.Dynamic:
		return appendString(b, string(v))
	}
	return appendString(b, fmt.Sprint(v))
}

// appendReal writes integral values without a point, and what JSON has no
// number for as text.
func appendReal(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	if abs := math.Abs(f); abs == 0 || abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	from := len(b)
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	// 1e+21 and 1e-07 become 1e21 and 1e-7.
	for i := from; i < len(b); i++ {
		if b[i] != 'e' {
			continue
		}
		if i++; b[i] == '+' {
			b = append(b[:i], b[i+1:]...)
		} else {
			i++
		}
		for b[i] == '0' && i+1 < len(b) {
			b = append(b[:i], b[i+1:]...)
		}
		break
	}
	return b
}

// appendTime writes an instant in UTC without trailing zeros of the fraction.
func appendTime(b []byte, t pipeline.Tick) []byte {
	at := t.Time()
	year, month, day := at.Date()
	hour, minute, second := at.Clock()
	b = append(appendPadded(b, year, 4), '-')
	b = append(appendPadded(b, int(month), 2), '-')
	b = append(appendPadded(b, day, 2), 'T')
	b = appendClock(b, hour, minute, second)
	if fraction := int(int64(t) % ticksSecond); fraction != 0 {
		b = appendPadded(append(b, '.'), fraction, 7)
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return append(b, 'Z')
}

// appendSpan writes [-][d.]hh:mm:ss[.fffffff]; the fraction has seven digits or
// none.
func appendSpan(b []byte, s kql.Span) []byte {
	ticks := uint64(s)
	if s < 0 {
		b, ticks = append(b, '-'), -ticks
	}
	seconds, fraction := ticks/uint64(ticksSecond), ticks%uint64(ticksSecond)
	if days := seconds / 86400; days > 0 {
		b = append(strconv.AppendUint(b, days, 10), '.')
	}
	seconds %= 86400
	b = appendClock(b, int(seconds/3600), int(seconds/60%60), int(seconds%60))
	if fraction != 0 {
		b = appendPadded(append(b, '.'), int(fraction), 7)
	}
	return b
}

func appendClock(b []byte, hour, minute, second int) []byte {
	b = append(appendPadded(b, hour, 2), ':')
	b = append(appendPadded(b, minute, 2), ':')
	return appendPadded(b, second, 2)
}

func appendPadded(b []byte, n, width int) []byte {
	at := len(b)
	b = append(b, "0000000"[:width]...)
	for i := at + width - 1; n > 0 && i >= at; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string. Like the service it escapes what JSON
// demands, and the line separators of Unicode; everything else is UTF-8. What
// is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = appendEscaped(append(b, s[done:i]...), rune(c))
			i++
			done = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[done:i]...), "\ufffd"...)
			done = i + size
		case r == 0x85 || r == 0x2028 || r == 0x2029:
			b = appendEscaped(append(b, s[done:i]...), r)
			done = i + size
		}
		i += size
	}
	return append(append(b, s[done:]...), '"')
}

func appendEscaped(b []byte, r rune) []byte {
	if at := strings.IndexRune("\"\\\n\r\t\b\f", r); at >= 0 {
		return append(b, '\\', `"\nrtbf`[at])
	}
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendOther writes a cell as Azure Data Explorer does where it differs:
// booleans as numbers, decimals as numbers, dynamic as JSON.
func appendOther(b []byte, v kql.Value, t pipeline.Type) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(b, '1')
		}
		return append(b, '0')
	case kql.Decimal:
		if json.Valid([]byte(v)) {
			return append(b, v...)
		}
	case kql.Dynamic:
		if json.Valid([]byte(v)) {
			return append(b, v...)
		}
	}
	return appendValue(b, v, t)
}
