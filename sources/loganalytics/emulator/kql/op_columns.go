package kql

import (
	"fmt"
	"slices"
	"strings"
)

type (
	// projectStep is project, extend, project-rename or distinct.
	projectStep struct {
		kind  string
		items []item
	}
	// selectStep is project-away, project-keep or project-reorder.
	selectStep struct {
		kind    string
		columns []selected
	}
	selected struct {
		pattern string
		order   int // of the columns that a pattern matches: 1 asc, -1 desc
	}
)

func (s *projectStep) word() string { return s.kind }
func (s *selectStep) word() string  { return s.kind }

// namer gives the columns of a result different names: the second x is x1.
type namer map[string]bool

func (n namer) unique(name string) string {
	out := name
	for i := 1; n[out]; i++ {
		out = fmt.Sprintf("%s%d", name, i)
	}
	n[out] = true
	return out
}

// output is a column of a result and how it is made.
type output struct {
	column Column
	value  *scalar
}

func outputsOf(columns []Column, keep func(Column) bool) []output {
	var list []output
	for i, c := range columns {
		if keep(c) {
			list = append(list, output{c, columnScalar(columns, i)})
		}
	}
	return list
}

func (b *binder) computed(in *relation, list []output) *relation {
	columns := make([]Column, len(list))
	for i, o := range list {
		columns[i] = o.column
	}
	return b.mapped(in, columns, func(row []Value) ([]Value, error) {
		out := make([]Value, len(list))
		for i, o := range list {
			v, err := o.value.eval(row)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	})
}

func (s *projectStep) bind(b *binder, e env, in *relation) (*relation, error) {
	switch s.kind {
	case "extend":
		return s.extend(b, e, in)
	case "project-rename":
		return s.rename(b, e, in)
	}
	list, err := b.outputs(s.items, e, namer{})
	if err != nil {
		return nil, err
	}
	out := b.computed(in, list)
	if s.kind == "distinct" {
		return out.derive(out.columns, func() ([][]Value, error) {
			rows, err := out.rows()
			return distinctRows(rows), err
		}), nil
	}
	return out, nil
}

func distinctRows(rows [][]Value) [][]Value {
	seen := map[string]bool{}
	var out [][]Value
	var key []byte
	for _, row := range rows {
		key = key[:0]
		for _, v := range row {
			key = appendKey(key, v)
		}
		if !seen[string(key)] {
			seen[string(key)] = true
			out = append(out, row)
		}
	}
	return out
}

// outputs binds items; those without a name are named after their expression,
// or Column1, Column2 and so on.
func (b *binder) outputs(items []item, e env, names namer) ([]output, error) {
	var list []output
	unnamed := 0
	for _, it := range items {
		if _, all := it.value.(starExpr); all && len(it.names) == 0 {
			for _, o := range outputsOf(e.columns, func(c Column) bool { return !c.Hidden }) {
				o.column.Name = names.unique(o.column.Name)
				list = append(list, o)
			}
			continue
		}
		s, err := b.scalar(it.value, e)
		if err != nil {
			return nil, err
		}
		name, err := b.itemName(it, s, names, &unnamed)
		if err != nil {
			return nil, err
		}
		list = append(list, output{Column{Name: name, Type: s.typ}, s})
	}
	return list, nil
}

func (b *binder) itemName(it item, s *scalar, names namer, unnamed *int) (string, error) {
	switch {
	case len(it.names) > 1:
		return "", semanticError(codeOther, "'%s' operator: a list of names needs a function of several values", b.operator)
	case len(it.names) == 1:
		if names[it.names[0]] {
			return "", semanticError(codeDuplicate, "'%s' operator: the column '%s' is defined twice", b.operator, it.names[0])
		}
		return names.unique(it.names[0]), nil
	case s.name != "":
		return names.unique(s.name), nil
	}
	*unnamed++
	return names.unique(fmt.Sprintf("Column%d", *unnamed)), nil
}

// extend appends; a column that exists under the name is removed first
// (documented).
func (s *projectStep) extend(b *binder, e env, in *relation) (*relation, error) {
	fresh := namer{}
	unnamed := 0
	var made []output
	for _, it := range s.items {
		x, err := b.scalar(it.value, e)
		if err != nil {
			return nil, err
		}
		if len(it.names) == 0 && x.name == "" {
			for unnamed++; columnIndex(in.columns, fmt.Sprintf("Column%d", unnamed)) >= 0; unnamed++ {
			}
			unnamed--
		}
		name, err := b.itemName(it, x, fresh, &unnamed)
		if err != nil {
			return nil, err
		}
		made = append(made, output{Column{Name: name, Type: x.typ}, x})
	}
	list := outputsOf(in.columns, func(c Column) bool { return !fresh[c.Name] })
	return b.computed(in, append(list, made...)), nil
}

func (s *projectStep) rename(b *binder, e env, in *relation) (*relation, error) {
	columns := slices.Clone(in.columns)
	for _, it := range s.items {
		old, ok := it.value.(*nameExpr)
		if !ok || len(it.names) != 1 {
			return nil, semanticError(codeOther, "'project-rename' operator: new names are given as New = Old")
		}
		at := columnIndex(in.columns, old.id)
		if at < 0 {
			return nil, semanticError(codeUnresolved, "'project-rename' operator: Failed to resolve column named '%s'", old.id)
		}
		columns[at] = Column{Name: it.names[0], Type: in.columns[at].Type}
	}
	names := namer{}
	for _, c := range columns {
		if names[c.Name] {
			return nil, semanticError(codeDuplicate, "'project-rename' operator: the column '%s' is defined twice", c.Name)
		}
		names[c.Name] = true
	}
	return in.derive(columns, in.rows), nil
}

func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	last := len(parts) - 1
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	for _, p := range parts[1:last] {
		at := strings.Index(name, p)
		if at < 0 {
			return false
		}
		name = name[at+len(p):]
	}
	return strings.HasSuffix(name, parts[last])
}

