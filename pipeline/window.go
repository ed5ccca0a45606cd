package pipeline

import (
	"fmt"
	"slices"
	"sort"
	"time"
)

// Window is the half-open range [Start, End) of a query's time column, in UTC
// and in whole ticks of 100 ns.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// String returns the window as "start … end", seconds and fractions only
// where they are not zero.
func (w Window) String() string { return ShortTime(w.Start) + " … " + ShortTime(w.End) }

// Empty reports whether no instant lies in w.
func (w Window) Empty() bool { return !w.Start.Before(w.End) }

// Ticks returns the number of 100 ns ticks in w; 0 if it is empty.
func (w Window) Ticks() int64 { return max(0, int64(TickOf(w.End)-TickOf(w.Start))) }

// Contains reports whether all of o lies in w. An empty o lies everywhere.
func (w Window) Contains(o Window) bool {
	return o.Empty() || (!o.Start.Before(w.Start) && !o.End.After(w.End))
}

// Overlaps reports whether some instant lies in both.
func (w Window) Overlaps(o Window) bool { return !w.Intersect(o).Empty() }

// Intersect returns the part that w and o share, which may be empty.
func (w Window) Intersect(o Window) Window {
	if o.Start.After(w.Start) {
		w.Start = o.Start
	}
	if o.End.Before(w.End) {
		w.End = o.End
	}
	return w
}

// Subtract returns what is left of w without the windows in taken, in order.
// taken may overlap and come in any order.
func (w Window) Subtract(taken []Window) []Window {
	var left []Window
	for _, t := range Join(taken) {
		if !w.Overlaps(t) {
			continue
		}
		if head := (Window{w.Start, t.Start}); !head.Empty() {
			left = append(left, head)
		}
		w.Start = t.End
	}
	if !w.Empty() {
		left = append(left, w)
	}
	return left
}

// Divide cuts w into n windows of nearly equal width, or fewer where it is
// narrow. With an atom it cuts at the atom's multiples only; without, at whole
// seconds while the pieces are at least a minute wide, and never finer than a
// tick.
func (w Window) Divide(n int64, atom time.Duration) []Window {
	ticks := w.Ticks()
	n = max(1, min(n, ticks))
	unit := Tick(1)
	switch {
	case atom > 0:
		unit = Tick(atom / TickSize)
	case ticks/n >= int64(time.Minute/TickSize):
		unit = Tick(time.Second / TickSize)
	}
	start := TickOf(w.Start)
	var pieces []Window
	at := w.Start
	for i := int64(1); i <= n; i++ {
		end := w.End
		if i < n {
			t := start + Tick(ticks/n*i+ticks%n*i/n)
			if t -= t % unit; !t.Time().After(at) { // the first point of the grid is further on
				continue
			}
			end = t.Time()
		}
		if piece := (Window{at, end}); !piece.Empty() {
			pieces = append(pieces, piece)
			at = end
		}
	}
	return pieces
}

// Join returns the same instants as windows that are in order, do not touch
// and are not empty. The argument is left as it is.
func Join(windows []Window) []Window {
	sorted := make([]Window, 0, len(windows))
	for _, w := range windows {
		if !w.Empty() {
			sorted = append(sorted, w)
		}
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Start.Before(sorted[j].Start) })
	var joined []Window
	for _, w := range sorted {
		if n := len(joined); n > 0 && !w.Start.After(joined[n-1].End) {
			if w.End.After(joined[n-1].End) {
				joined[n-1].End = w.End
			}
			continue
		}
		joined = append(joined, w)
	}
	return joined
}

// Floor returns the last instant of the grid with this step that is not after
// t. Grids start at 0001-01-01T00:00Z. A step of zero or less returns t.
func Floor(t time.Time, step time.Duration) time.Time { return t.UTC().Truncate(step) }

// Ceil returns the first instant of the grid with this step that is not
// before t.
func Ceil(t time.Time, step time.Duration) time.Time {
	if f := Floor(t, step); f.Before(t) {
		return f.Add(step)
	}
	return t.UTC()
}

// Calendar is the unit of time that one folder of a sink's layout covers.
type Calendar int

// The calendars, from the finest. NoCalendar means that the layout names no
// time, so that one folder covers everything.
const (
	NoCalendar Calendar = iota
	FiveMinutes
	Hourly
	Daily
	Monthly
	Yearly
)

// Next returns the first folder bound after t; ok is false for NoCalendar,
// which has none.
func (c Calendar) Next(t time.Time) (next time.Time, ok bool) {
	y, m, d := t.Date()
	switch c {
	case FiveMinutes:
		return t.Truncate(5 * time.Minute).Add(5 * time.Minute), true
	case Hourly:
		return t.Truncate(time.Hour).Add(time.Hour), true
	case Daily:
		return time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC), true
	case Monthly:
		return time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC), true
	case Yearly:
		return time.Date(y+1, 1, 1, 0, 0, 0, 0, time.UTC), true
	}
	return time.Time{}, false
}

