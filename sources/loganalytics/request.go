package loganalytics

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// question is a query as it is sent.
type question struct {
	route      string // "" is the source's own
	path       string // last segment of the route: query, search or metadata
	text       string
	timespan   string                     // "" sends none
	workspaces []string                   // read as one with that of the route
	take       func(body io.Reader) error // reads an answer that is no table; nil for all others
	id         string                     // of the request, for the service's logs and our errors
	token      string                     // it is sent with, to be kept out of errors
	written    string                     // the author's text
	// author turns a line and position of text into those of written; nil if
	// both are the same.
	author func(line, position int) (int, int, bool)

	class class
	wait  time.Duration // that the query may run
	sent  time.Time     // when the request was
}

func newQuestion(text, timespan string) question {
	return question{path: queryRoute, text: text, written: text, timespan: timespan, id: uuid.NewString()}
}

// request makes the HTTP request, still without its token. The headers are those of
// https://learn.microsoft.com/azure/azure-monitor/logs/api/prefer-options and
// its neighbours.
func (s *Source) request(ctx context.Context, q question) (*http.Request, error) {
	method, address, body, err := s.addressed(q)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	prefer := fmt.Sprintf("wait=%d,include-statistics=true", int(q.wait/time.Second))
	if s.partly {
		prefer += ",include-permissions=true"
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json",
		"Accept":       "application/json",
		// Asked for here, so that the transport does not unpack the answer and
		// hide where a cut body ends.
		"Accept-Encoding": "gzip",
		// Without it an answer may be two minutes old.
		"Cache-Control":                 "no-cache",
		"Prefer":                        prefer,
		"User-Agent":                    s.tool,
		"x-ms-app":                      "kustash",
		"x-ms-client-request-id":        q.id,
		"x-ms-return-client-request-id": "true",
	} {
		r.Header.Set(name, value)
	}
	return r, nil
}

// The last segments of the routes
// (https://learn.microsoft.com/azure/azure-monitor/logs/api/request-format).
const (
	queryRoute    = "query"
	searchRoute   = "search" // of Basic and Auxiliary tables
	metadataRoute = "metadata"
)

// addressed returns where a question goes and what is sent there. The search
// route takes the time from the address alone.
func (s *Source) addressed(q question) (method, address string, body io.Reader, err error) {
	route := s.route
	if q.route != "" {
		route = q.route
	}
	address = s.endpoint + route + "/" + q.path
	if q.path == metadataRoute {
		return http.MethodGet, address, http.NoBody, nil
	}
	timespan := q.timespan
	if q.path == searchRoute && timespan != "" {
		address += "?timespan=" + url.QueryEscape(timespan)
		timespan = ""
	}
	var text bytes.Buffer
	encode := json.NewEncoder(&text)
	encode.SetEscapeHTML(false)
	err = encode.Encode(struct {
		Query      string   `json:"query"`
		Timespan   string   `json:"timespan,omitempty"`
		Workspaces []string `json:"workspaces,omitempty"`
	}{q.text, timespan, q.workspaces})
	if err != nil {
		return "", "", nil, fmt.Errorf("encode the query: %w", err)
	}
	return http.MethodPost, address, &text, nil
}
