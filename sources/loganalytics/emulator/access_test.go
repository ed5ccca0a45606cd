package emulator

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

// codes returns the codes of an error body from the outside in.
func codes(body string) string {
	type level struct {
		Code       string
		Innererror *struct {
			Code       string
			Innererror *struct{ Code string }
		}
	}
	var in struct{ Error level }
	if json.Unmarshal([]byte(body), &in) != nil {
		return "no JSON"
	}
	all := []string{in.Error.Code}
	if inner := in.Error.Innererror; inner != nil {
		all = append(all, inner.Code)
		if inner.Innererror != nil {
			all = append(all, inner.Innererror.Code)
		}
	}
	return strings.Join(all, " ")
}

func TestRefusedAtTheDoor(t *testing.T) {
	c := newClock()
	r := serve(t, Config{Now: c.Now, TokenLifetime: time.Hour, Data: events(t)})
	other := serve(t, Config{Now: c.Now})
	tokenFor := func(resource string) string {
		got := r.form("/"+DemoTenantID+"/oauth2/token", credentials("scope", "", "resource", resource))
		var body tokenV1
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 200 {
			t.Fatalf("token for %s: %d %s", resource, got.status, got.body)
		}
		return "Bearer " + body.Access
	}
	unknown := "/v1/workspaces/11111111-2222-3333-4444-555555555555/query"
	tests := []struct {
		name, path, authorization string
		status                    int
		codes                     string
	}{
		{"a name for a GUID", "/v1/workspaces/my-workspace/query", "", 404, "PathNotFoundError"},
		{"another route", "/v1/workspaces/" + DemoWorkspaceID + "/alerts", "", 404, "PathNotFoundError"},
		{"a strange path", "/v2/workspaces", "", 404, "PathNotFoundError"},
		{"the root", "/", "", 404, "PathNotFoundError"},
		{"no token", queryPath, "", 401, "AuthenticationFailed"},
		{"no token for an unknown workspace", unknown, "", 401, "AuthenticationFailed"},
		{"an unknown workspace", unknown, "Bearer " + r.token, 404, "ResourceNotFoundError ResourceNotFound"},
		{"another scheme", queryPath, "Basic eDp5", 401, "InvalidAuthenticationToken"},
		{"rubbish", queryPath, "Bearer rubbish", 401, "InvalidAuthenticationToken"},
		{"a broken signature", queryPath, "Bearer " + r.token[:len(r.token)-3] + "AAA", 401, "InvalidAuthenticationToken"},
		{"another issuer", queryPath, "Bearer " + other.token, 401, "InvalidAuthenticationToken"},
		{"another cloud", queryPath, tokenFor("https://api.loganalytics.us"), 401, "InvalidAuthenticationTokenTenant"},
		{"another service", queryPath, tokenFor("https://storage.azure.com"), 401, "InvalidAuthenticationTokenAudience"},
		{"the newer host", queryPath, tokenFor("https://api.loganalytics.azure.com/"), 200, ""},
		{"the emulator's own address", queryPath, tokenFor(r.server.URL), 200, ""},
	}
	for _, test := range tests {
		got := r.send("POST", test.path, `{"query":"Events"}`, "Authorization", test.authorization)
		if got.status != test.status || test.codes != "" && codes(got.body) != test.codes {
			t.Errorf("%s: got %d %s, want %d %s", test.name, got.status, got.body, test.status, test.codes)
		}
	}
	c.add(time.Hour)
	if got := r.query("Events", ""); got.status != 401 || codes(got.body) != "InvalidAuthenticationToken" {
		t.Errorf("an expired token: got %d %s", got.status, got.body)
	}
	r.token = r.login(Config{})
	if got := r.query("Events", ""); got.status != 200 {
		t.Errorf("a new token: got %d %s", got.status, got.body)
	}
}

func TestDenials(t *testing.T) {
	c := newClock()
	for access, want := range map[Access]string{Denied: "InsufficientAccessError", DeniedUnauthorized: "InsufficientAccessError UnauthorizedClient",
		DeniedNetwork: "InsufficientAccessError NspValidationFailedError", DeniedUser: "InsufficientAccessError AuthorizationFailedError"} {
		r := serve(t, Config{Now: c.Now, Data: events(t), Principals: []Principal{
			{Tenant: DemoTenantID, ClientID: "late", ClientSecret: "s", Access: access, DeniedFor: 30 * time.Minute},
			{Tenant: DemoTenantID, ClientID: "free", ClientSecret: "s"}}})
		if got := r.query("Events", ""); got.status != 403 || codes(got.body) != want {
			t.Errorf("%s: got %d %s, want 403 %s", access, got.status, got.body, want)
		}
		c.add(30 * time.Minute)
		if got := r.query("Events", ""); got.status != 200 {
			t.Errorf("%s, 30 minutes later: got %d %s", access, got.status, got.body)
		}
	}
}

func TestAPIKeys(t *testing.T) {
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00Z")})
	q := url.QueryEscape("Events")
	demo := "/v1/workspaces/DEMO_WORKSPACE/query?query=" + q
	for name, test := range map[string]struct {
		got    reply
		status int
		codes  string
	}{
		"demo":           {r.send("GET", demo, "", "Authorization", "", "X-Api-Key", "DEMO_KEY"), 200, ""},
		"demo in URL":    {r.send("GET", demo+"&api_key=DEMO_KEY", "", "Authorization", ""), 200, ""},
		"no key":         {r.send("GET", demo, "", "Authorization", ""), 401, "AuthenticationFailed"},
		"real workspace": {r.send("GET", queryPath+"?query="+q, "", "X-Api-Key", "DEMO_KEY"), 403, "InsufficientAccessError UnsupportedKeyError"},
	} {
		if test.got.status != test.status || test.codes != "" && codes(test.got.body) != test.codes {
			t.Errorf("%s: got %d %s, want %d %s", name, test.got.status, test.got.body, test.status, test.codes)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	for want, c := range map[string]Config{
		`workspace id "soc" is not a GUID`:           {WorkspaceIDs: []string{"soc"}},
		`workspace id "x" is not a GUID`:             {Others: map[string]*Dataset{"x": nil}},
		"principal 1 has no tenant or no client id":  {Principals: []Principal{{Tenant: "t"}}},
		`tenant "a/b" cannot be part of an address`:  {Principals: []Principal{{Tenant: "a/b", ClientID: "c"}}},
		`principal c has the unknown access "none"`:  {Principals: []Principal{{Tenant: "t", ClientID: "c", Access: "none"}}},
		"gateway status 200 is not one of a refusal": {Limits: Limits{GatewayStatus: 200}},
		"faults[1].action: it does nothing":          {Faults: []Fault{{Action: Action{Status: 500}}, {}}},
	} {
		if _, err := New(c); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