// ShortTime writes t in UTC to the minute, and finer only where needed.
func ShortTime(t time.Time) string {
	t = t.UTC()
	switch {
	case t.Nanosecond() != 0:
		return t.Format("2006-01-02T15:04:05.9999999Z")
	case t.Second() != 0:
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04Z")
}

// Bound is one end of a declared window: an instant, or a distance from now.
type Bound struct {
	At       time.Time     // UTC; unused if Relative
	Relative bool          // the bound moves with the clock: now - Ago
	Ago      time.Duration // how long before now; only if Relative
}

// Span is a window as a pipeline file declares it.
type Span struct {
	Start, End Bound
	Step       time.Duration // width of a slice; 0 lets the probe choose
	Whole      bool          // the whole window is one slice that is never cut
	Atom       time.Duration // slices are cut at its multiples only; 0 is anywhere
	Settle     time.Duration // rows younger than this are not read yet
	Lookback   time.Duration // how long a slice is watched for late rows
}

// autoGrid is the grid that relative bounds lie on when the step is chosen by
// the probe.
const autoGrid = time.Hour

// Grid returns the step that relative bounds are rounded to, a multiple of the
// atom.
func (s Span) Grid() time.Duration {
	switch {
	case s.Step > 0:
		return s.Step
	case s.Atom > 0:
		return LeastCommonMultiple(autoGrid, s.Atom)
	}
	return autoGrid
}

// probeStep returns the width of the bins that the volume of the span is
// counted in at first: slices are made of whole ones.
func (s Span) probeStep() time.Duration {
	switch {
	case s.Step > 0:
		if step := greatestCommonDivisor(s.Step, autoGrid); step >= time.Second {
			return step
		}
		return s.Step // or there would be too many bins
	case s.Atom > 0:
		return s.Grid()
	}
	return autoGrid
}

// LeastCommonMultiple returns the shortest duration that both divide; 0 if it
// is longer than a year of 366 days, or one of them is not above 0.
func LeastCommonMultiple(a, b time.Duration) time.Duration {
	const year = 366 * 24 * time.Hour
	if a <= 0 || b <= 0 {
		return 0
	}
	n := a / greatestCommonDivisor(a, b)
	if n > year/b {
		return 0
	}
	return n * b
}

func greatestCommonDivisor(a, b time.Duration) time.Duration {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// Resolve returns the instants that s covers at the time now: a relative start
// is rounded down to the grid; an end that is relative, or still to come,
// becomes floor(now - settle). A whole window is empty until its end has
// settled. The result may be empty; it is never reversed.
func (s Span) Resolve(now time.Time) Window {
	settled := now.Add(-s.Settle)
	w := Window{Start: s.Start.At.UTC(), End: s.End.At.UTC()}
	if s.Whole {
		// Rows that the cut would leave out are never read again.
		if settled.Before(w.End) || CutAt(now).Before(w.End) {
			w.End = w.Start
		}
		return w
	}
	if s.Start.Relative {
		w.Start = Floor(now.Add(-s.Start.Ago), s.Grid())
	}
	if s.End.Relative {
		w.End = Floor(now.Add(-s.End.Ago-s.Settle), s.Grid())
	}
	if w.End.After(settled) {
		w.End = Floor(settled, s.Grid())
	}
	if w.End.Before(w.Start) {
		w.End = w.Start
	}
	return w
}

// fileTime writes an instant as file names need it, 20260101T000000.0000000Z.
func fileTime(t time.Time) string { return t.UTC().Format(fileTimeLayout) }

const fileTimeLayout = "20060102T150405.0000000Z"

// FileName returns "start-end" with all seven digits, in characters that
// every file system and URL takes.
func (w Window) FileName() string { return fmt.Sprintf("%s-%s", fileTime(w.Start), fileTime(w.End)) }

// Forever is every instant that the service knows.
func Forever() Window { return Window{Tick(0).Time(), MaxTick.Time()} }

// insert returns the joined windows with one more, joined. It changes the list
// that it is given.
func insert(joined []Window, w Window) []Window {
	if w.Empty() {
		return joined
	}
	first := sort.Search(len(joined), func(i int) bool { return !joined[i].End.Before(w.Start) })
	last := first
	for last < len(joined) && !joined[last].Start.After(w.End) {
		if joined[last].Start.Before(w.Start) {
			w.Start = joined[last].Start
		}
		if joined[last].End.After(w.End) {
			w.End = joined[last].End
		}
		last++
	}
	return slices.Replace(joined, first, last, w)
}

// without returns what the joined windows hold outside of w.
func without(joined []Window, w Window) []Window {
	var left []Window
	for _, j := range joined {
		left = append(left, j.Subtract([]Window{w})...)
	}
	return left
}
