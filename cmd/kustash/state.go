package main

import (
	"context"
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
sink.NAME; ADDRESS@FROM/TO names slices. Each command has its own -help.`,
	run: runState,
}

// stateCommands are the commands of the verb state, in the order of its help.
func stateCommands() []verb {
	return []verb{stateListVerb, stateShowVerb, stateFilesVerb, stateRmVerb, stateMvVerb, stateTaintVerb, stateUntaintVerb, stateWaiveVerb, statePullVerb, stateRebuildVerb}
}

func runState(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		if _, err := p.parse(p.flags(v), v, args, 0); err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("state needs a command, such as list. See \"kustash state -help\"")
	}
	var names []string
	for _, c := range stateCommands() {
		name := strings.TrimPrefix(c.name, "state ")
		if name == args[0] {
			return c.run(ctx, p, &c, args[1:])
		}
		names = append(names, name)
	}
	return 0, fmt.Errorf("there is no command \"state %s\".%s See \"kustash state -help\"", args[0], config.DidYouMean(args[0], names))
}

// chosen is what an address says of one query in one sink: the slices in a
// window.
type chosen struct {
	*pipeline.Line
	window pipeline.Window
	given  bool // the address names the window
}

// choose returns what the addresses say of what the state knows; everything if
// there are none. An address that says nothing is an error.
func (s *session) choose(texts []string) ([]chosen, error) {
	var all []chosen
	if len(texts) == 0 {
		for _, l := range s.history.Lines() {
			all = append(all, chosen{l, pipeline.Forever(), false})
		}
		return all, nil
	}
	for _, text := range texts {
		selector, err := pipeline.ParseSelector(text)
		if err != nil {
			return nil, err
		}
		window, given := selector.Window()
		before := len(all)
		for _, l := range s.history.Lines() {
			if s.names(selector, l) {
				all = append(all, chosen{l, window, given})
			}
		}
		if len(all) == before {
			return nil, fmt.Errorf("the state knows nothing of %s.%s", text, config.DidYouMean(text, s.addresses()))
		}
	}
	return all, nil
}

// names reports whether a selector is about a line: its query, its sink, or the
// workspace of its query.
func (s *session) names(selector pipeline.Selector, l *pipeline.Line) bool {
	if selector.Names(l.Query) || selector.Names(l.Sink) {
		return true
	}
	for _, e := range s.exports() {
		if e.Query.Address == l.Query && selector.Names(e.Workspace) {
			return true
		}
		for _, t := range e.Targets {
			if t.Identity == l.Sink && selector.Names(t.Address) {
				return true
			}
		}
	}
	return false
}

// addresses returns what an address may name.
func (s *session) addresses() []string {
	var all []string
	for _, l := range s.history.Lines() {
		all = append(all, l.Query)
	}
	for _, e := range s.exports() {
		all = append(all, e.Workspace)
		for _, t := range e.Targets {
			all = append(all, t.Address)
		}
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

// held returns the slices that were chosen, and the window that they make up:
// one that an address cuts is taken whole.
func (c chosen) held(ctx context.Context) ([]pipeline.Held, pipeline.Window, error) {
	held, err := c.Held(ctx, c.window)
	if err != nil || len(held) == 0 {
		return nil, pipeline.Window{}, err
	}
	w := held[0].Window
	for _, h := range held {
		if h.End.After(w.End) {
			w.End = h.End
		}
	}
	return held, w, nil
}

// stateChange is a command that appends entries to the ledger.
type stateChange struct {
	load     loadFlags
	lock     lockFlags
	approved bool
}

func (o *stateChange) add(f *flag.FlagSet) {
	o.load.add(f)
	o.lock.add(f)
}

// change opens the state, lets entries say what is to be recorded, and records
// it. ask words the question to ask first; "" asks nothing.
func (p *process) change(ctx context.Context, v *verb, o *stateChange, entries func(*session) (all []pipeline.Entry, ask string, err error)) error {
	pl, err := p.load(&o.load, false)
	if err != nil {
		return err
	}
	s, end, err := p.writeSession(ctx, pl, v.name, o.lock)
	if err != nil {
		return err
	}
	all, ask, err := entries(s)
	if err == nil && ask != "" && !o.approved {
		if !p.asks || !o.load.input {
			err = fmt.Errorf("%s would have to ask for approval, and nobody can answer here; add -auto-approve", v.name)
		} else if err = p.confirm(ask); err != nil {
			err = fmt.Errorf("%s was not approved: %w", v.name, err)
		}
	}
	if err == nil {
		err = s.ledger.Append(ctx, all...)
	}
	if endErr := end(); err == nil {
		err = endErr
	}
	return err
}

// readState loads the pipeline and the state for a command that only looks.
func (p *process) readState(ctx context.Context, o *loadFlags, asJSON bool) (*session, error) {
	s, err := p.readSession(ctx, o, asJSON, ledger.Load)
	if err == nil && s.snapshot.Seq == 0 {
		err = fmt.Errorf("there is no state at %s yet: nothing has been applied", statePath(s.Pipeline))
	}
	return s, err
}
