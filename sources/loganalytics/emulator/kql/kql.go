package kql

import (
	"context"
	"strconv"

	"github.com/kustash/kustash/pipeline"
)

// Options are the circumstances of one evaluation.
type Options struct {
	// Now is what now() returns, unless the text says
	// "set query_now = datetime(...)".
	Now pipeline.Tick
	// Interval is the time range of the request, nil for all data.
	Interval *Interval
	// Search makes the rules those of the search route; nil is the query route.
	Search *SearchRules
}

// Interval is a time range that every read of a database table is cut to, on
// the column that TimeColumn names, in addition to what the query filters.
// Rows whose time is null are in no interval. Tables without such a column, and
// rows that the query makes itself (datatable, print, range), are not touched.
// Both ends belong to the interval unless they are marked as exclusive.
type Interval struct {
	Start, End                   pipeline.Tick
	StartExclusive, EndExclusive bool
}

// Contains tells whether the instant lies in the interval.
func (i *Interval) Contains(t pipeline.Tick) bool {
	return (t > i.Start || t == i.Start && !i.StartExclusive) && (t < i.End || t == i.End && !i.EndExclusive)
}

// Result is what a query answers.
type Result struct {
	// Tables holds one table for each tabular statement, in order. The first is
	// named PrimaryResult; getschema and "as" name theirs otherwise. No column
	// is hidden. Rows of an unordered query come in the order of the tables
	// read. Rows may be shared with the database: do not change them.
	Tables []*Table
	// MaxRecords is the value of "set truncationmaxrecords", 0 where not set.
	MaxRecords int64
	// Settings are all set statements, values as written without quotes.
	Settings map[string]string
	// Scanned is how many rows of tables lay in the interval, each read counted.
	Scanned int64
	// Missing says, for each leg that a fuzzy union went without, why.
	Missing []string
}

// Evaluate runs the query text over the database. A fault of the text is an
// *Error; any other error is that of ctx. It starts no goroutine, keeps nothing
// and may be called concurrently.
func Evaluate(ctx context.Context, text string, db Database, o Options) (*Result, error) {
	statements, err := parse(text)
	if err != nil {
		return nil, err
	}
	b := &binder{ctx: ctx, db: db, now: o.Now, interval: o.Interval, search: o.Search, settings: map[string]string{}}
	e := env{scope: newScope(nil)}
	result := &Result{Settings: b.settings}
	for _, s := range statements {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		query, ok := s.(*exprStatement)
		if !ok {
			if err := b.define(s, e); err != nil {
				return nil, err
			}
			continue
		}
		t, err := b.answer(query.value, e, len(result.Tables))
		if err != nil {
			return nil, err
		}
		result.Tables = append(result.Tables, t)
	}
	result.MaxRecords, result.Scanned, result.Missing = b.setting("truncationmaxrecords"), b.scanned, b.missing
	return result, nil
}

// setting returns a positive number that was set, or 0.
func (b *binder) setting(name string) int64 {
	n, err := strconv.ParseInt(b.settings[name], 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// primaryResult is the name of the first table of an answer; the names of
// further ones are not recorded.
const primaryResult = "PrimaryResult"

// answer evaluates one tabular statement and gives its rows the form of the
// result: visible columns only, each value of its column's type.
func (b *binder) answer(x expr, e env, index int) (*Table, error) {
	in, err := b.relation(x, e)
	if err != nil {
		return nil, err
	}
	rows, err := in.rows()
	if err != nil {
		return nil, err
	}
	// This setting takes rows away without a word (documented).
	if most := b.setting("query_take_max_records"); most > 0 && int64(len(rows)) > most {
		rows = rows[:most]
	}
	out := &Table{Name: in.resultName}
	if out.Name == "" {
		out.Name = primaryResult
		if index > 0 {
			out.Name = "Table_" + strconv.Itoa(index)
		}
	}
	keep := visible(in.columns)
	for _, i := range keep {
		out.Columns = append(out.Columns, Column{Name: in.columns[i].Name, Type: in.columns[i].Type})
	}
	out.Rows = make([][]Value, len(rows))
	for n, row := range rows {
		if err := b.pulse(n); err != nil {
			return nil, err
		}
		out.Rows[n] = finish(row, out.Columns, keep)
	}
	return out, nil
}

// finish shares the row where nothing has to change in it.
func finish(row []Value, columns []Column, keep []int) []Value {
	shared := true
	for to, from := range keep {
		if to != from || !fits(row[from], columns[to].Type) {
			shared = false
			break
		}
	}
	if shared {
		return row[:len(keep):len(keep)]
	}
	out := make([]Value, len(keep))
	for to, from := range keep {
		out[to] = conform(row[from], columns[to].Type)
	}
	return out
}

func fits(v Value, typ pipeline.Type) bool {
	if v == nil {
		return typ != pipeline.String
	}
	return typeOf(v) == typ
}
