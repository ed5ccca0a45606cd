package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
)

var stateRmVerb = verb{
	name:  "state rm",
	brief: "forget slices; their files stay where they are",
	usage: "[-chdir=DIR] state rm [flags] ADDRESS[@FROM/TO]...",
	help: `Makes the state forget slices. Their files are not touched, but are no part of
the archive any more: move them away, because a later apply exports the slices
again, beside them. A slice that the window cuts is forgotten whole. sink.NAME is
all that is in one sink.`,
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
	again := false
	err = p.change(ctx, v, &o, func(s *session) (all []pipeline.Entry, ask string, err error) {
		lines, err := s.choose(rest)
		if err != nil {
			return nil, "", err
		}
		for _, c := range lines {
			held, windows, err := c.held(ctx)
			if err != nil {
				return nil, "", err
			}
			for _, h := range held {
				slices, files, rows = slices+1, files+len(h.Keys()), rows+h.Rows()
			}
			again = again || s.exported(c.Line)
			all = append(all, c.entries(pipeline.KindRemoved, windows, false, "state rm")...)
		}
		if len(all) == 0 {
			return nil, "", fmt.Errorf("%s: no slice of it is done", strings.Join(rest, ", "))
		}
		return all, fmt.Sprintf("Do you want the state to forget %s with %s rows in %s?", count(slices, "slice"), amount(rows), count(files, "file")), nil
	})
	if err != nil || o.json {
		return exitDone, err
	}
	p.printf("%s %s with %s rows. %s.\n", p.paint(green, "Forgotten:"), count(slices, "slice"), amount(rows), leftBehind(files, again))
	return exitDone, nil
}

// leftBehind says what to do with files that are forgotten. again says that
// their slices are exported once more.
func leftBehind(files int, again bool) string {
	switch {
	case files == 0 && again:
		return "There is no file of them; the next apply reads them again"
	case files == 0:
		return "There is no file of them"
	case again:
		return "Move their " + count(files, "file") + " away before the next apply, which exports the slices again"
	}
	return "Their " + count(files, "file") + " stay where they are, and are no part of the archive"
}

var stateTaintVerb = verb{
	name:  "state taint",
	brief: "have slices read again",
	usage: "[-chdir=DIR] state taint [flags] ADDRESS[@FROM/TO]...",
	help: `Marks slices that are done to be read again by the next apply. Until what is
read takes over, the files that are there count. A slice that the window cuts is
taken whole. What the pipeline does not export any more cannot be read again.`,
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
		nothing := "no slice of it that the pipeline exports is done, so there is nothing to read again"
		if !taint {
			nothing = "no slice of it is tainted"
		}
		for _, c := range lines {
			windows, slices, err := c.tainting(ctx, s, taint)
			if err != nil {
				return nil, "", err
			}
			n += slices
			all = append(all, c.entries(pipeline.KindTainted, windows, !taint, v.name)...)
		}
		if len(all) == 0 {
			err = fmt.Errorf("%s: %s", strings.Join(rest, ", "), nothing)
		}
		return all, "", err
	})
	if err != nil || o.json {
		return exitDone, err
	}
	word, then := "Tainted:", "the next apply reads them again"
	if !taint {
		word, then = "Untainted:", "they stay as they are"
	}
	p.printf("%s %s; %s.\n", p.paint(green, word), count(n, "slice"), then)
	return exitDone, nil
}

// tainting returns the windows to taint, or to untaint, and how many slices
// they are.
func (c chosen) tainting(ctx context.Context, s *session, taint bool) (windows []pipeline.Window, slices int, err error) {
	held, windows, err := c.held(ctx)
	if err != nil || taint {
		if !s.exported(c.Line) {
			return nil, 0, err
		}
		return windows, len(held), err
	}
	windows = nil
	for _, w := range c.Tainted {
		if part := w.Intersect(c.window); !part.Empty() {
			windows = append(windows, part)
		}
		for _, h := range held {
			if w.Overlaps(h.Window) {
				windows = append(windows, h.Window)
				slices++
			}
		}
	}
	return pipeline.Join(windows), slices, nil
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
