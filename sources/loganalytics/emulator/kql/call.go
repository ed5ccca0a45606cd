package kql

import (
	"github.com/kustash/kustash/pipeline"
)

// builtin is a scalar function that depends on its arguments alone.
type builtin struct {
	min, max int // numbers of arguments; max < 0: any
	typ      func(args []*scalar) pipeline.Type
	nulls    bool // called with nulls too; otherwise a null makes the result null
	call     func(args []Value) (Value, error)
}

// call binds a function call. What a let defines comes before what is built in.
func (b *binder) call(x *callExpr, e env) (*scalar, error) {
	if f, ok := b.find(e.scope, x.fn).(*function); ok {
		return b.callScalar(f, x.fn, x.args, e)
	}
	if e.groups != nil {
		if s, ok, err := e.groups.aggregate(b, x); ok {
			return s, err
		}
	}
	if special := specialFunction(x.fn); special != nil {
		s, err := special(b, x, e)
		if err != nil {
			return nil, err
		}
		return fold(s), nil
	}
	f, ok := builtins[x.fn]
	if !ok {
		if _, aggregate := aggregates[x.fn]; aggregate {
			return nil, semanticError(codeOther, "'%s' operator: the aggregate %s() can only be used in summarize", b.operatorOr("query"), x.fn)
		}
		return nil, semanticError(codeFunction, "Unknown function: '%s'.", x.fn)
	}
	args, err := b.scalars(x.args, e)
	if err != nil {
		return nil, err
	}
	if err := arity(x.fn, len(args), f.min, f.max); err != nil {
		return nil, err
	}
	return fold(f.bind(x.fn, args)), nil
}

func arity(fn string, n, least, most int) error {
	switch {
	case n >= least && (most < 0 || n <= most):
		return nil
	case least == most:
		return semanticError(codeArguments, "%s(): function expects %d argument(s).", fn, least)
	case most < 0:
		return semanticError(codeArguments, "%s(): function expects at least %d argument(s).", fn, least)
	}
	return semanticError(codeArguments, "%s(): function expects between %d and %d argument(s).", fn, least, most)
}

func (b *binder) scalars(list []expr, e env) ([]*scalar, error) {
	args := make([]*scalar, len(list))
	for i, x := range list {
		s, err := b.scalar(x, e)
		if err != nil {
			return nil, err
		}
		args[i] = s
	}
	return args, nil
}

func (f *builtin) bind(name string, args []*scalar) *scalar {
	out := &scalar{typ: f.typ(args)}
	for _, a := range args {
		out.needsRow = out.needsRow || a.needsRow
	}
	if len(args) > 0 && keepsName[name] {
		out.name = args[0].name
	}
	values, typ := make([]Value, len(args)), out.typ
	out.eval = func(row []Value) (Value, error) {
		for i, a := range args {
			v, err := a.eval(row)
			if err != nil {
				return nil, err
			}
			if v == nil && !f.nulls {
				return missing(typ), nil
			}
			values[i] = v
		}
		v, err := f.call(values)
		if v == nil {
			return missing(typ), err
		}
		if got := typeOf(v); got != typ && typ != pipeline.Dynamic {
			return convert(v, typ), err
		}
		if s, ok := v.(string); ok && len(s) > maxText {
			return nil, semanticError(codeLimit, "%s(): the text is longer than %d bytes", name, maxText)
		}
		return v, err
	}
	return out
}

// keepsName are the functions whose result column is named as their first
// argument.
var keepsName = map[string]bool{
	"bin": true, "floor": true, "startofday": true, "startofweek": true, "startofmonth": true, "startofyear": true,
	"tostring": true, "tolong": true, "toint": true, "toreal": true, "todouble": true, "todatetime": true,
	"totimespan": true, "tobool": true, "toguid": true, "todecimal": true, "todynamic": true, "parse_json": true,
}

func always(t pipeline.Type) func([]*scalar) pipeline.Type {
	return func([]*scalar) pipeline.Type { return t }
}

func firstType(args []*scalar) pipeline.Type { return args[0].typ }

// commonType is the type that holds the values of all: the wider number, or
// dynamic where they do not mix.
func commonType(args []*scalar) pipeline.Type {
	typ := pipeline.Type("")
	for _, a := range args {
		switch {
		case a.constant && a.value == nil && a.typ == pipeline.Dynamic && len(args) > 1:
		case typ == "" || typ == a.typ:
			typ = a.typ
		default:
			wide := arithmeticType("+", typ, a.typ)
			if wide == "" || wide == pipeline.Timespan || wide == pipeline.Datetime {
				wide = pipeline.Dynamic
			}
			typ = wide
		}
	}
	if typ == "" {
		return pipeline.Dynamic
	}
	return typ
}
