package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/gocty"

	"github.com/kustash/kustash/internal/secret"
)

// places are the positions of the arguments that a block sets, by name; those
// of nested blocks as "block.name".
type places map[string]hcl.Range

// find returns where an argument is set, by its full name or by the last part
// of it.
func (p places) find(name string) (hcl.Range, bool) {
	if at, ok := p[name]; ok {
		return at, true
	}
	for _, full := range sortedKeys(p) {
		if strings.HasSuffix(full, "."+name) {
			return p[full], true
		}
	}
	return hcl.Range{}, false
}

// decoder fills settings structs from the content of a block.
type decoder struct {
	*loader
	ctx    *hcl.EvalContext
	places places
	ok     bool // nothing was wrong so far
}

// fill decodes the arguments and blocks that the struct has tags for. Whatever
// else the content holds is left to the caller.
func (d *decoder) fill(target reflect.Value, content *hcl.BodyContent, prefix string) {
	t := target.Type()
	for _, f := range fieldsOf(t) {
		field := target.FieldByIndex(f.index)
		if f.block {
			d.fillBlocks(field, f.name, content, prefix)
			continue
		}
		attr, set := content.Attributes[f.name]
		if !set {
			d.ok = d.ok && f.optional // the schema has reported it
			continue
		}
		d.places[prefix+f.name] = attr.Expr.Range()
		d.fillField(field, f, attr)
	}
}

func (d *decoder) fillField(field reflect.Value, f field, attr *hcl.Attribute) {
	takesSecrets := holdsSecret(field.Type())
	if takesSecrets {
		d.secrets.mask(attr.Expr)
	}
	value, ok := d.eval(attr.Expr, d.ctx)
	if !ok {
		d.ok = false
		return
	}
	if value.ContainsMarked() && !takesSecrets {
		d.fail(attr, "Sensitive value not allowed", "The argument %q would show a sensitive value. Use a value that is not sensitive.", f.name)
		return
	}
	value, _ = value.UnmarkDeep()
	if takesSecrets {
		d.secrets.remember(value)
	}
	if value.IsNull() {
		if !f.optional {
			d.fail(attr, "Missing required argument", "The argument %q is required, but its value is null.", f.name)
		}
		return
	}
	if why := assign(field, value); why != "" {
		if takesSecrets {
			why = "a " + nounOf(field.Type()) + " is required"
		}
		d.fail(attr, "Unsuitable value", "The value of %q is not suitable: %s.", f.name, why)
	}
}

func (d *decoder) fail(attr *hcl.Attribute, summary, format string, args ...any) {
	d.ok = false
	d.errorAt(attr.Expr.Range(), summary, format, args...)
}

var (
	secretType   = reflect.TypeFor[secret.Text]()
	durationType = reflect.TypeFor[time.Duration]()
)

// holdsSecret reports whether a field takes sensitive values.
func holdsSecret(t reflect.Type) bool {
	switch {
	case t == secretType:
		return true
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		return holdsSecret(t.Elem())
	}
	return false
}

// assign sets a field to a value that is neither null nor marked. It returns
// why that is not possible.
func assign(field reflect.Value, value cty.Value) string {
	t := field.Type()
	if t.Kind() == reflect.Pointer {
		target := reflect.New(t.Elem())
		if why := assign(target.Elem(), value); why != "" {
			return why
		}
		field.Set(target)
		return ""
	}
	if t == durationType {
		text, err := convert.Convert(value, cty.String)
		if err != nil {
			return `a duration such as "30m" is required`
		}
		length, err := parseDuration(text.AsString())
		if err != nil {
			return err.Error()
		}
		field.SetInt(int64(length))
		return ""
	}
	want, err := gocty.ImpliedType(reflect.Zero(t).Interface())
	if err != nil {
		panic(fmt.Sprintf("settings field of type %v cannot be decoded: %v", t, err))
	}
	value, err = convert.Convert(value, want)
	if err != nil {
		return withPath(err)
	}
	target := reflect.New(t)
	if err := gocty.FromCtyValue(value, target.Interface()); err != nil {
		return withPath(err)
	}
	field.Set(target.Elem())
	return ""
}

func withPath(err error) string {
	if path, ok := err.(cty.PathError); ok && len(path.Path) > 0 {
		return fmt.Sprintf("at %s, %s", pathText(path.Path), err)
	}
	return err.Error()
}

func nounOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "list of strings"
	case reflect.Map:
		return "map of strings"
	}
	return "string"
}

// fillBlocks decodes the nested blocks of one name.
func (d *decoder) fillBlocks(field reflect.Value, name string, content *hcl.BodyContent, prefix string) {
	inner := shapeOfType(blockType(field.Type()))
	var found hcl.Blocks
	for _, b := range content.Blocks {
		if b.Type == name {
			found = append(found, b)
		}
	}
	many := field.Kind() == reflect.Slice
	if len(found) > 1 && !many {
		d.ok = false
		d.errorAt(found[1].DefRange, "Duplicate block", "Only one %q block is allowed here, and there is another at %s.", name, position(found[0].DefRange))
	}
	for i, b := range found {
		if i > 0 && !many {
			break
		}
		before := len(d.diags)
		content := d.content(b.Body, &inner.schema, name)
		d.ok = d.ok && !d.diags[before:].HasErrors()
		target := reflect.New(blockType(field.Type())).Elem()
		if old := field; !many {
			if old.Kind() == reflect.Pointer && !old.IsNil() {
				old = old.Elem()
			}
			if old.Kind() == reflect.Struct {
				target.Set(old)
			}
		}
		d.fill(target, content, prefix+name+".")
		d.store(field, target)
	}
}

// store puts a decoded block into its field.
func (d *decoder) store(field, target reflect.Value) {
	switch field.Kind() {
	case reflect.Struct:
		field.Set(target)
	case reflect.Pointer:
		field.Set(target.Addr())
	case reflect.Slice:
		element := target
		if field.Type().Elem().Kind() == reflect.Pointer {
			element = target.Addr()
		}
		field.Set(reflect.Append(field, element))
	}
}

// settingText returns the text of the argument with this name in a settings
// struct; null if it has none, or a sensitive or empty one.
func settingText(settings any, name string) cty.Value {
	v := reflect.ValueOf(settings)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return cty.NullVal(cty.String)
	}
	for _, f := range fieldsOf(v.Type()) {
		if field := v.FieldByIndex(f.index); f.name == name && field.Kind() == reflect.String && !holdsSecret(field.Type()) && field.String() != "" {
			return cty.StringVal(field.String())
		}
	}
	return cty.NullVal(cty.String)
}
