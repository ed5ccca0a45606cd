package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// outcome is what an error tells the engine.
type outcome string

const (
	succeeds   outcome = "success"
	final      outcome = "final"
	noQuery    outcome = "ErrQuery"
	noAccess   outcome = "ErrAccess"
	tooLarge   outcome = "ErrTooLarge"
	retry      outcome = "RetryAfter"
	retryOnce  outcome = "RetryAfter once"
	retryThree outcome = "RetryAfter, three tries"
	retryLarge outcome = "RetryAfter once, then ErrTooLarge"
)

func outcomeOf(err error) outcome {
	var again *pipeline.RetryAfter
	retries, large := errors.As(err, &again), errors.Is(err, pipeline.ErrTooLarge)
	switch {
	case err == nil:
		return succeeds
	case retries && large && again.Tries == 2:
		return retryLarge
	case retries && !large && again.Tries == 0:
		return retry
	case retries && !large && again.Tries == 2:
		return retryOnce
	case retries && !large && again.Tries == 3:
		return retryThree
	case retries:
		return outcome(fmt.Sprintf("RetryAfter with %d tries, large: %v", again.Tries, large))
	case large:
		return tooLarge
	case errors.Is(err, pipeline.ErrQuery):
		return noQuery
	case errors.Is(err, pipeline.ErrAccess):
		return noAccess
	}
	return final
}

// failing is an error body with codes from the outermost to the innermost.
func failing(message string, codes ...string) string {
	text := `{"message":"` + message + `","code":"` + codes[len(codes)-1] + `"}`
	for i := len(codes) - 2; i >= 0; i-- {
		text = `{"code":"` + codes[i] + `","innererror":` + text + `}`
	}
	return `{"error":` + text + `}`
}

