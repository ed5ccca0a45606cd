package pipeline

import (
	"context"
	"fmt"
	"time"
)

// Coverage says how much of an export's window a sink has.
type Coverage struct {
	Query  string
	Sink   string // Target.Address
	Window Window // declared, at the time of the report
	Gaps   []Window
	Failed []Failure // slices within the gaps that were tried
	// Unavailable are windows of which the source had forgotten all before they
	// were read. They are no gaps: nothing can fill them.
	Unavailable []Window
	// Changed are done slices of which the source counts other rows by now.
	Changed []Changed
	Open    []Receipt // commits whose outcome is not known yet
	// Watched is how many slices are counted again by the next run, and Watch
	// when the last of them need not be any more.
	Watched int
	Watch   time.Time
	// Unwatched is how many slices are young enough for late rows that would not
	// be noticed: their query has changed, or its input cannot be counted.
	Unwatched int
	Tainted   []Window  // to be read again
	Waived    []Waiver  // gaps that somebody has accepted
	Past      int       // objects that have stepped down and are not deleted yet
	Latest    time.Time // when something was last recorded of the query; zero if never
	// Outside tells of rows that are in no slice of the query.
	Outside []Failure
	// Approximate are the windows whose ends could not be kept exactly.
	Approximate []Window

	Rows  int64
	Bytes int64
	Files int
	Late  int64     // rows that came late and were fetched, ever
	Ended bool      // the window's end is fixed and reached: nothing can be added
	Until time.Time // everything from the start up to here is done
}

// Lag returns how far the archive is behind now, or behind the end of a window
// that has ended for good: the time since Until.
func (c Coverage) Lag(now time.Time) time.Duration {
	if c.Ended {
		return c.Window.End.Sub(c.Until)
	}
	return now.Sub(c.Until)
}

// Complete reports whether nothing of the window is missing, so that a run
// would have nothing to do.
func (c Coverage) Complete() bool { return len(c.Gaps)+len(c.Open)+len(c.Tainted)+c.Past == 0 }

// Report returns the coverage of every export in each of its sinks at the time
// now. An error is one of the history's shelf.
func Report(ctx context.Context, exports []Export, h *History, now time.Time) ([]Coverage, error) {
	var all []Coverage
	for _, e := range exports {
		missing := Uncovered(e, h, now, nil)
		for i, t := range e.Targets {
			l := h.Line(e.Query.Address, t.Identity)
			c := Coverage{Query: e.Query.Address, Sink: t.Address, Window: e.Span.Resolve(now), Gaps: Join(missing[i]), Open: l.Open}
			c.Rows, c.Bytes, c.Files, c.Late = l.Rows, l.Bytes, l.Files, l.Late
			c.Unavailable, c.Changed, c.Tainted, c.Waived = l.Unavailable, l.Changed(), l.Tainted, l.Waived
			c.Approximate, c.Outside, c.Past = l.Approximate(), h.Outside(e.Query.Address), len(l.Past)
			c.Latest = h.Latest(e.Query.Address)
			if err := c.watch(ctx, e, l, now); err != nil {
				return nil, fmt.Errorf("%s in %s: %w", e.Query.Address, t.Address, err)
			}
			c.Until = c.Window.End
			c.Ended = !e.Span.End.Relative && c.Window.End.Equal(e.Span.End.At)
			for _, w := range append(intentWindows(l.Open), c.Gaps...) {
				if w.Start.Before(c.Until) {
					c.Until = w.Start
				}
			}
			for _, f := range h.Failed(l) {
				if c.Window.Overlaps(f.Window) {
					c.Failed = append(c.Failed, f)
				}
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// watch counts the slices that are under watch, and those that would be if
// there were something to compare.
func (c *Coverage) watch(ctx context.Context, e Export, l *Line, now time.Time) error {
	one := e
	one.Targets = []Target{{Identity: l.Sink}}
	h := &History{lines: map[lineKey]*Line{{l.Query, l.Sink}: l}}
	sightings, err := one.watched(ctx, h, nil)
	for _, s := range sightings {
		switch {
		case s.comparable && e.counts() && (s.before.Known || e.late() != LateIgnore):
			c.Watched++
			if until := s.End.Add(e.Span.Lookback); until.After(c.Watch) {
				c.Watch = until
			}
		case s.End.Add(e.Span.Lookback).After(now):
			c.Unwatched++
		}
	}
	return err
}

// intentWindows returns the windows of open intents.
func intentWindows(receipts []Receipt) []Window {
	var windows []Window
	for _, r := range receipts {
		windows = append(windows, r.Window)
	}
	return windows
}

func contains(failures []Failure, f Failure) bool {
	for _, other := range failures {
		if other.Window == f.Window {
			return true
		}
	}
	return false
}
