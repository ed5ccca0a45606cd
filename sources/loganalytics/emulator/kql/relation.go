package kql

import "slices"

// relation is a bound tabular expression: its columns are known, its rows are
// made when asked for. Rows are shared between operators and never changed.
type relation struct {
	name       string // of the table or variable, for withsource
	resultName string // of the result's table, where an operator decides it
	columns    []Column
	rows       func() ([][]Value, error)
	span       *span // on the search route, while nothing but where has followed the table
}

// derive is the relation after an operator that keeps its names.
func (r *relation) derive(columns []Column, rows func() ([][]Value, error)) *relation {
	return &relation{name: r.name, resultName: r.resultName, columns: columns, rows: rows}
}

func fixedRows(rows [][]Value) func() ([][]Value, error) {
	return func() ([][]Value, error) { return rows, nil }
}

// once keeps the rows of a variable that may be read several times.
func once(rows func() ([][]Value, error)) func() ([][]Value, error) {
	var done bool
	var kept [][]Value
	return func() ([][]Value, error) {
		if done {
			return kept, nil
		}
		made, err := rows()
		if err == nil {
			kept, done = made, true
		}
		return made, err
	}
}

// mapped makes one row of each row of r.
func (b *binder) mapped(r *relation, columns []Column, row func([]Value) ([]Value, error)) *relation {
	return r.derive(columns, func() ([][]Value, error) {
		in, err := r.rows()
		if err != nil {
			return nil, err
		}
		out := make([][]Value, len(in))
		for n := range in {
			if err := b.pulse(n); err != nil {
				return nil, err
			}
			if out[n], err = row(in[n]); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}

// visible returns the indexes of the columns that * stands for.
func visible(columns []Column) []int {
	keep := make([]int, 0, len(columns))
	for i, c := range columns {
		if !c.Hidden {
			keep = append(keep, i)
		}
	}
	return keep
}

func columnIndex(columns []Column, name string) int {
	return slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
}

// relation binds a tabular expression.
func (b *binder) relation(x expr, e env) (*relation, error) {
	if err := b.step(); err != nil {
		return nil, err
	}
	e = env{scope: &scope{parent: e.scope, barrier: true}}
	switch x := x.(type) {
	case *pipeExpr:
		return b.pipe(x, e)
	case *nameExpr:
		return b.named(x.id, e.scope)
	case *callExpr:
		return b.tableCall(x, e)
	case *datatableExpr:
		return b.datatable(x, e)
	case *printExpr:
		return b.print(x, e)
	case *rangeExpr:
		return b.rangeTable(x, e)
	case *unionExpr:
		return b.union(x, e, nil)
	case *searchExpr:
		return b.searched(x, e, nil)
	case *namedExpr:
		return b.relation(x.value, e)
	case *memberExpr:
		return b.foreign(x, e)
	case externalExpr:
		return nil, semanticError(codeOther, "'externaldata' operator: the emulator reads no files, and Basic tables do not allow it")
	}
	return nil, semanticError(codeOther, "'%s' operator: a table is expected where a scalar expression stands", b.operatorOr("query"))
}

func (b *binder) operatorOr(word string) string {
	if b.operator == "" {
		return word
	}
	return b.operator
}

func (b *binder) pipe(x *pipeExpr, e env) (*relation, error) {
	outer := b.operator
	defer func() { b.operator = outer }()
	b.operator = x.steps[0].word()
	r, err := b.relation(x.source, e)
	if err != nil {
		return nil, err
	}
	for _, s := range x.steps {
		if err := b.step(); err != nil {
			return nil, err
		}
		b.operator = s.word()
		if r, err = s.bind(b, e.with(r.columns), r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// named finds a table by name: a variable first, then the database.
func (b *binder) named(id string, s *scope) (*relation, error) {
	switch v := b.find(s, id).(type) {
	case *relation:
		return v, nil
	case *function:
		return b.callTable(v, id, nil, env{scope: s})
	case *scalar:
		return nil, semanticError(codeOther, "'%s' operator: '%s' is a scalar, not a table", b.operatorOr("table"), id)
	}
	t, ok := b.db.Table(id)
	if ok {
		return b.read(t), nil
	}
	if b.operator == "" {
		return nil, unresolvedTable(id)
	}
	return nil, semanticError(codeUnresolved, "'%s' operator: Failed to resolve table or column expression named '%s'", b.operator, id)
}

// tableCall binds materialize(T), table("T"), view(T) and calls of functions.
func (b *binder) tableCall(x *callExpr, e env) (*relation, error) {
	if f, ok := b.find(e.scope, x.fn).(*function); ok {
		return b.callTable(f, x.fn, x.args, e)
	}
	switch x.fn {
	case "materialize", "view":
		if len(x.args) != 1 {
			return nil, semanticError(codeArguments, "%s(): function expects 1 argument(s).", x.fn)
		}
		r, err := b.relation(x.args[0], e)
		if err != nil {
			return nil, err
		}
		return r.derive(r.columns, once(r.rows)), nil
	case "table":
		if len(x.args) != 1 {
			return nil, semanticError(codeArguments, "table(): function expects 1 argument(s).")
		}
		id, err := b.scalar(x.args[0], e)
		if err != nil {
			return nil, err
		}
		if !id.constant {
			return nil, semanticError(codeOther, "table(): the name must be a constant")
		}
		name := text(id.value)
		if t, ok := b.db.Table(name); ok {
			return b.read(t), nil
		}
		return nil, unresolvedTable(name)
	}
	return nil, semanticError(codeFunction, "Unknown function: '%s'.", x.fn)
}

// callTable binds the body of a function whose last statement is a table.
func (b *binder) callTable(f *function, name string, args []expr, e env) (*relation, error) {
	body, inner, err := b.enter(f, name, args, e)
	if err != nil {
		return nil, err
	}
	f.active = f.saved
	defer func() { f.active = false }()
	r, err := b.relation(body, inner)
	if err != nil {
		return nil, err
	}
	out := *r
	out.name = name
	return &out, nil
}

// enter binds arguments and lets of a call and returns the body's expression.
func (b *binder) enter(f *function, name string, args []expr, e env) (expr, env, error) {
	if err := b.step(); err != nil {
		return nil, e, err
	}
	inner := env{scope: newScope(f.scope)}
	given, err := f.match(name, args)
	if err != nil {
		return nil, e, err
	}
	for i, p := range f.params {
		v, err := b.argument(p, given[i], e)
		if err != nil {
			return nil, e, err
		}
		inner.scope.names[p.name] = v
	}
	inner.scope = newScope(inner.scope)
	for _, s := range f.body {
		if query, ok := s.(*exprStatement); ok {
			return query.value, inner, nil
		}
		if err := b.define(s, inner); err != nil {
			return nil, e, err
		}
	}
	return nil, e, semanticError(codeOther, "%s(): the function has no result", name)
}

// match finds an argument for each parameter: by place, by name, or its default.
func (f *function) match(name string, args []expr) ([]expr, error) {
	wrong := semanticError(codeArguments, "%s(): function expects %d argument(s).", name, len(f.params))
	given := make([]expr, len(f.params))
	for i, arg := range args {
		if x, ok := arg.(*namedExpr); ok {
			i = slices.IndexFunc(f.params, func(p param) bool { return p.name == x.name })
			arg = x.value
		}
		if i < 0 || i >= len(given) || given[i] != nil {
			return nil, wrong
		}
		given[i] = arg
	}
	for i, p := range f.params {
		if given[i] == nil {
			given[i] = p.byName
		}
		if given[i] == nil {
			return nil, wrong
		}
	}
	return given, nil
}

func (b *binder) argument(p param, arg expr, e env) (any, error) {
	if p.tabular {
		return b.relation(arg, e)
	}
	v, err := b.scalar(arg, e)
	if err != nil {
		return nil, err
	}
	return converted(v, p.typ), nil
}
