package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
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
	asJSON := f.Bool("json", false, "one JSON object a line")
	rest, err := p.parse(f, v, args, anyNumber)
	if err != nil {
		return 0, err
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
	told := make(map[string]bool)
	for _, c := range all {
		if told[c.Query] {
			continue
		}
		told[c.Query] = true
		if !*asJSON {
			p.printf("%s\n", c.Query)
			continue
		}
		_, declared := s.export(c.Query)
		if err := enc.Encode(map[string]any{"type": "query", "query": c.Query, "declared": declared, "latest": s.history.Latest(c.Query)}); err != nil {
			return 0, err
		}
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
		if *asJSON {
			err = s.lineJSON(enc, c, held)
		} else {
			p.showLine(s, c, held)
		}
		if err != nil {
			return 0, err
		}
	}
	return exitDone, nil
}

// watching says until when the slice is watched for late rows; zero if its
// watch is over, or nothing exports it any more.
func (s *session) watching(c chosen, h pipeline.Held) time.Time {
	e, ok := s.export(c.Query)
	if !ok || !s.exported(c.Line) || slices.ContainsFunc(c.Closed(), func(w pipeline.Window) bool { return w.Contains(h.Window) }) {
		return time.Time{}
	}
	return h.End.Add(e.Span.Lookback)
}

// lineJSON writes what the state knows of a query in a sink, and of each slice.
func (s *session) lineJSON(enc *json.Encoder, c chosen, held []pipeline.Held) error {
	failed := []map[string]any{}
	for _, x := range s.history.Failed(c.Line) {
		failed = append(failed, map[string]any{"start": x.Window.Start, "end": x.Window.End, "reason": x.Reason, "time": x.Time})
	}
	if err := enc.Encode(map[string]any{"type": "line", "query": c.Query, "sink": s.sinkAddress(c.Sink), "identity": c.Sink,
		"rows": c.Rows, "bytes": c.Bytes, "files": c.Files, "other": c.Other, "past": len(c.Past), "open": len(c.Open),
		"covered": list(c.Covered()), "tainted": list(c.Tainted), "waived": list(c.Waived), "unavailable": list(c.Unavailable), "failed": failed}); err != nil {
		return err
	}
	for _, h := range held {
		until := s.watching(c, h)
		slice := map[string]any{"type": "slice", "query": c.Query, "sink": s.sinkAddress(c.Sink), "start": h.Start, "end": h.End,
			"rows": h.Rows(), "bytes": h.Bytes(), "files": len(h.Keys()), "cut": h.ReadTo(), "watched": !until.IsZero()}
		if !until.IsZero() {
			slice["watched_until"] = until
		}
		if err := enc.Encode(slice); err != nil {
			return err
		}
	}
	return nil
}

// showLine shows what the state knows of a query in a sink.
func (p *process) showLine(s *session, c chosen, held []pipeline.Held) {
	if c.Sink == "" {
		p.printf("%s: no slice of it is done\n", p.paint(bold, c.Query))
	} else {
		p.printf("%s in %s: %s rows, %s in %s\n", p.paint(bold, c.Query), s.sinkAddress(c.Sink), amount(c.Rows), size(c.Bytes), count(c.Files, "file"))
	}
	for _, h := range held {
		watch := ""
		if until := s.watching(c, h); !until.IsZero() {
			watch = ", watched for late rows until " + pipeline.ShortTime(until)
		}
		p.printf("  %v   %s rows in %s, arrivals up to %s%s\n", h.Window, amount(h.Rows()), count(len(h.Keys()), "file"), pipeline.ShortTime(h.ReadTo()), watch)
	}
	tell := func(w pipeline.Window, format string, values ...any) {
		if w.Overlaps(c.window) {
			p.printf("  %v   %s\n", w, fmt.Sprintf(format, values...))
		}
	}
	for _, w := range c.Tainted {
		tell(w, "tainted: the next apply reads it again")
	}
	for _, w := range c.Waived {
		tell(w.Window, "waived at %s: %s", pipeline.ShortTime(w.Time), w.Reason)
	}
	for _, w := range c.Unavailable {
		tell(w, "unavailable: no row that old could be read any more")
	}
	for _, r := range c.Open {
		tell(r.Window, "open: the commit of %s was interrupted", r.Key)
	}
	for _, x := range s.history.Failed(c.Line) {
		tell(x.Window, "failed at %s: %s", pipeline.ShortTime(x.Time), x.Reason)
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
	sink := f.String("sink", "", "only files in this sink, an `address`")
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
	if *sink != "" {
		within := all[:0]
		for _, c := range all {
			if c.Sink != "" && (*sink == s.sinkAddress(c.Sink) || *sink == c.Sink) {
				within = append(within, c)
			}
		}
		if all = within; len(all) == 0 {
			return 0, fmt.Errorf("-sink=%s: nothing of it is there.%s", *sink, config.DidYouMean(*sink, s.addresses()))
		}
	}
	enc := json.NewEncoder(p.stdout)
	for _, c := range all {
		err := c.files(ctx, *every, func(o pipeline.Object) error {
			if !*asJSON {
				_, err := fmt.Fprintln(p.stdout, o.Key)
				return err
			}
			return enc.Encode(struct {
				Query string `json:"query"`
				Sink  string `json:"sink"`
				pipeline.Object
			}{c.Query, c.Sink, o})
		})
		if err != nil {
			return 0, err
		}
	}
	return exitDone, nil
}

// Standings of files beside those that an archive's history knows.
const (
	standsPast pipeline.Standing = "past" // others have taken over from it; the next apply deletes it
	standsOpen pipeline.Standing = "open" // its commit was interrupted
)

// files calls visit for the files of the chosen slices that count; with every,
// for all that are there.
func (c chosen) files(ctx context.Context, every bool, visit func(pipeline.Object) error) error {
	var failed error
	err := c.Objects(ctx, c.window, func(o pipeline.Object) bool {
		if o.Key != "" && (o.Standing == pipeline.Current || every && o.Standing != pipeline.Gone) {
			failed = visit(o)
		}
		return failed == nil
	})
	if err := errors.Join(err, failed); err != nil || !every {
		return err
	}
	for standing, receipts := range map[pipeline.Standing][]pipeline.Receipt{standsPast: c.Past, standsOpen: c.Open} {
		for _, r := range receipts {
			if r.Window.Overlaps(c.window) {
				failed = errors.Join(failed, visit(pipeline.Object{Standing: standing, Receipt: r}))
			}
		}
	}
	return failed
}

var statePullVerb = verb{
	name:  "state pull",
	brief: "the whole ledger as JSON lines",
	usage: "[-chdir=DIR] state pull [flags]",
	help: `Writes every entry of the ledger to stdout, in order, with the number of its
segment. The chain of hashes is verified first. Mistakes in the pipeline are told
and do not matter, as long as it says where the state is.`,
	run: runStatePull,
}

func runStatePull(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	pl, diags := p.loadDiags(&load, p.kinds())
	if err := p.report(pl, diags, false); err != nil && !pl.State.Sure {
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
	if snapshot.Seq == 0 {
		return 0, noState(pl)
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
