package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
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

// allReads meet an action, or the firstReads of them, or the first n tries (0
// is all) of the thirdSlice and what it is split into.
func allReads(a action) []fault { return []fault{{Match: match{Query: readsOnly}, Action: a}} }

func firstReads(n int, a action) []fault {
	return []fault{{Match: match{Query: readsOnly, Times: n}, Action: a}}
}

func thirdSlice(n int, a action) []fault {
	at := faultWindow().Start.Add(150 * time.Minute)
	return []fault{{Match: match{Query: readsOnly, Times: n, From: at, To: at.Add(time.Second)}, Action: a}}
}

func tokenFault(n int, a action) []fault {
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

func htmlPage(status int) action { return action{Status: status, Body: "<html><h1>busy</h1></html>"} }

func partly(code, message string) action {
	return action{Partial: &emulator.Partial{Code: code, Message: message}}
}

func under(l emulator.Limits) func(*emulator.Config) {
	return func(c *emulator.Config) { c.Limits = l }
}

func underOld(l emulator.Limits) func(*emulator.Config) {
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

func denying(a emulator.Access) func(*emulator.Config) {
	return principal(emulator.Principal{Access: a})
}

// faultCases is what the service does, and what the run must do.
func faultCases() []faultCase {
	const busy = "the service refuses for too many requests"
	free := emulator.Limits{Requests: -1, Concurrency: -1}
	with := func(change func(*emulator.Limits)) emulator.Limits { l := free; change(&l); return l }
	return []faultCase{
		// Too many requests.
		{name: "429 twice", faults: firstReads(2, action{Status: 429}), ends: "6 done", says: []string{busy, "Trying again"}},
		{name: "429 with an empty body", faults: firstReads(2, action{Status: 429, ContentType: "text/plain"}), ends: "6 done", says: []string{busy}},
		{name: "429 with seconds", faults: firstReads(1, action{Status: 429, RetryAfter: "1"}), ends: "6 done", says: []string{"asked to wait 1s"}},
		{name: "429 with a date", front: throttledUntil(2 * time.Second), ends: "6 done", says: []string{"asked to wait"}},
		{name: "429 with a date of long ago", faults: firstReads(1, action{Status: 429, RetryAfter: "Thu, 01 Jan 2015 00:00:00 GMT"}), ends: "6 done", says: []string{busy}},
		{name: "429 for a slice, always", faults: thirdSlice(0, action{Status: 429}), exit: 1, ends: "5 done, 1 failed", says: []string{busy}},
		{name: "429 while planning", faults: []fault{{Match: match{Query: "now()", Times: 3}, Action: action{Status: 429}}}, ends: "6 done"},
		{name: "throttled by another status", faults: firstReads(2, reply(503, "slow down", "ThrottledError")), ends: "6 done", says: []string{busy}},
		{name: "throttled in part", faults: firstReads(2, partly("ThrottledError", "x")), ends: "6 done", says: []string{busy}},
		{name: "requests beyond the service's window", change: under(emulator.Limits{Requests: 2, Window: 20 * time.Millisecond}), ends: "6 done"},

		// The service and its gateway.
		{name: "500 once", faults: firstReads(1, reply(500, "Unexpected error occurred", "InternalServerFault")), ends: "6 done", says: []string{"the service has a fault"}},
		{name: "500 for a slice, always", faults: thirdSlice(0, reply(500, "Unexpected error occurred", "InternalServerFault")), exit: 1, ends: "5 done, 1 failed", says: []string{"InternalServerFault: Unexpected error occurred"}},
		{name: "502 with a page", faults: firstReads(3, htmlPage(502)), ends: "6 done", says: []string{"status 502"}},
		{name: "503 without a body", faults: firstReads(3, action{Status: 503}), ends: "6 done", says: []string{"status 503"}},
		{name: "503 while planning", faults: []fault{{Match: match{Query: "now()", Times: 2}, Action: htmlPage(503)}}, ends: "6 done"},
		{name: "503 when sizes are asked for", faults: []fault{{Match: match{Query: "summarize"}, Action: htmlPage(503)}}, ends: "6 done", says: []string{"could not be sized"}},
		{name: "503 with seconds", faults: firstReads(1, action{Status: 503, RetryAfter: "1"}), ends: "6 done", says: []string{"asked to wait 1s"}},
		{name: "another status", faults: thirdSlice(0, action{Status: 418}), exit: 1, ends: "5 done, 1 failed", says: []string{"unexpected answer"}},

		// Time.
		{name: "504 then fine", faults: firstReads(1, action{Takes: time.Hour}), ends: "6 done", says: []string{"ran out of time"}},
		{name: "504 twice", faults: thirdSlice(2, action{Takes: time.Hour}), ends: "7 done, 1 split"},
		{name: "504 for halves too", faults: thirdSlice(4, action{Takes: time.Hour}), ends: "8 done, 2 split"},
		{name: "504 with a page", faults: thirdSlice(2, htmlPage(504)), ends: "7 done, 1 split"},
		{name: "408", faults: thirdSlice(2, action{Status: 408}), ends: "7 done, 1 split"},
		{name: "more time than configured", faults: allReads(action{Takes: time.Minute}), text: shortTimeout, ends: "6 done"},
		{name: "more time than there is", faults: thirdSlice(4, action{Takes: time.Hour}), text: shortTimeout, ends: "7 done, 1 split"},
		{name: "slow drip", faults: allReads(action{Drip: time.Millisecond}), ends: "6 done"},

		// The connection.
		{name: "cut before the body", faults: firstReads(1, action{Cut: true}), ends: "6 done", says: []string{"cut off after"}},
		{name: "cut in the header of gzip", faults: firstReads(1, action{Cut: true, CutAfter: 5}), ends: "6 done", says: []string{"cut off after"}},
		{name: "cut in gzip", faults: firstReads(1, action{Cut: true, CutAfter: 300}), ends: "6 done", says: []string{"cut off after 300 bytes"}},
		{name: "cut at the end of gzip", faults: firstReads(1, action{Cut: true, CutAfter: 1 << 20}), ends: "6 done", says: []string{"cut off after"}},
		{name: "cut twice in gzip", faults: thirdSlice(2, action{Cut: true, CutAfter: 300}), ends: "7 done, 1 split"},
		{name: "cut before a plain body", faults: firstReads(1, action{Cut: true}), front: plainly, ends: "6 done", says: []string{"cut off after 0 bytes"}},
		{name: "cut in a plain body", faults: firstReads(1, action{Cut: true, CutAfter: 700}), front: plainly, ends: "6 done", says: []string{"cut off after 700 bytes"}},
		{name: "cut at the end of a plain body", faults: firstReads(1, action{Cut: true, CutAfter: 1 << 20}), front: plainly, ends: "6 done", says: []string{"cut off after"}},
		{name: "cut twice in a plain body", faults: thirdSlice(2, action{Cut: true, CutAfter: 700}), front: plainly, ends: "7 done, 1 split"},
		{name: "hung up before the answer", front: answerFirst(2, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }), ends: "6 done", says: []string{"broke before the answer"}},
		{name: "damaged gzip", front: spoiled(func(b []byte) []byte { b[len(b)-6] ^= 1; return b }), ends: "6 done", says: []string{"damaged on its way"}},
		{name: "gzip without its footer", front: spoiled(func(b []byte) []byte { return b[:len(b)-8] }), ends: "6 done", says: []string{"cut off after"}},
		{name: "more after gzip", front: spoiled(func(b []byte) []byte { return append(b, "more than a header"...) }), ends: "6 done", says: []string{"damaged on its way"}},
		{name: "connection refused", text: [2]string{"endpoint     = \"http://", "endpoint     = \"http://127.0.0.1:1/"}, exit: 1, ends: "no plan", says: []string{"refuses connections", "firewall"}},
		{name: "TLS of an unknown authority", text: [2]string{"endpoint     = \"http://", "endpoint     = \"UNKNOWN/"}, exit: 1, ends: "no plan", says: []string{"unknown authority", "ca_file"}},
		{name: "no TLS", text: [2]string{"endpoint     = \"http://", "endpoint     = \"https://"}, exit: 1, ends: "no plan", says: []string{"does not speak TLS"}},

		// Answers that are none.
		{name: "empty 200", faults: firstReads(1, action{ContentType: "application/json"}), ends: "6 done", says: []string{"not the same as no rows"}},
		{name: "empty 200, always", faults: thirdSlice(0, action{ContentType: "application/json"}), exit: 1, ends: "5 done, 1 failed", says: []string{"not the same as no rows"}},
		{name: "204, always", faults: thirdSlice(0, action{Status: 204}), exit: 1, ends: "5 done, 1 failed", says: []string{"status 204"}},
		{name: "a page as success", faults: firstReads(2, htmlPage(200)), ends: "6 done", says: []string{`"text/html" and not JSON`}},
		{name: "half of an answer", faults: firstReads(1, action{Body: `{"tables":[{"name":"PrimaryResult","columns":[`}), ends: "6 done", says: []string{"cut off after"}},
		{name: "another object", faults: thirdSlice(0, action{Body: `{"value":[]}`}), exit: 1, ends: "5 done, 1 failed", says: []string{"neither a table nor an error"}},
		{name: "two answers", faults: thirdSlice(0, action{Body: `{"tables":[{"columns":[],"rows":[]}]}{}`}), exit: 1, ends: "5 done, 1 failed", says: []string{"end of the answer"}},
		{name: "a value of another type", faults: thirdSlice(0, action{Body: `{"tables":[{"name":"P","columns":[{"name":"N","type":"long"}],"rows":[["x"]]}]}`}), exit: 1, ends: "5 done, 1 failed", says: []string{"long"}},
		{name: "a second table", faults: thirdSlice(0, action{ExtraTable: true}), exit: 1, ends: "2 done, 4 failed", says: []string{"2 results"}},
		{name: "an old answer once", front: withHeader(1, "Age", "54"), ends: "6 done", says: []string{"54 s old"}},
		{name: "old answers, always", front: withHeader(1<<30, "Age", "54"), exit: 1, ends: "6 failed", says: []string{"54 s old", "proxy"}},
		{name: "another compression", front: withHeader(1<<30, "Content-Encoding", "br"), exit: 1, ends: "6 failed", says: []string{`compressed as "br"`}},

		// Answers in unusual order.
		{name: "rows and error first", faults: allReads(action{RowsFirst: true, ErrorFirst: true}), ends: "6 done"},
		{name: "error first, of a limit", faults: allReads(action{RowsFirst: true, ErrorFirst: true}), change: under(with(func(l *emulator.Limits) { l.Rows = 15 })), ends: "12 done, 6 split"},

		// Counts that disagree.
		{name: "statistics of more rows once", faults: firstReads(1, action{StatisticsRows: 1}), ends: "6 done", says: []string{"but the service counted"}},
		{name: "statistics of fewer rows, always", faults: thirdSlice(0, action{StatisticsRows: -1}), exit: 1, ends: "5 done, 1 failed", says: []string{"but the service counted"}},
		{name: "no statistics", front: unasked, ends: "6 done"},

		// Limits.
		{name: "row limit", change: under(with(func(l *emulator.Limits) { l.Rows = 15 })), ends: "12 done, 6 split"},
		{name: "row limit in old words", change: underOld(with(func(l *emulator.Limits) { l.Rows = 15 })), ends: "12 done, 6 split"},
		{name: "byte limit", change: under(with(func(l *emulator.Limits) { l.Bytes = 600 })), ends: "12 done, 6 split"},
		{name: "byte limit in old words", change: underOld(with(func(l *emulator.Limits) { l.Bytes = 600 })), ends: "12 done, 6 split"},
		{name: "gateway limit", change: under(with(func(l *emulator.Limits) { l.GatewayBytes = 1400 })), ends: "12 done, 6 split"},
		{name: "gateway limit as 500", change: under(with(func(l *emulator.Limits) { l.GatewayBytes, l.GatewayStatus = 1400, 500 })), ends: "12 done, 6 split"},
		{name: "gateway limit as 413", change: under(with(func(l *emulator.Limits) { l.GatewayBytes, l.GatewayStatus = 1400, 413 })), ends: "12 done, 6 split"},
		{name: "gateway limit as a page", faults: thirdSlice(1, action{Status: 502, Body: "<p>Maximum response size of 100000000 bytes exceeded"}), ends: "7 done, 1 split"},
		{name: "memory", faults: thirdSlice(1, partly("-2133196799", "Runaway query (E_RUNAWAY_QUERY)")), ends: "7 done, 1 split"},
		{name: "memory by its words", faults: thirdSlice(1, partly("1", "The HashJoin operator has exceeded the memory budget (5368709120)")), ends: "7 done, 1 split"},
		{name: "low memory once", faults: thirdSlice(1, partly("1", "E_LOW_MEMORY_CONDITION")), ends: "6 done", says: []string{"short of memory"}},
		{name: "low memory twice", faults: thirdSlice(2, partly("1", "E_LOW_MEMORY_CONDITION")), ends: "7 done, 1 split"},
		{name: "overflow", faults: thirdSlice(0, partly("-2133196788", "overflow (E_OVERFLOW)")), exit: 1, ends: "5 done, 1 failed", says: []string{"smaller slices would change its result"}},
		{name: "unknown partial answer once", faults: thirdSlice(1, partly("7", "odd")), ends: "6 done", says: []string{"the answer is incomplete"}},
		{name: "unknown partial answer twice", faults: thirdSlice(2, partly("7", "odd")), exit: 1, ends: "5 done, 1 failed", says: []string{"the answer is incomplete"}},
		{name: "a warning", faults: thirdSlice(0, action{Partial: &emulator.Partial{Code: "1", Message: "Failed to resolve table 'B'", Severity: 3}}), exit: 1, ends: "5 done, 1 failed", says: []string{"the service warns", "missing_table"}},

		// The query.
		{name: "syntax error", faults: allReads(reply(400, "Query could not be parsed at 'a' on line [1,5]", "BadArgumentError", "SyntaxError", "SYN0002")), exit: 1, ends: "6 failed", says: []string{"syntax error", "and 5 more slices"}},
		{name: "missing table", change: func(c *emulator.Config) { c.Data = emulator.NewDataset() }, exit: 1, ends: "1 failed", says: []string{"may be empty here, or not readable"}},
		{name: "too long", faults: allReads(action{Status: 413}), exit: 1, ends: "6 failed", says: []string{"too long for the service"}},

		// Access.
		{name: "denied", change: denying(emulator.Denied), exit: 1, ends: "no plan", says: []string{"Log Analytics Reader", "60 minutes"}},
		{name: "denied to the principal", change: denying(emulator.DeniedUnauthorized), exit: 1, ends: "no plan", says: []string{"UnauthorizedClient", "Log Analytics Reader"}},
		{name: "denied to the user", change: denying(emulator.DeniedUser), exit: 1, ends: "no plan", says: []string{"AuthorizationFailedError"}},
		{name: "denied by the network", change: denying(emulator.DeniedNetwork), exit: 1, ends: "no plan", says: []string{"network rules", "a role does not help"}},
		{name: "denied for an hour", change: principal(emulator.Principal{Access: emulator.Denied, DeniedFor: time.Hour}), exit: 1, ends: "no plan", says: []string{"60 minutes"}},
		{name: "denied in the middle", faults: []fault{{Match: match{Query: readsOnly, Nth: 3}, Action: reply(403, "x", "InsufficientAccessError")}}, exit: 1, ends: "2 done, 4 failed", says: []string{"and 3 more slices", "Log Analytics Reader"}},
		{name: "denied in part", faults: allReads(partly("InsufficientAccessError", "x")), exit: 1, ends: "6 failed", says: []string{"Log Analytics Reader"}},
		{name: "unknown workspace", change: func(c *emulator.Config) { c.WorkspaceIDs = []string{"00000000-0000-4000-8000-000000000000"} }, exit: 1, ends: "no plan", says: []string{"workspace id (a GUID"}},
		{name: "wrong path", faults: allReads(reply(404, "The requested path does not exist", "PathNotFoundError")), exit: 1, ends: "6 failed", says: []string{"not the name"}},
		{name: "redirect", faults: allReads(action{Status: 302}), exit: 1, ends: "6 failed", says: []string{"points elsewhere"}},
		{name: "proxy with a password", faults: allReads(action{Status: 407}), exit: 1, ends: "6 failed", says: []string{"proxy"}},

		{name: "denied with a page", faults: allReads(htmlPage(403)), exit: 1, ends: "6 failed", says: []string{"Log Analytics Reader"}},

		// Tokens.
		{name: "token rejected once", faults: firstReads(1, reply(401, "The access token is invalid.", "InvalidAuthenticationToken")), ends: "6 done"},
		{name: "token rejected always", faults: allReads(reply(401, "The access token is invalid.", "InvalidAuthenticationToken")), exit: 1, ends: "6 failed", says: []string{"token is not accepted"}},
		{name: "token of another cloud", faults: allReads(reply(401, "x", "InvalidAuthenticationTokenTenant")), exit: 1, ends: "6 failed", says: []string{"another tenant or cloud"}},
		{name: "tokens of two seconds", change: func(c *emulator.Config) { c.TokenLifetime = 2 * time.Second }, ends: "6 done"},
		{name: "wrong secret", change: principal(emulator.Principal{ClientSecret: "another"}), exit: 1, ends: "no plan", says: []string{"client secret is wrong"}},
		{name: "unknown tenant", text: [2]string{emulator.DemoTenantID, "00000000-0000-4000-8000-000000000000"}, exit: 1, ends: "no plan", says: []string{"tenant"}},
		{name: "token endpoint with a page", faults: tokenFault(2, htmlPage(503)), ends: "6 done"},
		{name: "token endpoint busy", faults: tokenFault(2, action{Status: 400, Body: `{"error":"temporarily_unavailable","error_codes":[90033]}`}), ends: "6 done"},
		{name: "token endpoint cut", faults: tokenFault(2, action{Cut: true, CutAfter: 20}), ends: "6 done"},
		{name: "expired secret", faults: tokenFault(0, action{Status: 401, Body: `{"error":"invalid_client","error_codes":[7000222]}`}), exit: 1, ends: "no plan", says: []string{"has expired"}},

		// The clock.
		{name: "clock ten minutes off", change: func(c *emulator.Config) { c.Now = func() time.Time { return time.Now().Add(10 * time.Minute) } }, exit: 1, ends: "no plan", says: []string{"clock is", "off the service's"}},
		{name: "clock ten minutes off the other way", change: func(c *emulator.Config) { c.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) } }, exit: 1, ends: "no plan", says: []string{"clock is", "off the service's"}},
	}
}
