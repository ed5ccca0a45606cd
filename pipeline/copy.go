package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
)

// planCopies takes out of the missing windows the slices that another sink of
// the export holds and can be read back from, and plans to copy them. Sinks that
// lack the same are filled by one read. What is to be read again where it is
// held is not copied: it would be out of date.
func (e Export) planCopies(ctx context.Context, p *Plan, h *History, missing [][]Window, visits []Visit) ([][]Window, error) {
	type copied struct {
		window Window
		from   int
	}
	at := make(map[copied]int) // index of the planned slice
	left := slices.Clone(missing)
	for i, t := range e.Targets {
		for j, from := range e.Targets {
			if i == j {
				continue
			}
			stale := slices.Clone(missing[j])
			for _, v := range visits {
				if v.line.Sink == from.Identity {
					stale = append(stale, v.Window)
				}
			}
			held, err := e.lends(ctx, p, h, from, t, left[i], stale)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", from.Address, err)
			}
			for _, s := range held {
				left[i] = without(left[i], s.Window)
				k := copied{s.Window, j}
				if n, ok := at[k]; ok {
					p.Slices[n].Sinks = append(p.Slices[n].Sinks, t.Identity)
					continue
				}
				at[k] = len(p.Slices)
				p.Slices = append(p.Slices, PlannedSlice{Query: e.Query.Address, Window: s.Window, Sinks: []string{t.Identity},
					Rows: s.Rows(), Bytes: s.Bytes(), Copy: from.Identity})
			}
		}
	}
	return left, nil
}

// lends returns the slices of a sink that lie in what another one lacks, that
// fit into its folders and that come back as they went there. What overlaps
// stale is left out.
func (e Export) lends(ctx context.Context, p *Plan, h *History, from, to Target, wanted, stale []Window) ([]Held, error) {
	reader, ok := from.Sink.(Reader)
	if !ok {
		return nil, nil
	}
	line := h.Line(e.Query.Address, from.Identity)
	var lent []Held
	for _, w := range wanted {
		if !overlapsAny(w, line.covered) {
			continue
		}
		held, err := line.Held(ctx, w)
		if err != nil {
			return nil, err
		}
		for _, s := range held {
			if w.Contains(s.Window) && to.Calendar.holds(s.Window) && !overlapsAny(s.Window, stale) &&
				!p.hasLost(from.Identity, s.Keys()) && h.readable(reader, s) {
				lent = append(lent, s)
			}
		}
	}
	return lent, nil
}

// readable reports whether a slice comes back from a sink as it went there.
func (h *History) readable(from Reader, s Held) bool {
	for _, r := range s.Objects {
		columns, ok := h.Columns(r.Schema)
		if r.Key != "" && (!ok || !from.Reads(r.Key, columns)) {
			return false
		}
	}
	return true
}

// hasLost reports whether some of the objects are not in the sink any more.
func (p *Plan) hasLost(sink string, keys []string) bool {
	return slices.ContainsFunc(p.Lost, func(l Lost) bool { return l.Sink == sink && slices.Contains(keys, l.Key) })
}

// holds reports whether a window lies in one folder.
func (c Calendar) holds(w Window) bool {
	next, ok := c.Next(w.Start)
	return !ok || !w.End.After(next)
}

// copyOver brings a slice that another sink holds to the sinks of a piece. The
// rows are decoded, encoded anew and counted again.
func (s *state) copyOver(ctx context.Context, p piece) error {
	t := newTee(s, p)
	defer t.abort()
	for _, pieces := range together(p.copied) {
		if err := t.copyOne(ctx, pieces); err != nil {
			return t.end(fmt.Errorf("copy from %s: %w", p.from.Address, err))
		}
	}
	s.step("read")
	return t.bringToEnd(ctx)
}

// stillThere returns nil if the source still has the rows of a slice that were to
// be copied and do not come back as they were; cause says why.
func (s *state) stillThere(ctx context.Context, p piece, cause error) error {
	counter, ok := p.export.Source.(Counter)
	if !ok {
		return cause
	}
	var n int64
	err := s.retry(ctx, p.Slice, func() (err error) {
		n, err = counter.Count(ctx, p.Slice)
		return err
	})
	if held := (Held{Objects: p.copied}).Rows(); err == nil && n < held {
		err = fmt.Errorf("the source has %d rows by now and %s holds %d, so they can be had in no other way", n, p.from.Address, held)
	}
	if err != nil {
		return fmt.Errorf("%w; %w", cause, err)
	}
	return nil
}

// together puts the pieces of slices together, in order.
func together(receipts []Receipt) (all [][]Receipt) {
	at := make(map[readKey]int)
	for _, r := range receipts {
		k := readKey{sliceKey{r.Window, r.Part}, r.Cut}
		if i, ok := at[k]; ok && r.Pieces > 0 {
			all[i] = append(all[i], r)
			continue
		}
		at[k] = len(all)
		all = append(all, []Receipt{r})
	}
	for _, pieces := range all {
		slices.SortFunc(pieces, func(a, b Receipt) int { return a.Piece - b.Piece })
	}
	return all
}

// readKey is what was read at once.
type readKey struct {
	sliceKey
	Cut
}

// copyOne copies what was read at once. Its pieces are cut anew.
func (t *tee) copyOne(ctx context.Context, pieces []Receipt) error {
	r := pieces[0]
	if r.Pieces > 0 && !CompletePieces(pieces) {
		return fmt.Errorf("%s is one of %d pieces, and not all of them are there", r.Key, r.Pieces)
	}
	sl := t.piece.Slice
	sl.Window, sl.Part, sl.Cut, sl.Query.Fingerprint = r.Window, r.Part, r.Cut, r.Fingerprint
	if r.Key == "" {
		for _, o := range t.live() {
			f := &file{File: File{Slice: sl, Ends: r.Ends}, done: true}
			f.receipt = f.File.empty()
			f.receipt.Input, f.receipt.Final, f.receipt.Received = r.Input, r.Final, r.Received
			o.files = append(o.files, f)
		}
		return nil
	}
	t.mu.Lock()
	columns, ok := t.schemas[r.Schema]
	t.mu.Unlock()
	if !ok {
		return fmt.Errorf("the ledger has no schema %s", r.Schema)
	}
	rows := Held{Objects: pieces}.Rows()
	err := t.readFrom(ctx, sl, r.Input, func(emit func(arrow.Record) error) (Reading, error) {
		t.ends = r.Ends
		reading := Reading{Received: max(r.Received, rows), Size: r.Size}
		for _, one := range pieces {
			if err := t.piece.from.Sink.(Reader).ReadBack(ctx, one, columns, emit); err != nil {
				return reading, err
			}
		}
		return reading, nil
	})
	if err == nil && t.read1 != rows {
		err = fmt.Errorf("%w: %s gave %d rows of %d", ErrMismatch, r.Key, t.read1, rows)
	}
	return err
}
