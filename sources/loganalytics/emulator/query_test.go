package emulator

import (
	"compress/gzip"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

func TestQueryAnswerIsCompact(t *testing.T) {
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00.1Z")})
	got := r.query("Events", "")
	want := `{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"Name","type":"string"},` +
		`{"name":"N","type":"long"}],"rows":[["2026-01-01T00:00:00.1Z","a",0]]}]}`
	if got.status != 200 || got.body != want {
		t.Errorf("got  %d %s\nwant 200 %s", got.status, got.body, want)
	}
	if got := got.header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	if !guidForm.MatchString(got.header.Get("x-ms-request-id")) {
		t.Errorf("x-ms-request-id %q is no GUID", got.header.Get("x-ms-request-id"))
	}
	if got.header.Get("Age") != "" || got.header.Get("Preference-Applied") != "" {
		t.Errorf("unasked headers: %v", got.header)
	}
	empty := r.query("Events", "2030-01-01/P1D")
	if want := strings.Replace(want, `["2026-01-01T00:00:00.1Z","a",0]`, "", 1); empty.body != want {
		t.Errorf("no rows: got %s, want %s", empty.body, want)
	}
}

func TestQueryForms(t *testing.T) {
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")})
	get := queryPath + "?query=Events&timespan=" + url.QueryEscape("2026-01-01/PT1H")
	forms := map[string]reply{
		"POST":               r.send("POST", queryPath, `{"query":"Events","timespan":"2026-01-01/PT1H"}`),
		"nulls":              r.send("POST", queryPath+"?timespan=2026-01-01/PT1H", `{"query":"Events","timespan":null,"workspaces":null}`, "Prefer", ""),
		"unknown keys":       r.send("POST", queryPath, `{"query":"Events","timespan":"2026-01-01/PT1H","query_datetimescope_column":"TimeGenerated"}`),
		"charset":            r.send("POST", queryPath, `{"query":"Events","timespan":"2026-01-01/PT1H"}`, "Content-Type", "application/json; charset=UTF-8"),
		"GET":                r.send("GET", get, ""),
		"GET, itself named":  r.send("GET", get+"&workspaces="+DemoWorkspaceID, ""),
		"upper-case GUID":    r.send("POST", "/v1/workspaces/"+strings.ToUpper(DemoWorkspaceID)+"/query", `{"query":"Events","timespan":"2026-01-01/PT1H"}`),
		"the search route":   r.send("POST", strings.Replace(queryPath, "/query", "/search", 1)+"?timespan=2026-01-01/PT1H", `{"query":"Events"}`),
		"named by path":      r.send("POST", queryPath, `{"query":"Events","timespan":"2026-01-01/PT1H","workspaces":["/subscriptions/s/workspaces/`+DemoWorkspaceID+`"]}`),
		"the body says JSON": r.send("POST", queryPath, "\n {\"query\":\"Events\",\"timespan\":\"2026-01-01/PT1H\"}\n"),
	}
	for name, got := range forms {
		if rows := got.decode(t).Tables[0].Rows; len(rows) != 1 {
			t.Errorf("%s: got %d rows, want 1", name, len(rows))
		}
	}
}

func TestQueryFaults(t *testing.T) {
	r := serve(t, Config{Data: events(t)})
	many := `["` + strings.Repeat(DemoWorkspaceID+`","`, 100) + DemoWorkspaceID + `"]`
	tests := []struct {
		name   string
		got    reply
		status int
		codes  string
	}{
		{"half an object", r.send("POST", queryPath, `{"query":`), 400, "BadArgumentError QueryValidationError"},
		{"no query", r.send("POST", queryPath, `{}`), 400, "BadArgumentError QueryValidationError"},
		{"blank query", r.send("POST", queryPath, `{"query":" \n"}`), 400, "BadArgumentError QueryValidationError"},
		{"too many workspaces", r.send("POST", queryPath, `{"query":"Events","workspaces":`+many+`}`), 400, "BadArgumentError QueryValidationError"},
		{"unknown workspace", r.send("POST", queryPath, `{"query":"Events","workspaces":["soc"]}`), 404, "ItemNotFoundError FailedToResolveResourceError"},
		{"too long", r.send("POST", queryPath, `{"query":"`+strings.Repeat("x", maximumRequest)+`"}`), 413, "PayloadTooLarge"},
		{"wrong method", r.send("PUT", queryPath, `{}`), 404, "PathNotFoundError"},
	}
	for _, test := range tests {
		if test.got.status != test.status || codes(test.got.body) != test.codes {
			t.Errorf("%s: got %d %s, want %d %s", test.name, test.got.status, test.got.body, test.status, test.codes)
		}
	}
	for name, got := range map[string]reply{
		"no content type": r.send("POST", queryPath, `{"query":"Events"}`, "Content-Type", ""),
		"no body":         r.send("POST", queryPath, "", "Content-Type", "application/json"),
	} {
		if got.status != 200 || got.body != "" {
			t.Errorf("%s: got %d %q, want an empty 200", name, got.status, got.body)
		}
	}
}

// TestErrorBodiesAsRecorded compares whole bodies, ids apart, and that the id
// is the one of the header.
func TestErrorBodiesAsRecorded(t *testing.T) {
	r := serve(t, Config{Data: events(t), Faults: []Fault{{Match{Query: "slow"}, Action{Takes: 2 * time.Second}}}})
	tests := []struct {
		file   string
		status int
		got    reply
	}{
		{"la-404-path-not-found.json", 404, r.send("POST", "/v1/workspaces/bad_workspace_id/query", `{"query":"Events"}`)},
		{"la-504-gateway-timeout-2022.json", 504, r.query("Events // slow", "", "Prefer", "wait=1")},
		{"la-400-semantic.json", 400, r.query("AppInsights | where x", "")},
		{"la-400-syntax.json", 400, r.query("not a query", "")},
	}
	for _, test := range tests {
		want := masked(recorded(t, test.file))
		if test.got.status != test.status || masked(test.got.body) != want {
			t.Errorf("%s: got %d %s\nwant %d %s", test.file, test.got.status, masked(test.got.body), test.status, want)
		}
		if id := test.got.header.Get("x-ms-request-id"); !strings.Contains(test.got.body, id) {
			t.Errorf("%s: request id %s is not the correlation id of %s", test.file, id, test.got.body)
		}
	}
	if got := tests[1].got.header.Get("Preference-Applied"); got != "wait=1" {
		t.Errorf("Preference-Applied: got %q, want wait=1", got)
	}
}

func TestStatisticsAndPreferences(t *testing.T) {
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")})
	got := r.query("Events", "", "Prefer", "wait=600,include-statistics=true, include-render=true")
	if applied := got.header.Get("Preference-Applied"); applied != "wait=600,include-statistics=true,include-render=true" {
		t.Errorf("Preference-Applied: got %q", applied)
	}
	stats := got.decode(t).Statistics.Query.DatasetStatistics
	if len(stats) != 1 || stats[0].TableRowCount != 2 || stats[0].TableSize <= 0 {
		t.Errorf("got statistics %+v, want 2 rows and a size", stats)
	}
	if !strings.Contains(got.body, `]}],"render":{"visualization":null,`) || !strings.Contains(got.body, `},"statistics":{"query":`) {
		t.Errorf("the order of keys is not tables, render, statistics: %s", got.body)
	}
	got = r.query("Events", "", "x-ms-client-request-id", "my-id", "x-ms-return-client-request-id", "true")
	if id := got.header.Get("x-ms-client-request-id"); id != "my-id" {
		t.Errorf("client request id: got %q, want my-id", id)
	}
}

func TestGzip(t *testing.T) {
	data := NewDataset()
	big := &kql.Table{Name: "Big", Columns: []kql.Column{{Name: "S", Type: pipeline.String}}}
	for range 2000 {
		big.Rows = append(big.Rows, []kql.Value{strings.Repeat("abc", 100)})
	}
	if err := data.Add(big); err != nil {
		t.Fatal(err)
	}
	r := serve(t, Config{Data: data})
	plain, packed := r.query("Big", ""), r.query("Big", "", "Accept-Encoding", "gzip, deflate")
	if plain.header.Get("Content-Encoding") != "" || packed.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("content encodings %q and %q", plain.header.Get("Content-Encoding"), packed.header.Get("Content-Encoding"))
	}
	z, err := gzip.NewReader(strings.NewReader(packed.body))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(z)
	if err != nil || string(unpacked) != plain.body {
		t.Errorf("unpacked %d bytes (%v), want the %d of the plain body", len(unpacked), err, len(plain.body))
	}
	if len(packed.body) > len(plain.body)/10 {
		t.Errorf("%d bytes became %d", len(plain.body), len(packed.body))
	}
}

