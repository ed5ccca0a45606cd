package kql

import (
	"fmt"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// part returns one component of a datetime.
func part(unit string) func([]Value) (Value, error) {
	return func(args []Value) (Value, error) {
		return datetimePart([]Value{unit, args[0]})
	}
}

func datetimePart(args []Value) (Value, error) {
	unit := text(args[0])
	t, ok := plainTick(args[1])
	if !ok {
		return nil, nil
	}
	at := t.Time()
	_, week := at.ISOWeek()
	parts := map[string]int64{
		"year": int64(at.Year()), "quarter": int64(at.Month()-1)/3 + 1, "month": int64(at.Month()),
		"week_of_year": int64(week), "day": int64(at.Day()), "dayofyear": int64(at.YearDay()),
		"hour": int64(at.Hour()), "minute": int64(at.Minute()), "second": int64(at.Second()),
		"millisecond": int64(t) / ticksPerMilli % 1000, "microsecond": int64(t) / 10 % 1_000_000,
		"nanosecond": int64(t) % ticksPerSecond * 100,
	}
	n, known := parts[strings.ToLower(unit)]
	if !known {
		return nil, semanticError(codeOther, "datetime_part(): '%s' is not a part of a datetime", unit)
	}
	return n, nil
}

// makeDatetime takes year, month, day, hour, minute, second; fewer are allowed.
func makeDatetime(args []Value) (Value, error) {
	if len(args) == 1 {
		return convert(args[0], pipeline.Datetime), nil
	}
	n := [6]int64{1, 1, 1, 0, 0, 0}
	var seconds float64
	for i, v := range args {
		f, ok := asFloat(plain(v))
		if !ok || f < 0 || f > 9999 || i == 6 {
			return nil, nil
		}
		n[i], seconds = int64(f), f
	}
	if n[1] < 1 || n[1] > 12 || n[2] < 1 || n[3] > 23 || n[4] > 59 || n[5] > 59 || n[0] < 1 {
		return nil, nil
	}
	day := time.Date(int(n[0]), time.Month(n[1]), int(n[2]), int(n[3]), int(n[4]), int(n[5]), 0, time.UTC)
	if day.Month() != time.Month(n[1]) {
		return nil, nil
	}
	t := pipeline.TickOf(day)
	if len(args) == 6 {
		t += pipeline.Tick((seconds - float64(n[5])) * float64(ticksPerSecond))
	}
	return t, nil
}

// formatted replaces each run of a letter that field knows; the rest stays.
func formatted(layout string, field func(letter byte, n int) (string, bool)) string {
	var b strings.Builder
	for i := 0; i < len(layout); {
		n := 1
		for i+n < len(layout) && layout[i+n] == layout[i] {
			n++
		}
		if s, ok := field(layout[i], n); ok {
			b.WriteString(s)
		} else {
			b.WriteString(layout[i : i+n])
		}
		i += n
	}
	return b.String()
}

// fraction shows n digits of a second; the capital form drops zeros at its end.
func fraction(ticks int64, n int, trim bool) string {
	s := fmt.Sprintf("%07d", ticks)[:min(n, 7)]
	if trim {
		s = strings.TrimRight(s, "0")
	}
	return s
}

func formatDatetime(args []Value) (Value, error) {
	t, ok := plainTick(args[0])
	if !ok {
		return nil, nil
	}
	at := t.Time()
	digits := func(v, n int) string { return fmt.Sprintf("%0*d", min(n, 2), v) }
	return formatted(text(args[1]), func(letter byte, n int) (string, bool) {
		switch letter {
		case 'y':
			if n <= 2 {
				return digits(at.Year()%100, n), true
			}
			return fmt.Sprintf("%0*d", min(n, 5), at.Year()), true
		case 'M':
			return digits(int(at.Month()), n), true
		case 'd':
			return digits(at.Day(), n), true
		case 'H':
			return digits(at.Hour(), n), true
		case 'h':
			return digits((at.Hour()+11)%12+1, n), true
		case 'm':
			return digits(at.Minute(), n), true
		case 's':
			return digits(at.Second(), n), true
		case 'f', 'F':
			return fraction(int64(t)%ticksPerSecond, n, letter == 'F'), true
		case 't':
			return at.Format("PM")[:min(n, 2)], true
		}
		return "", false
	}), nil
}

func formatTimespan(args []Value) (Value, error) {
	span, ok := plain(args[0]).(Span)
	if !ok {
		return nil, nil
	}
	n := uint64(span)
	if span < 0 {
		n = -n
	}
	ticks, seconds := int64(n%uint64(ticksPerSecond)), int64(n/uint64(ticksPerSecond))
	return formatted(text(args[1]), func(letter byte, n int) (string, bool) {
		width := min(n, 8)
		switch letter {
		case 'd':
			return fmt.Sprintf("%0*d", width, seconds/86400), true
		case 'H', 'h':
			return fmt.Sprintf("%0*d", width, seconds/3600%24), true
		case 'm':
			return fmt.Sprintf("%0*d", width, seconds/60%60), true
		case 's':
			return fmt.Sprintf("%0*d", width, seconds%60), true
		case 'f', 'F':
			return fraction(ticks, n, letter == 'F'), true
		}
		return "", false
	}), nil
}
