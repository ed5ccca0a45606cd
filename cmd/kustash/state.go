package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/pipeline/ledger"
)

var stateVerb = verb{
	name:  "state",
	brief: "look at the state, or change what it says",
	usage: "[-chdir=DIR] state COMMAND [flags] [ADDRESS...]",
	help: `  list      addresses of the queries that the state knows
  show      slices of a query, with their cuts
  files     keys of the files that count
  rm        forget slices; their files stay where they are
  mv        give what is recorded of a query to another address
  taint     have slices read again
  untaint   do not have them read again
  waive     accept a gap, on the record
  pull      the whole ledger as JSON lines
  rebuild   make a lost state from the archives

An ADDRESS is query.NAME, query.NAME["key"] ("*" within the key), workspace.NAME or
sink.NAME; ADDRESS@FROM/TO names slices. Each command has its own -help:
"kustash state list -help".`,
	run: runState,
}

// stateCommands are the commands of the verb state, in the order of its help.
func stateCommands() []verb {
	return []verb{stateListVerb, stateShowVerb, stateFilesVerb, stateRmVerb, stateMvVerb, stateTaintVerb, stateUntaintVerb, stateWaiveVerb, statePullVerb, stateRebuildVerb}
}

func runState(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	// Flags of KUSTASH_CLI_ARGS_state stand in front of the command, and are its own.
	at := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if at < 0 {
		if _, err := p.parse(p.flags(v), v, args, 0); err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("state needs a command, such as list. See \"kustash state -help\"")
	}
	var names []string
	for _, c := range stateCommands() {
		name := strings.TrimPrefix(c.name, "state ")
		if name == args[at] {
			return c.run(ctx, p, &c, slices.Concat(args[:at], args[at+1:]))
		}
		names = append(names, name)
	}
	return 0, fmt.Errorf("there is no command \"state %s\".%s See \"kustash state -help\"", args[at], config.DidYouMean(args[at], names))
}

// chosen is what an address says of one query in one sink: the slices in a
// window.
type chosen struct {
	*pipeline.Line // its Sink is "" for a query that no sink has anything of
	window         pipeline.Window
}

// choose returns what the addresses say of what the state knows; everything if
// there are none. An address that says nothing is an error.
func (s *session) choose(texts []string) ([]chosen, error) {
	var all []chosen
	if len(texts) == 0 {
		for _, l := range s.lines() {
			all = append(all, chosen{l, pipeline.Forever()})
		}
		return all, nil
	}
	for _, text := range texts {
		of, window, err := s.matcher(text)
		if err != nil {
			return nil, err
		}
		before := len(all)
		for _, l := range s.lines() {
			if of(l) {
				all = append(all, chosen{l, window})
			}
		}
		if len(all) == before {
			return nil, fmt.Errorf("the state knows nothing of %s.%s", text, config.DidYouMean(text, s.addresses()))
		}
	}
	return all, nil
}

// lines returns what the state knows of each query in each sink, in order.
func (s *session) lines() []*pipeline.Line {
	all := s.history.Lines()
	for _, address := range s.history.Addresses() {
		if !slices.ContainsFunc(all, func(l *pipeline.Line) bool { return l.Query == address }) {
			all = append(all, s.history.Line(address, ""))
		}
	}
	slices.SortStableFunc(all, func(a, b *pipeline.Line) int { return cmp.Compare(a.Query, b.Query) })
	return all
}

// matcher returns which lines an address is about: by their query, its
// workspace, or their sink. A sink that is not declared any more is named as the
// state names it, such as local:archive.
func (s *session) matcher(text string) (of func(*pipeline.Line) bool, w pipeline.Window, err error) {
	if slices.ContainsFunc(s.history.Lines(), func(l *pipeline.Line) bool { return l.Sink == text }) {
		return func(l *pipeline.Line) bool { return l.Sink == text }, pipeline.Forever(), nil
	}
	selector, err := pipeline.ParseSelector(text)
	if err != nil {
		return nil, w, err
	}
	w, _ = selector.Window()
	return func(l *pipeline.Line) bool {
		if selector.Names(l.Query) || l.Sink != "" && selector.Names(s.sinkAddress(l.Sink)) {
			return true
		}
		e, ok := s.export(l.Query)
		return ok && selector.Names(e.Workspace)
	}, w, nil
}

// export returns the declared query with this address.
func (s *session) export(address string) (pipeline.Export, bool) {
	exports := s.exports()
	i := slices.IndexFunc(exports, func(e pipeline.Export) bool { return e.Query.Address == address })
	if i < 0 {
		return pipeline.Export{}, false
	}
	return exports[i], true
}

// exported reports whether the pipeline still exports what the line is of.
func (s *session) exported(l *pipeline.Line) bool {
	e, ok := s.export(l.Query)
	return ok && slices.ContainsFunc(e.Targets, func(t pipeline.Target) bool { return t.Identity == l.Sink })
}

