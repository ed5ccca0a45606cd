package kql

import (
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// maxDepth bounds the nesting of a query, so that no text exhausts the stack.
const maxDepth = 150

// parser is a recursive descent with one sticky error: after the first fault
// the current token is the end of the text for good, so that every loop ends
// without looking at err.
type parser struct {
	text   string
	tokens []token
	at     int
	depth  int
	err    *Error
}

func parse(text string) ([]statement, error) {
	p := &parser{text: text, tokens: lex(text)}
	list := p.statements("")
	if p.err == nil && p.peek().kind != endToken {
		p.fail()
	}
	if p.err != nil {
		return nil, p.err
	}
	return list, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

func (p *parser) fail() { p.failAt(p.peek()) }

func (p *parser) failAt(t token) {
	if p.err == nil {
		p.err = syntaxError(p.text, t)
	}
	p.at = len(p.tokens) - 1
}

// accept consumes the word or mark if it is next.
func (p *parser) accept(text string) bool {
	if !p.peek().is(text) {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.fail()
	}
}

// enter counts a level of nesting; call leave when it ends.
func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		p.fail()
	}
}

func (p *parser) leave() { p.depth-- }

// name reads an identifier, bare or as ['...'] or ["..."].
func (p *parser) name() string {
	if p.peek().is("[") && p.ahead(1).kind == stringToken && p.ahead(2).is("]") {
		s := p.ahead(1).value
		p.at += 3
		return s
	}
	t := p.peek()
	if t.kind != nameToken {
		p.fail()
		return ""
	}
	p.next()
	return t.text
}

// pattern reads a name in which stars stand for any text, written without
// blanks: T*, *_CL, *.
func (p *parser) pattern() string {
	t := p.peek()
	if t.kind != nameToken && !t.is("*") {
		return p.name()
	}
	p.next()
	text := t.text
	for end := t.end(); ; end = t.end() {
		t = p.peek()
		if t.off != end || t.kind != nameToken && t.kind != numberToken && !t.is("*") {
			return text
		}
		text += p.next().text
	}
}

func (p *parser) statements(end string) []statement {
	var list []statement
	for p.err == nil {
		for p.accept(";") {
		}
		if t := p.peek(); t.kind == endToken || end != "" && t.is(end) {
			break
		}
		list = append(list, p.statement())
		if !p.peek().is(";") {
			break
		}
	}
	if p.err == nil && countQueries(list) == 0 {
		p.fail()
	}
	return list
}

func countQueries(list []statement) int {
	n := 0
	for _, s := range list {
		if _, ok := s.(*exprStatement); ok {
			n++
		}
	}
	return n
}

func (p *parser) statement() statement {
	switch {
	case p.peek().is("set") && p.ahead(1).kind == nameToken:
		return p.set()
	case p.peek().is("let") && (p.ahead(1).kind == nameToken || p.ahead(1).is("[")):
		return p.let()
	case p.peek().is("declare") && p.ahead(1).is("query_parameters"):
		p.at += 2
		return &paramsStatement{params: p.params()}
	}
	return &exprStatement{value: p.pipe()}
}

func (p *parser) set() statement {
	p.next()
	s := &setStatement{name: p.name()}
	if !p.accept("=") {
		return s
	}
	var text strings.Builder
	for t := p.peek(); t.kind != endToken && !t.is(";"); t = p.peek() {
		if t.kind == badToken || t.is("|") {
			p.fail()
			break
		}
		if t.kind == stringToken {
			text.WriteString(t.value)
		} else {
			text.WriteString(t.text)
		}
		p.next()
	}
	if s.value = text.String(); s.value == "" {
		p.fail()
	}
	return s
}

func (p *parser) let() statement {
	p.next()
	s := &letStatement{name: p.name()}
	p.expect("=")
	if p.peek().is("view") && p.ahead(1).is("(") || p.lambda() {
		s.function = p.function()
	} else {
		s.value = p.pipe()
	}
	return s
}

// lambda tells whether the parenthesis that comes next is the parameter list of
// a function: what follows its end is a brace.
func (p *parser) lambda() bool {
	if !p.peek().is("(") {
		return false
	}
	depth := 0
	for i := p.at; i < len(p.tokens); i++ {
		switch t := p.tokens[i]; {
		case t.is("("):
			depth++
		case t.is(")"):
			if depth--; depth == 0 {
				return p.tokens[i+1].is("{")
			}
		}
	}
	return false
}

func (p *parser) function() *funcExpr {
	f := &funcExpr{view: p.accept("view")}
	f.params = p.params()
	p.expect("{")
	p.enter()
	f.body = p.statements("}")
	p.leave()
	p.expect("}")
	if countQueries(f.body) != 1 {
		p.fail()
	}
	return f
}

func (p *parser) params() []param {
	p.expect("(")
	var list []param
	for p.err == nil && !p.accept(")") {
		if len(list) > 0 {
			p.expect(",")
		}
		one := param{name: p.name()}
		p.expect(":")
		if p.peek().is("(") {
			one.tabular = true
			p.skipSchema()
		} else {
			one.typ = p.typeName()
		}
		if p.accept("=") {
			one.byName = p.unary()
		}
		list = append(list, one)
	}
	return list
}

// skipSchema passes over the columns that a tabular parameter declares: names
// are looked up in the argument itself.
func (p *parser) skipSchema() {
	p.expect("(")
	for p.err == nil && !p.accept(")") {
		if p.peek().kind == endToken {
			p.fail()
		}
		p.next()
	}
}

var typeNames = map[string]pipeline.Type{
	"bool": pipeline.Bool, "boolean": pipeline.Bool, "int": pipeline.Int, "long": pipeline.Long,
	"real": pipeline.Real, "double": pipeline.Real, "decimal": pipeline.Decimal, "string": pipeline.String,
	"datetime": pipeline.Datetime, "date": pipeline.Datetime, "timespan": pipeline.Timespan,
	"time": pipeline.Timespan, "guid": pipeline.GUID, "uniqueid": pipeline.GUID, "dynamic": pipeline.Dynamic,
}

func (p *parser) typeName() pipeline.Type {
	t := p.peek()
	typ, ok := typeNames[t.text]
	if t.kind != nameToken || !ok {
		p.fail()
		return ""
	}
	p.next()
	return typ
}
