package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/pipeline"
)

// Now implements pipeline.Clock.
func (s *Source) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := s.Query(ctx, "print now()", "", func(rec arrow.Record) error {
		if rec.NumCols() != 1 || rec.NumRows() != 1 {
			return fmt.Errorf("the service's time came as %d rows of %d columns", rec.NumRows(), rec.NumCols())
		}
		times, ok := rec.Column(0).(*array.String)
		if !ok || times.IsNull(0) {
			return errors.New("the service's time is not a time")
		}
		tick, err := pipeline.ParseTime(times.Value(0))
		now = tick.Time()
		return err
	})
	if err == nil && now.IsZero() {
		err = errors.New("the service did not tell its time")
	}
	return now, err
}

// Probe implements pipeline.Prober. It counts the tables that the text names;
// a query that reads anything else cannot be estimated, nor one of a table
// whose every query is billed.
func (s *Source) Probe(ctx context.Context, q pipeline.Query, w pipeline.Window, step time.Duration, cut pipeline.Cut) ([]pipeline.Bin, error) {
	if step <= 0 || step%pipeline.TickSize != 0 {
		return nil, fmt.Errorf("a step of %v is not a number of 100 ns ticks", step)
	}
	tables, err := s.plainTables(ctx, q)
	if err != nil {
		return nil, err
	}
	counts := make(map[pipeline.Tick]pipeline.Bin)
	for _, t := range tables {
		if err := s.probe(ctx, q, t, w, step, cut, counts); err != nil {
			return nil, fmt.Errorf("count %s: %w", t.name, err)
		}
	}
	return inWindow(counts, w), nil
}

// errNotPlain says that a query reads more than plain tables.
var errNotPlain = errors.New("the query reads more than plain tables, so its size cannot be estimated")

// plainTables returns the tables that a query reads, if it reads nothing else,
// with the columns that their slices are cut on.
func (s *Source) plainTables(ctx context.Context, q pipeline.Query) ([]shadow, error) {
	script := newScript(q.Text)
	if p, ok := script.broken(); ok {
		return nil, fmt.Errorf("%w: %s", pipeline.ErrQuery, p.Summary)
	}
	if q.Plan != pipeline.Analytics {
		return nil, fmt.Errorf("every query of a table with the plan %q is billed, so it is not counted beforehand", q.Plan)
	}
	known, err := s.knownTables(ctx)
	if err != nil {
		return nil, err
	}
	w := walkBy(script, q.TimeColumn)
	names := w.tables()
	if len(names) == 0 || len(w.unfiltered(nil)) > 0 {
		return nil, errNotPlain
	}
	shadows, err := w.shadows(known)
	if err != nil {
		return nil, err
	}
	var all []shadow
	for _, name := range names {
		i := slices.IndexFunc(shadows, func(t shadow) bool { return t.name == name })
		switch {
		case i >= 0:
			all = append(all, shadows[i])
		case known != nil && known.functions[name]:
			return nil, errNotPlain
		default: // the service alone can say that there is no such table
			all = append(all, shadow{name, w.column})
		}
	}
	return all, nil
}

func timeColumn(q pipeline.Query) string {
	if q.TimeColumn == "" {
		return serviceColumn
	}
	return q.TimeColumn
}

// Oldest implements pipeline.Retainer: the oldest row of any table that the
// query reads, or for a Basic table the oldest that the service would return.
// Of a query that reads anything else it says nothing.
func (s *Source) Oldest(ctx context.Context, q pipeline.Query) (time.Time, error) {
	if q.Plan == pipeline.Basic {
		now, err := s.Now(ctx)
		return now.Add(time.Hour - basicReach), err // the next hour is within reach for as long
	}
	tables, err := s.plainTables(ctx, q)
	var again *pipeline.RetryAfter
	if errors.As(err, &again) || ctx.Err() != nil {
		return time.Time{}, err
	}
	if err != nil {
		return time.Time{}, nil // whatever it is, the probe will say so
	}
	var oldest pipeline.Tick
	for _, t := range tables {
		text := fmt.Sprintf("%s | summarize Oldest = min(%s)", columnName(t.name), columnName(t.column))
		err := s.Query(ctx, text, "", func(rec arrow.Record) error {
			times, err := textColumn(rec, "Oldest")
			if err != nil || times.Len() == 0 || times.IsNull(0) {
				return err
			}
			if kind, _ := rec.Schema().Field(0).Metadata.GetValue(pipeline.TypeKey); kind != string(pipeline.Datetime) {
				return nil // no window cuts this column, so the author does
			}
			tick, err := pipeline.ParseTime(times.Value(0))
			if oldest == 0 || tick < oldest {
				oldest = tick
			}
			return err
		})
		if err != nil {
			return time.Time{}, fmt.Errorf("ask %s for its oldest row: %w", t.name, err)
		}
	}
	if oldest == 0 {
		return time.Time{}, nil
	}
	return oldest.Time(), nil
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
	around := pipeline.Window{Start: w.Start.Add(-q.TimeSlack), End: w.End.Add(q.TimeSlack)}
	err = s.Query(ctx, text, wider(around), func(rec arrow.Record) error {
		rows, err := numberColumn(rec, "Rows")
		if err != nil {
			return err
		}
		empty, err := numberColumn(rec, "Empty")
		if err != nil || rec.NumRows() == 0 || rows(0) == 0 {
			return err
		}
		problem = fmt.Errorf("%d rows of %s in %v are in no slice: the %s of %d is empty, that of %d is further than time_slack (%v) from %s; "+
			"widen time_slack, or export them by a query on %s", rows(0), t.name, around, t.column, empty(0), rows(0)-empty(0), q.TimeSlack, serviceColumn, serviceColumn)
		return nil
	})
	return problem, err
}

