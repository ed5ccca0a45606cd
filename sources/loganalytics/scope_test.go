package loganalytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

const (
	testResource = "/subscriptions/" + testWorkspace + "/resourceGroups/rg (1)/providers/Microsoft.Compute/virtualMachines/VM1"
	otherID      = "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee"
)

func TestScope(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string // argument of the error, or ""
		says   string // of the error, or the route
	}{
		{"workspace", func(c *Config) {}, "", "/v1/workspaces/" + strings.ToLower(testWorkspace)},
		{"both", func(c *Config) { c.ResourceID = testResource }, "resource_id", "keep one"},
		{"neither", func(c *Config) { c.WorkspaceID = "" }, "workspace_id", "or resource_id"},
		{"resource", resource(testResource), "", "/v1/subscriptions/" + testWorkspace + "/resourceGroups/rg%20%281%29/providers/Microsoft.Compute/virtualMachines/VM1"},
		{"without slash", resource(testResource[1:]), "", "/v1/subscriptions/" + testWorkspace + "/resourceGroups/rg%20%281%29/providers/Microsoft.Compute/virtualMachines/VM1"},
		{"subscription", resource("/subscriptions/" + otherID), "", "/v1/subscriptions/" + otherID},
		{"group", resource("/subscriptions/" + otherID + "/resourcegroups/g"), "", "/v1/subscriptions/" + otherID + "/resourcegroups/g"},
		{"inner", resource("/subscriptions/" + otherID + "/resourceGroups/g/providers/N/t/a/u/b/providers/M/v/c"), "",
			"/v1/subscriptions/" + otherID + "/resourceGroups/g/providers/N/t/a/u/b/providers/M/v/c"},
		{"doubled slash", resource("/" + testResource), "resource_id", "empty"},
		{"slash at the end", resource(testResource + "/"), "resource_id", "empty"},
		{"slash inside", resource("/subscriptions/" + otherID + "//resourceGroups/g"), "resource_id", "empty"},
		{"dots", resource("/subscriptions/" + otherID + "/resourceGroups/.."), "resource_id", "empty or holds"},
		{"query", resource("/subscriptions/" + otherID + "?x=1"), "resource_id", "empty or holds"},
		{"line break", resource("/subscriptions/" + otherID + "\n"), "resource_id", "empty or holds"},
		{"GUID", resource(otherID), "resource_id", "does not begin"},
		{"name as subscription", resource("/subscriptions/prod/resourceGroups/g"), "resource_id", "by a GUID"},
		{"half a type", resource("/subscriptions/" + otherID + "/resourceGroups/g/providers/N/t"), "resource_id", "pairs"},
		{"no providers", resource("/subscriptions/" + otherID + "/resourceGroups/g/N/t/a"), "resource_id", "pairs"},
		{"additional", more(otherID, "soc-west", testResource), "", "/v1/workspaces/" + strings.ToLower(testWorkspace)},
		{"additional twice", more(otherID, strings.ToLower(otherID)), "additional_workspaces", "twice"},
		{"additional is the workspace", more(strings.ToLower(testWorkspace)), "additional_workspaces", "twice"},
		{"additional nonsense", more("a b"), "additional_workspaces", "neither"},
		{"additional path", more("/subscriptions/x"), "additional_workspaces", "GUID"},
		{"additional empty", more(""), "additional_workspaces", "neither"},
		{"additional, too many", func(c *Config) {
			for i := range maxWorkspaces {
				c.Additional = append(c.Additional, fmt.Sprintf("name-%d", i))
			}
		}, "additional_workspaces", "allows 100"},
	} {
		config := Config{WorkspaceID: testWorkspace}
		c.change(&config)
		s, err := New(config, testCredential(t), NewGovernors())
		var setting *pipeline.SettingError
		switch {
		case c.want == "" && (err != nil || s.route != c.says):
			t.Errorf("%s: route %q, %v; want %q", c.name, routeIf(s), err, c.says)
		case c.want != "" && (!errors.As(err, &setting) || setting.Name != c.want || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want an error about %s that says %q", c.name, err, c.want, c.says)
		}
	}
}

func routeIf(s *Source) string {
	if s == nil {
		return ""
	}
	return s.route
}

func resource(id string) func(*Config) {
	return func(c *Config) { c.WorkspaceID, c.ResourceID = "", id }
}

