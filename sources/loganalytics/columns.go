package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
)

// Columns implements pipeline.Describer. The query runs as Read runs it, over
// one second, and returns none of its rows. Which columns an operator evaluate
// makes of rows cannot be told without them; where a saved function has one,
// this is not seen.
func (s *Source) Columns(ctx context.Context, q pipeline.Query) (pipeline.Schema, error) {
	r, err := s.columnsText(ctx, q, time.Now())
	if err != nil || r.text == "" {
		return nil, err
	}
	asked := newQuestion(r.text, r.timespan)
	asked.path = routeOf(q)
	asked.written, asked.author = q.Text, r.author
	var columns pipeline.Schema
	_, err = s.ask(ctx, asked, func(rec arrow.Record) (err error) {
		columns, err = pipeline.SchemaOf(rec.Schema())
		return err
	})
	if err == nil && columns == nil {
		err = errors.New("the answer names no column")
	}
	if err != nil {
		return nil, err
	}
	return columns, nil
}

// columnsText rewrites a query as rewrite does, into one that returns the same
// columns and as few rows as can be; "" if the columns depend on the rows. The
// second is the last one: no plan of a table has to fetch that from afar, or
// bills more than next to nothing for it.
func (s *Source) columnsText(ctx context.Context, q pipeline.Query, now time.Time) (rewritten, error) {
	script := newScript(q.Text)
	if p, ok := script.broken(); ok {
		return rewritten{}, fmt.Errorf("%w: %s", pipeline.ErrQuery, p.Summary)
	}
	w := walkBy(script, q.TimeColumn)
	if w.evaluates() {
		return rewritten{}, nil
	}
	var known *catalog
	var err error
	if routeOf(q) != searchRoute {
		// On the other route it is not said that take is allowed for every plan,
		// and the rows of a second do no harm.
		if q.Text, err = w.with(" | take 0"); err != nil {
			return rewritten{}, err
		}
		if known, err = s.knownTables(ctx); err != nil {
			return rewritten{}, err
		}
	}
	at := pipeline.Window{Start: now.Add(-time.Second), End: now}
	r, err := rewrite(q, at, pipeline.Cut{}, "", known)
	r.timespan = wider(at) // whatever time_slack and reach are
	return r, err
}

// evaluates reports whether some operator is a plugin: most that can be used
// here make columns out of what is in the rows.
func (w *walker) evaluates() bool {
	for i := range w.tokens {
		if w.at(i) == "evaluate" && w.kind(i+1) == tokenName && (w.at(i+2) == "(" || w.at(i+2) == ".") {
			return true // a plugin, or a hint before it
		}
	}
	return false
}
