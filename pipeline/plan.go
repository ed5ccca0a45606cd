package pipeline

import (
	"context"
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
	// Unavailable are windows that sinks lack and of which the source has
	// forgotten all. They are recorded as such and never read.
	Unavailable []Unavailable `json:"unavailable,omitempty"`
	// Changed are slices under watch of which the source now counts another
	// number of rows than when they were read. They are recorded and stay as
	// they are.
	Changed []Changed `json:"changed,omitempty"`
	// Closing are windows whose watch for late rows is over.
	Closing []Closing `json:"closing,omitempty"`
	// Lost are objects that are not in their sink any more. Their slices are
	// among Slices or Unavailable.
	Lost []Lost `json:"lost,omitempty"`
	// Stays are slices that should be read again and cannot be.
	Stays []Stay `json:"stays,omitempty"`
	// Outside are queries with rows in no slice, whatever is exported.
	Outside []Outside `json:"outside,omitempty"`
	// Drift tells of queries whose columns have changed since their newest file.
	Drift []Drift `json:"drift,omitempty"`
	// Moved tells of sinks whose new files have another format or folder.
	Moved []Moved `json:"moved,omitempty"`
}

// Outside says what of a query's rows around a window lies in no slice.
type Outside struct {
	Query string `json:"query"`
	Window
	Reason string `json:"reason"`
}

// Unavailable is a window that can never be exported any more.
type Unavailable struct {
	Query string `json:"query"`
	Sink  string `json:"sink"` // identity
	Window
	Oldest time.Time `json:"oldest"` // row that the source still had
}

// PlannedSlice is a slice to read: one that some sinks lack, or one to read
// again.
type PlannedSlice struct {
	Query string `json:"query"` // address
	Window
	Sinks []string `json:"sinks"` // identities, in the order of the export's targets
	Rows  int64    `json:"rows"`  // estimate; -1 if nothing was probed
	Bytes int64    `json:"bytes"` // estimate, as the service measures; -1 if nothing was probed
	// Input is what the probe has counted under the plan's cut, if its bins
	// make up the window.
	Input Amount `json:"input,omitzero"`

	Why Why `json:"why,omitempty"` // it is read again; "" if it is missing
	// From is the cut up to which the sinks hold the slice, with Held rows: only
	// rows that arrived later are read, into objects of their own. Zero reads
	// all rows.
	From time.Time `json:"cut_from,omitzero"`
	Held int64     `json:"held,omitempty"`
	// Swap is the window of which the sinks' objects step down once all that is
	// read of it is there.
	Swap *Window `json:"replaces,omitempty"`
	// Copy is the identity of the sink that has the slice; "" reads the source.
	Copy string `json:"copy,omitempty"`
}

// PlanOptions narrow a plan.
type PlanOptions struct {
	// Only keeps the windows that it returns true for; nil keeps all. It is
	// asked for an export and its window, and returns the windows to plan.
	Only func(e Export, w Window) []Window
	// Survey is what the sources say; its Now is not used. Queries of which it
	// has no Volume are planned without estimates.
	Survey Survey
	// Replace returns the windows of an export that are to be read again
	// although they are done; nil is none.
	Replace func(e Export, w Window) []Window
}

// Uncovered returns what an export still has to read at the time now, for each
// target in turn. Slices with an open intent are left out: Recover settles them
// first, and one that it cannot settle must not be read again.
func Uncovered(e Export, h *History, now time.Time, only func(Export, Window) []Window) [][]Window {
	w := e.Span.Resolve(now)
	if cut := CutAt(now); !e.Span.Whole && w.End.After(cut) {
		w.End = Floor(cut, e.Span.Grid())
	}
	wanted := []Window{w}
	if only != nil && !w.Empty() {
		wanted = only(e, w)
	}
	missing := make([][]Window, len(e.Targets))
	for i, t := range e.Targets {
		taken := h.Line(e.Query.Address, t.Identity).taken()
		for _, w := range wanted {
			missing[i] = append(missing[i], w.Subtract(taken)...)
		}
	}
	return missing
}

