package loganalytics

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// verdict is what an error of the service means for the slice.
type verdict uint8

const (
	isFinal      verdict = iota // for this slice
	isQuery                     // for every slice of the query
	isAccess                    // for every slice of the workspace
	isRetry                     // worth other tries
	isRetryOnce                 // worth one more
	isThrottled                 // worth other tries, with fewer requests
	isTooLarge                  // worth smaller slices
	isRetryLarge                // worth one more try, then smaller slices
	isLate                      // worth more time, then smaller slices
)

// rule is a line of the catalogue of errors. It holds if status (unless 0) is
// that of the answer, and one of the codes (unless there are none) is among
// the answer's.
type rule struct {
	status  int
	codes   []string
	verdict verdict
	advice  string
	renew   bool // another token may help
}

const (
	adviceRole = "the credential may not read this workspace: give it the role Log Analytics Reader on it (a new role takes up to 60 minutes to work), " +
		"and check that workspace_id is that of the workspace"
	adviceID    = "the workspace is not found: use the workspace id (a GUID, on the workspace's overview page), not the name or the resource id, and check cloud"
	adviceToken = "the token is not accepted: check that cloud, authority and tenant_id belong together"
)

// rules are tried from the top. They follow
// https://learn.microsoft.com/azure/azure-monitor/logs/api/errors and answers
// that have been recorded.
var rules = []rule{
	{0, []string{"ResponsePayloadTooLarge", "QueryExecutionResultSizeLimitExceeded", "QueryExecutionResponseSizeLimitExceeded"},
		isTooLarge, "the answer is larger than the service's gateway lets through", false},
	{429, nil, isThrottled, "the service refuses for too many requests", false},
	{0, []string{"ThrottledError"}, isThrottled, "the service refuses for too many requests", false},

	{0, []string{"InvalidAuthenticationTokenTenant"}, isAccess, "the token is for another tenant or cloud: check tenant_id and cloud", true},
	{0, []string{"InvalidAuthenticationToken", "InvalidAuthenticationTokenAudience", "InvalidTokenError", "SignatureVerificationFailed"}, isAccess, adviceToken, true},
	{401, nil, isAccess, adviceToken, true},
	{0, []string{"NspValidationFailedError"}, isAccess, "the workspace's network rules do not let this address in: " +
		"ask for public query access or a private link, or run from an allowed network; a role does not help", false},
	{0, []string{"UnsupportedKeyError"}, isAccess, "API keys are for the demo workspace only: use another kind of credential", false},
	{403, nil, isAccess, adviceRole, false},
	{0, []string{"InsufficientAccessError", "AuthorizationFailedError", "UnauthorizedClient"}, isAccess, adviceRole, false},
	{404, nil, isAccess, adviceID, false},
	{0, []string{"PathNotFoundError", "ItemNotFoundError", "ResourceNotFoundError", "WorkspaceNotFoundError"}, isAccess, adviceID, false},
	{407, nil, isAccess, "the proxy asks for a password", false},

	{0, []string{"UnsupportedApiQueryValidationError"}, isQuery, "the table has the plan Basic or Auxiliary: read it in a query block of its own with plan = \"basic\" or \"auxiliary\" " +
		"(the service bills each such query by the GB that it scans), or leave it out", false},
	{0, []string{"SEM0100"}, isQuery, "the query names something that is not there; a table may be empty here, or not readable with this credential", false},
	{0, []string{"SyntaxError"}, isQuery, "the query has a syntax error", false},
	{0, []string{"SemanticError"}, isQuery, "the query has a semantic error", false},
	{400, nil, isQuery, "the service does not accept the request", false},
	{413, nil, isQuery, "the query is too long for the service", false},

	{204, nil, isRetry, "the answer is empty (status 204), as from a workspace that has no data yet; without columns nothing can be archived", false},
	{408, nil, isLate, "the query ran out of time", false},
	{504, nil, isLate, "the query ran out of time", false},
	{0, []string{"GatewayTimeout"}, isLate, "the query ran out of time", false},
}

