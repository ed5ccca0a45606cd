package kql

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

type (
	unionStep  struct{ unionExpr }
	searchStep struct{ searchExpr }
)

func (*unionStep) word() string  { return "union" }
func (*searchStep) word() string { return "search" }

func (s *unionStep) bind(b *binder, e env, in *relation) (*relation, error) {
	return b.union(&s.unionExpr, e, in)
}

func (s *searchStep) bind(b *binder, e env, in *relation) (*relation, error) {
	return b.searched(&s.searchExpr, e, in)
}

// union puts the rows of its legs one after the other.
func (b *binder) union(x *unionExpr, e env, first *relation) (*relation, error) {
	outer := b.operator
	defer func() { b.operator = outer }()
	b.operator = "union"
	var legs []*relation
	if first != nil {
		legs = append(legs, first)
	}
	effort, set := b.settings["best_effort"]
	fuzzy := x.fuzzy || set && effort != "false"
	for _, leg := range x.legs {
		found, err := b.leg(leg, e, fuzzy)
		var fault *Error
		if fuzzy && errors.As(err, &fault) && fault.Code == codeUnresolved && strings.Contains(fault.Message, "resolve table") {
			b.missing = append(b.missing, fault.Message)
			continue
		}
		if err != nil {
			return nil, err
		}
		legs = append(legs, found...)
	}
	if len(legs) == 0 {
		return nil, semanticError(codeUnresolved, "'union' operator: Failed to resolve table expression: none of the tables exists")
	}
	return b.joined(legs, x.inner, x.withSource)
}

// leg binds one entry, which is several tables if it is a pattern.
func (b *binder) leg(x expr, e env, fuzzy bool) ([]*relation, error) {
	w, ok := x.(*wildcard)
	if !ok {
		r, err := b.relation(x, e)
		return []*relation{r}, err
	}
	var found []*relation
	for _, name := range b.db.Tables() {
		if !matches(w.pattern, name) {
			continue
		}
		if t, ok := b.db.Table(name); ok {
			found = append(found, b.read(t))
		}
	}
	for _, name := range e.scope.views() {
		if matches(w.pattern, name) {
			r, err := b.named(name, e.scope)
			if err != nil {
				return nil, err
			}
			found = append(found, r)
		}
	}
	if len(found) == 0 && !fuzzy {
		return nil, semanticError(codeUnresolved, "'union' operator: Failed to resolve table expression named '%s'", w.pattern)
	}
	return found, nil
}

// views are the lets that a wildcard sees: those marked as view.
func (s *scope) views() []string {
	var names []string
	for at := s; at != nil; at = at.parent {
		for name, v := range at.names {
			if f, ok := v.(*function); ok && f.view && s.find(name) == v && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// unionColumn is a column of the result and where each leg has it, -1 for
// nowhere.
type unionColumn struct {
	Column
	from []int
}

// joined makes the union's relation. With one leg of the same columns rows are
// shared.
func (b *binder) joined(legs []*relation, inner bool, withSource string) (*relation, error) {
	columns := unionColumns(legs, inner)
	var result []Column
	if withSource != "" {
		result = append(result, Column{Name: withSource, Type: pipeline.String})
	}
	for _, c := range columns {
		result = append(result, c.Column)
	}
	names := make([]string, len(legs))
	for i, leg := range legs {
		if names[i] = leg.name; names[i] == "" {
			names[i] = fmt.Sprintf("union_arg%d", i)
		}
	}
	rows := func() ([][]Value, error) {
		var out [][]Value
		for i, leg := range legs {
			in, err := leg.rows()
			if err != nil {
				return nil, err
			}
			if err := b.produce(len(in)); err != nil {
				return nil, err
			}
			if withSource == "" && sameColumns(columns, i, len(leg.columns)) {
				out = append(out, in...)
				continue
			}
			for n, row := range in {
				if err := b.pulse(n); err != nil {
					return nil, err
				}
				out = append(out, unionRow(row, columns, i, withSource != "", names[i]))
			}
		}
		return out, nil
	}
	return &relation{columns: result, rows: rows}, nil
}

func sameColumns(columns []unionColumn, leg, width int) bool {
	for i, c := range columns {
		if c.from[leg] != i {
			return false
		}
	}
	return width == len(columns)
}

func unionRow(row []Value, columns []unionColumn, leg int, source bool, name string) []Value {
	out := make([]Value, 0, len(columns)+1)
	if source {
		out = append(out, name)
	}
	for _, c := range columns {
		if at := c.from[leg]; at >= 0 {
			out = append(out, row[at])
		} else {
			out = append(out, missing(c.Type))
		}
	}
	return out
}

// unionColumns lists name and type pairs in order of appearance. A name that
// comes with several types gets the type behind it (seen in recordings:
// Tags_string).
func unionColumns(legs []*relation, inner bool) []unionColumn {
	var list []unionColumn
	index := map[Column]int{}
	types := map[string]int{}
	for i, leg := range legs {
		for at, c := range leg.columns {
			id := Column{Name: c.Name, Type: c.Type}
			n, known := index[id]
			if !known {
				n = len(list)
				index[id] = n
				types[c.Name]++
				from := make([]int, len(legs))
				for j := range from {
					from[j] = -1
				}
				list = append(list, unionColumn{c, from})
			}
			list[n].from[i] = at
			list[n].Hidden = list[n].Hidden && c.Hidden
		}
	}
	if inner {
		list = slices.DeleteFunc(list, func(c unionColumn) bool { return slices.Contains(c.from, -1) })
	}
	taken := namer{}
	for _, c := range list {
		if inner || types[c.Name] == 1 {
			taken[c.Name] = true
		}
	}
	for i, c := range list {
		if !inner && types[c.Name] > 1 {
			list[i].Name = taken.unique(c.Name + "_" + string(c.Type))
		}
	}
	return list
}

// searched keeps the rows in which the terms occur, in any visible column.
func (b *binder) searched(x *searchExpr, e env, in *relation) (*relation, error) {
	b.operator = "search"
	if b.search != nil {
		return nil, b.notOnSearch("search")
	}
	if in == nil {
		u := &unionExpr{legs: x.tables, withSource: "$table"}
		if len(u.legs) == 0 {
			u.legs = []expr{&wildcard{pattern: "*"}}
		}
		var err error
		if in, err = b.union(u, e, nil); err != nil {
			return nil, err
		}
	}
	pred := searchPredicate(x.where)
	if pred == nil {
		return in, nil
	}
	s, err := b.scalar(pred, e.with(in.columns))
	if err != nil {
		return nil, err
	}
	if s.typ != pipeline.Bool {
		return nil, semanticError(codeTypes, "'search' operator: the predicate must be of type bool, not %s", s.typ)
	}
	return b.filtered(in, s), nil
}

// searchPredicate turns bare texts into tests of all columns; nil stands for
// "search *".
func searchPredicate(x expr) expr {
	switch v := x.(type) {
	case starExpr:
		return nil
	case *literal:
		if _, ok := v.value.(string); ok {
			return &binaryExpr{op: "has", x: starExpr{}, y: x}
		}
	case *binaryExpr:
		if v.op == "and" || v.op == "or" {
			l, r := searchPredicate(v.x), searchPredicate(v.y)
			if l != nil && r != nil {
				return &binaryExpr{op: v.op, x: l, y: r}
			}
		}
	}
	return x
}
