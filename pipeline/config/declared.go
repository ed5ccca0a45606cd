package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// laterKinds are kinds that the language has and this version may lack.
var laterKinds = map[string][]string{
	"sink":   {"local", "azure_blob", "s3"},
	"state":  {"local", "azure_blob", "s3"},
	"format": {"parquet", "csv", "jsonl"},
}

// kindsOf returns the kinds of a type of block.
func (l *loader) kindsOf(class string) []string { return sortedKeys(l.factories(class)) }

func (l *loader) factories(class string) map[string]func() any {
	switch class {
	case "credential", "auth":
		return l.Kinds.Credentials
	case "sink":
		return l.Kinds.Sinks
	case "format":
		return l.Kinds.Formats
	case "state":
		return l.Kinds.States
	}
	return nil
}

// newSettings returns the settings of a kind with their defaults. An unknown
// kind is reported.
func (l *loader) newSettings(class, kind string, at hcl.Range) (any, bool) {
	factories := l.factories(class)
	if make, ok := factories[kind]; ok {
		return make(), true
	}
	if class == "auth" {
		class = "credential"
	}
	kinds := sortedKeys(factories)
	have := " This version has " + listed(kinds) + "."
	if len(kinds) == 0 {
		have = ""
	}
	if slices.Contains(laterKinds[class], kind) {
		l.errorAt(at, "Not supported by this version", "The %s kind %q is not supported by this version.%s", class, kind, have)
		return nil, false
	}
	hint := DidYouMean(kind, kinds)
	if hint == "" {
		hint = have
	}
	l.errorAt(at, "Unknown kind", "There is no %s kind %q.%s", class, clip(kind), hint)
	return nil, false
}

// plain evaluates an argument that must not be sensitive. The value may be
// null.
func (b *body) plain(attr *hcl.Attribute, name string, want cty.Type) (cty.Value, bool) {
	v, ok := b.eval(attr.Expr, b.ctx)
	if !ok {
		b.ok = false
		return v, false
	}
	if v.ContainsMarked() {
		b.fail(attr, "Sensitive value not allowed", "The argument %q would show a sensitive value. Use a value that is not sensitive.", name)
		return v, false
	}
	v, err := convert.Convert(v, want)
	if err != nil {
		b.fail(attr, "Unsuitable value", "The value of %q is not suitable: %s.", name, err)
		return v, false
	}
	return v, true
}

// credentialObject is what a reference to a credential evaluates to.
var credentialObject = cty.Object(map[string]cty.Type{"address": cty.String, "name": cty.String, "kind": cty.String})

func (l *loader) evaluateCredential(b *block) {
	settings, ok := l.newSettings("credential", b.kind, b.block.LabelRanges[0])
	if !ok {
		b.value = cty.DynamicVal
		return
	}
	l.expand(b, shapeOf(settings), credentialObject, func(in *instance, body *body) cty.Value {
		in.settings, _ = l.newSettings("credential", b.kind, b.block.LabelRanges[0])
		body.fill(reflect.ValueOf(in.settings).Elem(), body.content, "")
		in.credential = &CredentialBlock{Address: in.address, Kind: b.kind, Settings: in.settings}
		return cty.ObjectVal(map[string]cty.Value{
			"address": cty.StringVal(in.address),
			"name":    cty.StringVal(b.name),
			"kind":    cty.StringVal(b.kind),
		})
	})
}

// workspaceObject is what a reference to a workspace evaluates to.
var workspaceObject = cty.Object(map[string]cty.Type{"address": cty.String, "name": cty.String,
	"workspace_id": cty.String, "resource_id": cty.String, "cloud": cty.String, "endpoint": cty.String})

func (l *loader) evaluateWorkspace(b *block) {
	s := l.withAuth(shapeOf(l.Kinds.Workspace()), b.block.Body)
	l.expand(b, s, workspaceObject, func(in *instance, body *body) cty.Value {
		in.settings = l.Kinds.Workspace()
		body.fill(reflect.ValueOf(in.settings).Elem(), body.content, "")
		auth, authPlaces := body.auth()
		if body.ok {
			var err error
			in.credential = auth
			in.source, in.limits, err = l.Kinds.Source(WorkspaceBlock{
				Address: in.address, Name: b.name, Dir: l.dir, Settings: in.settings, Auth: auth,
			})
			if err != nil {
				body.wrong("Invalid workspace", err, authPlaces)
			}
		}
		object := map[string]cty.Value{"address": cty.StringVal(in.address), "name": cty.StringVal(b.name)}
		for _, name := range []string{"workspace_id", "resource_id", "cloud", "endpoint"} {
			object[name] = settingText(in.settings, name)
		}
		return cty.ObjectVal(object)
	})
}

