package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
)

var stateRebuildVerb = verb{
	name:  "state rebuild",
	brief: "make a lost state from the archives",
	usage: "[-chdir=DIR] state rebuild [flags]",
	help: `Makes the state anew from what is in the sinks, where it was lost: from their
manifests, which say all that the state said of them up to the end of the last
run, and from what files that are newer say of themselves. The archives are only
read. Files that cannot be told to count are named and left as they are.`,
	run: runStateRebuild,
}

func runStateRebuild(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	var lock lockFlags
	load.add(f)
	lock.add(f)
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
	s := &session{Pipeline: pl, store: store}
	chain, err := ledger.Chain(ctx, s.store)
	if err != nil {
		return 0, err
	}
	if chain != "" {
		return 0, fmt.Errorf("there is a state at %s already; if it is not the one that is lost, move it away, then rebuild", statePath(pl))
	}
	r, err := gather(ctx, s)
	if err != nil {
		return 0, err
	}
	if err := r.newer(ctx); err != nil {
		return 0, err
	}
	if err := p.found(ctx, s, r, lock); err != nil {
		return 0, err
	}
	rows, files := int64(0), 0
	for _, l := range r.history.Lines() {
		rows, files = rows+l.Rows, files+l.Files
	}
	for _, text := range r.left {
		fmt.Fprintf(p.stderr, "%s %s\n", p.paint(yellow, "Left out:"), text)
	}
	p.printf("%s the state of lineage %s: %s with %s rows. Next: kustash plan, kustash verify\n",
		p.paint(green, "Rebuilt:"), r.lineage, count(files, "file"), amount(rows))
	return exitDone, nil
}

// rebuild is a state in the making.
type rebuild struct {
	lineage  string
	archives map[string]archive
	keeps    map[string]bool // sinks in which files stay that do not count
	address  func(identity string) string
	entries  []pipeline.Entry
	history  *pipeline.History // of entries
	left     []string          // what does not count, and why
}

// gather reads what the manifests of all sinks say.
func gather(ctx context.Context, s *session) (*rebuild, error) {
	r := &rebuild{archives: s.archives(), keeps: s.keepers(), address: s.sinkAddress, history: pipeline.NewHistory(nil)}
	if len(r.archives) == 0 {
		return nil, errors.New("the pipeline declares no sink that a query uses, so there is no archive to read")
	}
	for _, identity := range slices.Sorted(maps.Keys(r.archives)) {
		lineage, err := r.archives[identity].Lineage(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", r.address(identity), err)
		case lineage == "":
			delete(r.archives, identity) // it has never been exported to
			continue
		case r.lineage != "" && lineage != r.lineage:
			return nil, fmt.Errorf("%s belongs to the lineage %s, another sink to %s: archives of two states cannot come under one; declare the sinks of one of them only", r.address(identity), lineage, r.lineage)
		}
		r.lineage = lineage
	}
	if r.lineage == "" {
		return nil, errors.New("no sink has been exported to, so there is no state to rebuild; \"kustash apply\" begins one")
	}
	return r, r.recall(ctx)
}

// chain is what the manifests of a sink, or of several, say of one ledger.
type chain struct {
	name    string
	entries map[int]pipeline.Entry // by number; the sinks have some in common
	last    time.Time
}

