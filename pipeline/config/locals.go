package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// local is one line of a locals block.
type local struct {
	name      string
	attr      *hcl.Attribute
	evaluated bool
	value     cty.Value
}

func (l *loader) declareLocals(b *hcl.Block) {
	attrs, diags := b.Body.JustAttributes()
	l.report(diags...)
	for _, name := range sortedKeys(attrs) {
		a := attrs[name]
		if !l.goodName("local value", name, a.NameRange) {
			continue
		}
		if other, ok := l.locals[name]; ok {
			l.duplicate("local value", name, a.NameRange, other.attr.NameRange)
			continue
		}
		l.locals[name] = &local{name: name, attr: a}
	}
}

func (l *loader) localValue(v *local) cty.Value { return l.localValueAt(v, v.attr.NameRange) }

// localValueAt evaluates a local value that is referred to at a place.
func (l *loader) localValueAt(v *local, at hcl.Range) cty.Value {
	if v.evaluated {
		return v.value
	}
	if !l.enter("local."+v.name, at) {
		return cty.DynamicVal
	}
	defer l.leave()
	value, ok := l.eval(v.attr.Expr, l.scope(v.attr.Expr.Variables(), false))
	if !ok {
		value = cty.DynamicVal
	}
	v.value, v.evaluated = value, true
	return value
}
