package pipeline

import (
	"fmt"
	"sort"
	"time"
)

// CutDelay is how long before the service's now a run's cut lies: rows that
// became readable later are left to a later run, so that no query sees some
// rows of a load and not the others.
const CutDelay = 10 * time.Minute

// CutAt returns the cut of a run that was planned at the time now.
func CutAt(now time.Time) time.Time { return now.UTC().Add(-CutDelay).Truncate(TickSize) }

// Bounds of a slice whose width the probe chooses. The service calls a span of
// data read of more than 15 days excessive, and may throttle one of more than
// 90 (https://learn.microsoft.com/azure/azure-monitor/logs/query-optimization).
const (
	maxAutoWidth  = 14 * 24 * time.Hour
	maxEmptyWidth = 84 * 24 * time.Hour // while the probe has seen no row
)

// Plan is a list of slices to read. It is plain data: it can be saved, and
// applied to the same exports later.
type Plan struct {
	Now    time.Time      `json:"now"` // the service's, when the plan was made
	Cut    time.Time      `json:"cut"` // rows readable before this are read
	Slices []PlannedSlice `json:"slices"`
}

// PlannedSlice is a slice that some sinks lack.
type PlannedSlice struct {
	Query string `json:"query"` // address
	Window
	Sinks []string `json:"sinks"` // identities, in the order of the export's targets
	Rows  int64    `json:"rows"`  // estimate; -1 if nothing was probed
	Bytes int64    `json:"bytes"` // estimate, as the service measures; -1 if nothing was probed
	// Input is what the probe has counted under the plan's cut, if its bins
	// make up the window.
	Input Amount `json:"input,omitzero"`
}

// PlanOptions narrow a plan.
type PlanOptions struct {
	// Only keeps the windows that it returns true for; nil keeps all. It is
	// asked for an export and its window, and returns the windows to plan.
	Only func(e Export, w Window) []Window
	// Volumes are the probe's bins of each query; a query that is missing is
	// planned without estimates.
	Volumes map[string][]Bin
}

// Uncovered returns what an export still has to read at the time now, for each
// target in turn. Slices with an open intent are left out: Recover settles them
// first, and one that it cannot settle must not be read again.
func Uncovered(e Export, h *History, now time.Time, only func(Export, Window) []Window) [][]Window {
	w := e.Span.Resolve(now)
	if cut := now.Add(-CutDelay); !e.Span.Whole && w.End.After(cut) {
		w.End = Floor(cut, e.Span.Grid())
	}
	wanted := []Window{w}
	if only != nil && !w.Empty() {
		wanted = only(e, w)
	}
	missing := make([][]Window, len(e.Targets))
	for i, t := range e.Targets {
		line := h.Line(e.Query.Address, t.Identity)
		taken := append(line.Covered(), intentWindows(line.Open)...)
		for _, w := range wanted {
			missing[i] = append(missing[i], w.Subtract(taken)...)
		}
	}
	return missing
}

// BuildPlan lists the slices that are missing at the time now, in the order of
// the exports and of time. It is pure: the same arguments give the same plan.
// now is the service's clock.
func BuildPlan(exports []Export, h *History, now time.Time, o PlanOptions) (*Plan, error) {
	p := &Plan{Now: now.UTC(), Cut: CutAt(now)}
	for _, e := range exports {
		missing := Uncovered(e, h, now, o.Only)
		volume, probed := o.Volumes[e.Query.Address]
		for _, region := range regions(missing) {
			if err := e.planRegion(p, region, volume, probed); err != nil {
				return nil, fmt.Errorf("plan %s: %w", e.Query.Address, err)
			}
		}
	}
	return p, nil
}

// region is a window that the same targets lack.
type region struct {
	window  Window
	targets []int
}

// regions cuts the missing windows of all targets at each other's bounds, so
// that within one region every target lacks all or nothing.
func regions(missing [][]Window) []region {
	var bounds []time.Time
	for _, windows := range missing {
		for _, w := range windows {
			bounds = append(bounds, w.Start, w.End)
		}
	}
	sort.Slice(bounds, func(i, j int) bool { return bounds[i].Before(bounds[j]) })
	var all []region
	for i := 1; i < len(bounds); i++ {
		r := region{window: Window{bounds[i-1], bounds[i]}}
		if r.window.Empty() {
			continue
		}
		for t, windows := range missing {
			for _, w := range windows {
				if w.Contains(r.window) {
					r.targets = append(r.targets, t)
					break
				}
			}
		}
		if len(r.targets) > 0 {
			all = append(all, r)
		}
	}
	return all
}