func TestOrderOfRows(t *testing.T) {
	var times []string
	for range 26 {
		times = append(times, "2026-01-01T00:00:00Z")
	}
	data := events(t, times...)
	ask := func(seed uint64, keep bool) string {
		return serve(t, Config{Data: data, Seed: seed, KeepOrder: keep}).query("Events", "").decode(t).names()
	}
	const sorted = "abcdefghijklmnopqrstuvwxyz"
	if got := ask(1, true); got != sorted {
		t.Errorf("kept order: got %s", got)
	}
	first, again, other := ask(1, false), ask(1, false), ask(2, false)
	if first == sorted || first != again || first == other {
		t.Errorf("orders of seeds 1, 1, 2: %s %s %s", first, again, other)
	}
	r := serve(t, Config{Data: data, Seed: 1})
	if a, b := r.query("Events", "").decode(t).names(), r.query("Events", "").decode(t).names(); a != first || a == b {
		t.Errorf("a repetition: got %s then %s, want %s and another", a, b, first)
	}
}

func TestWorkspacesTogether(t *testing.T) {
	second := "22222222-2222-4222-8222-222222222222"
	other := NewDataset()
	err := other.Add(&kql.Table{Name: "Events", Columns: []kql.Column{{Name: "Extra", Type: pipeline.Bool}, {Name: "Name", Type: pipeline.String}},
		Rows: [][]kql.Value{{true, "z"}}})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00Z"), Others: map[string]*Dataset{second: other}, KeepOrder: true})
	got := r.send("POST", queryPath, `{"query":"Events","workspaces":["`+second+`","`+strings.ToUpper(second)+`"]}`)
	if want := `"rows":[["2026-01-01T00:00:00Z","a",0,null],[null,"z",null,true]]`; !strings.Contains(got.body, want) {
		t.Errorf("got %s, want %s in it", got.body, want)
	}
	if got := r.query("Events", ""); !strings.Contains(got.body, `"rows":[["2026-01-01T00:00:00Z","a",0]]`) {
		t.Errorf("one workspace alone: got %s", got.body)
	}
	if got := r.send("GET", "/v1/workspaces/"+second+"/query?query=Events", ""); !strings.Contains(got.body, `"rows":[[true,"z"]]`) {
		t.Errorf("the other workspace: got %s", got.body)
	}
}

