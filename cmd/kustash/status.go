package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
)

var statusVerb = verb{
	name:  "status",
	brief: "show coverage, gaps, lag and failed slices",
	usage: "[-chdir=DIR] status [flags]",
	help: `Shows what the state says of each query in each sink: how far it is complete,
what is missing, what failed and why. Works offline and takes no lock.`,
	run: runStatus,
}

func runStatus(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	asJSON := f.Bool("json", false, "one JSON object a line")
	detailed := f.Bool("detailed-exitcode", false, "exit with 2 if slices are missing, 1 if one has failed")
	onlyFailed := f.Bool("failed", false, "show only what has failed slices")
	maxLag := f.Duration("max-lag", 0, "exit with 1 if a query is further behind than this `duration`")
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	s, err := p.readSession(ctx, &load, *asJSON, ledger.Load)
	if err != nil {
		return 0, err
	}
	now := p.now().UTC()
	report, err := pipeline.Report(ctx, s.exports(), s.history, now)
	if err != nil {
		return 0, err
	}
	code := exitDone
	var shown []pipeline.Coverage
	for _, c := range report {
		switch {
		case len(c.Failed)+len(c.Outside) > 0 && (*detailed || *onlyFailed), *maxLag > 0 && c.Lag(now) > *maxLag:
			code = exitFailed
		case *detailed && !c.Complete() && code == exitDone:
			code = exitPending
		}
		if len(c.Failed)+len(c.Outside) > 0 || !*onlyFailed {
			shown = append(shown, c)
		}
	}
	untold := s.untold()
	if len(untold) > 0 && *detailed && code == exitDone {
		code = exitPending
	}
	if *asJSON {
		return code, p.statusJSON(shown, untold, s.snapshot, now)
	}
	p.writeStatus(shown, s.snapshot, now, *maxLag)
	for _, note := range s.moved {
		p.printf("%s %s\n", p.paint(yellow, "!"), note)
	}
	for _, address := range untold {
		p.printf("%s: no table of it is in the state yet; \"kustash plan\" finds those that have rows\n", address)
	}
	return code, nil
}

func (p *process) writeStatus(report []pipeline.Coverage, snapshot *ledger.Snapshot, now time.Time, maxLag time.Duration) {
	if snapshot.Seq == 0 {
		p.printf("Nothing has been exported yet. Run \"kustash apply\".\n\n")
	}
	for _, c := range report {
		p.printf("%s → %s\n", p.paint(bold, c.Query), c.Sink)
		state := p.paint(green, "complete")
		if !c.Complete() {
			state = p.paint(yellow, "incomplete")
		}
		p.printf("  window   %v   %s\n", c.Window, state)
		lag := short(c.Lag(now).Round(time.Minute))
		if maxLag > 0 && c.Lag(now) > maxLag {
			lag = p.paint(red, lag+", more than "+short(maxLag))
		}
		behind := "now"
		if c.Ended {
			behind = "the window's end"
		}
		p.printf("  done to  %s   (%s behind %s)\n", pipeline.ShortTime(c.Until), lag, behind)
		p.printf("  holds    %s rows, %s in %s\n", amount(c.Rows), size(c.Bytes), count(c.Files, "file"))
		for i, g := range c.Gaps {
			if i == 10 {
				p.printf("  missing  … and %s\n", count(len(c.Gaps)-i, "more window"))
				break
			}
			p.printf("  missing  %v\n", g)
		}
		for _, w := range c.Unavailable {
			p.printf("  %s  %v: unavailable, no row that old could be read any more\n", p.paint(yellow, "gone   "), w)
		}
		for _, x := range c.Changed {
			kind := "late   "
			if x.Shrunk() {
				kind = "shrunk "
			}
			p.printf("  %s  %v: %s\n", p.paint(yellow, kind), x.Window, changeText(x))
		}
		if c.Unwatched > 0 {
			p.printf("  %s  %s: late rows would not be noticed, because what was read had not been counted\n", p.paint(yellow, "unseen "), count(c.Unwatched, "slice"))
		}
		for _, w := range c.Tainted {
			p.printf("  %s  %v: the next apply reads it again\n", p.paint(yellow, "tainted"), w)
		}
		for _, w := range c.Waived {
			p.printf("  waived   %v: %s (%s)\n", w.Window, w.Reason, pipeline.ShortTime(w.Time))
		}
		if c.Past > 0 {
			p.printf("  %s  %s of replaced slices: the next apply deletes them\n", p.paint(yellow, "past   "), count(c.Past, "file"))
		}
		if c.Late > 0 {
			p.printf("  fetched  %s rows that came late\n", amount(c.Late))
		}
		if c.Watched > 0 {
			p.printf("  watching %s for late rows, the last until %s\n", count(c.Watched, "slice"), pipeline.ShortTime(c.Watch))
		}
		if !c.Latest.IsZero() {
			p.printf("  last run %s\n", pipeline.ShortTime(c.Latest.Truncate(time.Second)))
		}
		for _, w := range c.Approximate {
			p.printf("  %s  %v: ends = approximate, a row at the bound of two slices may be in both or in neither\n", p.paint(yellow, "approx "), w)
		}
		for _, r := range c.Open {
			p.printf("  %s  %v: the commit was interrupted; the next apply settles it\n", p.paint(yellow, "open   "), r.Window)
		}
		for _, x := range c.Outside {
			p.printf("  %s  %s\n", p.paint(red, "outside"), x.Reason)
		}
		for _, x := range c.Failed {
			p.printf("  %s  %v: %s\n", p.paint(red, "failed "), x.Window, x.Reason)
		}
		p.printf("\n")
	}
	if snapshot.Holder != nil {
		p.printf("The state is locked: %v\n", *snapshot.Holder)
	}
}

