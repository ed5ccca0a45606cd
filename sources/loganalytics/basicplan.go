package loganalytics

import (
	"fmt"

	"github.com/kustash/kustash/pipeline"
)

// maxJoined is how many further tables a query of a basic or auxiliary table
// may name, by union or lookup.
const maxJoined = 5

// notBasic are the words that a query of a basic or auxiliary table must not
// have, see https://learn.microsoft.com/azure/azure-monitor/logs/basic-logs-query.
var notBasic = names("join find search externaldata external_data invoke workspace app resource adx arg cluster database table")

// cheap returns what the route for basic and auxiliary tables does not allow.
func (w *walker) cheap(plan pipeline.TablePlan) []pipeline.Problem {
	var problems []pipeline.Problem
	add := func(p part, format string, values ...any) {
		problems = append(problems, w.problem(p, "Not on this plan", fmt.Sprintf("A table of the plan %q ", plan)+fmt.Sprintf(format, values...), false))
	}
	for i := range w.tokens {
		switch word := w.at(i); {
		case w.notBasic(i):
			add(part{i, i + 1}, "cannot be queried with %s. Read it as it is, or with where, extend, project, parse and summarize.", word)
		case (word == startName || word == endName) && w.bounds() != noBound:
			add(part{i, i + 1}, "takes its time range with the request only. Leave %s out: the window is put there.", word)
		}
	}
	for _, r := range w.remarks {
		if r.summary == functionSummary {
			add(r.part, "cannot be queried with functions of the workspace. Write out what the function does.")
		}
	}
	for _, p := range w.statements {
		equals := w.find(p, "=")
		if w.at(p.from) == "let" && equals >= 0 && w.lambda(part{equals + 1, p.to}) {
			add(part{p.from, equals}, "cannot be queried with functions of the text. Write out what the function does.")
		}
	}
	// Where both the request and the text have a range, the service takes what
	// lies in either.
	for _, p := range w.filters {
		add(p, "takes its time range with the request only, and would be read beyond the window. Leave the comparison of %s out.", w.column)
	}
	if all := w.tables(); len(all) > 1+maxJoined {
		add(w.reads[len(w.reads)-1].part, "can be put together with %d others at most, and the query names %d.", maxJoined, len(all)-1)
	}
	return problems
}

// notBasic reports whether token i is one of the words, and no column's name.
func (w *walker) notBasic(i int) bool {
	before, next := w.at(i-1), w.at(i+1)
	if w.kind(i) != tokenName || !notBasic[w.at(i)] || before == "." || next == "=" || next == "," {
		return false
	}
	return next == "(" || i == 0 || before == "|" || before == "(" || before == ";" || before == "="
}
