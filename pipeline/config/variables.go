package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is a declared variable with its value.
type variable struct {
	name      string
	at        hcl.Range
	typed     bool // it says its type
	want      cty.Type
	defaults  *typeexpr.Defaults
	fallback  cty.Value // cty.NilVal without a default
	sensitive bool
	nullable  bool
	checks    []*hcl.Block
	broken    bool // its declaration is wrong: no value, no further complaint

	given   cty.Value // as the strongest origin gave it; cty.NilVal if none did
	givenAt hcl.Range
	value   cty.Value
}

var variableSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "type"}, {Name: "default"}, {Name: "description"}, {Name: "sensitive"}, {Name: "nullable"}},
	Blocks:     []hcl.BlockHeaderSchema{{Type: "validation"}},
}

func (l *loader) declareVariable(b *hcl.Block) {
	v := &variable{name: b.Labels[0], at: b.DefRange, want: cty.DynamicPseudoType, nullable: true, value: cty.DynamicVal}
	if !l.goodName("variable", v.name, b.LabelRanges[0]) {
		return
	}
	if other, ok := l.variables[v.name]; ok {
		l.duplicate("variable", v.name, b.DefRange, other.at)
		return
	}
	l.variables[v.name] = v
	content := l.content(b.Body, variableSchema, "variable")
	v.checks = content.Blocks
	v.sensitive = l.literalBool(content, "sensitive", false)
	v.nullable = l.literalBool(content, "nullable", true)
	l.literalString(content, "description")
	if a, ok := content.Attributes["type"]; ok {
		want, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		l.report(diags...)
		v.typed, v.want, v.defaults, v.broken = !diags.HasErrors(), want, defaults, diags.HasErrors()
		if v.broken {
			v.want = cty.DynamicPseudoType
		}
	}
	if a, ok := content.Attributes["default"]; ok {
		if v.sensitive {
			l.secrets.mask(a.Expr)
		}
		value, diags := a.Expr.Value(nil)
		l.report(diags...)
		if diags.HasErrors() {
			v.broken = true
			return
		}
		if v.fallback, ok = l.fit(v, value, a.Expr.Range()); !ok {
			v.broken, v.fallback = true, cty.NilVal
		}
	}
}

// fit converts a value to the variable's type.
func (l *loader) fit(v *variable, value cty.Value, at hcl.Range) (cty.Value, bool) {
	if v.sensitive {
		l.secrets.remember(value)
	}
	if value.IsNull() && !v.nullable {
		if v.fallback != cty.NilVal {
			return v.fallback, true
		}
		l.errorAt(at, "Invalid value for variable", "The variable %q is declared with nullable = false, so its value cannot be null.", v.name)
		return cty.DynamicVal, false
	}
	if v.defaults != nil && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	value, err := convert.Convert(value, v.want)
	if err != nil {
		why := fmt.Sprintf(": %s", err)
		if path, ok := err.(cty.PathError); ok && len(path.Path) > 0 && !v.sensitive {
			why = fmt.Sprintf(": at %s, %s", pathText(path.Path), err)
		}
		if v.sensitive {
			why = "; the reason is not shown because the variable is sensitive"
		}
		l.errorAt(at, "Invalid value for variable", "The value does not fit the variable %q, which is declared at %s as %s%s.",
			v.name, position(v.at), typeexpr.TypeString(v.want.WithoutOptionalAttributesDeep()), why)
		return cty.DynamicVal, false
	}
	return value, true
}

// pathText writes the way to a nested value.
func pathText(path cty.Path) string {
	text := ""
	for _, step := range path {
		switch step := step.(type) {
		case cty.GetAttrStep:
			text += "." + step.Name
		case cty.IndexStep:
			switch {
			case step.Key.Type() == cty.String && step.Key.IsKnown():
				text += fmt.Sprintf("[%q]", step.Key.AsString())
			case step.Key.Type() == cty.Number && step.Key.IsKnown():
				text += "[" + step.Key.AsBigFloat().Text('f', 0) + "]"
			default:
				text += "[…]"
			}
		}
	}
	return text
}

// settle decides the value of every variable from what was given.
func (l *loader) settle() {
	for _, name := range sortedKeys(l.variables) {
		v := l.variables[name]
		switch {
		case v.given != cty.NilVal:
			v.value, _ = l.fit(v, v.given, v.givenAt)
		case v.broken:
		case v.fallback != cty.NilVal:
			v.value = v.fallback
		default:
			l.errorAt(v.at, "No value for required variable",
				"The variable %q has no default and was given no value. Give it one with -var %s=VALUE, a line %s = … in %s, or the environment variable %s%s.",
				name, name, name, varsFile, envPrefix, name)
		}
		if v.broken {
			v.value = cty.DynamicVal
		}
		if v.sensitive {
			v.value = v.value.Mark(sensitive)
		}
	}
}

var validationSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "condition", Required: true}, {Name: "error_message", Required: true}}}

// validateVariables checks the validation blocks.
func (l *loader) validateVariables() {
	for _, name := range sortedKeys(l.variables) {
		for _, b := range l.variables[name].checks {
			l.validate(l.variables[name], b)
		}
	}
}

func (l *loader) validate(v *variable, b *hcl.Block) {
	content := l.content(b.Body, validationSchema, "validation")
	condition, message := content.Attributes["condition"], content.Attributes["error_message"]
	if condition == nil || message == nil {
		return
	}
	ctx := l.scope(append(condition.Expr.Variables(), message.Expr.Variables()...), false)
	result, ok := l.eval(condition.Expr, ctx)
	if !ok {
		return
	}
	result, _ = result.Unmark()
	result, err := convert.Convert(result, cty.Bool)
	if err != nil || result.IsNull() {
		l.errorAt(condition.Expr.Range(), "Invalid validation condition", "The condition of a validation must be true or false.")
		return
	}
	if result.True() {
		return
	}
	text, ok := l.eval(message.Expr, ctx)
	if !ok {
		return
	}
	words := "The message is not shown because it holds a sensitive value."
	if !text.ContainsMarked() {
		if text, err = convert.Convert(text, cty.String); err != nil || text.IsNull() {
			l.errorAt(message.Expr.Range(), "Invalid validation message", "The error_message of a validation must be a string.")
			return
		}
		words = text.AsString()
	}
	at := v.givenAt
	if v.given == cty.NilVal {
		at = v.at
	}
	l.errorAt(at, "Invalid value for variable", "%s\n\nThis was checked by the validation rule of %q at %s.", words, v.name, position(b.DefRange))
}
