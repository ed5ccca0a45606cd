package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
)

// Tables implements pipeline.Catalog.
func (s *Source) Tables(ctx context.Context) ([]pipeline.Table, error) {
	c, err := s.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return c.list(), nil
}

// Filled implements pipeline.Catalog. The service stops at the first row of
// each table, so a long window costs no more than a short one.
func (s *Source) Filled(ctx context.Context, tables []pipeline.Table, w pipeline.Window) ([]string, error) {
	text := legs(tables, func(t pipeline.Table) string {
		return filter(t.TimeColumn, w, pipeline.Cut{}) + " | take 1 | project"
	})
	var filled []string
	err := s.numbered(ctx, text, s.ownTime(ctx, tables, w), tables, func(t pipeline.Table, _ func(string) (int64, error)) error {
		filled = append(filled, t.Name)
		return nil
	})
	return filled, err
}

// ownTime returns the window for the service's own filter, which works on each
// table's own column: none if a table is to be cut on another.
func (s *Source) ownTime(ctx context.Context, tables []pipeline.Table, w pipeline.Window) string {
	known, err := s.catalog(ctx)
	for _, t := range tables {
		if err != nil || known.tables[t.Name] == nil || known.tables[t.Name].TimeColumn != t.TimeColumn {
			return ""
		}
	}
	return wider(w)
}

// legs returns a union of the tables. Each leg ends with the number of its
// table in a column of its own: a number needs no quoting.
func legs(tables []pipeline.Table, operators func(pipeline.Table) string) string {
	var all []string
	for i, t := range tables {
		all = append(all, fmt.Sprintf("(%s%s %s = %d)", t.Text, operators(t), numberName, i))
	}
	if len(all) == 1 {
		return all[0]
	}
	return "union\n" + strings.Join(all, ",\n")
}

const numberName = "Table_"

// numbered hands the rows of legs to row, with the table that each is of.
func (s *Source) numbered(ctx context.Context, text, timespan string, tables []pipeline.Table,
	row func(t pipeline.Table, value func(column string) (int64, error)) error) error {
	return s.Query(ctx, text, timespan, func(rec arrow.Record) error {
		number, err := numberColumn(rec, numberName)
		if err != nil {
			return err
		}
		for i := range int(rec.NumRows()) {
			n := number(i)
			if n < 0 || n >= int64(len(tables)) {
				return fmt.Errorf("the answer is of table %d of %d", n, len(tables))
			}
			err := row(tables[n], func(column string) (int64, error) {
				of, err := numberColumn(rec, column)
				if err != nil {
					return 0, err
				}
				return of(i), nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Volume is how much a table received lately. What is not known is -1.
type Volume struct {
	DayRows, MonthRows   int64 // of the last 24 hours and 30 days
	DayBytes, MonthBytes int64
}

// The two spans of a Volume.
const (
	day   = 24 * time.Hour
	month = 30 * day
)

// usageTable holds what the service bills by table and hour, in megabytes
// (https://learn.microsoft.com/azure/azure-monitor/reference/tables/usage).
const usageTable = "Usage"

// Volumes returns the rows of the tables up to now, by name. The tables are as
// for Filled. With estimate the service estimates their bytes as well, for
// which it reads every column; Usage knows them better.
func (s *Source) Volumes(ctx context.Context, tables []pipeline.Table, now time.Time, estimate bool) (map[string]Volume, error) {
	w := pipeline.Window{Start: now.Add(-month), End: now}
	text := legs(tables, func(t pipeline.Table) string {
		lately := columnName(t.TimeColumn) + " >= " + literal(now.Add(-day))
		sums := "MonthRows = count(), DayRows = countif(" + lately + ")"
		if estimate {
			sums += ", MonthBytes = sum(estimate_data_size(*)), DayBytes = sumif(estimate_data_size(*), " + lately + ")"
		}
		return filter(t.TimeColumn, w, pipeline.Cut{}) + " | summarize " + sums + " | extend"
	})
	volumes := make(map[string]Volume)
	err := s.numbered(ctx, text, wider(w), tables, func(t pipeline.Table, value func(string) (int64, error)) error {
		v := Volume{DayBytes: -1, MonthBytes: -1}
		fields := map[string]*int64{"DayRows": &v.DayRows, "MonthRows": &v.MonthRows}
		if estimate {
			fields["DayBytes"], fields["MonthBytes"] = &v.DayBytes, &v.MonthBytes
		}
		for name, into := range fields {
			var err error
			if *into, err = value(name); err != nil {
				return err
			}
		}
		volumes[t.Name] = v
		return nil
	})
	return volumes, err
}

// Usage returns the billed bytes of each table up to now, by name; ok is false
// if the workspace does not tell them.
func (s *Source) Usage(ctx context.Context, now time.Time) (bytes map[string]Volume, ok bool, err error) {
	c, err := s.catalog(ctx)
	if err != nil || c.tables[usageTable] == nil {
		return nil, false, err
	}
	w := pipeline.Window{Start: now.Add(-month), End: now}
	const megabyte = "1000000.0"
	text := usageTable + filter(serviceColumn, w, pipeline.Cut{}) +
		" | summarize MonthBytes = tolong(sum(Quantity) * " + megabyte + "), DayBytes = tolong(sumif(Quantity, " + serviceColumn + " >= " + literal(now.Add(-day)) + ") * " + megabyte + ") by DataType"
	bytes = make(map[string]Volume)
	err = s.Query(ctx, text, wider(w), func(rec arrow.Record) error {
		names, err := textColumn(rec, "DataType")
		if err != nil {
			return err
		}
		dayBytes, err := numberColumn(rec, "DayBytes")
		if err != nil {
			return err
		}
		monthBytes, err := numberColumn(rec, "MonthBytes")
		if err != nil {
			return err
		}
		for i := range int(rec.NumRows()) {
			bytes[names.Value(i)] = Volume{DayRows: -1, MonthRows: -1, DayBytes: dayBytes(i), MonthBytes: monthBytes(i)}
		}
		return nil
	})
	return bytes, err == nil, err
}

// Reads returns the names that the text of q reads rows from: tables, and
// saved functions among them.
func (s *Source) Reads(q pipeline.Query) []string {
	names, _ := namesOf(q.Text)
	return names
}

// unknownName is the code of a name that the service does not know
// (https://learn.microsoft.com/azure/azure-monitor/logs/api/errors).
const unknownName = "SEM0100"

// Missing implements pipeline.Catalog. The service is asked for each name that
// the catalog lacks: it alone knows.
func (s *Source) Missing(ctx context.Context, q pipeline.Query) ([]string, error) {
	known, err := s.knownTables(ctx)
	if err != nil {
		return nil, err
	}
	script := newScript(q.Text)
	if _, ok := script.broken(); ok {
		return nil, nil
	}
	var missing []string
	for _, name := range walk(script).tables() {
		if known != nil && known.has(name) {
			continue
		}
		one := newQuestion(columnName(name)+" | take 0", "")
		one.path = routeOf(q)
		if one.path == searchRoute {
			one.timespan = "PT1S"
		}
		_, err := s.ask(ctx, one, func(arrow.Record) error { return nil })
		switch {
		case err == nil:
		case errors.Is(err, pipeline.ErrQuery) && strings.Contains(err.Error(), unknownName):
			missing = append(missing, name)
		default:
			return nil, fmt.Errorf("look for table %s: %w", name, err)
		}
	}
	return missing, nil
}
