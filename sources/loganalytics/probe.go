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

// probe adds the rows of one table, by the start of their bin.
func (s *Source) probe(ctx context.Context, q pipeline.Query, t shadow, w pipeline.Window, step time.Duration, cut pipeline.Cut, counts map[pipeline.Tick]pipeline.Bin) error {
	text := fmt.Sprintf("%s%s | summarize Rows = count(), Bytes = sum(estimate_data_size(*)) by Start = bin(%s, %s)",
		columnName(t.name), filter(t.column, w, cut), columnName(t.column), spanLiteral(step))
	return s.Query(ctx, text, around(q, w), func(rec arrow.Record) error {
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

// around returns the window for the service's own filter when a table is
// counted, or none where rows of the window may lie anywhere.
func around(q pipeline.Query, w pipeline.Window) string {
	switch {
	case timeColumn(q) == serviceColumn:
		return wider(w)
	case q.TimeSlack > 0:
		return wider(pipeline.Window{Start: w.Start.Add(-q.TimeSlack), End: w.End.Add(q.TimeSlack)})
	}
	return ""
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
