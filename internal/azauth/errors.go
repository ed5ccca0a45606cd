package azauth

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Error says why no token was issued. Its text names the credential and the
// next step, and holds no secret.
type Error struct {
	Credential string        // address of the credential
	Code       string        // the protocol's error code, such as invalid_client; "" if there was no proper answer
	Numbers    []int         // the authority's own, as in AADSTS7000215
	Transient  bool          // asking again later may succeed
	Wait       time.Duration // as the authority asked; 0 if it did not
	Advice     string        // what is wrong and what to do
	Detail     string        // the authority's words
	Absent     bool          // this way is not set up here: a chain goes on to the next
	status     int           // of the answer of a machine's own service
	cause      error         // only if its text is free of secrets
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("get a token for %s: %s", e.Credential, e.Advice)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap returns the cause where there is one, such as a cancelled context.
func (e *Error) Unwrap() error { return e.cause }

// advice tells by the numbers of the authority, and below by its error code,
// what is wrong. The numbers are those of
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
var advice = []struct {
	numbers   []int
	code      string
	transient bool
	text      string
}{
	{numbers: []int{90033, 90006, 90024, 90055}, transient: true, text: "the sign-in service is busy; it is worth another try"},
	{numbers: []int{7000215}, text: "the client secret is wrong; use the secret's value, not its id, and check that it belongs to this client_id"},
	{numbers: []int{7000222}, text: "the client secret has expired; create a new one for this application and set client_secret to it"},
	{numbers: []int{7000218}, text: "the request carried no client secret; set client_secret"},
	{numbers: []int{700016}, text: "the application is not known in this tenant; check client_id and tenant_id"},
	{numbers: []int{90002}, text: "the tenant does not exist in this cloud; check tenant_id, and cloud if the tenant belongs to US Government or China"},
	{numbers: []int{900382, 900432, 900384}, text: "the tenant belongs to another cloud; set cloud to the tenant's"},
	{numbers: []int{500011}, text: "the tenant does not know the query service under this address; check cloud and tenant_id"},
	{numbers: []int{500133, 50013, 700024}, text: "the assertion is outside its time; check the clock of this machine"},
	{numbers: []int{700027, 50012}, text: "the application does not know this certificate; upload its public part to the application, or check client_id"},
	{numbers: []int{700211, 700212, 700213}, text: "the application trusts no such federated token; its federated credential must name the token's issuer, subject and audience"},
	{numbers: []int{7002161, 70021}, text: "the application has no federated credential that fits the token; add one with its issuer, subject and audience"},
	{numbers: []int{50027}, text: "the assertion is not a token; check what the token file holds"},
	{code: "temporarily_unavailable", transient: true, text: "the sign-in service is busy; it is worth another try"},
	{code: "server_error", transient: true, text: "the sign-in service had an internal error; it is worth another try"},
	{code: "invalid_client", text: "the credential is not accepted; check client_id and %s"},
	{code: "unauthorized_client", text: "the application may not ask for this; check client_id and tenant_id"},
	{code: "invalid_request", text: "the request is not accepted; check tenant_id, and that cloud is the tenant's"},
	{code: "invalid_resource", text: "the tenant does not know the query service under this address; check cloud and tenant_id"},
	{code: "invalid_scope", text: "the scope is not accepted; check cloud"},
	{code: "invalid_grant", text: "the credential is not accepted any more; check the clock of this machine, then renew the credential"},
}

// request is what explain has to know of a request for a token.
type request struct {
	name    string   // address of the credential
	target  Target   // what the token is for
	proof   string   // what proves the identity, as in "check client_secret"
	secrets []string // what was sent and must not be shown
}

// explain turns an error of the token endpoint into one that can be shown.
func (r request) explain(err error) *Error {
	hide := hider(r.secrets...)
	e := &Error{Credential: r.name}
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		e.read(refused, r.proof, hide)
		e.tellSecretID(r.secrets...)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Advice, e.cause = "given up while waiting for "+host(r.target.Authority), err
		e.Transient = errors.Is(err, context.DeadlineExceeded)
	default:
		e.network(err, r.target, hide)
	}
	if e.cause != nil && hide(e.cause.Error()) != e.cause.Error() {
		e.cause = nil
	}
	return e
}

