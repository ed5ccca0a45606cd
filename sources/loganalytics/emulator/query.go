package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/kustash/kustash/pipeline"
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
		_, _ = a.write(&endingWriter{x.w, s.fault.End, s.fault.EndAfter}, s)
		return
	}
	h.Set("Content-Encoding", "gzip")
	var out io.Writer = x.w
	if s.fault.CorruptGzip {
		spoiled := &spoilingWriter{out: x.w}
		defer spoiled.flush()
		out = spoiled
	}
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	w.Reset(out)
	if _, err := a.write(&endingWriter{w, s.fault.End, s.fault.EndAfter}, s); err == nil {
		_ = w.Close()
	}
}
