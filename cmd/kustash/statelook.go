package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
)

var stateListVerb = verb{
	name:  "state list",
	brief: "addresses of the queries that the state knows",
	usage: "[-chdir=DIR] state list [flags] [ADDRESS...]",
	help:  `Lists the queries that the state knows, one a line, declared or not.`,
	run:   runStateList,
}

func runStateList(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	rest, err := p.parse(f, v, args, anyNumber)
	if err != nil {
		return 0, err
	}
	s, err := p.readState(ctx, &load, false)
	if err != nil {
		return 0, err
	}
	all, err := s.choose(rest)
	if err != nil {
		return 0, err
	}
	last := ""
	for _, c := range all { // in order of the queries
		if c.Query != last {
			p.printf("%s\n", c.Query)
		}
		last = c.Query
	}
	return exitDone, nil
}

// anyNumber lets a verb take as many arguments as there are.
const anyNumber = 1 << 20

var stateShowVerb = verb{
	name:  "state show",
	brief: "slices of a query, with their cuts",
	usage: "[-chdir=DIR] state show [flags] ADDRESS[@FROM/TO]...",
	help: `Shows each slice that the state knows of a query: rows, files, the time up to
which arrivals are in it, and whether it is still watched for late rows.`,
	run: runStateShow,
}

func runStateShow(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	asJSON := f.Bool("json", false, "one JSON object a line")
	rest, err := p.parse(f, v, args, anyNumber)
	if err != nil {
		return 0, err
	}
	if len(rest) == 0 {
		return 0, errors.New("state show needs an address; \"kustash state list\" lists them")
	}
	s, err := p.readState(ctx, &load, *asJSON)
	if err != nil {
		return 0, err
	}
	all, err := s.choose(rest)
	if err != nil {
		return 0, err
	}
	enc := json.NewEncoder(p.stdout)
	if *asJSON {
		if err := enc.Encode(map[string]any{"format_version": formatVersion, "tool": tool()}); err != nil {
			return 0, err
		}
	}
	for _, c := range all {
		held, _, err := c.held(ctx)
		if err != nil {
			return 0, err
		}
		if !*asJSON {
			p.printf("%s in %s\n", p.paint(bold, c.Query), s.sinkAddress(c.Sink))
		}
		for _, h := range held {
			closed := slices.ContainsFunc(c.Closed(), func(w pipeline.Window) bool { return w.Contains(h.Window) })
			if *asJSON {
				err = enc.Encode(map[string]any{"type": "slice", "query": c.Query, "sink": c.Sink, "start": h.Start, "end": h.End,
					"rows": h.Rows(), "bytes": h.Bytes(), "files": len(h.Keys()), "cut": h.ReadTo(), "watched": !closed})
				if err != nil {
					return 0, err
				}
				continue
			}
			watch := ", watched for late rows"
			if closed {
				watch = ""
			}
			p.printf("  %v   %s rows in %s, arrivals up to %s%s\n", h.Window, amount(h.Rows()), count(len(h.Keys()), "file"), pipeline.ShortTime(h.ReadTo()), watch)
		}
		if !*asJSON {
			p.showWishes(c)
		}
	}
	return exitDone, nil
}

// showWishes shows what else is recorded of the slices.
func (p *process) showWishes(c chosen) {
	for _, w := range c.Tainted {
		if w.Overlaps(c.window) {
			p.printf("  %v   tainted: the next apply reads it again\n", w)
		}
	}
	for _, w := range c.Waived {
		if w.Overlaps(c.window) {
			p.printf("  %v   waived at %s: %s\n", w.Window, pipeline.ShortTime(w.Time), w.Reason)
		}
	}
	for _, w := range c.Unavailable {
		if w.Overlaps(c.window) {
			p.printf("  %v   unavailable\n", w)
		}
	}
	for _, x := range c.Failed() {
		if x.Window.Overlaps(c.window) {
			p.printf("  %v   failed at %s: %s\n", x.Window, pipeline.ShortTime(x.Time), x.Reason)
		}
	}
}

var stateFilesVerb = verb{
	name:  "state files",
	brief: "keys of the files that count",
	usage: "[-chdir=DIR] state files [flags] [ADDRESS[@FROM/TO]...]",
	help: `Lists the files that count, one a line, below the root of their sink. With -json
each line is the receipt of a file, with its SHA-256.`,
	run: runStateFiles,
}

func runStateFiles(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	asJSON := f.Bool("json", false, "the receipt of each file as JSON")
	every := f.Bool("all", false, "files that do not count too: fences, and files that others have taken over from; needs -json")
	rest, err := p.parse(f, v, args, anyNumber)
	if err != nil {
		return 0, err
	}
	if *every && !*asJSON {
		return 0, errors.New("-all lists files that count beside others, and only -json tells them apart; add -json")
	}
	s, err := p.readState(ctx, &load, *asJSON)
	if err != nil {
		return 0, err
	}
	all, err := s.choose(rest)
	if err != nil {
		return 0, err
	}
	enc := json.NewEncoder(p.stdout)
	for _, c := range all {
		var failed error
		err := c.Objects(ctx, c.window, func(o pipeline.Object) bool {
			switch {
			case o.Key == "", !*every && o.Standing != pipeline.Current, o.Standing == pipeline.Gone:
			case *asJSON:
				failed = enc.Encode(struct {
					Query string `json:"query"`
					Sink  string `json:"sink"`
					pipeline.Object
				}{c.Query, c.Sink, o})
			default:
				_, failed = fmt.Fprintln(p.stdout, o.Key)
			}
			return failed == nil
		})
		if err := errors.Join(err, failed); err != nil {
			return 0, err
		}
	}
	return exitDone, nil
}

var statePullVerb = verb{
	name:  "state pull",
	brief: "the whole ledger as JSON lines",
	usage: "[-chdir=DIR] state pull [flags]",
	help: `Writes every entry of the ledger to stdout, in order, with the number of its
segment. The chain of hashes is verified first.`,
	run: runStatePull,
}

func runStatePull(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	pl, err := p.load(&load, false)
	if err != nil {
		return 0, err
	}
	store, err := p.stateStore(pl)
	if err != nil {
		return 0, err
	}
	snapshot, err := ledger.Read(ctx, store)
	if err != nil {
		return 0, err
	}
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	at := 0
	for _, segment := range snapshot.Segments {
		if err := enc.Encode(map[string]any{"segment": segment.Seq, "header": segment}); err != nil {
			return 0, err
		}
		for _, e := range snapshot.Entries[at : at+segment.Entries] {
			if err := enc.Encode(struct {
				Segment int64 `json:"segment"`
				pipeline.Entry
			}{segment.Seq, e}); err != nil {
				return 0, err
			}
		}
		at += segment.Entries
	}
	return exitDone, nil
}