// read fills in e from an answer that is not a token.
func (e *Error) read(refused *oauth2.RetrieveError, proof string, hide func(string) string) {
	var body struct {
		Numbers       []int  `json:"error_codes"`
		CorrelationID string `json:"correlation_id"`
	}
	_ = json.Unmarshal(refused.Body, &body) // a gateway's page has neither
	status := 0
	if refused.Response != nil {
		status = refused.Response.StatusCode
		e.Wait = retryAfter(refused.Response)
	}
	e.Code, e.Numbers = hide(refused.ErrorCode), body.Numbers
	if len(e.Numbers) == 0 {
		e.Numbers = numbersIn(refused.ErrorDescription)
	}
	e.judge(status, proof)
	first, _, _ := strings.Cut(strings.TrimSpace(refused.ErrorDescription), "\n")
	e.Detail = clip(hide(strings.TrimSpace(first)))
	if body.CorrelationID != "" {
		e.Detail = strings.TrimSpace(e.Detail + " (correlation id " + clip(hide(body.CorrelationID)) + ")")
	}
}

func (e *Error) judge(status int, proof string) {
	for _, a := range advice {
		match := a.code != "" && a.code == e.Code
		for _, n := range a.numbers {
			for _, got := range e.Numbers {
				match = match || n == got
			}
		}
		if match {
			e.Advice, e.Transient = strings.ReplaceAll(a.text, "%s", proof), a.transient
			return
		}
	}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		e.Transient = true
		e.Advice = fmt.Sprintf("the sign-in service answered with status %d; it is worth another try", status)
	case e.Code != "":
		e.Advice = fmt.Sprintf("the sign-in service refused with %q (status %d)", clip(e.Code), status)
	default:
		e.Advice = fmt.Sprintf("the sign-in service answered with status %d and no reason; check authority", status)
	}
}

// network fills in e for a request that got no answer, or one that cannot be
// read.
func (e *Error) network(err error, t Target, hide func(string) string) {
	var failed *url.Error
	e.cause = err
	if errors.As(err, &failed) {
		var unknown x509.UnknownAuthorityError
		var other x509.HostnameError
		if errors.As(err, &unknown) || errors.As(err, &other) {
			e.Advice = host(t.Authority) + " shows a certificate that is not trusted; check authority, or set ca_file to its authority's certificate"
			return
		}
		e.Transient = true
		e.Advice = "no answer from " + host(t.Authority) + "; check authority, proxy and network"
		e.Detail = clip(hide(failed.Err.Error()))
		return
	}
	if strings.HasPrefix(err.Error(), "oauth2: cannot fetch token: ") { // while its body was read
		e.Transient = true
		e.Advice = "the answer of " + host(t.Authority) + " broke off; it is worth another try"
		return
	}
	e.Advice = host(t.Authority) + " answered with something that is not a token; check authority and proxy"
	e.Detail = clip(hide(strings.TrimPrefix(err.Error(), "oauth2: ")))
}

// outOfTime reports whether the authority found the assertion too old.
func (e *Error) outOfTime() bool {
	return slices.ContainsFunc(e.Numbers, func(n int) bool { return n == 500133 || n == 50013 || n == 700024 })
}

func host(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return "the authority"
}

var number = regexp.MustCompile(`AADSTS(\d{4,9})`)

func numbersIn(text string) []int {
	var all []int
	for _, m := range number.FindAllStringSubmatch(text, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// retryAfter reads the header in both of its forms; 0 is none.
func retryAfter(r *http.Response) time.Duration {
	value := r.Header.Get("Retry-After")
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	from := time.Now()
	if sent, err := http.ParseTime(r.Header.Get("Date")); err == nil {
		from = sent
	}
	return min(max(0, at.Sub(from)), time.Hour)
}

func clip(text string) string {
	if r := []rune(text); len(r) > 400 {
		return string(r[:400]) + "…"
	}
	return text
}

// hider returns a function that blacks out secrets in the forms in which a
// request or an echo of it may carry them.
func hider(values ...string) func(string) string {
	var pairs []string
	for _, value := range values {
		quoted, err := json.Marshal(value)
		if err != nil {
			panic(err) // strings always marshal
		}
		for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value), strings.Trim(string(quoted), `"`),
			base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value))} {
			if form != "" {
				pairs = append(pairs, form, "(sensitive)")
			}
		}
	}
	replacer := strings.NewReplacer(pairs...)
	return func(text string) string { return signed.ReplaceAllString(replacer.Replace(text), "(sensitive)") }
}

// signed is a token or an assertion, also one that somebody has cut short.
var signed = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}`)
