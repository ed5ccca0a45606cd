package loganalytics

import (
	"fmt"

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

// alone returns why a query cannot be asked of the workspaces of the source:
// the search route reads one at a time.
func (s *Source) alone(q pipeline.Query) []pipeline.Problem {
	if routeOf(q) != searchRoute || len(s.additional) == 0 {
		return nil
	}
	return []pipeline.Problem{{
		Summary: "Basic table of several workspaces",
		Detail:  "The service reads Basic and Auxiliary tables of one workspace at a time, and this one has additional_workspaces. Declare a workspace block without them.",
	}}
}