// withAuth adds auth to the shape of a body.
func (l *loader) withAuth(s *shape, body hcl.Body) *shape {
	s.block("auth", anyOf(l.Kinds.Credentials), "kind")
	if !authIsBlock(body) {
		s.attributes("auth")
	}
	return s
}

// authIsBlock reports whether auth is written as a block in JSON, where an
// argument and a block look alike.
func authIsBlock(body hcl.Body) bool {
	content, _, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "auth"}}})
	attr, ok := content.Attributes["auth"]
	if !ok || !strings.HasSuffix(attr.Range.Filename, ".json") {
		return false
	}
	_, diags := hcl.ExprMap(attr.Expr)
	return !diags.HasErrors()
}

// auth returns the credential that a block names or holds and where its arguments are; nil
// is the default chain.
func (b *body) auth() (*CredentialBlock, places) {
	attr, byReference := b.content.Attributes["auth"]
	var inline hcl.Blocks
	for _, block := range b.content.Blocks {
		if block.Type == "auth" {
			inline = append(inline, block)
		}
	}
	switch {
	case len(inline) > 1:
		b.ok = false
		b.errorAt(inline[1].DefRange, "Duplicate block", "Only one \"auth\" block is allowed here, and there is another at %s.", position(inline[0].DefRange))
	case byReference && len(inline) == 1:
		b.ok = false
		b.errorAt(inline[0].DefRange, "Conflicting credentials", "The argument auth at %s already names a credential. Keep one of both.", position(attr.Range))
	case byReference:
		b.places["auth"] = attr.Expr.Range()
		in := b.refer(attr, "auth", "credential", credentialObject)
		if in != nil && in.credential != nil {
			return in.credential, in.places
		}
	case len(inline) == 1:
		b.places["auth"] = inline[0].DefRange
		kind := inline[0].Labels[0]
		at := inline[0].LabelRanges[0]
		if settings, ok := b.nested(inline[0], "auth", kind, at); ok {
			return &CredentialBlock{Kind: kind, Settings: settings}, nil
		}
	}
	return nil, nil
}

// nested decodes a nested block whose label is a kind, such as format.
func (b *body) nested(inner *hcl.Block, class, kind string, at hcl.Range) (any, bool) {
	settings, ok := b.newSettings(class, kind, at)
	if !ok {
		b.ok = false
		return nil, false
	}
	before := len(b.diags)
	content := b.decoder.content(inner.Body, &shapeOf(settings).schema, class)
	if b.diags[before:].HasErrors() {
		b.ok = false
	}
	b.fill(reflect.ValueOf(settings).Elem(), content, class+".")
	return settings, true
}

// refer returns the instance that an argument refers to; nil if there is none
// or it is invalid, which has been reported.
func (b *body) refer(attr *hcl.Attribute, name, class string, object cty.Type) *instance {
	v, ok := b.eval(attr.Expr, b.ctx)
	if !ok {
		b.ok = false
		return nil
	}
	in, why := b.resolve(v, class, object)
	if why != "" {
		b.fail(attr, "Unsuitable value", "The argument %q takes a %s: %s", name, class, why)
		return nil
	}
	if in == nil || !in.ok {
		b.ok = false
		return nil
	}
	return in
}

// resolve finds the instance that a value stands for, or says why it stands
// for none. Both are empty for one that could not be evaluated.
func (l *loader) resolve(v cty.Value, class string, object cty.Type) (in *instance, why string) {
	example := class + ".NAME"
	if names := sortedKeys(l.blocks[class]); len(names) > 0 {
		example = class + "." + names[0]
	}
	ty := v.Type()
	switch {
	case v.IsMarked():
		return nil, "it cannot be a sensitive value."
	case v.IsNull():
		return nil, "it is null. Write " + example + "."
	case ty == cty.String:
		if _, ok := l.blocks[class][v.AsString()]; ok {
			example = class + "." + v.AsString()
		}
		return nil, "write " + example + ", without quotes."
	case ty.IsMapType() && ty.ElementType().Equals(object):
		return nil, "this is a map, because the block has for_each. Name one of its instances, such as " + example + `["KEY"].`
	case !ty.Equals(object):
		return nil, "this is a value of type " + ty.FriendlyName() + ". Write " + example + "."
	}
	address := v.GetAttr("address")
	if address.IsNull() || !address.IsKnown() || address.IsMarked() {
		return nil, "write " + example + "."
	}
	for _, b := range l.blocks[class] {
		for _, in := range b.instances {
			if in.address == address.AsString() {
				return in, ""
			}
		}
	}
	return nil, "there is none with the address " + address.AsString() + "."
}