func more(ids ...string) func(*Config) {
	return func(c *Config) { c.Additional = ids }
}

// TestRequests shows what is sent where, for each way to name what is read.
func TestRequests(t *testing.T) {
	const base = "/v1/workspaces/12345678-abcd-4321-9876-0123456789ab"
	for _, c := range []struct {
		name   string
		change func(*Config)
		plan   pipeline.TablePlan
		uri    string
		body   string // members besides query
		partly bool
	}{
		{"workspace", func(*Config) {}, "", base + "/query", "timespan", false},
		{"additional", more(otherID, "soc-west"), "", base + "/query", `timespan workspaces=["aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","soc-west"]`, true},
		{"resource", resource("/subscriptions/" + otherID), "", "/v1/subscriptions/" + otherID + "/query", "timespan", true},
		{"auxiliary", func(*Config) {}, pipeline.Auxiliary,
			base + "/search?timespan=2026-01-01T23%3A59%3A59.0000000Z%2F2026-01-02T01%3A00%3A01.0000000Z", "", false},
	} {
		var uri, prefer string
		var body map[string]json.RawMessage
		s := newService(t, nil)
		s.raw = func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/"+metadataRoute) {
				reply(404, "")(w, r)
				return
			}
			uri, prefer = r.RequestURI, r.Header.Get("Prefer")
			text, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(text, &body); err != nil {
				t.Error(err)
			}
			reply(200, `{"tables":[{"name":"x","columns":[{"name":"TimeGenerated","type":"datetime"}],"rows":[]}]}`)(w, r)
		}
		slice := pipeline.Slice{Query: pipeline.Query{Text: "T_CL", Plan: c.plan},
			Window: pipeline.Window{Start: at("2026-01-02T00:00:00Z"), End: at("2026-01-02T01:00:00Z")}}
		var got collect
		if _, err := s.source(t, c.change).Read(context.Background(), slice, got.emit); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if c.plan != "" && string(body["query"]) != `"T_CL"` {
			t.Errorf("%s: query %s, want the text alone", c.name, body["query"])
		}
		delete(body, "query")
		var members []string
		if _, ok := body["timespan"]; ok {
			members = append(members, "timespan")
		}
		if w, ok := body["workspaces"]; ok {
			members = append(members, "workspaces="+string(w))
		}
		if uri != c.uri || strings.Join(members, " ") != c.body || strings.Contains(prefer, "include-permissions=true") != c.partly {
			t.Errorf("%s: %s with %v, Prefer %s; want %s with %s, permissions %v", c.name, uri, members, prefer, c.uri, c.body, c.partly)
		}
	}
}

// TestPermissions shows that an answer that lacks rows for want of rights is
// an error, and no other is.
func TestPermissions(t *testing.T) {
	for _, c := range []struct{ name, permissions, text, says string }{
		{"all", `{"resources":[{"resourceId":"/r","dataSources":["/WS1"]}],"dataSources":[{"resourceId":"/ws1"}]}`, "T", ""},
		{"nothing", `{}`, "T", ""},
		{"null", `null`, "T", ""},
		{"workspace unreadable", `{"resources":[{"resourceId":"/r","dataSources":["/ws1","/ws3"]}],"dataSources":[{"resourceId":"/ws1"}]}`, "T", "/ws3"},
		{"no workspace readable", `{"resources":[{"resourceId":"/r","dataSources":["/ws1"]}]}`, "T", "/ws1"},
		{"table of the resource", `{"resources":[{"resourceId":"/r","denyTables":["U","T"]}]}`, "T | take 1", "the table T of /r"},
		{"table of the workspace", `{"dataSources":[{"resourceId":"/ws","denyTables":["t"]}]}`, "T", "the table t of /ws"},
		{"custom tables", `{"dataSources":[{"resourceId":"/ws","denyTables":["Tables.Custom"]}]}`, "Mine_CL", "Tables.Custom"},
		{"another table", `{"dataSources":[{"resourceId":"/ws","denyTables":["U","Tables.Custom"]}]}`, "T", ""},
		{"another table, but all are read", `{"dataSources":[{"resourceId":"/ws","denyTables":["U"]}]}`, "union T, U*", "the table U"},
		{"another form", `{"resources":"all"}`, "T", "not understood"},
		{"a list", `[]`, "T", "not understood"},
	} {
		body := `{"tables":[{"name":"x","columns":[{"name":"a","type":"long"}],"rows":[[1]]}],"permissions":` + c.permissions + `}`
		s := newService(t, reply(200, body))
		var got collect
		err := s.source(t, resource(testResource)).Query(context.Background(), c.text, "", got.emit)
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want an error that says %q", c.name, err, c.says)
		}
	}
}