func TestHoldBack(t *testing.T) {
	c := newClock()
	data := events(t, "2026-01-10T11:00:00Z")
	if err := data.Append("Events", Row{"TimeGenerated": "2026-01-10T11:00:00Z", "Name": "z", "$ingestion": "2026-01-10T12:30:00Z"}); err != nil {
		t.Fatal(err)
	}
	r := serve(t, Config{Data: data, Now: c.Now, HoldBack: true, KeepOrder: true})
	if got := r.query("Events", "").decode(t).names(); got != "a" {
		t.Errorf("before it arrives: got %q, want a", got)
	}
	c.add(30 * time.Minute)
	if got := r.query("Events", "").decode(t).names(); got != "az" {
		t.Errorf("after it has arrived: got %q, want az", got)
	}
}

func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var seen []Exchange
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00Z"), Faults: []Fault{{Match{Nth: 2}, Action{Status: 503}}},
		Observe: func(x Exchange) { mu.Lock(); defer mu.Unlock(); seen = append(seen, x) }})
	body := r.query("Events", "P9D").body
	r.query("Events", "")
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 3 {
		t.Fatalf("got %d exchanges, want 3: %+v", len(seen), seen)
	}
	for i := range seen {
		seen[i].Took = 0
	}
	if seen[0].Route != "token" || seen[0].Principal != DemoClientID || seen[0].Status != 200 {
		t.Errorf("the token: got %+v", seen[0])
	}
	want := Exchange{Route: "query", Principal: DemoClientID, Workspace: DemoWorkspaceID, Query: "Events", Timespan: "P9D", Status: 200,
		Bytes: int64(len(body))}
	if seen[1] != want {
		t.Errorf("the query:\ngot  %+v\nwant %+v", seen[1], want)
	}
	if seen[2].Status != 503 || !seen[2].Fault {
		t.Errorf("the fault: got %+v", seen[2])
	}
}

func TestOldSyntaxError(t *testing.T) {
	r := serve(t, Config{OldWording: true})
	got := r.query("print 1 |", "")
	want := `"innererror":{"code":"SyntaxError","message":"Request is invalid and cannot be processed: Syntax error: SYN0001: ` +
		`Query could not be parsed at '<EOF>' on line [1,10]. Query: 'print 1 |'"}`
	if got.status != 400 || !strings.Contains(got.body, want) {
		t.Errorf("got  %d %s\nwant %s", got.status, got.body, want)
	}
}