// partly is an answer with rows and an error, as the engine reports it.
func partly(code, message string) string {
	return `{"tables":[{"name":"P","columns":[{"name":"s","type":"string"}],"rows":[["a"]]}],"error":{"code":"PartialError","message":"There were some errors.",` +
		`"details":[{"code":"EngineError","message":"Something went wrong.","innererror":{"code":` + code + `,"message":"` + message + `","severity":2,"severityName":"Error"}}]}}`
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   outcome
		says   string
	}{
		{"rows", reply(200, threeRows), succeeds, ""},
		{"row limit, old wording", reply(200, partly(`"-2133196797"`, "Query result set has exceeded the internal record count limit 1 (E_QUERY_RESULT_SET_TOO_LARGE; see x)")), tooLarge, "record count limit 1"},
		{"row limit, new wording", reply(200, partly(`"-2133196797"`, "The results of this query exceed the set limit of 500000 records")), tooLarge, "500000 records"},
		{"byte limit", reply(200, partly(`-2133196797`, "exceed the set limit of 64000000 bytes")), tooLarge, "64000000 bytes"},
		{"limit by unsigned number", reply(200, partly(`2161770499`, "x")), tooLarge, ""},
		{"limit by hex number", reply(200, partly(`"x"`, "too much (0x80DA0003)")), tooLarge, ""},
		{"limit by name", reply(200, partly(`""`, "E_QUERY_RESULT_SET_TOO_LARGE")), tooLarge, ""},
		{"memory", reply(200, partly(`"1"`, "The HashJoin operator has exceeded the memory budget (5)")), tooLarge, "more memory"},
		{"memory by number", reply(200, partly(`"-2133196799"`, "x")), tooLarge, "more memory"},
		{"overflow", reply(200, partly(`"-2133196788"`, "overflow (E_OVERFLOW)")), final, "overflows"},
		{"low memory", reply(200, partly(`"1"`, "E_LOW_MEMORY_CONDITION")), retryLarge, "short of memory"},
		{"memory, old wording", reply(200, partly(`"x"`, "Runaway query (E_RUNAWAY_QUERY). Aggregation over string column exceeded the memory budget of 8GB")), tooLarge, "more memory"},
		{"memory of a sort", reply(200, partly(`"x"`, "The Sort operator has exceeded the memory budget (5368709120)")), tooLarge, "more memory"},
		{"row limit without code", reply(200, partly(`"x"`, "The results of this query exceed the set limit of 500000 records, so not all")), tooLarge, "larger than"},
		{"byte limit without code", reply(200, partly(`"x"`, "Query result set has exceeded the internal data size limit 64000000")), tooLarge, "larger than"},
		{"limit and something unknown", reply(200, `{"tables":[],"error":{"code":"PartialError","details":[{"code":"7","message":"a"},{"code":"-2133196797","message":"b"}]}}`), tooLarge, ""},
		{"low memory and a limit", reply(200, `{"tables":[],"error":{"code":"PartialError","details":[{"code":"E_LOW_MEMORY_CONDITION","message":"a"},{"code":"-2133196797","message":"b"}]}}`), tooLarge, ""},
		{"warning", reply(200, strings.Replace(partly(`"x"`, "Failed to resolve table 'B'"), `2,"severityName":"Error"`, `3,"severityName":"Warning"`, 1)), final, "missing_table"},
		{"warning by severity", reply(200, strings.Replace(partly(`"x"`, "odd"), `2,"severityName":"Error"`, `3`, 1)), final, "the service warns"},
		{"warning and error", reply(200, `{"tables":[],"error":{"code":"PartialError","details":[{"code":"1","severityName":"Warning"},{"code":"2","severity":1}]}}`), retryOnce, "incomplete"},
		{"limit as a warning by name", reply(200, strings.Replace(partly(`"-2133196797"`, "x"), `"Error"`, `"Warning"`, 1)), final, "the service warns"},
		{"denied in part", reply(200, partly(`"InsufficientAccessError"`, "x")), noAccess, "Log Analytics Reader"},
		{"throttled in part", reply(200, failing("x", "PartialError", "ThrottledError")), retry, "too many requests"},
		{"late in part", reply(200, failing("x", "PartialError", "GatewayTimeout")), retryLarge, "out of time"},
		{"not understood in part", reply(200, failing("x", "PartialError", "SemanticError", "SEM0100")), noQuery, "may be empty here"},
		{"token refused in part", reply(200, failing("x", "InvalidAuthenticationToken")), noAccess, "token"},
		{"unknown partial error", reply(200, partly(`"7"`, "what")), retryOnce, "incomplete"},
		{"error without tables", reply(200, failing("x", "Oops")), retryOnce, "incomplete"},
		{"error that is a text", reply(200, `{"tables":[{"name":"P","columns":[{"name":"s","type":"string"}],"rows":[]}],"error":"odd"}`), retryOnce, "odd"},
		{"error before the rows", reply(200, `{"error":{"code":"PartialError","message":"E_OVERFLOW"},"tables":[{"rows":[["a"]],"columns":[{"name":"s","type":"string"}],"name":"P"}]}`), final, "overflows"},
		{"worst of two", reply(200, `{"tables":[],"error":{"code":"PartialError","details":[{"code":"-2133196797","message":"a"},{"code":"-2133196788","message":"b"}]}}`), final, ""},
		{"two tables", reply(200, `{"tables":[{"name":"a","columns":[{"name":"s","type":"string"}],"rows":[]},{"name":"b","columns":[],"rows":[]}]}`), noQuery, "2 results"},
		{"no table", reply(200, `{"tables":[]}`), final, ""},
		{"another row count", reply(200, strings.Replace(threeRows, `"tableRowCount":3`, `"tableRowCount":4`, 1)), retry, "3 rows, but the service counted 4"},
		{"no row count", reply(200, strings.Replace(threeRows, `"tableRowCount":3,`, "", 1)), succeeds, ""},
		{"row count of another type", reply(200, strings.Replace(threeRows, `"tableRowCount":3`, `"tableRowCount":[3]`, 1)), succeeds, ""},
		{"row count as text", reply(200, strings.Replace(threeRows, `"tableRowCount":3`, `"tableRowCount":"2"`, 1)), retry, "counted 2"},
		{"no statistics", reply(200, threeRows[:strings.Index(threeRows, `,"statistics"`)]+"}"), succeeds, ""},
		{"statistics of several tables", reply(200, strings.Replace(threeRows, `"tableSize":55}`, `"tableSize":55},{"tableRowCount":9,"tableSize":1}`, 1)), succeeds, ""},
		{"statistics of several tables, the first wrong", reply(200, strings.Replace(threeRows, `{"tableRowCount":3`, `{"tableRowCount":2},{"tableRowCount":3`, 1)), retry, "counted 2"},
		{"statistics first", reply(200, `{"statistics":{"query":{"datasetStatistics":[{"tableRowCount":1}]}},"tables":[{"rows":[],"columns":[{"name":"s","type":"string"}],"name":"P"}]}`), retry, "0 rows, but the service counted 1"},
		{"from a cache", reply(200, threeRows, "Age", "54"), retryThree, "54 s old"},
		{"new by its age", reply(200, threeRows, "Age", "0"), succeeds, ""},
		{"age that is none", reply(200, threeRows, "Age", "soon"), succeeds, ""},
		{"value of another type", reply(200, strings.Replace(threeRows, `-1]`, `"x"]`, 1)), final, ""},
		{"empty", reply(200, ""), retry, "empty"},
		{"empty gzip", reply(200, "", "Content-Encoding", "gzip"), retry, "empty"},
		{"no JSON", reply(200, "<html>", "Content-Type", "text/html"), retry, "text/html"},
		{"other compression", reply(200, "x", "Content-Encoding", "br"), final, `"br"`},
		{"204", reply(204, ""), retry, "204"},
		{"redirected", reply(302, "", "Location", "https://elsewhere.example/"), noAccess, "endpoint"},
		{"syntax", reply(400, `{"error":{"message":"m","code":"BadArgumentError","correlationId":"c-o-r-r","innererror":{"code":"SyntaxError","message":"s",`+
			`"innererror":{"code":"SYN0002","message":"Query could not be parsed at 'a' on line [3,5]","line":3,"pos":5,"token":"a"}}}}`), noQuery, "line 2, position 5 of the query"},
		{"syntax in the text of the message", reply(400, failing("Query could not be parsed on line [3,5]", "BadArgumentError", "SyntaxError")), noQuery, "line [2,5]"},
		{"semantic", reply(400, failing("Failed to resolve table", "BadArgumentError", "SemanticError", "SEM0100")), noQuery, "may be empty here"},
		{"other semantic", reply(400, failing("x", "BadArgumentError", "SemanticError", "SEM0260")), noQuery, "semantic"},
		{"validation", reply(400, failing("x", "BadArgumentError", "QueryValidationError")), noQuery, ""},
		{"gateway size", reply(400, failing("Maximum response size of 100000000 bytes exceeded", "BadArgumentError")), tooLarge, "gateway"},
		{"gateway size, plain text", reply(500, "Maximum response size of 100000000 bytes exceeded", "Content-Type", "text/plain"), tooLarge, "gateway"},
		{"gateway size as a success of text", reply(200, "Maximum response size of 100000000 bytes exceeded", "Content-Type", "text/plain"), tooLarge, "gateway"},
		{"gateway size as 413", reply(413, failing("Maximum response size of 100000000 bytes exceeded", "x")), tooLarge, "gateway"},
		{"gateway size as 500", reply(500, failing("Maximum response size of 100000000 bytes exceeded", "InternalServerFault")), tooLarge, "gateway"},
		{"gateway size as 502 with a page", reply(502, "<html>Maximum response size of 100000000 bytes exceeded", "Content-Type", "text/html"), tooLarge, "gateway"},
		{"gateway size as 504", reply(504, failing("x", "GatewayTimeout", "QueryExecutionResponseSizeLimitExceeded")), tooLarge, "gateway"},
		{"gateway size in a partial answer", reply(200, partly(`"x"`, "Maximum response size of 100000000 bytes exceeded")), tooLarge, "gateway"},
		{"size by another code", reply(400, failing("x", "QueryExecutionResultSizeLimitExceeded")), tooLarge, "gateway"},
		{"gateway size by code", reply(413, failing("x", "ResponsePayloadTooLarge")), tooLarge, "gateway"},
		{"413", reply(413, ""), noQuery, "too long"},
		{"413 with a code", reply(413, failing("Request is too large", "PayloadTooLarge")), noQuery, "too long"},
		{"syntax as of 2021", reply(400, failing("Request is invalid and cannot be processed: Syntax error: SYN0001: I could not parse that. Query: 'let [secret]'", "BadArgumentError", "SyntaxError")), noQuery, "syntax error"},
		{"duplicate id", reply(400, failing("duplicate id found '1'", "BadArgumentError", "QueryValidationError")), noQuery, "duplicate id"},
		{"resource of a batch", reply(400, failing("Resource identity could not be resovled", "FailedToResolveResource")), noQuery, "resovled"},
		{"400 with a page", reply(400, "<html>", "Content-Type", "text/html"), noQuery, "status 400"},
		{"401 without a header", reply(401, failing("Authentication failed. The 'Authorization' header is missing.", "AuthenticationFailed")), noAccess, "tenant_id"},
		{"401 without a body", reply(401, ""), noAccess, "status 401"},
		{"token as 401", reply(401, failing("The access token is invalid.", "InvalidAuthenticationToken")), noAccess, "token"},
		{"audience as 403", reply(403, failing("x", "InvalidAuthenticationTokenAudience")), noAccess, "token"},
		{"403, principal", reply(403, failing("The service principal does not have sufficient permissions", "InsufficientAccessError", "UnauthorizedClient")), noAccess, "Log Analytics Reader"},
		{"403, user", reply(403, failing("User 'x' does not have access", "InsufficientAccessError", "AuthorizationFailedError")), noAccess, "Log Analytics Reader"},
		{"403, key", reply(403, failing("x", "InsufficientAccessError", "UnsupportedKeyError")), noAccess, "demo workspace"},
		{"404, item", reply(404, failing("Unable to resolve resource: x", "ItemNotFoundError", "FailedToResolveResourceError")), noAccess, "Unable to resolve"},
		{"404, resource", reply(404, failing("x", "ResourceNotFoundError")), noAccess, "check cloud"},
		{"404, workspace", reply(404, failing("x", "WorkspaceNotFoundError")), noAccess, "check cloud"},
		{"404 with a page", reply(404, "<html>", "Content-Type", "text/html"), noAccess, "check cloud"},
		{"407", reply(407, ""), noAccess, "proxy"},
		{"throttled by code", reply(503, failing("Your request has been throttled", "ThrottledError")), retry, "too many requests"},
		{"503", reply(503, ""), retry, "status 503"},
		{"520", reply(520, failing("x", "Internal")), retry, "fault"},
		{"401", reply(401, failing("x", "AuthenticationFailed")), noAccess, "tenant_id"},
		{"another cloud", reply(401, failing("x", "InvalidAuthenticationTokenTenant")), noAccess, "another tenant or cloud"},
		{"403", reply(403, failing("x", "InsufficientAccessError")), noAccess, "60 minutes"},
		{"network rule", reply(403, failing("Access is denied", "InsufficientAccessError", "NspValidationFailedError")), noAccess, "network rules"},
		{"signature", reply(403, failing("x", "InvalidTokenError", "SignatureVerificationFailed")), noAccess, "token"},
		{"404", reply(404, failing("x", "PathNotFoundError")), noAccess, "not the name"},
		{"429", reply(429, ""), retry, "too many requests"},
		{"500", reply(500, failing("Unexpected error occurred", "InternalServerFault")), retry, "fault"},
		{"502 with a page", reply(502, "<html>bad gateway", "Content-Type", "text/html"), retry, "status 502"},
		{"504 of a client in front", reply(504, failing("ADX query timed out", "GatewayTimeout", "GatewayTimeout")), retryLarge, "out of time"},
		{"504 of compression", reply(504, failing("Unable to unzip response", "GatewayTimeout", "GatewayTimeout")), retryLarge, "out of time"},
		{"504 with a page", reply(504, "<html>", "Content-Type", "text/html"), retryLarge, "out of time"},
		{"408", reply(408, ""), retryLarge, "out of time"},
		{"504", reply(504, failing("Kusto query timed out", "GatewayTimeout", "GatewayTimeout")), retryLarge, "out of time"},
		{"418", reply(418, ""), final, "unexpected"},
		{"cut", raw("Content-Length: 1000", []byte(threeRows[:200])), retryLarge, "cut off after 200 bytes"},
		{"cut at the last brace", raw("Connection: close", []byte(threeRows[:len(threeRows)-1])), retryLarge, "cut off"},
		{"cut chunks", raw("Transfer-Encoding: chunked", []byte("40\r\n"+threeRows[:64]+"\r\n")), retryLarge, "cut off"},
		{"cut gzip", raw("Content-Encoding: gzip", zipped(threeRows)[:100]), retryLarge, "cut off"},
		{"gzip without its end", raw("Content-Encoding: gzip", zipped(threeRows)[:len(zipped(threeRows))-4]), retryLarge, "cut off"},
		{"damaged gzip", raw("Content-Encoding: gzip", damaged(zipped(threeRows))), retry, "damaged"},
		{"nothing of a body", raw("Content-Length: 1000", nil), retryLarge, "cut off after 0 bytes"},
		{"gzip and more", raw("Content-Encoding: gzip", append(zipped(threeRows), "and more of what is no gzip"...)), retry, "damaged"},
		{"gzip twice", raw("Content-Encoding: gzip", append(zipped(threeRows), zipped(threeRows)...)), final, "unexpected"},
		{"gzip that is none", reply(200, threeRows, "Content-Encoding", "gzip"), retry, "damaged"},
		{"gzip", raw("Content-Encoding: gzip", zipped(threeRows)), succeeds, ""},
		{"more after the end", reply(200, threeRows+"x"), final, ""},
		{"two answers", reply(200, threeRows+threeRows), final, ""},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, retry, "broke before the answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t, c.answer)
			_, err := s.source(t).Read(context.Background(), testSlice("T\n| where x"), new(collect).emit)
			if got := outcomeOf(err); got != c.want {
				t.Errorf("%v is %q, want %q", err, got, c.want)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
			if err != nil && !strings.Contains(err.Error(), "(request ") {
				t.Errorf("%q does not name the request", err)
			}
		})
	}
}