// BuildPlan lists the slices that are missing at the time now, and those to
// read again, in the order of the exports and of time. The same arguments give
// the same plan. now is the service's clock. An error is one of the history's
// shelf, or about a window that cannot be planned.
func BuildPlan(ctx context.Context, exports []Export, h *History, now time.Time, o PlanOptions) (*Plan, error) {
	p := &Plan{Now: now.UTC(), Cut: CutAt(now)}
	for _, f := range o.Survey.Outside {
		p.Outside = append(p.Outside, Outside{f.Query, f.Window, f.Err.Error()})
	}
	for _, e := range exports {
		if d, ok := o.Survey.Drift[e.Query.Address]; ok {
			p.Drift = append(p.Drift, d)
		}
		if err := e.plan(ctx, p, h, o); err != nil {
			return nil, fmt.Errorf("plan %s: %w", e.Query.Address, err)
		}
	}
	p.Moved = moved(p, exports, h)
	return p, nil
}

// plan appends what is to be done for one export.
func (e Export) plan(ctx context.Context, p *Plan, h *History, o PlanOptions) error {
	missing := Uncovered(e, h, p.Now, o.Only)
	if err := e.lost(ctx, p, h, missing, o); err != nil {
		return err
	}
	visits, err := e.visits(ctx, p, h, o)
	if err != nil {
		return err
	}
	if missing, err = e.planCopies(ctx, p, h, missing, visits); err != nil {
		return err
	}
	if oldest, ok := o.Survey.Oldest[e.Query.Address]; ok {
		missing = e.forgotten(p, missing, oldest)
	}
	volume := o.Survey.Volumes[e.Query.Address]
	for _, region := range regions(missing) {
		if err := e.planRegion(p, region, volume, h.Yield(e.Query)); err != nil {
			return err
		}
	}
	e.planVisits(p, visits, o)
	return nil
}

// forgotten moves what ends before the oldest row that is left from the missing
// windows to the plan's unavailable ones.
func (e Export) forgotten(p *Plan, missing [][]Window, oldest time.Time) [][]Window {
	from := e.heldFrom(oldest, p.Now)
	left := make([][]Window, len(missing))
	for i, windows := range missing {
		for _, w := range windows {
			gone := Window{w.Start, from}.Intersect(w)
			if e.Span.Whole && gone != w {
				gone = Window{} // some of the one piece is still there
			}
			if !gone.Empty() {
				p.Unavailable = append(p.Unavailable, Unavailable{e.Query.Address, e.Targets[i].Identity, gone, oldest})
				w.Start = gone.End
			}
			if !w.Empty() {
				left[i] = append(left[i], w)
			}
		}
	}
	return left
}

// heldFrom returns the point of the grid before which a source whose oldest row
// is of that time has forgotten all. What is younger than any source forgets, or
// still under watch, is held: rows may yet arrive there.
func (e Export) heldFrom(oldest, now time.Time) time.Time {
	from := Floor(oldest, e.Span.Grid())
	if watched := Floor(now.Add(-max(minRetention, e.Span.Lookback)), e.Span.Grid()); watched.Before(from) {
		return watched
	}
	return from
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

// whole returns an error if the export is one piece and w is less than it.
func (e Export) whole(w Window, now time.Time) error {
	if all := e.Span.Resolve(now); e.Span.Whole && w != all {
		return fmt.Errorf("%v is one piece (slice = \"none\"), but a part of it is archived already; give the query another name", all)
	}
	return nil
}

// planRegion appends the slices of one region.
func (e Export) planRegion(p *Plan, r region, volume *Volume, yield Yield) error {
	var sinks []string
	calendars := make(map[Calendar]bool)
	for _, t := range r.targets {
		sinks = append(sinks, e.Targets[t].Identity)
		calendars[e.Targets[t].Calendar] = true
	}
	if err := e.whole(r.window, p.Now); err != nil {
		return err
	}
	for _, w := range e.cut(r.window, calendars, volume, yield) {
		planned := PlannedSlice{Query: e.Query.Address, Window: w, Sinks: sinks, Rows: -1, Bytes: -1}
		if volume != nil && !overlapsAny(w, volume.Blank) {
			a := volume.amount(w)
			planned.Rows, planned.Bytes = yield.rows(a.Rows), yield.bytes(a.Bytes)
			if a.Known {
				planned.Input = a
			}
		}
		p.Slices = append(p.Slices, planned)
	}
	return nil
}

// Totals returns the number of slices and the sum of the estimates of those
// that are read from their source; known is false if some slice has none.
func (p *Plan) Totals() (slices int, rows, bytes int64, known bool) {
	known = true
	for _, s := range p.Slices {
		if s.Rows < 0 {
			known = false
			continue
		}
		if s.Copy == "" {
			rows, bytes = rows+s.Rows, bytes+s.Bytes
		}
	}
	return len(p.Slices), rows, bytes, known
}
