package emulator

import (
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// interval is a timespan with both ends fixed; which of them belong to it is
// the configuration's to say.
type interval struct{ start, end pipeline.Tick }

// parseTimespan reads the forms that the service accepts: a duration back from
// now, start/end, start/duration and duration/end.
func parseTimespan(s string, now pipeline.Tick) (interval, error) {
	first, second, both := strings.Cut(s, "/")
	if !both {
		d, err := parseDuration(s)
		return interval{back(now, d), now}, err
	}
	fromDuration, toDuration := strings.HasPrefix(first, "P"), strings.HasPrefix(second, "P")
	switch {
	case fromDuration && toDuration:
		return interval{}, fmt.Errorf("timespan %q has two durations", s)
	case fromDuration:
		end, err := parseInstant(second)
		if err != nil {
			return interval{}, err
		}
		d, err := parseDuration(first)
		return interval{back(end, d), end}, err
	}
	start, err := parseInstant(first)
	if err != nil {
		return interval{}, err
	}
	if toDuration {
		d, err := parseDuration(second)
		return interval{start, forth(start, d)}, err
	}
	end, err := parseInstant(second)
	return interval{start, end}, err
}

// meet returns the common part of two intervals; one that ends before it
// starts holds nothing.
func (i interval) meet(o interval) interval {
	return interval{max(i.start, o.start), min(i.end, o.end)}
}

func back(t pipeline.Tick, ticks int64) pipeline.Tick {
	return max(0, t-pipeline.Tick(ticks))
}

func forth(t pipeline.Tick, ticks int64) pipeline.Tick {
	return min(pipeline.MaxTick, t+pipeline.Tick(ticks))
}

// Ticks of the designators of a duration. Months and years are the fixed
// lengths that the service's platform gives them.
const (
	ticksSecond = int64(10_000_000)
	ticksMinute = 60 * ticksSecond
	ticksHour   = 60 * ticksMinute
	ticksDay    = 24 * ticksHour
)

var (
	dateUnits = []designator{{'Y', 365 * ticksDay}, {'M', 30 * ticksDay}, {'W', 7 * ticksDay}, {'D', ticksDay}}
	timeUnits = []designator{{'H', ticksHour}, {'M', ticksMinute}, {'S', ticksSecond}}
)

type designator struct {
	letter byte
	ticks  int64
}

// parseDuration reads an ISO 8601 duration such as P1D, PT5M or PT86400.0S in
// ticks. Only seconds may have a fraction. What is longer than the years 1 to
// 9999 is cut to that length.
func parseDuration(s string) (int64, error) {
	bad := fmt.Errorf("%q is not an ISO 8601 duration", s)
	rest, ok := strings.CutPrefix(s, "P")
	if !ok || rest == "" {
		return 0, bad
	}
	date, clock, timed := strings.Cut(rest, "T")
	if timed && clock == "" {
		return 0, bad
	}
	days, ok1 := sumUnits(date, dateUnits)
	parts, ok2 := sumUnits(clock, timeUnits)
	if !ok1 || !ok2 {
		return 0, bad
	}
	return min(days+parts, int64(pipeline.MaxTick)), nil
}

// sumUnits adds up numbers with the given designators, each at most once and
// in that order.
func sumUnits(s string, units []designator) (int64, bool) {
	var sum int64
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if n <= 0 {
			return 0, false
		}
		number, letter := s[:n], s[n]
		s = s[n+1:]
		for len(units) > 0 && units[0].letter != letter {
			units = units[1:]
		}
		if len(units) == 0 {
			return 0, false
		}
		ticks, ok := scale(number, units[0])
		if !ok {
			return 0, false
		}
		sum = min(sum+ticks, int64(pipeline.MaxTick))
		units = units[1:]
	}
	return sum, true
}

func scale(number string, unit designator) (int64, bool) {
	whole, fraction, hasFraction := strings.Cut(number, ".")
	if hasFraction && (unit.letter != 'S' || strings.Contains(fraction, ".")) || whole+fraction == "" {
		return 0, false
	}
	var n int64
	for _, c := range []byte(whole) {
		if n = n*10 + int64(c-'0'); n > int64(pipeline.MaxTick)/unit.ticks {
			return int64(pipeline.MaxTick), true
		}
	}
	n *= unit.ticks
	for i, place := 0, ticksSecond/10; i < len(fraction) && place > 0; i, place = i+1, place/10 {
		n += int64(fraction[i]-'0') * place
	}
	return n, true
}

// parseInstant reads a time in the ISO 8601 forms that clients send: a date,
// or date and time with any number of fractional digits (those beyond 100 ns
// are cut off), in UTC or with an offset.
func parseInstant(s string) (pipeline.Tick, error) {
	bad := fmt.Errorf("%q is not an ISO 8601 time", s)
	body, offset, ok := cutOffset(s)
	if !ok || len(body) < 10 {
		return 0, bad
	}
	clock := "00:00:00"
	if len(body) > 10 {
		if body[10] != 'T' && body[10] != ' ' {
			return 0, bad
		}
		clock = body[11:]
	}
	if len(clock) == len("15:04") {
		clock += ":00"
	}
	if len(clock) > len("15:04:05.0000000") {
		if strings.Trim(clock[9:], "0123456789") != "" {
			return 0, bad
		}
		clock = clock[:16]
	}
	t, err := pipeline.ParseTime(body[:10] + "T" + clock + "Z")
	if err != nil {
		return 0, bad
	}
	t -= pipeline.Tick(offset)
	if t < 0 || t > pipeline.MaxTick {
		return 0, bad
	}
	return t, nil
}

// cutOffset removes "Z" or an offset such as +02:00 and returns it in ticks.
func cutOffset(s string) (body string, ticks int64, ok bool) {
	if body, ok := strings.CutSuffix(s, "Z"); ok {
		return body, 0, true
	}
	n := len(s) - 6
	if n < 16 || s[n] != '+' && s[n] != '-' {
		return s, 0, true
	}
	var hour, minute int64
	if _, err := fmt.Sscanf(s[n+1:], "%2d:%2d", &hour, &minute); err != nil || hour > 14 || minute > 59 || hour < 0 || minute < 0 {
		return "", 0, false
	}
	ticks = hour*ticksHour + minute*ticksMinute
	if s[n] == '-' {
		ticks = -ticks
	}
	return s[:n], ticks, true
}