// damaged spoils the checksum at the end.
func damaged(b []byte) []byte {
	b[len(b)-8] ^= 1
	return b
}

func TestRequestID(t *testing.T) {
	s := newService(t, reply(500, failing("x", "y"), "x-ms-request-id", "the-service-id"))
	err := s.source(t).Query(context.Background(), "T", "", new(collect).emit)
	if !strings.Contains(err.Error(), "(request the-service-id)") {
		t.Errorf("%q does not name the service's id", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0}, {"7", "", 7 * time.Second}, {" 7 ", "", 7 * time.Second}, {"0", "", 0}, {"-5", "", 0}, {"soon", "", 0},
		{"99999999999999999999", "", 0}, {"2000000000", "", time.Hour},
		{now.Add(20 * time.Second).Format(http.TimeFormat), "", 20 * time.Second},
		{now.Add(-20 * time.Second).Format(http.TimeFormat), "", 0},
		{now.Add(20 * time.Second).Format(http.TimeFormat), now.Add(15 * time.Second).Format(http.TimeFormat), 5 * time.Second},
	} {
		r := &http.Response{Header: http.Header{"Retry-After": {c.value}, "Date": {c.date}}}
		if got := retryAfter(r, now); got != c.want {
			t.Errorf("Retry-After %q, Date %q: %v, want %v", c.value, c.date, got, c.want)
		}
	}
}

