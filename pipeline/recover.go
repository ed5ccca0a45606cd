package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Enroll makes sure that every sink of the exports can be written to and
// belongs to this ledger, and that one of which the ledger knows files is the
// one that has them. It asks each sink once.
func (r *Runner) Enroll(ctx context.Context, exports []Export, h *History) error {
	asked := make(map[string]bool)
	var problems []error
	for _, e := range exports {
		for _, t := range e.Targets {
			if asked[t.Identity] {
				continue
			}
			asked[t.Identity] = true
			if err := Marked(ctx, t, h, r.Lineage); err != nil {
				problems = append(problems, err)
				continue
			}
			if err := t.Sink.Enroll(ctx, r.Lineage); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", t.Address, err))
			}
		}
	}
	return errors.Join(problems...)
}

// Recover settles the intents that an earlier run left open: each becomes done
// or forgotten in the ledger. Those of a replacement are forgotten: what they
// were to take over from counts on. Objects that have stepped down are deleted.
// It runs before planning, while the lock is held.
// An object that is not the one intended stays open: it is returned as a
// conflict, and its slice must not be planned until somebody has looked at it.
// Intents of sinks that no export names are left alone.
func (r *Runner) Recover(ctx context.Context, exports []Export, h *History) (conflicts []SliceError, err error) {
	for _, e := range exports {
		for _, t := range e.Targets {
			line := h.Line(e.Query.Address, t.Identity)
			if err := r.recoverPast(ctx, e, t, line.Past); err != nil {
				return conflicts, err
			}
			for _, group := range groups(line.Open) {
				conflict, err := r.recoverOne(ctx, e, t, h, group)
				if err != nil {
					return conflicts, fmt.Errorf("recover %s in %s: %w", group[0].Key, t.Address, err)
				}
				if conflict != nil {
					conflicts = append(conflicts, *conflict)
				}
			}
		}
	}
	return conflicts, nil
}

// recoverPast deletes what has stepped down. Where that fails the archive is
// right and only its folder is not: the run goes on, and the next one tries
// again.
func (r *Runner) recoverPast(ctx context.Context, e Export, t Target, past []Receipt) error {
	entries, err := r.discard(ctx, e.Query.Address, t, past)
	if err != nil && r.OnEvent != nil {
		r.OnEvent(Event{Kind: SliceFailed, Query: e.Query.Address, Sink: t.Identity, Window: past[0].Window, Err: err})
	}
	return r.Ledger.Append(ctx, entries...)
}

// groups puts together the intents that count together: those of one
// replacement, and all of one window: hash parts and pieces, and rows that came
// late with those that they belong to, where both were copied.
func groups(open []Receipt) [][]Receipt {
	var all [][]Receipt
	type mate struct {
		window Window
		swap   string
	}
	at := make(map[mate]int) // index of its group
	for _, r := range open {
		k := mate{window: r.Window}
		if r.Swap != "" {
			k = mate{swap: r.Swap}
		}
		i, ok := at[k]
		if !ok {
			i = len(all)
			at[k] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], r)
	}
	return all
}

// mayCount reports whether a group of intents counts if all its objects are
// there. Those of a replacement never do, and rows that came late only with
// those that they belong to: in the group, or done.
func mayCount(open []Receipt, l *Line) bool {
	if open[0].Swap != "" {
		return false
	}
	first := func(r Receipt) bool { return r.From.IsZero() }
	return slices.ContainsFunc(open, first) || len(open[0].Window.Subtract(l.Covered())) == 0
}

// intent is an object that was about to become visible.
type intent struct {
	File
	receipt Receipt
}

func (r *Runner) recoverOne(ctx context.Context, e Export, t Target, h *History, open []Receipt) (*SliceError, error) {
	var group []intent
	for _, receipt := range open {
		columns, ok := h.Columns(receipt.Schema)
		if !ok {
			return nil, fmt.Errorf("the ledger has no schema %s", receipt.Schema)
		}
		group = append(group, intent{File{
			Slice:   Slice{Query: e.Query, Window: receipt.Window, Part: receipt.Part, Cut: receipt.Cut},
			Number:  receipt.Number,
			Lineage: r.Lineage,
			Columns: columns,
			Ends:    receipt.Ends,
			Tool:    r.Tool,
		}, receipt})
	}
	end, err := r.settle(ctx, t, group, mayCount(open, h.Line(e.Query.Address, t.Identity)))
	if errors.Is(err, ErrMismatch) || errors.Is(err, ErrUnreadable) {
		next := "move it out of " + t.Address + " and apply again"
		if !errors.Is(err, ErrMismatch) {
			next = "whether it is whole is not known: apply once with an identity that may read " + t.Address
		}
		conflict := &SliceError{e.Query.Address, t.Identity, open[0].Window, open[0].Part, fmt.Errorf("conflict: %w; %s", err, next)}
		return conflict, r.Ledger.Append(ctx, Entry{Kind: KindFailed, Query: e.Query.Address, Sink: t.Identity,
			Receipt: &open[0], Reason: conflict.Err.Error()})
	}
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for i, receipt := range open {
		entries = append(entries, Entry{Kind: end, Query: e.Query.Address, Sink: t.Identity, Receipt: &open[i], Kept: t.keeps(end, receipt)})
		if r.OnEvent != nil {
			r.OnEvent(Event{Kind: Recovered, Query: e.Query.Address, Sink: t.Identity, Window: receipt.Window,
				Part: receipt.Part, Rows: receipt.Rows, Bytes: receipt.Bytes, Key: receipt.Key, Text: string(end)})
		}
	}
	parts := slices.DeleteFunc(slices.Clone(open), func(r Receipt) bool { return r.Part == "" })
	if end == KindDone && len(parts) > 0 {
		entries = append(entries, withoutRows(e.Query.Address, t.Identity, parts)...)
	}
	return nil, r.Ledger.Append(ctx, entries...)
}

