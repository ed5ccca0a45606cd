package loganalytics

import "github.com/kustash/kustash/pipeline"

// routeOf returns the route that the table of a query is read by.
func routeOf(q pipeline.Query) string {
	if q.Plan != pipeline.Analytics {
		return searchRoute
	}
	return queryRoute
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
