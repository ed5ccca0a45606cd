package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
)

// planFlags are the flags that narrow a plan.
type planFlags struct {
	targets, excludes, replaces stringList
	from, to                    string
	refresh                     bool
}

func (o *planFlags) add(f *flag.FlagSet) {
	f.Var(&o.targets, "target", "plan only this `address`, or ADDRESS@FROM/TO; may be repeated")
	f.Var(&o.excludes, "exclude", "leave out this `address`; may be repeated")
	f.StringVar(&o.from, "from", "", "plan only from this `time` on (inclusive, widened to the grid)")
	f.StringVar(&o.to, "to", "", "plan only up to this `time` (exclusive, widened to the grid)")
	f.BoolVar(&o.refresh, "refresh", true, "ask the workspace how much there is; =false plans without estimates")
	f.Var(&o.replaces, "replace", "read this `address`, or ADDRESS@FROM/TO, again although it is done; may be repeated")
}

// narrows reports whether some flag was given.
func (o *planFlags) narrows() bool {
	return o.selects() || len(o.replaces) > 0 || !o.refresh
}

// selects reports whether some flag leaves slices out.
func (o *planFlags) selects() bool {
	return len(o.targets) > 0 || len(o.excludes) > 0 || o.from != "" || o.to != ""
}

// misses reports whether times were given that lie in no window: a typo must
// not look like nothing to do.
func (o *planFlags) misses(exports []pipeline.Export, now time.Time, only func(pipeline.Export, pipeline.Window) []pipeline.Window) bool {
	timed := o.from != "" || o.to != "" || slices.ContainsFunc(o.targets, func(t string) bool { return strings.Contains(t, "@") })
	empty := true
	for _, e := range exports {
		w := e.Span.Resolve(now)
		empty = empty && w.Empty()
		if slices.ContainsFunc(only(e, w), func(part pipeline.Window) bool { return !part.Empty() }) {
			return false
		}
	}
	return timed && !empty && len(o.excludes) == 0
}

// stringList is a flag that may be repeated.
type stringList []string

func (l *stringList) String() string     { return strings.Join(*l, ",") }
func (l *stringList) Set(s string) error { *l = append(*l, s); return nil }

// filter returns the function for pipeline.PlanOptions.Only. Addresses that
// match nothing are errors: a typo must not look like "No changes".
func (o *planFlags) filter(exports []pipeline.Export) (func(pipeline.Export, pipeline.Window) []pipeline.Window, error) {
	targets, err := selectors("-target", o.targets, exports)
	if err != nil {
		return nil, err
	}
	excludes, err := selectors("-exclude", o.excludes, exports)
	if err != nil {
		return nil, err
	}
	from, to, err := o.bounds()
	if err != nil {
		return nil, err
	}
	return func(e pipeline.Export, w pipeline.Window) []pipeline.Window {
		grid, whole := e.Span.Grid(), w
		if !from.IsZero() {
			w = w.Intersect(pipeline.Window{Start: pipeline.Floor(from, grid), End: w.End})
		}
		if !to.IsZero() {
			w = w.Intersect(pipeline.Window{Start: w.Start, End: pipeline.Ceil(to, grid)})
		}
		kept := []pipeline.Window{w}
		if len(targets) > 0 {
			kept = kept[:0]
			for _, s := range targets {
				if s.Matches(e) {
					kept = append(kept, s.Narrow(w, grid))
				}
			}
		}
		var dropped []pipeline.Window
		for _, s := range excludes {
			if s.Matches(e) {
				dropped = append(dropped, s.Narrow(w, grid))
			}
		}
		var left []pipeline.Window
		for _, k := range pipeline.Join(kept) {
			left = append(left, k.Subtract(dropped)...)
		}
		if e.Span.Whole && len(left) > 0 && left[0] != whole {
			return nil // one piece: all or nothing
		}
		return left
	}, nil
}

func (o *planFlags) bounds() (from, to time.Time, err error) {
	if o.from != "" {
		if from, err = pipeline.ParseInstant(o.from); err != nil {
			return from, to, fmt.Errorf("-from: %w", err)
		}
	}
	if o.to != "" {
		if to, err = pipeline.ParseInstant(o.to); err != nil {
			return from, to, fmt.Errorf("-to: %w", err)
		}
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, fmt.Errorf("-to %s is not after -from %s", o.to, o.from)
	}
	return from, to, nil
}

func selectors(flagName string, texts []string, exports []pipeline.Export) ([]pipeline.Selector, error) {
	var all []pipeline.Selector
	for _, text := range texts {
		s, err := pipeline.ParseSelector(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flagName, err)
		}
		if !slices.ContainsFunc(exports, s.Matches) {
			var known []string
			for _, e := range exports {
				known = append(known, e.Query.Address, e.Workspace)
				for _, t := range e.Targets {
					known = append(known, t.Address)
				}
			}
			return nil, fmt.Errorf("%s: nothing in the pipeline has the address %s.%s", flagName, text, config.DidYouMean(text, known))
		}
		all = append(all, s)
	}
	return all, nil
}

// planned is a plan with what the user should know beside it.
type planned struct {
	plan    *pipeline.Plan
	exports []pipeline.Export
	open    []pipeline.Receipt    // commits to settle first
	refused []pipeline.SliceError // queries that cannot be read at all
	outside []pipeline.SliceError // queries that have rows in no slice
	notes   []string
	chosen  bool                        // -target, -exclude, -from or -to leave slices out
	tables  map[string][]pipeline.Table // of queries by table, by address
}

