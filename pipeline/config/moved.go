package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Move says that a query has another address than before: what is recorded of
// From is To's. Where neither has a key, so is what is recorded of instances.
type Move struct{ From, To string }

// evaluateMoves decodes the moved blocks. A chain of them, a to b and b to c,
// comes in the order of its steps.
func (l *loader) evaluateMoves() []Move {
	schema := &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "from", Required: true}, {Name: "to", Required: true}}}
	type place struct {
		Move
		at hcl.Range
		to hcl.Range // the argument
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
		m.to = content.Attributes["to"].Range
		if !ok1 || !ok2 {
			continue
		}
		switch other, twice := from[m.From], to[m.To]; {
		case m.From == m.To:
			l.errorAt(b.DefRange, "Move without effect", "Both addresses are %s. Name the query's earlier address in \"from\".", m.From)
		case other.From != "":
			l.errorAt(b.DefRange, "Duplicate move", "What %s was is moved already at %s. A query can become one other only.", m.From, position(other.at))
		case twice.From != "":
			l.errorAt(b.DefRange, "Duplicate move", "%s takes over from %s already at %s. A query can take over from one other only.", m.To, twice.From, position(twice.at))
		case l.declares(m.From, m.single()):
			l.errorAt(content.Attributes["from"].Range, "Query is still declared", "%s is declared, so it has not moved. Remove its block, or this one.", m.From)
		default:
			from[m.From], to[m.To] = m, m
			moves = append(moves, m)
		}
	}
	for _, m := range moves {
		if _, on := from[m.To]; !on && !l.declares(m.To, m.single()) {
			l.errorAt(m.to, "Move to an undeclared query", "The pipeline declares no %s, which is to take over from %s.%s", m.To, m.From, l.otherThan(m.To))
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
	return "query." + name.Name + "[" + quote(key.Key.AsString()) + "]"
}

// single reports whether a move is about one query, not a block of them.
func (m Move) single() bool { return strings.Contains(m.From+m.To, "[") }

// declares reports whether the pipeline has a query with this address: a block,
// or exactly this instance of one. A block of which the instances are not known
// may have any.
func (l *loader) declares(address string, exactly bool) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(address, "query."), "[")
	b, ok := l.blocks["query"][name]
	if !ok || !exactly {
		return ok
	}
	if strings.Contains(address, "[") && slices.ContainsFunc(b.instances, func(in *instance) bool { return in.tables != nil }) {
		return true
	}
	return slices.ContainsFunc(b.instances, func(in *instance) bool { return in.address == address })
}

// otherThan suggests a declared query for an address that is none.
func (l *loader) otherThan(address string) string {
	var all []string
	for _, b := range l.all("query") {
		all = append(all, b.address())
		for _, in := range b.instances {
			all = append(all, in.address)
		}
	}
	return DidYouMean(address, all)
}
