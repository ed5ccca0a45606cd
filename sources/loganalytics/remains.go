package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
)

// oldestStep is how much data one question for the oldest row may read. The
// service calls a longer span excessive, and one of more than 90 days abusive
// (https://learn.microsoft.com/azure/azure-monitor/logs/query-optimization).
const oldestStep = 14 * 24 * time.Hour

// Oldest implements pipeline.Retainer: the oldest row of any table that the
// query reads, or for a Basic table the oldest that the service would return.
// Of a query that reads anything else, or places its slices itself, it says
// nothing.
func (s *Source) Oldest(ctx context.Context, q pipeline.Query, w pipeline.Window) (time.Time, error) {
	if q.Plan == pipeline.Basic {
		oldest := w.End.Add(time.Hour - basicReach) // the next hour is within reach for as long
		if oldest.Before(w.Start) {
			oldest = w.Start
		}
		return oldest, nil
	}
	tables, err := s.plainTables(ctx, q)
	var again *pipeline.RetryAfter
	if errors.As(err, &again) || ctx.Err() != nil {
		return time.Time{}, err
	}
	if err != nil || walk(newScript(q.Text)).bounds() == bothBounds {
		return time.Time{}, nil // whatever it is, the probe will say so
	}
	var oldest time.Time
	for _, t := range tables {
		found, err := s.oldest(ctx, q, t, w)
		if err != nil {
			return time.Time{}, fmt.Errorf("ask %s for its oldest row: %w", t.name, err)
		}
		if !found.IsZero() && (oldest.IsZero() || found.Before(oldest)) {
			oldest = found
			w.End = found // what is later does not matter
		}
	}
	return oldest, nil
}

// oldest finds the oldest row of one table in a window, or its start if there
// is an older one. Whether a stretch has any row costs the service next to
// nothing, so halves are asked for until one question can be about the rest.
func (s *Source) oldest(ctx context.Context, q pipeline.Query, t shadow, w pipeline.Window) (time.Time, error) {
	older, err := s.hasRow(ctx, q, t, pipeline.Window{Start: pipeline.Tick(0).Time(), End: w.Start})
	if err != nil || older {
		return w.Start, err
	}
	if some, err := s.hasRow(ctx, q, t, w); err != nil || !some {
		return time.Time{}, err
	}
	for w.End.Sub(w.Start) > oldestStep {
		halves := w.Divide(2, 0)
		some, err := s.hasRow(ctx, q, t, halves[0])
		if err != nil {
			return time.Time{}, err
		}
		if w = halves[1]; some {
			w = halves[0]
		}
	}
	var found time.Time
	text := fmt.Sprintf("%s%s | summarize Oldest = min(%s)", columnName(t.name), filter(t.column, w, pipeline.Cut{}), columnName(t.column))
	err = s.Query(ctx, text, around(q, w), func(rec arrow.Record) error {
		times, err := textColumn(rec, "Oldest")
		if err != nil || times.Len() == 0 || times.IsNull(0) {
			return err
		}
		tick, err := pipeline.ParseTime(times.Value(0))
		found = tick.Time()
		return err
	})
	if err == nil && found.IsZero() {
		err = again(0, errors.New("the oldest row has gone while it was looked for"))
	}
	return found, err
}

// hasRow reports whether a table has a row in a window.
func (s *Source) hasRow(ctx context.Context, q pipeline.Query, t shadow, w pipeline.Window) (bool, error) {
	some := false
	text := fmt.Sprintf("%s%s | take 1 | project %s", columnName(t.name), filter(t.column, w, pipeline.Cut{}), columnName(t.column))
	err := s.Query(ctx, text, around(q, w), func(rec arrow.Record) error {
		some = some || rec.NumRows() > 0
		return nil
	})
	return some, err
}

// Outside implements pipeline.Outsider: where slices are cut on another column
// than the one that the service filters by, rows may be out of its reach.
func (s *Source) Outside(ctx context.Context, q pipeline.Query, windows []pipeline.Window) error {
	if timeColumn(q) == serviceColumn || len(windows) == 0 {
		return nil
	}
	tables, err := s.plainTables(ctx, q)
	var again *pipeline.RetryAfter
	if errors.As(err, &again) || ctx.Err() != nil {
		return err
	}
	var problems []error
	for _, t := range tables {
		problem, err := s.outside(ctx, q, t, pipeline.Window{Start: windows[0].Start, End: windows[len(windows)-1].End})
		if err != nil {
			return fmt.Errorf("look for rows of %s that no slice reaches: %w", t.name, err)
		}
		if problem != nil {
			problems = append(problems, problem)
		}
	}
	return errors.Join(problems...)
}

// outside counts the rows of one table that no slice reaches, around a window.
func (s *Source) outside(ctx context.Context, q pipeline.Query, t shadow, w pipeline.Window) (problem, err error) {
	column := columnName(t.column)
	test := fmt.Sprintf("isnull(%s)", column)
	if slack := spanLiteral(q.TimeSlack); q.TimeSlack > 0 { // or else the service filters nothing
		test += fmt.Sprintf(" or %s < %s - %s or %s > %s + %s", column, serviceColumn, slack, column, serviceColumn, slack)
	}
	text := fmt.Sprintf("%s | where %s | summarize Rows = count(), Empty = countif(isnull(%s))", columnName(t.name), test, column)
	near := pipeline.Window{Start: w.Start.Add(-q.TimeSlack), End: w.End.Add(q.TimeSlack)}
	err = s.Query(ctx, text, wider(near), func(rec arrow.Record) error {
		rows, err := numberColumn(rec, "Rows")
		if err != nil {
			return err
		}
		empty, err := numberColumn(rec, "Empty")
		if err != nil || rec.NumRows() == 0 || rows(0) == 0 {
			return err
		}
		problem = fmt.Errorf("%d rows of %s in %v are in no slice: the %s of %d is empty, that of %d is further than time_slack (%v) from %s; "+
			"widen time_slack, or export them by a query on %s", rows(0), t.name, near, t.column, empty(0), rows(0)-empty(0), q.TimeSlack, serviceColumn, serviceColumn)
		return nil
	})
	return problem, err
}