// recall adds what the manifests say. A ledger that was rebuilt has told all
// over again, so the newest chain of each sink says all that there is to say of
// it. It is that of an older ledger where the sink was not at hand when that was
// rebuilt.
func (r *rebuild) recall(ctx context.Context) error {
	newest := &chain{entries: make(map[int]pipeline.Entry)}
	own := make(map[string]*chain)
	for identity, a := range r.archives {
		c, err := r.read(ctx, a)
		if err != nil {
			return fmt.Errorf("%s: %w", r.address(identity), err)
		}
		own[identity] = c
		if c.last.After(newest.last) {
			newest.name, newest.last = c.name, c.last
		}
	}
	for _, c := range own {
		if c.name == newest.name {
			maps.Copy(newest.entries, c.entries)
		}
	}
	if err := r.add(ctx, newest.inOrder()...); err != nil {
		return fmt.Errorf("the manifests do not fit together: %w", err)
	}
	for _, identity := range slices.Sorted(maps.Keys(own)) {
		if c := own[identity]; c.name != newest.name {
			if err := r.addOlder(ctx, identity, c.inOrder(), newest.inOrder()); err != nil {
				return fmt.Errorf("%s: the manifests do not fit together: %w", r.address(identity), err)
			}
		}
	}
	return nil
}

func (c *chain) inOrder() []pipeline.Entry {
	var all []pipeline.Entry
	for _, n := range slices.Sorted(maps.Keys(c.entries)) {
		all = append(all, c.entries[n])
	}
	return all
}

// addOlder adds what the manifests of one sink say that are older than those of
// the others, under the addresses that the queries have by now.
func (r *rebuild) addOlder(ctx context.Context, identity string, told, newest []pipeline.Entry) error {
	moves := append(movesOf(told), movesOf(newest)...)
	for _, e := range told {
		if e.Kind == pipeline.KindMoved {
			moves = moves[1:] // those that are left come after what follows
			continue
		}
		for _, m := range moves {
			if m.Was == e.Query {
				e.Query = m.Query
			}
		}
		_, known := r.history.Columns(e.Columns.Hash())
		switch {
		case e.Sink == identity,
			e.Kind == pipeline.KindSchema && !known,
			e.Kind == pipeline.KindQuery && r.history.Fingerprint(e.Query) == "":
			if err := r.add(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func movesOf(entries []pipeline.Entry) []pipeline.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e pipeline.Entry) bool { return e.Kind != pipeline.KindMoved })
}

// read returns what the manifests of a sink say of the ledger that wrote to it
// last.
func (r *rebuild) read(ctx context.Context, a archive) (*chain, error) {
	names, err := a.Manifests(ctx)
	if err != nil {
		return nil, err
	}
	newest := &chain{}
	chains := make(map[string]*chain)
	for _, name := range names {
		raw, err := a.ReadManifest(ctx, name)
		if err != nil {
			return nil, err
		}
		header, lines, err := parseManifest(raw)
		if err == nil && header.Lineage != r.lineage {
			err = fmt.Errorf("it belongs to the lineage %s", header.Lineage)
		}
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", name, err)
		}
		c := chains[header.Chain]
		if c == nil {
			c = &chain{name: header.Chain, entries: make(map[int]pipeline.Entry)}
			chains[header.Chain] = c
		}
		if c.last = header.Time; !c.last.Before(newest.last) {
			newest = c
		}
		for _, line := range lines {
			c.entries[line.N] = line.Entry
		}
	}
	return newest, nil
}

func (r *rebuild) add(ctx context.Context, entries ...pipeline.Entry) error {
	r.entries = append(r.entries, entries...)
	return r.history.Add(ctx, entries...)
}

// found writes the new ledger, all of it or nothing: a part of it would have
// the next apply export again what the archives hold.
func (p *process) found(ctx context.Context, s *session, r *rebuild, o lockFlags) (err error) {
	s.ledger, err = ledger.Open(ctx, s.store, ledger.Options{Who: whoami(), Operation: "state rebuild", Tool: tool(),
		Lineage: r.lineage, Entries: r.entries, LockTimeout: o.timeout, NoLock: !o.lock})
	if err != nil {
		return err
	}
	stop := pipeline.KeepAlive(ctx, s.ledger)
	if err = s.refold(ctx); err == nil {
		err = errors.Join(s.writeManifests(ctx), s.ledger.Checkpoint(ctx))
	}
	stop()
	return errors.Join(err, s.ledger.Close(context.WithoutCancel(ctx)))
}
