package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// machine answers as the metadata service of a virtual machine
// (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
func (x *exchange) machine() {
	x.seen.Route = "token"
	if x.faulted() {
		return
	}
	refuse := func(code, text string) {
		sendJSON(x.w, http.StatusBadRequest, map[string]string{"error": code, "error_description": text})
	}
	values := x.r.URL.Query()
	switch {
	case !strings.EqualFold(x.r.Header.Get("Metadata"), "true"):
		refuse("invalid_request", "Required metadata header not specified")
		return
	case x.r.Header.Get("X-Forwarded-For") != "":
		refuse("invalid_request", "Proxied requests are not accepted")
		return
	case values.Get("api-version") == "":
		refuse("invalid_request", "Required query variable 'api-version' is missing")
		return
	case values.Get("resource") == "":
		refuse("invalid_request", "Required query variable 'resource' is missing")
		return
	}
	p := x.assigned(values)
	if p == nil {
		refuse("invalid_request", "Identity not found")
		return
	}
	resource := values.Get("resource")
	if x.audience(resource) == audienceUnknown {
		refuse("invalid_resource", notInstalled(resource))
		return
	}
	x.seen.Principal = p.ClientID
	text, c := x.issue(grant{p, resource, "2"})
	sendJSON(x.w, 200, struct {
		tokenV1
		Client string `json:"client_id"`
	}{stringly(c, text), p.ClientID})
}

func notInstalled(resource string) string {
	return fmt.Sprintf("AADSTS500011: The resource principal named %s was not found in the tenant.", resource)
}

// assigned finds the identity that a request names by one of three ids, or the
// machine's own.
func (x *exchange) assigned(values url.Values) *principal {
	var given, resource string
	for _, name := range []string{"client_id", "object_id", "principal_id", "msi_res_id", "mi_res_id"} {
		if v := values.Get(name); v != "" {
			given = v
			if strings.HasSuffix(name, "res_id") {
				resource = v
			}
		}
	}
	if given == "" {
		return x.e.principals[strings.ToLower(x.e.config.Principals[0].ClientID)]
	}
	for _, p := range x.e.principals {
		switch {
		case resource != "" && strings.EqualFold(resource, p.ResourceID),
			resource == "" && values.Get("client_id") != "" && strings.EqualFold(given, p.ClientID),
			resource == "" && values.Get("client_id") == "" && strings.EqualFold(given, p.objectID):
			return p
		}
	}
	return nil
}
