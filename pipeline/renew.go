package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errReplace says that late rows cannot be put beside those that are there: the
// slice has to be read again in full.
var errReplace = errors.New("the slice has to be read again in full")

// late looks at the rows that have come late to a slice, before they are
// published: with those that are there they have to be as many as the source
// counts by now. Anything else, such as a row that came out of turn, needs the
// slice to be read again in full. It reports done if no row has come.
func (s *state) late(ctx context.Context, p piece, t *tee) (done bool, err error) {
	counter, ok := p.export.Source.(Counter)
	if !ok {
		return false, errReplace
	}
	all := p.Slice
	all.Cut.From = time.Time{}
	want, err := counter.Count(ctx, all)
	switch {
	case err != nil:
		return false, fmt.Errorf("count the rows of a slice with late ones: %w", err)
	case p.held+t.rows != want:
		return false, errReplace
	case t.rows > 0:
		return false, nil
	}
	// What has come is not among the rows that the query returns.
	var entries []Entry
	for _, o := range t.live() {
		entries = append(entries, Entry{Kind: KindChecked, Query: p.Query.Address, Sink: o.Identity, Before: p.input,
			Receipt: &Receipt{Window: p.Window, Cut: Cut{To: p.Cut.To}, Input: p.input}})
		if p.export.overdue(p.Window, p.Cut.To) {
			entries = append(entries, Entry{Kind: KindChecked, Query: p.Query.Address, Sink: o.Identity,
				Receipt: &Receipt{Window: p.Window, Cut: Cut{To: p.Cut.To}, Final: true}})
		}
	}
	s.count(func(sum *Summary) { sum.Done++ })
	return true, s.record(entries...)
}

// renew reads a window that the sinks of a piece hold again in full. What is
// read counts together and takes over from what is there in one step, or not at
// all: until then the old objects count.
func (s *state) renew(ctx context.Context, p piece) error {
	if p.export.counts() && !p.input.Known {
		s.measure(ctx, &p)
	}
	t := newTee(s, p)
	defer t.abort()
	waiting := p.folders()
	for len(waiting) > 0 {
		sl := waiting[0]
		waiting = waiting[1:]
		err := s.retry(ctx, sl, func() error { return t.read(ctx, sl, s.share(ctx, p, sl)) })
		if errors.Is(err, ErrTooLarge) {
			var smaller []Slice
			if smaller, err = t.cutSmaller(ctx, sl, err); err == nil {
				waiting = append(smaller, waiting...)
			}
		}
		if err != nil {
			return t.end(err)
		}
	}
	s.step("read")
	if err := t.fewer(); err != nil {
		return err
	}
	return t.bringToEnd(ctx)
}

// share returns what the probe counts in a slice of a piece.
func (s *state) share(ctx context.Context, p piece, sl Slice) Amount {
	one := p
	one.Slice = sl
	if sl.Window != p.Window {
		one.input = Amount{}
		s.weigh(ctx, &one)
	}
	return one.input
}

// folders cuts the window of a piece at the bounds of its sinks' folders.
func (p piece) folders() []Slice {
	calendars := make(map[Calendar]bool)
	for _, t := range p.targets {
		calendars[t.Calendar] = true
	}
	var all []Slice
	for w := p.Window; !w.Empty(); {
		one := p.Slice
		one.Window, one.Cut.From = nextFolder(w, calendars), time.Time{}
		all = append(all, one)
		w.Start = one.Window.End
	}
	return all
}

// cutSmaller cuts a slice of a renewal that is too large, or, where it is one
// instant, reads its parts.
func (t *tee) cutSmaller(ctx context.Context, sl Slice, cause error) ([]Slice, error) {
	span := t.piece.export.Span
	if !span.Whole {
		if pieces := sl.Split(shares(cause), span.Atom); pieces != nil {
			return pieces, nil
		}
	}
	counter, err := t.piece.export.countable(cause)
	if err != nil {
		return nil, err
	}
	return nil, t.crowd(ctx, sl, counter, t.share(ctx, t.piece, sl))
}

// fewer returns an error if the source has fewer rows by now than a sink holds
// of the window, though the query is the same: then what is held is the better
// record, and a person has to decide.
func (t *tee) fewer() error {
	if t.piece.why == WhyLost {
		return nil // what is held is not whole
	}
	for _, o := range t.live() {
		old := Held{t.piece.Window, t.piece.old[o.Identity]}
		had, has := old.Rows(), t.rows
		if in := old.Input(); in.Known && t.piece.input.Known {
			had, has = in.Rows, t.piece.input.Rows // a query may well return less of more
		}
		if old.ReadBy(t.piece.Query.Fingerprint) && has < had {
			return fmt.Errorf("%w: the source has %d rows by now, %s was read from %d; to take the fewer ones all the same, forget the slice with \"kustash state rm '%s@%s/%s'\" and move its files away",
				ErrShrunk, has, o.Address, had, t.piece.Query.Address, ShortTime(t.piece.Window.Start), ShortTime(t.piece.Window.End))
		}
	}
	return nil
}

// ErrShrunk says that a slice was read again and had fewer rows than before. It
// stays as it was.
var ErrShrunk = errors.New("rows are gone, so nothing is replaced")

// swapID names the replacement of a piece; "" if it is none. A slice is in one
// replacement at a time, and its cuts differ.
func (p piece) swapID() string {
	if !p.swap {
		return ""
	}
	return p.Window.FileName() + "-" + fileTime(p.Cut.To)
}

// current returns the entry with which the files of a sink take over.
func (t *tee) current(o *out) Entry {
	e := Entry{Kind: KindCurrent, Query: t.piece.Query.Address, Sink: o.Identity, Kept: o.Keep,
		Receipt:   &Receipt{Window: t.piece.Window, Cut: Cut{To: t.piece.Cut.To}, Swap: t.piece.swapID()},
		StepsDown: Held{Objects: t.piece.old[o.Identity]}.Keys()}
	for _, f := range o.files {
		if f.receipt.Key == "" {
			e.Empty = append(e.Empty, f.receipt)
			continue
		}
		e.Takes = append(e.Takes, f.receipt.Key)
	}
	return e
}

// clear deletes what has stepped down. What stays is deleted by the next run.
func (t *tee) clear(ctx context.Context, o *out) {
	if o.Keep {
		return
	}
	entries, err := t.discard(ctx, t.piece.Query.Address, o.Target, t.piece.old[o.Identity])
	if len(entries) > 0 {
		err = errors.Join(err, t.record(entries...))
	}
	t.step("removed")
	if err != nil {
		t.report(t.piece, o.Identity, err)
	}
}

// discard deletes objects that have stepped down, and returns the entries that
// say so.
func (r *Runner) discard(ctx context.Context, query string, t Target, past []Receipt) (entries []Entry, err error) {
	remover, ok := t.Sink.(Remover)
	if !ok || !remover.Removes() {
		return nil, nil
	}
	for _, old := range past {
		if old.Key == "" {
			continue
		}
		if held := r.Ledger.Held(); held != nil {
			return entries, errors.Join(err, held)
		}
		if dropErr := remover.Drop(ctx, old.Key); dropErr != nil && !errors.Is(dropErr, ErrMissing) {
			err = errors.Join(err, fmt.Errorf("delete %s, which others have taken over from, in %s: %w; the next apply tries again", old.Key, t.Address, dropErr))
			continue
		}
		entries = append(entries, Entry{Kind: KindRemoved, Query: query, Sink: t.Identity, Receipt: &Receipt{Key: old.Key, Window: old.Window}})
	}
	return entries, err
}
