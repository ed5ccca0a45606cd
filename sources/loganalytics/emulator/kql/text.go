package kql

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kustash/kustash/pipeline"
)

// text is tostring: the text of a value as the service shows it, empty for
// null.
func text(v Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int32:
		return strconv.FormatInt(int64(v), 10)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return realString(v)
	case pipeline.Tick:
		return v.Time().Format(pipeline.TimeLayout)
	case Span:
		return spanString(v)
	case Decimal:
		return string(v)
	case GUID:
		return string(v)
	case Dynamic:
		return string(v)
	}
	return fmt.Sprint(v)
}

func realString(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-5 || abs >= 1e17) {
		return strconv.FormatFloat(f, 'E', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// spanString writes [-][d.]hh:mm:ss[.fffffff], as pipeline.ParseSpan reads it.
func spanString(s Span) string {
	sign, n := "", uint64(s)
	if s < 0 {
		sign, n = "-", -n
	}
	fraction, seconds := n%uint64(ticksPerSecond), n/uint64(ticksPerSecond)
	out := fmt.Sprintf("%02d:%02d:%02d", seconds/3600%24, seconds/60%60, seconds%60)
	if days := seconds / 86400; days > 0 {
		out = fmt.Sprintf("%d.%s", days, out)
	}
	if fraction > 0 {
		out += fmt.Sprintf(".%07d", fraction)
	}
	return sign + out
}

const (
	maxDecimalText = 80 // beyond it a decimal is refused: no exponent may blow up the arithmetic
	decimalDigits  = 28 // digits after the point that arithmetic keeps
)

func decimalText(s string) (Decimal, bool) {
	if f, ok := float(s); !ok || len(s) > maxDecimalText || math.Abs(f) > 1e35 {
		return "", false
	}
	if strings.ContainsAny(s, "eE") {
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			return "", false
		}
		return decimalOf(r), true
	}
	return Decimal(s), true
}

func decimalOf(r *big.Rat) Decimal {
	s := r.FloatString(decimalDigits)
	s = strings.TrimRight(s, "0")
	s = strings.TrimSuffix(s, ".")
	if s == "-0" {
		s = "0"
	}
	return Decimal(s)
}

// appendJSON writes a value as it appears inside a dynamic object or array.
func appendJSON(dst []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool, int32, int64:
		return append(dst, text(v)...)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(append(append(dst, '"'), realString(v)...), '"')
		}
		return append(dst, realString(v)...)
	case Dynamic:
		if structured(v) && json.Valid([]byte(v)) {
			return append(dst, v...)
		}
		if p := plain(v); typeOf(p) != pipeline.Dynamic {
			return appendJSON(dst, p)
		}
	}
	return appendQuoted(dst, text(v))
}

// appendQuoted writes a JSON string. Most texts need no escape, and then an
// encoder costs a hundred times what they do.
func appendQuoted(dst []byte, s string) []byte {
	if plainJSON(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil { // a string always encodes
		return append(dst, "null"...)
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// plainJSON reports whether a text stands for itself between quotes.
func plainJSON(s string) bool {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c == '"' || c == '\\' {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s) && !strings.ContainsAny(s, "\u2028\u2029")
}

// jsonScalar reads a JSON number or boolean.
func jsonScalar(s string) (Value, bool) {
	switch s {
	case "":
		return nil, false
	case "true", "false":
		return s == "true", true
	}
	if c := s[0]; c != '-' && (c < '0' || c > '9') || !json.Valid([]byte(s)) {
		return nil, false
	}
	if n, ok := integer(s); ok {
		return n, true
	}
	return valid(float(s))
}

// fromJSON returns the value of a piece of JSON text.
func fromJSON(raw []byte) Value {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil
		}
		return s
	}
	if raw[0] == '{' || raw[0] == '[' {
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			return nil
		}
		return Dynamic(b.String())
	}
	v, _ := jsonScalar(string(raw))
	return v
}

// elements returns the members of an array; ok is false for anything else.
func elements(v Value) (list []Value, ok bool) {
	d, dynamic := v.(Dynamic)
	if !dynamic || !strings.HasPrefix(string(d), "[") {
		return nil, false
	}
	var raw []json.RawMessage
	if json.Unmarshal([]byte(d), &raw) != nil {
		return nil, false
	}
	list = make([]Value, len(raw))
	for i, r := range raw {
		list[i] = fromJSON(r)
	}
	return list, true
}

// property returns a member of an object, null where there is none.
func property(v Value, key string) Value {
	d, ok := v.(Dynamic)
	if !ok || !strings.HasPrefix(string(d), "{") {
		return nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(d), &members) != nil {
		return nil
	}
	return fromJSON(members[key])
}

func array(list []Value) Dynamic {
	b := []byte{'['}
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, v)
	}
	return Dynamic(append(b, ']'))
}
