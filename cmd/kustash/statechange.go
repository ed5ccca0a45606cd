package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/pipeline/ledger"
)

var stateRmVerb = verb{
	name:  "state rm",
	brief: "forget slices; their files stay where they are",
	usage: "[-chdir=DIR] state rm [flags] ADDRESS[@FROM/TO]...",
	help: `Makes the state forget slices. Their files are not touched, but are no part of
the archive any more: move them away, because a later apply exports the slices
again, beside them. A slice that the window cuts is forgotten whole.`,
	run: runStateRm,
}

func runStateRm(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var o stateChange
	o.add(f)
	f.BoolVar(&o.approved, "auto-approve", false, "do not ask")
	rest, err := p.parse(f, v, args, anyNumber)
	if err != nil {
		return 0, err
	}
	if len(rest) == 0 {
		return 0, errors.New("state rm needs an address; \"kustash state list\" lists them")
	}
	var slices, files int
	var rows int64
	err = p.change(ctx, v, &o, func(s *session) (all []pipeline.Entry, ask string, err error) {
		lines, err := s.choose(rest)
		if err != nil {
			return nil, "", err
		}
		for _, c := range lines {
			held, w, err := c.held(ctx)
			if err != nil {
				return nil, "", err
			}
			if len(held) == 0 {
				continue
			}
			for _, h := range held {
				slices, files, rows = slices+1, files+len(h.Keys()), rows+h.Rows()
			}
			all = append(all, pipeline.Entry{Kind: pipeline.KindRemoved, Query: c.Query, Sink: c.Sink, Receipt: &pipeline.Receipt{Window: w}, Reason: "state rm"})
		}
		if len(all) == 0 {
			return nil, "", fmt.Errorf("%s: no slice of it is done", strings.Join(rest, ", "))
		}
		return all, fmt.Sprintf("Do you want the state to forget %s with %s rows in %s?", count(slices, "slice"), amount(rows), count(files, "file")), nil
	})
	if err != nil {
		return 0, err
	}
	p.printf("%s %s with %s rows. Move their %s away before the next apply, which exports the slices again.\n",
		p.paint(green, "Forgotten:"), count(slices, "slice"), amount(rows), count(files, "file"))
	return exitDone, nil
}

var stateMvVerb = verb{
	name:  "state mv",
	brief: "give what is recorded of a query to another address",
	usage: "[-chdir=DIR] state mv [flags] FROM TO",
	help: `Gives all that the state knows of the query FROM to the query TO, of which it
knows nothing: what is done stays done under the new name. query.NAME takes all
instances along. A block moved { from = query.A  to = query.B } does the same.`,
	run: runStateMv,
}

func runStateMv(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var o stateChange
	o.add(f)
	rest, err := p.parse(f, v, args, 2)
	if err != nil {
		return 0, err
	}
	if len(rest) != 2 {
		return 0, errors.New("state mv needs two addresses: \"kustash state mv query.OLD query.NEW\"")
	}
	var moved int
	err = p.change(ctx, v, &o, func(s *session) ([]pipeline.Entry, string, error) {
		all, err := s.moves(rest[0], rest[1])
		if err == nil && len(all) == 0 {
			err = fmt.Errorf("the state knows nothing of %s.%s", rest[0], config.DidYouMean(rest[0], s.history.Queries()))
		}
		moved = len(all)
		return all, "", err
	})
	if err != nil {
		return 0, err
	}
	p.printf("%s %s, from %s to %s.\n", p.paint(green, "Moved:"), queries(moved), rest[0], rest[1])
	return exitDone, nil
}

// moves returns the entries that give what the state knows of one address to
// another, and none if it knows nothing of the first.
func (s *session) moves(from, to string) ([]pipeline.Entry, error) {
	for _, address := range []string{from, to} {
		if selector, err := pipeline.ParseSelector(address); err != nil || !strings.HasPrefix(address, "query.") || strings.ContainsAny(address, "@*") {
			return nil, errors.Join(err, fmt.Errorf("%q is no query's address, such as query.NAME or query.NAME[\"key\"]", selector))
		}
	}
	var all []pipeline.Entry
	for _, address := range s.history.Addresses() {
		key, ok := strings.CutPrefix(address, from)
		if !ok || key != "" && key[0] != '[' {
			continue
		}
		if s.history.Knows(to + key) {
			return nil, fmt.Errorf("the state has a history of %s already; forget it first with \"kustash state rm %s\", or choose another address", to+key, to+key)
		}
		all = append(all, pipeline.Entry{Kind: pipeline.KindMoved, Query: to + key, Was: address})
	}
	return all, nil
}

var stateTaintVerb = verb{
	name:  "state taint",
	brief: "have slices read again",
	usage: "[-chdir=DIR] state taint [flags] ADDRESS[@FROM/TO]...",
	help: `Marks slices that are done to be read again by the next apply. Until what is
read takes over, the files that are there count. A slice that the window cuts is
taken whole.`,
	run: func(ctx context.Context, p *process, v *verb, args []string) (int, error) {
		return runTaint(ctx, p, v, args, true)
	},
}

var stateUntaintVerb = verb{
	name:  "state untaint",
	brief: "do not have slices read again",
	usage: "[-chdir=DIR] state untaint [flags] ADDRESS[@FROM/TO]...",
	help:  `Takes back what "state taint" has asked for.`,
	run: func(ctx context.Context, p *process, v *verb, args []string) (int, error) {
		return runTaint(ctx, p, v, args, false)
	},
}

