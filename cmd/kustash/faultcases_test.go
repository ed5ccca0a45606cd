package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// faultCase is one way in which the service, or what lies before it, fails.
// The pipeline has six slices of an hour, read one after the other.
type faultCase struct {
	name   string
	faults []emulator.Fault         // of requests
	change func(*emulator.Config)   // of the service
	front  func(http.Handler) front // stands before the service
	text   [2]string                // of the pipeline, old and new
	exit   int
	ends   string   // "3 done, 1 split, 2 failed"; or "no plan"
	says   []string // words of the run
}

// front is a handler that may be before the service.
type front = http.HandlerFunc

// The actions of the table.
type (
	fault  = emulator.Fault
	action = emulator.Action
	match  = emulator.Match
)

// readsOnly is in the text of every read, and in no other query.
const readsOnly = "// read"

// always happens to every read, times to the first of them, third to the
// first n tries of the third slice (0 is all) and what it is split into.
func always(a action) []fault { return []fault{{Match: match{Query: readsOnly}, Action: a}} }

func times(n int, a action) []fault {
	return []fault{{Match: match{Query: readsOnly, Times: n}, Action: a}}
}

func third(n int, a action) []fault {
	at := faultWindow().Start.Add(150 * time.Minute)
	return []fault{{Match: match{Query: readsOnly, Times: n, From: at, To: at.Add(time.Second)}, Action: a}}
}

func token(n int, a action) []fault {
	return []fault{{Match: match{Route: "token", Times: n}, Action: a}}
}

// reply is an answer in JSON with an error in it.
func reply(status int, message string, codes ...string) action {
	text := fmt.Sprintf(`{"code":%q,"message":%q}`, codes[len(codes)-1], message)
	for i := len(codes) - 2; i >= 0; i-- {
		text = fmt.Sprintf(`{"code":%q,"message":"x","innererror":%s}`, codes[i], text)
	}
	return action{Status: status, Body: `{"error":` + text + `}`}
}

func page(status int) action { return action{Status: status, Body: "<html><h1>busy</h1></html>"} }

func partly(code, message string) action {
	return action{Partial: &emulator.Partial{Code: code, Message: message}}
}

func limits(l emulator.Limits) func(*emulator.Config) {
	return func(c *emulator.Config) { c.Limits = l }
}

func oldLimits(l emulator.Limits) func(*emulator.Config) {
	return func(c *emulator.Config) { c.Limits, c.OldWording = l, true }
}

func principal(p emulator.Principal) func(*emulator.Config) {
	return func(c *emulator.Config) {
		p.Tenant, p.ClientID = emulator.DemoTenantID, emulator.DemoClientID
		if p.ClientSecret == "" {
			p.ClientSecret = emulator.DemoClientSecret
		}
		c.Principals = []emulator.Principal{p}
	}
}

func denied(a emulator.Access) func(*emulator.Config) {
	return principal(emulator.Principal{Access: a})
}

