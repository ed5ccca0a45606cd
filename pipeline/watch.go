package pipeline

import "time"

// watched returns the windows of an export's slices whose rows may still
// change: those that ended less than the lookback ago, were read with the query
// as it is, and whose input was counted.
func watched(e Export, h *History, now time.Time) []Window {
	return Join(watchedSlices(e, h, now))
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

func watchedSlices(e Export, h *History, now time.Time) []Window {
	var windows []Window
	for _, t := range e.Targets {
		for _, r := range h.Line(e.Query.Address, t.Identity).Done {
			if e.watches(r, now) {
				windows = append(windows, r.Window)
			}
		}
	}
	return windows
}

func (e Export) watches(r Receipt, now time.Time) bool {
	return r.Input.Known && e.mayChange(r, now)
}

// mayChange reports whether rows of a slice may still arrive that a reading of
// it with the query as it is would have returned.
func (e Export) mayChange(r Receipt, now time.Time) bool {
	return r.Fingerprint == e.Query.Fingerprint && r.End.Add(e.Span.Lookback).After(now)
}

// unwatched counts the slices of a line that would be under watch if their
// input were known: pieces of split slices, hash parts, and what could not be
// counted.
func (e Export) unwatched(l *Line, now time.Time) int {
	n := 0
	for _, r := range l.Done {
		if !r.Input.Known && e.mayChange(r, now) {
			n++
		}
	}
	return n
}

// changed compares the slices under watch with what the source counts now. A
// difference that the ledger has already is not told again.
func changed(e Export, h *History, now time.Time, volume *Volume) []Changed {
	var all []Changed
	for _, t := range e.Targets {
		line := h.Line(e.Query.Address, t.Identity)
		for _, r := range line.Done {
			if !e.watches(r, now) {
				continue
			}
			before, after := r.Input, volume.amount(r.Window)
			last, told := line.checked[r.Window]
			if !after.Known || after.Rows == before.Rows && !told || told && last.Rows == after.Rows {
				continue
			}
			all = append(all, Changed{e.Query.Address, t.Identity, r.Window, before, after})
		}
	}
	return all
}

// Changed returns the line's slices of which the source has counted another
// number of rows than when they were read, the last time that it was asked.
func (l *Line) Changed() []Changed {
	var all []Changed
	for _, r := range l.Done {
		if after, ok := l.checked[r.Window]; ok && r.Input.Known && after.Rows != r.Input.Rows {
			all = append(all, Changed{l.Query, l.Sink, r.Window, r.Input, after})
		}
	}
	return all
}
