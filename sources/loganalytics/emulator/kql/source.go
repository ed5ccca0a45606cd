package kql

import (
	"fmt"

	"github.com/kustash/kustash/pipeline"
)

func (b *binder) datatable(x *datatableExpr, e env) (*relation, error) {
	width := len(x.columns)
	if width == 0 && len(x.values) > 0 || width > 0 && len(x.values)%width != 0 {
		return nil, semanticError(codeOther, "'datatable' operator: %d values do not fill rows of %d columns", len(x.values), width)
	}
	rows := [][]Value{}
	for n, value := range x.values {
		v, err := b.constant(value, e, "datatable")
		if err != nil {
			return nil, err
		}
		if n%width == 0 {
			rows = append(rows, make([]Value, width))
		}
		typ := x.columns[n%width].Type
		if v = plainUnless(v, typ); v != nil || typ == pipeline.String {
			v = conform(v, typ)
		}
		rows[n/width][n%width] = v
	}
	return &relation{columns: x.columns, rows: fixedRows(rows)}, nil
}

// plainUnless keeps the form that a dynamic column wants.
func plainUnless(v Value, typ pipeline.Type) Value {
	if typ == pipeline.Dynamic {
		return v
	}
	return plain(v)
}

// constant evaluates an expression that may not depend on a row.
func (b *binder) constant(x expr, e env, operator string) (Value, error) {
	s, err := b.scalar(x, e.with(nil))
	if err != nil {
		return nil, err
	}
	if s.needsRow {
		return nil, semanticError(codeOther, "'%s' operator: the expression must be a constant", operator)
	}
	return s.eval(nil)
}

func (b *binder) print(x *printExpr, e env) (*relation, error) {
	b.operator = "print"
	r := &relation{}
	row := []Value{}
	names := namer{}
	for n, it := range x.items {
		s, err := b.scalar(it.value, e.with(nil))
		if err != nil {
			return nil, err
		}
		v, err := s.eval(nil)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("print_%d", n)
		if len(it.names) > 0 {
			name = it.names[0]
		}
		r.columns = append(r.columns, Column{Name: names.unique(name), Type: s.typ})
		row = append(row, v)
	}
	r.rows = fixedRows([][]Value{row})
	return r, nil
}

// rangeTable makes from, from+step, ... up to and with to.
func (b *binder) rangeTable(x *rangeExpr, e env) (*relation, error) {
	b.operator = "range"
	var ends [3]Value
	for i, part := range [...]expr{x.from, x.to, x.step} {
		v, err := b.constant(part, e, "range")
		if err != nil {
			return nil, err
		}
		ends[i] = v
	}
	typ := arithmeticType("+", typeOf(ends[0]), typeOf(ends[2]))
	first := convert(ends[0], typ)
	zero := arithmetic("-", ends[2], ends[2])
	direction, ok := compare(ends[2], zero)
	if _, comparable := compare(first, ends[1]); !ok || !comparable || direction == 0 || first == nil {
		return nil, semanticError(codeOther, "'range' operator: from, to and step do not make a range")
	}
	rows := func() ([][]Value, error) {
		rows := [][]Value{}
		for v := first; v != nil; {
			if order, ok := compare(v, ends[1]); !ok || order*direction > 0 {
				break
			}
			if err := b.produce(1); err != nil {
				return nil, err
			}
			if err := b.pulse(len(rows)); err != nil {
				return nil, err
			}
			rows = append(rows, []Value{v})
			next := arithmetic("+", v, ends[2])
			if order, ok := compare(next, v); !ok || order*direction <= 0 {
				break // the end of the type's range
			}
			v = next
		}
		return rows, nil
	}
	return &relation{columns: []Column{{Name: x.column, Type: typ}}, rows: rows}, nil
}