// rest judges a status that no rule names.
func rest(status int) rule {
	switch {
	case status >= 500:
		return rule{verdict: isRetry, advice: "the service has a fault"}
	case status >= 300 && status < 400:
		return rule{verdict: isAccess, advice: "the endpoint points elsewhere: check endpoint and proxy"}
	}
	return rule{verdict: isFinal, advice: "the service gave an unexpected answer"}
}

// engineRule is a line of the catalogue of the query engine's own errors. The
// wording has changed over the years; code, number and name are all looked for.
type engineRule struct {
	code    uint32
	name    string
	text    string // in messages without the name
	verdict verdict
	advice  string
}

// gatewayLimit begins the words for an answer of more than 100,000,000 bytes of
// text. Nobody has recorded with which status they come.
const gatewayLimit = "Maximum response size of"

// engineRules are described in
// https://learn.microsoft.com/kusto/concepts/querylimits and
// https://learn.microsoft.com/kusto/concepts/partial-query-failures.
var engineRules = []engineRule{
	{0x80DA000C, "E_OVERFLOW", "", isFinal, "the query's arithmetic overflows; smaller slices would change its result"},
	{0x80DA0003, "E_QUERY_RESULT_SET_TOO_LARGE", "", isTooLarge, "the answer is larger than the service returns"},
	{0x80DA0001, "E_RUNAWAY_QUERY", "exceeded the memory budget", isTooLarge, "the query needs more memory than it may"},
	{0, "", gatewayLimit, isTooLarge, "the answer is larger than the service's gateway lets through"},
	{0, "", "exceeded the internal record count limit", isTooLarge, "the answer is larger than the service returns"},
	{0, "", "exceeded the internal data size limit", isTooLarge, "the answer is larger than the service returns"},
	{0, "", "results of this query exceed the set limit", isTooLarge, "the answer is larger than the service returns"},
	{0, "E_LOW_MEMORY_CONDITION", "", isRetryLarge, "the service is short of memory"},
}

func (r engineRule) holds(e *apiError) bool {
	n, err := strconv.ParseInt(strings.TrimSpace(e.Code), 10, 64)
	return err == nil && r.code != 0 && (n == int64(int32(r.code)) || n == int64(r.code)) ||
		r.code != 0 && strings.Contains(strings.ToLower(e.Message), fmt.Sprintf("0x%08x", r.code)) ||
		r.name != "" && (strings.Contains(e.Message, r.name) || e.Code == r.name) ||
		r.text != "" && strings.Contains(e.Message, r.text)
}

// engine returns the first rule that holds for one of the innermost errors:
// the rules are in order of severity.
func engine(e *apiError) (engineRule, bool) {
	for _, r := range engineRules {
		for _, one := range e.all() {
			if r.holds(one) {
				return r, true
			}
		}
	}
	return engineRule{}, false
}

// codes returns all codes of an error.
func (e *apiError) codes() map[string]bool {
	all := map[string]bool{e.Code: true}
	for _, d := range append(e.Details[:len(e.Details):len(e.Details)], e.Inner) {
		if d != nil {
			for code := range d.codes() {
				all[code] = true
			}
		}
	}
	return all
}

// catalogued returns the first rule that holds.
func catalogued(status int, e *apiError) (rule, bool) {
	codes := e.codes()
	for _, r := range rules {
		if r.status != 0 && r.status != status {
			continue
		}
		match := len(r.codes) == 0
		for _, c := range r.codes {
			match = match || codes[c]
		}
		if match {
			return r, true
		}
	}
	return rule{}, false
}

