// Package azauth gets access tokens of Microsoft Entra for the services that
// archives are read from and written to.
//
// A Credential says who asks, a Target what for; Tokens keeps the token of the
// two and renews it in time. Nothing here reads the environment or a file by
// itself: the caller hands both in. Secrets go to the token endpoint and
// nowhere else; no error of this package holds one.
package azauth

import (
	"context"
	"net/http"

	"golang.org/x/oauth2"
)

// Credential is an identity that can ask for tokens. It is safe for concurrent
// use.
type Credential interface {
	// Principal names the identity, for limits that the service counts by
	// identity: equal for two credentials of the same application, and free of
	// secrets.
	Principal() string

	// TokenSource returns a source of tokens for t. Each call of its Token
	// asks the authority anew, under ctx; Tokens is what keeps the answer. It
	// does not touch the network itself. Errors of Token are *Error.
	TokenSource(ctx context.Context, t Target) (oauth2.TokenSource, error)
}

// Missing returns a credential that is not there: whoever asks it for a token
// gets err. What needs no token works with it.
func Missing(err error) Credential { return missing{err} }

type missing struct{ err error }

func (missing) Principal() string { return "" }

func (m missing) TokenSource(context.Context, Target) (oauth2.TokenSource, error) { return nil, m.err }

// Limited is implemented by credentials that bound what their identity asks
// of a service.
type Limited interface {
	Limits() Limits
}

// Target is what a token is for.
type Target struct {
	Authority string // where tokens are issued, such as https://login.microsoftonline.com
	Audience  string // the service that accepts them, such as https://api.loganalytics.io
	Client    *http.Client
}

// Limits bound what one identity asks of the service, over all workspaces.
type Limits struct {
	Concurrency int `hcl:"concurrency,optional"` // queries at once; 0 is 4
	Requests    int `hcl:"requests,optional"`    // in any 30 s; 0 is 150
}

// What an identity asks for if nothing else is said. The service allows 5
// queries at once and 200 requests per 30 s
// (https://learn.microsoft.com/azure/azure-monitor/service-limits); the rest
// is left to people who use the same identity by hand.
const (
	DefaultConcurrency = 4
	DefaultRequests    = 150
)

// WithDefaults returns l with the defaults in place of zeros.
func (l Limits) WithDefaults() Limits {
	if l.Concurrency == 0 {
		l.Concurrency = DefaultConcurrency
	}
	if l.Requests == 0 {
		l.Requests = DefaultRequests
	}
	return l
}
