package kql

import "strings"

// pipe reads a source and its operators. Without operators it returns the
// source itself, which may then be a scalar expression.
func (p *parser) pipe() expr {
	p.enter()
	defer p.leave()
	x := &pipeExpr{source: p.source()}
	for p.err == nil && p.accept("|") {
		x.steps = append(x.steps, p.step())
	}
	if len(x.steps) == 0 {
		return x.source
	}
	return x
}

func (p *parser) source() expr {
	t, after := p.peek(), p.ahead(1)
	if t.kind != nameToken {
		return p.expr()
	}
	switch {
	case t.text == "datatable" && after.is("("):
		return p.datatable()
	case t.text == "externaldata" && after.is("("):
		return p.external()
	case t.text == "print":
		p.next()
		return &printExpr{items: p.items()}
	case t.text == "range" && after.kind == nameToken && p.ahead(2).is("from"):
		return p.rangeSource()
	case t.text == "union" && !startsOperator(after):
		p.next()
		return p.union()
	case t.text == "search" && !startsOperator(after):
		p.next()
		return p.search()
	}
	return p.expr()
}

// startsOperator tells a source keyword from a column of the same name.
func startsOperator(t token) bool {
	return t.kind == endToken || t.kind == markToken && t.text != "(" && t.text != "*" && t.text != "["
}

func (p *parser) datatable() expr {
	p.at += 2
	d := &datatableExpr{}
	for p.err == nil && !p.accept(")") {
		if len(d.columns) > 0 {
			p.expect(",")
		}
		c := Column{Name: p.name()}
		p.expect(":")
		c.Type = p.typeName()
		d.columns = append(d.columns, c)
	}
	p.expect("[")
	for p.err == nil && !p.accept("]") {
		if len(d.values) > 0 {
			p.expect(",")
			if p.accept("]") {
				break
			}
		}
		d.values = append(d.values, p.expr())
	}
	return d
}

// external passes over externaldata(columns) [addresses] with (options).
func (p *parser) external() expr {
	p.at++
	p.skipSchema()
	p.expect("[")
	for p.err == nil && !p.accept("]") {
		if p.peek().kind == endToken {
			p.fail()
		}
		p.next()
	}
	if p.accept("with") {
		p.skipSchema()
	}
	return externalExpr{}
}

func (p *parser) rangeSource() expr {
	p.next()
	r := &rangeExpr{column: p.name()}
	p.expect("from")
	r.from = p.expr()
	p.expect("to")
	r.to = p.expr()
	p.expect("step")
	r.step = p.expr()
	return r
}

// options reads "name=value" pairs such as kind=inner, passes over hints, and
// hands each other pair to set. A pair that set does not want stays unread: it
// may be the first entry of a list.
func (p *parser) options(set func(name, value string) bool) {
	for p.err == nil && p.peek().kind == nameToken {
		n, start := 1, p.at
		name := p.peek().text
		for p.ahead(n).is(".") && p.ahead(n+1).kind == nameToken {
			name += "." + p.ahead(n+1).text
			n += 2
		}
		value := p.ahead(n + 1)
		if !p.ahead(n).is("=") || value.kind == markToken || value.kind == endToken || value.kind == badToken {
			return
		}
		p.at += n + 2
		word := value.text
		if value.kind == stringToken {
			word = value.value
		}
		if !strings.HasPrefix(name, "hint.") && !set(name, word) {
			p.at = start
			return
		}
	}
}

func (p *parser) union() *unionExpr {
	u := &unionExpr{}
	p.options(func(name, value string) bool {
		switch name {
		case "kind":
			u.inner = value == "inner"
			return value == "inner" || value == "outer"
		case "withsource", "with_source":
			u.withSource = value
			return true
		case "isfuzzy":
			u.fuzzy = value == "true"
			return true
		}
		return false
	})
	for p.err == nil {
		u.legs = append(u.legs, p.tableRef())
		if !p.accept(",") {
			break
		}
	}
	return u
}

// tableRef reads a leg of a union: a name, pattern, call or pipeline in
// parentheses.
func (p *parser) tableRef() expr {
	t, after := p.peek(), p.ahead(1)
	if t.is("*") || t.kind == nameToken && after.is("*") && after.off == t.end() {
		return &wildcard{pattern: p.pattern()}
	}
	return p.postfix(p.primary())
}

func (p *parser) search() *searchExpr {
	s := &searchExpr{}
	p.options(func(name, _ string) bool { return name == "kind" })
	if p.peek().is("in") && p.ahead(1).is("(") {
		p.at += 2
		for p.err == nil && !p.accept(")") {
			if len(s.tables) > 0 {
				p.expect(",")
			}
			s.tables = append(s.tables, p.tableRef())
		}
	}
	s.where = p.expr()
	return s
}

// items reads the entries of project, extend, summarize and print.
func (p *parser) items() []item {
	var list []item
	for p.err == nil {
		list = append(list, p.item())
		if !p.accept(",") {
			break
		}
	}
	return list
}

func (p *parser) item() item {
	start := p.at
	if p.peek().is("(") { // (a, b) = f()
		p.next()
		names := []string{}
		for p.peek().kind == nameToken {
			names = append(names, p.name())
			if !p.accept(",") {
				break
			}
		}
		if len(names) > 0 && p.accept(")") && p.accept("=") {
			return item{names: names, value: p.expr()}
		}
		p.at = start
	}
	if p.peek().kind == nameToken || p.peek().is("[") && p.ahead(1).kind == stringToken {
		name := p.name()
		if p.accept("=") {
			return item{names: []string{name}, value: p.expr()}
		}
		if p.err == nil {
			p.at = start
		}
	}
	return item{value: p.expr()}
}
