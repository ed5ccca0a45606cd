package emulator

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func credentials(more ...string) url.Values {
	v := url.Values{"grant_type": {"client_credentials"}, "client_id": {DemoClientID}, "client_secret": {DemoClientSecret},
		"scope": {"https://api.loganalytics.io/.default"}}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
		if more[i+1] == "" {
			v.Del(more[i])
		}
	}
	return v
}

const tokenV2Path = "/" + DemoTenantID + "/oauth2/v2.0/token"

func TestTokenV2(t *testing.T) {
	r := serve(t, Config{})
	got := r.form(tokenV2Path+"?client-request-id=x", credentials())
	want := strings.Replace(recorded(t, "token-200-v2.json"), "Sanitized", "TOKEN", 1)
	body := regexp.MustCompile(`"access_token":"[^"]*"`).ReplaceAllString(got.body, `"access_token":"TOKEN"`)
	if got.status != 200 || body != want {
		t.Errorf("got  %d %s\nwant 200 %s", got.status, body, want)
	}
}

func TestTokenV1IsAllText(t *testing.T) {
	c := newClock()
	r := serve(t, Config{Now: c.Now, TokenLifetime: time.Hour})
	got := r.form("/"+DemoTenantID+"/oauth2/token", credentials("scope", "", "resource", "https://api.loganalytics.io"))
	var body map[string]string
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 200 {
		t.Fatalf("status %d, %v: %s", got.status, err, got.body)
	}
	delete(body, "access_token")
	want := map[string]string{"token_type": "Bearer", "expires_in": "3600", "ext_expires_in": "3600", "expires_on": "1768050000",
		"not_before": "1768046100", "resource": "https://api.loganalytics.io"}
	if !reflect.DeepEqual(body, want) {
		t.Errorf("got %v, want %v", body, want)
	}
}

