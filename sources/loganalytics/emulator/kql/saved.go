package kql

import "github.com/kustash/kustash/pipeline"

// Library is what a Database may be besides: one that keeps functions.
type Library interface {
	// Function returns the parameters of a saved function, as they stand between
	// its parentheses, and its body. A body sees no let of the query that calls
	// it, only tables and other saved functions.
	Function(name string) (parameters, body string, ok bool)
}

// Federation is what a Database may be besides: one that reaches others.
type Federation interface {
	// Workspace returns the tables behind workspace("name"). Evaluate returns
	// its error as it is.
	Workspace(name string) (Database, error)
}

// SplitFunction reads the text of a saved function, "(a:string, n:long = 5) {
// T | where X == a }" or a body alone, and checks that it parses.
func SplitFunction(text string) (parameters, body string, err error) {
	p := &parser{text: text, tokens: lex(text)}
	body = text
	if p.lambda() {
		start, depth := p.peek(), 0
		for {
			t := p.next()
			if t.is("(") {
				depth++
			} else if t.is(")") {
				depth--
			}
			if depth > 0 {
				continue
			}
			open, last := p.peek(), p.tokens[len(p.tokens)-2] // before the end of the text
			if !last.is("}") {
				return "", "", syntaxError(text, last)
			}
			parameters, body = text[start.end():t.off], text[open.end():last.off]
			break
		}
	}
	_, err = parseFunction(parameters, body)
	return parameters, body, err
}

func parseFunction(parameters, body string) (*funcExpr, error) {
	text := "(" + parameters + ") {" + body + "\n}"
	p := &parser{text: text, tokens: lex(text)}
	f := p.function()
	if p.err == nil && p.peek().kind != endToken {
		p.fail()
	}
	if p.err != nil {
		return nil, p.err
	}
	return f, nil
}

// find looks a name up among the lets in reach, then among saved functions.
func (b *binder) find(s *scope, name string) any {
	if v, _ := s.lookup(name); v != nil {
		return v
	}
	if f := b.savedFunction(name); f != nil {
		return f
	}
	return nil
}

// savedFunction returns nil where there is none, and for a function inside of
// itself, which no evaluation would end.
func (b *binder) savedFunction(name string) *function {
	if f, known := b.saved[name]; known {
		if f != nil && f.active {
			return nil
		}
		return f
	}
	library, ok := b.db.(Library)
	if !ok {
		return nil
	}
	var f *function
	if parameters, body, ok := library.Function(name); ok {
		if parsed, err := parseFunction(parameters, body); err == nil {
			f = &function{funcExpr: parsed, scope: newScope(nil), saved: true}
		}
	}
	if b.saved == nil {
		b.saved = make(map[string]*function)
	}
	b.saved[name] = f
	return f
}

// foreign binds workspace("name").T.
func (b *binder) foreign(x *memberExpr, e env) (*relation, error) {
	call, ok := x.x.(*callExpr)
	if !ok || !foreignCall(x) {
		return nil, semanticError(codeOther, "'%s' operator: a table is expected where a scalar expression stands", b.operatorOr("query"))
	}
	if b.search != nil {
		return nil, b.notOnSearch(call.fn + "()")
	}
	federation, ok := b.db.(Federation)
	if call.fn != "workspace" || !ok {
		return nil, semanticError(codeOther, "%s(): there is no other resource to read", call.fn)
	}
	if err := arity(call.fn, len(call.args), 1, 1); err != nil {
		return nil, err
	}
	name, err := b.constant(call.args[0], e, call.fn)
	if err != nil {
		return nil, err
	}
	db, err := federation.Workspace(text(name))
	if err != nil {
		return nil, err
	}
	t, ok := db.Table(x.key)
	if !ok {
		return nil, unresolvedTable(x.key)
	}
	return b.read(t), nil
}

// foreignCall tells a reference to another resource from a member of a value.
func foreignCall(x *memberExpr) bool {
	call, ok := x.x.(*callExpr)
	if !ok {
		return false
	}
	switch call.fn {
	case "workspace", "app", "resource", "cluster", "database", "adx":
		return true
	}
	return false
}

func unresolvedTable(name string) error {
	return semanticError(codeUnresolved, "'table' operator: Failed to resolve table expression named '%s'", name)
}

// TimeColumn returns the column that a time range applies to: TimeGenerated,
// in classic Application Insights tables timestamp, "" where there is neither.
func TimeColumn(columns []Column) string {
	for _, name := range []string{"TimeGenerated", "timestamp"} {
		if at := columnIndex(columns, name); at >= 0 && columns[at].Type == pipeline.Datetime {
			return name
		}
	}
	return ""
}

// invokeStep is invoke: a function whose first argument is the table so far.
type invokeStep struct {
	fn   string
	args []expr
}

func (*invokeStep) word() string { return "invoke" }

// invoked is the name of the table so far; no query can write it.
const invoked = "invoke()"

func (s *invokeStep) bind(b *binder, e env, in *relation) (*relation, error) {
	f, ok := b.find(e.scope, s.fn).(*function)
	if !ok {
		return nil, semanticError(codeFunction, "Unknown function: '%s'.", s.fn)
	}
	scope := newScope(e.scope)
	scope.names[invoked] = in
	return b.callTable(f, s.fn, append([]expr{&nameExpr{invoked}}, s.args...), env{scope: scope})
}
