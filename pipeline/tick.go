package pipeline

import (
	"fmt"
	"time"
)

// TickSize is the resolution of the service's clock columns: 100 ns.
const TickSize = 100 * time.Nanosecond

// Tick counts 100 ns steps since 0001-01-01T00:00:00Z, the origin of every
// grid. Years 1 to 9999 fit, which a Unix time in nanoseconds does not.
type Tick int64

const (
	ticksPerSecond = int64(time.Second / TickSize)
	unixOrigin     = 62135596800 // seconds from 0001-01-01 to 1970-01-01

	// MaxTick is the last tick of the year 9999, the last that KQL knows.
	MaxTick Tick = 3155378975999999999
)

// TickOf returns the tick that holds t: anything finer than 100 ns is cut off.
func TickOf(t time.Time) Tick {
	return Tick((t.Unix()+unixOrigin)*ticksPerSecond + int64(t.Nanosecond())/int64(TickSize))
}

// Time returns the start of the tick, in UTC.
func (t Tick) Time() time.Time {
	s, f := int64(t)/ticksPerSecond, int64(t)%ticksPerSecond
	return time.Unix(s-unixOrigin, f*int64(TickSize)).UTC()
}

// UnixMicros returns whole microseconds since 1970 and the seventh digit of
// the second, 0 to 9, that they leave out. Both together are exact.
func (t Tick) UnixMicros() (micros int64, digit int32) {
	u := int64(t) - unixOrigin*ticksPerSecond
	digit = int32(((u % 10) + 10) % 10)
	return (u - int64(digit)) / 10, digit
}

// TickOfMicros is the inverse of UnixMicros.
func TickOfMicros(micros int64, digit int32) Tick {
	return Tick(micros*10+int64(digit)) + Tick(unixOrigin*ticksPerSecond)
}

// SpanText writes ticks of 100 ns as the service writes a timespan, which
// ParseSpan reads: a fraction has seven digits or is left out.
func SpanText(ticks int64) string {
	sign, n := "", uint64(ticks)
	if ticks < 0 {
		sign, n = "-", -n
	}
	fraction, seconds := n%uint64(ticksPerSecond), n/uint64(ticksPerSecond)
	text := fmt.Sprintf("%02d:%02d:%02d", seconds/3600%24, seconds/60%60, seconds%60)
	if days := seconds / 86400; days > 0 {
		text = fmt.Sprintf("%d.%s", days, text)
	}
	if fraction > 0 {
		text += fmt.Sprintf(".%07d", fraction)
	}
	return sign + text
}

// TimeLayout writes a time with all seven digits, as KQL literals, file names
// and the ledger need it.
const TimeLayout = "2006-01-02T15:04:05.0000000Z"

// ParseTime reads an instant as the service writes it: RFC 3339 in UTC with
// "Z" and 0 to 7 digits of fraction. It accepts the text as string or bytes
// and does not allocate on success.
func ParseTime[T string | []byte](s T) (Tick, error) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[len(s)-1] != 'Z' {
		return 0, timeError(s)
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	hour, ok4 := digits(s[11:13])
	minute, ok5 := digits(s[14:16])
	second, ok6 := digits(s[17:19])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || year < 1 || month < 1 || month > 12 ||
		day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, timeError(s)
	}
	var fraction int64
	if n := len(s) - 21; n >= 0 { // "." and n digits before the Z
		f, ok := digits(s[20 : len(s)-1])
		if s[19] != '.' || n < 1 || n > 7 || !ok {
			return 0, timeError(s)
		}
		for ; n < 7; n++ {
			f *= 10
		}
		fraction = f
	}
	days := daysBefore(year) + dayOfYear(year, month, day)
	return Tick(((days*24+hour)*60+minute)*60+second)*Tick(ticksPerSecond) + Tick(fraction), nil
}

// ParseSpan reads a KQL timespan as the service writes it,
// [-][d.]hh:mm:ss[.fffffff], and returns it in ticks of 100 ns.
func ParseSpan[T string | []byte](s T) (int64, error) {
	rest, sign := s, int64(1)
	if len(rest) > 0 && rest[0] == '-' {
		rest, sign = rest[1:], -1
	}
	var days int64
	for i := 0; i < len(rest) && rest[i] != ':'; i++ {
		if rest[i] == '.' {
			d, ok := digits(rest[:i])
			if !ok || i == 0 || i > 8 {
				return 0, spanError(s)
			}
			days, rest = d, rest[i+1:]
			break
		}
	}
	if len(rest) < 8 || rest[2] != ':' || rest[5] != ':' {
		return 0, spanError(s)
	}
	hour, ok1 := digits(rest[0:2])
	minute, ok2 := digits(rest[3:5])
	second, ok3 := digits(rest[6:8])
	if !(ok1 && ok2 && ok3) || hour > 23 || minute > 59 || second > 59 {
		return 0, spanError(s)
	}
	var fraction int64
	if len(rest) > 8 {
		f, ok := digits(rest[9:])
		n := len(rest) - 9
		if rest[8] != '.' || n < 1 || n > 7 || !ok {
			return 0, spanError(s)
		}
		for ; n < 7; n++ {
			f *= 10
		}
		fraction = f
	}
	seconds := ((days*24+hour)*60+minute)*60 + second
	if days > 10675199 { // the service's longest span is 10675199.02:48:05.4775807
		return 0, spanError(s)
	}
	total := uint64(seconds)*uint64(ticksPerSecond) + uint64(fraction)
	if total > 1<<63 || (total == 1<<63 && sign > 0) {
		return 0, spanError(s)
	}
	return sign * int64(total), nil
}

func timeError[T string | []byte](s T) error {
	return fmt.Errorf("%q is not a time such as 2026-01-31T08:30:00.1234567Z", clip(string(s)))
}

func spanError[T string | []byte](s T) error {
	return fmt.Errorf("%q is not a timespan such as 1.02:03:04.5678900", clip(string(s)))
}

// clip keeps messages short when a value is not what its type promises.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

func digits[T string | []byte](s T) (int64, bool) {
	var n int64
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

var monthDays = [...]int64{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

func leap(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysIn(year, month int64) int64 {
	if month == 2 && leap(year) {
		return 29
	}
	return monthDays[month] - monthDays[month-1]
}

func daysBefore(year int64) int64 {
	y := year - 1
	return y*365 + y/4 - y/100 + y/400
}

func dayOfYear(year, month, day int64) int64 {
	d := monthDays[month-1] + day - 1
	if month > 2 && leap(year) {
		d++
	}
	return d
}
