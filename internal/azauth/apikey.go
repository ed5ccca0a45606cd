package azauth

import (
	"context"
	"strings"

	"golang.org/x/oauth2"

	"github.com/kustash/kustash/internal/secret"
)

// apiKeyHeader carries an API key
// (https://learn.microsoft.com/azure/azure-monitor/logs/api/access-api). As the
// type of a token it says that this is one.
const apiKeyHeader = "X-Api-Key"

// APIKey is the block credential "api_key": the key of the demo workspace, with
// which everybody can try the service. No other workspace takes keys.
type APIKey struct {
	Key    secret.Text `hcl:"api_key"`
	Limits *Limits     `hcl:"limits,block"`
}

// Credential checks c and returns what it describes. An error about the
// argument is a *pipeline.SettingError.
func (c APIKey) Credential(name string, env Env) (Credential, error) {
	if key := c.Key.Reveal(); key == "" || strings.ContainsAny(key, " \t\r\n") {
		return nil, setting("api_key", "this is not a key; that of the demo workspace is DEMO_KEY")
	}
	if err := c.Limits.check(); err != nil {
		return nil, err
	}
	return &apiKey{c}, nil
}

type apiKey struct{ APIKey }

// Principal implements Credential.
func (k *apiKey) Principal() string { return "api_key" }

// Limits implements Limited.
func (k *apiKey) Limits() Limits { return k.APIKey.Limits.orDefault() }

// TokenSource implements Credential. The key is asked of nobody and never ends.
func (k *apiKey) TokenSource(context.Context, Target) (oauth2.TokenSource, error) {
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: k.Key.Reveal(), TokenType: apiKeyHeader}), nil
}

// ForDemo reports whether a credential is for the demo workspace only.
func ForDemo(c Credential) bool {
	_, ok := c.(*apiKey)
	return ok
}
