package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Why says why a slice that is done is read again.
type Why string

// The reasons, from the weakest. A slice that is read for the first time has
// none.
const (
	WhyLate    Why = "late"    // rows have arrived since it was read
	WhyChanged Why = "changed" // the query has changed, and on_change is "rebuild"
	WhyTainted Why = "tainted" // somebody has asked for it, in the state
	WhyAsked   Why = "asked"   // somebody asks for it now
	WhyLost    Why = "lost"    // one of its several objects is gone
)

// Visit is a slice in a sink that is to be read again.
type Visit struct {
	Held
	line          *Line
	Why           Why
	Before, After Amount // what the source counted when it was read, and counts now
}

// Stay is a slice in a sink that should be read again and cannot be. It stays
// as it is.
type Stay struct {
	Query string `json:"query"`
	Sink  string `json:"sink"` // identity
	Window
	Why    Why    `json:"why"`
	Reason string `json:"reason"`
	// Failed says that somebody has to act; else the source has forgotten the
	// rows, and nothing can be done.
	Failed bool `json:"failed,omitempty"`
}

// visits returns the slices of an export to read again, one for each slice and
// sink.
func (e Export) visits(ctx context.Context, p *Plan, h *History, o PlanOptions) ([]Visit, error) {
	all, err := e.look(ctx, p, h, o)
	if err != nil {
		return nil, err
	}
	for _, t := range e.Targets {
		more, err := e.demanded(ctx, h.Line(e.Query.Address, t.Identity), o)
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w", e.Query.Address, t.Address, err)
		}
		all = append(all, more...)
	}
	// The last reason for a slice is the strongest.
	type place struct {
		line   *Line
		window Window
	}
	at := make(map[place]int)
	var visits []Visit
	for _, v := range all {
		k := place{v.line, v.Window}
		if i, ok := at[k]; ok {
			v.Before, v.After = visits[i].Before, visits[i].After
			visits[i] = v
			continue
		}
		at[k] = len(visits)
		visits = append(visits, v)
	}
	return visits, nil
}

// demanded returns the slices of a line that are to be read again in full,
// whatever the source counts.
func (e Export) demanded(ctx context.Context, l *Line, o PlanOptions) (visits []Visit, err error) {
	visit := func(w Window, why Why, choose func(Held) bool) {
		if err != nil || w.Empty() {
			return
		}
		var held []Held
		held, err = l.Held(ctx, w)
		for _, s := range held {
			if choose(s) && !overlapsReceipt(s.Window, l.Open) {
				visits = append(visits, Visit{Held: s, line: l, Why: why})
			}
		}
	}
	wanted := func(s Held) bool { return e.wanted(s.Window, o.Only) }
	if e.OnChange == Rebuild && l.readByOthers(e.Query.Fingerprint) {
		visit(Forever(), WhyChanged, func(s Held) bool { return !s.ReadBy(e.Query.Fingerprint) && wanted(s) })
	}
	for _, w := range l.Tainted {
		visit(w, WhyTainted, wanted)
	}
	if o.Replace != nil {
		for _, w := range o.Replace(e, e.reachable()) {
			visit(w, WhyAsked, func(Held) bool { return true })
		}
	}
	for _, lost := range o.Survey.Lost {
		if lost.Query == e.Query.Address && lost.Sink == l.Sink {
			visit(lost.Window, WhyLost, func(s Held) bool { return len(s.Objects) > 1 && slices.Contains(s.Keys(), lost.Key) && wanted(s) })
		}
	}
	return visits, err
}

// planVisits appends what is to be read again. Slices that several sinks hold
// alike are read once.
func (e Export) planVisits(p *Plan, visits []Visit, o PlanOptions) {
	volume := o.Survey.Volumes[e.Query.Address]
	at := make(map[PlannedKey]int)
	for _, v := range visits {
		if reason, failed := e.stays(v, p, o); reason != "" {
			p.Stays = append(p.Stays, Stay{e.Query.Address, v.line.Sink, v.Window, v.Why, reason, failed})
			continue
		}
		first := PlannedSlice{Query: e.Query.Address, Window: v.Window, Why: v.Why, Rows: -1, Bytes: -1, Input: v.After}
		if v.Why == WhyLate && e.late() == LateAppend && !v.ReadTo().IsZero() {
			first.From, first.Held = v.ReadTo(), v.Rows()
			if v.Before.Known {
				first.Rows, first.Bytes = v.After.Rows-v.Before.Rows, max(0, v.After.Bytes-v.Before.Bytes)
			}
		} else {
			first.Swap = &v.Window
			if a := volumeOf(volume, v.Window); a.Known {
				first.Rows, first.Bytes, first.Input = a.Rows, a.Bytes, a
			}
		}
		k := first.key()
		if i, ok := at[k]; ok {
			p.Slices[i].Sinks = append(p.Slices[i].Sinks, v.line.Sink)
			continue
		}
		first.Sinks = []string{v.line.Sink}
		at[k] = len(p.Slices)
		p.Slices = append(p.Slices, first)
	}
}

// PlannedKey tells planned slices of one query apart.
type PlannedKey struct {
	window Window
	from   time.Time
	held   int64
	why    Why
}

func (s PlannedSlice) key() PlannedKey { return PlannedKey{s.Window, s.From, s.Held, s.Why} }

// stays returns why a slice cannot be read again; "" if it can.
func (e Export) stays(v Visit, p *Plan, o PlanOptions) (reason string, failed bool) {
	if oldest, ok := o.Survey.Oldest[e.Query.Address]; ok && v.Start.Before(e.heldFrom(oldest, p.Now)) {
		return "the oldest row that can still be read is of " + ShortTime(oldest) + ", so nothing could take its place", false
	}
	t, _ := e.target(v.line.Sink)
	if !t.Keep && !removes(t.Sink) && !(v.Why == WhyLate && e.late() == LateAppend) {
		return fmt.Sprintf("%s cannot delete, so what it holds cannot be replaced; write superseded = \"keep\" in its block, and let readers go by its manifests", t.Address), true
	}
	return "", false
}

func volumeOf(v *Volume, w Window) Amount {
	if v == nil {
		return Amount{}
	}
	return v.amount(w)
}
