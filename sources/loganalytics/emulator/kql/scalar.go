package kql

import (
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// scalar is a bound scalar expression. Its closure works on one row of the
// columns it was bound to and may use buffers of its own: one goroutine only.
type scalar struct {
	typ      pipeline.Type
	eval     func(row []Value) (Value, error)
	constant bool  // value holds for every row
	value    Value // where constant
	needsRow bool
	name     string // what a result column is called that has no name
}

func constantOf(v Value, typ pipeline.Type) *scalar {
	return &scalar{typ: typ, constant: true, value: v, eval: func([]Value) (Value, error) { return v, nil }}
}

func columnScalar(columns []Column, at int) *scalar {
	return &scalar{typ: columns[at].Type, name: columns[at].Name, needsRow: true,
		eval: func(row []Value) (Value, error) { return row[at], nil }}
}

// fold evaluates at once what depends on no row. A fault then is left to the
// run, where the expression may never be reached.
func fold(s *scalar) *scalar {
	if s.needsRow || s.constant {
		return s
	}
	v, err := s.eval(nil)
	if err != nil {
		return s
	}
	c := constantOf(v, s.typ)
	c.name = s.name
	return c
}

// converted makes the value of s the type's, as passing it to a parameter does.
func converted(s *scalar, typ pipeline.Type) *scalar {
	if s.typ == typ || typ == pipeline.Dynamic {
		return s
	}
	return fold(&scalar{typ: typ, needsRow: s.needsRow, name: s.name, eval: func(row []Value) (Value, error) {
		v, err := s.eval(row)
		if v == nil || err != nil {
			return missing(typ), err
		}
		return convert(v, typ), nil
	}})
}

// scalar binds a scalar expression.
func (b *binder) scalar(x expr, e env) (*scalar, error) {
	if err := b.step(); err != nil {
		return nil, err
	}
	switch x := x.(type) {
	case *literal:
		return constantOf(x.value, x.typ), nil
	case *nameExpr:
		return b.nameScalar(x.id, e)
	case *unaryExpr:
		return b.unary(x, e)
	case *binaryExpr:
		return b.binary(x, e)
	case *betweenExpr:
		return b.between(x, e)
	case *inExpr:
		return b.in(x, e)
	case *callExpr:
		return b.call(x, e)
	case *memberExpr:
		return b.member(x, e)
	case *indexExpr:
		return b.index(x, e)
	case *namedExpr: // what is built in goes by place alone
		return b.scalar(x.value, e)
	case *typeExpr:
		return constantOf(string(x.typ), pipeline.String), nil
	case starExpr:
		return nil, semanticError(codeOther, "'%s' operator: '*' cannot stand here", b.operatorOr("query"))
	}
	return nil, semanticError(codeOther, "'%s' operator: a scalar expression is expected where a table stands", b.operatorOr("query"))
}

func (b *binder) nameScalar(id string, e env) (*scalar, error) {
	if at := columnIndex(e.columns, id); at >= 0 {
		if e.groups != nil {
			return nil, semanticError(codeOther, "'summarize' operator: the column '%s' must stand inside an aggregate", id)
		}
		return columnScalar(e.columns, at), nil
	}
	found, crossed := e.scope.lookup(id)
	if f := b.savedFunction(id); found == nil && f != nil {
		found = f
	}
	switch v := found.(type) {
	case *scalar:
		if crossed && v.needsRow {
			return nil, semanticError(codeOther, "'%s' operator: '%s' depends on a row of another table", b.operatorOr("query"), id)
		}
		return v, nil
	case *function:
		if len(v.params) == 0 && !b.tabularBody(v) {
			return b.callScalar(v, id, nil, e)
		}
	}
	return nil, semanticError(codeUnresolved, "'%s' operator: Failed to resolve scalar expression named '%s'", b.operatorOr("query"), id)
}

func (b *binder) callScalar(f *function, name string, args []expr, e env) (*scalar, error) {
	body, inner, err := b.enter(f, name, args, e)
	if err != nil {
		return nil, err
	}
	f.active = f.saved
	defer func() { f.active = false }()
	return b.scalar(body, inner)
}

func (b *binder) member(x *memberExpr, e env) (*scalar, error) {
	in, err := b.scalar(x.x, e)
	if err != nil {
		return nil, err
	}
	if in.typ != pipeline.Dynamic {
		return nil, semanticError(codeTypes, "'%s' operator: '%s' is not a member of a value of type %s", b.operatorOr("query"), x.key, in.typ)
	}
	return fold(&scalar{typ: pipeline.Dynamic, needsRow: in.needsRow, name: joinName(in.name, x.key),
		eval: func(row []Value) (Value, error) {
			v, err := in.eval(row)
			if err != nil {
				return nil, err
			}
			return property(v, x.key), nil
		}}), nil
}

// joinName is the column name of a path: d.a.b is d_a_b.
func joinName(path, key string) string {
	if path == "" {
		return ""
	}
	return path + "_" + strings.Trim(key, "_")
}

// index binds d["key"] and d[0]; a negative number counts from the end.
func (b *binder) index(x *indexExpr, e env) (*scalar, error) {
	in, err := b.scalar(x.x, e)
	if err != nil {
		return nil, err
	}
	key, err := b.scalar(x.key, e)
	if err != nil {
		return nil, err
	}
	if in.typ != pipeline.Dynamic {
		return nil, semanticError(codeTypes, "'%s' operator: a value of type %s has no elements", b.operatorOr("query"), in.typ)
	}
	name := ""
	if key.constant {
		name = joinName(in.name, text(key.value))
	}
	return fold(&scalar{typ: pipeline.Dynamic, needsRow: in.needsRow || key.needsRow, name: name,
		eval: func(row []Value) (Value, error) {
			v, err := in.eval(row)
			if err != nil {
				return nil, err
			}
			k, err := key.eval(row)
			if err != nil {
				return nil, err
			}
			return element(v, k), nil
		}}), nil
}

func element(v, key Value) Value {
	n, ok := asInt(plain(key))
	if !ok {
		if s, text := plain(key).(string); text {
			return property(v, s)
		}
		return nil
	}
	list, _ := elements(v)
	if n < 0 {
		n += int64(len(list))
	}
	if n < 0 || n >= int64(len(list)) {
		return nil
	}
	return list[n]
}
