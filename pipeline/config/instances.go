package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
	"github.com/zclconf/go-cty/cty"

	"github.com/kustash/kustash/pipeline"
)

// block is a declared credential, workspace, sink or query.
type block struct {
	class, kind, name string
	block             *hcl.Block
	evaluated         bool
	value             cty.Value // what a reference to it evaluates to
	instances         []*instance
}

func (b *block) address() string { return b.class + "." + b.name }

// instance is one of the things that a block declares: the only one, or one
// for each element of for_each.
type instance struct {
	address string
	kind    string
	ok      bool // it can be used; otherwise something was reported

	settings   any
	places     places
	credential *CredentialBlock
	source     pipeline.Source
	limits     pipeline.Limits
	sink       Sink
	export     pipeline.Export
	tables     *TableQuery // of a query that names tables; nil for all others
}

// usable returns the instances in which nothing is wrong.
func (b *block) usable() []*instance {
	var usable []*instance
	for _, in := range b.instances {
		if in.ok {
			usable = append(usable, in)
		}
	}
	return usable
}

// workspaceID returns the id as the file gives it, that of a resource where it
// stands in its place.
func (in *instance) workspaceID() string {
	for _, name := range []string{"workspace_id", "resource_id"} {
		if id := settingText(in.settings, name); !id.IsNull() {
			return id.AsString()
		}
	}
	return ""
}

// body is the content of a block for one instance.
type body struct {
	*decoder
	content *hcl.BodyContent
	at      hcl.Range // the block's header
}

// expand evaluates for_each and calls build for every instance with the
// block's content; build returns the value that references to the instance
// see. A block without valid elements is built once with unknown ones, so that
// its other mistakes are found, and dropped.
func (l *loader) expand(b *block, s *shape, object cty.Type, build func(*instance, *body) cty.Value) {
	s.attributes("for_each")
	one := func(address string, ctx *hcl.EvalContext) (*instance, cty.Value) {
		in := &instance{address: address, kind: b.kind, places: make(places)}
		before := len(l.diags)
		content := l.content(dynblock.Expand(b.block.Body, ctx, dynblock.OptCheckForEach(checkDynamic)), &s.schema, b.class)
		d := &decoder{loader: l, ctx: ctx, places: in.places, ok: !l.diags[before:].HasErrors()}
		value := build(in, &body{decoder: d, content: content, at: b.block.DefRange})
		if !d.ok {
			value = cty.UnknownVal(object)
		}
		in.ok = d.ok
		return in, value
	}
	only, _, _ := b.block.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "for_each"}}})
	attr, forEach := only.Attributes["for_each"]
	if !forEach {
		in, value := one(b.address(), l.scope(references(b.block.Body, s), false))
		b.instances, b.value = []*instance{in}, value
		return
	}
	elements, valid := l.elements(attr)
	base := l.scope(references(b.block.Body, s), true)
	each := func(key, value cty.Value) *hcl.EvalContext {
		ctx := base.NewChild()
		ctx.Functions = l.functions
		ctx.Variables = map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})}
		return ctx
	}
	if len(elements) == 0 {
		one(b.address(), each(cty.UnknownVal(cty.String), cty.DynamicVal))
		b.value = cty.MapValEmpty(object)
		if !valid {
			b.value = cty.DynamicVal
		}
		return
	}
	values := make(map[string]cty.Value)
	for _, key := range sortedKeys(elements) {
		in, value := one(b.address()+"["+quote(key)+"]", each(cty.StringVal(key), elements[key]))
		b.instances = append(b.instances, in)
		values[key] = value
	}
	b.value = cty.MapVal(values)
}