// probe adds the rows of one table, by the start of their bin.
func (s *Source) probe(ctx context.Context, q pipeline.Query, t shadow, w pipeline.Window, step time.Duration, cut pipeline.Cut, counts map[pipeline.Tick]pipeline.Bin) error {
	text := fmt.Sprintf("%s%s | summarize Rows = count(), Bytes = sum(estimate_data_size(*)) by Start = bin(%s, %s)",
		columnName(t.name), filter(t.column, w, cut), columnName(t.column), spanLiteral(step))
	timespan := ""
	switch {
	case timeColumn(q) == serviceColumn:
		timespan = wider(w)
	case q.TimeSlack > 0:
		timespan = wider(pipeline.Window{Start: w.Start.Add(-q.TimeSlack), End: w.End.Add(q.TimeSlack)})
	}
	return s.Query(ctx, text, timespan, func(rec arrow.Record) error {
		starts, err := textColumn(rec, "Start")
		if err != nil {
			return err
		}
		rows, err := numberColumn(rec, "Rows")
		if err != nil {
			return err
		}
		bytes, err := numberColumn(rec, "Bytes")
		if err != nil {
			return err
		}
		for i := range int(rec.NumRows()) {
			if starts.IsNull(i) {
				continue
			}
			tick, err := pipeline.ParseTime(starts.Value(i))
			if err != nil {
				return err
			}
			bin := counts[tick]
			bin.Window = pipeline.Window{Start: tick.Time(), End: tick.Time().Add(step)}
			bin.Rows += rows(i)
			bin.Bytes += bytes(i)
			counts[tick] = bin
		}
		return nil
	})
}

// inWindow returns the bins in order, cut off at the ends of w.
func inWindow(counts map[pipeline.Tick]pipeline.Bin, w pipeline.Window) []pipeline.Bin {
	bins := make([]pipeline.Bin, 0, len(counts))
	for _, b := range counts {
		if b.Window = b.Window.Intersect(w); !b.Window.Empty() {
			bins = append(bins, b)
		}
	}
	sort.Slice(bins, func(i, j int) bool { return bins[i].Window.Start.Before(bins[j].Window.Start) })
	return bins
}

// spanLiteral writes a duration of whole ticks in the largest unit that is
// exact.
func spanLiteral(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if d%unit.size == 0 {
			return fmt.Sprintf("%d%s", d/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%dtick", d/pipeline.TickSize)
}

func columnOf(rec arrow.Record, name string) (arrow.Array, error) {
	at := rec.Schema().FieldIndices(name)
	if len(at) != 1 {
		return nil, fmt.Errorf("the answer to a count has no column %s", name)
	}
	return rec.Column(at[0]), nil
}

func textColumn(rec arrow.Record, name string) (*array.String, error) {
	c, err := columnOf(rec, name)
	if err != nil {
		return nil, err
	}
	text, ok := c.(*array.String)
	if !ok {
		return nil, fmt.Errorf("column %s of a count is %v", name, c.DataType())
	}
	return text, nil
}

// numberColumn returns a function that reads a row; null is 0.
func numberColumn(rec arrow.Record, name string) (func(int) int64, error) {
	c, err := columnOf(rec, name)
	if err != nil {
		return nil, err
	}
	switch c := c.(type) {
	case *array.Int64:
		return func(i int) int64 {
			if c.IsNull(i) {
				return 0
			}
			return c.Value(i)
		}, nil
	case *array.Int32:
		return func(i int) int64 {
			if c.IsNull(i) {
				return 0
			}
			return int64(c.Value(i))
		}, nil
	case *array.Float64:
		return func(i int) int64 {
			if c.IsNull(i) {
				return 0
			}
			return int64(c.Value(i))
		}, nil
	}
	return nil, fmt.Errorf("column %s of a count is %v", name, c.DataType())
}
