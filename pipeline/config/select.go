package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/kustash/kustash/pipeline"
)

// Select chooses the tables of a query among those that its workspace has.
// They come back with the column that slices are cut on. The notes name tables
// that the query means and that cannot be exported by it, and absent ones that
// it lets be absent; names that no table has are diagnostics.
func (q TableQuery) Select(all []pipeline.Table) (chosen []pipeline.Table, notes []string, diags hcl.Diagnostics) {
	var timeless, otherPlan []string
	for _, t := range all {
		if !q.Covers(t.Name) {
			continue
		}
		byName := q.named(t.Name)
		column, timed := q.timeColumn(t)
		switch {
		case !q.planFits(t, byName):
			otherPlan = append(otherPlan, t.Name)
		case !timed && byName:
			diags = append(diags, q.wrong(q.tables, t.Name, hcl.DiagError, "Table without time",
				fmt.Sprintf("The table %q has no column %s, so it cannot be cut in slices. Take it out of the list, or name its own time in the window with time_column.", t.Name, column)))
		case !timed:
			timeless = append(timeless, t.Name)
		default:
			t.TimeColumn, t.Plan = column, q.Template.Query.Plan
			chosen = append(chosen, t)
		}
	}
	address := q.Template.Query.Address
	if len(timeless) > 0 {
		notes = append(notes, fmt.Sprintf("%s leaves out what has no time to cut slices by: %s", address, strings.Join(timeless, ", ")))
	}
	if len(otherPlan) > 0 {
		notes = append(notes, fmt.Sprintf("%s leaves out tables of another plan than its own: %s; each query of a Basic or Auxiliary table is billed, "+
			"so export them by a query that names them, with plan = \"basic\" or \"auxiliary\"", address, strings.Join(otherPlan, ", ")))
	}
	absent, wrong := q.unknown(all)
	return chosen, append(notes, absent...), append(diags, wrong...)
}

// named reports whether the query names the table without a wildcard.
func (q TableQuery) named(table string) bool {
	for _, p := range q.tables.patterns {
		if p == table {
			return true
		}
	}
	return false
}

// planFits reports whether the table is read as the query says. A source that
// does not know the plan of a table says that it is the usual one, and then the
// query knows better, if it names the table.
func (q TableQuery) planFits(t pipeline.Table, byName bool) bool {
	return t.Plan == q.Template.Query.Plan || byName && t.Plan == pipeline.Analytics
}

// timeColumn returns the column that slices of a table are cut on, and whether
// it has it.
func (q TableQuery) timeColumn(t pipeline.Table) (column string, ok bool) {
	column = q.Template.Query.TimeColumn
	if column == "" {
		if t.TimeColumn == "" {
			return defaultTimeColumn, false
		}
		return t.TimeColumn, true
	}
	for _, c := range t.Columns {
		if c.Name == column {
			return column, c.Type == pipeline.Datetime
		}
	}
	return column, t.Columns == nil
}

// unknown finds names and patterns that no table has.
func (q TableQuery) unknown(all []pipeline.Table) (notes []string, diags hcl.Diagnostics) {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Name
	}
	fits := func(pattern string) bool {
		for _, name := range names {
			if pipeline.NameMatches(pattern, name) {
				return true
			}
		}
		return false
	}
	for _, p := range q.tables.patterns {
		switch {
		case fits(p):
		case q.Template.Query.MissingTable == pipeline.MissingSkip:
			notes = append(notes, fmt.Sprintf("%s: table %s does not exist yet, or this credential does not see it; skipped", q.Template.Query.Address, p))
		case strings.Contains(p, "*"):
			diags = append(diags, q.wrong(q.tables, p, hcl.DiagError, "Unknown table",
				fmt.Sprintf("No table of %s has a name like %q. \"kustash tables -all\" lists them; missing_table = \"skip\" waits for one.", q.Template.Workspace, p)))
		default:
			diags = append(diags, q.wrong(q.tables, p, hcl.DiagError, "Unknown table",
				fmt.Sprintf("%s has no table %q, or does not show it to this credential.%s \"kustash tables -all\" lists them; missing_table = \"skip\" waits for it.", q.Template.Workspace, p, DidYouMean(p, names))))
		}
	}
	for _, p := range q.except.patterns {
		if !fits(p) {
			diags = append(diags, q.wrong(q.except, p, hcl.DiagWarning, "Unknown table",
				fmt.Sprintf("%s has no table %q, so this leaves out nothing.%s", q.Template.Workspace, p, DidYouMean(p, names))))
		}
	}
	return notes, diags
}

func (q TableQuery) wrong(list tableList, pattern string, severity hcl.DiagnosticSeverity, summary, detail string) *hcl.Diagnostic {
	d := &hcl.Diagnostic{Severity: severity, Summary: summary, Detail: detail}
	for i, p := range list.patterns {
		if p == pattern {
			d.Subject = place(list.at[i])
		}
	}
	return d
}
