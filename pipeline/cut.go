package pipeline

import (
	"sort"
	"time"
)

// cut divides a window into slices that no folder bound and no atom's inside
// lies in.
func (e Export) cut(w Window, calendars map[Calendar]bool, volume *Volume, yield Yield) []Window {
	if e.Span.Whole {
		return []Window{w}
	}
	var slices []Window
	for !w.Empty() {
		folder := nextFolder(w, calendars)
		switch {
		case e.Span.Step > 0:
			slices = append(slices, gridSlices(folder, e.Span.Step)...)
		case volume == nil:
			slices = append(slices, gridSlices(folder, e.Span.Grid())...)
		default:
			slices = append(slices, e.sizedSlices(folder, volume, yield)...)
		}
		w.Start = folder.End
	}
	return slices
}

// nextFolder returns the first piece of w that no folder bound lies in.
func nextFolder(w Window, calendars map[Calendar]bool) Window {
	for c := range calendars {
		if next, ok := c.Next(w.Start); ok && next.Before(w.End) {
			w.End = next
		}
	}
	return w
}

// gridSlices cuts w at the points of the grid.
func gridSlices(w Window, step time.Duration) []Window {
	var slices []Window
	for !w.Empty() {
		end := Floor(w.Start, step).Add(step)
		if end.After(w.End) {
			end = w.End
		}
		slices = append(slices, Window{w.Start, end})
		w.Start = end
	}
	return slices
}

// sizedSlices joins cells while they stay below half of both limits, and cuts
// a cell that is above into equal pieces. A cell that could not be counted is a
// slice.
func (e Export) sizedSlices(w Window, volume *Volume, yield Yield) []Window {
	var slices []Window
	var open Window
	var rows, bytes int64
	end := func() {
		if !open.Empty() {
			slices = append(slices, open)
		}
		open, rows, bytes = Window{}, 0, 0
	}
	for _, cell := range e.cells(w, volume) {
		if overlapsAny(cell, volume.Blank) {
			end()
			slices = append(slices, cell)
			continue
		}
		a := volume.amount(cell)
		r, b := yield.rows(a.Rows), yield.bytes(a.Bytes)
		widest := maxAutoWidth
		if rows+r == 0 {
			widest = maxEmptyWidth
		}
		if pieces(rows+r, bytes+b, e.Limits) > 1 || cell.End.Sub(open.Start) > widest {
			end()
		}
		if n := pieces(r, b, e.Limits); n > 1 {
			end()
			slices = append(slices, cell.Divide(n, e.Span.Atom)...)
			continue
		}
		if open.Empty() {
			open.Start = cell.Start
		}
		open.End, rows, bytes = cell.End, rows+r, bytes+b
	}
	end()
	return slices
}

// cells cuts w at the grid, and where it has been counted in finer bins at the
// bounds of those.
func (e Export) cells(w Window, volume *Volume) []Window {
	var cells []Window
	for _, coarse := range gridSlices(w, e.Span.Grid()) {
		first, bins := volume.within(coarse)
		at := coarse.Start
		for _, b := range bins[first:] {
			if !b.Window.Start.Before(coarse.End) {
				break
			}
			for _, bound := range []time.Time{b.Window.Start, b.Window.End} {
				if bound.After(at) && bound.Before(coarse.End) && Floor(bound, e.Span.Atom).Equal(bound) {
					cells = append(cells, Window{at, bound})
					at = bound
				}
			}
		}
		cells = append(cells, Window{at, coarse.End})
	}
	return cells
}

// pieces returns into how many slices an amount has to be cut to stay below
// half of both limits.
func pieces(rows, bytes int64, limits Limits) int64 {
	n := int64(1)
	if half := limits.Rows / 2; half > 0 {
		n = max(n, (rows+half-1)/half)
	}
	if half := limits.Bytes / 2; half > 0 {
		n = max(n, (bytes+half-1)/half)
	}
	return n
}

// within returns the bins and the first of them that reaches into w.
func (v *Volume) within(w Window) (first int, bins []Bin) {
	return sort.Search(len(v.Bins), func(i int) bool { return v.Bins[i].Window.End.After(w.Start) }), v.Bins
}

// amount estimates what lies in w: bins that w covers in part count in
// proportion. It is known if there are no such bins, and nothing in w that
// could not be counted.
func (v *Volume) amount(w Window) Amount {
	if a := v.exact[w]; a.Known {
		return a
	}
	a := Amount{Known: !overlapsAny(w, v.Blank)}
	first, bins := v.within(w)
	for _, b := range bins[first:] {
		if !b.Window.Start.Before(w.End) {
			break
		}
		if w.Contains(b.Window) {
			a.Rows, a.Bytes = a.Rows+b.Rows, a.Bytes+b.Bytes
			continue
		}
		a.Known = false
		share := float64(b.Window.Intersect(w).Ticks()) / float64(b.Window.Ticks())
		a.Rows += int64(share * float64(b.Rows))
		a.Bytes += int64(share * float64(b.Bytes))
	}
	return a
}

func overlapsAny(w Window, others []Window) bool {
	for _, o := range others {
		if w.Overlaps(o) {
			return true
		}
	}
	return false
}