func TestThrottled(t *testing.T) {
	s := newService(t, reply(429, "", "Retry-After", "17"))
	source := s.source(t)
	err := source.Query(context.Background(), "T", "", new(collect).emit)
	var again *pipeline.RetryAfter
	if !errors.As(err, &again) || again.Wait != 17*time.Second {
		t.Errorf("%v, want a wait of 17s", err)
	}
	if g := source.governor; g.places[analytics].allowed != 2 || time.Until(g.until) > 17*time.Second || time.Until(g.until) < 10*time.Second {
		t.Errorf("%d queries at once, paused for %v; want 2 and 17s", g.places[analytics].allowed, time.Until(g.until))
	}
}

func TestNoConnection(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	s := newService(t, nil)
	private := httptest.NewTLSServer(http.NotFoundHandler())
	defer private.Close()
	for _, c := range []struct {
		name, endpoint string
		want           outcome
		says           string
	}{
		{"refused", "http://" + closed.Addr().String(), retry, "refuses connections"},
		{"private certificate", private.URL, noAccess, "ca_file"},
		{"plain server", strings.Replace(s.URL, "http:", "https:", 1), noAccess, "does not speak TLS"},
	} {
		source := s.source(t, func(config *Config) { config.Endpoint = c.endpoint })
		err := source.Query(context.Background(), "T", "", new(collect).emit)
		if got := outcomeOf(err); got != c.want || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v is %q; want %q and %q", c.name, err, got, c.want, c.says)
		}
	}
	err = s.source(t).noAnswer(context.Background(), question{}, &net.DNSError{Err: "no such host", Name: "kustash.invalid", IsNotFound: true})
	if got := outcomeOf(err); got != retry || !strings.Contains(err.Error(), "kustash.invalid cannot be resolved") {
		t.Errorf("unknown name: %v is %q", err, got)
	}
}

