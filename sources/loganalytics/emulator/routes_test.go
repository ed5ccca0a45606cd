package emulator

import (
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

const (
	secondID = "22222222-2222-4222-8222-222222222222"
	thirdID  = "33333333-3333-4333-8333-333333333333"
	vm       = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Shop/providers/Microsoft.Compute/virtualMachines/web-1"
)

// owned is a dataset whose rows belong to resources.
func owned(t *testing.T, ids ...string) *Dataset {
	t.Helper()
	d := NewDataset()
	table := &kql.Table{Name: "Events", Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime},
		{Name: "Name", Type: pipeline.String}, {Name: "_ResourceId", Type: pipeline.String}}}
	if err := d.Add(table); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if err := d.Append("Events", Row{"TimeGenerated": "2026-01-01", "Name": string(rune('a' + i)), "_ResourceId": id}); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (r *remote) ask(path, text string, more ...string) reply {
	r.t.Helper()
	return r.send("POST", path, string(compact(map[string]any{"query": text})), append([]string{"Cache-Control", "no-cache"}, more...)...)
}

func TestResourceRoute(t *testing.T) {
	config := Config{Data: owned(t, strings.ToLower(vm), vm+"2", "", vm), KeepOrder: true,
		Others: map[string]*Dataset{secondID: owned(t, "", vm), thirdID: owned(t, vm)},
		Names:  map[string]string{DemoWorkspaceID: "main", secondID: "Branch", thirdID: "secret"}, Unreadable: []string{thirdID},
		Resources: []string{vm + "-quiet"}, Limits: Limits{Requests: -1}}
	r := serve(t, config)
	for _, c := range []struct{ path, want string }{
		{"/v1" + vm + "/query", "bad"},
		{"/v1" + strings.ToUpper(vm) + "/query", "bad"},
		{"/v1" + vm + "-quiet/query", ""},
		{"/v1/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shop/query", "babd"},
		{"/v1" + resourceID("branch") + "/query", "ab"},
		{"/v1" + resourceID(secondID) + "/query", "ab"},
	} {
		if got := r.ask(c.path, "Events").decode(t).names(); got != c.want {
			t.Errorf("%s: got rows %q, want %q", c.path, got, c.want)
		}
	}
	for path, want := range map[string]string{
		"/v1/" + vm + "/query":                       "404 PathNotFoundError",
		"/v1" + vm + "/metadata":                     "404 PathNotFoundError",
		"/v1" + vm + "-unknown/query":                "404 ResourceNotFoundError",
		"/v1" + resourceID("secret") + "/query":      "403 InsufficientAccessError",
		"/v1//workspaces/" + secondID + "/query":     "404 PathNotFoundError",
		"/v1/workspaces/" + thirdID + "/query":       "403 InsufficientAccessError",
		"/v1/workspaces/" + thirdID + "/metadata":    "403 InsufficientAccessError",
		"/v1/workspaces/Branch/query":                "404 PathNotFoundError",
		"/v1/workspaces/" + DemoWorkspaceID + "/etc": "404 PathNotFoundError",
	} {
		if got := r.ask(path, "Events"); got.summary() != want {
			t.Errorf("%s: got %s, want %s", path, got.summary(), want)
		}
	}
	// What is left out is said only to those who ask.
	if got := r.ask("/v1"+vm+"/query", "Events").body; strings.Contains(got, "permissions") {
		t.Errorf("got %s", got)
	}
	got := r.ask("/v1"+vm+"/query", "Events", "Prefer", "include-permissions=true,include-dataSources=true")
	want := `"permissions":{"resources":[{"resourceId":"` + strings.ToLower(vm) + `","dataSources":["` + resourceID("Branch") + `","` + resourceID("secret") + `","` +
		resourceID("main") + `"]}],"dataSources":[{"resourceId":"` + resourceID("Branch") + `"},{"resourceId":"` + resourceID("main") + `"}]},"dataSources":[{"resourceId":"`
	if !strings.Contains(got.body, want) {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
	denied := config
	denied.Principals = []Principal{{Tenant: DemoTenantID, ClientID: DemoClientID, ClientSecret: DemoClientSecret, Access: DeniedUser}}
	r = serve(t, denied)
	if got := r.ask("/v1"+vm+"/query", "Events"); got.summary() != "403 InsufficientAccessError" || !strings.Contains(got.body, "AuthorizationFailedError") {
		t.Errorf("denied: got %s %s", got.summary(), got.body)
	}
}

// summary is status and code of a refusal.
func (r reply) summary() string {
	_, rest, _ := strings.Cut(r.body, `"code":"`)
	code, _, _ := strings.Cut(rest, `"`)
	if r.err != nil {
		return r.err.Error()
	}
	return strings.TrimSpace(strings.Join([]string{statusText(r.status), code}, " "))
}

func statusText(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

func TestMoreWorkspaces(t *testing.T) {
	config := Config{Data: events(t, "2026-01-01"), KeepOrder: true,
		Others: map[string]*Dataset{secondID: events(t, "2026-01-02", "2026-01-03"), thirdID: events(t, "2026-01-04")},
		Names:  map[string]string{secondID: "branch"}, Unreadable: []string{thirdID}, Limits: Limits{Requests: -1}}
	count := func(r *remote, text string, workspaces ...string) string {
		t.Helper()
		got := r.send("POST", queryPath, string(compact(map[string]any{"query": text + " | count", "workspaces": workspaces})))
		if got.status != 200 {
			return got.summary()
		}
		return got.decode(t).Tables[0].Rows[0][0].(interface{ String() string }).String()
	}
	r := serve(t, config)
	for _, c := range []struct {
		text, workspace, want string
	}{
		{"Events", secondID, "3"},
		{"Events", "Branch", "3"},
		{"Events", "my subscription/group/branch", "3"},
		{"Events", resourceID("BRANCH"), "3"},
		{"Events", resourceID(secondID), "3"},
		{"Events", DemoWorkspaceID, "1"},
		{"Events", "nothing", "404 ItemNotFoundError"},
		{"Events", vm, "404 ItemNotFoundError"},
		{"Events", thirdID, "403 InsufficientAccessError"},
		{"workspace('branch').Events", DemoWorkspaceID, "2"},
		{"union Events, workspace('" + secondID + "').Events", DemoWorkspaceID, "3"},
		{"workspace('nothing').Events", DemoWorkspaceID, "404 ItemNotFoundError"},
		{"workspace('" + thirdID + "').Events", DemoWorkspaceID, "403 InsufficientAccessError"},
	} {
		if got := count(r, c.text, c.workspace); got != c.want {
			t.Errorf("%s in %s: got %s, want %s", c.text, c.workspace, got, c.want)
		}
	}
	config.Shrink = true
	r = serve(t, config)
	if got := count(r, "Events", secondID, thirdID); got != "3" {
		t.Errorf("with an unreadable workspace, silently: got %s rows, want 3", got)
	}
	if err := r.e.SetFaults(Fault{Action: Action{Unreadable: strings.ToUpper(secondID)}}); err != nil {
		t.Fatal(err)
	}
	if got := count(r, "Events", secondID); got != "1" {
		t.Errorf("with a workspace that a fault hides: got %s rows, want 1", got)
	}
	for _, c := range []Config{
		{Names: map[string]string{secondID: "x"}}, {Unreadable: []string{secondID}},
		{Names: map[string]string{DemoWorkspaceID: "a/b"}}, {SearchTime: "never"}, {Limits: Limits{CountBy: "color"}},
		{Others: map[string]*Dataset{secondID: nil, thirdID: nil}, Names: map[string]string{secondID: "a", thirdID: "A"}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v: got no error", c)
		}
	}
}

const searchPath = "/v1/workspaces/" + DemoWorkspaceID + "/search"

func planned(t *testing.T, c *clock) *Dataset {
	t.Helper()
	d := NewDataset()
	for _, name := range []string{"Events", "A1", "A2", "A3", "A4", "A5", "A6", "Cheap", "Cold"} {
		if err := d.Add(&kql.Table{Name: name, Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Name", Type: pipeline.String}}}); err != nil {
			t.Fatal(err)
		}
		for i, days := range []int{1, 5, 40} {
			if err := d.Append(name, Row{"TimeGenerated": c.Now().AddDate(0, 0, -days), "Name": string(rune('a' + i))}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, plan := range map[string]Plan{"Cheap": Basic, "Cold": Auxiliary, "A1": Analytics} {
		if err := d.Configure(name, TableOptions{Plan: plan}); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestSearchRoute(t *testing.T) {
	c := newClock()
	config := Config{Data: planned(t, c), KeepOrder: true, Now: c.Now, Limits: Limits{Requests: -1}}
	r := serve(t, config)
	for text, want := range map[string]string{
		"Cheap":                                 "ab", // 30 days
		"Cold":                                  "abc",
		"Events":                                "abc",
		"Cheap | where TimeGenerated > ago(2d)": "a",
		"Cheap | lookup kind=inner A1 on Name":  "ab",
		"union Cheap, A1, A2, A3, A4, A5 | take 99": "ababcabcabcabcabc",
	} {
		if got := r.ask(searchPath, text).decode(t).names(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"union Cheap, Cold":                          "a single Basic or Auxiliary",
		"union Cheap, A1, A2, A3, A4, A5, A6":        "up to five Analytics",
		"Cheap | join kind=inner A1 on Name":         "'join' is not supported",
		"search in (Cheap) 'a'":                      "'search' is not supported",
		"let f = () { Cheap }; f":                    "'functions' is not supported",
		"workspace('" + DemoWorkspaceID + "').Cheap": "'workspace()' is not supported",
	} {
		if got := r.ask(searchPath, text); got.status != 400 || !strings.Contains(got.body, want) {
			t.Errorf("%s: got %d %s, want %s", text, got.status, got.body, want)
		}
	}
	for _, text := range []string{"Cheap", "Cold | take 1", "union *", "let Cheap = Cheap | where Name == 'a'; Cheap", "workspace('" + DemoWorkspaceID + "').Cheap"} {
		if got := r.query(text, ""); got.status != 400 || !strings.Contains(got.body, "UnsupportedApiQueryValidationError") || !strings.Contains(got.body, "/search' instead") {
			t.Errorf("%s on the query route: got %d %s", text, got.status, got.body)
		}
	}
	if got := r.query("union A*, Events | count", ""); got.status != 200 {
		t.Errorf("tables of the usual plan: got %d %s", got.status, got.body)
	}
	if got := r.send("GET", searchPath+"?query=Cheap", ""); got.status != 404 {
		t.Errorf("GET: got %d", got.status)
	}
	// The two rules of time.
	both := func(r *remote) string {
		t.Helper()
		return r.send("POST", searchPath+"?timespan=P2D", string(compact(map[string]any{"query": "Cold | where TimeGenerated < ago(30d)"}))).decode(t).names()
	}
	if got := both(r); got != "ac" {
		t.Errorf("union of the times: got %s, want ac", got)
	}
	config.SearchTime = SearchTimeOfRequest
	if got := both(serve(t, config)); got != "a" {
		t.Errorf("times of the request alone: got %s, want a", got)
	}
}

// TestSearchConcurrency: the two routes have places of their own.
func TestSearchConcurrency(t *testing.T) {
	e, err := New(Config{Limits: Limits{Queue: -1, QueueWait: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := e.searchGate.limits.Concurrency, 2; got != want {
		t.Errorf("search: got %d places, want %d", got, want)
	}
	for range 2 {
		e.searchGate.enter(t.Context(), "a")
	}
	if !e.gate.enter(t.Context(), "a") {
		t.Error("the query route has no place while searches run")
	}
}

func TestMetadataOfFunctions(t *testing.T) {
	d := events(t, "2026-01-01", "2026-01-02")
	for _, f := range []Function{{"Late", "", "Events | where TimeGenerated > datetime(2026-01-01)"}, {"Called", "n:string", "Events | where Name == n"}} {
		if err := d.AddFunction(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []Function{{"", "", "Events"}, {"a b", "", "Events"}, {"F", "", "Events |"}, {"F", "n", "Events"}} {
		if err := d.AddFunction(f); err == nil {
			t.Errorf("%+v: got no error", f)
		}
	}
	r := serve(t, Config{Data: d, Names: map[string]string{DemoWorkspaceID: "main"}})
	want := `"functions":[{"id":"f/Called","name":"Called","parameters":"n:string","body":"Events | where Name == n"},{"id":"f/Late","name":"Late","body":"Events | where`
	got := r.send("GET", strings.Replace(queryPath, "/query", "/metadata", 1), "").body
	if !strings.Contains(got, want) || !strings.Contains(got, `"workspaces":[{"id":"`+DemoWorkspaceID+`","name":"main","resourceId":"/subscriptions/`) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := r.query("let Events = Events | where Name == 'x'; union Late, Called('a')", "").decode(t).names(); len(got) != 2 {
		t.Errorf("functions: got rows %q, want two", got)
	}
}
