package emulator

import (
	"net/url"
	"strings"
)

// audience says what a token's resource is to the query service.
type audience int

const (
	audienceUnknown    audience = iota // no token is issued for it
	audienceQuery                      // accepted
	audienceOtherCloud                 // the same service elsewhere
	audienceOther                      // another Azure service
)

// queryHosts are the names of the query service, by cloud; the public one has
// two.
var queryHosts = map[string]string{
	"api.loganalytics.io":        "public",
	"api.loganalytics.azure.com": "public",
	"api.loganalytics.us":        "usgov",
	"api.loganalytics.azure.cn":  "china",
}

// audience judges a resource. The hosts of the emulator's cloud and its own
// address are the query service.
func (x *exchange) audience(resource string) audience {
	u, err := url.Parse(resource)
	if err != nil || u.Host == "" {
		return audienceUnknown
	}
	if u.Host == x.r.Host {
		return audienceQuery
	}
	if cloud, ok := queryHosts[u.Host]; ok {
		if cloud == x.e.config.Cloud {
			return audienceQuery
		}
		return audienceOtherCloud
	}
	switch u.Host {
	case "management.azure.com", "storage.azure.com", "graph.microsoft.com", "vault.azure.net":
		return audienceOther
	}
	if strings.HasSuffix(u.Host, ".blob.core.windows.net") {
		return audienceOther
	}
	return audienceUnknown
}

// ownURL is the address under which the client reached the emulator.
func (x *exchange) ownURL() string {
	if x.r.TLS != nil {
		return "https://" + x.r.Host
	}
	return "http://" + x.r.Host
}

// discovery answers OpenID discovery. Microsoft's clients insist on an issuer
// below the authority they asked.
func (x *exchange) discovery(tenant string, v2 bool) {
	x.seen.Route = "discovery"
	base := x.ownURL() + "/" + tenant
	version := ""
	if v2 {
		version = "/v2.0"
	}
	sendJSON(x.w, 200, struct {
		Token         string   `json:"token_endpoint"`
		Methods       []string `json:"token_endpoint_auth_methods_supported"`
		Keys          string   `json:"jwks_uri"`
		Modes         []string `json:"response_modes_supported"`
		Subjects      []string `json:"subject_types_supported"`
		Responses     []string `json:"response_types_supported"`
		Scopes        []string `json:"scopes_supported"`
		Issuer        string   `json:"issuer"`
		Authorization string   `json:"authorization_endpoint"`
	}{
		Token:   base + "/oauth2" + version + "/token",
		Methods: []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		Keys:    base + "/discovery" + version + "/keys", Modes: []string{"query", "fragment", "form_post"},
		Subjects: []string{"pairwise"}, Responses: []string{"code", "id_token", "code id_token", "id_token token"},
		Scopes: []string{"openid", "profile", "email", "offline_access"}, Issuer: base + version,
		Authorization: base + "/oauth2" + version + "/authorize",
	})
}

// instance answers instance discovery: every alias is the emulator itself.
func (x *exchange) instance() {
	x.seen.Route = "discovery"
	host := x.r.Host
	tenant := "common"
	if u, err := url.Parse(x.r.URL.Query().Get("authorization_endpoint")); err == nil {
		if first, _, _ := strings.Cut(strings.Trim(u.Path, "/"), "/"); first != "" {
			tenant = first
		}
	}
	sendJSON(x.w, 200, map[string]any{
		"tenant_discovery_endpoint": x.ownURL() + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []map[string]any{{"preferred_network": host, "preferred_cache": host,
			"aliases": []string{host}}},
	})
}
