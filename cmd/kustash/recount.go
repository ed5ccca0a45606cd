package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/pipeline"
)

// recount asks the workspaces how many rows the slices of the ledger have
// today, under the cut that each was read with, and compares.
func (c *checker) recount(ctx context.Context) error {
	type slice struct {
		query  string
		window pipeline.Window
		cut    pipeline.Cut
	}
	counted := make(map[slice]bool)
	for _, e := range c.exports() {
		for _, t := range e.Targets {
			for _, r := range c.history.Line(e.Query.Address, t.Identity).Done {
				one := slice{e.Query.Address, r.Window, r.Cut}
				if counted[one] || !c.sampled(r.Window.FileName()+e.Query.Address) {
					continue
				}
				counted[one] = true
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
	case r.Part != "":
		return nil // a part of an instant has no count of its own
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
	s := pipeline.Slice{Query: e.Query, Window: r.Window, Cut: r.Cut}
	s.Query.Text = strings.TrimRight(s.Query.Text, "; \t\r\n") + "\n| count"
	err = c.retry.Do(ctx, func() error {
		n = -1
		_, err := e.Source.Read(ctx, s, func(rec arrow.Record) error {
			counts, ok := rec.Column(0).(*array.Int64)
			if !ok || rec.NumCols() != 1 || rec.NumRows() > 1 {
				return fmt.Errorf("%w: the count is no number", pipeline.ErrQuery)
			}
			if counts.Len() == 1 {
				n = counts.Value(0)
			}
			return nil
		})
		return err
	}, c.tellRetry)
	if err == nil && n < 0 {
		err = errors.New("the answer has no count")
	}
	return n, err
}
