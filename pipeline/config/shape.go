package config

import (
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
)

// shape is the schema of a body and of the blocks within it.
type shape struct {
	schema hcl.BodySchema
	blocks map[string]*shape
}

// field is one field of a settings struct.
type field struct {
	index    []int // of reflect.Value.FieldByIndex
	name     string
	optional bool
	block    bool
}

// fieldsOf returns the tagged fields of a struct type, and of the structs that
// are embedded in it.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup("hcl")
		if !ok {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		fields = append(fields, field{index: f.Index, name: name, optional: option == "optional", block: option == "block"})
	}
	return fields
}

// blockType returns the struct type behind a block field.
func blockType(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

// shapeOf returns the shape of a settings struct, or of a pointer to one.
func shapeOf(settings any) *shape { return shapeOfType(blockType(reflect.TypeOf(settings))) }

func shapeOfType(t reflect.Type) *shape {
	s := &shape{blocks: make(map[string]*shape)}
	for _, f := range fieldsOf(t) {
		if f.block {
			s.block(f.name, shapeOfType(blockType(t.FieldByIndex(f.index).Type)))
			continue
		}
		s.schema.Attributes = append(s.schema.Attributes, hcl.AttributeSchema{Name: f.name, Required: !f.optional})
	}
	return s
}

// attributes adds arguments that may be left out.
func (s *shape) attributes(names ...string) *shape {
	for _, name := range names {
		s.schema.Attributes = append(s.schema.Attributes, hcl.AttributeSchema{Name: name})
	}
	return s
}

// block adds a nested block.
func (s *shape) block(name string, inner *shape, labels ...string) *shape {
	s.schema.Blocks = append(s.schema.Blocks, hcl.BlockHeaderSchema{Type: name, LabelNames: labels})
	s.blocks[name] = inner
	return s
}

// anyOf returns a shape that takes what any of the kinds takes. It serves for
// finding references in a block whose label is not known yet.
func anyOf(kinds map[string]func() any) *shape {
	s := &shape{blocks: make(map[string]*shape)}
	for _, kind := range sortedKeys(kinds) {
		s.merge(shapeOf(kinds[kind]()))
	}
	return s
}

func (s *shape) merge(o *shape) {
	for _, a := range o.schema.Attributes {
		s.attributes(a.Name)
	}
	for name, inner := range o.blocks {
		if mine, ok := s.blocks[name]; ok {
			mine.merge(inner)
		} else {
			s.block(name, inner)
		}
	}
}

// references returns what the body of a block refers to, nested blocks
// included.
func references(body hcl.Body, s *shape) []hcl.Traversal {
	return walk(dynblock.WalkVariables(body), s)
}

func walk(node dynblock.WalkVariablesNode, s *shape) []hcl.Traversal {
	refs, children := node.Visit(&s.schema)
	for _, child := range children {
		if inner, ok := s.blocks[child.BlockTypeName]; ok {
			refs = append(refs, walk(child.Node, inner)...)
		}
	}
	return refs
}
