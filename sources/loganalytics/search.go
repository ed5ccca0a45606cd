package loganalytics

import (
	"errors"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// routeOf returns the route that the table of a query is read by.
func routeOf(q pipeline.Query) string {
	if q.Plan != pipeline.Analytics {
		return searchRoute
	}
	return queryRoute
}

// basicReach is how far back the service reads a Basic table
// (https://learn.microsoft.com/azure/azure-monitor/logs/basic-logs-query). Rows
// that it still keeps beyond are missing from the answer without a word.
const basicReach = 30 * 24 * time.Hour

// withinReach returns why the rows of a slice would be missing from an answer.
func withinReach(sl pipeline.Slice, now time.Time) error {
	if sl.Query.Plan == pipeline.Basic && sl.Window.Start.Before(now.Add(-basicReach)) {
		return errors.New("the service reads a Basic table 30 days back and leaves out older rows without a word, and the slice begins before that: " +
			"begin the window later, such as at \"now-29d\", or restore the table")
	}
	return nil
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