// Wherever an answer is cut, and however its end is told, it does not count.
func TestCutAnywhere(t *testing.T) {
	var body []byte
	var head string
	s := newService(t, func(w http.ResponseWriter, r *http.Request) { raw(head, body)(w, r) })
	source := s.source(t)
	packed := zipped(threeRows)
	for _, c := range []struct {
		name, head string
		whole      []byte
		chunked    bool
	}{
		{"plain with a length", fmt.Sprintf("Content-Length: %d", len(threeRows)), []byte(threeRows), false},
		{"plain until the connection ends", "Connection: close", []byte(threeRows), false},
		{"plain in chunks", "Transfer-Encoding: chunked", []byte(threeRows), true},
		{"gzip with a length", fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d", len(packed)), packed, false},
		{"gzip until the connection ends", "Content-Encoding: gzip\r\nConnection: close", packed, false},
		{"gzip in chunks", "Content-Encoding: gzip\r\nTransfer-Encoding: chunked", packed, true},
	} {
		head = c.head
		for n := range len(c.whole) {
			if n > 16 && n < len(c.whole)-16 && n%7 > 0 {
				continue // each costs a connection; the ends are what differs
			}
			body = c.whole[:n]
			if c.chunked { // each chunk whole, the last one of no length missing
				body = fmt.Appendf(nil, "%x\r\n%s\r\n", n, body)
				if n == 0 {
					body = nil
				}
			}
			_, err := source.Read(context.Background(), testSlice("T"), new(collect).emit)
			// Nothing at all is no cut where only the end of the connection tells.
			empty := n == 0 && strings.HasSuffix(c.head, "Connection: close")
			if got := outcomeOf(err); empty && got != retry || !empty && got != retryLarge {
				t.Errorf("%s, cut after %d of %d bytes: %v is %q", c.name, n, len(c.whole), err, got)
			}
		}
		body = c.whole
		if c.chunked {
			body = fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		}
		var got collect
		if _, err := source.Read(context.Background(), testSlice("T"), got.emit); err != nil || got.rows != 3 {
			t.Errorf("%s, whole: %d rows and %v", c.name, got.rows, err)
		}
	}
}

// A query that runs out of a time below the service's is given that one, and
// a time-out of that is a limit.
func TestMoreTime(t *testing.T) {
	late := reply(504, failing("ADX query timed out", "GatewayTimeout", "GatewayTimeout"))
	for _, c := range []struct {
		name    string
		timeout string
		fails   int
		want    outcome
		waits   []string
	}{
		{"enough", "30s", 1, succeeds, []string{"wait=30", "wait=600"}},
		{"never, before its time", "30s", 9, retryLarge, []string{"wait=30", "wait=600"}},
		{"the longest, before its time", "10m", 9, retryLarge, []string{"wait=600"}},
	} {
		var s *service
		s = newService(t, func(w http.ResponseWriter, r *http.Request) {
			if len(s.asked) <= c.fails {
				late(w, r)
				return
			}
			reply(200, threeRows)(w, r)
		})
		source := s.source(t, func(config *Config) { config.Limits = &Limits{Timeout: c.timeout} })
		_, err := source.Read(context.Background(), testSlice("T"), new(collect).emit)
		if got := outcomeOf(err); got != c.want {
			t.Errorf("%s: %v is %q, want %q", c.name, err, got, c.want)
		}
		var waits []string
		for _, one := range s.asked {
			wait, _, _ := strings.Cut(one.header.Get("Prefer"), ",")
			waits = append(waits, wait)
		}
		if !slices.Equal(waits, c.waits) {
			t.Errorf("%s: asked with %q, want %q", c.name, waits, c.waits)
		}
	}
	response := &http.Response{StatusCode: 504, Header: http.Header{}}
	q := question{wait: maxTimeout, sent: time.Now().Add(-maxTimeout - time.Second)}
	if err := newService(t, nil).source(t).refusal(q, response, nil); outcomeOf(err) != tooLarge {
		t.Errorf("504 after the longest time: %v is %q, want %q", err, outcomeOf(err), tooLarge)
	}
}

// A warning may stand for rows of a leg that was left out, whatever the author
// says of missing tables: those are asked for before anything is read.
func TestWarnings(t *testing.T) {
	slice := testSlice("T")
	slice.Query.MissingTable = pipeline.MissingSkip
	for _, c := range []struct {
		code, message, severity string
		want                    outcome
	}{
		{"SEM0100", "x", "Warning", final},
		{"1", "Failed to resolve table or column expression named 'B'", "Warning", final},
		{"1", "Failed to resolve table or column expression named 'B'", "Error", retryOnce},
		{"1", "some shards are not reachable", "Warning", final},
	} {
		body := strings.Replace(partly(`"`+c.code+`"`, c.message), `2,"severityName":"Error"`, `3,"severityName":"`+c.severity+`"`, 1)
		if c.severity == "Error" {
			body = partly(`"`+c.code+`"`, c.message)
		}
		s := newService(t, reply(200, body))
		if _, err := s.source(t).Read(context.Background(), slice, new(collect).emit); outcomeOf(err) != c.want {
			t.Errorf("%s %s, %q: %v is %q, want %q", c.severity, c.code, c.message, err, outcomeOf(err), c.want)
		}
	}
}

func TestExcess(t *testing.T) {
	const (
		oldRows  = "Query result set has exceeded the internal record count limit 500000 (E_QUERY_RESULT_SET_TOO_LARGE; see x)"
		oldBytes = "Query result set has exceeded the internal data size limit 64000000 (E_QUERY_RESULT_SET_TOO_LARGE; see x)"
		newRows  = "The results of this query exceed the set limit of 500000 records, so not all records were returned"
		newBytes = "The results of this query exceed the set limit of 64000000 bytes, so not all records were returned"
	)
	for _, c := range []struct {
		message, statistics string
		want                float64
	}{
		{newRows, `{"tableRowCount":1250000,"tableSize":1000}`, 2.5},
		{oldRows, `{"tableRowCount":1250000}`, 2.5},
		{newBytes, `{"tableRowCount":10,"tableSize":160000000}`, 2.5},
		{oldBytes, `{"tableSize":160000000}`, 2.5},
		{newRows, `{"tableRowCount":1250000,"tableSize":256000000}`, 4},
		{newBytes, `{"tableRowCount":5000000,"tableSize":65000000}`, 10},
		{newRows, `{"tableRowCount":500000,"tableSize":63000000}`, 0}, // of the part that came
		{newBytes, `{"tableRowCount":400000,"tableSize":63999999}`, 0},
		{newRows, `{}`, 0},
		{"The Sort operator has exceeded the memory budget (5368709120)", `{"tableRowCount":1250000}`, 0},
	} {
		body := partly(`"-2133196797"`, c.message)
		body = body[:len(body)-1] + `,"statistics":{"query":{"datasetStatistics":[` + c.statistics + `]}}}`
		s := newService(t, reply(200, body))
		_, err := s.source(t).Read(context.Background(), testSlice("T"), new(collect).emit)
		var large *pipeline.TooLarge
		if !errors.As(err, &large) || !errors.Is(err, pipeline.ErrTooLarge) || large.Times != c.want {
			t.Errorf("%q with %s: %#v, want %v times too large", c.message, c.statistics, large, c.want)
		}
	}
}
