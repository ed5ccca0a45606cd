package kql

import (
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// in binds in, !in, in~, !in~, has_any and has_all. The list holds scalars,
// arrays, or one table whose first column counts.
func (b *binder) in(x *inExpr, e env) (*scalar, error) {
	l, err := b.scalar(x.x, e)
	if err != nil {
		return nil, err
	}
	fixed, varying, err := b.candidates(x.list, e)
	if err != nil {
		return nil, err
	}
	out := &scalar{typ: pipeline.Bool, needsRow: l.needsRow || len(varying) > 0}
	if strings.HasPrefix(x.op, "has") {
		out.eval = hasList(x.op == "has_all", l, fixed, varying)
		return fold(out), nil
	}
	negate, ignoreCase := strings.HasPrefix(x.op, "!"), strings.HasSuffix(x.op, "~")
	known := make(map[string]bool, len(fixed))
	for _, v := range fixed {
		known[memberKey(v, ignoreCase)] = true
	}
	out.eval = func(row []Value) (Value, error) {
		v, err := l.eval(row)
		if err != nil {
			return nil, err
		}
		if v == nil {
			return negate, nil
		}
		key := memberKey(v, ignoreCase)
		if known[key] {
			return !negate, nil
		}
		for _, s := range varying {
			w, err := s.eval(row)
			if err != nil {
				return nil, err
			}
			for _, w := range members(w) {
				if w != nil && memberKey(w, ignoreCase) == key {
					return !negate, nil
				}
			}
		}
		return negate, nil
	}
	return fold(out), nil
}

// members spreads an array; any other value is its only member.
func members(v Value) []Value {
	if list, ok := elements(v); ok {
		return list
	}
	return []Value{v}
}

// memberKey is equal for values that == calls equal.
func memberKey(v Value, ignoreCase bool) string {
	v = plain(v)
	if ignoreCase {
		if s, ok := v.(string); ok {
			v = strings.ToLower(s)
		}
	}
	if f, ok := v.(float64); ok {
		if n, ok := longOf(f).(int64); ok && float64(n) == f {
			v = n
		}
	}
	return string(appendKey(nil, v))
}

// candidates splits a list into constants and what depends on the row.
func (b *binder) candidates(list []expr, e env) (fixed []Value, varying []*scalar, err error) {
	for _, x := range list {
		if b.tabular(x, e.scope) && !isColumn(x, e.columns) {
			rows, err := b.column(x, e)
			if err != nil {
				return nil, nil, err
			}
			fixed = append(fixed, rows...)
			continue
		}
		s, err := b.scalar(x, e)
		switch {
		case err != nil:
			return nil, nil, err
		case s.constant:
			fixed = append(fixed, members(s.value)...)
		default:
			varying = append(varying, s)
		}
	}
	return fixed, varying, nil
}

func isColumn(x expr, columns []Column) bool {
	name, ok := x.(*nameExpr)
	return ok && columnIndex(columns, name.id) >= 0
}

// column returns the non-null values of the first column of a table.
func (b *binder) column(x expr, e env) ([]Value, error) {
	r, err := b.relation(x, e)
	if err != nil {
		return nil, err
	}
	keep := visible(r.columns)
	if len(keep) == 0 {
		return nil, nil
	}
	rows, err := r.rows()
	if err != nil {
		return nil, err
	}
	var values []Value
	for _, row := range rows {
		if v := row[keep[0]]; v != nil {
			values = append(values, members(v)...)
		}
	}
	return values, nil
}

func hasList(all bool, l *scalar, fixed []Value, varying []*scalar) func([]Value) (Value, error) {
	terms := make([]string, len(fixed))
	for i, v := range fixed {
		terms[i] = strings.ToLower(text(v))
	}
	return func(row []Value) (Value, error) {
		v, err := l.eval(row)
		if err != nil {
			return nil, err
		}
		s := strings.ToLower(text(v))
		for _, t := range terms {
			if hasTerm(s, t, true, true) != all {
				return !all, nil
			}
		}
		for _, x := range varying {
			w, err := x.eval(row)
			if err != nil {
				return nil, err
			}
			for _, w := range members(w) {
				if hasTerm(s, strings.ToLower(text(w)), true, true) != all {
					return !all, nil
				}
			}
		}
		return all, nil
	}
}
