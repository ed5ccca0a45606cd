package azauth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
)

// Certificate is the block credential "certificate": an application that
// proves itself by the private key of a certificate.
type Certificate struct {
	TenantID string `hcl:"tenant_id,optional"` // GUID or domain
	ClientID string `hcl:"client_id,optional"`
	// Path is a PEM file with certificate and private key, or a PFX file.
	Path string `hcl:"client_certificate_path,optional"`
	// Text is what a PEM file holds, or a PFX file in base64.
	Text     secret.Text `hcl:"client_certificate,optional"`
	Password secret.Text `hcl:"client_certificate_password,optional"` // of the PFX file
	// SendChain adds the certificates to each request, for applications that
	// trust by subject and issuer.
	SendChain bool    `hcl:"send_certificate_chain,optional"`
	Limits    *Limits `hcl:"limits,block"`

	Dir string // what Path is relative to
}

// Credential checks c, reads the certificate, and returns what c describes;
// name is its address, for messages. If c sets none of tenant, client and
// certificate, they are taken from the environment: the AZURE_ variables, or
// else the ARM_ ones. An error about one argument is a *pipeline.SettingError.
func (c Certificate) Credential(name string, env Env) (Credential, error) {
	fromEnvironment := c.TenantID == "" && c.ClientID == "" && c.Path == "" && c.Text == ""
	if fromEnvironment {
		var err error
		if c, err = c.fromEnvironment(env); err != nil {
			return nil, err
		}
	}
	made, err := c.make(name)
	var wrong *pipeline.SettingError
	if fromEnvironment && errors.As(err, &wrong) { // there is no argument to point at
		err = fmt.Errorf("%s, from the environment: %w", wrong.Name, wrong.Err)
	}
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (c Certificate) fromEnvironment(env Env) (Certificate, error) {
	const what = "tenant_id, client_id and client_certificate_path"
	for _, family := range []string{"AZURE_", "ARM_"} {
		names := []string{family + "TENANT_ID", family + "CLIENT_ID", family + "CLIENT_CERTIFICATE_PATH"}
		values, err := firstFamily(env, what, names)
		if err != nil {
			continue
		}
		c.TenantID, c.ClientID, c.Path = values[0], values[1], values[2]
		if c.Password == "" {
			c.Password = secret.Text(lookUp(env, family+"CLIENT_CERTIFICATE_PASSWORD"))
		}
		return c, nil
	}
	_, err := firstFamily(env, what, []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_CERTIFICATE_PATH"})
	return c, err
}

func (c Certificate) make(name string) (*certificate, error) {
	if c.Path != "" && c.Text != "" {
		return nil, setting("client_certificate", "keep one of client_certificate and client_certificate_path")
	}
	app := application{name: name, tenant: c.TenantID, client: c.ClientID, limits: c.Limits}
	err := complete(argument{"tenant_id", c.TenantID}, argument{"client_id", c.ClientID},
		argument{"client_certificate_path", c.Path + c.Text.Reveal()})
	if err != nil {
		return nil, err
	}
	if err := app.check(); err != nil {
		return nil, err
	}
	if _, err := c.read(); err != nil {
		return nil, err
	}
	return &certificate{application: app, Certificate: c}, nil
}

// read returns the key as it is now: whoever renews the certificate writes the
// file anew.
func (c Certificate) read() (*signer, error) {
	raw, argument, place := []byte(c.Text.Reveal()), "client_certificate", "the text"
	if c.Path != "" {
		path := c.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(c.Dir, path)
		}
		var err error
		argument, place = "client_certificate_path", c.Path
		if raw, err = os.ReadFile(path); err != nil {
			return nil, &pipeline.SettingError{Name: argument, Err: err}
		}
	} else if !isPEM(raw) {
		var err error
		if raw, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(raw)), "")); err != nil {
			return nil, setting(argument, "the text is neither PEM nor a PFX file in base64; for the name of a file, set client_certificate_path")
		}
	}
	s, err := parseSigner(raw, c.Password.Reveal())
	switch {
	case errors.Is(err, errPassword) && c.Password == "":
		return nil, setting(argument, "%s needs a password; set client_certificate_password", place)
	case errors.Is(err, errPassword):
		return nil, setting("client_certificate_password", "the password does not open %s", place)
	case err != nil:
		return nil, setting(argument, "%s %w", place, err)
	}
	return s, nil
}

// certificate is a Certificate that has been checked.
type certificate struct {
	application
	Certificate
}

// Limits implements Limited.
func (c *certificate) Limits() Limits { return c.application.Limits() }

// TokenSource implements Credential.
func (c *certificate) TokenSource(ctx context.Context, t Target) (oauth2.TokenSource, error) {
	ask, ctx, err := c.ask(ctx, t)
	if err != nil {
		return nil, err
	}
	write := func(endpoint string) (string, error) {
		s, err := c.read()
		if err != nil {
			return "", fmt.Errorf("the certificate cannot be read any more: %w", err)
		}
		now := time.Now()
		if end := s.chain[0].NotAfter; now.After(end) {
			return "", fmt.Errorf("the certificate has expired at %s; upload a new one to the application and set client_certificate_path to it",
				end.UTC().Format(time.RFC3339))
		}
		return s.assertion(c.client, endpoint, c.SendChain, now)
	}
	return &asserted{request: request{c.name, t, "the certificate", []string{c.Password.Reveal()}}, ask: ask, ctx: ctx, write: write}, nil
}