// planRegion appends the slices of one region.
func (e Export) planRegion(p *Plan, r region, volume []Bin, probed bool) error {
	var sinks []string
	calendars := make(map[Calendar]bool)
	for _, t := range r.targets {
		sinks = append(sinks, e.Targets[t].Identity)
		calendars[e.Targets[t].Calendar] = true
	}
	if whole := e.Span.Resolve(p.Now); e.Span.Whole && r.window != whole {
		return fmt.Errorf("%v is one piece (slice = \"none\"), but a part of it is archived already; give the query another name", whole)
	}
	for _, w := range e.cut(r.window, calendars, volume, probed) {
		planned := PlannedSlice{Query: e.Query.Address, Window: w, Sinks: sinks, Rows: -1, Bytes: -1}
		if probed {
			planned.Rows, planned.Bytes = amount(volume, w)
		}
		p.Slices = append(p.Slices, planned)
	}
	return nil
}

// cut divides a window into slices that no folder bound lies in.
func (e Export) cut(w Window, calendars map[Calendar]bool, volume []Bin, probed bool) []Window {
	if e.Span.Whole {
		return []Window{w}
	}
	var slices []Window
	for !w.Empty() {
		folder := w
		for c := range calendars {
			if next, ok := c.Next(w.Start); ok && next.Before(folder.End) {
				folder.End = next
			}
		}
		switch {
		case e.Span.Step > 0:
			slices = append(slices, gridSlices(folder, e.Span.Step)...)
		case probed:
			slices = append(slices, sizedSlices(folder, volume, e.Limits)...)
		default:
			slices = append(slices, gridSlices(folder, autoGrid)...)
		}
		w.Start = folder.End
	}
	return slices
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

// sizedSlices joins hours while they stay below half of both limits, and cuts
// an hour that is above into equal pieces.
func sizedSlices(w Window, volume []Bin, limits Limits) []Window {
	var slices []Window
	var open Window
	var rows, bytes int64
	for _, hour := range gridSlices(w, autoGrid) {
		r, b := amount(volume, hour)
		fits := pieces(rows+r, bytes+b, limits) == 1
		widest := maxAutoWidth
		if rows+r == 0 {
			widest = maxEmptyWidth
		}
		if !open.Empty() && (!fits || hour.End.Sub(open.Start) > widest) {
			slices = append(slices, open)
			open, rows, bytes = Window{}, 0, 0
		}
		if n := pieces(r, b, limits); n > 1 {
			slices = append(slices, hour.Divide(n, 0)...)
			continue
		}
		if open.Empty() {
			open.Start = hour.Start
		}
		open.End, rows, bytes = hour.End, rows+r, bytes+b
	}
	if !open.Empty() {
		slices = append(slices, open)
	}
	return slices
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

// amount estimates what lies in w: bins that w covers in part count in
// proportion.
func amount(volume []Bin, w Window) (rows, bytes int64) {
	first := sort.Search(len(volume), func(i int) bool { return volume[i].Window.End.After(w.Start) })
	for _, b := range volume[first:] {
		if !b.Window.Start.Before(w.End) {
			break
		}
		share := float64(b.Window.Intersect(w).Ticks()) / float64(b.Window.Ticks())
		rows += int64(share * float64(b.Rows))
		bytes += int64(share * float64(b.Bytes))
	}
	return rows, bytes
}

// Totals returns the number of slices and the sum of their estimates; known is
// false if some slice has none.
func (p *Plan) Totals() (slices int, rows, bytes int64, known bool) {
	known = true
	for _, s := range p.Slices {
		if s.Rows < 0 {
			known = false
			continue
		}
		rows, bytes = rows+s.Rows, bytes+s.Bytes
	}
	return len(p.Slices), rows, bytes, known
}
