package kql

import (
	"context"
	"maps"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// binder turns the tree of one query into relations and closures. It belongs to
// one call of Evaluate and is not safe for concurrent use.
type binder struct {
	ctx      context.Context
	db       Database
	now      pipeline.Tick
	interval *Interval
	search   *SearchRules
	settings map[string]string
	saved    map[string]*function // what the Library gave, nil for nothing
	scanned  int64                // rows of tables inside the interval
	missing  []string             // what fuzzy unions went without

	operator string // the one being bound, for messages
	steps    int    // nodes bound so far
	made     int    // rows made so far by operators that multiply them
}

const (
	maxSteps = 100_000   // lets that call each other grow exponentially
	maxMade  = 5_000_000 // rows that range, join, mv-expand and union make
	maxText  = 16 << 20  // bytes of one text that functions put together
)

// env is where an expression stands: the lets in reach and the columns of the
// row it is evaluated on.
type env struct {
	scope   *scope
	columns []Column
	groups  *grouping // set inside the values of summarize
}

func (e env) with(columns []Column) env {
	return env{scope: e.scope, columns: columns}
}

// scope holds the names of one level: *scalar, *relation or *function.
type scope struct {
	parent  *scope
	names   map[string]any
	barrier bool // a table begins here: rows outside are not the rows inside
}

func newScope(parent *scope) *scope { return &scope{parent: parent, names: map[string]any{}} }

func (s *scope) find(name string) any {
	v, _ := s.lookup(name)
	return v
}

// lookup also tells whether the name was found outside of a barrier.
func (s *scope) lookup(name string) (v any, crossed bool) {
	for ; s != nil; s = s.parent {
		if v, ok := s.names[name]; ok {
			return v, crossed
		}
		crossed = crossed || s.barrier
	}
	return nil, false
}

// snapshot is the scope as it is now: a function does not see lets that follow
// it, nor itself.
func (s *scope) snapshot() *scope {
	return &scope{parent: s.parent, names: maps.Clone(s.names), barrier: s.barrier}
}

// function is a let with parameters, or a saved function, and the scope that
// its body sees.
type function struct {
	*funcExpr
	scope  *scope
	saved  bool
	active bool // its body is being bound
}

func (b *binder) step() error {
	if b.steps++; b.steps > maxSteps {
		return semanticError(codeLimit, "the query is too complex: more than %d expressions after its functions are put in place", maxSteps)
	}
	return nil
}

// produce counts rows that did not exist before.
func (b *binder) produce(n int) error {
	if b.made += n; b.made > maxMade {
		return semanticError(codeLimit, "Query execution has exceeded the allowed limits: an operator made more than %d rows", maxMade)
	}
	return nil
}

// pulse looks at the context every few thousand rows.
func (b *binder) pulse(n int) error {
	if n&0xFFF != 0 {
		return nil
	}
	return b.ctx.Err()
}

// define carries out set, let and declare.
func (b *binder) define(s statement, e env) error {
	switch s := s.(type) {
	case *setStatement:
		return b.set(s)
	case *paramsStatement:
		for _, p := range s.params {
			if p.byName == nil {
				return semanticError(codeOther, "query parameter '%s' has no value: the API cannot pass one", p.name)
			}
			if err := b.let(&letStatement{name: p.name, value: p.byName}, e); err != nil {
				return err
			}
		}
	case *letStatement:
		return b.let(s, e)
	}
	return nil
}

func (b *binder) set(s *setStatement) error {
	b.settings[s.name] = s.value
	if s.name != "query_now" {
		return nil
	}
	text := s.value
	if open := strings.IndexByte(text, '('); open > 0 && typeNames[strings.TrimSpace(text[:open])] == pipeline.Datetime {
		text = strings.TrimSuffix(text[open+1:], ")")
	}
	now, ok := parseDatetime(strings.Trim(text, `"' `))
	if !ok {
		return semanticError(codeOther, "set query_now: '%s' is not a datetime", s.value)
	}
	b.now = now
	return nil
}

// let binds the expression before the name exists: inside "let T = T | ..." the
// T on the right is the one that was known before.
func (b *binder) let(s *letStatement, e env) error {
	if _, twice := e.scope.names[s.name]; twice {
		return semanticError(codeDuplicate, "'let' statement: the name '%s' is already defined in this scope", s.name)
	}
	b.operator = "let"
	if s.function != nil {
		if b.search != nil {
			return b.notOnSearch("functions")
		}
		e.scope.names[s.name] = &function{funcExpr: s.function, scope: e.scope.snapshot()}
		return nil
	}
	if b.tabular(s.value, e.scope) {
		r, err := b.relation(s.value, e)
		if err != nil {
			return err
		}
		named := *r
		named.name, named.rows = s.name, once(r.rows)
		e.scope.names[s.name] = &named
		return nil
	}
	x, err := b.scalar(s.value, e.with(nil))
	if err != nil {
		return err
	}
	e.scope.names[s.name] = x
	return nil
}

// tabular tells whether x is a table rather than a scalar.
func (b *binder) tabular(x expr, s *scope) bool {
	switch x := x.(type) {
	case *pipeExpr, *datatableExpr, *printExpr, *rangeExpr, *unionExpr, *searchExpr, externalExpr:
		return true
	case *namedExpr:
		return b.tabular(x.value, s)
	case *memberExpr:
		return foreignCall(x)
	case *nameExpr:
		switch v := b.find(s, x.id).(type) {
		case *relation:
			return true
		case *scalar:
			return false
		case *function:
			return b.tabularBody(v)
		}
		_, ok := b.db.Table(x.id)
		return ok
	case *callExpr:
		if f, ok := b.find(s, x.fn).(*function); ok {
			return b.tabularBody(f)
		}
		return x.fn == "materialize" || x.fn == "table" || x.fn == "view"
	}
	return false
}

func (b *binder) tabularBody(f *function) bool {
	if b.step() != nil || f.active {
		return false
	}
	f.active = f.saved
	defer func() { f.active = false }()
	inner := newScope(f.scope)
	for _, p := range f.params {
		if p.tabular {
			inner.names[p.name] = &relation{}
		} else {
			inner.names[p.name] = &scalar{}
		}
	}
	for _, s := range f.body {
		switch s := s.(type) {
		case *letStatement:
			switch {
			case s.function != nil:
				inner.names[s.name] = &function{funcExpr: s.function, scope: inner.snapshot()}
			case b.tabular(s.value, inner):
				inner.names[s.name] = &relation{}
			default:
				inner.names[s.name] = &scalar{}
			}
		case *exprStatement:
			return b.tabular(s.value, inner)
		}
	}
	return false
}