// faultCases is what the service does, and what the run must do.
func faultCases() []faultCase {
	const busy = "the service refuses for too many requests"
	free := emulator.Limits{Requests: -1, Concurrency: -1}
	with := func(change func(*emulator.Limits)) emulator.Limits { l := free; change(&l); return l }
	return []faultCase{
		// Too many requests.
		{name: "429 twice", faults: times(2, action{Status: 429}), ends: "6 done", says: []string{busy, "Trying again"}},
		{name: "429 with an empty body", faults: times(2, action{Status: 429, ContentType: "text/plain"}), ends: "6 done", says: []string{busy}},
		{name: "429 with seconds", faults: times(1, action{Status: 429, RetryAfter: "1"}), ends: "6 done", says: []string{"asked to wait 1s"}},
		{name: "429 with a date", front: throttledUntil(2 * time.Second), ends: "6 done", says: []string{"asked to wait"}},
		{name: "429 with a date of long ago", faults: times(1, action{Status: 429, RetryAfter: "Thu, 01 Jan 2015 00:00:00 GMT"}), ends: "6 done", says: []string{busy}},
		{name: "429 for a slice, always", faults: third(0, action{Status: 429}), exit: 1, ends: "5 done, 1 failed", says: []string{busy}},
		{name: "429 while planning", faults: []fault{{Match: match{Query: "print now()", Times: 3}, Action: action{Status: 429}}}, ends: "6 done"},
		{name: "throttled by another status", faults: times(2, reply(503, "slow down", "ThrottledError")), ends: "6 done", says: []string{busy}},
		{name: "requests beyond the service's window", change: limits(emulator.Limits{Requests: 2, Window: 20 * time.Millisecond}), ends: "6 done"},

		// The service and its gateway.
		{name: "500 once", faults: times(1, reply(500, "Unexpected error occurred", "InternalServerFault")), ends: "6 done", says: []string{"the service has a fault"}},
		{name: "500 for a slice, always", faults: third(0, reply(500, "Unexpected error occurred", "InternalServerFault")), exit: 1, ends: "5 done, 1 failed", says: []string{"InternalServerFault: Unexpected error occurred"}},
		{name: "502 with a page", faults: times(3, page(502)), ends: "6 done", says: []string{"status 502"}},
		{name: "503 without a body", faults: times(3, action{Status: 503}), ends: "6 done", says: []string{"status 503"}},
		{name: "503 while planning", faults: []fault{{Match: match{Query: "print now()", Times: 2}, Action: page(503)}}, ends: "6 done"},
		{name: "503 when sizes are asked for", faults: []fault{{Match: match{Query: "summarize Rows"}, Action: page(503)}}, ends: "6 done", says: []string{"could not be sized"}},
		{name: "another status", faults: third(0, action{Status: 418}), exit: 1, ends: "5 done, 1 failed", says: []string{"unexpected answer"}},

		// Time.
		{name: "504 then fine", faults: times(1, action{Takes: time.Hour}), ends: "6 done", says: []string{"ran out of time"}},
		{name: "504 twice", faults: third(2, action{Takes: time.Hour}), ends: "7 done, 1 split"},
		{name: "504 for halves too", faults: third(4, action{Takes: time.Hour}), ends: "8 done, 2 split"},
		{name: "504 with a page", faults: third(2, page(504)), ends: "7 done, 1 split"},
		{name: "408", faults: third(2, action{Status: 408}), ends: "7 done, 1 split"},
		{name: "more time than configured", faults: always(action{Takes: time.Minute}), text: shortTimeout, ends: "6 done"},
		{name: "more time than there is", faults: third(4, action{Takes: time.Hour}), text: shortTimeout, ends: "7 done, 1 split"},
		{name: "slow drip", faults: always(action{Drip: time.Millisecond}), ends: "6 done"},

		// The connection.
		{name: "cut before the body", faults: times(1, action{Cut: true}), ends: "6 done", says: []string{"cut off after"}},
		{name: "cut in the header of gzip", faults: times(1, action{Cut: true, CutAfter: 5}), ends: "6 done", says: []string{"cut off after"}},
		{name: "cut in gzip", faults: times(1, action{Cut: true, CutAfter: 300}), ends: "6 done", says: []string{"cut off after 300 bytes"}},
		{name: "cut at the end of gzip", faults: times(1, action{Cut: true, CutAfter: 1 << 20}), ends: "6 done", says: []string{"cut off after"}},
		{name: "cut twice in gzip", faults: third(2, action{Cut: true, CutAfter: 300}), ends: "7 done, 1 split"},
		{name: "cut before a plain body", faults: times(1, action{Cut: true}), front: plainly, ends: "6 done", says: []string{"cut off after 0 bytes"}},
		{name: "cut in a plain body", faults: times(1, action{Cut: true, CutAfter: 700}), front: plainly, ends: "6 done", says: []string{"cut off after 700 bytes"}},
		{name: "cut at the end of a plain body", faults: times(1, action{Cut: true, CutAfter: 1 << 20}), front: plainly, ends: "6 done", says: []string{"cut off after"}},
		{name: "cut twice in a plain body", faults: third(2, action{Cut: true, CutAfter: 700}), front: plainly, ends: "7 done, 1 split"},
		{name: "hung up before the answer", front: first(2, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }), ends: "6 done", says: []string{"broke before the answer"}},
		{name: "damaged gzip", front: spoiled(func(b []byte) []byte { b[len(b)-6] ^= 1; return b }), ends: "6 done", says: []string{"damaged on its way"}},
		{name: "gzip without its footer", front: spoiled(func(b []byte) []byte { return b[:len(b)-8] }), ends: "6 done", says: []string{"cut off after"}},
		{name: "more after gzip", front: spoiled(func(b []byte) []byte { return append(b, "more than a header"...) }), ends: "6 done", says: []string{"damaged on its way"}},
		{name: "connection refused", text: [2]string{"endpoint     = \"http://", "endpoint     = \"http://127.0.0.1:1/"}, exit: 1, ends: "no plan", says: []string{"refuses connections", "firewall"}},
		{name: "TLS of an unknown authority", text: [2]string{"endpoint     = \"http://", "endpoint     = \"UNKNOWN/"}, exit: 1, ends: "no plan", says: []string{"unknown authority", "ca_file"}},
		{name: "no TLS", text: [2]string{"endpoint     = \"http://", "endpoint     = \"https://"}, exit: 1, ends: "no plan", says: []string{"does not speak TLS"}},

		// Answers that are none.
		{name: "empty 200", faults: times(1, action{ContentType: "application/json"}), ends: "6 done", says: []string{"not the same as no rows"}},
		{name: "empty 200, always", faults: third(0, action{ContentType: "application/json"}), exit: 1, ends: "5 done, 1 failed", says: []string{"not the same as no rows"}},
		{name: "204, always", faults: third(0, action{Status: 204}), exit: 1, ends: "5 done, 1 failed", says: []string{"status 204"}},
		{name: "a page as success", faults: times(2, page(200)), ends: "6 done", says: []string{`"text/html" and not JSON`}},
		{name: "half of an answer", faults: times(1, action{Body: `{"tables":[{"name":"PrimaryResult","columns":[`}), ends: "6 done", says: []string{"cut off after"}},
		{name: "another object", faults: third(0, action{Body: `{"value":[]}`}), exit: 1, ends: "5 done, 1 failed", says: []string{"neither a table nor an error"}},
		{name: "two answers", faults: third(0, action{Body: `{"tables":[{"columns":[],"rows":[]}]}{}`}), exit: 1, ends: "5 done, 1 failed", says: []string{"end of the answer"}},
		{name: "a value of another type", faults: third(0, action{Body: `{"tables":[{"name":"P","columns":[{"name":"N","type":"long"}],"rows":[["x"]]}]}`}), exit: 1, ends: "5 done, 1 failed", says: []string{"long"}},
		{name: "a second table", faults: third(0, action{ExtraTable: true}), exit: 1, ends: "2 done, 4 failed", says: []string{"2 results"}},
		{name: "an old answer once", front: header(1, "Age", "54"), ends: "6 done", says: []string{"54 s old"}},
		{name: "old answers, always", front: header(1<<30, "Age", "54"), exit: 1, ends: "6 failed", says: []string{"54 s old", "proxy"}},
		{name: "another compression", front: header(1<<30, "Content-Encoding", "br"), exit: 1, ends: "6 failed", says: []string{`compressed as "br"`}},

		// Answers in unusual order.
		{name: "rows and error first", faults: always(action{RowsFirst: true, ErrorFirst: true}), ends: "6 done"},
		{name: "error first, of a limit", faults: always(action{RowsFirst: true, ErrorFirst: true}), change: limits(with(func(l *emulator.Limits) { l.Rows = 15 })), ends: "12 done, 6 split"},

		// Counts that disagree.
		{name: "statistics of more rows once", faults: times(1, action{StatisticsRows: 1}), ends: "6 done", says: []string{"but the service counted"}},
		{name: "statistics of fewer rows, always", faults: third(0, action{StatisticsRows: -1}), exit: 1, ends: "5 done, 1 failed", says: []string{"but the service counted"}},
		{name: "no statistics", front: unasked, ends: "6 done"},

		// Limits.
		{name: "row limit", change: limits(with(func(l *emulator.Limits) { l.Rows = 15 })), ends: "12 done, 6 split"},
		{name: "row limit in old words", change: oldLimits(with(func(l *emulator.Limits) { l.Rows = 15 })), ends: "12 done, 6 split"},
		{name: "byte limit", change: limits(with(func(l *emulator.Limits) { l.Bytes = 600 })), ends: "12 done, 6 split"},
		{name: "byte limit in old words", change: oldLimits(with(func(l *emulator.Limits) { l.Bytes = 600 })), ends: "12 done, 6 split"},
		{name: "gateway limit", change: limits(with(func(l *emulator.Limits) { l.GatewayBytes = 1400 })), ends: "12 done, 6 split"},
		{name: "gateway limit as 500", change: limits(with(func(l *emulator.Limits) { l.GatewayBytes, l.GatewayStatus = 1400, 500 })), ends: "12 done, 6 split"},
		{name: "gateway limit as 413", change: limits(with(func(l *emulator.Limits) { l.GatewayBytes, l.GatewayStatus = 1400, 413 })), ends: "12 done, 6 split"},
		{name: "gateway limit as a page", faults: third(1, action{Status: 502, Body: "<p>Maximum response size of 100000000 bytes exceeded"}), ends: "7 done, 1 split"},
		{name: "memory", faults: third(1, partly("-2133196799", "Runaway query (E_RUNAWAY_QUERY)")), ends: "7 done, 1 split"},
		{name: "memory by its words", faults: third(1, partly("1", "The HashJoin operator has exceeded the memory budget (5368709120)")), ends: "7 done, 1 split"},
		{name: "low memory once", faults: third(1, partly("1", "E_LOW_MEMORY_CONDITION")), ends: "6 done", says: []string{"short of memory"}},
		{name: "low memory twice", faults: third(2, partly("1", "E_LOW_MEMORY_CONDITION")), ends: "7 done, 1 split"},
		{name: "overflow", faults: third(0, partly("-2133196788", "overflow (E_OVERFLOW)")), exit: 1, ends: "5 done, 1 failed", says: []string{"smaller slices would change its result"}},
		{name: "unknown partial answer once", faults: third(1, partly("7", "odd")), ends: "6 done", says: []string{"the answer is incomplete"}},
		{name: "unknown partial answer twice", faults: third(2, partly("7", "odd")), exit: 1, ends: "5 done, 1 failed", says: []string{"the answer is incomplete"}},
		{name: "a warning", faults: third(0, action{Partial: &emulator.Partial{Code: "1", Message: "Failed to resolve table 'B'", Severity: 3}}), exit: 1, ends: "5 done, 1 failed", says: []string{"the service warns", "missing_table"}},

		// The query.
		{name: "syntax error", faults: always(reply(400, "Query could not be parsed at 'a' on line [1,5]", "BadArgumentError", "SyntaxError", "SYN0002")), exit: 1, ends: "6 failed", says: []string{"syntax error", "and 5 more slices"}},
		{name: "missing table", change: func(c *emulator.Config) { c.Data = emulator.NewDataset() }, exit: 1, ends: "1 failed", says: []string{"may be empty here, or not readable"}},
		{name: "too long", faults: always(action{Status: 413}), exit: 1, ends: "6 failed", says: []string{"too long for the service"}},

		// Access.
		{name: "denied", change: denied(emulator.Denied), exit: 1, ends: "no plan", says: []string{"Log Analytics Reader", "60 minutes"}},
		{name: "denied to the principal", change: denied(emulator.DeniedUnauthorized), exit: 1, ends: "no plan", says: []string{"UnauthorizedClient", "Log Analytics Reader"}},
		{name: "denied to the user", change: denied(emulator.DeniedUser), exit: 1, ends: "no plan", says: []string{"AuthorizationFailedError"}},
		{name: "denied by the network", change: denied(emulator.DeniedNetwork), exit: 1, ends: "no plan", says: []string{"network rules", "a role does not help"}},
		{name: "denied for an hour", change: principal(emulator.Principal{Access: emulator.Denied, DeniedFor: time.Hour}), exit: 1, ends: "no plan", says: []string{"60 minutes"}},
		{name: "denied in the middle", faults: []fault{{Match: match{Query: readsOnly, Nth: 3}, Action: reply(403, "x", "InsufficientAccessError")}}, exit: 1, ends: "2 done, 4 failed", says: []string{"and 3 more slices", "Log Analytics Reader"}},
		{name: "unknown workspace", change: func(c *emulator.Config) { c.WorkspaceIDs = []string{"00000000-0000-4000-8000-000000000000"} }, exit: 1, ends: "no plan", says: []string{"workspace id (a GUID"}},
		{name: "wrong path", faults: always(reply(404, "The requested path does not exist", "PathNotFoundError")), exit: 1, ends: "6 failed", says: []string{"not the name"}},
		{name: "redirect", faults: always(action{Status: 302}), exit: 1, ends: "6 failed", says: []string{"points elsewhere"}},
		{name: "proxy with a password", faults: always(action{Status: 407}), exit: 1, ends: "6 failed", says: []string{"proxy"}},

		// Tokens.
		{name: "token rejected once", faults: times(1, reply(401, "The access token is invalid.", "InvalidAuthenticationToken")), ends: "6 done"},
		{name: "token rejected always", faults: always(reply(401, "The access token is invalid.", "InvalidAuthenticationToken")), exit: 1, ends: "6 failed", says: []string{"token is not accepted"}},
		{name: "token of another cloud", faults: always(reply(401, "x", "InvalidAuthenticationTokenTenant")), exit: 1, ends: "6 failed", says: []string{"another tenant or cloud"}},
		{name: "tokens of two seconds", change: func(c *emulator.Config) { c.TokenLifetime = 2 * time.Second }, ends: "6 done"},
		{name: "wrong secret", change: principal(emulator.Principal{ClientSecret: "another"}), exit: 1, ends: "no plan", says: []string{"client secret is wrong"}},
		{name: "unknown tenant", text: [2]string{emulator.DemoTenantID, "00000000-0000-4000-8000-000000000000"}, exit: 1, ends: "no plan", says: []string{"tenant"}},
		{name: "token endpoint with a page", faults: token(2, page(503)), ends: "6 done"},
		{name: "token endpoint busy", faults: token(2, action{Status: 400, Body: `{"error":"temporarily_unavailable","error_codes":[90033]}`}), ends: "6 done"},
		{name: "token endpoint cut", faults: token(2, action{Cut: true, CutAfter: 20}), ends: "6 done"},
		{name: "expired secret", faults: token(0, action{Status: 401, Body: `{"error":"invalid_client","error_codes":[7000222]}`}), exit: 1, ends: "no plan", says: []string{"has expired"}},

		// The clock.
		{name: "clock ten minutes off", change: func(c *emulator.Config) { c.Now = func() time.Time { return time.Now().Add(10 * time.Minute) } }, exit: 1, ends: "no plan", says: []string{"clock is", "off the service's"}},
	}
}

