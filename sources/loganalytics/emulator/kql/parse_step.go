package kql

import (
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// step reads one operator after a pipe. Names with hyphens are several tokens
// side by side.
func (p *parser) step() step {
	t := p.operatorName()
	if read := stepReader(t.text); read != nil {
		return read(p, t.text)
	}
	p.failAt(t)
	return nil
}

// stepReader returns the rule of an operator. It is a switch because a table
// would refer to itself through the pipelines in parentheses.
func stepReader(name string) func(*parser, string) step {
	switch name {
	case "where", "filter":
		return func(p *parser, _ string) step { return &whereStep{pred: p.expr()} }
	case "project", "extend", "project-rename", "distinct":
		return func(p *parser, name string) step { return &projectStep{kind: name, items: p.items()} }
	case "serialize":
		return (*parser).serialize
	case "project-away", "project-keep", "project-reorder":
		return (*parser).selectColumns
	case "take", "limit":
		return func(p *parser, name string) step { return &takeStep{name: name, count: p.expr()} }
	case "top", "sort", "order":
		return (*parser).order
	case "count":
		return func(*parser, string) step { return &countStep{} }
	case "summarize":
		return (*parser).summarize
	case "join", "lookup":
		return (*parser).join
	case "union":
		return func(p *parser, _ string) step { return &unionStep{*p.union()} }
	case "search":
		return func(p *parser, _ string) step { return &searchStep{*p.search()} }
	case "mv-expand", "mvexpand":
		return (*parser).expand
	case "parse", "parse-where":
		return (*parser).parseStep
	case "getschema":
		return func(*parser, string) step { return &schemaStep{} }
	case "as":
		return (*parser).as
	case "invoke":
		return (*parser).invoke
	case "render":
		return (*parser).render
	}
	return nil
}

func (p *parser) operatorName() token {
	t := p.peek()
	if t.kind != nameToken {
		return t
	}
	p.next()
	for n := p.peek(); n.is("-") && n.off == t.end() && p.ahead(1).kind == nameToken && p.ahead(1).off == n.end(); n = p.peek() {
		t.text += "-" + p.ahead(1).text
		p.at += 2
	}
	return t
}

// unknownOption is for operators that take hints alone.
func unknownOption(string, string) bool { return false }

func (p *parser) serialize(name string) step {
	s := &projectStep{kind: "extend"}
	if t := p.peek(); t.kind == nameToken || t.is("[") {
		s.items = p.items()
	}
	return s
}

func (p *parser) selectColumns(name string) step {
	s := &selectStep{kind: name}
	for p.err == nil {
		c := selected{pattern: p.pattern()}
		if p.accept("desc") {
			c.order = -1
		} else if p.accept("asc") {
			c.order = 1
		}
		s.columns = append(s.columns, c)
		if !p.accept(",") {
			break
		}
	}
	return s
}

func (p *parser) order(name string) step {
	s := &orderStep{name: name}
	p.options(unknownOption)
	if name == "top" {
		s.count = p.expr()
		p.options(unknownOption)
	}
	p.expect("by")
	for p.err == nil {
		key := orderKey{value: p.expr(), descending: true}
		if p.accept("asc") {
			key.descending = false
		} else {
			p.accept("desc")
		}
		key.nullsFirst = !key.descending
		if p.accept("nulls") {
			key.nullsFirst = p.accept("first")
			if !key.nullsFirst {
				p.expect("last")
			}
		}
		s.keys = append(s.keys, key)
		if !p.accept(",") {
			break
		}
	}
	return s
}

func (p *parser) summarize(string) step {
	s := &summarizeStep{}
	p.options(unknownOption)
	if !p.peek().is("by") {
		s.values = p.items()
	}
	if p.accept("by") {
		s.by = p.items()
	}
	return s
}

func (p *parser) join(name string) step {
	s := &joinStep{name: name, kind: "innerunique"}
	if name == "lookup" {
		s.kind = "leftouter"
	}
	p.options(func(option, value string) bool {
		s.kind = value
		return option == "kind" && joinKinds[value] && (name == "join" || value == "leftouter" || value == "inner")
	})
	s.right = p.tableRef()
	p.expect("on")
	for p.err == nil {
		s.on = append(s.on, p.comparisonOrAnd()...)
		if !p.accept(",") {
			break
		}
	}
	return s
}

// comparisonOrAnd reads "a" or "$left.a == $right.b", several joined by and.
func (p *parser) comparisonOrAnd() []expr {
	list := []expr{p.comparison()}
	for p.accept("and") {
		list = append(list, p.comparison())
	}
	return list
}

func (p *parser) expand(string) step {
	s := &expandStep{}
	p.options(func(name, value string) bool {
		if name == "with_itemindex" {
			s.index = value
			return true
		}
		return (name == "kind" || name == "bagexpansion") && (value == "array" || value == "bag")
	})
	for p.err == nil {
		c := expanded{item: p.item(), typ: pipeline.Dynamic}
		if p.accept("to") {
			if x, ok := p.primary().(*typeExpr); ok {
				c.typ = x.typ
			} else {
				p.fail()
			}
		}
		s.columns = append(s.columns, c)
		if !p.accept(",") {
			break
		}
	}
	if p.accept("limit") {
		s.limit = p.expr()
	}
	return s
}

func (p *parser) parseStep(name string) step {
	s := &parseTextStep{name: name}
	p.options(func(option, value string) bool {
		if option == "flags" {
			s.flags = value
			return strings.Trim(value, "imsU") == ""
		}
		s.regex = value == "regex"
		return option == "kind" && (value == "simple" || value == "relaxed" || value == "regex")
	})
	s.source = p.additive()
	p.expect("with")
	for p.err == nil {
		switch t := p.peek(); {
		case t.is("*"):
			p.next()
			s.parts = append(s.parts, parsePart{skip: true})
		case t.kind == stringToken:
			p.next()
			s.parts = append(s.parts, parsePart{text: t.value})
		case t.kind == nameToken || t.is("["):
			part := parsePart{column: Column{Name: p.name(), Type: pipeline.String}}
			if p.accept(":") {
				part.column.Type = p.typeName()
			}
			s.parts = append(s.parts, part)
		default:
			if len(s.parts) == 0 {
				p.fail()
			}
			return s
		}
	}
	return s
}

func (p *parser) as(string) step {
	p.options(unknownOption)
	return &asStep{name: p.name()}
}

func (p *parser) invoke(string) step {
	t := p.peek()
	if t.kind != nameToken {
		p.fail()
		return &invokeStep{}
	}
	p.next()
	return &invokeStep{fn: t.text, args: p.args()}
}

// render is passed over: it describes a chart and changes no row. Its options
// stand bare or in "with (...)".
func (p *parser) render(string) step {
	if p.peek().kind != nameToken {
		p.fail()
	}
	p.next()
	options := func() {
		for at := -1; at != p.at && p.err == nil; {
			at = p.at
			p.options(func(string, string) bool { return true })
			p.accept(",")
		}
	}
	options()
	if p.accept("with") {
		p.expect("(")
		options()
		for p.accept(",") || p.peek().kind == nameToken { // ycolumns = a, b
			p.next()
		}
		p.expect(")")
	}
	return passStep{}
}
