package emulator

import (
	"encoding/json"
	"net/url"
	"testing"
)

func TestMachines(t *testing.T) {
	const resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"
	const object = "99999999-aaaa-4bbb-8ccc-dddddddddddd"
	r := serve(t, Config{IdentityHeader: "proof", Principals: []Principal{{Tenant: DemoTenantID, ClientID: DemoClientID, ClientSecret: DemoClientSecret},
		{Tenant: DemoTenantID, ClientID: "user", ObjectID: object, ResourceID: resource}}})
	const audience = "https://api.loganalytics.io"
	vm := func(pairs ...string) reply {
		v := url.Values{"api-version": {"2018-02-01"}, "resource": {audience}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return r.send("GET", "/metadata/identity/oauth2/token?"+v.Encode(), "", "Metadata", "true")
	}
	app := func(header string, pairs ...string) reply {
		v := url.Values{"api-version": {"2019-08-01"}, "resource": {audience}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return r.send("GET", "/msi/token?"+v.Encode(), "", "X-IDENTITY-HEADER", header)
	}
	for _, c := range []struct {
		name   string
		got    reply
		status int
		client string
	}{
		{"system", vm(), 200, DemoClientID},
		{"client id", vm("client_id", "USER"), 200, "user"},
		{"object id", vm("object_id", object), 200, "user"},
		{"resource id", vm("msi_res_id", resource), 200, "user"},
		{"unknown", vm("client_id", "nobody"), 400, ""},
		{"object id of a client", vm("object_id", "user"), 400, ""},
		{"unknown resource", vm("resource", "https://example.com"), 400, ""},
		{"no resource", vm("resource", ""), 400, ""},
		{"no version", vm("api-version", ""), 400, ""},
		{"no header", r.send("GET", "/metadata/identity/oauth2/token?api-version=2018-02-01&resource="+audience, ""), 400, ""},
		{"by a proxy", r.send("GET", "/metadata/identity/oauth2/token?api-version=2018-02-01&resource="+audience, "",
			"Metadata", "true", "X-Forwarded-For", "192.0.2.1"), 400, ""},
		{"app", app("proof"), 200, DemoClientID},
		{"app, client id", app("proof", "client_id", "user"), 200, "user"},
		{"app, resource id", app("proof", "mi_res_id", resource), 200, "user"},
		{"app, object id", app("proof", "object_id", object), 200, "user"},
		{"app, wrong header", app("guess"), 401, ""},
		{"app, unknown", app("proof", "client_id", "nobody"), 400, ""},
	} {
		var body struct {
			Client    string `json:"client_id"`
			ExpiresOn string `json:"expires_on"`
			Token     string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(c.got.body), &body); err != nil {
			t.Fatalf("%s: %v: %s", c.name, err, c.got.body)
		}
		claims, _ := r.e.tokens.open(body.Token)
		if c.got.status != c.status || body.Client != c.client || claims.AppID != c.client || (c.status == 200) != (body.ExpiresOn != "") {
			t.Errorf("%s: got %d %s, want %d for %q", c.name, c.got.status, c.got.body, c.status, c.client)
		}
	}
}

func TestClouds(t *testing.T) {
	hosts := map[string]string{"public": "https://api.loganalytics.io", "usgov": "https://api.loganalytics.us", "china": "https://api.loganalytics.azure.cn"}
	for cloud := range hosts {
		r := serve(t, Config{Cloud: cloud, Data: events(t)})
		for other, audience := range hosts {
			r.token = r.loginFor(audience)
			want, code := 200, ""
			if other != cloud {
				want, code = 401, "InvalidAuthenticationTokenTenant"
			}
			if got := r.query("Events", ""); got.status != want || code != "" && codes(got.body) != code {
				t.Errorf("a token of %s in %s: got %d %s, want %d %s", other, cloud, got.status, got.body, want, code)
			}
		}
	}
	if _, err := New(Config{Cloud: "mars"}); err == nil {
		t.Error("the cloud mars is accepted")
	}
}

// loginFor gets a token for a service.
func (r *remote) loginFor(audience string) string {
	r.t.Helper()
	got := r.form(tokenV2Path, credentials("scope", audience+"/.default"))
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || body.Token == "" {
		r.t.Fatalf("log in for %s: status %d: %s", audience, got.status, got.body)
	}
	return body.Token
}
