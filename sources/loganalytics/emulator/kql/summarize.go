package kql

import (
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

type summarizeStep struct{ values, by []item }

func (*summarizeStep) word() string { return "summarize" }

// grouping collects the aggregates of one summarize. Its values are bound as
// expressions over a row that holds the results of the aggregates.
type grouping struct {
	in    env
	parts []*aggregatePart
	width int
}

// aggregatePart is one aggregate call; at is its place in the row of results.
type aggregatePart struct {
	at    int
	start func() accumulator
}

// accumulator sees the rows of one group.
type accumulator interface {
	add(row []Value) error
	results(dst []Value) ([]Value, error)
}

func (g *grouping) append(width int, start func() accumulator) int {
	at := g.width
	g.parts = append(g.parts, &aggregatePart{at: at, start: start})
	g.width += width
	return at
}

// aggregate binds the call if it is an aggregate.
func (g *grouping) aggregate(b *binder, x *callExpr) (s *scalar, ok bool, err error) {
	kind, ok := aggregates[x.fn]
	if !ok {
		if outs, ok, err := g.chosenRow(b, x); ok {
			if err != nil {
				return nil, true, err
			}
			return outs[0].value, true, nil
		}
		return nil, false, nil
	}
	args, err := b.scalars(x.args, g.in)
	if err != nil {
		return nil, true, err
	}
	if err := arity(x.fn, len(args), kind.min, kind.max); err != nil {
		return nil, true, err
	}
	c := call{kind: kind, args: args}
	if kind.conditional {
		c.condition, c.args = args[len(args)-1], args[:len(args)-1]
	}
	at := g.append(1, c.start)
	out := slot(at, kind.typ(c.args))
	out.name = kind.prefix + "_"
	if len(args) > 0 && !(kind.conditional && len(args) == 1) {
		out.name += args[0].name
	}
	if kind.prefix == "percentile" {
		out.name += "_" + text(args[1].value)
	}
	return out, true, nil
}

func slot(at int, typ pipeline.Type) *scalar {
	return &scalar{typ: typ, needsRow: true, eval: func(row []Value) (Value, error) { return row[at], nil }}
}

func (s *summarizeStep) bind(b *binder, e env, in *relation) (*relation, error) {
	names := namer{}
	keys, err := b.outputs(s.by, e, names)
	if err != nil {
		return nil, err
	}
	g := &grouping{in: e}
	values, err := s.outputs(b, g, keys, names)
	if err != nil {
		return nil, err
	}
	var columns []Column
	for _, o := range append(keys, values...) {
		columns = append(columns, o.column)
	}
	return in.derive(columns, func() ([][]Value, error) {
		rows, err := in.rows()
		if err != nil {
			return nil, err
		}
		groups, err := b.group(rows, g, keys)
		if err != nil {
			return nil, err
		}
		return finishGroups(groups, g, values)
	}), nil
}

func (s *summarizeStep) outputs(b *binder, g *grouping, keys []output, names namer) ([]output, error) {
	var list []output
	unnamed := 0
	for _, it := range s.values {
		if x, ok := it.value.(*callExpr); ok {
			if outs, ok, err := g.chosenRow(b, x); err != nil {
				return nil, err
			} else if ok {
				for i, o := range outs {
					if x.hasStar() && i >= len(x.args)-1 && isKey(keys, o.column.Name) {
						continue
					}
					if i < len(it.names) {
						o.column.Name = it.names[i]
					}
					o.column.Name = names.unique(o.column.Name)
					list = append(list, o)
				}
				continue
			}
		}
		v, err := b.scalar(it.value, env{scope: g.in.scope, columns: g.in.columns, groups: g})
		if err != nil {
			return nil, err
		}
		name, err := b.itemName(it, v, names, &unnamed)
		if err != nil {
			return nil, err
		}
		list = append(list, output{Column{Name: name, Type: v.typ}, v})
	}
	return list, nil
}

func isKey(keys []output, name string) bool {
	for _, k := range keys {
		if k.column.Name == name {
			return true
		}
	}
	return false
}

func (x *callExpr) hasStar() bool {
	if len(x.args) == 0 {
		return false
	}
	_, all := x.args[len(x.args)-1].(starExpr)
	return all
}

type group struct {
	keys []Value
	acc  []accumulator
}

// group spreads the rows over their groups, in order of appearance. Without
// keys there is one group, even of no rows.
func (b *binder) group(rows [][]Value, g *grouping, keys []output) ([]*group, error) {
	var list []*group
	known := map[string]*group{}
	open := func(values []Value) *group {
		one := &group{keys: values}
		for _, p := range g.parts {
			one.acc = append(one.acc, p.start())
		}
		list = append(list, one)
		return one
	}
	if len(keys) == 0 {
		known[""] = open(nil)
	}
	var key []byte
	values := make([]Value, len(keys))
	for n, row := range rows {
		if err := b.pulse(n); err != nil {
			return nil, err
		}
		key = key[:0]
		for i, k := range keys {
			v, err := k.value.eval(row)
			if err != nil {
				return nil, err
			}
			values[i], key = v, appendKey(key, v)
		}
		one, ok := known[string(key)]
		if !ok {
			one = open(append([]Value(nil), values...))
			known[string(key)] = one
		}
		for _, a := range one.acc {
			if err := a.add(row); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

func finishGroups(groups []*group, g *grouping, values []output) ([][]Value, error) {
	out := make([][]Value, 0, len(groups))
	results := make([]Value, 0, g.width)
	for _, one := range groups {
		results = results[:0]
		var err error
		for _, a := range one.acc {
			if results, err = a.results(results); err != nil {
				return nil, err
			}
		}
		row := make([]Value, 0, len(one.keys)+len(values))
		row = append(row, one.keys...)
		for _, o := range values {
			v, err := o.value.eval(results)
			if err != nil {
				return nil, err
			}
			row = append(row, v)
		}
		out = append(out, row)
	}
	return out, nil
}

// chosenRow binds arg_max, arg_min and take_any: values of one row of the group.
func (g *grouping) chosenRow(b *binder, x *callExpr) (outs []output, ok bool, err error) {
	direction, any := 0, false
	switch strings.ReplaceAll(x.fn, "_", "") {
	case "argmax":
		direction = 1
	case "argmin":
		direction = -1
	case "any", "takeany":
		any = true
	default:
		return nil, false, nil
	}
	if err := arity(x.fn, len(x.args), 1, -1); err != nil {
		return nil, true, err
	}
	picks, err := b.outputs(asItems(x.args), g.in, namer{})
	if err != nil {
		return nil, true, err
	}
	if direction != 0 {
		picks = withoutRepeat(picks, x)
	}
	at := g.append(len(picks), func() accumulator {
		return &bestRow{direction: direction, any: any, picks: picks}
	})
	for i, p := range picks {
		outs = append(outs, output{p.column, slot(at+i, p.column.Type)})
	}
	return outs, true, nil
}

func asItems(args []expr) []item {
	list := make([]item, len(args))
	for i, x := range args {
		list[i].value = x
	}
	return list
}

// withoutRepeat: the star of arg_max(x, *) does not name x again.
func withoutRepeat(picks []output, x *callExpr) []output {
	name, ok := x.args[0].(*nameExpr)
	if !ok || !x.hasStar() {
		return picks
	}
	again := fmt.Sprintf("%s1", name.id)
	for i := 1; i < len(picks); i++ {
		if picks[i].column.Name == again && picks[i].value.name == name.id {
			return append(picks[:i:i], picks[i+1:]...)
		}
	}
	return picks
}

// bestRow keeps the row whose first value is the greatest or least. Rows where
// it is null are taken only if there is no other.
type bestRow struct {
	direction int
	any       bool
	picks     []output
	key       Value
	row       []Value
}

func (r *bestRow) add(row []Value) error {
	if r.any {
		if r.row == nil {
			r.row = row
		}
		return nil
	}
	v, err := r.picks[0].value.eval(row)
	if err != nil {
		return err
	}
	order, ok := compare(v, r.key)
	if r.row == nil || v != nil && r.key == nil || ok && order*r.direction > 0 {
		r.row, r.key = row, v
	}
	return nil
}

func (r *bestRow) results(dst []Value) ([]Value, error) {
	for _, p := range r.picks {
		if r.row == nil {
			dst = append(dst, missing(p.column.Type))
			continue
		}
		v, err := p.value.eval(r.row)
		if err != nil {
			return nil, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}
