package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A slice is under watch until a comparison of input counts has succeeded under
// a cut that lies later than its end plus the lookback, however long nobody
// looked. Slices that were read that late to begin with, and those that nothing
// can be compared with any more, are not.

// sighting is a slice under watch.
type sighting struct {
	Held
	line *Line
	// before is what the source had counted when it was read; not known for a
	// slice that was not counted.
	before Amount
	told   Changed // what is recorded of an earlier comparison; zero if nothing is
	// comparable says that the query is still the one that the slice was read by.
	comparable bool
}

// news reports whether a count of the slice is another than what is known.
func (s sighting) news(after Amount) bool {
	if s.told.After.Known {
		return after.Rows != s.told.After.Rows
	}
	return after.Rows != s.before.Rows
}

// watched returns the slices of an export under watch, of every target. Without
// a filter it looks beyond the declared window: what has been read is watched
// to the end.
func (e Export) watched(ctx context.Context, h *History, only func(Export, Window) []Window) ([]sighting, error) {
	var all []sighting
	for _, t := range e.Targets {
		line := h.Line(e.Query.Address, t.Identity)
		var open []Window
		for _, w := range line.covered {
			open = append(open, w.Subtract(line.closed)...)
		}
		for _, w := range open {
			held, err := line.Held(ctx, w)
			if err != nil {
				return nil, fmt.Errorf("%s in %s: %w", e.Query.Address, t.Address, err)
			}
			for _, s := range held {
				if !e.wanted(s.Window, only) || overlapsAny(s.Window, line.closed) || overlapsReceipt(s.Window, line.Open) {
					continue
				}
				told, before := line.checked[s.Window], s.Input()
				if told.After.Known && told.After.Rows == told.Before.Rows || !before.Known {
					before = told.After // what came since is not among the query's rows
				}
				all = append(all, sighting{s, line, before, told, s.ReadBy(e.Query.Fingerprint)})
			}
		}
	}
	return all, nil
}

// cuts reports whether a bound of the windows lies within w.
func cuts(windows []Window, w Window) bool {
	for _, o := range windows {
		if w.Overlaps(o) && !o.Contains(w) {
			return true
		}
	}
	return false
}

// wanted reports whether a filter keeps all of a slice that is done.
func (e Export) wanted(w Window, only func(Export, Window) []Window) bool {
	if only == nil {
		return true
	}
	for _, kept := range only(e, e.reachable()) {
		if kept.Contains(w) {
			return true
		}
	}
	return false
}

// reachable returns the window that filters of what is done are asked about.
func (e Export) reachable() Window {
	if e.Span.Whole {
		return Window{e.Span.Start.At.UTC(), e.Span.End.At.UTC()}
	}
	return Forever()
}

func overlapsReceipt(w Window, receipts []Receipt) bool {
	for _, r := range receipts {
		if w.Overlaps(r.Window) {
			return true
		}
	}
	return false
}

// overdue reports whether a comparison under this cut is the last that a slice
// needs.
func (e Export) overdue(w Window, cut time.Time) bool {
	return !cut.Before(w.End.Add(e.Span.Lookback))
}

// counts reports whether the source can count what the query reads.
func (e Export) counts() bool {
	_, ok := e.Source.(Prober)
	return ok && !e.Loose && e.Query.Plan == Analytics
}

// late returns what happens to late rows: what is declared, or the best that
// the query allows.
func (e Export) late() Late {
	switch {
	case e.Late != LateDefault && (e.Late != LateAppend || e.appends()):
		return e.Late
	case e.appends():
		return LateAppend
	}
	return LateReplace
}

// appends reports whether rows that arrive late can be read alone and put
// beside the others: each row of the result comes from one row of the input.
func (e Export) appends() bool {
	return e.counts() && e.Span.Atom == 0 && !e.Span.Whole && !e.Query.AssumeSliceable
}

// measure counts what the query reads in one window.
func (e Export) measure(ctx context.Context, w Window, cut time.Time) (Amount, error) {
	prober, step := e.Source.(Prober), max(e.Span.probeStep(), maxProbeSpan)
	a := Amount{Known: true}
	for _, piece := range probePieces(w, step) {
		bins, err := prober.Probe(ctx, e.Query, piece, step, Cut{To: cut})
		if err != nil {
			return Amount{}, err
		}
		for _, b := range bins {
			a.Rows, a.Bytes = a.Rows+b.Rows, a.Bytes+b.Bytes
		}
	}
	return a, nil
}

// Changed is a slice in a sink of which the source now counts another number
// of rows than when it was read.
type Changed struct {
	Query string `json:"query"`
	Sink  string `json:"sink"` // identity
	Window
	Before Amount `json:"before,omitzero"`
	After  Amount `json:"after,omitzero"`
}

// Shrunk reports whether rows are gone. Nothing supersedes what has them.
func (c Changed) Shrunk() bool { return c.After.Rows < c.Before.Rows }

// Closing is a window whose watch for late rows is over in a sink.
type Closing struct {
	Query string `json:"query"`
	Sink  string `json:"sink"` // identity
	Window
}

// look compares the slices under watch of an export with what the source
// counts now. It notes what has changed and what needs no more watching, and
// returns the slices with late rows, or of which that cannot be excluded.
func (e Export) look(ctx context.Context, p *Plan, h *History, o PlanOptions) ([]Visit, error) {
	sightings, err := e.watched(ctx, h, o.Only)
	if err != nil {
		return nil, err
	}
	var visits []Visit
	closing := make(map[*Line][]Window)
	volume := o.Survey.Volumes[e.Query.Address]
	for _, s := range sightings {
		var after Amount
		if volume != nil && s.comparable {
			after = volume.amount(s.Window)
		}
		switch {
		case !s.comparable || !e.counts():
			// Nothing can be compared.
		case !after.Known:
			continue // asked again by the next run
		case e.late() != LateIgnore && (!s.before.Known || after.Rows > s.before.Rows):
			visits = append(visits, Visit{Held: s.Held, line: s.line, Why: WhyLate, Before: s.before, After: after})
			continue
		case s.before.Known && s.news(after):
			p.Changed = append(p.Changed, Changed{e.Query.Address, s.line.Sink, s.Window, s.before, after})
		}
		if e.overdue(s.Window, p.Cut) {
			closing[s.line] = append(closing[s.line], s.Window)
		}
	}
	for _, t := range e.Targets {
		line := h.Line(e.Query.Address, t.Identity)
		for _, w := range Join(closing[line]) {
			p.Closing = append(p.Closing, Closing{e.Query.Address, t.Identity, w})
		}
	}
	return visits, nil
}

// Changed returns the slices of the line of which the source has counted
// another number of rows than when they were read, the last time that it was
// asked, in order.
func (l *Line) Changed() []Changed {
	var all []Changed
	for _, c := range l.checked {
		if c.After.Rows != c.Before.Rows {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Changed) int { return a.Start.Compare(b.Start) })
	return all
}
