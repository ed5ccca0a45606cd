package kql

import (
	"math"
	"slices"

	"github.com/kustash/kustash/pipeline"
)

type (
	whereStep struct{ pred expr }
	takeStep  struct {
		name  string
		count expr
	}
	countStep struct{}
	orderStep struct {
		name  string
		count expr // of top
		keys  []orderKey
	}
	orderKey struct {
		value                  expr
		descending, nullsFirst bool
	}
	asStep     struct{ name string }
	passStep   struct{}
	schemaStep struct{}
)

func (*whereStep) word() string  { return "where" }
func (s *takeStep) word() string { return s.name }
func (*countStep) word() string  { return "count" }
func (s *orderStep) word() string {
	if s.name == "order" {
		return "sort"
	}
	return s.name
}
func (*asStep) word() string     { return "as" }
func (passStep) word() string    { return "render" }
func (*schemaStep) word() string { return "getschema" }

func (s *whereStep) bind(b *binder, e env, in *relation) (*relation, error) {
	x := s.pred
	if in.span != nil {
		if x = b.takeTimes(x, e, in); x == nil {
			return in, nil
		}
	}
	pred, err := b.scalar(x, e)
	if err != nil {
		return nil, err
	}
	if pred.typ != pipeline.Bool && pred.typ != pipeline.Dynamic {
		return nil, semanticError(codeTypes, "'where' operator: the predicate must be of type bool, not %s", pred.typ)
	}
	out := b.filtered(in, pred)
	out.span = in.span
	return out, nil
}

// filtered keeps the rows for which the predicate is true; null is not.
func (b *binder) filtered(in *relation, pred *scalar) *relation {
	return in.derive(in.columns, func() ([][]Value, error) {
		rows, err := in.rows()
		if err != nil {
			return nil, err
		}
		var out [][]Value
		for n, row := range rows {
			if err := b.pulse(n); err != nil {
				return nil, err
			}
			v, err := pred.eval(row)
			if err != nil {
				return nil, err
			}
			if yes, ok := v.(bool); ok && yes || !ok && plain(v) == true {
				out = append(out, row)
			}
		}
		return out, nil
	})
}

// limit evaluates the constant count of take, top and mv-expand.
func (b *binder) limit(x expr, e env, operator string) (int, error) {
	v, err := b.constant(x, e, operator)
	if err != nil {
		return 0, err
	}
	n, ok := asInt(plain(v))
	if !ok || n < 0 {
		return 0, semanticError(codeOther, "'%s' operator: the number of rows must not be negative", operator)
	}
	return int(min(n, 1<<31-1)), nil
}

func (s *takeStep) bind(b *binder, e env, in *relation) (*relation, error) {
	n, err := b.limit(s.count, e, s.name)
	if err != nil {
		return nil, err
	}
	return in.derive(in.columns, func() ([][]Value, error) {
		rows, err := in.rows()
		return rows[:min(n, len(rows))], err
	}), nil
}

func (s *countStep) bind(b *binder, _ env, in *relation) (*relation, error) {
	return in.derive([]Column{{Name: "Count", Type: pipeline.Long}}, func() ([][]Value, error) {
		rows, err := in.rows()
		return [][]Value{{int64(len(rows))}}, err
	}), nil
}

func (s *orderStep) bind(b *binder, e env, in *relation) (*relation, error) {
	n := -1
	if s.count != nil {
		var err error
		if n, err = b.limit(s.count, e, s.name); err != nil {
			return nil, err
		}
	}
	keys := make([]*scalar, len(s.keys))
	for i, k := range s.keys {
		x, err := b.scalar(k.value, e)
		if err != nil {
			return nil, err
		}
		if x.typ == pipeline.Dynamic {
			return nil, semanticError(codeTypes, "'%s' operator: a value of type dynamic has no order. Try adding explicit casts", s.word())
		}
		keys[i] = x
	}
	return in.derive(in.columns, func() ([][]Value, error) {
		rows, err := b.sorted(in, s.keys, keys)
		if n >= 0 && n < len(rows) {
			rows = rows[:n]
		}
		return rows, err
	}), nil
}

type keyed struct {
	keys, row []Value
}

func (b *binder) sorted(in *relation, how []orderKey, keys []*scalar) ([][]Value, error) {
	rows, err := in.rows()
	if err != nil {
		return nil, err
	}
	list := make([]keyed, len(rows))
	for n, row := range rows {
		if err := b.pulse(n); err != nil {
			return nil, err
		}
		list[n] = keyed{keys: make([]Value, len(keys)), row: row}
		for i, k := range keys {
			if list[n].keys[i], err = k.eval(row); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(list, func(x, y keyed) int {
		for i, k := range how {
			v, w := x.keys[i], y.keys[i]
			if k.descending && v != nil && w != nil {
				v, w = w, v
			}
			if order := orderNulls(v, w, k.nullsFirst); order != 0 {
				return order
			}
		}
		return 0
	})
	out := make([][]Value, len(list))
	for n := range list {
		out[n] = list[n].row
	}
	return out, nil
}

// orderNulls is a total order: NaN comes before all numbers, and values of types
// that do not compare are ordered by their keys.
func orderNulls(v, w Value, nullsFirst bool) int {
	switch {
	case v == nil && w == nil:
		return 0
	case v == nil || w == nil:
		if (v == nil) == nullsFirst {
			return -1
		}
		return 1
	}
	if order, ok := compare(v, w); ok {
		return order
	}
	if order := truth(notNumber(w)) - truth(notNumber(v)); order != 0 {
		return order
	}
	return slices.Compare(appendKey(nil, v), appendKey(nil, w))
}

func notNumber(v Value) bool {
	f, ok := v.(float64)
	return ok && math.IsNaN(f)
}

// bind of "as" makes the name known to the statements that follow.
func (s *asStep) bind(b *binder, e env, in *relation) (*relation, error) {
	out := in.derive(in.columns, once(in.rows))
	out.name, out.resultName = s.name, s.name
	root := e.scope
	for root.parent != nil {
		root = root.parent
	}
	if _, known := root.names[s.name]; !known {
		root.names[s.name] = out
	}
	return out, nil
}

func (passStep) bind(_ *binder, _ env, in *relation) (*relation, error) { return in, nil }

// schemaResult names the table of getschema, which the service does not call
// PrimaryResult (seen in recordings).
const schemaResult = "GetSchema_Result"

var systemTypes = map[pipeline.Type]string{
	pipeline.Bool: "System.SByte", pipeline.Int: "System.Int32", pipeline.Long: "System.Int64",
	pipeline.Real: "System.Double", pipeline.Decimal: "System.Data.SqlTypes.SqlDecimal",
	pipeline.String: "System.String", pipeline.Datetime: "System.DateTime", pipeline.Timespan: "System.TimeSpan",
	pipeline.GUID: "System.Guid", pipeline.Dynamic: "System.Object",
}

func (*schemaStep) bind(_ *binder, _ env, in *relation) (*relation, error) {
	out := &relation{name: in.name, resultName: schemaResult, columns: []Column{
		{Name: "ColumnName", Type: pipeline.String}, {Name: "ColumnOrdinal", Type: pipeline.Int},
		{Name: "DataType", Type: pipeline.String}, {Name: "ColumnType", Type: pipeline.String},
	}}
	rows := [][]Value{}
	for n, i := range visible(in.columns) {
		c := in.columns[i]
		rows = append(rows, []Value{c.Name, int32(n), systemTypes[c.Type], string(c.Type)})
	}
	out.rows = fixedRows(rows)
	return out, nil
}
