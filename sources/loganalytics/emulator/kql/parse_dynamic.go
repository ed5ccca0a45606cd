package kql

import (
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// dynamic reads dynamic(...): JSON, with the string forms and typed literals of
// the language allowed as scalars.
func (p *parser) dynamic() expr {
	p.at += 2
	start := p.peek()
	v := p.dynamicValue()
	p.expect(")")
	if p.err == nil && start.is("null") {
		v = nil
	}
	return &literal{typ: pipeline.Dynamic, value: v}
}

func (p *parser) dynamicValue() Value {
	p.enter()
	defer p.leave()
	t := p.peek()
	switch {
	case t.is("{"):
		return p.dynamicList("}", true)
	case t.is("["):
		return p.dynamicList("]", false)
	case t.is("null"):
		p.next()
		return nil
	case t.kind == stringToken || t.kind == numberToken || t.kind == rawToken || t.is("-") || t.is("true") || t.is("false"):
		if l, ok := p.unary().(*literal); ok {
			return l.value
		}
	}
	p.fail()
	return nil
}

// dynamicList reads an object or array and returns its JSON text.
func (p *parser) dynamicList(end string, object bool) Value {
	var b strings.Builder
	b.WriteString(p.next().text)
	for n := 0; p.err == nil && !p.accept(end); n++ {
		if n > 0 {
			p.expect(",")
			b.WriteByte(',')
		}
		if object {
			if p.peek().kind != stringToken {
				p.fail()
			}
			b.Write(appendJSON(nil, p.next().value))
			p.expect(":")
			b.WriteByte(':')
		}
		b.Write(appendJSON(nil, p.dynamicValue()))
	}
	b.WriteString(end)
	return Dynamic(b.String())
}
