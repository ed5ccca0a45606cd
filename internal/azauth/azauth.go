// Package azauth gets access tokens of Microsoft Entra for the services that
// archives are read from and written to.
//
// A Credential says who asks, a Target what for; Tokens keeps the token of the
// two and renews it in time. Each kind of credential is a struct that is the
// block of a pipeline file, and its method Credential. The environment is handed
// in by the caller; files are read anew for each token, since others renew them.
// Secrets go to the token endpoint and nowhere else; no error of this package
// holds one.
//
// An application's secret, certificate or federated token goes out through
// golang.org/x/oauth2. Machines and the Azure CLI are asked by Microsoft's
// azidentity, which knows their protocols; its own cache is passed over, because
// Tokens must be able to insist on a new token.
package azauth

import (
	"context"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/kustash/kustash/pipeline"
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

// Block is the settings of a kind of credential.
type Block interface {
	// Credential checks the settings and returns what they describe; name is
	// the address of the block, for messages. Nothing is asked of the network.
	// An error about one argument is a *pipeline.SettingError; another one says
	// what the environment lacks.
	Credential(name string, env Env) (Credential, error)
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
	// Assumed says that nobody has chosen the authority, so that one which the
	// machine names may take its place.
	Assumed bool
	Client  *http.Client // sends the requests, with the roots it trusts; nil is a plain one
}

// Authorize puts a token into a request.
func Authorize(r *http.Request, t *oauth2.Token) {
	if t.TokenType == apiKeyHeader {
		r.Header.Set(apiKeyHeader, t.AccessToken)
		return
	}
	t.SetAuthHeader(r)
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

// orDefault returns what holds for a block that may say nothing.
func (l *Limits) orDefault() Limits {
	if l == nil {
		return Limits{}.WithDefaults()
	}
	return l.WithDefaults()
}

func (l *Limits) check() error {
	switch {
	case l == nil:
	case l.Concurrency < 0:
		return setting("concurrency", "%d is less than 1", l.Concurrency)
	case l.Requests < 0:
		return setting("requests", "%d is less than 1", l.Requests)
	}
	return nil
}

func setting(name, format string, values ...any) error {
	return &pipeline.SettingError{Name: name, Err: fmt.Errorf(format, values...)}
}
