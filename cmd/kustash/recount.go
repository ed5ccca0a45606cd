package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/kustash/kustash/pipeline"
)

// recount asks the workspaces how many rows the slices of the ledger have
// today, under the cut that each was read with, and compares.
func (c *checker) recount(ctx context.Context) error {
	type slice struct {
		query  string
		window pipeline.Window
		part   string
		cut    pipeline.Cut
	}
	key := func(query string, r pipeline.Receipt) slice { return slice{query, r.Window, r.Part, r.Cut} }
	counted := make(map[slice]bool)
	for _, e := range c.exports() {
		for _, t := range e.Targets {
			done, err := c.history.Line(e.Query.Address, t.Identity).Done(ctx, pipeline.Forever())
			if err != nil {
				return err
			}
			rows := make(map[slice]int64) // of all pieces
			for _, r := range done {
				rows[key(e.Query.Address, r)] += r.Rows
			}
			for _, r := range done {
				one := key(e.Query.Address, r)
				if counted[one] || !c.sampled(r.Window.FileName()+e.Query.Address) {
					continue
				}
				counted[one] = true
				r.Rows = rows[one]
				if err := c.recountOne(ctx, e, t, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *checker) recountOne(ctx context.Context, e pipeline.Export, t pipeline.Target, r pipeline.Receipt) error {
	f := finding{Type: "recount", Sink: t.Address, Query: e.Query.Address, Key: r.Key}
	switch {
	case r.Fingerprint != e.Query.Fingerprint:
		f.Text = fmt.Sprintf("%v cannot be recounted: it was read with an earlier text of the query", r.Window)
		c.find(f)
		return nil
	}
	n, err := c.countRows(ctx, e, r)
	switch {
	case errors.Is(err, pipeline.ErrAccess), ctx.Err() != nil:
		return err
	case err != nil:
		f.Text = fmt.Sprintf("%v cannot be recounted: %v", r.Window, err)
	case n < r.Rows:
		f.Text = fmt.Sprintf("the workspace has %s rows of %v today, the archive %s: the others are past its retention, or were deleted", amount(n), r.Window, amount(r.Rows))
	case n > r.Rows:
		f.Text = fmt.Sprintf("the workspace has %s rows of %v, the archive only %s", amount(n), r.Window, amount(r.Rows))
	default:
		c.recounted++
		return nil
	}
	c.find(f)
	return nil
}

// countRows counts what the query gives for a slice.
func (c *checker) countRows(ctx context.Context, e pipeline.Export, r pipeline.Receipt) (n int64, err error) {
	counter, ok := e.Source.(pipeline.Counter)
	if !ok {
		return 0, errors.New("its source cannot count")
	}
	err = c.retry.Do(ctx, func() error {
		n, err = counter.Count(ctx, pipeline.Slice{Query: e.Query, Window: r.Window, Part: r.Part, Cut: r.Cut})
		return err
	}, c.tellRetry)
	return n, err
}
