package pipeline

import "time"

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
	// Unwatched is how many slices are young enough for late rows that would not
	// be noticed: what they read was not counted beforehand.
	Unwatched int
	// Outside tells of rows that are in no slice of the query.
	Outside []Failure
	// Approximate are the windows whose ends could not be kept exactly.
	Approximate []Window

	Rows  int64
	Bytes int64
	Files int
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
func (c Coverage) Complete() bool { return len(c.Gaps) == 0 && len(c.Open) == 0 }

// Report returns the coverage of every export in each of its sinks at the time
// now. It is pure.
func Report(exports []Export, h *History, now time.Time) []Coverage {
	var all []Coverage
	for _, e := range exports {
		missing := Uncovered(e, h, now, nil)
		for i, t := range e.Targets {
			l := h.Line(e.Query.Address, t.Identity)
			c := Coverage{Query: e.Query.Address, Sink: t.Address, Window: e.Span.Resolve(now), Gaps: Join(missing[i]), Open: l.Open}
			c.Rows, c.Bytes, c.Files = l.Totals()
			c.Unavailable, c.Changed = Join(l.Unavailable), l.Changed()
			c.Approximate, c.Outside = l.approximate(), h.Outside(e.Query.Address)
			c.Unwatched = e.unwatched(l, now)
			c.Until = c.Window.End
			c.Ended = !e.Span.End.Relative && c.Window.End.Equal(e.Span.End.At)
			for _, w := range append(intentWindows(l.Open), c.Gaps...) {
				if w.Start.Before(c.Until) {
					c.Until = w.Start
				}
			}
			for _, f := range l.Failed {
				if c.Window.Overlaps(f.Window) {
					c.Failed = append(c.Failed, f)
				}
			}
			for _, f := range h.Failures(e.Query.Address) {
				if c.Window.Overlaps(f.Window) && len(f.Window.Subtract(append(l.Covered(), l.Unavailable...))) > 0 && !contains(c.Failed, f) {
					c.Failed = append(c.Failed, f)
				}
			}
			all = append(all, c)
		}
	}
	return all
}

// approximate returns the windows whose ends could not be kept exactly, joined.
func (l *Line) approximate() []Window {
	var windows []Window
	for _, r := range l.Done {
		if r.Ends == Approximate {
			windows = append(windows, r.Window)
		}
	}
	return Join(windows)
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
