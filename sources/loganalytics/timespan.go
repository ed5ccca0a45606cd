package loganalytics

import (
	"math/big"
	"regexp"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// maxAtom is the widest atom that a query may have. An atom is read in one
// piece, so a wider one would be too large for an answer in most workspaces.
const (
	maxDays = 31
	maxAtom = maxDays * 24 * time.Hour
)

// timespanUnits are the suffixes of
// https://learn.microsoft.com/kusto/query/scalar-data-types/timespan, in ticks.
var timespanUnits = func() map[string]*big.Rat {
	units := make(map[string]*big.Rat)
	for _, u := range []struct {
		names string
		ticks *big.Rat
	}{
		{"d day days", ticksOf(24 * time.Hour)},
		{"h hr hrs hour hours", ticksOf(time.Hour)},
		{"m min minute minutes", ticksOf(time.Minute)},
		{"s sec second seconds", ticksOf(time.Second)},
		{"ms milli millis millisec millisecond milliseconds", ticksOf(time.Millisecond)},
		{"micro micros microsec microsecond microseconds", ticksOf(time.Microsecond)},
		{"nano nanos nanosec nanosecond nanoseconds", ticksOf(time.Nanosecond)},
		{"tick ticks", big.NewRat(1, 1)},
	} {
		for name := range names(u.names) {
			units[name] = u.ticks
		}
	}
	return units
}()

func ticksOf(d time.Duration) *big.Rat { return big.NewRat(int64(d), int64(pipeline.TickSize)) }

var (
	shortSpan = regexp.MustCompile(`^(\d+(?:\.\d+)?)([a-z]*)$`)
	longSpan  = regexp.MustCompile(`^(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d{1,7})?))?$`)
)

// parseSpan reads a timespan such as 1.5h, or in the form d.hh:mm:ss; ok is
// false for anything that is no whole number of ticks, at least one.
func parseSpan(text string) (d time.Duration, ok bool) {
	ticks := new(big.Rat)
	add := func(number string, unit *big.Rat) {
		if n, valid := new(big.Rat).SetString(number); valid {
			ticks.Add(ticks, n.Mul(n, unit))
		}
	}
	if m := shortSpan.FindStringSubmatch(text); m != nil && timespanUnits[m[2]] != nil {
		add(m[1], timespanUnits[m[2]])
	} else if m := longSpan.FindStringSubmatch(text); m != nil {
		for i, unit := range []string{"d", "h", "m", "s"} {
			add(m[1+i], timespanUnits[unit])
		}
	}
	const most = int64(1<<63-1) / int64(pipeline.TickSize)
	if !ticks.IsInt() || ticks.Sign() <= 0 || !ticks.Num().IsInt64() || ticks.Num().Int64() > most {
		return 0, false
	}
	return time.Duration(ticks.Num().Int64()) * pipeline.TickSize, true
}

// span returns the timespan that an expression surely is: a literal, or the
// name of a let of one; 0 if it cannot be told.
func (w *walker) span(p part) time.Duration {
	p = w.bare(p)
	if p.empty() {
		return 0
	}
	first := w.at(p.from)
	switch {
	case p.from+1 == p.to && w.kind(p.from) == tokenNumber:
		d, _ := parseSpan(first)
		return d
	case (first == "time" || first == "timespan") && w.in(p, p.from+1) == "(" && w.after(p.from+1) == p.to:
		start, length := w.offset(w.inside(p.from + 1))
		text := w.text[start : start+length]
		if d, ok := parseSpan(text); ok {
			return d
		}
		d, _ := parseSpan(text + "d") // a number alone is one of days
		return d
	}
	if name, end := w.name(p, p.from); name != "" && end == p.to {
		// A column of that name would come before a let.
		if s, _ := w.lookup(name); w.assigns[name] <= 1 {
			return s.span
		}
	}
	return 0
}

// bare takes the brackets off an expression that stands in nothing else.
func (s *script) bare(p part) part {
	for !p.empty() && s.at(p.from) == "(" && s.after(p.from) == p.to {
		p = s.inside(p.from)
	}
	return p
}

// common returns the least common multiple of two widths, of which 0 is none;
// ok is false beyond maxAtom.
func common(a, b time.Duration) (d time.Duration, ok bool) {
	if a == 0 || b == 0 {
		return a + b, a+b <= maxAtom
	}
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	if a > maxAtom || b > maxAtom || a/x > maxAtom/b {
		return 0, false
	}
	return a / x * b, true
}
