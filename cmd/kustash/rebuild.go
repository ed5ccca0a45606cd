package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/sinks"
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
	address  func(identity string) string
	entries  []pipeline.Entry
	history  *pipeline.History // of entries
	left     []string          // what does not count, and why
}

// gather reads what the manifests of all sinks say.
func gather(ctx context.Context, s *session) (*rebuild, error) {
	r := &rebuild{archives: s.archives(), address: s.sinkAddress, history: pipeline.NewHistory(nil)}
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

// stray is a file that no manifest mentions.
type stray struct {
	sinks.Metadata
	key string
}

// newer adds the files that the manifests do not know: the last run died before
// it could write one.
func (r *rebuild) newer(ctx context.Context) error {
	for _, identity := range slices.Sorted(maps.Keys(r.archives)) {
		a := r.archives[identity]
		known := make(map[string]bool)
		for _, l := range r.history.Lines() {
			if l.Sink != identity {
				continue
			}
			for _, list := range [][]pipeline.Receipt{l.Open, l.Past} {
				for _, receipt := range list {
					known[receipt.Key] = true
				}
			}
			if err := l.Objects(ctx, pipeline.Forever(), func(o pipeline.Object) bool { known[o.Key] = true; return true }); err != nil {
				return err
			}
		}
		there := make(map[string]bool)
		if err := a.List(ctx, func(key string, _ int64) error { there[key] = true; return nil }); err != nil {
			return fmt.Errorf("list %s: %w", r.address(identity), err)
		}
		var strays []stray
		for _, key := range slices.Sorted(maps.Keys(there)) {
			if known[key] {
				continue
			}
			m, err := a.Describe(ctx, key)
			switch {
			case errors.Is(err, pipeline.ErrMismatch), err == nil && m.Lineage != r.lineage:
				r.leave(identity, key, "it is not a file of this archive, or damaged")
				continue
			case err != nil:
				return err
			}
			strays = append(strays, stray{m, key})
		}
		slices.SortStableFunc(strays, func(a, b stray) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
		if err := r.adopt(ctx, identity, strays, there); err != nil {
			return fmt.Errorf("%s: %w", r.address(identity), err)
		}
	}
	return nil
}

func (r *rebuild) leave(identity, key, why string) {
	r.left = append(r.left, fmt.Sprintf("%s %s: %s", r.address(identity), key, why))
}

// adopt makes the files count that can be told to. The others keep their
// numbers, so that no later file takes their names. Files that have replaced
// others come first: what they replaced does not count any more.
func (r *rebuild) adopt(ctx context.Context, identity string, strays []stray, there map[string]bool) error {
	groups := grouped(strays)
	slices.SortStableFunc(groups, func(a, b []stray) int { return cmp.Compare(min(1, len(b[0].Replaces)), min(1, len(a[0].Replaces))) })
	for _, group := range groups {
		why, err := r.refuses(ctx, identity, group, there)
		if err == nil && why == "" {
			err = r.retire(ctx, identity, group)
		}
		if err != nil {
			return err
		}
		for _, f := range group {
			if err := r.take(ctx, identity, f, why == ""); err != nil {
				return err
			}
			if why != "" {
				r.leave(identity, f.key, why)
			}
		}
	}
	return nil
}

// grouped puts together files that count together: the hash parts of a window,
// and those that replace the same.
func grouped(strays []stray) [][]stray {
	at := make(map[string]int)
	var groups [][]stray
	for _, f := range strays {
		k := f.Query + "|" + f.key
		switch {
		case len(f.Replaces) > 0:
			k = f.Query + "|" + fmt.Sprint(f.Replaces)
		case f.Part != "":
			k = f.Query + "|" + f.Window.FileName() + f.From.String()
		}
		i, ok := at[k]
		if !ok {
			i = len(groups)
			at[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}

// refuses returns why the files of a group do not count; "" if they do.
func (r *rebuild) refuses(ctx context.Context, identity string, group []stray, there map[string]bool) (string, error) {
	line := r.history.Line(group[0].Query, identity)
	gone := func(key string) bool { return !there[key] }
	for _, f := range group {
		switch {
		case len(f.Replaces) > 0 && !slices.ContainsFunc(f.Replaces, gone):
			return "the files that it was to replace are there, so they count", nil
		case f.Rows == 0:
			return "it has no rows, and nothing tells whether its slice is done", nil
		case f.Part != "" && !pipeline.CompleteParts(parts(group, f.Window)):
			return "it is a part of an instant, and nothing tells whether all the others are there", nil
		}
		held, err := line.Held(ctx, f.Window)
		if err != nil {
			return "", err
		}
		late := !f.From.IsZero()
		switch {
		case late && (len(held) != 1 || held[0].Window != f.Window || !held[0].ReadTo().Equal(f.From)):
			return "it holds rows that came late to a slice that is not known as it was", nil
		case late:
		case slices.ContainsFunc(held, func(h pipeline.Held) bool { return !replaced(h, f.Replaces) }):
			return "its slice is done by other files", nil
		}
	}
	return "", nil
}

// parts returns the parts of an instant that are in a group.
func parts(group []stray, w pipeline.Window) []string {
	var all []string
	for _, f := range group {
		if f.Window == w {
			all = append(all, f.Part)
		}
	}
	return all
}

// replaced reports whether all objects of a slice are among those replaced. A
// slice without objects is, if there are any.
func replaced(h pipeline.Held, keys []string) bool {
	return len(keys) > 0 && !slices.ContainsFunc(h.Keys(), func(key string) bool { return !slices.Contains(keys, key) })
}

// retire records that what a group has replaced does not count any more.
func (r *rebuild) retire(ctx context.Context, identity string, group []stray) error {
	line := r.history.Line(group[0].Query, identity)
	for _, f := range group {
		if len(f.Replaces) == 0 {
			return nil
		}
		held, err := line.Held(ctx, f.Window)
		if err != nil {
			return err
		}
		for _, h := range held {
			err := r.add(ctx, pipeline.Entry{Kind: pipeline.KindRemoved, Query: f.Query, Sink: identity, Time: time.Now().UTC(),
				Receipt: &pipeline.Receipt{Window: h.Window}, Reason: "state rebuild: it was replaced"})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// take records a file.
func (r *rebuild) take(ctx context.Context, identity string, f stray, counts bool) error {
	receipt := f.Receipt(f.key)
	entry := pipeline.Entry{Kind: pipeline.KindIntended, Query: f.Query, Sink: identity, Receipt: &receipt, Time: time.Now().UTC()}
	end := entry
	if end.Kind = pipeline.KindDone; !counts {
		end.Kind, end.Kept = pipeline.KindForgotten, true
	}
	var entries []pipeline.Entry
	if _, ok := r.history.Columns(f.Schema); !ok && f.Columns != nil {
		entries = append(entries, pipeline.Entry{Kind: pipeline.KindSchema, Query: f.Query, Columns: f.Columns})
	}
	if r.history.Fingerprint(f.Query) == "" {
		entries = append(entries, pipeline.Entry{Kind: pipeline.KindQuery, Query: f.Query, Declared: f.Fingerprint})
	}
	return r.add(ctx, append(entries, entry, end)...)
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
