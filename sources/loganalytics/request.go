package loganalytics

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// question is a query as it is sent.
type question struct {
	text     string
	timespan string // "" sends none
	id       string // of the request, for the service's logs and our errors
	token    string // it is sent with, to be kept out of errors
	written  string // the author's text
	// author turns a line and position of text into those of written; nil if
	// both are the same.
	author func(line, position int) (int, int, bool)
}

func newQuestion(text, timespan string) question {
	return question{text: text, written: text, timespan: timespan, id: uuid.NewString()}
}

// request makes the HTTP request, still without its token. The headers are those of
// https://learn.microsoft.com/azure/azure-monitor/logs/api/prefer-options and
// its neighbours.
func (s *Source) request(ctx context.Context, q question) (*http.Request, error) {
	var body bytes.Buffer
	encode := json.NewEncoder(&body)
	encode.SetEscapeHTML(false)
	err := encode.Encode(struct {
		Query    string `json:"query"`
		Timespan string `json:"timespan,omitempty"`
	}{q.text, q.timespan})
	if err != nil {
		return nil, fmt.Errorf("encode the query: %w", err)
	}
	address := s.endpoint + "/v1/workspaces/" + s.workspace + "/query"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, &body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json",
		"Accept":       "application/json",
		// Asked for here, so that the transport does not unpack the answer and
		// hide where a cut body ends.
		"Accept-Encoding": "gzip",
		// Without it an answer may be two minutes old.
		"Cache-Control":                 "no-cache",
		"Prefer":                        fmt.Sprintf("wait=%d,include-statistics=true", int(s.timeout/time.Second)),
		"User-Agent":                    s.tool,
		"x-ms-app":                      "kustash",
		"x-ms-client-request-id":        q.id,
		"x-ms-return-client-request-id": "true",
	} {
		r.Header.Set(name, value)
	}
	return r, nil
}
