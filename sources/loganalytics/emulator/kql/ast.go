package kql

import "github.com/kustash/kustash/pipeline"

// expr is a node of the tree: a scalar or tabular expression. Which of the two
// a name or call is can only be told when names are bound.
type expr interface{}

type (
	literal struct {
		typ   pipeline.Type
		value Value
	}
	nameExpr struct{ id string }
	starExpr struct{}
	// wildcard is a name pattern such as T* among the legs of a union.
	wildcard  struct{ pattern string }
	unaryExpr struct {
		op string
		x  expr
	}
	binaryExpr struct {
		op   string
		x, y expr
	}
	betweenExpr struct {
		x, low, high expr
		negate       bool
	}
	inExpr struct {
		op   string
		x    expr
		list []expr
	}
	callExpr struct {
		fn   string
		args []expr
	}
	// namedExpr is an argument that says which parameter it is for.
	namedExpr struct {
		name  string
		value expr
	}
	memberExpr struct {
		x   expr
		key string
	}
	indexExpr struct{ x, key expr }
	// typeExpr is typeof(x).
	typeExpr struct{ typ pipeline.Type }

	// pipeExpr is a source and the operators that it flows through.
	pipeExpr struct {
		source expr
		steps  []step
	}
	datatableExpr struct {
		columns []Column
		values  []expr
	}
	// externalExpr is externaldata, which is refused.
	externalExpr struct{}
	printExpr    struct{ items []item }
	rangeExpr    struct {
		column         string
		from, to, step expr
	}
	unionExpr struct {
		legs       []expr
		inner      bool
		fuzzy      bool
		withSource string
	}
	searchExpr struct {
		tables []expr
		where  expr
	}
)

// item is one entry of project, extend, summarize or print.
type item struct {
	names []string // as the author gave them; more than one for (a, b) = f()
	value expr
}

// step is an operator after a pipe.
type step interface {
	// word is the operator's name, for messages.
	word() string
	bind(b *binder, e env, in *relation) (*relation, error)
}

type statement interface{}

type (
	setStatement struct{ name, value string }
	letStatement struct {
		name     string
		value    expr
		function *funcExpr // in place of value
	}
	paramsStatement struct{ params []param }
	exprStatement   struct{ value expr }
)

type funcExpr struct {
	view   bool
	params []param
	body   []statement // lets, then one exprStatement
}

type param struct {
	name    string
	typ     pipeline.Type
	tabular bool
	byName  expr // the default, or nil
}