// shortTimeout gives the queries of a pipeline little time.
var shortTimeout = [2]string{`workspace "w" {`, "workspace \"w\" {\n  limits { timeout = \"5s\" }"}

// asksRows reports whether a request reads a slice.
func asksRows(r *http.Request) (*http.Request, bool) {
	if !strings.HasSuffix(r.URL.Path, "/query") {
		return r, false
	}
	var text strings.Builder
	_, _ = bufio.NewReader(r.Body).WriteTo(&text)
	r.Body = http.NoBody
	again := r.Clone(r.Context())
	again.Body = readCloser{strings.NewReader(text.String())}
	return again, strings.Contains(text.String(), readsOnly)
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// first answers the first n reads by itself.
func first(n int32, answer func(http.ResponseWriter)) func(http.Handler) front {
	return func(service http.Handler) front {
		var seen atomic.Int32
		return func(w http.ResponseWriter, r *http.Request) {
			r, rows := asksRows(r)
			if rows && seen.Add(1) <= n {
				answer(w)
				return
			}
			service.ServeHTTP(w, r)
		}
	}
}

// throttledUntil refuses the first read until a date a little later.
func throttledUntil(wait time.Duration) func(http.Handler) front {
	return first(1, func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", time.Now().Add(wait).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	})
}

// header adds a header to the answers to the first n reads.
func header(n int32, name, value string) func(http.Handler) front {
	return func(service http.Handler) front {
		var seen atomic.Int32
		return func(w http.ResponseWriter, r *http.Request) {
			r, rows := asksRows(r)
			if rows && seen.Add(1) <= n {
				w = changedHeader{w, name, value}
			}
			service.ServeHTTP(w, r)
		}
	}
}

type changedHeader struct {
	http.ResponseWriter
	name, value string
}

func (w changedHeader) Write(p []byte) (int, error) {
	w.Header().Set(w.name, w.value)
	return w.ResponseWriter.Write(p)
}

// spoiled changes the body of the first answer with rows.
func spoiled(change func([]byte) []byte) func(http.Handler) front {
	return func(service http.Handler) front {
		var seen atomic.Bool
		return func(w http.ResponseWriter, r *http.Request) {
			r, rows := asksRows(r)
			if !rows || seen.Swap(true) {
				service.ServeHTTP(w, r)
				return
			}
			whole := httptest.NewRecorder()
			service.ServeHTTP(whole, r)
			for name, values := range whole.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(whole.Code)
			_, _ = w.Write(change(whole.Body.Bytes()))
		}
	}
}

// plainly keeps the service from compressing.
func plainly(service http.Handler) front {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		service.ServeHTTP(w, r)
	}
}

// unasked keeps the service from sending statistics.
func unasked(service http.Handler) front {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Prefer")
		service.ServeHTTP(w, r)
	}
}

