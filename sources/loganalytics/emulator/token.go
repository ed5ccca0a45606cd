package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// login serves everything that is not a route of the query service.
func (x *exchange) login(path []string) *failure {
	get, post := x.r.Method == http.MethodGet, x.r.Method == http.MethodPost
	rest := strings.Join(path[min(1, len(path)):], "/")
	switch {
	case post && rest == "oauth2/token":
		x.token(path[0], false)
	case post && rest == "oauth2/v2.0/token":
		x.token(path[0], true)
	case get && rest == "v2.0/.well-known/openid-configuration", get && rest == ".well-known/openid-configuration":
		x.discovery(path[0], strings.HasPrefix(rest, "v2.0"))
	case get && path[0] == "common" && rest == "discovery/instance":
		x.instance()
	case get && path[0] == "metadata" && rest == "identity/oauth2/token":
		x.machine()
	case get && path[0] == "msi" && rest == "token":
		x.appService()
	default:
		x.dataHeaders()
		return pathNotFound()
	}
	return nil
}

// grant is what a token is issued for.
type grant struct {
	principal *principal
	resource  string
	how       string // appidacr: "1" secret, "2" assertion or managed identity
}

// token answers the token endpoint, v1 or v2.
func (x *exchange) token(tenant string, v2 bool) {
	x.seen.Route = "token"
	if x.faulted() {
		return
	}
	g, refused := x.grant(tenant, v2)
	if refused != nil {
		x.refuse(refused)
		return
	}
	x.seen.Principal = g.principal.ClientID
	text, c := x.issue(g)
	noStore(x.w.Header())
	life := c.Expires - c.Issued
	if v2 {
		reply := tokenV2{Type: "Bearer", ExpiresIn: life, ExtExpiresIn: life, Access: text}
		if life >= 7200 {
			reply.RefreshIn = life / 2
		}
		sendJSON(x.w, 200, reply)
		return
	}
	sendJSON(x.w, 200, stringly(c, text))
}

type tokenV2 struct {
	Type         string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	ExtExpiresIn int64  `json:"ext_expires_in"`
	RefreshIn    int64  `json:"refresh_in,omitempty"`
	Access       string `json:"access_token"`
}

// tokenV1 is the older reply, in which every value is a text.
type tokenV1 struct {
	Type         string `json:"token_type"`
	ExpiresIn    string `json:"expires_in"`
	ExtExpiresIn string `json:"ext_expires_in"`
	ExpiresOn    string `json:"expires_on"`
	NotBefore    string `json:"not_before"`
	Resource     string `json:"resource"`
	Access       string `json:"access_token"`
}

func stringly(c claims, text string) tokenV1 {
	life := strconv.FormatInt(c.Expires-c.Issued, 10)
	return tokenV1{Type: "Bearer", ExpiresIn: life, ExtExpiresIn: life, ExpiresOn: strconv.FormatInt(c.Expires, 10),
		NotBefore: strconv.FormatInt(c.NotBefore, 10), Resource: c.Audience, Access: text}
}

// issue makes a token that expires after the configured time.
func (x *exchange) issue(g grant) (string, claims) {
	now := x.e.config.Now().Unix()
	issuer := "https://sts.windows.net/" + g.principal.Tenant + "/"
	if x.e.config.Cloud == "china" {
		issuer = "https://sts.chinacloudapi.cn/" + g.principal.Tenant + "/"
	}
	c := claims{Audience: g.resource, Issuer: issuer, Provider: issuer, Issued: now, NotBefore: now - 300,
		Expires: now + int64(x.e.config.TokenLifetime/time.Second), AppID: g.principal.ClientID, AppIDACR: g.how,
		ObjectID: g.principal.objectID, Subject: g.principal.objectID, Tenant: g.principal.Tenant,
		Roles: g.principal.Roles, Type: "app", Unique: uuid.NewString(), Version: "1.0"}
	return x.e.tokens.seal(c), c
}

