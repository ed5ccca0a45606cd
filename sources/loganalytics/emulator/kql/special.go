package kql

import (
	"github.com/kustash/kustash/pipeline"
)

type special func(*binder, *callExpr, env) (*scalar, error)

// specialFunction returns functions that need more than their arguments: the
// clock, the columns, or a table.
func specialFunction(name string) special {
	switch name {
	case "now", "ago":
		return bindClock
	case "ingestion_time":
		return bindIngestion
	case "estimate_data_size":
		return bindSize
	case "toscalar":
		return bindToScalar
	case "column_ifexists", "columnifexists":
		return bindIfExists
	case "pack_all":
		return bindPackAll
	case "iff", "iif":
		return bindIf
	case "case":
		return bindCase
	}
	return nil
}

func bindClock(b *binder, x *callExpr, e env) (*scalar, error) {
	args, err := b.scalars(x.args, e)
	if err != nil {
		return nil, err
	}
	least := truth(x.fn == "ago")
	if err := arity(x.fn, len(args), least, 1); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return constantOf(b.now, pipeline.Datetime), nil
	}
	sign := int64(1)
	if x.fn == "ago" {
		sign = -1
	}
	now, by := b.now, args[0]
	if by.typ != pipeline.Timespan && by.typ != pipeline.Dynamic {
		return nil, semanticError(codeTypes, "%s(): argument #1 must be of type timespan", x.fn)
	}
	return &scalar{typ: pipeline.Datetime, needsRow: by.needsRow, eval: func(row []Value) (Value, error) {
		v, err := by.eval(row)
		if span, ok := v.(Span); ok {
			return shifted(now, span, sign), err
		}
		return nil, err
	}}, nil
}

// bindIngestion reads the hidden column; without it the time is null.
func bindIngestion(b *binder, x *callExpr, e env) (*scalar, error) {
	if err := arity(x.fn, len(x.args), 0, 0); err != nil {
		return nil, err
	}
	at := columnIndex(e.columns, IngestionColumn)
	if at < 0 {
		return constantOf(nil, pipeline.Datetime), nil
	}
	s := columnScalar(e.columns, at)
	s.name = "$IngestionTime"
	return s, nil
}

func bindSize(b *binder, x *callExpr, e env) (*scalar, error) {
	var parts []*scalar
	for _, arg := range x.args {
		if _, all := arg.(starExpr); all {
			for _, i := range visible(e.columns) {
				parts = append(parts, columnScalar(e.columns, i))
			}
			continue
		}
		s, err := b.scalar(arg, e)
		if err != nil {
			return nil, err
		}
		parts = append(parts, s)
	}
	if len(x.args) == 0 {
		return nil, arity(x.fn, 0, 1, -1)
	}
	return &scalar{typ: pipeline.Long, needsRow: true, eval: func(row []Value) (Value, error) {
		var total int64
		for _, s := range parts {
			v, err := s.eval(row)
			if err != nil {
				return nil, err
			}
			total += Size(conformed(v, s.typ))
		}
		return total, nil
	}}, nil
}

// conformed gives a dynamic scalar the form in which it would be stored.
func conformed(v Value, typ pipeline.Type) Value {
	if typ == pipeline.Dynamic {
		return conform(v, typ)
	}
	return v
}

// bindToScalar evaluates the table at once: the value is the first cell.
func bindToScalar(b *binder, x *callExpr, e env) (*scalar, error) {
	if err := arity(x.fn, len(x.args), 1, 1); err != nil {
		return nil, err
	}
	if !b.tabular(x.args[0], e.scope) {
		return b.scalar(x.args[0], e)
	}
	r, err := b.relation(x.args[0], e)
	if err != nil {
		return nil, err
	}
	keep := visible(r.columns)
	if len(keep) == 0 {
		return constantOf(nil, pipeline.Dynamic), nil
	}
	rows, err := r.rows()
	if err != nil {
		return nil, err
	}
	typ := r.columns[keep[0]].Type
	if len(rows) == 0 {
		return constantOf(missing(typ), typ), nil
	}
	return constantOf(rows[0][keep[0]], typ), nil
}

func bindIfExists(b *binder, x *callExpr, e env) (*scalar, error) {
	if err := arity(x.fn, len(x.args), 2, 2); err != nil {
		return nil, err
	}
	name, err := b.scalar(x.args[0], e)
	if err != nil {
		return nil, err
	}
	if at := columnIndex(e.columns, text(name.value)); name.constant && at >= 0 {
		return b.nameScalar(e.columns[at].Name, e)
	}
	return b.scalar(x.args[1], e)
}

// bindPackAll makes an object of the visible columns; with true for its
// argument, of those that have a value.
func bindPackAll(b *binder, x *callExpr, e env) (*scalar, error) {
	if err := arity(x.fn, len(x.args), 0, 1); err != nil {
		return nil, err
	}
	dense := false
	if len(x.args) == 1 {
		v, err := b.constant(x.args[0], e, x.fn)
		if err != nil {
			return nil, err
		}
		dense, _ = plain(v).(bool)
	}
	keep := visible(e.columns)
	keys := make([][]byte, len(keep))
	for n, i := range keep {
		keys[n] = append(appendQuoted(nil, e.columns[i].Name), ':')
	}
	var buf []byte
	return &scalar{typ: pipeline.Dynamic, needsRow: true, eval: func(row []Value) (Value, error) {
		buf = append(buf[:0], '{')
		for n, i := range keep {
			if dense && (row[i] == nil || row[i] == Value("")) {
				continue
			}
			if len(buf) > 1 {
				buf = append(buf, ',')
			}
			buf = appendJSON(append(buf, keys[n]...), row[i])
		}
		buf = append(buf, '}')
		return Dynamic(buf), nil
	}}, nil
}

func bindIf(b *binder, x *callExpr, e env) (*scalar, error) {
	if err := arity(x.fn, len(x.args), 3, 3); err != nil {
		return nil, err
	}
	return bindCase(b, x, e)
}

// bindCase evaluates only the branch that is taken.
func bindCase(b *binder, x *callExpr, e env) (*scalar, error) {
	args, err := b.scalars(x.args, e)
	if err != nil {
		return nil, err
	}
	if len(args) < 3 || len(args)%2 == 0 {
		return nil, semanticError(codeArguments, "%s(): function expects conditions with values, then one value more.", x.fn)
	}
	var values []*scalar
	for i := 1; i < len(args); i += 2 {
		values = append(values, args[i])
	}
	values = append(values, args[len(args)-1])
	out := &scalar{typ: commonType(values)}
	for _, a := range args {
		out.needsRow = out.needsRow || a.needsRow
	}
	for i := 0; i+1 < len(args); i += 2 {
		if t := args[i].typ; t != pipeline.Bool && t != pipeline.Dynamic {
			return nil, semanticError(codeTypes, "%s(): a condition must be of type bool, not %s", x.fn, t)
		}
	}
	typ := out.typ
	out.eval = func(row []Value) (Value, error) {
		taken := args[len(args)-1]
		for i := 0; i+1 < len(args); i += 2 {
			v, err := args[i].eval(row)
			if err != nil {
				return nil, err
			}
			if yes, ok := plain(v).(bool); ok && yes {
				taken = args[i+1]
				break
			}
		}
		v, err := taken.eval(row)
		if v == nil || err != nil {
			return missing(typ), err
		}
		if typ != pipeline.Dynamic && typeOf(v) != typ {
			return convert(v, typ), nil
		}
		return v, nil
	}
	return out, nil
}