// faultWindow is the window of the pipeline.
func faultWindow() pipeline.Window {
	start := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2).Add(6 * time.Hour)
	return pipeline.Window{Start: start, End: start.Add(6 * time.Hour)}
}

// faultRows are twenty rows of each hour, ten of each half, one of them
// exactly at its begin.
func faultRows(w pipeline.Window) (rows [][]kql.Value, want []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	half := pipeline.TickOf(w.Start.Add(30*time.Minute)) - pipeline.TickOf(w.Start)
	for i := range 120 {
		at := pipeline.TickOf(w.Start) + pipeline.Tick(i/10)*half
		if i%10 > 0 {
			at += pipeline.Tick(rng.Int64N(int64(half)))
		}
		n, text := rng.Int64(), fmt.Sprintf("row %d, %x", i, rng.Uint64())
		rows = append(rows, []kql.Value{at, n, text})
		want = append(want, fmt.Sprintf("%s|%d|%s", shown(at), n, text))
	}
	slices.Sort(want)
	return rows, want
}

// shown writes a time as the service does.
func shown(at pipeline.Tick) string {
	text := at.Time().Format("2006-01-02T15:04:05.9999999")
	return text + "Z"
}

func faultPipeline(url string, w pipeline.Window) string {
	return fmt.Sprintf(workspaceBlock(url)+`
sink "local" "a" {
  path = "a"
  format "csv" {}
}
query "q" {
  workspace = workspace.w
  kql       = "Fault_CL %s"
  window {
    start = %q
    end   = %q
    slice = "1h"
  }
  sinks = [sink.a]
}
`, readsOnly, w.Start.Format(pipeline.TimeLayout), w.End.Format(pipeline.TimeLayout))
}

