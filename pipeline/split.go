package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// split puts smaller pieces in the place of p. It reports false if p cannot be
// cut in time.
func (s *state) split(p piece, cause error) bool {
	if p.export.Span.Whole {
		return false
	}
	slices := p.Slice.Split(shares(cause), p.export.Span.Atom)
	if slices == nil {
		return false
	}
	s.tell(Event{Kind: SliceSplit, Query: p.Query.Address, Window: p.Window, Part: p.Part, Err: cause})
	s.count(func(sum *Summary) { sum.Split++ })
	pieces := make([]piece, len(slices))
	for i, slice := range slices {
		pieces[i] = p
		pieces[i].Slice, pieces[i].input = slice, Amount{}
	}
	s.queue.put(pieces...)
	return true
}

// shares returns into how many pieces a slice should be cut: so many that each
// is expected to fill half of an answer, if the source knows, or else two.
func shares(cause error) int64 {
	var large *TooLarge
	if errors.As(cause, &large) && large.Times > 1 {
		return int64(min(math.Ceil(2*large.Times), maxShares))
	}
	return 2
}

// maxShares bounds what one estimate can do.
const maxShares = 64

// unsplit brings a piece to its end that is too large and cannot be cut in
// time.
func (s *state) unsplit(ctx context.Context, p piece, cause error) error {
	counter, err := p.export.countable(cause)
	if err != nil {
		return err
	}
	s.tell(Event{Kind: SliceSplit, Query: p.Query.Address, Window: p.Window, Part: p.Part, Err: cause})
	s.count(func(sum *Summary) { sum.Split++ })
	s.weigh(ctx, &p)
	return s.retry(ctx, p.Slice, func() error {
		t := newTee(s, p)
		defer t.abort()
		if err := t.crowd(ctx, p.Slice, counter, p.input); err != nil {
			return t.end(err)
		}
		s.step("read")
		return t.bringToEnd(ctx)
	})
}

// countable returns what counts the hash parts of an instant, or why an answer
// that is too large cannot be read in such parts.
func (e *Export) countable(cause error) (Counter, error) {
	counter, counts := e.Source.(Counter)
	switch {
	case e.Span.Whole:
		return nil, fmt.Errorf("%w; the window is one piece (slice = \"none\"), so ask for fewer rows or columns, or a shorter window", cause)
	case e.Span.Atom > 0:
		return nil, fmt.Errorf("%w; the query aggregates by pieces of %v, which are never cut: aggregate by shorter bins, or by fewer columns", cause, e.Span.Atom)
	case !counts:
		return nil, fmt.Errorf("%w; all its rows carry one instant (100 ns), so cutting it in time cannot help: ask for fewer columns or rows", cause)
	}
	return counter, nil
}
