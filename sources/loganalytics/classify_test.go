package loganalytics

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
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
	retryLarge outcome = "RetryAfter, then ErrTooLarge"
)

func outcomeOf(err error) outcome {
	var again *pipeline.RetryAfter
	retries, large := errors.As(err, &again), errors.Is(err, pipeline.ErrTooLarge)
	switch {
	case err == nil:
		return succeeds
	case retries && large:
		return retryLarge
	case retries:
		return retry
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
		{"unknown partial error", reply(200, partly(`"7"`, "what")), retry, "incomplete"},
		{"error without tables", reply(200, failing("x", "Oops")), retry, "incomplete"},
		{"worst of two", reply(200, `{"tables":[],"error":{"code":"PartialError","details":[{"code":"-2133196797","message":"a"},{"code":"-2133196788","message":"b"}]}}`), final, ""},
		{"two tables", reply(200, `{"tables":[{"name":"a","columns":[{"name":"s","type":"string"}],"rows":[]},{"name":"b","columns":[],"rows":[]}]}`), noQuery, "2 results"},
		{"no table", reply(200, `{"tables":[]}`), final, ""},
		{"another row count", reply(200, strings.Replace(threeRows, `"tableRowCount":3`, `"tableRowCount":4`, 1)), retry, "3 rows, but the service counted 4"},
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
		{"gateway size by code", reply(413, failing("x", "ResponsePayloadTooLarge")), tooLarge, "gateway"},
		{"413", reply(413, ""), noQuery, "too long"},
		{"401", reply(401, failing("x", "AuthenticationFailed")), noAccess, "tenant_id"},
		{"another cloud", reply(401, failing("x", "InvalidAuthenticationTokenTenant")), noAccess, "another tenant or cloud"},
		{"403", reply(403, failing("x", "InsufficientAccessError")), noAccess, "60 minutes"},
		{"network rule", reply(403, failing("Access is denied", "InsufficientAccessError", "NspValidationFailedError")), noAccess, "network rules"},
		{"signature", reply(403, failing("x", "InvalidTokenError", "SignatureVerificationFailed")), noAccess, "token"},
		{"404", reply(404, failing("x", "PathNotFoundError")), noAccess, "not the name"},
		{"429", reply(429, ""), retry, "too many requests"},
		{"500", reply(500, failing("Unexpected error occurred", "InternalServerFault")), retry, "fault"},
		{"502 with a page", reply(502, "<html>bad gateway", "Content-Type", "text/html"), retry, "status 502"},
		{"504", reply(504, failing("Kusto query timed out", "GatewayTimeout", "GatewayTimeout")), retryLarge, "out of time"},
		{"418", reply(418, ""), final, "unexpected"},
		{"cut", raw("Content-Length: 1000", []byte(threeRows[:200])), retryLarge, "cut off after 200 bytes"},
		{"cut at the last brace", raw("Connection: close", []byte(threeRows[:len(threeRows)-1])), retryLarge, "cut off"},
		{"cut chunks", raw("Transfer-Encoding: chunked", []byte("40\r\n"+threeRows[:64]+"\r\n")), retryLarge, "cut off"},
		{"cut gzip", raw("Content-Encoding: gzip", zipped(threeRows)[:100]), retryLarge, "cut off"},
		{"gzip without its end", raw("Content-Encoding: gzip", zipped(threeRows)[:len(zipped(threeRows))-4]), retryLarge, "cut off"},
		{"damaged gzip", raw("Content-Encoding: gzip", damaged(zipped(threeRows))), retry, "damaged"},
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