// elements evaluates for_each to its keys and values. valid is false if that
// was not possible.
func (l *loader) elements(attr *hcl.Attribute) (elements map[string]cty.Value, valid bool) {
	at := attr.Expr.Range()
	v, ok := l.evalPartly(attr.Expr, l.scope(attr.Expr.Variables(), false))
	if !ok {
		return nil, false
	}
	ty := v.Type()
	switch {
	case v.IsMarked():
		l.errorAt(at, "Sensitive value not allowed", "The keys of for_each are part of addresses, so for_each cannot take a sensitive value.")
		return nil, false
	case v.IsNull():
		l.errorAt(at, "Invalid for_each", "The value of for_each is null. Use an empty set, toset([]), for no instances.")
		return nil, false
	case !v.IsKnown() || ty == cty.DynamicPseudoType:
		return nil, false
	case ty.IsTupleType() || ty.IsListType(), ty == cty.String, ty.IsSetType() && ty.ElementType() != cty.String && v.LengthInt() > 0:
		l.errorAt(at, "Invalid for_each", "A map or a set of strings is required, not a %s. Write for_each = toset([\"a\", \"b\"]).", ty.FriendlyName())
		return nil, false
	case !ty.IsObjectType() && !ty.IsMapType() && !ty.IsSetType():
		l.errorAt(at, "Invalid for_each", "A map or a set of strings is required, not a %s.", ty.FriendlyName())
		return nil, false
	}
	elements = make(map[string]cty.Value)
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		switch {
		case key.IsMarked():
			l.errorAt(at, "Sensitive value not allowed", "The keys of for_each are part of addresses, so none can be a sensitive value.")
			return nil, false
		case !key.IsKnown():
			return nil, false
		case key.IsNull() || key.AsString() == "":
			l.errorAt(at, "Invalid for_each", "The keys of for_each name folders and addresses, so none can be empty or null.")
			return nil, false
		}
		elements[key.AsString()] = value
	}
	return elements, true
}

// quote writes a key as an address holds it.
func quote(key string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range key {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unicode.IsPrint(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unquote reads back what quote wrote.
func unquote(key string) (string, error) { return strconv.Unquote(key) }

// text reads an argument that is a text and shown, so it must not be
// sensitive. set is false if it is left out, null or wrong; ok is false only
// if it is wrong, which has been reported.
func (b *body) text(content *hcl.BodyContent, name string) (text string, set, ok bool) {
	attr, found := content.Attributes[name]
	if !found {
		return "", false, true
	}
	b.places[name] = attr.Expr.Range()
	v, ok := b.plain(attr, name, cty.String)
	if !ok || v.IsNull() {
		return "", false, ok
	}
	return v.AsString(), true, true
}

// truth reads an argument that is true or false.
func (b *body) truth(name string) bool {
	attr, found := b.content.Attributes[name]
	if !found {
		return false
	}
	v, ok := b.plain(attr, name, cty.Bool)
	return ok && !v.IsNull() && v.True()
}

// choice reads an argument that is one of some words, the first by default.
// Words of later versions are refused with what is done instead.
func (b *body) choice(name string, words []string, later map[string]string) string {
	text, set, _ := b.text(b.content, name)
	if !set {
		return words[0]
	}
	for _, w := range words {
		if w == text {
			return text
		}
	}
	attr := b.content.Attributes[name]
	if instead, ok := later[text]; ok {
		b.fail(attr, "Not supported by this version", "%s = %q is not supported by this version. %s", name, text, instead)
	} else {
		all := append(words, sortedKeys(later)...)
		b.fail(attr, "Unsuitable value", "The value of %q must be %s, not %q.%s", name, listed(words), clip(text), DidYouMean(text, all))
	}
	return words[0]
}

// wrong reports what a constructor did not like, each error at its argument.
func (b *body) wrong(summary string, err error, others ...places) {
	b.ok = false
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			b.wrong(summary, one, others...)
		}
		return
	}
	at, text := b.at, err.Error()
	if setting, ok := errors.AsType[*pipeline.SettingError](err); ok {
		found := false
		for _, p := range append([]places{b.places}, others...) {
			if where, ok := p.find(setting.Name); ok && !found {
				at, found = where, true
			}
		}
		text = fmt.Sprintf("%q: %v", setting.Name, setting.Err)
		if found {
			text = setting.Err.Error()
		}
	}
	// Before the first letter changes, so that a secret is still found.
	b.errorAt(at, summary, "%s", sentence(b.secrets.hide(text)))
}

// sentence turns an error's text into one.
func sentence(text string) string {
	if text == "" {
		return "The reason is not known."
	}
	r := []rune(text)
	r[0] = unicode.ToUpper(r[0])
	text = string(r)
	if strings.ContainsRune(".!?", r[len(r)-1]) {
		return text
	}
	return text + "."
}
