package emulator

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

func TestFaultsReplaceAnswers(t *testing.T) {
	html := "<html><body>Bad Gateway</body></html>"
	tests := []struct {
		action Action
		status int
		body   string
		header http.Header
	}{
		{Action{Status: 502, Body: html}, 502, html, http.Header{"Content-Type": {"text/html"}}},
		{Action{Status: 503, RetryAfter: "7"}, 503, "", http.Header{"Retry-After": {"7"}}},
		{Action{Status: 504, Body: `{"error":{}}`}, 504, `{"error":{}}`, http.Header{"Content-Type": {"application/json; charset=utf-8"}}},
		{Action{Status: 429, RetryAfter: "Wed, 21 Oct 2026 07:28:00 GMT"}, 429, `{"error":{"message":"Your request has been throttled","code":"ThrottledError","correlationId":"#"}}`,
			http.Header{"Retry-After": {"Wed, 21 Oct 2026 07:28:00 GMT"}}},
		{Action{Status: 200}, 200, "", nil},
		{Action{Status: 204}, 204, "", nil},
		{Action{Body: "not JSON"}, 200, "not JSON", http.Header{"Content-Type": {"text/plain; charset=utf-8"}}},
		{Action{Body: "{", ContentType: "application/problem+json"}, 200, "{", http.Header{"Content-Type": {"application/problem+json"}}},
	}
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00Z")})
	for _, test := range tests {
		if err := r.e.SetFaults(Fault{Action: test.action}); err != nil {
			t.Fatal(err)
		}
		got := r.query("Events", "")
		if got.status != test.status || masked(got.body) != test.body {
			t.Errorf("%+v: got %d %q, want %d %q", test.action, got.status, masked(got.body), test.status, test.body)
		}
		for key, want := range test.header {
			if got.header.Get(key) != want[0] {
				t.Errorf("%+v: %s: got %q, want %q", test.action, key, got.header.Get(key), want[0])
			}
		}
	}
}

// TestCutBodies checks that a client notices that the connection broke off,
// and how much it had by then.
func TestCutBodies(t *testing.T) {
	data := NewDataset()
	table := &kql.Table{Name: "Big", Columns: []kql.Column{{Name: "S", Type: pipeline.String}}}
	g := newGenerator("x", at("2026-01-01T00:00:00Z"), 1, 1)
	for range 3000 {
		table.Rows = append(table.Rows, []kql.Value{g.hex(50)})
	}
	if err := data.Add(table); err != nil {
		t.Fatal(err)
	}
	r := serve(t, Config{Data: data, KeepOrder: true})
	plain := r.query("Big", "").body
	packed := r.query("Big", "", "Accept-Encoding", "gzip").body
	for _, after := range []int{0, 1, 100, 40_000, len(packed) - 1, len(packed), len(plain) - 1, len(plain), len(plain) + 100} {
		if err := r.e.SetFaults(Fault{Action: Action{Cut: true, CutAfter: int64(after)}}); err != nil {
			t.Fatal(err)
		}
		for encoding, whole := range map[string]string{"": plain, "gzip": packed} {
			got := r.query("Big", "", "Accept-Encoding", encoding)
			if got.status != 200 || !errors.Is(got.err, io.ErrUnexpectedEOF) {
				t.Errorf("cut after %d %q: got status %d and %v, want an unexpected EOF", after, encoding, got.status, got.err)
			}
			if want := whole[:min(after, len(whole))]; got.body != want {
				t.Errorf("cut after %d %q: got %d bytes, want %d of the body", after, encoding, len(got.body), len(want))
			}
		}
	}
	// Gzip that ends early does not unpack to something whole either.
	z, err := gzip.NewReader(strings.NewReader(packed[:40_000]))
	if err == nil {
		_, err = io.ReadAll(z)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("unpack a cut body: got %v", err)
	}
	if err := r.e.SetFaults(); err != nil {
		t.Fatal(err)
	}
	if got := r.query("Big", ""); got.body != plain || got.err != nil {
		t.Errorf("after the faults: got %d bytes (%v)", len(got.body), got.err)
	}
}