// grant checks a token request in the order in which Entra complains.
func (x *exchange) grant(tenant string, v2 bool) (grant, *refusal) {
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, 1<<20)
	if err := x.r.ParseForm(); err != nil {
		return grant{}, &refusal{400, "invalid_request", 900144, "The request body must be form-encoded."}
	}
	form := x.r.PostForm
	if !x.e.hasTenant(tenant) {
		return grant{}, &refusal{400, "invalid_request", 90002, fmt.Sprintf("Tenant '%s' not found. Check to make sure "+
			"you have the correct tenant ID and are signing into the correct cloud.", tenant)}
	}
	switch got := form.Get("grant_type"); got {
	case "client_credentials":
	case "":
		return grant{}, missingParameter("grant_type")
	default:
		return grant{}, &refusal{400, "unsupported_grant_type", 70003, fmt.Sprintf("The app requested an unsupported grant type '%s'.", got)}
	}
	resource, refused := x.resourceOf(form, v2)
	if refused != nil {
		return grant{}, refused
	}
	p, how, refused := x.client(tenant, form)
	return grant{p, resource, how}, refused
}

func (e *Emulator) hasTenant(name string) bool {
	for _, p := range e.principals {
		if strings.EqualFold(p.Tenant, name) {
			return true
		}
	}
	return false
}

// resourceOf reads what the token shall be for: resource in v1, scope in v2.
func (x *exchange) resourceOf(form url.Values, v2 bool) (string, *refusal) {
	name := "resource"
	if v2 {
		name = "scope"
	}
	value := form.Get(name)
	if value == "" {
		return "", missingParameter(name)
	}
	if v2 {
		resource, ok := resourceOfScope(value)
		if !ok {
			return "", &refusal{400, "invalid_scope", 70011, fmt.Sprintf("The provided request must include a 'scope' "+
				"input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid.", value)}
		}
		value = resource
	}
	if x.audience(value) == audienceUnknown {
		return "", &refusal{400, "invalid_resource", 500011, fmt.Sprintf("The resource principal named %s was not found "+
			"in the tenant. This can happen if the application has not been installed by the administrator of the tenant.", value)}
	}
	return value, nil
}

// resourceOfScope returns the one resource of a scope. Microsoft's library adds
// the scopes of OpenID to it.
func resourceOfScope(scope string) (resource string, ok bool) {
	for _, one := range strings.Fields(scope) {
		switch one {
		case "openid", "profile", "offline_access":
			continue
		}
		if ok {
			return "", false
		}
		if resource, ok = strings.CutSuffix(one, "/.default"); !ok {
			return "", false
		}
	}
	return resource, ok
}

// client finds the application and checks its secret or assertion.
func (x *exchange) client(tenant string, form url.Values) (p *principal, how string, refused *refusal) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, ok := x.r.BasicAuth(); ok {
		id, secret = unescaped(user), unescaped(password)
	}
	if id == "" {
		return nil, "", missingParameter("client_id")
	}
	p = x.e.principals[strings.ToLower(id)]
	if p == nil || !strings.EqualFold(p.Tenant, tenant) {
		return nil, "", &refusal{400, "unauthorized_client", 700016, fmt.Sprintf(
			"Application with identifier '%s' was not found in the directory '%s'.", id, tenant)}
	}
	if assertion := form.Get("client_assertion"); assertion != "" {
		return p, "2", x.assertion(p, tenant, form.Get("client_assertion_type"), assertion)
	}
	if secret == "" {
		return nil, "", &refusal{401, "invalid_client", 7000218,
			"The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	}
	if p.ClientSecret == "" || secret != p.ClientSecret {
		return nil, "", &refusal{401, "invalid_client", 7000215, fmt.Sprintf("Invalid client secret provided. Ensure the "+
			"secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", id)}
	}
	if end := p.SecretExpires; !end.IsZero() && !x.e.config.Now().Before(end) {
		return nil, "", &refusal{401, "invalid_client", 7000222, fmt.Sprintf("The provided client secret keys for app '%s' are expired. "+
			"Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, "+
			"or consider using certificate credentials for added security: https://aka.ms/certCreds.", id)}
	}
	return p, "1", nil
}

// unescaped undoes the form encoding that OAuth wants inside Basic.
func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
}