func runTaint(ctx context.Context, p *process, v *verb, args []string, taint bool) (int, error) {
	f := p.flags(v)
	var o stateChange
	o.add(f)
	rest, err := p.parse(f, v, args, anyNumber)
	if err != nil {
		return 0, err
	}
	if len(rest) == 0 {
		return 0, fmt.Errorf("%s needs an address; \"kustash state list\" lists them", v.name)
	}
	n := 0
	err = p.change(ctx, v, &o, func(s *session) (all []pipeline.Entry, ask string, err error) {
		lines, err := s.choose(rest)
		if err != nil {
			return nil, "", err
		}
		for _, c := range lines {
			held, w, err := c.held(ctx)
			if err != nil {
				return nil, "", err
			}
			if len(held) > 0 {
				n += len(held)
				all = append(all, pipeline.Entry{Kind: pipeline.KindTainted, Query: c.Query, Sink: c.Sink, Receipt: &pipeline.Receipt{Window: w, Final: !taint}, Reason: v.name})
			}
		}
		if len(all) == 0 {
			err = fmt.Errorf("%s: no slice of it is done, so there is nothing to read again", strings.Join(rest, ", "))
		}
		return all, "", err
	})
	if err != nil {
		return 0, err
	}
	word, then := "Tainted:", "the next apply reads them again"
	if !taint {
		word, then = "Untainted:", "they stay as they are"
	}
	p.printf("%s %s; %s.\n", p.paint(green, word), count(n, "slice"), then)
	return exitDone, nil
}

var stateWaiveVerb = verb{
	name:  "state waive",
	brief: "accept a gap, on the record",
	usage: "[-chdir=DIR] state waive [flags] -reason=TEXT ADDRESS@FROM/TO",
	help: `Records that what is missing in a window is accepted: it is not read any more,
and is neither pending nor a failure. What is done in the window stays done.
With -undo the window is missing again.`,
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
	var windows []pipeline.Window
	err = p.change(ctx, v, &o, func(s *session) ([]pipeline.Entry, string, error) {
		all, err := s.waivers(rest[0], *reason, *undo)
		for _, e := range all {
			windows = append(windows, e.Window)
		}
		return all, "", err
	})
	if err != nil {
		return 0, err
	}
	word := "Waived:"
	if *undo {
		word = "Not waived any more:"
	}
	for _, w := range pipeline.Join(windows) {
		p.printf("%s %v\n", p.paint(green, word), w)
	}
	return exitDone, nil
}

// waivers returns the entries that accept what an address lacks in its window,
// widened to the grid, in each sink.
func (s *session) waivers(text, reason string, undo bool) ([]pipeline.Entry, error) {
	selector, err := pipeline.ParseSelector(text)
	if err != nil {
		return nil, err
	}
	window, given := selector.Window()
	if !given {
		return nil, fmt.Errorf("%s names no window; write %s@FROM/TO, so that later gaps are not accepted unseen", text, text)
	}
	var all []pipeline.Entry
	matched := false
	for _, e := range s.exports() {
		if !selector.Matches(e) {
			continue
		}
		matched = true
		for _, t := range e.Targets {
			if strings.HasPrefix(text, "sink.") && !selector.Names(t.Address) {
				continue
			}
			w := pipeline.Window{Start: pipeline.Floor(window.Start, e.Span.Grid()), End: pipeline.Ceil(window.End, e.Span.Grid())}
			gaps := w.Subtract(s.history.Line(e.Query.Address, t.Identity).Covered())
			for _, gap := range gaps {
				all = append(all, pipeline.Entry{Kind: pipeline.KindWaived, Query: e.Query.Address, Sink: t.Identity,
					Receipt: &pipeline.Receipt{Window: gap, Final: undo}, Reason: reason})
			}
		}
	}
	switch {
	case !matched:
		return nil, fmt.Errorf("nothing in the pipeline has the address %s.%s", text, config.DidYouMean(text, s.addresses()))
	case len(all) == 0:
		return nil, fmt.Errorf("%s: all of it is done, so there is no gap to accept", text)
	}
	return all, nil
}

var forceUnlockVerb = verb{
	name:  "force-unlock",
	brief: "free the state's lock by hand",
	usage: "[-chdir=DIR] force-unlock [flags] LOCK_ID",
	help: `Frees the lock of the state when its holder is known to be gone. The id stands in
the message of who waited for the lock. A holder that lives after all notices and
publishes nothing more. As a rule nothing of this is needed: a lock whose holder
gives no sign of life is taken over.`,
	run: runForceUnlock,
}

func runForceUnlock(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	force := f.Bool("force", false, "do not ask")
	rest, err := p.parse(f, v, args, 1)
	if err != nil {
		return 0, err
	}
	if len(rest) == 0 {
		return 0, errors.New("force-unlock needs the id of the lock; it stands in the message of who waited for it, and in \"kustash status\"")
	}
	pl, err := p.load(&load, false)
	if err != nil {
		return 0, err
	}
	if !*force {
		if !p.asks || !load.input {
			return 0, errors.New("force-unlock would have to ask for approval, and nobody can answer here; add -force")
		}
		if err := p.confirm("Do you really want to free the lock? If its holder lives, its run will fail."); err != nil {
			return 0, fmt.Errorf("force-unlock was not approved: %w", err)
		}
	}
	store, err := p.stateStore(pl)
	if err != nil {
		return 0, err
	}
	if err := ledger.ForceUnlock(ctx, store, rest[0]); err != nil {
		return 0, err
	}
	p.printf("%s the state's lock is free.\n", p.paint(green, "Unlocked:"))
	return exitDone, nil
}