// withoutRows returns the done entries of the parts that had no rows, and so
// no intents: those that complete the others.
func withoutRows(query, sink string, open []Receipt) []Entry {
	var have []string
	for _, r := range open {
		have = append(have, r.Part)
	}
	var entries []Entry
	for _, part := range otherParts("", have) {
		entries = append(entries, Entry{Kind: KindDone, Query: query, Sink: sink, Receipt: &Receipt{
			Window: open[0].Window, Part: part, Cut: open[0].Cut, Fingerprint: open[0].Fingerprint, Ends: open[0].Ends}})
	}
	return entries
}

// settleTries bounds how often a writer that comes too late is answered.
const settleTries = 4

// settle finds out how the publication of objects that count together ended:
// KindDone if all of them are there and they may still count; KindForgotten if
// not, and, because all of their names are now taken by objects without rows,
// they never can be. An object that is another one gives ErrMismatch, one that
// may not be read ErrUnreadable.
func (r *Runner) settle(ctx context.Context, t Target, group []intent, mayCount bool) (Kind, error) {
	var odd error // what is under a name that is not free
	for range settleTries {
		there := make([]bool, len(group))
		all := mayCount && whole(group)
		odd = nil
		for i, g := range group {
			err := t.Sink.Verify(ctx, g.receipt)
			switch {
			case err == nil:
				there[i] = true
			case errors.Is(err, ErrMismatch), errors.Is(err, ErrUnreadable):
				odd = errors.Join(odd, err)
			case !errors.Is(err, ErrMissing):
				return "", err
			}
			all = all && there[i]
		}
		if all {
			return KindDone, nil
		}
		if taken, err := r.takeBack(ctx, t, group, there); err != nil || !taken {
			return KindForgotten, err
		}
	}
	if odd == nil {
		odd = fmt.Errorf("%w: another writer keeps publishing it", ErrMismatch)
	}
	return "", odd
}

// keeps reports whether an object that is forgotten stays where it is: one of a
// replacement, in a sink that cannot delete. Readers of such a sink go by its
// manifests.
func (t Target) keeps(end Kind, r Receipt) bool {
	return end == KindForgotten && r.Swap != "" && !removes(t.Sink)
}

// whole reports whether a group has all hash parts of each of its windows, and
// all pieces of each of its slices.
func whole(group []intent) bool {
	parts, pieces := make(map[Window]int), make(map[readKey]int)
	key := func(r Receipt) readKey { return readKey{sliceKey{r.Window, r.Part}, r.Cut} }
	for _, g := range group {
		if g.receipt.Part != "" {
			parts[g.receipt.Window]++
		}
		pieces[key(g.receipt)]++
	}
	for _, g := range group {
		r := g.receipt
		if r.Part != "" && parts[r.Window] != r.Parts || r.Pieces > 0 && pieces[key(r)] != r.Pieces {
			return false
		}
	}
	return true
}

// takeBack removes the objects of a group that are there and puts one without
// rows under each name. taken reports that some name was not free.
func (r *Runner) takeBack(ctx context.Context, t Target, group []intent, there []bool) (taken bool, err error) {
	if err := r.claim(ctx, t, group, there); err != nil {
		return false, err
	}
	for i, g := range group {
		if there[i] {
			remover, ok := t.Sink.(Remover)
			if t.keeps(KindForgotten, g.receipt) {
				continue // it holds its name itself
			}
			if !ok {
				return false, fmt.Errorf("%w: %s counts only together with others, which are missing, and this sink cannot remove it", ErrMismatch, g.receipt.Key)
			}
			if err := remover.Remove(ctx, g.receipt); err != nil && !errors.Is(err, ErrMissing) {
				return false, err
			}
		}
		switch err := t.Sink.Fence(ctx, g.File, g.receipt.Key); {
		case errors.Is(err, ErrExists):
			taken = true
		case err != nil:
			return false, err
		}
	}
	return taken, nil
}

// claim takes the ledger's next number before an object that may still come to
// count is removed: a writer that published it, and wakes up late, cannot
// record any more that it counts.
func (r *Runner) claim(ctx context.Context, t Target, group []intent, there []bool) error {
	i := slices.Index(there, true)
	if i < 0 {
		return nil
	}
	g := group[i]
	return r.Ledger.Append(ctx, Entry{Kind: KindFailed, Query: g.Slice.Query.Address, Sink: t.Identity, Receipt: &g.receipt,
		Reason: "its publication was not completed; what is there of it is taken back"})
}