// addresses returns what an address may name.
func (s *session) addresses() []string {
	var all []string
	for _, l := range s.lines() {
		all = append(all, l.Query, s.sinkAddress(l.Sink))
	}
	for _, e := range s.exports() {
		all = append(all, e.Workspace)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sinkAddress returns the address of the sink with this identity, or what the
// state calls it where the pipeline has none.
func (s *session) sinkAddress(identity string) string {
	for _, e := range s.exports() {
		for _, t := range e.Targets {
			if t.Identity == identity {
				return t.Address
			}
		}
	}
	return identity
}

// held returns the slices that were chosen, and the windows that they make up,
// joined: a slice that an address cuts is taken whole.
func (c chosen) held(ctx context.Context) ([]pipeline.Held, []pipeline.Window, error) {
	held, err := c.Held(ctx, c.window)
	var windows []pipeline.Window
	for _, h := range held {
		windows = append(windows, h.Window)
	}
	return held, pipeline.Join(windows), err
}

// entries returns an entry about each window of the line.
func (c chosen) entries(kind pipeline.Kind, windows []pipeline.Window, final bool, reason string) []pipeline.Entry {
	var all []pipeline.Entry
	for _, w := range windows {
		all = append(all, pipeline.Entry{Kind: kind, Query: c.Query, Sink: c.Sink, Receipt: &pipeline.Receipt{Window: w, Final: final}, Reason: reason})
	}
	return all
}

// stateChange is a command that appends entries to the ledger.
type stateChange struct {
	load     loadFlags
	lock     lockFlags
	approved bool
	json     bool
}

func (o *stateChange) add(f *flag.FlagSet) {
	o.load.add(f)
	o.lock.add(f)
	f.BoolVar(&o.json, "json", false, "what is recorded as JSON, one object a line")
}

// change opens the state, lets entries say what is to be recorded, and records
// it. ask words the question to ask first; "" asks nothing. With -json it writes
// what was recorded, and the caller nothing.
func (p *process) change(ctx context.Context, v *verb, o *stateChange, entries func(*session) (all []pipeline.Entry, ask string, err error)) (err error) {
	pl, err := p.load(&o.load, o.json)
	if err != nil {
		return err
	}
	store, err := p.stateStore(pl)
	if err != nil {
		return err
	}
	if chain, err := ledger.Chain(ctx, store); err != nil {
		return err
	} else if chain == "" {
		return noState(pl)
	}
	s, end, err := p.writeSession(ctx, pl, v.name, o.lock)
	if err != nil {
		return err
	}
	defer func() {
		if endErr := end(); err == nil {
			err = endErr
		}
	}()
	if err := s.carryOut(ctx); err != nil {
		return err
	}
	p.tellMoves(s)
	all, ask, err := entries(s)
	if err != nil {
		return err
	}
	if ask != "" && !o.approved {
		if !p.asks || !o.load.input || o.json {
			return fmt.Errorf("%s would have to ask for approval, and nobody can answer here; add -auto-approve", v.name)
		}
		if err := p.confirm(ask); err != nil {
			return fmt.Errorf("%s was not approved: %w", v.name, err)
		}
	}
	if err := s.ledger.Append(ctx, all...); err != nil {
		return err
	}
	if err := s.refold(ctx); err != nil || !o.json {
		return err
	}
	return p.recordedJSON(all)
}

// tellMoves writes what has become of the moved blocks to stderr.
func (p *process) tellMoves(s *session) {
	for _, note := range s.moved {
		fmt.Fprintf(p.stderr, "%s %s\n", p.paint(yellow, "!"), note)
	}
}

// recordedJSON writes what was recorded as JSON lines.
func (p *process) recordedJSON(entries []pipeline.Entry) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any{"format_version": formatVersion, "tool": tool()}); err != nil {
		return err
	}
	for _, e := range entries {
		line := map[string]any{"type": e.Kind, "query": e.Query}
		if e.Receipt == nil {
			line["was"] = e.Was
		} else {
			line["sink"], line["start"], line["end"], line["reason"] = e.Sink, e.Start, e.End, e.Reason
			line["undone"] = e.Final
		}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func noState(pl *config.Pipeline) error {
	return fmt.Errorf("there is no state at %s yet: nothing has been applied", statePath(pl))
}

// readState loads the pipeline and the state for a command that only looks.
func (p *process) readState(ctx context.Context, o *loadFlags, asJSON bool) (*session, error) {
	s, err := p.readSession(ctx, o, asJSON, ledger.Load)
	if err == nil && s.snapshot.Seq == 0 {
		err = noState(s.Pipeline)
	}
	if err == nil {
		p.tellMoves(s)
	}
	return s, err
}
