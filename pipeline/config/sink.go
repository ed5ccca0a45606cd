package config

import (
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// sinkObject is what a reference to a sink evaluates to, whatever its kind.
var sinkObject = cty.Object(map[string]cty.Type{"address": cty.String, "name": cty.String, "kind": cty.String,
	"path": cty.String, "url": cty.String})

func (l *loader) evaluateSink(b *block) {
	settings, ok := l.newSettings("sink", b.kind, b.block.LabelRanges[0])
	if !ok {
		b.value = cty.DynamicVal
		return
	}
	s := shapeOf(settings).attributes("layout", "empty", "superseded", "max_rows", "max_file_size").block("format", anyOf(l.Kinds.Formats), "kind")
	authenticated := l.Kinds.Authenticated[b.kind]
	if authenticated {
		l.withAuth(s, b.block.Body)
	}
	l.expand(b, s, sinkObject, func(in *instance, body *body) cty.Value {
		in.settings, _ = l.newSettings("sink", b.kind, b.block.LabelRanges[0])
		body.fill(reflect.ValueOf(in.settings).Elem(), body.content, "")
		declared := SinkBlock{Address: in.address, Name: b.name, Kind: b.kind, Dir: l.dir, Settings: in.settings, Layout: DefaultLayout}
		if layout, set, _ := body.text(body.content, "layout"); set {
			declared.Layout = layout
		}
		body.format(&declared)
		var authPlaces places
		if authenticated {
			declared.Auth, authPlaces = body.auth()
		}
		empty := body.choice("empty", []string{"none", "file"}, nil)
		superseded := body.choice("superseded", []string{"delete", "keep"}, nil)
		rows, bytes := body.plural("max_rows"), body.size("max_file_size")
		if body.ok {
			var err error
			if in.sink, err = l.Kinds.Sink(declared); err != nil {
				body.wrong("Invalid sink", err, authPlaces)
			}
			in.sink.WriteEmpty, in.sink.Keep = empty == "file", superseded == "keep"
			in.sink.MaxRows, in.sink.MaxBytes = rows, bytes
		}
		return cty.ObjectVal(map[string]cty.Value{
			"address": cty.StringVal(in.address),
			"name":    cty.StringVal(b.name),
			"kind":    cty.StringVal(b.kind),
			"path":    settingText(in.settings, "path"),
			"url":     sinkURL(in.settings),
		})
	})
}

// sinkURL is the address of a sink that is no folder; null of one that is.
func sinkURL(settings any) cty.Value {
	if s, ok := settings.(interface{ Place() string }); ok {
		return cty.StringVal(s.Place())
	}
	return cty.NullVal(cty.String)
}

// format decodes the format block of a sink, or takes the default.
func (b *body) format(declared *SinkBlock) {
	var found hcl.Blocks
	for _, block := range b.content.Blocks {
		if block.Type == "format" {
			found = append(found, block)
		}
	}
	if len(found) == 0 {
		declared.Format = DefaultFormat
		settings, ok := b.newSettings("format", DefaultFormat, b.at)
		b.ok = b.ok && ok
		declared.FormatSettings = settings
		return
	}
	if len(found) > 1 {
		b.ok = false
		b.errorAt(found[1].DefRange, "Duplicate block", "A sink has one format, and there is another \"format\" block at %s. Declare a second sink for a second format.", position(found[0].DefRange))
	}
	declared.Format = found[0].Labels[0]
	settings, ok := b.nested(found[0], "format", declared.Format, found[0].LabelRanges[0])
	b.ok = b.ok && ok
	declared.FormatSettings = settings
}
