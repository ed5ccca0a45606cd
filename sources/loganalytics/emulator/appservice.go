package emulator

import (
	"net/http"
	"strconv"
)

// tokenAppService is the reply of App Service.
type tokenAppService struct {
	Access    string `json:"access_token"`
	Client    string `json:"client_id"`
	ExpiresOn string `json:"expires_on"`
	Resource  string `json:"resource"`
	Type      string `json:"token_type"`
}

// appService answers as the identity endpoint of App Service and Functions
// (https://learn.microsoft.com/azure/app-service/overview-managed-identity).
func (x *exchange) appService() {
	x.seen.Route = "token"
	if x.faulted() {
		return
	}
	refuse := func(status int, text string) {
		sendJSON(x.w, status, map[string]any{"statusCode": status, "message": text, "correlationId": x.id})
	}
	values := x.r.URL.Query()
	resource := values.Get("resource")
	switch got := x.r.Header.Get("X-IDENTITY-HEADER"); {
	case got == "" || x.e.config.IdentityHeader != "" && got != x.e.config.IdentityHeader:
		refuse(http.StatusUnauthorized, "The X-IDENTITY-HEADER is missing or wrong.")
		return
	case values.Get("api-version") == "" || resource == "":
		refuse(http.StatusBadRequest, "The api-version and resource are required.")
		return
	}
	p := x.assigned(values)
	if p == nil {
		refuse(http.StatusBadRequest, "No Managed Identity found for specified ClientId/ResourceId/PrincipalId.")
		return
	}
	if x.audience(resource) == audienceUnknown {
		refuse(http.StatusBadRequest, notInstalled(resource))
		return
	}
	x.seen.Principal = p.ClientID
	text, c := x.issue(grant{p, resource, "2"})
	sendJSON(x.w, 200, tokenAppService{text, p.ClientID, strconv.FormatInt(c.Expires, 10), resource, "Bearer"})
}
