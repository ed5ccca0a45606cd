package kql

import (
	"strings"

	"github.com/kustash/kustash/pipeline"
)

func (p *parser) expr() expr {
	p.enter()
	defer p.leave()
	return p.or()
}

func (p *parser) or() expr {
	x := p.and()
	for p.accept("or") {
		x = &binaryExpr{op: "or", x: x, y: p.and()}
	}
	return x
}

func (p *parser) and() expr {
	x := p.comparison()
	for p.accept("and") {
		x = &binaryExpr{op: "and", x: x, y: p.comparison()}
	}
	return x
}

// comparisons are the operators of one level: comparisons and text tests.
// "matches regex", in and between have rules of their own.
var comparisons = map[string]bool{
	"==": true, "!=": true, "<>": true, "<": true, "<=": true, ">": true, ">=": true, "=~": true, "!~": true,
	"contains": true, "!contains": true, "contains_cs": true, "!contains_cs": true,
	"has": true, "!has": true, "has_cs": true, "!has_cs": true,
	"hasprefix": true, "!hasprefix": true, "hasprefix_cs": true, "!hasprefix_cs": true,
	"hassuffix": true, "!hassuffix": true, "hassuffix_cs": true, "!hassuffix_cs": true,
	"startswith": true, "!startswith": true, "startswith_cs": true, "!startswith_cs": true,
	"endswith": true, "!endswith": true, "endswith_cs": true, "!endswith_cs": true,
}

var memberships = map[string]bool{
	"in": true, "!in": true, "in~": true, "!in~": true, "has_any": true, "has_all": true,
}

func (p *parser) comparison() expr {
	x := p.additive()
	for p.err == nil {
		t := p.peek()
		if t.kind != nameToken && t.kind != markToken {
			return x
		}
		switch {
		case comparisons[t.text]:
			p.next()
			x = &binaryExpr{op: strings.Replace(t.text, "<>", "!=", 1), x: x, y: p.additive()}
		case t.text == "matches" && p.ahead(1).is("regex"):
			p.at += 2
			x = &binaryExpr{op: "matches regex", x: x, y: p.additive()}
		case memberships[t.text] && p.ahead(1).is("("):
			p.next()
			x = &inExpr{op: t.text, x: x, list: p.args()}
		case t.text == "between" || t.text == "!between":
			p.next()
			x = p.between(x, t.text == "!between")
		default:
			return x
		}
	}
	return x
}

func (p *parser) between(x expr, negate bool) expr {
	b := &betweenExpr{x: x, negate: negate}
	p.expect("(")
	b.low = p.expr()
	p.expect("..")
	b.high = p.expr()
	p.expect(")")
	return b
}

func (p *parser) additive() expr {
	x := p.multiplicative()
	for t := p.peek(); t.is("+") || t.is("-"); t = p.peek() {
		p.next()
		x = &binaryExpr{op: t.text, x: x, y: p.multiplicative()}
	}
	return x
}

func (p *parser) multiplicative() expr {
	x := p.unary()
	for t := p.peek(); t.is("*") || t.is("/") || t.is("%"); t = p.peek() {
		p.next()
		x = &binaryExpr{op: t.text, x: x, y: p.unary()}
	}
	return x
}

func (p *parser) unary() expr {
	t := p.peek()
	if t.is("-") || t.is("+") {
		p.next()
		// The smallest long has no positive twin: read it with its sign.
		if n := p.peek(); t.text == "-" && n.kind == numberToken && n.off == t.end() {
			if v, typ, ok := numberLiteral("-" + n.text); ok {
				p.next()
				return p.postfix(&literal{typ: typ, value: v})
			}
		}
		p.enter()
		defer p.leave()
		return &unaryExpr{op: t.text, x: p.unary()}
	}
	return p.postfix(p.primary())
}

func (p *parser) postfix(x expr) expr {
	for p.err == nil {
		switch {
		case p.peek().is(".") && p.ahead(1).kind == nameToken:
			p.next()
			x = &memberExpr{x: x, key: p.next().text}
		case p.peek().is(".") && p.ahead(1).is("["): // a.[0] is a[0]
			p.next()
		case p.peek().is("["):
			p.next()
			x = &indexExpr{x: x, key: p.expr()}
			p.expect("]")
		default:
			return x
		}
	}
	return x
}

func (p *parser) primary() expr {
	switch t := p.peek(); t.kind {
	case numberToken:
		v, typ, ok := numberLiteral(t.text)
		if !ok {
			break
		}
		p.next()
		return &literal{typ: typ, value: v}
	case stringToken:
		return p.strings()
	case rawToken:
		name := t.text[:nameLength(t.text)]
		v, ok := rawLiteral(typeNames[name], t.value)
		if !ok {
			break
		}
		p.next()
		return &literal{typ: typeNames[name], value: v}
	case nameToken:
		return p.word(t)
	case markToken:
		switch {
		case t.text == "(":
			p.next()
			x := p.pipe()
			p.expect(")")
			return x
		case t.text == "[":
			return &nameExpr{id: p.name()}
		case t.text == "*":
			p.next()
			return starExpr{}
		}
	}
	p.fail()
	return &literal{}
}

// strings joins literals that stand side by side, as the language does.
func (p *parser) strings() expr {
	var b strings.Builder
	for p.peek().kind == stringToken {
		b.WriteString(p.next().value)
	}
	return &literal{typ: pipeline.String, value: b.String()}
}

func (p *parser) word(t token) expr {
	switch {
	case t.text == "true" || t.text == "false":
		p.next()
		return &literal{typ: pipeline.Bool, value: t.text == "true"}
	case t.text == "dynamic" && p.ahead(1).is("("):
		return p.dynamic()
	case t.text == "typeof" && p.ahead(1).is("("):
		p.at += 2
		x := &typeExpr{typ: p.typeName()}
		p.expect(")")
		return x
	}
	p.next()
	if !p.peek().is("(") {
		return &nameExpr{id: t.text}
	}
	return &callExpr{fn: t.text, args: p.args()}
}

// args reads a parenthesised list; each entry may be a whole pipeline.
func (p *parser) args() []expr {
	p.expect("(")
	var list []expr
	for p.err == nil && !p.accept(")") {
		if len(list) > 0 {
			p.expect(",")
		}
		if t := p.peek(); t.kind == nameToken && p.ahead(1).is("=") {
			p.at += 2
			list = append(list, &namedExpr{t.text, p.pipe()})
			continue
		}
		list = append(list, p.pipe())
	}
	return list
}