// idle says why a plan without slices has none.
func (pl *planned) idle() string {
	switch {
	case len(pl.exports) == 0:
		return "No query has a table to read."
	case pl.chosen:
		return "What -target, -exclude, -from and -to leave holds no missing slice; without them there may be some."
	default:
		return "Every slice that can be read now is in every sink."
	}
}

// clockTolerance is how far the local clock may be off before a run stops.
const clockTolerance = time.Minute

// makePlan asks the workspaces and plans what is missing.
func (p *process) makePlan(ctx context.Context, s *session, o *planFlags, retry pipeline.Retry, asJSON bool) (*planned, error) {
	var telling sync.Mutex
	retry.Tell = func(wait time.Duration, err error) {
		telling.Lock()
		defer telling.Unlock()
		p.tellRetry(wait, err)
	}
	if len(s.Tables) == 0 { // a mistyped address need not wait for the network
		if _, err := o.filter(s.exports()); err != nil {
			return nil, err
		}
	}
	now, err := serviceNow(ctx, s.templates(), retry, p.now().UTC())
	if err != nil {
		return nil, err
	}
	found, err := p.findTables(ctx, s, now, retry, asJSON)
	if err != nil {
		return nil, err
	}
	only, err := o.filter(s.templates())
	if err != nil {
		return nil, err
	}
	pl := &planned{exports: s.exports(), tables: found.tables, chosen: o.selects()}
	if o.misses(pl.exports, now, only) {
		return nil, errors.New("-target, -from and -to name no part of any query's window; \"kustash status\" shows the windows")
	}
	for _, e := range append(pl.exports[:len(pl.exports):len(pl.exports)], found.gone...) {
		for _, t := range e.Targets {
			pl.open = append(pl.open, s.history.Line(e.Query.Address, t.Identity).Open...)
		}
	}
	waiting, err := found.absent(ctx, pl.exports, retry)
	if err != nil {
		return nil, err
	}
	readable := slices.DeleteFunc(slices.Clone(pl.exports), func(e pipeline.Export) bool { return waiting[e.Query.Address] })
	replace, err := o.replacing(pl.exports, s.history)
	if err != nil {
		return nil, err
	}
	var lost []pipeline.Lost
	if o.refresh {
		if lost, err = pipeline.FindLost(ctx, pl.exports, s.history, s.lineage()); err != nil {
			return nil, err
		}
	}
	survey, err := pipeline.Probe(ctx, readable, s.history, now,
		pipeline.ProbeOptions{Only: only, Replace: replace, Lost: lost, Retry: retry, Parallelism: probesAtOnce, Unsized: !o.refresh})
	if err != nil {
		return nil, err
	}
	learn(pl.exports, survey)
	learn(readable, survey)
	explain(ctx, readable, survey.Refused)
	pl.refused, pl.notes = append(found.refused, survey.Refused...), append(s.moved, found.notes...)
	pl.outside = survey.Outside
	readable = slices.DeleteFunc(readable, func(e pipeline.Export) bool {
		return slices.ContainsFunc(survey.Refused, func(f pipeline.SliceError) bool { return f.Query == e.Query.Address })
	})
	for _, f := range foldFailures(survey.Unsized) {
		pl.notes = append(pl.notes, fmt.Sprintf("%s could not be sized in %s, so it has no estimate, and slice = \"auto\" takes one hour: %s", f.query, f.where(), f.reason))
	}
	pl.undescribed(survey)
	for _, n := range s.history.Notes(append(pl.exports[:len(pl.exports):len(pl.exports)], found.gone...)) {
		pl.notes = append(pl.notes, n.Query+" "+n.Text)
	}
	for _, e := range readable {
		if e.Loose && e.Query.AssumeSliceable && !e.Span.Whole {
			pl.notes = append(pl.notes, fmt.Sprintf("%s reads more than plain tables: where its result lacks %s, nothing tells the rows at the ends of a slice, and its files are marked ends = approximate", e.Query.Address, e.Query.TimeColumn))
		}
	}
	for _, r := range pl.open {
		pl.notes = append(pl.notes, fmt.Sprintf("the commit of %s was interrupted; apply settles it first", r.Key))
	}
	pl.plan, err = pipeline.BuildPlan(ctx, readable, s.history, now, pipeline.PlanOptions{Only: only, Replace: replace, Survey: survey})
	if err == nil {
		pl.billed()
	}
	return pl, err
}

// learn tells the exports what their sources have found out about them.
func learn(exports []pipeline.Export, survey pipeline.Survey) {
	for i := range exports {
		exports[i].Loose = exports[i].Loose || survey.Loose[exports[i].Query.Address]
	}
}

// probesAtOnce is how many questions about sizes are in flight.
const probesAtOnce = 4

// serviceNow asks the workspaces for their time and compares it with this
// machine's, local.
func serviceNow(ctx context.Context, exports []pipeline.Export, retry pipeline.Retry, local time.Time) (time.Time, error) {
	now, err := pipeline.ServiceNow(ctx, exports, retry, local)
	if err != nil {
		return time.Time{}, err
	}
	if off := local.Sub(now); off > clockTolerance || off < -clockTolerance {
		return time.Time{}, fmt.Errorf("this machine's clock is %v off the service's (%s there); set the clock, then run again",
			off.Round(time.Second), pipeline.ShortTime(now))
	}
	return now, nil
}

// writeRefused reports what no plan can contain.
func (p *process) writeRefused(pl *planned) {
	for _, f := range pl.refused {
		fmt.Fprintf(p.stderr, "%s %s: %v\n", p.paint(red, "Not planned:"), f.Query, f.Err)
	}
	for _, f := range pl.outside {
		fmt.Fprintf(p.stderr, "%s %s: %v\n", p.paint(red, "In no slice:"), f.Query, f.Err)
	}
}
