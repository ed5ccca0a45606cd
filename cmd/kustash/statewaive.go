package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
)

var stateWaiveVerb = verb{
	name:  "state waive",
	brief: "accept a gap, on the record",
	usage: "[-chdir=DIR] state waive [flags] -reason=TEXT ADDRESS@FROM/TO",
	help: `Records that what is missing in a window is accepted: it is not read any more,
and is neither pending nor a failure. What is done in the window stays done, and
what is still to come cannot be waived. With -undo the window is missing again.`,
	run: runStateWaive,
}

func runStateWaive(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var o stateChange
	o.add(f)
	reason := f.String("reason", "", "why the gap is accepted, in a `sentence`")
	undo := f.Bool("undo", false, "do not accept it any more")
	rest, err := p.parse(f, v, args, 1)
	if err != nil {
		return 0, err
	}
	switch {
	case len(rest) == 0:
		return 0, errors.New("state waive needs an address with a window: query.NAME@FROM/TO")
	case strings.TrimSpace(*reason) == "" && !*undo:
		return 0, errors.New("state waive needs a reason: -reason=\"the connector was down, see ticket 4711\"")
	}
	var all []pipeline.Entry
	err = p.change(ctx, v, &o, func(s *session) (_ []pipeline.Entry, _ string, err error) {
		all, err = s.waivers(rest[0], *reason, *undo, p.now().UTC())
		return all, "", err
	})
	if err != nil || o.json {
		return exitDone, err
	}
	word := "Waived:"
	if *undo {
		word = "Not waived any more:"
	}
	told := make(map[string]bool) // the sinks of a query lack the same as a rule
	for _, e := range all {
		if line := fmt.Sprintf("%s   %v", e.Query, e.Window); !told[line] {
			told[line] = true
			p.printf("%s %s\n", p.paint(green, word), line)
		}
	}
	return exitDone, nil
}

// waivers returns the entries that accept what an address lacks in its window
// at the time now, widened to the grid, in each sink; with undo, those that
// withdraw it.
func (s *session) waivers(text, reason string, undo bool, now time.Time) ([]pipeline.Entry, error) {
	selector, err := pipeline.ParseSelector(text)
	if err != nil {
		return nil, err
	}
	if _, given := selector.Window(); !given {
		return nil, fmt.Errorf("%s names no window; write %s@FROM/TO, so that later gaps are not accepted unseen", text, text)
	}
	var all []pipeline.Entry
	matched, due := false, undo
	for _, e := range s.exports() {
		if !selector.Matches(e) {
			continue
		}
		matched = true
		declared := e.Span.Resolve(now)
		w := selector.Narrow(declared, e.Span.Grid())
		due = due || !w.Empty()
		for _, t := range e.Targets {
			if strings.HasPrefix(text, "sink.") && !selector.Names(t.Address) {
				continue
			}
			c := chosen{s.history.Line(e.Query.Address, t.Identity), w}
			if undo {
				if c.window = selector.Narrow(pipeline.Forever(), e.Span.Grid()); e.Span.Whole && !w.Empty() {
					c.window = declared
				}
				all = append(all, c.entries(pipeline.KindWaived, c.waived(), true, reason)...)
				continue
			}
			gaps := w.Subtract(c.Covered())
			if e.Span.Whole && len(gaps) > 0 && gaps[0] != declared {
				return nil, fmt.Errorf("%s is one piece (slice = \"none\"): it is waived as a whole, %v, or not at all", e.Query.Address, declared)
			}
			all = append(all, c.entries(pipeline.KindWaived, gaps, false, reason)...)
		}
	}
	switch {
	case !matched:
		return nil, fmt.Errorf("nothing in the pipeline has the address %s.%s", text, config.DidYouMean(text, s.addresses()))
	case len(all) == 0 && undo:
		return nil, fmt.Errorf("%s: nothing of it is waived", text)
	case len(all) == 0 && !due:
		return nil, fmt.Errorf("%s: nothing of the query's window that is due lies there; \"kustash status\" shows the window", text)
	case len(all) == 0:
		return nil, fmt.Errorf("%s: all of it is done, so there is no gap to accept", text)
	}
	return all, nil
}

// waived returns what of the chosen window is waived.
func (c chosen) waived() []pipeline.Window {
	var windows []pipeline.Window
	for _, w := range c.Waived {
		windows = append(windows, w.Intersect(c.window))
	}
	return pipeline.Join(windows)
}