func TestCutOverHTTP2(t *testing.T) {
	e, err := New(Config{Data: letters(t, 1000), Faults: []Fault{{Action: Action{Cut: true, CutAfter: 500}}}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(e)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	r := &remote{t: t, e: e, server: s, client: s.Client()}
	r.token = r.login(Config{})
	if got := r.query("T", "", "Accept-Encoding", "identity"); got.err == nil || len(got.body) != 500 {
		t.Errorf("got %d bytes and %v, want 500 and an error", len(got.body), got.err)
	}
	discovery := r.send("GET", "/"+DemoTenantID+"/v2.0/.well-known/openid-configuration", "")
	if !strings.Contains(discovery.body, `"issuer":"https://`) {
		t.Errorf("over TLS: got %s", discovery.body)
	}
}

func TestFaultsChangeAnswers(t *testing.T) {
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00Z")})
	ask := func(a Action) reply {
		t.Helper()
		if err := r.e.SetFaults(Fault{Action: a}); err != nil {
			t.Fatal(err)
		}
		return r.query("Events", "", "Prefer", "wait=3,include-statistics=true")
	}
	if got := ask(Action{StatisticsRows: 5}).decode(t); got.Statistics.Query.DatasetStatistics[0].TableRowCount != 6 {
		t.Errorf("wrong statistics: got %+v", got.Statistics)
	}
	if got := ask(Action{ExtraTable: true}).decode(t); len(got.Tables) != 2 || len(got.Tables[0].Rows) != 1 {
		t.Errorf("extra table: got %+v", got.Tables)
	}
	if got := ask(Action{RowsFirst: true}); !strings.HasPrefix(got.body, `{"tables":[{"rows":[[`) || len(got.decode(t).Tables[0].Columns) != 3 {
		t.Errorf("rows first: got %s", got.body)
	}
	got := ask(Action{ErrorFirst: true, Partial: &Partial{Code: "-2133196799", Message: "Runaway query (E_RUNAWAY_QUERY)."}})
	if inner := got.decode(t).Error.Details[0].Inner; inner != (engineError{"-2133196799", "Runaway query (E_RUNAWAY_QUERY).", 2, "Error"}) {
		t.Errorf("partial: got %+v", inner)
	}
	if !strings.HasPrefix(got.body, `{"error":{"code":"PartialError",`) {
		t.Errorf("error first: got %s", got.body)
	}
	if got := ask(Action{Takes: 3 * time.Second}); got.status != 200 {
		t.Errorf("a query as long as its wait: got %d", got.status)
	}
	if got := ask(Action{Takes: 3001 * time.Millisecond}); got.status != 504 {
		t.Errorf("a query longer than its wait: got %d", got.status)
	}
	if got := ask(Action{Delay: time.Millisecond, Drip: time.Millisecond}); got.decode(t).names() != "a" {
		t.Errorf("a slow answer: got %s", got.body)
	}
	// A delay ends when the client goes away.
	if err := r.e.SetFaults(Fault{Action: Action{Delay: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	r.client.Timeout = 20 * time.Millisecond
	if got := r.query("Events", ""); got.err == nil {
		t.Errorf("an hour went by: %+v", got)
	}
}

func TestRetryAfterOfAFaultWins(t *testing.T) {
	r := serve(t, Config{Data: events(t), Limits: Limits{RetryAfter: time.Minute}, Faults: []Fault{{Match{Nth: 1}, Action{Status: 429, RetryAfter: "3"}}, {Match{Nth: 2}, Action{Status: 429}}}})
	for _, want := range []string{"3", "60"} {
		if got := r.query("Events", ""); got.status != 429 || got.header.Get("Retry-After") != want {
			t.Errorf("got %d with Retry-After %q, want 429 with %q", got.status, got.header.Get("Retry-After"), want)
		}
	}
}

func TestFaultsOnOtherRoutes(t *testing.T) {
	r := serve(t, Config{})
	metadata := strings.Replace(queryPath, "/query", "/metadata", 1)
	err := r.e.SetFaults(Fault{Match{Route: "token", Nth: 1}, Action{Status: 503}}, Fault{Match{Route: "token", Nth: 2}, Action{Cut: true, CutAfter: 10}},
		Fault{Match{Route: "metadata"}, Action{Status: 500, Body: "<p>"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.form(tokenV2Path, credentials()); got.status != 503 {
		t.Errorf("first token: got %d", got.status)
	}
	if got := r.form(tokenV2Path, credentials()); got.err == nil || len(got.body) != 10 {
		t.Errorf("second token: got %v, %q", got.err, got.body)
	}
	if got := r.form(tokenV2Path, url.Values(credentials())); got.status != 200 || got.err != nil {
		t.Errorf("third token: got %d %v", got.status, got.err)
	}
	if got := r.send("GET", metadata, ""); got.status != 500 {
		t.Errorf("metadata: got %d", got.status)
	}
}

func TestWhichRequestsAFaultMeets(t *testing.T) {
	span := func(from, to string) *interval { return &interval{tick(from), tick(to)} }
	january := Match{From: at("2026-01-01T00:00:00Z"), To: at("2026-02-01T00:00:00Z")}
	tests := []struct {
		match Match
		i     incident
		want  bool
	}{
		{Match{}, incident{route: "query"}, true},
		{Match{}, incident{route: "token"}, false},
		{Match{Route: "any"}, incident{route: "token"}, true},
		{Match{Query: "Signin"}, incident{route: "query", text: "SigninLogs"}, true},
		{Match{Query: "signin"}, incident{route: "query", text: "SigninLogs"}, false},
		{january, incident{route: "query"}, true},
		{january, incident{route: "query", span: span("2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z")}, true},
		{january, incident{route: "query", span: span("2025-12-31T00:00:00Z", "2025-12-31T23:59:59.9999999Z")}, false},
		{january, incident{route: "query", span: span("2026-01-31T23:59:59.9999999Z", "2027-01-01T00:00:00Z")}, true},
		{january, incident{route: "query", span: span("2026-02-01T00:00:00Z", "2027-01-01T00:00:00Z")}, false},
	}
	for _, test := range tests {
		if got := test.match.meets(test.i); got != test.want {
			t.Errorf("%+v, %+v: got %t, want %t", test.match, test.i, got, test.want)
		}
	}
}

func TestHowOftenAFaultFires(t *testing.T) {
	fires := func(m Match, n int) string {
		in := newInjector(7, []Fault{{m, Action{Status: 500}}})
		var b strings.Builder
		for range n {
			if _, ok := in.pick(incident{route: "query", text: "T"}); ok {
				b.WriteByte('x')
			} else {
				b.WriteByte('.')
			}
		}
		return b.String()
	}
	for want, m := range map[string]Match{"xxxxxxxx": {}, ".x......": {Nth: 2}, "..x..x..": {Every: 3}, "xxx.....": {Times: 3}, "x..x....": {Nth: 1, Every: 4, Times: 2}} {
		if m.Every == 4 {
			want = "x..x...."
		}
		if got := fires(m, 8); got != want {
			t.Errorf("%+v: got %s, want %s", m, got, want)
		}
	}
	often := strings.Count(fires(Match{Probability: 0.25}, 4000), "x")
	if often < 850 || often > 1150 {
		t.Errorf("a probability of 0.25 fired %d times of 4000", often)
	}
	if once, again := fires(Match{Probability: 0.5}, 200), fires(Match{Probability: 0.5}, 200); once != again {
		t.Errorf("the same seed gave other draws: %s and %s", once, again)
	}
}

// TestDrawsDoNotDependOnOthers interleaves requests in another order: each
// still meets the same fate.
func TestDrawsDoNotDependOnOthers(t *testing.T) {
	fate := func(reverse bool) string {
		in := newInjector(7, []Fault{{Match{Probability: 0.5}, Action{Status: 500}}})
		got := make([]bool, 64)
		for i := range got {
			if reverse {
				i = len(got) - 1 - i
			}
			_, got[i] = in.pick(incident{route: "query", text: fmt.Sprint("T", i)})
		}
		return fmt.Sprint(got)
	}
	if a, b := fate(false), fate(true); a != b {
		t.Errorf("got %s and %s", a, b)
	}
}

func TestFirstFaultWinsAndAllCount(t *testing.T) {
	in := newInjector(1, []Fault{{Match{Every: 2}, Action{Status: 501}}, {Match{Every: 3}, Action{Status: 502}}})
	var got []int
	for range 6 {
		a, _ := in.pick(incident{route: "query"})
		got = append(got, a.Status)
	}
	if fmt.Sprint(got) != "[0 501 502 501 0 501]" {
		t.Errorf("got %v", got)
	}
}

func TestConcurrentRequests(t *testing.T) {
	data := events(t, "2026-01-01T00:00:00Z")
	r := serve(t, Config{Data: data, Faults: []Fault{{Match{Every: 5}, Action{Cut: true, CutAfter: 30}}, {Match{Probability: 0.2}, Action{Status: 500}}},
		Limits: Limits{Requests: -1}})
	var all sync.WaitGroup
	var mu sync.Mutex
	cut := 0
	for n := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 10 {
				if err := data.Append("Events", Row{"TimeGenerated": "2026-01-01", "N": n}); err != nil {
					t.Error(err)
				}
				got := r.query("Events", "")
				mu.Lock()
				if got.err != nil {
					cut++
				}
				mu.Unlock()
			}
		}()
	}
	all.Wait()
	if cut != 16 {
		t.Errorf("%d of 80 were cut, want every fifth", cut)
	}
	if got, _ := data.Table("Events"); len(got.Rows) != 81 {
		t.Errorf("got %d rows, want 81", len(got.Rows))
	}
	if r.e.gate.running[DemoClientID] != 0 {
		t.Errorf("%d places were not given back", r.e.gate.running[DemoClientID])
	}
}

func TestFaultsOfTheWire(t *testing.T) {
	r := serve(t, Config{Data: letters(t, 2000), KeepOrder: true})
	whole := r.query("T", "").body
	set := func(a Action) {
		t.Helper()
		if err := r.e.SetFaults(Fault{Action: a}); err != nil {
			t.Fatal(err)
		}
	}
	unpack := func(body string) (string, error) {
		z, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(z)
		return string(text), err
	}
	set(Action{Reset: true})
	if got := r.query("T", ""); got.err == nil || got.status != 0 {
		t.Errorf("reset: got status %d, error %v; want no answer at all", got.status, got.err)
	}
	set(Action{End: true, EndAfter: 1000})
	if got := r.query("T", ""); got.err != nil || got.body != whole[:1000] {
		t.Errorf("early end: got %d bytes, error %v; want 1000 and no error", len(got.body), got.err)
	}
	if text, err := unpack(r.query("T", "", "Accept-Encoding", "gzip").body); err != nil || text != whole[:1000] {
		t.Errorf("early end, gzip: got %d bytes, error %v; want 1000 and no error", len(text), err)
	}
	set(Action{CorruptGzip: true})
	if text, err := unpack(r.query("T", "", "Accept-Encoding", "gzip").body); !errors.Is(err, gzip.ErrChecksum) || text != whole {
		t.Errorf("corrupt gzip: got %d bytes, error %v; want all %d and a wrong checksum", len(text), err, len(whole))
	}
	if got := r.query("T", ""); got.body != whole {
		t.Errorf("corrupt gzip, not compressed: got %d bytes", len(got.body))
	}
}

func TestFaultsOfTheText(t *testing.T) {
	r := serve(t, Config{})
	ask := func(a Action, text string) reply {
		t.Helper()
		if err := r.e.SetFaults(Fault{Action: a}); err != nil {
			t.Fatal(err)
		}
		return r.query(text, "", "Prefer", "include-statistics=true")
	}
	if got := ask(Action{NoStatistics: true}, "print 1"); strings.Contains(got.body, "statistics") {
		t.Errorf("no statistics: got %s", got.body)
	}
	got := ask(Action{StatisticsBytes: 100}, "print 1").decode(t)
	if sets := got.Statistics.Query.DatasetStatistics; sets[0].TableSize != 108 || sets[0].TableRowCount != 1 {
		t.Errorf("wrong size: got %+v", sets)
	}
	plain, extra := ask(Action{NoStatistics: true}, "print a = 1, b = 'x'"), ask(Action{NoStatistics: true, ExtraKeys: true}, "print a = 1, b = 'x'")
	if n := strings.Count(extra.body, "x-unknown"); n != 4 || fmt.Sprint(extra.decode(t)) != fmt.Sprint(plain.decode(t)) {
		t.Errorf("extra keys: got %d of them in %s, want 4 and nothing else to change", n, extra.body)
	}
	values := "print true, false, bool(null), decimal(1.50), dynamic({'a': [1]}), dynamic('text'), parse_json('12'), 'x'"
	if got := ask(Action{ADXValues: true}, values); !strings.Contains(got.body, `"rows":[[1,0,null,1.50,{"a":[1]},"text",12,"x"]]`) {
		t.Errorf("values of the sibling: got %s", got.body)
	}
}