func TestTokenClaims(t *testing.T) {
	c := newClock()
	r := serve(t, Config{Now: c.Now, TokenLifetime: time.Minute})
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(r.token, ".")[1])
	var got claims
	if err == nil {
		err = json.Unmarshal(raw, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	now := c.Now().Unix()
	if got.Audience != "https://api.loganalytics.io" || got.AppID != DemoClientID || got.Tenant != DemoTenantID || got.AppIDACR != "1" ||
		got.Issued != now || got.Expires != now+60 || got.Version != "1.0" || !guidForm.MatchString(got.ObjectID) ||
		!reflect.DeepEqual(got.Roles, []string{"Data.Read"}) {
		t.Errorf("got claims %+v", got)
	}
}

var volatile = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`)

func masked(s string) string { return volatile.ReplaceAllString(s, "#") }

func TestWrongSecretAsRecorded(t *testing.T) {
	r := serve(t, Config{})
	got := r.form(tokenV2Path, credentials("client_secret", "guess"))
	if want := masked(recorded(t, "token-401-invalid-client.json")); got.status != 401 || masked(got.body) != want {
		t.Errorf("got  %d %s\nwant 401 %s", got.status, masked(got.body), want)
	}
}

func TestTokenRefusals(t *testing.T) {
	r := serve(t, Config{})
	tests := []struct {
		name, path string
		form       url.Values
		status     int
		code       string
		number     string
	}{
		{"unknown tenant", "/contoso.example/oauth2/v2.0/token", credentials(), 400, "invalid_request", "90002"},
		{"unknown client", tokenV2Path, credentials("client_id", "x"), 400, "unauthorized_client", "700016"},
		{"no client", tokenV2Path, credentials("client_id", ""), 400, "invalid_request", "900144"},
		{"no secret", tokenV2Path, credentials("client_secret", ""), 401, "invalid_client", "7000218"},
		{"no grant", tokenV2Path, credentials("grant_type", ""), 400, "invalid_request", "900144"},
		{"other grant", tokenV2Path, credentials("grant_type", "password"), 400, "unsupported_grant_type", "70003"},
		{"no scope", tokenV2Path, credentials("scope", ""), 400, "invalid_request", "900144"},
		{"scope without default", tokenV2Path, credentials("scope", "https://api.loganalytics.io"), 400, "invalid_scope", "70011"},
		{"two scopes", tokenV2Path, credentials("scope", "https://api.loganalytics.io/.default https://storage.azure.com/.default"), 400, "invalid_scope", "70011"},
		{"OpenID only", tokenV2Path, credentials("scope", "openid profile"), 400, "invalid_scope", "70011"},
		{"unknown resource", tokenV2Path, credentials("scope", "https://example.com/.default"), 400, "invalid_resource", "500011"},
		{"v1 with a scope", "/" + DemoTenantID + "/oauth2/token", credentials(), 400, "invalid_request", "900144"},
		{"assertion of no form", tokenV2Path, credentials("client_secret", "", "client_assertion", "x.y", "client_assertion_type", assertionType), 401, "invalid_client", "50027"},
		{"assertion of nobody", tokenV2Path, credentials("client_secret", "", "client_assertion", "e30.e30.c2ln", "client_assertion_type", assertionType), 401, "invalid_client", "50027"},
		{"assertion of no type", tokenV2Path, credentials("client_secret", "", "client_assertion", "e30.e30.c2ln"), 400, "invalid_request", "900144"},
	}
	for _, test := range tests {
		got := r.form(test.path, test.form)
		var body refusalBody
		if err := json.Unmarshal([]byte(got.body), &body); err != nil {
			t.Fatalf("%s: %v: %s", test.name, err, got.body)
		}
		if got.status != test.status || body.Error != test.code || !strings.HasPrefix(body.Description, "AADSTS"+test.number+": ") {
			t.Errorf("%s: got %d %s %q, want %d %s %s", test.name, got.status, body.Error, body.Description, test.status, test.code, test.number)
		}
	}
}

func TestWaysToAToken(t *testing.T) {
	secret := "a+b %/ä"
	r := serve(t, Config{Principals: []Principal{{Tenant: "Contoso.example", ClientID: "App", ClientSecret: secret}}})
	basic := func(id, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+password))
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {r.server.URL + "/.default"}}
	ways := map[string]reply{
		"scopes of OpenID": r.form("/contoso.example/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"App"},
			"client_secret": {secret}, "scope": {"https://api.loganalytics.io//.default openid offline_access profile"}}),
		"basic": r.send("POST", "/contoso.EXAMPLE/oauth2/v2.0/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded",
			"Authorization", basic("app", url.QueryEscape(secret))),
		"machine": r.send("GET", "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://api.loganalytics.io", "", "Metadata", "true"),
		"app":     r.send("GET", "/msi/token?api-version=2019-08-01&resource=https://api.loganalytics.io&client_id=APP", "", "X-IDENTITY-HEADER", "h"),
	}
	for name, got := range ways {
		var body struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 200 {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
			continue
		}
		if answer := r.send("GET", queryPath[:len(queryPath)-5]+"metadata", "", "Authorization", "Bearer "+body.Token); answer.status != 200 {
			t.Errorf("%s: the token gives %d %s", name, answer.status, answer.body)
		}
	}
}

func TestDiscoveryNamesTheAuthorityItself(t *testing.T) {
	r := serve(t, Config{})
	got := r.send("GET", "/"+DemoTenantID+"/v2.0/.well-known/openid-configuration", "", "Authorization", "")
	var body map[string]any
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	base := r.server.URL + "/" + DemoTenantID
	for key, want := range map[string]string{"issuer": base + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token",
		"authorization_endpoint": base + "/oauth2/v2.0/authorize", "jwks_uri": base + "/discovery/v2.0/keys"} {
		if body[key] != want {
			t.Errorf("%s: got %v, want %s", key, body[key], want)
		}
	}
	got = r.send("GET", "/common/discovery/instance?authorization_endpoint="+url.QueryEscape(base+"/oauth2/v2.0/authorize"), "")
	if want := `"tenant_discovery_endpoint":"` + base + `/v2.0/.well-known/openid-configuration"`; !strings.Contains(got.body, want) {
		t.Errorf("got %s, want %s in it", got.body, want)
	}
}
