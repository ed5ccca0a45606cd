package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
)

var (
	_ pipeline.Source    = (*Source)(nil)
	_ pipeline.Prober    = (*Source)(nil)
	_ pipeline.Counter   = (*Source)(nil)
	_ pipeline.Retainer  = (*Source)(nil)
	_ pipeline.Outsider  = (*Source)(nil)
	_ pipeline.Judge     = (*Source)(nil)
	_ pipeline.Clock     = (*Source)(nil)
	_ pipeline.Checker   = (*Source)(nil)
	_ pipeline.Describer = (*Source)(nil)
)

func TestReadRequest(t *testing.T) {
	s := newService(t, reply(200, threeRows))
	source := s.source(t, func(c *Config) { c.Limits = &Limits{Timeout: "90s"} })
	var got collect
	if _, err := source.Read(context.Background(), testSlice("T | where a < '<&>'"), got.emit); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.values) != "[a 9223372036854775807 b -1  (null)]" {
		t.Errorf("values %q", got.values)
	}
	one := s.asked[0]
	if want := "/v1/workspaces/" + strings.ToLower(testWorkspace) + "/query"; one.method != "POST" || one.path != want {
		t.Errorf("asked %s %s, want POST %s", one.method, one.path, want)
	}
	if want := "let T = T" + testWhere + ";\nT | where a < '<&>'"; one.body["query"] != want {
		t.Errorf("query %q, want %q", one.body["query"], want)
	}
	if one.body["timespan"] != testSpan {
		t.Errorf("timespan %q, want %q", one.body["timespan"], testSpan)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer " + testToken + "-1", "Content-Type": "application/json", "Accept-Encoding": "gzip",
		"Cache-Control": "no-cache", "Prefer": "wait=90,include-statistics=true", "User-Agent": "kustash/9.8.7", "X-Ms-App": "kustash",
	} {
		if got := one.header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	if id := one.header.Get("x-ms-client-request-id"); !guid.MatchString(id) {
		t.Errorf("request id %q is no GUID", id)
	}
}

func TestQueryAsItIs(t *testing.T) {
	s := newService(t, reply(200, threeRows))
	source := s.source(t)
	for _, span := range []string{"", "PT1H"} {
		if err := source.Query(context.Background(), "T", span, new(collect).emit); err != nil {
			t.Fatal(err)
		}
		body := s.asked[len(s.asked)-1].body
		if _, sent := body["timespan"]; body["query"] != "T" || body["timespan"] != span || sent != (span != "") {
			t.Errorf("body %q for timespan %q", body, span)
		}
	}
	if s.tokens != 1 {
		t.Errorf("%d tokens for two requests, want 1", s.tokens)
	}
}

func TestReadWithoutRows(t *testing.T) {
	s := newService(t, reply(200, `{"tables":[{"name":"P","columns":[{"name":"s","type":"string"}],"rows":[]}]}`))
	var got collect
	if _, err := s.source(t).Read(context.Background(), testSlice("T"), got.emit); err != nil {
		t.Fatal(err)
	}
	if got.records != 1 || got.rows != 0 || len(got.columns) != 1 {
		t.Errorf("%d records, %d rows, columns %v; want one record that names s", got.records, got.rows, got.columns)
	}
}

func TestReadTrims(t *testing.T) {
	row := func(time string) string { return `["` + time + `","x"]` }
	s := newService(t, reply(200, `{"tables":[{"name":"P","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"s","type":"string"}],"rows":[`+
		strings.Join([]string{row("2025-12-31T23:59:59.9999999Z"), row("2026-01-01T00:00:00Z"), `[null,"y"]`,
			row("2026-01-01T01:00:00Z"), row("2026-01-01T01:00:00.0000001Z")}, ",")+`]}],`+
		`"statistics":{"query":{"datasetStatistics":[{"tableRowCount":5}]}}}`))
	var got collect
	if _, err := s.source(t).Read(context.Background(), testSlice("imDns()"), got.emit); err != nil {
		t.Fatal(err)
	}
	if want := "[2026-01-01T00:00:00Z x 2026-01-01T01:00:00Z x]"; fmt.Sprint(got.values) != want {
		t.Errorf("rows %v, want %s", got.values, want)
	}
	s.answer = reply(200, threeRows)
	if _, err := s.source(t).Read(context.Background(), testSlice("imDns()"), got.emit); !errors.Is(err, pipeline.ErrQuery) {
		t.Errorf("without a time column: %v, want ErrQuery", err)
	}
	sl := testSlice("imDns()")
	sl.Part = "a"
	if _, err := s.source(t).Read(context.Background(), sl, got.emit); err == nil {
		t.Error("a part of what no let reaches is read, want an error")
	}
}

func TestEmitError(t *testing.T) {
	s := newService(t, reply(200, threeRows))
	stop := errors.New("disk full")
	if _, err := s.source(t).Read(context.Background(), testSlice("T"), func(arrow.Record) error { return stop }); err != stop {
		t.Errorf("Read = %v, want the error of emit itself", err)
	}
}

