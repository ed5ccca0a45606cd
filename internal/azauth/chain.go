package azauth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Default is the block credential "default", and what a workspace without
// credential has: the first way that is set up here. The ways are tried in the
// order of Microsoft's own libraries; one that is set up and refused ends the
// search, because an archive read as somebody else would be a surprise.
type Default struct {
	Limits *Limits `hcl:"limits,block"`

	RetryDelay time.Duration // as of ManagedIdentity
}

// Credential checks d and returns the chain; name is its address, for messages.
// Nothing is asked of the network. An error about one argument is a
// *pipeline.SettingError.
func (d Default) Credential(name string, env Env) (Credential, error) {
	if err := d.Limits.check(); err != nil {
		return nil, err
	}
	c := &chain{name: name, limits: d.Limits}
	for _, w := range []struct {
		name  string
		block Block
	}{
		{"client_secret", ClientSecret{}},
		{"certificate", Certificate{}},
		{"workload_identity", WorkloadIdentity{}},
		{"managed_identity", ManagedIdentity{RetryDelay: d.RetryDelay}},
		{"azure_cli", AzureCLI{}},
	} {
		cred, err := w.block.Credential(name, env)
		if m, ok := cred.(*managedIdentity); ok {
			m.chained = true
		}
		if c.principal == "" && err == nil {
			c.principal = cred.Principal()
		}
		c.ways = append(c.ways, way{w.name, cred, err})
	}
	return c, nil
}

// way is a link of a chain, or why it cannot be built.
type way struct {
	name string
	cred Credential
	err  error
}

// chain is a Default that has been checked.
type chain struct {
	name      string
	limits    *Limits
	principal string // of the first way that is configured
	ways      []way

	mu    sync.Mutex
	works Credential // the way that has given a token; nil as long as none has
}

// Principal implements Credential.
func (c *chain) Principal() string { return c.principal }

// Limits implements Limited.
func (c *chain) Limits() Limits { return c.limits.orDefault() }

// TokenSource implements Credential.
func (c *chain) TokenSource(ctx context.Context, t Target) (oauth2.TokenSource, error) {
	return &chainSource{c, ctx, t}, nil
}

// chainSource searches once per call. It lives as long as one request does,
// which is why it may hold that request's context.
type chainSource struct {
	*chain
	ctx    context.Context
	target Target
}

// Token implements oauth2.TokenSource.
func (s *chainSource) Token() (*oauth2.Token, error) {
	if found := s.found(); found != nil {
		return tokenOf(s.ctx, found, s.target)
	}
	var tried []string
	for _, w := range s.ways {
		err := w.err
		if err == nil {
			var token *oauth2.Token
			if token, err = tokenOf(s.ctx, w.cred, s.target); err == nil {
				s.remember(w.cred)
				return token, nil
			}
		}
		tried = append(tried, w.name+": "+reason(err))
		if !isAbsent(err) {
			return nil, s.stopped(err, tried)
		}
	}
	return nil, &Error{Credential: s.name, Absent: true, Advice: "no way of the default chain is set up here; " +
		"set one up, or name a credential with auth", Detail: strings.Join(tried, "; ")}
}

// stopped is the error of a way that is set up and does not work.
func (s *chainSource) stopped(err error, tried []string) error {
	e := &Error{Credential: s.name}
	var cause *Error
	if errors.As(err, &cause) {
		*e = *cause
	}
	last := len(tried) - 1
	e.Advice, e.Detail = "the default chain stopped at "+tried[last], ""
	if last > 0 {
		e.Detail = "before it: " + strings.Join(tried[:last], "; ")
	}
	return e
}

func (c *chain) found() Credential {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.works
}

func (c *chain) remember(found Credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.works = found
}

func tokenOf(ctx context.Context, c Credential, t Target) (*oauth2.Token, error) {
	source, err := c.TokenSource(ctx, t)
	if err != nil {
		return nil, err
	}
	return source.Token()
}

// reason is an error without the name of the credential, which is the chain's.
func reason(err error) string {
	var missing *absent
	var e *Error
	switch {
	case errors.As(err, &missing):
		return missing.short
	case !errors.As(err, &e):
		return err.Error()
	}
	if e.Absent {
		what, _, _ := strings.Cut(e.Advice, "; ") // the next step is the chain's
		return what
	}
	if e.Detail == "" {
		return e.Advice
	}
	return e.Advice + ": " + e.Detail
}

// isAbsent reports whether an error says that a way is not set up here.
func isAbsent(err error) bool {
	var missing *absent
	var e *Error
	return errors.As(err, &missing) || errors.As(err, &e) && e.Absent
}
