package config

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// rootBlocks are the blocks of a pipeline file with their labels.
var rootBlocks = map[string][]string{
	"kustash":    nil,
	"variable":   {"name"},
	"locals":     nil,
	"credential": {"kind", "name"},
	"workspace":  {"name"},
	"sink":       {"kind", "name"},
	"query":      {"name"},
	"output":     {"name"},
	"moved":      nil,
}

// rootHabits answers blocks that other tools have, and blocks that are still
// to come.
var rootHabits = map[string]string{
	"terraform": "Settings of the tool stand in a \"kustash\" block: kustash { required_version = \">= 0.1\" }.",
	"backend":   "The place of the state is a block within \"kustash\": kustash { state \"local\" { path = \".kustash\" } }.",
	"state":     "The place of the state is a block within \"kustash\": kustash { state \"local\" { path = \".kustash\" } }.",
	"provider":  "There are no providers. A workspace is declared as workspace \"NAME\" { … }, a login as credential \"KIND\" \"NAME\" { … }.",
	"resource":  "There are no resources. What is exported is declared as query \"NAME\" { … }, where it goes as sink \"KIND\" \"NAME\" { … }.",
	"data":      "There are no data sources. Use file(\"…\") with csvdecode, jsondecode or yamldecode to read values from a file.",
	"module":    "There are no modules. All *.kustash.hcl files of one directory form a pipeline; for_each declares several of a block.",
	"local":     "Local values stand in a \"locals\" block: locals { name = value }.",
	"var":       "A variable is declared as variable \"NAME\" { … }.",
	"variables": "Each variable has a block of its own: variable \"NAME\" { … }.",
	"source":    "A source of data is declared as workspace \"NAME\" { … }.",
	"table":     "A table is exported by a query: query \"NAME\" { kql = \"TABLE\" … }.",
	"import":    "There is nothing to import: what is in the archive is known from the state.",
}

var nameSyntax = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// collect takes the blocks of one file.
func (l *loader) collect(body hcl.Body) {
	for _, b := range l.rootContent(body) {
		switch b.Type {
		case "kustash":
			l.collectSettings(b)
		case "variable":
			l.declareVariable(b)
		case "locals":
			l.declareLocals(b)
		case "output":
			l.declareOutput(b)
		case "moved":
			l.moved = append(l.moved, b)
		default:
			l.declareBlock(b)
		}
	}
}

// rootContent returns the known blocks of a file and reports the others. Native
// syntax is checked here, because the schema's own messages know no habits.
func (l *loader) rootContent(body hcl.Body) hcl.Blocks {
	schema := &hcl.BodySchema{}
	for _, name := range sortedKeys(rootBlocks) {
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: name, LabelNames: rootBlocks[name]})
	}
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		for _, name := range sortedKeys(rootHabits) {
			schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: name})
		}
		content, diags := body.Content(schema)
		l.report(diags...)
		var known hcl.Blocks
		for _, b := range content.Blocks {
			if _, ok := rootBlocks[b.Type]; ok {
				known = append(known, b)
			} else {
				l.unknownBlock(b.Type, b.TypeRange)
			}
		}
		return known
	}
	for _, name := range sortedKeys(native.Attributes) {
		l.errorAt(native.Attributes[name].NameRange, "Unsupported argument",
			"Arguments stand within blocks, and %q is outside of all. A named value is written locals { %s = … }.", name, name)
	}
	var known hcl.Blocks
	for _, b := range native.Blocks {
		labels, ok := rootBlocks[b.Type]
		switch {
		case !ok:
			l.unknownBlock(b.Type, b.TypeRange)
		case len(b.Labels) != len(labels):
			l.wrongLabels(b, labels)
		default:
			known = append(known, b.AsHCLBlock())
		}
	}
	return known
}

func (l *loader) unknownBlock(name string, at hcl.Range) {
	if habit, ok := rootHabits[name]; ok {
		l.errorAt(at, "Unsupported block type", "Blocks of type %q are not expected here. %s", name, habit)
		return
	}
	l.errorAt(at, "Unsupported block type", "Blocks of type %q are not expected here.%s", name, DidYouMean(name, sortedKeys(rootBlocks)))
}

func (l *loader) wrongLabels(b *hclsyntax.Block, labels []string) {
	example := b.Type
	for _, label := range labels {
		text := label
		switch {
		case len(b.Labels) == 1 && label == "name" && !slices.Contains(l.kindsOf(b.Type), b.Labels[0]):
			text = b.Labels[0]
		case len(b.Labels) == 1 && label == "name":
			text = "NAME"
		case len(b.Labels) == 1 && slices.Contains(l.kindsOf(b.Type), b.Labels[0]):
			text = b.Labels[0]
		case label == "kind" && len(l.kindsOf(b.Type)) > 0:
			text = l.kindsOf(b.Type)[0]
		}
		example += fmt.Sprintf(" %q", text)
	}
	l.errorAt(b.DefRange(), "Wrong number of labels", "The number of labels of a %s block is %d, and here it is %d. Write: %s { … }.",
		b.Type, len(labels), len(b.Labels), example)
}

// goodName checks the name of a declaration.
func (l *loader) goodName(what, name string, at hcl.Range) bool {
	if nameSyntax.MatchString(name) {
		return true
	}
	l.errorAt(at, "Invalid name", "The name of a %s begins with a letter or an underscore and continues with letters, digits, underscores and dashes.", what)
	return false
}

// duplicate reports that something is declared twice.
func (l *loader) duplicate(what, name string, at, first hcl.Range) {
	l.errorAt(at, "Duplicate declaration", "A %s named %q was already declared at %s. Names must be unique in a pipeline.", what, name, position(first))
}

func (l *loader) collectSettings(b *hcl.Block) {
	if l.settings != nil {
		l.errorAt(b.DefRange, "Duplicate kustash block", "A pipeline has one kustash block, and there is another at %s. Put all settings into one.", position(l.settings.DefRange))
		return
	}
	l.settings = b
}

func (l *loader) declareOutput(b *hcl.Block) {
	if !l.goodName("output", b.Labels[0], b.LabelRanges[0]) {
		return
	}
	for _, other := range l.outputs {
		if other.Labels[0] == b.Labels[0] {
			l.duplicate("output", b.Labels[0], b.DefRange, other.DefRange)
			return
		}
	}
	l.outputs = append(l.outputs, b)
}

func (l *loader) declareBlock(b *hcl.Block) {
	last := len(b.Labels) - 1
	d := &block{class: b.Type, name: b.Labels[last], block: b}
	if last > 0 {
		d.kind = b.Labels[0]
	}
	if !l.goodName(b.Type, d.name, b.LabelRanges[last]) {
		return
	}
	if other, ok := l.blocks[b.Type][d.name]; ok {
		l.duplicate(b.Type, d.name, b.DefRange, other.block.DefRange)
		return
	}
	l.blocks[b.Type][d.name] = d
}
