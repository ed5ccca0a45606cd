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
var notBasic = names("join find search externaldata external_data invoke evaluate workspace app resource adx arg cluster database table")

// cheap returns what the route for basic and auxiliary tables does not allow.
func (w *walker) cheap(plan pipeline.TablePlan) []pipeline.Problem {
	var problems []pipeline.Problem
	add := func(p part, format string, values ...any) {
		problems = append(problems, w.problem(p, "Not on this plan", fmt.Sprintf("A table of the plan %q ", plan)+fmt.Sprintf(format, values...), false))
	}
	for i := range w.tokens {
		word := w.at(i)
		if w.kind(i) != tokenName || w.at(i-1) == "." {
			continue
		}
		before := w.at(i - 1)
		operator := before == "|" || before == "(" || before == ";" || i == 0 || before == "="
		called := w.at(i+1) == "(" && word != "join" && word != "find" && word != "search" && word != "invoke" && word != "evaluate"
		switch {
		case notBasic[word] && (operator || called) && (w.at(i+1) != "=" && w.at(i+1) != ","):
			add(part{i, i + 1}, "cannot be queried with %s. Read it as it is, or with where, extend, project, parse and summarize.", word)
		case word == startName || word == endName:
			add(part{i, i + 1}, "takes its time range with the request only. Leave %s out: the window is put there.", word)
		}
	}
	for _, r := range w.remarks {
		if r.summary == functionSummary {
			add(r.part, "cannot be queried with functions of the workspace. Write out what the function does.")
		}
	}
	for _, p := range w.statements {
		if w.at(p.from) == "let" && w.isFunction(part{p.from + 1, p.to}) {
			add(part{p.from, p.from + 2}, "cannot be queried with functions of the text. Write out what the function does.")
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

// isFunction reports whether a let gives a name to a function.
func (w *walker) isFunction(p part) bool {
	equals := w.find(p, "=")
	if equals < 0 {
		return false
	}
	return w.lambda(part{equals + 1, p.to})
}
