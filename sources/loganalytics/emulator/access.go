package emulator

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// The workspace and key with which the documentation lets everybody try the
// API. The emulator serves its own data there.
const (
	demoWorkspaceName = "DEMO_WORKSPACE"
	demoAPIKey        = "DEMO_KEY"
)

// admit finds the data of a workspace and who asks for it, or says why not.
func (x *exchange) admit(workspace string) (sets []*Dataset, who string, failed *failure) {
	if workspace == demoWorkspaceName {
		if x.apiKey() != demoAPIKey {
			return nil, "", missingAuthorization()
		}
		return []*Dataset{x.e.config.Data}, demoAPIKey, nil
	}
	if !guidForm.MatchString(workspace) {
		return nil, "", pathNotFound()
	}
	if x.apiKey() != "" {
		return nil, "", insufficient("UnsupportedKeyError", "The API key is not supported for this workspace")
	}
	p, failed := x.authenticate()
	if failed != nil {
		return nil, "", failed
	}
	data, ok := x.e.workspaces[strings.ToLower(workspace)]
	if !ok {
		return nil, "", workspaceNotFound(workspace)
	}
	if failed := x.authorize(p, workspace); failed != nil {
		return nil, "", failed
	}
	return []*Dataset{data}, p.ClientID, nil
}

func (x *exchange) apiKey() string {
	if key := x.r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	return x.r.URL.Query().Get("api_key")
}

// authenticate tells who sent the request by its token.
func (x *exchange) authenticate() (*principal, *failure) {
	header := x.r.Header.Get("Authorization")
	if header == "" {
		return nil, missingAuthorization()
	}
	kind, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(kind, "Bearer") {
		return nil, badToken("InvalidAuthenticationToken", "The access token is invalid.")
	}
	c, ok := x.e.tokens.open(strings.TrimSpace(token))
	if !ok {
		return nil, badToken("InvalidAuthenticationToken", "The access token is invalid.")
	}
	if now := x.e.config.Now().Unix(); now >= c.Expires || now < c.NotBefore {
		return nil, badToken("InvalidAuthenticationToken", "The access token is expired or not yet valid.")
	}
	switch kind := x.audience(c.Audience); kind {
	case audienceQuery:
	case audienceOtherCloud:
		return nil, badToken("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer.")
	default:
		return nil, badToken("InvalidAuthenticationTokenAudience",
			fmt.Sprintf("The access token has been obtained for the wrong audience or resource '%s'.", c.Audience))
	}
	p, ok := x.e.principals[strings.ToLower(c.AppID)]
	if !ok {
		return nil, badToken("InvalidAuthenticationToken", "The access token is invalid.")
	}
	return p, nil
}

// authorize says whether a principal may read a workspace.
func (x *exchange) authorize(p *principal, workspace string) *failure {
	if p.Access == Allowed || !p.openFrom.IsZero() && !x.e.config.Now().Before(p.openFrom) {
		return nil
	}
	switch p.Access {
	case DeniedUnauthorized:
		return insufficient("UnauthorizedClient",
			"The service principal does not have sufficient permissions to access this resource: "+workspace)
	case DeniedUser:
		return insufficient("AuthorizationFailedError",
			fmt.Sprintf("User '%s' does not have access to read logs for this resource", p.objectID))
	case DeniedNetwork:
		address, _, _ := net.SplitHostPort(x.r.RemoteAddr)
		return insufficient("NspValidationFailedError", fmt.Sprintf("Access to workspace '%s' from '%s' is denied. "+
			"To allow access from public networks, change the network isolation of the workspace "+
			"(workspace resource ID: %s)", workspace, address, resourceID(workspace)))
	}
	return insufficient("", "")
}

// resourceID is the invented resource of a workspace.
func resourceID(workspace string) string {
	return "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/emulator" +
		"/providers/Microsoft.OperationalInsights/workspaces/" + workspace
}

func missingAuthorization() *failure {
	f := badToken("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	f.header.Del("WWW-Authenticate")
	return f
}

func badToken(code, message string) *failure {
	return &failure{status: http.StatusUnauthorized, Code: code, Message: message,
		header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}}
}

func insufficient(code, message string) *failure {
	f := &failure{status: http.StatusForbidden, Code: "InsufficientAccessError",
		Message: "The provided credentials have insufficient access to perform the requested operation"}
	if code != "" {
		f.Inner = &inner{Code: code, Message: message}
	}
	return f
}
