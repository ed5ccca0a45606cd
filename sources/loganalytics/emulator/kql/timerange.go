package kql

import "github.com/kustash/kustash/pipeline"

// SearchRules are those of the search route, for tables of the Basic and
// Auxiliary plans: no join, find, search, externaldata or user functions, no
// reference to another resource, and another rule of time (Microsoft's page on
// querying Basic and Auxiliary tables).
//
// What the query itself says about a table's time column, in the where
// operators that follow the table directly, does not cut rows as usual.
type SearchRules struct {
	// Union reads the rows of either range, the request's and the query's, as the
	// page of 2025 says. Otherwise only the request's counts, as that of 2024
	// says.
	Union bool
}

func (b *binder) notOnSearch(what string) error {
	return semanticError(codeOther, "'%s' is not supported for Basic and Auxiliary tables", what)
}

// span is what a query on the search route says about a time: ticks, both ends
// included.
type span struct {
	low, high pipeline.Tick
	said      bool
}

func (s *span) meet(low, high pipeline.Tick) {
	if !s.said {
		s.low, s.high, s.said = 0, pipeline.MaxTick, true
	}
	s.low, s.high = max(s.low, low), min(s.high, high)
}

// read makes the rows of a table that lie in the range of the request.
func (b *binder) read(t *Table) *relation {
	r := &relation{name: t.Name, columns: t.Columns}
	at := columnIndex(t.Columns, TimeColumn(t.Columns))
	if at >= 0 && b.search != nil {
		r.span = &span{}
	}
	if at < 0 || b.interval == nil && r.span == nil {
		r.rows = func() ([][]Value, error) {
			b.scanned += int64(len(t.Rows))
			return t.Rows, nil
		}
		return r
	}
	r.rows = once(func() ([][]Value, error) {
		var rows [][]Value
		for n, row := range t.Rows {
			if err := b.pulse(n); err != nil {
				return nil, err
			}
			when, ok := row[at].(pipeline.Tick)
			if ok && b.inRange(when, r.span) || !ok && b.interval == nil && !b.ownRange(r.span) {
				rows = append(rows, row)
			}
		}
		b.scanned += int64(len(rows))
		return rows, nil
	})
	return r
}

// inRange applies the rule of the route.
func (b *binder) inRange(when pipeline.Tick, s *span) bool {
	if s == nil {
		return b.interval.Contains(when)
	}
	switch {
	case b.interval != nil && b.interval.Contains(when):
		return true
	case b.ownRange(s):
		return when >= s.low && when <= s.high
	}
	return b.interval == nil
}

// ownRange reports whether the query's range counts.
func (b *binder) ownRange(s *span) bool { return b.search.Union && s.said }

// takeTimes moves the conditions on the table's time from a predicate to the
// span of the relation, and returns what is left of it: nil for nothing.
func (b *binder) takeTimes(x expr, e env, in *relation) expr {
	if and, ok := x.(*binaryExpr); ok && and.op == "and" {
		left, right := b.takeTimes(and.x, e, in), b.takeTimes(and.y, e, in)
		switch {
		case left == nil:
			return right
		case right == nil:
			return left
		}
		return &binaryExpr{op: "and", x: left, y: right}
	}
	name := TimeColumn(in.columns)
	switch v := x.(type) {
	case *betweenExpr:
		low, ok1 := b.instant(v.low, e)
		high, ok2 := b.instant(v.high, e)
		if isName(v.x, name) && ok1 && ok2 && !v.negate {
			in.span.meet(low, high)
			return nil
		}
	case *binaryExpr:
		op, column, bound := v.op, v.x, v.y
		if isName(v.y, name) {
			op, column, bound = mirrored[v.op], v.y, v.x
		}
		at, ok := b.instant(bound, e)
		if !ok || !isName(column, name) {
			return x
		}
		switch op {
		case ">":
			in.span.meet(at+1, pipeline.MaxTick)
		case ">=":
			in.span.meet(at, pipeline.MaxTick)
		case "<":
			in.span.meet(0, at-1)
		case "<=":
			in.span.meet(0, at)
		case "==":
			in.span.meet(at, at)
		default:
			return x
		}
		return nil
	}
	return x
}

var mirrored = map[string]string{">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "=="}

func isName(x expr, name string) bool {
	n, ok := x.(*nameExpr)
	return ok && n.id == name
}

// instant evaluates a bound that depends on no row.
func (b *binder) instant(x expr, e env) (pipeline.Tick, bool) {
	s, err := b.scalar(x, e.with(nil))
	if err != nil || !s.constant {
		return 0, false
	}
	at, ok := s.value.(pipeline.Tick)
	return at, ok
}
