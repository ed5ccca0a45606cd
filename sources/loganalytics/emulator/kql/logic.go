package kql

import (
	"github.com/kustash/kustash/pipeline"
)

func (b *binder) unary(x *unaryExpr, e env) (*scalar, error) {
	in, err := b.scalar(x.x, e)
	if err != nil || x.op == "+" {
		return in, err
	}
	typ := in.typ
	if typ == pipeline.Int {
		typ = pipeline.Long
	}
	if typ != pipeline.Timespan && arithmeticType("-", typ, typ) != typ {
		return nil, semanticError(codeTypes, "'%s' operator: '-' cannot be applied to a value of type %s", b.operatorOr("query"), in.typ)
	}
	return fold(&scalar{typ: typ, needsRow: in.needsRow, eval: func(row []Value) (Value, error) {
		v, err := in.eval(row)
		if err != nil {
			return nil, err
		}
		if f, ok := v.(float64); ok {
			return -f, nil
		}
		return arithmetic("-", arithmetic("-", v, v), v), nil
	}}), nil
}

func (b *binder) binary(x *binaryExpr, e env) (*scalar, error) {
	if _, all := x.x.(starExpr); all {
		return b.anyColumn(x, e)
	}
	l, err := b.scalar(x.x, e)
	if err != nil {
		return nil, err
	}
	r, err := b.scalar(x.y, e)
	if err != nil {
		return nil, err
	}
	out := &scalar{typ: pipeline.Bool, needsRow: l.needsRow || r.needsRow}
	switch op := x.op; op {
	case "and", "or":
		err = b.bothBool(op, l, r)
		out.eval = connective(op == "and", l.eval, r.eval)
	case "+", "-", "*", "/", "%":
		if out.typ = arithmeticType(op, l.typ, r.typ); out.typ == "" {
			err = semanticError(codeTypes, "'%s' operator: '%s' cannot be applied to values of types %s and %s", b.operatorOr("query"), op, l.typ, r.typ)
		}
		out.eval = pairwise(l.eval, r.eval, func(v, w Value) (Value, error) { return arithmetic(op, v, w), nil })
	case "==", "!=", "<", "<=", ">", ">=":
		if !comparable(l.typ, r.typ) {
			err = semanticError(codeTypes, "Cannot compare values of types %s and %s. Try adding explicit casts", l.typ, r.typ)
		}
		out.eval = comparison(op, l.eval, r.eval)
	case "matches regex":
		out.eval = matcher(l, r)
	default:
		out.eval = textTest(op, l, r)
	}
	if err != nil {
		return nil, err
	}
	return fold(out), nil
}

func (b *binder) bothBool(op string, l, r *scalar) error {
	for _, s := range [...]*scalar{l, r} {
		if s.typ != pipeline.Bool && s.typ != pipeline.Dynamic {
			return semanticError(codeTypes, "'%s' operator: '%s' needs values of type bool, not %s", b.operatorOr("query"), op, s.typ)
		}
	}
	return nil
}

func pairwise(l, r func([]Value) (Value, error), apply func(v, w Value) (Value, error)) func([]Value) (Value, error) {
	return func(row []Value) (Value, error) {
		v, err := l(row)
		if err != nil {
			return nil, err
		}
		w, err := r(row)
		if err != nil {
			return nil, err
		}
		return apply(v, w)
	}
}

// connective is and (or) of three values: false (true) decides whatever the
// other side is, null is neither.
func connective(and bool, l, r func([]Value) (Value, error)) func([]Value) (Value, error) {
	decisive := !and
	return func(row []Value) (Value, error) {
		v, err := l(row)
		if err != nil {
			return nil, err
		}
		if x, ok := plain(v).(bool); ok && x == decisive {
			return decisive, nil
		}
		w, err := r(row)
		if err != nil {
			return nil, err
		}
		if y, ok := plain(w).(bool); ok && (y == decisive || plain(v) != nil) {
			return y, nil
		}
		return nil, nil
	}
}

// comparable tells whether values of the two types can be compared at all.
func comparable(a, b pipeline.Type) bool {
	class := func(t pipeline.Type) pipeline.Type {
		switch t {
		case pipeline.Int, pipeline.Long, pipeline.Decimal:
			return pipeline.Real
		case pipeline.GUID:
			return pipeline.String
		}
		return t
	}
	return a == pipeline.Dynamic || b == pipeline.Dynamic || class(a) == class(b)
}

// comparison: against a null, == is false and != is true; two nulls are neither
// equal nor unequal, and the order with a null is null.
func comparison(op string, l, r func([]Value) (Value, error)) func([]Value) (Value, error) {
	return pairwise(l, r, func(v, w Value) (Value, error) {
		if v == nil || w == nil {
			if (v == nil) != (w == nil) && (op == "==" || op == "!=") {
				return op == "!=", nil
			}
			return nil, nil
		}
		order, ok := compare(v, w)
		if !ok {
			return op == "!=", nil
		}
		switch op {
		case "==":
			return order == 0, nil
		case "!=":
			return order != 0, nil
		case "<":
			return order < 0, nil
		case "<=":
			return order <= 0, nil
		case ">":
			return order > 0, nil
		}
		return order >= 0, nil
	})
}

func (b *binder) between(x *betweenExpr, e env) (*scalar, error) {
	var parts [3]*scalar
	for i, part := range [...]expr{x.x, x.low, x.high} {
		s, err := b.scalar(part, e)
		if err != nil {
			return nil, err
		}
		parts[i] = s
	}
	low, high := parts[1], parts[2]
	if parts[0].typ == pipeline.Datetime && high.typ == pipeline.Timespan { // (start .. 1d): an end relative to the start
		high = &scalar{typ: pipeline.Datetime, needsRow: low.needsRow || high.needsRow,
			eval: pairwise(low.eval, parts[2].eval, func(v, w Value) (Value, error) { return arithmetic("+", v, w), nil })}
	}
	if !comparable(parts[0].typ, low.typ) || !comparable(parts[0].typ, high.typ) {
		return nil, semanticError(codeTypes, "Cannot compare values of types %s, %s and %s. Try adding explicit casts", parts[0].typ, low.typ, high.typ)
	}
	in := connective(true, comparison(">=", parts[0].eval, low.eval), comparison("<=", parts[0].eval, high.eval))
	return fold(&scalar{typ: pipeline.Bool, needsRow: parts[0].needsRow || low.needsRow || high.needsRow,
		eval: func(row []Value) (Value, error) {
			v, err := in(row)
			if yes, ok := v.(bool); ok && x.negate {
				return !yes, err
			}
			return v, err
		}}), nil
}