func TestTokenRenewal(t *testing.T) {
	s := newService(t, nil)
	s.answer = func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("Authorization"), "-1") {
			reply(401, `{"error":{"code":"InvalidAuthenticationToken","message":"The access token is invalid."}}`)(w, r)
			return
		}
		reply(200, threeRows)(w, r)
	}
	source := s.source(t)
	for range 2 {
		if _, err := source.Read(context.Background(), testSlice("T"), new(collect).emit); err != nil {
			t.Fatal(err)
		}
	}
	if s.tokens != 2 || len(s.asked) != 3 {
		t.Errorf("%d tokens and %d requests, want 2 and 3", s.tokens, len(s.asked))
	}
	s.answer = reply(401, `{"error":{"code":"InvalidTokenError","message":"no"}}`)
	before := s.tokens
	if _, err := source.Read(context.Background(), testSlice("T"), new(collect).emit); !errors.Is(err, pipeline.ErrAccess) {
		t.Errorf("a token that is never accepted gives %v, want ErrAccess", err)
	}
	if s.tokens != before+1 {
		t.Errorf("%d renewals, want 1", s.tokens-before)
	}
}

func TestStalledAnswer(t *testing.T) {
	done := make(chan struct{})
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, threeRows[:40])
		w.(http.Flusher).Flush()
		<-done
	})
	t.Cleanup(func() { close(done) }) // before the server is closed
	source := s.source(t)
	source.idle = 30 * time.Millisecond
	_, err := source.Read(context.Background(), testSlice("T"), new(collect).emit)
	var again *pipeline.RetryAfter
	if !errors.As(err, &again) || !errors.Is(err, pipeline.ErrTooLarge) || !strings.Contains(err.Error(), "stood still for 30ms") {
		t.Errorf("Read = %v, want another try because the answer stood still", err)
	}
}

// TestSlowReceiver is slower between two pieces of an answer than the answer
// may be, which is its own business.
func TestSlowReceiver(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		defer there.Close()
		io.WriteString(there, "a")
		io.WriteString(there, "b") // waits for the second read
	}()
	b := &body{raw: here, conn: here, idle: 20 * time.Millisecond}
	for _, want := range []string{"a", "b"} {
		p := make([]byte, 1)
		if _, err := b.Read(p); err != nil || string(p) != want {
			t.Errorf("read %q, %v; want %q", p, err, want)
		}
		time.Sleep(40 * time.Millisecond)
	}
	if b.read != 2 || b.err != nil {
		t.Errorf("%d bytes and %v, want 2 and nothing", b.read, b.err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, threeRows[:40])
		w.(http.Flusher).Flush()
		cancel()
		<-done
	})
	t.Cleanup(func() { close(done) })
	_, err := s.source(t).Read(ctx, testSlice("T"), new(collect).emit)
	var again *pipeline.RetryAfter
	if !errors.Is(err, context.Canceled) || errors.As(err, &again) {
		t.Errorf("Read = %v, want context.Canceled", err)
	}
}

func TestSlowAnswer(t *testing.T) {
	done := make(chan struct{})
	s := newService(t, func(http.ResponseWriter, *http.Request) { <-done })
	t.Cleanup(func() { close(done) })
	source := s.source(t)
	source.timeout, source.grace = 20*time.Millisecond, 10*time.Millisecond
	_, err := source.Read(context.Background(), testSlice("T"), new(collect).emit)
	var again *pipeline.RetryAfter
	if !errors.As(err, &again) || again.Tries != 2 || !errors.Is(err, pipeline.ErrTooLarge) || !strings.Contains(err.Error(), "no answer within 30ms") {
		t.Errorf("Read = %v, want another try, then smaller slices", err)
	}
}

// TestNoSecrets greps errors of all kinds for what must not be shown.
func TestNoSecrets(t *testing.T) {
	const text = `externaldata(a:string)[h"https://x.example/f?sv=1&sig=OBFUSCATED"] | where k == h@'HIDDEN VALUE' and u has "https://y.example/?sig=PLAINSIGNATURE"`
	echo := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			quoted := fmt.Sprintf("%q", r.Header.Get("Authorization")+" "+strings.ReplaceAll(text, `"`, "'"))
			reply(status, `{"error":{"code":"`+code+`","message":`+quoted+`}}`)(w, r)
		}
	}
	forbidden := regexp.MustCompile(testToken + "|" + regexp.QuoteMeta(testSecret) + "|OBFUSCATED|HIDDEN VALUE|PLAINSIGNATURE")
	for _, answer := range []http.HandlerFunc{
		echo(400, "BadArgumentError"), echo(401, "x"), echo(403, "x"), echo(404, "x"), echo(429, "x"), echo(500, "x"), echo(504, "x"), echo(302, "x"),
		func(w http.ResponseWriter, r *http.Request) {
			reply(200, `{"tables":[],"error":{"code":"PartialError","message":"`+r.Header.Get("Authorization")+`"}}`)(w, r)
		},
		reply(400, `{"error":{"code":"BadArgumentError","innererror":{"code":"SyntaxError","message":"Syntax error: Query: 'h@'HIDDEN VALUE' and more'"}}}`),
	} {
		s := newService(t, answer)
		err := s.source(t).Query(context.Background(), text, "", new(collect).emit)
		if err == nil {
			t.Fatal("an error is answered with success")
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if found := forbidden.FindString(fmt.Sprintf("%v %+v", e, e)); found != "" {
				t.Errorf("%q shows %q", e, found)
			}
		}
	}
}
