package config

import (
	"iter"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/kustash/kustash/pipeline"
)

// tableList is an argument that names tables.
type tableList struct {
	patterns []string
	at       []hcl.Range // of each pattern
}

// names reads an argument that lists tables by name or pattern.
func (b *body) names(name string) (list tableList, set bool) {
	attr, set := b.content.Attributes[name]
	if !set {
		return list, false
	}
	v, ok := b.plain(attr, name, cty.List(cty.String))
	switch {
	case !ok:
		return list, true
	case v.IsNull() || v.LengthInt() == 0:
		b.fail(attr, "Unsuitable value", "The argument %q names no table. A list of names is required, such as [\"SecurityEvent\", \"Device*\"]; \"*\" stands for any text.", name)
		return list, true
	}
	for at, element := range elements(attr.Expr, v) {
		switch {
		case element.IsNull() || strings.TrimSpace(element.AsString()) == "":
			b.ok = false
			b.errorAt(at, "Unsuitable value", "The name of a table in %q is empty.", name)
		case strings.ContainsAny(element.AsString(), "|\n;") || element.AsString() != strings.TrimSpace(element.AsString()):
			b.ok = false
			b.errorAt(at, "Unsuitable value", "The argument %q takes names of tables, in which \"*\" stands for any text, and not %q. The text of a query is the argument kql.", name, clip(element.AsString()))
		case slices.Contains(list.patterns, element.AsString()):
			b.ok = false
			b.errorAt(at, "Duplicate table", "The list names %q twice.", element.AsString())
		default:
			list.patterns = append(list.patterns, element.AsString())
			list.at = append(list.at, at)
		}
	}
	return list, true
}

// elements yields the elements of a list, each with its place in the file; that
// is the place of the whole list where its elements are not written one by one.
func elements(expr hcl.Expression, list cty.Value) iter.Seq2[hcl.Range, cty.Value] {
	return func(yield func(hcl.Range, cty.Value) bool) {
		written, _ := hcl.ExprList(expr)
		i := 0
		for it := list.ElementIterator(); it.Next(); i++ {
			_, element := it.Element()
			at := expr.Range()
			if len(written) == list.LengthInt() {
				at = written[i].Range()
			}
			if !yield(at, element) {
				return
			}
		}
	}
}

// what reads what the query exports: a text, or tables that only the workspace
// can list.
func (b *body) what(in *instance, forEach bool) {
	tables, byTable := b.names("tables")
	except, excepts := b.names("except")
	kql, byText := b.content.Attributes["kql"]
	if excepts && !byTable {
		b.fail(b.content.Attributes["except"], "Unsuitable argument", "The argument \"except\" leaves out some of the tables that \"tables\" names. Write tables = [\"*\"] with it, or take it out.")
	}
	if !byTable {
		if !byText {
			b.ok = false
			b.errorAt(b.at, "Missing required argument", "The argument \"kql\" is required: the text of the query, or tables = [\"*\"] in its place for one export a table.")
		}
		in.export.Query.Text = b.kql()
		return
	}
	attr := b.content.Attributes["tables"]
	switch {
	case byText:
		b.fail(attr, "Conflicting arguments", "A query has a text or tables, and here kql stands at %s. Keep tables for one export a table as it is, or kql, with for_each = toset([\"A\", \"B\"]) and each.value for several.", position(kql.Range))
	case forEach:
		b.fail(attr, "Conflicting arguments", "The argument \"tables\" makes an instance for each table, so it does not go with for_each. Take one of both out.")
	}
	in.tables = &TableQuery{tables: tables, except: except}
}

// TableQuery is a query that names tables in place of a text. It stands for
// one export a table; which tables there are only the workspace can say.
type TableQuery struct {
	// Template is each of the exports, but for its address, text and
	// fingerprint, and for its time column where the query names none.
	Template       pipeline.Export
	tables, except tableList
}

// Address returns the address of the instance for a table.
func (q TableQuery) Address(table string) string {
	return q.Template.Query.Address + "[" + quote(table) + "]"
}

// Covers reports whether the query means tables of this name.
func (q TableQuery) Covers(table string) bool {
	fits := func(pattern string) bool { return pipeline.NameMatches(pattern, table) }
	return slices.ContainsFunc(q.tables.patterns, fits) && !slices.ContainsFunc(q.except.patterns, fits)
}

// Instance returns the export of a table.
func (q TableQuery) Instance(t pipeline.Table) pipeline.Export {
	e := q.Template
	e.Query.Address = q.Address(t.Name)
	e.Query.Text = t.Text
	e.Query.TimeColumn = t.TimeColumn
	e.Query.Fingerprint = fingerprint(e)
	return e
}

// Recorded returns the instances that the ledger knows of, by table, which are
// all that can be known without the network. What they read is as it was
// recorded; a time column that the query does not name is left to the source.
func (q TableQuery) Recorded(h *pipeline.History) map[string]pipeline.Export {
	known := make(map[string]pipeline.Export)
	for _, address := range h.Queries() {
		key, ok := strings.CutPrefix(address, q.Template.Query.Address+"[")
		if !ok {
			continue
		}
		table, err := unquote(strings.TrimSuffix(key, "]"))
		if err != nil || !q.Covers(table) {
			continue
		}
		e := q.Template
		e.Query.Address = address
		e.Query.Text = h.Text(address)
		e.Query.Fingerprint = h.Fingerprint(address)
		known[table] = e
	}
	return known
}
