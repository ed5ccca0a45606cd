package kql

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

type (
	// expandStep is mv-expand.
	expandStep struct {
		columns []expanded
		index   string
		limit   expr
	}
	expanded struct {
		item item
		typ  pipeline.Type
	}
)

func (*expandStep) word() string { return "mv-expand" }

func (s *expandStep) bind(b *binder, e env, in *relation) (*relation, error) {
	most := -1
	if s.limit != nil {
		var err error
		if most, err = b.limit(s.limit, e, "mv-expand"); err != nil {
			return nil, err
		}
	}
	columns := slices.Clone(in.columns)
	values, places := make([]*scalar, len(s.columns)), make([]int, len(s.columns))
	for i, c := range s.columns {
		x, err := b.scalar(c.item.value, e)
		if err != nil {
			return nil, err
		}
		name := x.name
		if len(c.item.names) > 0 {
			name = c.item.names[0]
		}
		if name == "" {
			return nil, semanticError(codeOther, "'mv-expand' operator: the expression needs a name")
		}
		if x.typ != pipeline.Dynamic {
			return nil, semanticError(codeTypes, "'mv-expand' operator: '%s' is of type %s, not dynamic", name, x.typ)
		}
		values[i], places[i] = x, columnIndex(columns, name)
		if places[i] < 0 {
			places[i] = len(columns)
			columns = append(columns, Column{Name: name})
		}
		columns[places[i]] = Column{Name: name, Type: c.typ}
	}
	indexAt := -1
	if s.index != "" {
		indexAt = len(columns)
		columns = append(columns, Column{Name: s.index, Type: pipeline.Long})
	}
	x := &expander{b: b, values: values, places: places, columns: columns, indexAt: indexAt, most: most}
	return in.derive(columns, func() ([][]Value, error) {
		rows, err := in.rows()
		if err != nil {
			return nil, err
		}
		return x.run(rows)
	}), nil
}

type expander struct {
	b       *binder
	values  []*scalar
	places  []int // the column that each value fills
	columns []Column
	indexAt int
	most    int // rows from one row; negative: any
}

func (x *expander) run(rows [][]Value) ([][]Value, error) {
	var out [][]Value
	lists := make([][]Value, len(x.values))
	for n, row := range rows {
		if err := x.b.pulse(n); err != nil {
			return nil, err
		}
		count := 0
		for i, s := range x.values {
			v, err := s.eval(row)
			if err != nil {
				return nil, err
			}
			lists[i] = spread(v)
			count = max(count, len(lists[i]))
		}
		if x.most >= 0 {
			count = min(count, x.most)
		}
		if err := x.b.produce(count); err != nil {
			return nil, err
		}
		for k := range count {
			out = append(out, x.row(row, lists, k))
		}
	}
	return out, nil
}

func (x *expander) row(row []Value, lists [][]Value, k int) []Value {
	made := make([]Value, len(x.columns))
	copy(made, row)
	for i, at := range x.places {
		typ := x.columns[at].Type
		made[at] = missing(typ)
		if k < len(lists[i]) && lists[i][k] != nil {
			made[at] = convert(lists[i][k], typ)
			if typ == pipeline.Dynamic {
				made[at] = lists[i][k]
			}
		}
	}
	if x.indexAt >= 0 {
		made[x.indexAt] = int64(k)
	}
	return made
}

// spread returns the members of an array, or the properties of an object as
// objects of one property each. A null or scalar makes one row.
func spread(v Value) []Value {
	if list, ok := elements(v); ok {
		return list
	}
	d, ok := v.(Dynamic)
	if !ok || !strings.HasPrefix(string(d), "{") {
		return []Value{v}
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(d), &members) != nil {
		return []Value{v}
	}
	var list []Value
	for key, raw := range members {
		list = append(list, bag([]Value{key, fromJSON(raw)}))
	}
	slices.SortFunc(list, func(a, b Value) int { return strings.Compare(text(a), text(b)) })
	return list
}
