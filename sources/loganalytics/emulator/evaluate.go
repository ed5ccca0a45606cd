package emulator

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// ask is a question with all that decides its answer.
type ask struct {
	question
	span   *interval // nil is all times
	reach  reach
	who    string
	prefer preferences
	fault  Action
}

// query answers the query and search routes.
func (x *exchange) query(r reach, who string) *failure {
	q, empty, failed := x.readQuestion()
	if failed != nil {
		return failed
	}
	if empty {
		x.w.WriteHeader(http.StatusOK)
		return nil
	}
	x.seen.Query, x.seen.Timespan = q.text, strings.Join(q.timespans, " ")
	span, failed := x.scope(q)
	if failed != nil {
		return failed
	}
	if failed := x.join(&r, q.workspaces); failed != nil {
		return failed
	}
	prefer := parsePrefer(x.r.Header)
	fault := x.pickFault(q.text, span)
	if fault.replaces() {
		x.replace(fault)
		return nil
	}
	if fault.Takes > prefer.wait {
		x.applied(prefer)
		return gatewayTimeout()
	}
	if x.e.config.NoContent && x.e.vacant(r) {
		x.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	a, failed := x.answer(ask{q, span, r, who, prefer, fault})
	if a == nil || failed != nil {
		return failed
	}
	s := shape{preferences: prefer, fault: fault}
	if prefer.permissions {
		s.more = append(s.more, member{"permissions", compact(x.permissions(r))})
	}
	if prefer.dataSources {
		s.more = append(s.more, member{"dataSources", compact(x.dataSources(r, a.read))})
	}
	x.sendAnswer(a, s)
	return nil
}

// vacant reports whether there is not a single row.
func (e *Emulator) vacant(r reach) bool {
	for _, data := range e.readable(r, "") {
		for _, t := range data.snapshot().tables {
			if len(t.Rows) > 0 {
				return false
			}
		}
	}
	return true
}

// join adds the workspaces that the request names.
func (x *exchange) join(r *reach, workspaces []string) *failure {
	for _, name := range workspaces {
		guid, failed := x.e.neighbour(name)
		if failed != nil {
			return failed
		}
		r.workspaces = append(r.workspaces, guid)
	}
	return nil
}

// neighbour finds a workspace that a request names.
func (e *Emulator) neighbour(name string) (string, *failure) {
	guid, ok := e.workspaceID(name)
	switch {
	case !ok:
		return "", &failure{status: 404, Code: "ItemNotFoundError", Message: "The requested item was not found",
			Inner: &inner{Code: "FailedToResolveResourceError", Message: "Unable to resolve resource: " + name}}
	case e.unreadable[guid] && !e.config.Shrink:
		return "", insufficient("AuthorizationFailedError", "The workspace "+name+" cannot be read")
	}
	return guid, nil
}

// answer finds the reply in the cache or evaluates the query, in its turn. Nil
// without a failure means that the client has gone.
func (x *exchange) answer(q ask) (*answer, *failure) {
	keep := parseCacheControl(x.r.Header)
	keep.read = keep.read || q.fault.Stale
	key := cacheKey(append([]string{q.who, x.r.URL.Path, q.text, strings.Join(q.timespans, " "), q.fault.Unreadable,
		strconv.FormatBool(q.prefer.statistics), strconv.FormatBool(q.prefer.render)}, q.workspaces...)...)
	now := x.e.config.Now()
	if a, age, ok := x.e.cache.get(key, now, keep); ok {
		x.seen.Cached = true
		x.w.Header().Set("Age", strconv.Itoa(int(age/time.Second)))
		return a, nil
	}
	gate := x.e.gate
	if x.seen.Route == "search" {
		gate = x.e.searchGate
	}
	if !gate.enter(x.r.Context(), q.who) {
		if x.r.Context().Err() != nil {
			return nil, nil
		}
		return nil, throttled()
	}
	defer gate.leave(q.who)
	a, failed := x.evaluate(q)
	if a != nil {
		x.e.cache.put(key, now, keep, a)
	}
	x.applied(q.prefer)
	return a, failed
}

func (x *exchange) applied(p preferences) {
	if p.applied != "" {
		x.w.Header().Set("Preference-Applied", p.applied)
	}
}

var renderOperator = regexp.MustCompile(`\|\s*render\s+(\w+)[^|]*$`)

// evaluate runs the query over what the workspaces hold now.
func (x *exchange) evaluate(q ask) (*answer, *failure) {
	c := &x.e.config
	began := time.Now()
	options := kql.Options{Now: pipeline.TickOf(c.Now())}
	if q.span != nil {
		options.Interval = &kql.Interval{Start: q.span.start, End: q.span.end,
			StartExclusive: c.TimespanEnds.StartExclusive, EndExclusive: c.TimespanEnds.EndExclusive}
	}
	see := rules{now: options.Now, holdBack: c.HoldBack, resource: q.reach.resource, workspace: x.otherWorkspace}
	if x.seen.Route == "search" {
		see.search = true
		options.Search = &kql.SearchRules{Union: c.SearchTime != SearchTimeOfRequest}
	}
	if !c.KeepOrder {
		see.order = x.e.orders.next(q.text, x.seen.Timespan)
	}
	db := newView(x.e.readable(q.reach, q.fault.Unreadable), see)
	result, err := kql.Evaluate(x.r.Context(), q.text, db, options)
	if refused := db.refusal(); refused != nil {
		return nil, refused
	}
	var fault *kql.Error
	if errors.As(err, &fault) && fault.Code == "E_RUNAWAY_QUERY" {
		return &answer{partial: newPartial(Partial{Code: runaway, Message: fault.Message})}, nil
	}
	if err != nil && c.OldWording && fault != nil && fault.Syntax() {
		return nil, oldSyntaxError(fault, q.text)
	}
	if err != nil {
		return nil, badQuery(err)
	}
	if exhausted := c.Limits.exhausted(result.Scanned, q.prefer.wait); exhausted != nil {
		return exhausted.answer, exhausted.failure
	}
	a := truncate(result, c.Limits, c.OldWording)
	a.measure(result, c.WholeStatistics)
	if c.FuzzyWarnings && a.partial == nil && len(result.Missing) > 0 {
		a.partial = newPartial(Partial{Code: fuzzyUnion, Message: result.Missing[0], Severity: 3})
	}
	if !a.fitsGateway(c.Limits.GatewayBytes) {
		return nil, tooLargeForGateway(c.Limits)
	}
	a.took, a.scanned, a.read = max(time.Since(began), c.Limits.runTime(result.Scanned)), result.Scanned, db.read()
	if found := renderOperator.FindStringSubmatch(q.text); found != nil {
		a.chart = found[1]
	}
	return a, nil
}

// otherWorkspace finds what workspace("name") means.
func (x *exchange) otherWorkspace(name string) ([]*Dataset, *failure) {
	guid, failed := x.e.neighbour(name)
	if failed != nil {
		return nil, failed
	}
	return x.e.readable(reach{workspaces: []string{guid}}, ""), nil
}

// outcome is how a query ends that its limits end.
type outcome struct {
	answer  *answer
	failure *failure
}

// exhausted ends a query that takes more time or memory than it may, as far as
// these are simulated.
func (l Limits) exhausted(scanned int64, wait time.Duration) *outcome {
	if l.MemoryRows > 0 && scanned > l.MemoryRows {
		return &outcome{answer: &answer{partial: newPartial(Partial{Code: runaway,
			Message: "Runaway query (E_RUNAWAY_QUERY). Aggregation over string column exceeded the memory budget of 8GB during evaluation. " +
				"See https://aka.ms/kustoquerylimits for more information and possible solutions."})}}
	}
	if l.runTime(scanned) > wait {
		return &outcome{failure: gatewayTimeout()}
	}
	return nil
}

// runTime is how long a query is said to run.
func (l Limits) runTime(scanned int64) time.Duration {
	if l.RowsPerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(scanned) / float64(l.RowsPerSecond) * float64(time.Second))
}
