package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// refusal is an error of the token endpoint.
type refusal struct {
	status int
	code   string // OAuth's word
	number int    // of AADSTS
	text   string
}

func missingParameter(name string) *refusal {
	return &refusal{400, "invalid_request", 900144, fmt.Sprintf("The request body must contain the following parameter: '%s'.", name)}
}

// refusalBody has the order of fields of the recorded body.
type refusalBody struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
	Timestamp   string `json:"timestamp"`
	Trace       string `json:"trace_id"`
	Correlation string `json:"correlation_id"`
	URI         string `json:"error_uri"`
}

func (x *exchange) refuse(f *refusal) {
	trace, correlation := uuid.NewString(), x.id
	if id := x.r.Header.Get("client-request-id"); guidForm.MatchString(id) {
		correlation = id
	}
	at := x.e.config.Now().UTC().Format("2006-01-02 15:04:05Z")
	noStore(x.w.Header())
	sendJSON(x.w, f.status, refusalBody{
		Error: f.code,
		Description: fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			f.number, f.text, trace, correlation, at),
		Codes: []int{f.number}, Timestamp: at, Trace: trace, Correlation: correlation,
		URI: fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", f.number),
	})
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion checks a client assertion as far as it can be checked without the
// certificate: its form and its time. The signature is not verified.
func (x *exchange) assertion(kind, text string) *refusal {
	if kind != assertionType {
		return missingParameter("client_assertion_type")
	}
	bad := &refusal{401, "invalid_client", 50027, "JWT token is invalid or malformed."}
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[2] == "" {
		return bad
	}
	raw, err := rawURL.DecodeString(parts[1])
	var c struct {
		Subject string `json:"sub"`
		Expires int64  `json:"exp"`
	}
	if err != nil || json.Unmarshal(raw, &c) != nil || c.Subject == "" {
		return bad
	}
	if now := x.e.config.Now().Unix(); now >= c.Expires {
		return &refusal{400, "invalid_grant", 500133, "Assertion is not within its valid time range. " +
			"Ensure that the access token is not expired before using it for user assertion, or request a new token."}
	}
	return nil
}

// managedIdentity answers the forms of a virtual machine and of App Service.
// The principal is the first one configured, or the one that client_id names.
func (x *exchange) managedIdentity(header, want string) {
	x.seen.Route = "token"
	if x.faulted() {
		return
	}
	got := x.r.Header.Get(header)
	if got == "" || want != "" && !strings.EqualFold(got, want) {
		sendJSON(x.w, http.StatusBadRequest, map[string]string{"error": "invalid_request",
			"error_description": "Required " + header + " header not specified"})
		return
	}
	values := x.r.URL.Query()
	id, resource := values.Get("client_id"), values.Get("resource")
	if id == "" {
		id = x.e.config.Principals[0].ClientID
	}
	p := x.e.principals[strings.ToLower(id)]
	if p == nil {
		sendJSON(x.w, http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": "Identity not found"})
		return
	}
	if audienceOf(resource, x.r.Host) == audienceUnknown {
		sendJSON(x.w, http.StatusBadRequest, map[string]string{"error": "invalid_resource",
			"error_description": fmt.Sprintf("AADSTS500011: The resource principal named %s was not found in the tenant.", resource)})
		return
	}
	x.seen.Principal = p.ClientID
	text, c := x.issue(grant{p, resource, "2"})
	sendJSON(x.w, 200, stringly(c, text))
}
