package azauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// application is what the kinds have in common in which an application of a
// tenant proves itself.
type application struct {
	name   string // address of the credential, for messages
	tenant string // GUID or domain
	client string
	limits *Limits
}

// Principal implements Credential.
func (a *application) Principal() string { return strings.ToLower(a.tenant + "/" + a.client) }

// Limits implements Limited.
func (a *application) Limits() Limits { return a.limits.orDefault() }

// check refuses what cannot be a tenant or an application.
func (a *application) check() error {
	switch {
	case strings.ContainsAny(a.tenant, "/\\?#% \t\r\n"):
		return setting("tenant_id", "%q is neither a GUID nor a domain", a.tenant)
	case strings.ContainsAny(a.client, " \t\r\n"):
		return setting("client_id", "%q is not an application id", a.client)
	}
	return a.limits.check()
}

// argument is an argument of a block with its value.
type argument struct{ name, value string }

// complete returns an error about the first argument without a value.
func complete(all ...argument) error {
	var names []string
	for _, a := range all {
		names = append(names, a.name)
	}
	for _, a := range all {
		if a.value == "" {
			return setting(a.name, "the argument is missing; set all of %s and %s, or none to take them from the environment",
				strings.Join(names[:len(names)-1], ", "), names[len(names)-1])
		}
	}
	return nil
}

// ask returns the request for a token of t, still without a proof, and the
// context to send it with.
func (a *application) ask(ctx context.Context, t Target) (clientcredentials.Config, context.Context, error) {
	none := clientcredentials.Config{}
	authority, err := url.Parse(t.Authority)
	if err != nil || authority.Host == "" {
		return none, nil, fmt.Errorf("the authority %q is not an address such as https://login.microsoftonline.com", t.Authority)
	}
	if t.Audience == "" {
		return none, nil, errors.New("no audience to ask a token for")
	}
	client := &http.Client{}
	if t.Client != nil {
		*client = *t.Client
	}
	// A redirection would send the proof to somebody else.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return clientcredentials.Config{
		ClientID:  a.client,
		TokenURL:  strings.TrimSuffix(t.Authority, "/") + "/" + url.PathEscape(a.tenant) + "/oauth2/v2.0/token",
		Scopes:    []string{strings.TrimSuffix(t.Audience, "/") + "/.default"},
		AuthStyle: oauth2.AuthStyleInParams,
	}, context.WithValue(ctx, oauth2.HTTPClient, client), nil
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// asserted asks for tokens with an assertion. It lives as long as one request
// does, which is why it may hold that request's context.
type asserted struct {
	request
	ask clientcredentials.Config
	ctx context.Context
	// write returns an assertion for the endpoint; it is called for each
	// request. Its errors can be shown.
	write func(endpoint string) (string, error)
	// rereads says that write returns what somebody else renews.
	rereads bool
}

// Token implements oauth2.TokenSource.
func (s *asserted) Token() (*oauth2.Token, error) {
	assertion, err := s.write(s.ask.TokenURL)
	if err != nil {
		return nil, &Error{Credential: s.name, Advice: err.Error()}
	}
	token, refused := s.send(assertion)
	if refused == nil || !s.rereads || !refused.outOfTime() {
		return token, orNil(refused)
	}
	// The file may have been renewed since it was read.
	if again, err := s.write(s.ask.TokenURL); err == nil && again != assertion {
		token, refused = s.send(again)
	}
	return token, orNil(refused)
}

func (s *asserted) send(assertion string) (*oauth2.Token, *Error) {
	ask := s.ask
	ask.EndpointParams = url.Values{"client_assertion_type": {assertionType}, "client_assertion": {assertion}}
	token, err := ask.Token(s.ctx)
	if err == nil {
		return token, nil
	}
	r := s.request
	r.secrets = append(r.secrets[:len(r.secrets):len(r.secrets)], assertion)
	return nil, r.explain(err)
}

// orNil keeps a nil *Error from becoming an error that is not nil.
func orNil(e *Error) error {
	if e == nil {
		return nil
	}
	return e
}