// refusal explains an answer of another status than 200.
func (s *Source) refusal(q question, response *http.Response, text []byte) error {
	e, ok := decodeError(text)
	if !ok {
		e = &apiError{}
		if body := string(text); strings.Contains(body, gatewayLimit) {
			e.Message = body
		}
	}
	r, known := catalogued(response.StatusCode, e)
	if !known {
		r = rest(response.StatusCode)
	}
	if limit, ok := engine(e); ok {
		r = rule{verdict: limit.verdict, advice: limit.advice}
	}
	wait := retryAfter(response, time.Now())
	if r.verdict == isThrottled {
		s.governor.refused(q.class, wait)
	}
	f := s.sentence(q, response, r, e)
	switch r.verdict {
	case isRetry, isThrottled:
		return again(wait, f)
	case isLate:
		f.late = true
		if q.wait < maxTimeout || time.Since(q.sent) >= q.wait {
			return &pipeline.TooLarge{Err: f}
		}
		// It came before its time, so it says little about the query.
		return tries(2, &pipeline.TooLarge{Err: f})
	}
	return weigh(r.verdict, 0, f)
}

// partial explains an answer with status 200 and an error in it.
func (s *Source) partial(q question, response *http.Response, a answer) error {
	r := rule{verdict: isRetryOnce, advice: "the answer is incomplete"}
	limit, isLimit := engine(a.Err)
	listed, isListed := catalogued(http.StatusOK, a.Err)
	switch {
	case a.Err.warns():
		r.verdict, r.advice = isFinal, "the service warns that the answer may be incomplete; if it is of a table that does not exist yet, "+
			`missing_table = "skip" lets the query wait for it`
	case isLimit:
		r.verdict, r.advice = limit.verdict, limit.advice
	case isListed:
		r = listed
		r.renew = false // rows have been handed over
	}
	return weigh(r.verdict, excess(a), s.sentence(q, response, r, a.Err))
}

// weigh makes a verdict out of its words, for all but refusals that ask to
// wait. times is how much too large an answer was; 0 is unknown.
func weigh(v verdict, times float64, f *failure) error {
	switch v {
	case isRetry, isThrottled:
		return again(0, f)
	case isRetryOnce:
		return tries(2, f)
	case isTooLarge:
		return &pipeline.TooLarge{Times: times, Err: f}
	case isRetryLarge, isLate:
		return tries(2, &pipeline.TooLarge{Times: times, Err: f})
	case isQuery:
		f.kind = pipeline.ErrQuery
	case isAccess:
		f.kind = pipeline.ErrAccess
	}
	return f
}

// sentence makes the words of a verdict.
func (s *Source) sentence(q question, response *http.Response, r rule, e *apiError) *failure {
	text := r.advice
	if place := e.place(q); place != "" {
		text += " at " + place
	}
	switch words := e.Error(); {
	case words != (&apiError{}).Error():
		text += ": " + words
	case response.StatusCode != http.StatusOK:
		text += fmt.Sprintf(" (status %d)", response.StatusCode)
	}
	if e.CorrelationID != "" && e.CorrelationID != response.Header.Get("x-ms-request-id") {
		text += " (correlation id " + clip(e.CorrelationID, 80) + ")"
	}
	f := s.fail(q, response, nil, text)
	f.answer = Answer{response.StatusCode, e.codes()}
	f.renew = r.renew
	return f
}

// place says where in the author's text an error is, if the service said so.
func (e *apiError) place(q question) string {
	for _, one := range e.all() {
		if one.Line == "" || one.Pos == "" {
			continue
		}
		if line, position, ok := q.place(one.Line, one.Pos); ok {
			return fmt.Sprintf("line %d, position %d of the query", line, position)
		}
	}
	return ""
}

// maxWait bounds what Retry-After can ask for.
const maxWait = time.Hour

// retryAfter reads the header in both of its forms, seconds and a date; 0 is
// none. A date is measured by the service's own clock where it tells it.
func retryAfter(response *http.Response, now time.Time) time.Duration {
	value := strings.TrimSpace(response.Header.Get("Retry-After"))
	if n, err := strconv.ParseInt(value, 10, 32); err == nil {
		return min(max(0, time.Duration(n)*time.Second), maxWait)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		now = sent
	}
	return min(max(0, at.Sub(now)), maxWait)
}
