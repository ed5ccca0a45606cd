package config

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// units are the units of durations, from the longest.
var units = []struct {
	name   string
	length time.Duration
}{
	{"w", 7 * 24 * time.Hour},
	{"d", 24 * time.Hour},
	{"h", time.Hour},
	{"m", time.Minute},
	{"s", time.Second},
	{"ms", time.Millisecond},
}

// parseDuration reads whole numbers with units, the longest unit first and
// each once, such as "1d12h".
func parseDuration(text string) (time.Duration, error) {
	rest := strings.TrimSpace(text)
	switch {
	case rest == "":
		return 0, errors.New(`a duration such as "30m" or "1d12h" is required`)
	case rest == "0":
		return 0, nil
	case strings.HasPrefix(rest, "-"):
		return 0, fmt.Errorf("%q is negative, and a duration must not be", clip(text))
	}
	var total time.Duration
	next := 0 // the first unit that may still come
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		letters := len(rest[digits:]) - len(strings.TrimLeft(rest[digits:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		number, name := rest[:digits], rest[digits:digits+letters]
		rest = rest[digits+letters:]
		i := unitIndex(name)
		switch {
		case digits == 0 || letters == 0 && rest != "":
			return 0, fmt.Errorf(`%q is not a duration; write whole numbers with units, such as "90m" or "1d12h"`, clip(text))
		case letters == 0:
			return 0, fmt.Errorf("%q needs a unit: ms, s, m, h, d or w, such as %q", clip(text), clip(text)+"m")
		case i < 0:
			return 0, fmt.Errorf("%q has the unknown unit %q; the units are ms, s, m, h, d and w", clip(text), clip(name))
		case i < next:
			return 0, fmt.Errorf("%q names its units out of order; write each once, the longest first, such as \"1d12h\"", clip(text))
		}
		next = i + 1
		n, ok := whole(number)
		if !ok || n > (math.MaxInt64-int64(total))/int64(units[i].length) {
			return 0, fmt.Errorf("%q is longer than the 292 years that a duration can hold", clip(text))
		}
		total += time.Duration(n) * units[i].length
	}
	return total, nil
}

func unitIndex(name string) int {
	for i, u := range units {
		if u.name == name {
			return i
		}
	}
	return -1
}

// whole reads decimal digits.
func whole(digits string) (int64, bool) {
	var n int64
	for _, c := range digits {
		if n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// writeDuration is the inverse of parseDuration, for messages.
func writeDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	text := ""
	for _, u := range units {
		if n := d / u.length; n > 0 {
			text += fmt.Sprintf("%d%s", n, u.name)
			d -= n * u.length
		}
	}
	return text
}

// parseBound reads one end of a window: an absolute time, "now", or a distance
// before now such as "now-30d".
func parseBound(text string) (pipeline.Bound, error) {
	after, relative := strings.CutPrefix(strings.TrimSpace(text), "now")
	if !relative {
		at, err := pipeline.ParseInstant(strings.TrimSpace(text))
		if err != nil {
			return pipeline.Bound{}, fmt.Errorf(`%w; a distance from the clock is written "now-30d"`, err)
		}
		return pipeline.Bound{At: at}, nil
	}
	after = strings.TrimSpace(after)
	if after == "" {
		return pipeline.Bound{Relative: true}, nil
	}
	distance, minus := strings.CutPrefix(after, "-")
	if !minus {
		return pipeline.Bound{}, fmt.Errorf(`%q is not a time; only distances before now are possible, such as "now-30d"`, clip(text))
	}
	ago, err := parseDuration(strings.TrimSpace(distance))
	if err != nil {
		return pipeline.Bound{}, err
	}
	return pipeline.Bound{Relative: true, Ago: ago}, nil
}

// clip keeps messages short.
func clip(s string) string {
	const longest = 60
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}