func (p *process) statusJSON(report []pipeline.Coverage, untold []string, snapshot *ledger.Snapshot, now time.Time) error {
	enc := json.NewEncoder(p.stdout)
	if err := enc.Encode(map[string]any{"format_version": formatVersion, "tool": tool(), "now": now,
		"lineage": snapshot.Lineage, "head_seq": snapshot.Seq, "head_hash": snapshot.Hash}); err != nil {
		return err
	}
	for _, c := range report {
		gaps, failed, outside := list(c.Gaps), []map[string]any{}, []string{}
		for _, x := range c.Outside {
			outside = append(outside, x.Reason)
		}
		for _, x := range c.Failed {
			failed = append(failed, map[string]any{"start": x.Window.Start, "end": x.Window.End, "reason": x.Reason, "time": x.Time})
		}
		if err := enc.Encode(map[string]any{"type": "coverage", "query": c.Query, "sink": c.Sink, "start": c.Window.Start,
			"end": c.Window.End, "complete": c.Complete(), "until": c.Until, "lag_seconds": int64(c.Lag(now).Seconds()),
			"rows": c.Rows, "bytes": c.Bytes, "files": c.Files, "gaps": gaps, "open": len(c.Open), "failed": failed,
			"unavailable": list(c.Unavailable), "approximate": list(c.Approximate), "changed": list(c.Changed), "outside": outside, "unwatched": c.Unwatched, "watched": c.Watched, "watched_until": c.Watch, "late_rows": c.Late,
			"tainted": list(c.Tainted), "waived": list(c.Waived), "past": c.Past, "latest": c.Latest}); err != nil {
			return err
		}
	}
	for _, address := range untold {
		if err := enc.Encode(map[string]any{"type": "tables", "query": address, "recorded": 0}); err != nil {
			return err
		}
	}
	return nil
}

// list returns a list that JSON writes as one, even without elements.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

var showVerb = verb{
	name:  "show",
	brief: "show a saved plan, or what the state records",
	usage: "[-chdir=DIR] show [flags] [PLANFILE]",
	help: `Without an argument, lists the queries and sinks that the state knows, whether
or not they are still declared. With PLANFILE, shows that plan.`,
	run: runShow,
}

func runShow(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	asJSON := f.Bool("json", false, "one JSON object a line")
	rest, err := p.parse(f, v, args, 1)
	if err != nil {
		return 0, err
	}
	if len(rest) == 1 {
		saved, err := readPlan(p.path(rest[0]))
		if err != nil {
			return 0, err
		}
		made := &planned{plan: &saved.Plan}
		if *asJSON {
			p.writePlanJSON(made)
		} else {
			p.writePlan(p.stdout, made)
		}
		return exitDone, nil
	}
	s, err := p.readSession(ctx, &load, *asJSON, ledger.Load)
	if err != nil {
		return 0, err
	}
	if *asJSON {
		return exitDone, p.showJSON(ctx, s)
	}
	p.showState(s)
	return exitDone, nil
}

func (p *process) showState(s *session) {
	if s.snapshot.Seq == 0 {
		p.printf("The state is empty: nothing has been applied yet.\n")
		return
	}
	p.printf("Lineage %s, %s, head %s\n\n", s.snapshot.Lineage, count(int(s.snapshot.Seq), "segment"), s.snapshot.Hash)
	for _, l := range s.history.Lines() {
		p.printf("%s in %s: %s rows, %s in %s\n", p.paint(bold, l.Query), l.Sink, amount(l.Rows), size(l.Bytes), count(l.Files, "file"))
		for _, w := range l.Covered() {
			p.printf("  %v\n", w)
		}
	}
}

func (p *process) showJSON(ctx context.Context, s *session) error {
	enc := json.NewEncoder(p.stdout)
	if err := enc.Encode(map[string]any{"format_version": formatVersion, "tool": tool(), "lineage": s.snapshot.Lineage,
		"head_seq": s.snapshot.Seq, "head_hash": s.snapshot.Hash}); err != nil {
		return err
	}
	for _, l := range s.history.Lines() {
		done, err := l.Done(ctx, pipeline.Forever())
		if err != nil {
			return err
		}
		for _, r := range done {
			line := struct {
				Type  string `json:"type"`
				Query string `json:"query"`
				Sink  string `json:"sink"`
				pipeline.Receipt
			}{"file", l.Query, l.Sink, r}
			if err := enc.Encode(line); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
	return nil
}

// writePlanJSON writes a plan as JSON lines.
func (p *process) writePlanJSON(made *planned) {
	v := &jsonView{w: p.stdout}
	v.plan(made)
	for _, f := range made.refused {
		v.write("refused", map[string]any{"query": f.Query, "error": f.Err.Error()})
	}
	for _, f := range made.outside {
		v.write("outside", map[string]any{"query": f.Query, "error": f.Err.Error()})
	}
	for _, note := range made.notes {
		v.write("note", map[string]any{"text": note})
	}
}
