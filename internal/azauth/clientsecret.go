package azauth

import (
	"context"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/kustash/kustash/internal/secret"
)

// ClientSecret is the block credential "client_secret": an application that
// proves itself by a secret.
type ClientSecret struct {
	TenantID     string      `hcl:"tenant_id,optional"` // GUID or domain
	ClientID     string      `hcl:"client_id,optional"`
	ClientSecret secret.Text `hcl:"client_secret,optional"`
	// TokenVersion is the token endpoint to ask: "v2", the default, or "v1",
	// which takes a resource in place of a scope.
	TokenVersion string  `hcl:"token_version,optional"`
	Limits       *Limits `hcl:"limits,block"`
}

// Credential checks c and returns what it describes; name is its address, for
// messages. If c sets none of tenant, client and secret, they are taken from
// the environment: all three AZURE_ variables, or else all three ARM_ ones.
// Nothing is asked of the network. An error about one argument is a
// *pipeline.SettingError.
func (c ClientSecret) Credential(name string, env Env) (Credential, error) {
	if c.TenantID == "" && c.ClientID == "" && c.ClientSecret == "" {
		var err error
		if c, err = c.fromEnvironment(env); err != nil {
			return nil, err
		}
	}
	app := application{name: name, tenant: c.TenantID, client: c.ClientID, limits: c.Limits}
	err := complete(argument{"tenant_id", c.TenantID}, argument{"client_id", c.ClientID}, argument{"client_secret", c.ClientSecret.Reveal()})
	if err != nil {
		return nil, err
	}
	if c.TokenVersion != "" && c.TokenVersion != "v1" && c.TokenVersion != "v2" {
		return nil, setting("token_version", `%q is neither "v2" nor "v1"`, c.TokenVersion)
	}
	if err := app.check(); err != nil {
		return nil, err
	}
	return &clientSecret{application: app, Secret: c.ClientSecret, older: c.TokenVersion == "v1"}, nil
}

func (c ClientSecret) fromEnvironment(env Env) (ClientSecret, error) {
	values, err := firstFamily(env, "tenant_id, client_id and client_secret",
		[]string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"},
		[]string{"ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET"})
	if err == nil {
		c.TenantID, c.ClientID, c.ClientSecret = values[0], values[1], secret.Text(values[2])
	}
	return c, err
}

// clientSecret is a ClientSecret that has been checked.
type clientSecret struct {
	application
	Secret secret.Text // exported, or fmt would show it
	older  bool        // endpoint
}

// TokenSource implements Credential.
func (c *clientSecret) TokenSource(ctx context.Context, t Target) (oauth2.TokenSource, error) {
	ask, ctx, err := c.ask(ctx, t)
	if err != nil {
		return nil, err
	}
	ask.ClientSecret = c.Secret.Reveal()
	if c.older {
		ask.TokenURL = strings.TrimSuffix(ask.TokenURL, "/v2.0/token") + "/token"
		ask.Scopes, ask.EndpointParams = nil, url.Values{"resource": {t.Audience}}
	}
	return &secretSource{request{c.name, t, "client_secret", []string{ask.ClientSecret}}, ask, ctx}, nil
}

// secretSource asks once per call. It lives as long as one request does, which
// is why it may hold that request's context.
type secretSource struct {
	request
	ask clientcredentials.Config
	ctx context.Context
}

// Token implements oauth2.TokenSource.
func (s *secretSource) Token() (*oauth2.Token, error) {
	token, err := s.ask.Token(s.ctx)
	if err == nil {
		return token, nil
	}
	return nil, s.explain(err)
}
