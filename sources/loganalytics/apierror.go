package loganalytics

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// apiError is the service's error envelope. Numbers are kept as the text that
// the service sends them as, or would: "-2133196797". A member that is absent,
// null or not understood is empty.
type apiError struct {
	Code          string
	Message       string
	CorrelationID string
	Severity      string // a number; 2 or less is an error
	SeverityName  string // "Error", "Warning"
	Line          string // of the query's text, from 1
	Pos           string // in the line
	Token         string // found there
	Details       []*apiError
	Inner         *apiError
}

// Error returns the codes from the outermost to the innermost, then the
// innermost message, for each of the details.
func (e *apiError) Error() string {
	var parts []string
	e.walk("", "", func(codes, message string, _ *apiError) {
		switch {
		case codes == "" && message == "":
			parts = append(parts, "no code and no message")
		case codes == "":
			parts = append(parts, message)
		case message == "":
			parts = append(parts, codes)
		default:
			parts = append(parts, codes+": "+message)
		}
	})
	return strings.Join(parts, "; ")
}

// walk calls leaf with each innermost error, the codes on the way to it, and
// the last message on that way.
func (e *apiError) walk(codes, message string, leaf func(codes, message string, e *apiError)) {
	if e.Code != "" && codes != "" {
		codes += "/"
	}
	codes += e.Code
	if e.Message != "" {
		message = e.Message
	}
	if e.Inner == nil && len(e.Details) == 0 {
		leaf(codes, message, e)
	}
	if e.Inner != nil {
		e.Inner.walk(codes, message, leaf)
	}
	for _, d := range e.Details {
		d.walk(codes, message, leaf)
	}
}

// all returns the innermost errors: of the inner error, then of each detail in
// their order. An error without either is its own innermost. There is always
// at least one.
func (e *apiError) all() []*apiError {
	var found []*apiError
	e.walk("", "", func(_, _ string, e *apiError) { found = append(found, e) })
	return found
}

// deepest returns the first of all.
func (e *apiError) deepest() *apiError { return e.all()[0] }

// warns reports whether every innermost error is a warning: by its name, or by
// a severity above 2.
func (e *apiError) warns() bool {
	return !slices.ContainsFunc(e.all(), func(e *apiError) bool {
		severity, err := strconv.Atoi(e.Severity)
		return !strings.EqualFold(e.SeverityName, "Warning") && (err != nil || severity <= 2)
	})
}

// decodeError reads the error out of a body of any status but 200. It reports
// false if the body is no JSON object with an "error" that says something.
func decodeError(body []byte) (*apiError, bool) {
	var envelope struct {
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return nil, false
	}
	e := parseError(envelope.Error, maxDepth)
	return e, e != nil
}

// parseError reads an error object. It returns nil for null alone: anything
// else is an error, if not one of the known shape, and its text the message.
// Below depth nothing is read.
func parseError(raw []byte, depth int) *apiError {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" || depth == 0 {
		return nil
	}
	var m struct {
		Code, Message, CorrelationID, Severity, SeverityName, Line, Pos, Token json.RawMessage

		Details    json.RawMessage
		InnerError json.RawMessage
	}
	if raw[0] != '{' || json.Unmarshal(raw, &m) != nil {
		return &apiError{Message: plainText(raw)}
	}
	e := &apiError{
		Code:          plainText(m.Code),
		Message:       plainText(m.Message),
		CorrelationID: plainText(m.CorrelationID),
		Severity:      plainText(m.Severity),
		SeverityName:  plainText(m.SeverityName),
		Line:          plainText(m.Line),
		Pos:           plainText(m.Pos),
		Token:         plainText(m.Token),
		Inner:         parseError(m.InnerError, depth-1),
	}
	var details []json.RawMessage
	if json.Unmarshal(m.Details, &details) != nil {
		details = []json.RawMessage{m.Details}
	}
	for _, raw := range details {
		if d := parseError(raw, depth-1); d != nil {
			e.Details = append(e.Details, d)
		}
	}
	return e
}

// plainText returns a JSON text's content, nothing for null or an absent
// value, and any other value as it was sent.
func plainText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
