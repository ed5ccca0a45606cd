package loganalytics

import (
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// routeOf returns the route that the table of a query is read by.
func routeOf(q pipeline.Query) string {
	if q.Plan != pipeline.Analytics {
		return searchRoute
	}
	return queryRoute
}

// searched returns the question for a slice of a Basic or Auxiliary table, and
// the column that tells which rows of the answer are the slice's. The text is
// sent as it is: the route takes the time from the request, and what it does
// with another filter in the text has changed over the years
// (https://learn.microsoft.com/azure/azure-monitor/logs/basic-logs-query).
func (s *Source) searched(sl pipeline.Slice) (question, error) {
	if !sl.Cut.From.IsZero() {
		return question{}, fmt.Errorf("tables of the plan %s cannot be read by the time of arrival, so late rows alone cannot be read: set late = \"replace\"", sl.Query.Plan)
	}
	q := newQuestion(sl.Query.Text, wider(sl.Window))
	q.path = searchRoute
	return q, nil
}

// notSearched are the operators and functions that the search route refuses,
// and those that read more than its one table.
var notSearched = map[string]string{
	"join":         "operator",
	"find":         "operator",
	"search":       "operator",
	"externaldata": "operator",
	"invoke":       "operator",
	"workspace":    "function",
	"app":          "function",
	"resource":     "function",
	"cluster":      "function",
	"database":     "function",
	startName:      "name",
	endName:        "name",
}

// searchable returns why a query cannot be asked by the search route.
func (s *Source) searchable(text string) []pipeline.Problem {
	var problems []pipeline.Problem
	if len(s.additional) > 0 {
		problems = append(problems, pipeline.Problem{
			Summary: "Basic table of several workspaces",
			Detail:  "The service reads Basic and Auxiliary tables of one workspace at a time, and this one has additional_workspaces. Declare a workspace block without them.",
		})
	}
	script := newScript(text)
	if _, ok := script.broken(); ok {
		return problems
	}
	for i, t := range script.tokens {
		word := script.at(i)
		kind, refused := notSearched[word]
		if t.kind != tokenName || !refused || script.at(i-1) == "." || kind == "function" && script.at(i+1) != "(" {
			continue
		}
		if kind == "operator" && !opens(script.at(i-1)) {
			continue
		}
		start, length := script.offset(part{i, i + 1})
		problems = append(problems, pipeline.Problem{
			Summary: "Not allowed on Basic and Auxiliary tables",
			Detail: fmt.Sprintf("The service refuses %s where a Basic or Auxiliary table is read, or its slices cannot be told. "+
				"Read the table alone, and combine the archived files instead.", strings.TrimSpace(word)),
			Offset: start, Length: length,
		})
	}
	return problems
}

// opens reports whether an operator may follow the token.
func opens(token string) bool {
	switch token {
	case "|", "(", ";", "=", "{", ",", "":
		return true
	}
	return false
}
