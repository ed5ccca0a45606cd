package azauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
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
func (c ClientSecret) Credential(name string, env func(string) (string, bool)) (Credential, error) {
	if c.TenantID == "" && c.ClientID == "" && c.ClientSecret == "" {
		var err error
		if c, err = c.fromEnvironment(env); err != nil {
			return nil, err
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &clientSecret{ClientSecret: c, name: name}, nil
}

// fromEnvironment fills in the three arguments from the first family of
// variables that has them all. Families are never mixed: half of each would be
// an identity that nobody set up.
func (c ClientSecret) fromEnvironment(env func(string) (string, bool)) (ClientSecret, error) {
	var missing []string
	for _, family := range []string{"AZURE_", "ARM_"} {
		var values [3]string
		complete := true
		for i, name := range []string{"TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"} {
			if values[i], _ = env(family + name); values[i] == "" {
				complete = false
				if family == "AZURE_" {
					missing = append(missing, family+name)
				}
			}
		}
		if complete {
			c.TenantID, c.ClientID, c.ClientSecret = values[0], values[1], secret.Text(values[2])
			return c, nil
		}
	}
	return c, fmt.Errorf("tenant_id, client_id and client_secret are not set, and the environment lacks %s "+
		"(the ARM_ variables would do as well): set the arguments or the variables", strings.Join(missing, ", "))
}

func (c ClientSecret) check() error {
	for _, argument := range []struct{ name, value string }{
		{"tenant_id", c.TenantID},
		{"client_id", c.ClientID},
		{"client_secret", c.ClientSecret.Reveal()},
	} {
		if argument.value == "" {
			return setting(argument.name, "is missing; set all of tenant_id, client_id and client_secret, or none to take them from the environment")
		}
	}
	switch {
	case strings.ContainsAny(c.TenantID, "/\\?#% \t\r\n"):
		return setting("tenant_id", "%q is neither a GUID nor a domain", c.TenantID)
	case strings.ContainsAny(c.ClientID, " \t\r\n"):
		return setting("client_id", "%q is not an application id", c.ClientID)
	case c.TokenVersion != "" && c.TokenVersion != "v1" && c.TokenVersion != "v2":
		return setting("token_version", `%q is neither "v2" nor "v1"`, c.TokenVersion)
	}
	if l := c.Limits; l != nil {
		switch {
		case l.Concurrency < 0:
			return setting("concurrency", "%d is less than 1", l.Concurrency)
		case l.Requests < 0:
			return setting("requests", "%d is less than 1", l.Requests)
		}
	}
	return nil
}

func setting(name, format string, values ...any) error {
	return &pipeline.SettingError{Name: name, Err: fmt.Errorf(format, values...)}
}

// clientSecret is a ClientSecret that has been checked.
type clientSecret struct {
	ClientSecret
	name string
}

// Principal implements Credential.
func (c *clientSecret) Principal() string {
	return strings.ToLower(c.TenantID + "/" + c.ClientID)
}

// Limits implements Limited.
func (c *clientSecret) Limits() Limits {
	if c.ClientSecret.Limits == nil {
		return Limits{}.WithDefaults()
	}
	return c.ClientSecret.Limits.WithDefaults()
}

// TokenSource implements Credential.
func (c *clientSecret) TokenSource(ctx context.Context, t Target) (oauth2.TokenSource, error) {
	authority, err := url.Parse(t.Authority)
	if err != nil || authority.Host == "" {
		return nil, fmt.Errorf("the authority %q is not an address such as https://login.microsoftonline.com", t.Authority)
	}
	if t.Audience == "" {
		return nil, errors.New("no audience to ask a token for")
	}
	ask := clientcredentials.Config{
		ClientID:     c.ClientID,
		ClientSecret: c.ClientSecret.ClientSecret.Reveal(),
		AuthStyle:    oauth2.AuthStyleInParams,
	}
	base := strings.TrimSuffix(t.Authority, "/") + "/" + url.PathEscape(c.TenantID)
	if c.TokenVersion == "v1" {
		ask.TokenURL = base + "/oauth2/token"
		ask.EndpointParams = url.Values{"resource": {t.Audience}}
	} else {
		ask.TokenURL = base + "/oauth2/v2.0/token"
		ask.Scopes = []string{strings.TrimSuffix(t.Audience, "/") + "/.default"}
	}
	client := &http.Client{}
	if t.Client != nil {
		*client = *t.Client
	}
	// A redirection would send the secret to somebody else.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &secretSource{credential: c, target: t, ask: ask, ctx: context.WithValue(ctx, oauth2.HTTPClient, client)}, nil
}

// secretSource asks once per call. It lives as long as one request does, which
// is why it may hold that request's context.
type secretSource struct {
	credential *clientSecret
	target     Target
	ask        clientcredentials.Config
	ctx        context.Context
}

// Token implements oauth2.TokenSource.
func (s *secretSource) Token() (*oauth2.Token, error) {
	token, err := s.ask.Token(s.ctx)
	if err == nil {
		return token, nil
	}
	return nil, explain(err, s.credential, s.target)
}
