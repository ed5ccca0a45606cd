package kql

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

type (
	// parseTextStep is parse or parse-where.
	parseTextStep struct {
		name   string
		regex  bool
		flags  string // of the regular expression: any of i, m, s, U
		source expr
		parts  []parsePart
	}
	// parsePart is a star, a text or a column.
	parsePart struct {
		skip   bool
		text   string
		column Column
	}
)

func (s *parseTextStep) word() string { return s.name }

// groupName marks the groups of columns among those that a pattern of the
// author's may have.
const groupName = "kustash_"

// typed patterns narrow what a column of the type takes; others take any text.
var typed = map[pipeline.Type]string{
	pipeline.Int: `[+-]?\d+`, pipeline.Long: `[+-]?\d+`, pipeline.Real: `[+-]?[\d.]+(?:[eE][+-]?\d+)?`,
}

func (s *parseTextStep) bind(b *binder, e env, in *relation) (*relation, error) {
	source, err := b.scalar(s.source, e)
	if err != nil {
		return nil, err
	}
	var pattern strings.Builder
	pattern.WriteString("(?s" + strings.ReplaceAll(s.flags, "s", "") + ")^")
	fresh := namer{}
	var made []Column
	for i, p := range s.parts {
		greedy := "?"
		if i == len(s.parts)-1 {
			greedy = ""
		}
		switch {
		case p.skip:
			pattern.WriteString(".*" + greedy)
		case p.column.Name == "" && s.regex:
			pattern.WriteString("(?:" + p.text + ")")
		case p.column.Name == "":
			pattern.WriteString(regexp.QuoteMeta(p.text))
		default:
			if fresh[p.column.Name] {
				return nil, semanticError(codeDuplicate, "'%s' operator: the column '%s' is defined twice", s.name, p.column.Name)
			}
			fresh[p.column.Name] = true
			made = append(made, p.column)
			open := fmt.Sprintf("(?P<%s%d>", groupName, len(made))
			if narrow, ok := typed[p.column.Type]; ok {
				pattern.WriteString(open + narrow + ")")
			} else {
				pattern.WriteString(open + ".*" + greedy + ")")
			}
		}
	}
	pattern.WriteString("$")
	re, err := regexp.Compile(pattern.String())
	if err != nil {
		return nil, semanticError(codeOther, "'%s' operator: the pattern is not a regular expression: %v", s.name, err)
	}
	return s.run(b, in, source, re, made), nil
}

func (s *parseTextStep) run(b *binder, in *relation, source *scalar, re *regexp.Regexp, made []Column) *relation {
	kept := slices.DeleteFunc(outputsOf(in.columns, func(Column) bool { return true }), func(o output) bool {
		return slices.ContainsFunc(made, func(c Column) bool { return c.Name == o.column.Name })
	})
	columns := make([]Column, 0, len(kept)+len(made))
	for _, o := range kept {
		columns = append(columns, o.column)
	}
	columns = append(columns, made...)
	out := b.mapped(in, columns, func(row []Value) ([]Value, error) {
		v, err := source.eval(row)
		if err != nil {
			return nil, err
		}
		found := re.FindStringSubmatch(text(v))
		if found == nil && s.name == "parse-where" {
			return nil, nil
		}
		out := make([]Value, 0, len(columns))
		for _, o := range kept {
			v, err := o.value.eval(row)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		for i, c := range made {
			group := re.SubexpIndex(fmt.Sprintf("%s%d", groupName, i+1))
			if found == nil {
				out = append(out, missing(c.Type))
				continue
			}
			out = append(out, conform(convert(found[group], c.Type), c.Type))
		}
		return out, nil
	})
	return out.derive(columns, func() ([][]Value, error) {
		rows, err := out.rows()
		return slices.DeleteFunc(rows, func(row []Value) bool { return row == nil }), err
	})
}
