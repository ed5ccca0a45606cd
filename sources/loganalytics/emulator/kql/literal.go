package kql

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

const (
	ticksPerMilli  = int64(time.Millisecond / pipeline.TickSize)
	ticksPerSecond = 1000 * ticksPerMilli
	ticksPerMinute = 60 * ticksPerSecond
	ticksPerHour   = 60 * ticksPerMinute
	ticksPerDay    = 24 * ticksPerHour
)

// units are the suffixes of timespan literals.
var units = map[string]int64{
	"d": ticksPerDay, "day": ticksPerDay, "days": ticksPerDay,
	"h": ticksPerHour, "hr": ticksPerHour, "hrs": ticksPerHour, "hour": ticksPerHour, "hours": ticksPerHour,
	"m": ticksPerMinute, "min": ticksPerMinute, "minute": ticksPerMinute, "minutes": ticksPerMinute,
	"s": ticksPerSecond, "sec": ticksPerSecond, "second": ticksPerSecond, "seconds": ticksPerSecond,
	"ms": ticksPerMilli, "milli": ticksPerMilli, "millis": ticksPerMilli,
	"millisecond": ticksPerMilli, "milliseconds": ticksPerMilli,
	"micro": 10, "micros": 10, "microsecond": 10, "microseconds": 10,
	"tick": 1, "ticks": 1,
}

// numberLiteral reads an integer, real or timespan: 12, 0x1F, 1.5, 1e3, 2.5h.
func numberLiteral(s string) (Value, pipeline.Type, bool) {
	if n, ok := integer(s); ok {
		return n, pipeline.Long, true
	}
	digits := strings.TrimRightFunc(s, func(r rune) bool { return r < '0' && r != '.' || r > '9' })
	if unit := units[s[len(digits):]]; unit != 0 {
		span, ok := scaled(digits, unit)
		return span, pipeline.Timespan, ok
	}
	f, ok := float(s)
	return f, pipeline.Real, ok
}

func integer(s string) (int64, bool) {
	sign, digits := "", s
	if strings.HasPrefix(s, "-") {
		sign, digits = "-", s[1:]
	}
	base := 10
	if strings.HasPrefix(digits, "0x") || strings.HasPrefix(digits, "0X") {
		digits, base = digits[2:], 16
	}
	if strings.ContainsAny(digits, "+-_") {
		return 0, false
	}
	n, err := strconv.ParseInt(sign+digits, base, 64)
	return n, err == nil
}

// float refuses what only Go writes: 1_000, 0x1p4, "infinity".
func float(s string) (float64, bool) {
	if s == "" || strings.Trim(s, "0123456789.eE+-") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0)
}

// scaled multiplies decimal digits with a unit, exactly for whole numbers.
func scaled(digits string, unit int64) (Value, bool) {
	if n, ok := integer(digits); ok {
		if product := n * unit; product/unit == n {
			return Span(product), true
		}
		return nil, false
	}
	f, ok := float(digits)
	f = math.Round(f * float64(unit))
	if !ok || math.Abs(f) >= math.MaxInt64 {
		return nil, false
	}
	return Span(f), true
}

// rawLiteral reads what stands in the parentheses of a typed literal.
func rawLiteral(typ pipeline.Type, s string) (Value, bool) {
	if s == "null" {
		return nil, true
	}
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		s = s[1 : n-1]
	}
	switch typ {
	case pipeline.Bool:
		return boolText(s)
	case pipeline.Int:
		n, ok := integer(s)
		return int32(n), ok && n == int64(int32(n))
	case pipeline.Long:
		return valid(integer(s))
	case pipeline.Real:
		return realText(s)
	case pipeline.Decimal:
		return valid(decimalText(s))
	case pipeline.Datetime:
		if s == "" || s == "now" {
			return nil, false
		}
		return valid(parseDatetime(s))
	case pipeline.Timespan:
		return parseTimespan(s)
	case pipeline.GUID:
		return guidText(s)
	}
	return nil, false
}

// valid turns a value and whether it holds into a Value that is nil if not.
func valid[T any](v T, ok bool) (Value, bool) {
	if !ok {
		return nil, false
	}
	return v, true
}

func boolText(s string) (Value, bool) {
	switch strings.ToLower(s) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return nil, false
}

func realText(s string) (Value, bool) {
	switch strings.ToLower(s) {
	case "nan":
		return math.NaN(), true
	case "+inf", "inf", "infinity":
		return math.Inf(1), true
	case "-inf", "-infinity":
		return math.Inf(-1), true
	}
	return valid(float(s))
}

// parseTimespan reads 1.02:03:04.5, 02:03, 1d, -90m; a bare number is days.
func parseTimespan(s string) (Value, bool) {
	if !strings.Contains(s, ":") {
		if _, ok := float(s); ok {
			return scaled(s, ticksPerDay)
		}
		if s == "" || strings.Trim(s[:1], "-0123456789") != "" {
			return nil, false
		}
		v, typ, ok := numberLiteral(s)
		return v, ok && typ == pipeline.Timespan
	}
	if strings.Count(s, ":") == 1 {
		s += ":00"
	}
	if at := strings.IndexByte(s, ':'); at == 1 || at == 2 && (s[0] == '-') {
		s = s[:at-1] + "0" + s[at-1:]
	}
	n, err := pipeline.ParseSpan(s)
	return valid(Span(n), err == nil)
}

func guidText(s string) (Value, bool) {
	s = strings.ToLower(strings.Trim(s, "{}"))
	if len(s) == 32 {
		s = s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	}
	if len(s) != 36 {
		return nil, false
	}
	for i := range len(s) {
		if hyphen := i == 8 || i == 13 || i == 18 || i == 23; hyphen != (s[i] == '-') || !hyphen && !strings.Contains("0123456789abcdef", s[i:i+1]) {
			return nil, false
		}
	}
	return GUID(s), true
}
