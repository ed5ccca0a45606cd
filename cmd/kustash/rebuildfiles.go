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
	"github.com/kustash/kustash/sinks"
)

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
	var aside []spare
	replaced := make(map[string]bool) // by files that count
	for _, group := range groups {
		why, err := r.refuses(ctx, identity, group, there)
		if replaced[group[0].key] {
			why = takenOver
		}
		if err == nil && why == "" {
			var stepped []spare
			stepped, err = r.retire(ctx, identity, group, there)
			aside = append(aside, stepped...)
			for _, key := range group[0].Replaces {
				replaced[key] = true
			}
		}
		if err != nil {
			return err
		}
		for _, f := range group {
			if why != "" {
				aside = append(aside, spare{f.Query, f.Receipt(f.key), why})
			}
			if err := r.take(ctx, identity, f, why == ""); err != nil {
				return err
			}
		}
	}
	for _, f := range aside {
		if err := r.putAside(ctx, identity, f); err != nil {
			return err
		}
	}
	return nil
}

// takenOver is why a file does not count that another one names.
const takenOver = "another file has taken over from it"

// spare is a file that does not count.
type spare struct {
	query string
	pipeline.Receipt
	why string
}

// putAside records a file that does not count. Where others have all its rows it
// is left for the next run to remove, as an intent of a replacement that did not
// come to its end is: readers of the folder would have those rows twice.
// Otherwise, and where the sink keeps what steps down, it stays.
func (r *rebuild) putAside(ctx context.Context, identity string, f spare) error {
	intent := pipeline.Entry{Kind: pipeline.KindIntended, Query: f.query, Sink: identity, Receipt: &f.Receipt, Time: time.Now().UTC()}
	covered := r.history.Line(f.query, identity).Covered()
	if f.Rows > 0 && !r.keeps[identity] && len(f.Window.Subtract(covered)) == 0 {
		f.Swap = "rebuild-" + f.Key
		r.leave(identity, f.Key, f.why+"; the next apply removes it")
		return r.add(ctx, intent)
	}
	r.leave(identity, f.Key, f.why)
	end := intent
	end.Kind, end.Kept = pipeline.KindForgotten, true
	return r.add(ctx, intent, end)
}

// grouped puts together files that count together: the hash parts of a window,
// the pieces of a slice, and those that replace the same.
func grouped(strays []stray) [][]stray {
	at := make(map[string]int)
	var groups [][]stray
	for _, f := range strays {
		k := f.Query + "|" + f.key
		switch {
		case len(f.Replaces) > 0:
			k = f.Query + "|" + fmt.Sprint(f.Replaces)
		case f.Part != "" || f.Piece > 0:
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
		case f.Piece > 0 && !pipeline.CompletePieces(piecesOf(group, f)):
			return "it is a piece of a slice, and not all the others are there", nil
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
		case slices.ContainsFunc(held, func(h pipeline.Held) bool { return !givesWay(h, f.Replaces) }):
			return "its slice is done by other files", nil
		}
	}
	return "", nil
}

// parts returns the parts of an instant that are in a group.
func parts(group []stray, w pipeline.Window) []string {
	var all []string
	for _, f := range group {
		if f.Window == w && f.Piece <= 1 {
			all = append(all, f.Part)
		}
	}
	return all
}

// piecesOf returns the pieces of a file's slice that are in a group.
func piecesOf(group []stray, one stray) []pipeline.Receipt {
	var all []pipeline.Receipt
	for _, f := range group {
		if f.Window == one.Window && f.Part == one.Part && f.Cut == one.Cut {
			all = append(all, f.Receipt(f.key))
		}
	}
	return all
}

// givesWay reports whether all objects of a slice are among those replaced. One
// that was done without rows always gives way to rows.
func givesWay(h pipeline.Held, replaced []string) bool {
	return !slices.ContainsFunc(h.Keys(), func(key string) bool { return !slices.Contains(replaced, key) })
}

// retire records that what gives way to a group does not count any more, and
// returns what of it is still there.
func (r *rebuild) retire(ctx context.Context, identity string, group []stray, there map[string]bool) (stepped []spare, err error) {
	line := r.history.Line(group[0].Query, identity)
	for _, f := range group {
		if !f.From.IsZero() {
			continue // it came late to what is there
		}
		held, err := line.Held(ctx, f.Window)
		if err != nil {
			return nil, err
		}
		for _, h := range held {
			err := r.add(ctx, pipeline.Entry{Kind: pipeline.KindRemoved, Query: f.Query, Sink: identity, Time: time.Now().UTC(),
				Receipt: &pipeline.Receipt{Window: h.Window}, Reason: "state rebuild: a newer file has its rows"})
			if err != nil {
				return nil, err
			}
			for _, old := range h.Objects {
				if there[old.Key] {
					stepped = append(stepped, spare{f.Query, old, takenOver})
				}
			}
		}
	}
	return stepped, nil
}

// take records what a file says of its query and, if it counts, the file.
func (r *rebuild) take(ctx context.Context, identity string, f stray, counts bool) error {
	var entries []pipeline.Entry
	if _, ok := r.history.Columns(f.Schema); !ok && f.Columns != nil {
		entries = append(entries, pipeline.Entry{Kind: pipeline.KindSchema, Query: f.Query, Columns: f.Columns})
	}
	if r.history.Fingerprint(f.Query) == "" {
		entries = append(entries, pipeline.Entry{Kind: pipeline.KindQuery, Query: f.Query, Declared: f.Fingerprint})
	}
	if counts {
		receipt := f.Receipt(f.key)
		entry := pipeline.Entry{Kind: pipeline.KindIntended, Query: f.Query, Sink: identity, Receipt: &receipt, Time: time.Now().UTC()}
		end := entry
		end.Kind = pipeline.KindDone
		entries = append(entries, entry, end)
	}
	return r.add(ctx, entries...)
}