// TestSearchTrims shows that rows outside of the slice are dropped, since the
// route's own filter is wider, and that their number is told.
func TestSearchTrims(t *testing.T) {
	body := `{"tables":[{"name":"x","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"n","type":"long"}],"rows":[` +
		`["2026-01-01T23:59:59.9999999Z",1],["2026-01-02T00:00:00Z",2],["2026-01-02T00:59:59.9999999Z",3],["2026-01-02T01:00:00Z",4],[null,5]]}]}`
	s := newService(t, nil)
	s.raw = reply(200, body)
	slice := pipeline.Slice{Query: pipeline.Query{Text: "T_CL", Plan: pipeline.Auxiliary},
		Window: pipeline.Window{Start: at("2026-01-02T00:00:00Z"), End: at("2026-01-02T01:00:00Z")}}
	var got collect
	reading, err := s.source(t).Read(context.Background(), slice, got.emit)
	if err != nil || got.rows != 2 || reading.Received != 5 {
		t.Errorf("%d rows of %d received, %v; want 2 of 5", got.rows, reading.Received, err)
	}
	slice.Cut.From = slice.Window.Start
	if _, err := s.source(t).Read(context.Background(), slice, got.emit); err == nil || !strings.Contains(err.Error(), `late = "replace"`) {
		t.Errorf("read of late rows alone: %v", err)
	}
	slice.Cut.From = time.Time{}
	slice.Query.Plan = pipeline.Basic
	now := slice.Window.Start.Add(basicReach)
	if err := withinReach(slice, now); err != nil {
		t.Errorf("30 days back: %v", err)
	}
	if err := withinReach(slice, now.Add(1)); err == nil || !strings.Contains(err.Error(), "30 days back") {
		t.Errorf("more than 30 days back: %v", err)
	}
	if _, err := s.source(t).Probe(context.Background(), slice.Query, slice.Window, 1, pipeline.Cut{}); err == nil || errors.Is(err, pipeline.ErrQuery) {
		t.Errorf("probe: %v, want an error that does not stop the query", err)
	}
}

func TestSearchAlone(t *testing.T) {
	for _, c := range []struct {
		plan       pipeline.TablePlan
		additional []string
		says       string
	}{{"", []string{otherID}, ""}, {pipeline.Basic, nil, ""}, {pipeline.Basic, []string{otherID}, "additional_workspaces"}} {
		s := newService(t, nil).source(t, more(c.additional...))
		got := ""
		for _, p := range s.Check(pipeline.Query{Text: "T", Plan: c.plan}, true).Problems {
			got += p.Detail
		}
		if (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("plan %q with %v: %q, want %q", c.plan, c.additional, got, c.says)
		}
	}
}

// TestAdditionalWorkspaces reads two workspaces as one. One of them that cannot
// be read is an error, never fewer rows.
func TestAdditionalWorkspaces(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	c := emulator.Config{Data: ticking(t, start, 10, 3), Others: map[string]*emulator.Dataset{otherID: ticking(t, start, 10, 5)}}
	slice := pipeline.Slice{Query: pipeline.Query{Text: "A"}, Window: pipeline.Window{Start: start, End: start.Add(time.Second)}}
	for _, one := range []struct {
		additional []string
		rows       int64
		err        error
	}{{nil, 3, nil}, {[]string{otherID}, 8, nil}, {[]string{otherID, "BBBBBBBB-bbbb-cccc-dddd-eeeeeeeeeeee"}, 0, pipeline.ErrAccess}} {
		s := emulated(t, c, "v1")
		s.additional = one.additional
		var got collect
		if _, err := s.Read(context.Background(), slice, got.emit); !errors.Is(err, one.err) || got.rows != one.rows {
			t.Errorf("with %v: %d rows, %v; want %d, %v", one.additional, got.rows, err, one.rows, one.err)
		}
	}
}
