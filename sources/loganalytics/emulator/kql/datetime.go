package kql

import (
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// parseDatetime reads an instant to the tick: the ISO 8601 forms from a bare
// year to seven digits and an offset, with T or a blank between date and time,
// and the RFC 822 forms. Without an offset the time is UTC.
func parseDatetime(s string) (pipeline.Tick, bool) {
	s = strings.TrimSpace(s)
	if t, err := pipeline.ParseTime(s); err == nil {
		return t, true
	}
	if t, ok := isoDatetime(s); ok {
		return t, true
	}
	for _, layout := range [...]string{
		"2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 MST", "2 Jan 06 15:04:05 MST", "2 Jan 06 15:04 MST",
		"Mon, 2 Jan 06 15:04 MST", time.RFC850, time.ANSIC,
		"1/2/2006 3:04:05 PM", "1/2/2006 15:04:05", "1/2/2006 15:04", "1/2/2006",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return tickInRange(int64(pipeline.TickOf(t)))
		}
	}
	return 0, false
}

// isoDatetime completes a short form to the one that pipeline.ParseTime knows,
// and applies the offset itself.
func isoDatetime(s string) (pipeline.Tick, bool) {
	date, clock := s, ""
	if at := strings.IndexAny(s, "T "); at > 0 {
		date, clock = s[:at], strings.TrimSpace(s[at+1:])
		if clock == "" {
			return 0, false
		}
	}
	var ok bool
	if date, ok = padded(date, "-", 4, 2, 2); !ok {
		return 0, false
	}
	if len(date) < 10 {
		date += "-01-01"[len(date)-4:]
	}
	clock, offset, ok := cutOffset(clock)
	if !ok {
		return 0, false
	}
	clock, fraction, found := strings.Cut(clock, ".")
	if clock == "" {
		clock = "00:00:00"
	} else if clock, ok = padded(clock, ":", 2, 2, 2); !ok || len(clock) < 5 {
		return 0, false
	}
	if len(clock) == 5 {
		clock += ":00"
	}
	if found {
		clock += "." + fraction
	}
	t, err := pipeline.ParseTime(date + "T" + clock + "Z")
	if err != nil {
		return 0, false
	}
	return tickInRange(int64(t) - offset)
}

// padded checks that s is numbers between separators and fills each up to its
// width with zeros: 2026-1-5 becomes 2026-01-05. Parts at the end may be absent.
func padded(s, separator string, widths ...int) (string, bool) {
	parts := strings.Split(s, separator)
	if len(parts) > len(widths) {
		return "", false
	}
	for i, part := range parts {
		if part == "" || len(part) > widths[i] || digitsAt(part) != len(part) || i == 0 && widths[0] == 4 && len(part) != 4 {
			return "", false
		}
		parts[i] = strings.Repeat("0", widths[i]-len(part)) + part
	}
	return strings.Join(parts, separator), true
}

// cutOffset takes Z, +02:00, +0200 or +02 off the end of a time of day.
func cutOffset(s string) (clock string, offset int64, ok bool) {
	if strings.HasSuffix(s, "Z") || strings.HasSuffix(s, "z") {
		return s[:len(s)-1], 0, true
	}
	at := strings.LastIndexAny(s, "+-")
	if at < 0 {
		return s, 0, true
	}
	for _, layout := range [...]string{"15:04", "1504", "15"} {
		if t, err := time.Parse(layout, s[at+1:]); err == nil {
			offset = int64(t.Hour())*ticksPerHour + int64(t.Minute())*ticksPerMinute
			if s[at] == '-' {
				offset = -offset
			}
			return strings.TrimSpace(s[:at]), offset, true
		}
	}
	return "", 0, false
}

// tickInRange says whether n is an instant of the years 1 to 9999.
func tickInRange(n int64) (pipeline.Tick, bool) {
	return pipeline.Tick(n), n >= 0 && n <= int64(pipeline.MaxTick)
}

// datetimeOf returns the instant as a Value, null where it leaves the range.
func datetimeOf(n int64) Value {
	t, ok := tickInRange(n)
	if !ok {
		return nil
	}
	return t
}

func calendar(year int, month time.Month, day int) Value {
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if t.Year() < 1 || t.Year() > 9999 {
		return nil
	}
	return pipeline.TickOf(t)
}
