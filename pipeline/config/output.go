package config

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/kustash/kustash/pipeline"
)

// Output is a declared output value.
type Output struct {
	Name        string
	Description string
	Sensitive   bool // String and JSON show only that it is
	Value       cty.Value
}

// String writes the value as a pipeline file would.
func (o Output) String() string {
	if o.Sensitive {
		return hiddenText
	}
	return string(hclwrite.Format(hclwrite.TokensForValue(o.Value).Bytes()))
}

// JSON returns the value as JSON.
func (o Output) JSON() json.RawMessage {
	if o.Sensitive {
		return json.RawMessage(`"` + hiddenText + `"`)
	}
	text, err := ctyjson.Marshal(o.Value, o.Value.Type())
	if err != nil {
		return json.RawMessage("null") // an infinite number, which JSON cannot write
	}
	return text
}

var outputSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "value", Required: true}, {Name: "description"}, {Name: "sensitive"}}}

// evaluateOutputs returns the outputs by name.
func (l *loader) evaluateOutputs() []Output {
	byName := make(map[string]*hcl.Block)
	for _, b := range l.outputs {
		byName[b.Labels[0]] = b
	}
	var outputs []Output
	for _, name := range sortedKeys(byName) {
		content := l.content(byName[name].Body, outputSchema, "output")
		o := Output{Name: name, Description: l.literalString(content, "description"), Sensitive: l.literalBool(content, "sensitive", false)}
		attr, ok := content.Attributes["value"]
		if !ok {
			continue
		}
		v, ok := l.eval(attr.Expr, l.scope(attr.Expr.Variables(), false))
		if !ok {
			continue
		}
		if v.ContainsMarked() && !o.Sensitive {
			l.errorAt(attr.Expr.Range(), "Sensitive value not allowed", "The output would show a sensitive value. Add sensitive = true to it, which shows only that there is one.")
			continue
		}
		o.Value, _ = v.UnmarkDeep()
		outputs = append(outputs, o)
	}
	return outputs
}

var settingsSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "required_version"}},
	Blocks:     []hcl.BlockHeaderSchema{{Type: "state", LabelNames: []string{"kind"}}},
}

// state decodes the state block, or returns the default state.
func (l *loader) state() State {
	fallback := State{Kind: DefaultState}
	if factory, ok := l.Kinds.States[DefaultState]; ok {
		fallback.Settings = factory()
	}
	if l.settings == nil {
		return fallback
	}
	content := l.content(l.settings.Body, settingsSchema, "kustash")
	if len(content.Blocks) == 0 {
		return fallback
	}
	if len(content.Blocks) > 1 {
		l.errorAt(content.Blocks[1].DefRange, "Duplicate block", "A pipeline has one state, and there is another at %s.", position(content.Blocks[0].DefRange))
	}
	b := content.Blocks[0]
	settings, ok := l.newSettings("state", b.Labels[0], b.LabelRanges[0])
	if !ok {
		return fallback
	}
	s := shapeOf(settings)
	authenticated := l.Kinds.Authenticated[b.Labels[0]]
	if authenticated {
		l.withAuth(s, b.Body)
	}
	inner := l.content(b.Body, &s.schema, "state")
	d := &decoder{loader: l, ctx: l.scope(references(b.Body, s), false), places: make(places), ok: true}
	d.fill(reflect.ValueOf(settings).Elem(), inner, "")
	var auth *CredentialBlock
	if authenticated {
		auth, _ = (&body{decoder: d, content: inner, at: b.DefRange}).auth()
	}
	if c, ok := settings.(interface{ Check() error }); ok && d.ok {
		if err := c.Check(); err != nil {
			at := b.DefRange
			if setting, ok := errors.AsType[*pipeline.SettingError](err); ok && inner.Attributes[setting.Name] != nil {
				at = inner.Attributes[setting.Name].Range
			}
			l.errorAt(at, "Invalid state", "%s.", strings.TrimSuffix(sentence(err.Error()), "."))
		}
	}
	return State{Kind: b.Labels[0], Settings: settings, Auth: auth}
}
