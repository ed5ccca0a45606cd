package loganalytics

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/kustash/kustash/internal/azauth"
)

// Access says how a Source reaches its workspace, for those who want to find
// out why it does not.
type Access struct {
	Workspace string // id
	Cloud     string // public, usgov or china, by the audience
	Endpoint  string // where queries are answered
	Authority string // where tokens are issued
	Audience  string // what tokens are for
	Principal string // who asks, by azauth.Credential.Principal
	Client    *http.Client
}

// Access returns how the source reaches its workspace.
func (s *Source) Access() Access {
	target := s.tokens.Target()
	return Access{
		Workspace: s.workspace,
		Cloud:     CloudOf(target.Audience),
		Endpoint:  s.endpoint,
		Authority: target.Authority,
		Audience:  target.Audience,
		Principal: s.tokens.Principal(),
		Client:    s.http,
	}
}

// Proxy returns the proxy through which requests to an address go; nil is
// none. It may hold a password.
func (a Access) Proxy(address string) (*url.URL, error) {
	transport, ok := a.Client.Transport.(*http.Transport)
	if !ok || transport.Proxy == nil {
		return nil, nil
	}
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return transport.Proxy(r)
}

// CloudOf returns the cloud whose query service accepts tokens for the
// audience; "" if none is known to.
func CloudOf(audience string) string {
	for name, c := range clouds {
		if c.audience == audience {
			return name
		}
	}
	return ""
}

// Claims gets a token and returns what it says. The error is that of
// azauth.Tokens.Claims.
func (s *Source) Claims(ctx context.Context) (azauth.Claims, error) { return s.tokens.Claims(ctx) }

// Literal returns the query that reads all of a table, whatever its name.
func Literal(table string) string { return columnName(table) }

// Answer is what the service said when it refused a query.
type Answer struct {
	Status int
	codes  map[string]bool
}

// Has reports whether the service's error holds one of these codes, on any
// level.
func (a Answer) Has(codes ...string) bool {
	for _, c := range codes {
		if a.codes[c] {
			return true
		}
	}
	return false
}

// AnswerOf returns what the service said, for an error of a Source; ok is
// false if it said nothing.
func AnswerOf(err error) (a Answer, ok bool) {
	var f *failure
	if !errors.As(err, &f) {
		return a, false
	}
	return f.answer, f.answer.Status != 0
}
