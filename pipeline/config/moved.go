package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Move says that a query has another address than before: what is recorded of
// From is To's. Either both are instances or both are whole blocks.
type Move struct{ From, To string }

// evaluateMoves decodes the moved blocks. A chain of them, a to b and b to c,
// comes in the order of its steps.
func (l *loader) evaluateMoves() []Move {
	schema := &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "from", Required: true}, {Name: "to", Required: true}}}
	type place struct {
		Move
		at hcl.Range
	}
	var moves []place
	from := make(map[string]place)
	to := make(map[string]place)
	for _, b := range l.moved {
		before := len(l.diags)
		content := l.content(b.Body, schema, "moved")
		if l.diags[before:].HasErrors() {
			continue
		}
		m := place{at: b.DefRange}
		var ok1, ok2 bool
		m.From, ok1 = l.movedAddress(content.Attributes["from"])
		m.To, ok2 = l.movedAddress(content.Attributes["to"])
		if !ok1 || !ok2 {
			continue
		}
		switch other, twice := from[m.From], to[m.To]; {
		case m.From == m.To:
			l.errorAt(b.DefRange, "Move without effect", "Both addresses are %s. Name the query's earlier address in \"from\".", m.From)
		case strings.Contains(m.From, "[") != strings.Contains(m.To, "["):
			l.errorAt(b.DefRange, "Unsuitable move", "One address is an instance of a query, the other a whole query. Give both a key, or none.")
		case other.From != "":
			l.errorAt(b.DefRange, "Duplicate move", "What %s was is moved already at %s. A query can become one other only.", m.From, position(other.at))
		case twice.From != "":
			l.errorAt(b.DefRange, "Duplicate move", "%s takes over from %s already at %s. A query can take over from one other only.", m.To, twice.From, position(twice.at))
		case l.declares(m.From):
			l.errorAt(content.Attributes["from"].Range, "Query is still declared", "%s is declared, so it has not moved. Remove its block, or this one.", m.From)
		default:
			from[m.From], to[m.To] = m, m
			moves = append(moves, m)
		}
	}
	var ordered []Move
	taken := make(map[string]bool)
	for _, m := range moves {
		var chain []Move
		for at := m; at.From != "" && !taken[at.From]; at = to[at.From] {
			taken[at.From] = true
			chain = append([]Move{at.Move}, chain...)
		}
		if len(chain) > 0 && chain[0].From == chain[len(chain)-1].To {
			l.errorAt(m.at, "Moves in a circle", "The moves lead from %s back to it. Remove one of them.", m.From)
			continue
		}
		ordered = append(ordered, chain...)
	}
	return ordered
}

// movedAddress returns the address of a query that an argument names.
func (l *loader) movedAddress(attr *hcl.Attribute) (string, bool) {
	traversal, diags := hcl.AbsTraversalForExpr(attr.Expr)
	address := ""
	if !diags.HasErrors() {
		address = queryAddress(traversal)
	}
	if address == "" {
		l.errorAt(attr.Expr.Range(), "Unsuitable value", "The argument %q takes the address of a query, without quotes: %s = query.NAME, or query.NAME[\"key\"].", attr.Name, attr.Name)
		return "", false
	}
	return address, true
}

// queryAddress returns the address that a traversal writes; "" if it is no
// query's.
func queryAddress(t hcl.Traversal) string {
	if len(t) < 2 || len(t) > 3 || t.RootName() != "query" {
		return ""
	}
	name, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		return ""
	}
	if len(t) == 2 {
		return "query." + name.Name
	}
	key, ok := t[2].(hcl.TraverseIndex)
	if !ok || key.Key.Type() != cty.String {
		return ""
	}
	return fmt.Sprintf("query.%s[%q]", name.Name, key.Key.AsString())
}

// declares reports whether the pipeline has a query, or the instance of one,
// with this address.
func (l *loader) declares(address string) bool {
	name, _, keyed := strings.Cut(strings.TrimPrefix(address, "query."), "[")
	b, ok := l.blocks["query"][name]
	if !ok {
		return false
	}
	if !keyed {
		return true
	}
	for _, in := range b.usable() {
		if in.address == address {
			return true
		}
	}
	return false
}