// Whatever the service does, a run ends as it must and says why, and when the
// fault is over a rerun completes the archive: each row once.
func TestFaultCases(t *testing.T) {
	cases := faultCases()
	if len(cases) < 40 {
		t.Errorf("%d cases, want at least 40", len(cases))
	}
	unknown := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(unknown.Close)
	names := make(map[string]bool)
	for _, c := range cases {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
		c.text[1] = strings.Replace(c.text[1], "UNKNOWN", unknown.URL, 1)
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c faultCase) run(t *testing.T) {
	w := faultWindow()
	rows, want := faultRows(w)
	data := emulator.NewDataset()
	if err := data.Add(&kql.Table{Name: "Fault_CL", Rows: rows, Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime},
		{Name: "N", Type: pipeline.Long}, {Name: "Text", Type: pipeline.String}}}); err != nil {
		t.Fatal(err)
	}
	var service atomic.Pointer[http.Handler]
	serve := func(h http.Handler) { service.Store(&h) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*service.Load()).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	well := emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1, Concurrency: -1}, CacheLifetime: -1}
	ill := well
	ill.Faults = c.faults
	if c.change != nil {
		c.change(&ill)
	}
	faulted, sound := newEmulator(t, ill), newEmulator(t, well)
	serve(faulted)
	if c.front != nil {
		serve(c.front(faulted))
	}
	s := &shell{t: t, dir: t.TempDir()}
	text := faultPipeline(server.URL, w)
	if c.text[0] != "" && !strings.Contains(text, c.text[0]) {
		t.Fatalf("the pipeline does not hold %q", c.text[0])
	}
	s.write("main.kustash.hcl", strings.Replace(text, c.text[0], c.text[1], 1))
	code, output := s.run("apply", "-auto-approve", "-parallelism=1", "-json-into=run.jsonl")
	if code != c.exit {
		t.Errorf("exit %d, want %d", code, c.exit)
	}
	if got := ending(t, filepath.Join(s.dir, "run.jsonl")); got != c.ends {
		t.Errorf("the run ended with %q, want %q", got, c.ends)
	}
	output = strings.Join(strings.Fields(output), " ")
	for _, words := range c.says {
		if !strings.Contains(output, words) {
			t.Errorf("the run does not say %q", words)
		}
	}
	if strings.Contains(output, emulator.DemoClientSecret) {
		t.Error("the run shows the secret")
	}
	if t.Failed() {
		t.Log(output)
	}
	serve(sound)
	s.write("main.kustash.hcl", text)
	if code, output := s.run("apply", "-auto-approve", "-parallelism=1"); code != exitDone {
		t.Errorf("the run after the fault: exit %d\n%s", code, output)
	}
	if got := csvRows(t, filepath.Join(s.dir, "a")); !slices.Equal(got, want) {
		t.Errorf("the archive holds %d rows, want %d: %s", len(got), len(want), firstDifference(got, want))
	}
	if code, output := s.run("apply", "-auto-approve"); code != exitDone || !strings.Contains(output, "No changes.") {
		t.Errorf("one more run: exit %d\n%s", code, output)
	}
}

func newEmulator(t *testing.T, c emulator.Config) *emulator.Emulator {
	t.Helper()
	e, err := emulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ending reads from the events of a run how its slices ended.
func ending(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return "no plan"
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var e struct {
			Type        string
			Done, Split int
			Failed      []any
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if e.Type != "summary" {
			continue
		}
		var parts []string
		for _, p := range []struct {
			n    int
			what string
		}{{e.Done, "done"}, {e.Split, "split"}, {len(e.Failed), "failed"}} {
			if p.n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
			}
		}
		return strings.Join(parts, ", ")
	}
	return "no plan"
}