func (s *selectStep) bind(b *binder, e env, in *relation) (*relation, error) {
	var chosen []int
	for _, c := range s.columns {
		found := pick(in.columns, c)
		if found == nil && !strings.Contains(c.pattern, "*") {
			return nil, semanticError(codeUnresolved, "'%s' operator: Failed to resolve column named '%s'", s.kind, c.pattern)
		}
		for _, i := range found {
			if !slices.Contains(chosen, i) {
				chosen = append(chosen, i)
			}
		}
	}
	in2 := in.columns
	outs := func(indexes []int) []output {
		list := make([]output, 0, len(in2))
		for _, i := range indexes {
			o := output{in2[i], columnScalar(in2, i)}
			o.column.Hidden = o.column.Hidden && !slices.ContainsFunc(s.columns, func(c selected) bool { return c.pattern == in2[i].Name })
			list = append(list, o)
		}
		return list
	}
	var order []int
	if s.kind == "project-reorder" {
		order = slices.Clone(chosen)
	}
	for i, c := range in2 {
		picked := slices.Contains(chosen, i)
		keep := !picked
		if s.kind == "project-keep" {
			keep = picked || c.Hidden
		}
		if keep {
			order = append(order, i)
		}
	}
	return b.computed(in, outs(order)), nil
}

// pick returns the columns of a pattern; hidden ones only where they are named.
func pick(columns []Column, c selected) []int {
	var found []int
	for i, column := range columns {
		if column.Name == c.pattern || !column.Hidden && matches(c.pattern, column.Name) {
			found = append(found, i)
		}
	}
	if c.order != 0 {
		slices.SortStableFunc(found, func(i, j int) int { return c.order * strings.Compare(columns[i].Name, columns[j].Name) })
	}
	return found
}
