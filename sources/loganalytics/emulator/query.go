package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// maximumRequest bounds a request's body, query text included.
const maximumRequest = 16 << 20

// question is what a request asks, from URL and body together.
type question struct {
	text       string
	timespans  []string
	workspaces []string
}

// readQuestion reads the request. empty is a POST without body or content
// type, which the service is documented to answer with an empty 200.
func (x *exchange) readQuestion() (q question, empty bool, failed *failure) {
	url := x.r.URL.Query()
	if span := url.Get("timespan"); span != "" {
		q.timespans = append(q.timespans, span)
	}
	if x.r.Method == http.MethodGet {
		q.text = url.Get("query")
		if list := url.Get("workspaces"); list != "" {
			q.workspaces = strings.Split(list, ",")
		}
		return q, false, q.check()
	}
	raw, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maximumRequest))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return q, false, &failure{status: http.StatusRequestEntityTooLarge, Code: "PayloadTooLarge", Message: "Request is too large"}
	}
	kind, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if len(raw) == 0 || kind != "application/json" {
		return q, true, nil
	}
	var in struct {
		Query      *string  `json:"query"`
		Timespan   *string  `json:"timespan"`
		Workspaces []string `json:"workspaces"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return q, false, invalidRequest("InvalidJsonBody", jsonFault(err))
	}
	if in.Query != nil {
		q.text = *in.Query
	}
	if in.Timespan != nil && *in.Timespan != "" {
		q.timespans = append(q.timespans, *in.Timespan)
	}
	q.workspaces = in.Workspaces
	return q, false, q.check()
}

func (q question) check() *failure {
	if strings.TrimSpace(q.text) == "" {
		return invalidRequest("MissingQuery", "The query is required")
	}
	if len(q.workspaces) > 100 {
		return invalidRequest("TooManyWorkspaces", "A query can name at most 100 workspaces")
	}
	return nil
}

// jsonFault words a fault of the body in the way the service is seen to do.
func jsonFault(err error) string {
	if text := err.Error(); strings.Contains(text, "unexpected end") {
		return "Unexpected end of JSON input"
	}
	return "Unexpected token in JSON"
}

// scope intersects the timespans of URL and body; nil is all times.
func (x *exchange) scope(q question) (*interval, *failure) {
	var scope *interval
	now := pipeline.TickOf(x.e.config.Now())
	for _, text := range q.timespans {
		span, err := parseTimespan(text, now)
		if err != nil {
			return nil, invalidRequest("InvalidTimespan", err.Error())
		}
		if scope != nil {
			span = scope.meet(span)
		}
		scope = &span
	}
	return scope, nil
}

// query answers the query route.
func (x *exchange) query(sets []*Dataset, who string) *failure {
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
	if sets, failed = x.join(sets, q.workspaces); failed != nil {
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
	a, failed := x.answer(q, span, sets, who, prefer)
	if a == nil || failed != nil {
		return failed
	}
	x.sendAnswer(a, shape{prefer.statistics, prefer.render, fault})
	return nil
}

// join adds the workspaces that the request names, each dataset once.
func (x *exchange) join(sets []*Dataset, workspaces []string) ([]*Dataset, *failure) {
	has := make(map[*Dataset]bool)
	for _, s := range sets {
		has[s] = true
	}
	for _, name := range workspaces {
		name = strings.TrimSpace(name)
		data, ok := x.e.workspaces[strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])]
		if !ok {
			return nil, &failure{status: 404, Code: "ItemNotFoundError", Message: "The requested item was not found",
				Inner: &inner{Code: "FailedToResolveResourceError", Message: "Unable to resolve resource: " + name}}
		}
		if !has[data] {
			has[data] = true
			sets = append(sets, data)
		}
	}
	return sets, nil
}

// answer finds the reply in the cache or evaluates the query, in its turn. Nil
// without a failure means that the client has gone.
func (x *exchange) answer(q question, span *interval, sets []*Dataset, who string, prefer preferences) (*answer, *failure) {
	rules := parseCacheControl(x.r.Header)
	key := cacheKey(append([]string{who, x.r.URL.Path, q.text, strings.Join(q.timespans, " "),
		strconv.FormatBool(prefer.statistics), strconv.FormatBool(prefer.render)}, q.workspaces...)...)
	now := x.e.config.Now()
	if a, age, ok := x.e.cache.get(key, now, rules); ok {
		x.seen.Cached = true
		x.w.Header().Set("Age", strconv.Itoa(int(age/time.Second)))
		return a, nil
	}
	if !x.e.gate.enter(x.r.Context(), who) {
		if x.r.Context().Err() != nil {
			return nil, nil
		}
		return nil, throttled()
	}
	defer x.e.gate.leave(who)
	a, failed := x.evaluate(q, span, sets)
	if a != nil {
		x.e.cache.put(key, now, rules, a)
	}
	x.applied(prefer)
	return a, failed
}

func (x *exchange) applied(p preferences) {
	if p.applied != "" {
		x.w.Header().Set("Preference-Applied", p.applied)
	}
}

var renderOperator = regexp.MustCompile(`\|\s*render\s+(\w+)[^|]*$`)

// evaluate runs the query over what the workspaces hold now.
func (x *exchange) evaluate(q question, span *interval, sets []*Dataset) (*answer, *failure) {
	c := &x.e.config
	began := time.Now()
	options := kql.Options{Now: pipeline.TickOf(c.Now())}
	if span != nil {
		options.Interval = &kql.Interval{Start: span.start, End: span.end,
			StartExclusive: c.TimespanEnds.StartExclusive, EndExclusive: c.TimespanEnds.EndExclusive}
	}
	db := newView(sets)
	if c.HoldBack {
		db.until = &options.Now
	}
	if !c.KeepOrder {
		db.order = x.e.orders.next(q.text, x.seen.Timespan)
	}
	result, err := kql.Evaluate(x.r.Context(), q.text, db, options)
	var fault *kql.Error
	if errors.As(err, &fault) && fault.Code == "E_RUNAWAY_QUERY" {
		return &answer{partial: newPartial(Partial{Code: runaway, Message: fault.Message})}, nil
	}
	if err != nil {
		return nil, badQuery(err)
	}
	a := truncate(result, c.Limits, c.OldWording)
	if !a.fitsGateway(c.Limits.GatewayBytes) {
		return nil, tooLargeForGateway(c.Limits)
	}
	a.took, a.scanned = time.Since(began), db.rows()
	if found := renderOperator.FindStringSubmatch(q.text); found != nil {
		a.chart = found[1]
	}
	return a, nil
}

var gzipWriters = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(fmt.Sprint("the level of compression is a constant: ", err))
	}
	return w
}}

// sendAnswer writes an answer, compressed if the client takes that.
func (x *exchange) sendAnswer(a *answer, s shape) {
	x.seen.Rows, x.seen.Partial = a.rowCount(), a.partial != nil || s.fault.Partial != nil
	h := x.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	if !acceptsGzip(x.r.Header) {
		_, _ = a.write(x.w, s)
		return
	}
	h.Set("Content-Encoding", "gzip")
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	w.Reset(x.w)
	if _, err := a.write(w, s); err == nil {
		_ = w.Close()
	}
}
