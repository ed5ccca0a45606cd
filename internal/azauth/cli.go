package azauth

import (
	"context"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/oauth2"
)

// AzureCLI is the block credential "azure_cli": whoever is signed in to the
// Azure CLI on this machine.
type AzureCLI struct {
	TenantID string  `hcl:"tenant_id,optional"` // of the token; "" is that of the sign-in
	Limits   *Limits `hcl:"limits,block"`
}

// cliTime bounds a run of the Azure CLI, which takes its time to start.
const cliTime = 30 * time.Second

// Credential checks c and returns what it describes; name is its address, for
// messages. Nothing is run yet. An error about one argument is a
// *pipeline.SettingError.
func (c AzureCLI) Credential(name string, env Env) (Credential, error) {
	if err := c.Limits.check(); err != nil {
		return nil, err
	}
	cli, err := azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: c.TenantID})
	if err != nil {
		return nil, setting("tenant_id", "%q is neither a GUID nor a domain", c.TenantID)
	}
	return &azureCLI{name: name, tenant: c.TenantID, limits: c.Limits, cli: cli}, nil
}

// azureCLI is an AzureCLI that has been checked.
type azureCLI struct {
	name   string
	tenant string
	limits *Limits
	cli    *azidentity.AzureCLICredential // keeps no tokens
}

// Principal implements Credential.
func (c *azureCLI) Principal() string { return strings.ToLower("azure_cli/" + c.tenant) }

// Limits implements Limited.
func (c *azureCLI) Limits() Limits { return c.limits.orDefault() }

// TokenSource implements Credential.
func (c *azureCLI) TokenSource(ctx context.Context, t Target) (oauth2.TokenSource, error) {
	return &cliSource{c, ctx, t}, nil
}

// cliSource runs the Azure CLI once per call. It lives as long as one request
// does, which is why it may hold that request's context.
type cliSource struct {
	*azureCLI
	ctx    context.Context
	target Target
}

// Token implements oauth2.TokenSource.
func (s *cliSource) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(s.ctx, cliTime)
	defer cancel()
	token, err := s.cli.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.target.Audience + "/.default"}})
	switch {
	case err == nil && token.Token != "":
		return fromSDK(token), nil
	case err == nil:
		return nil, &Error{Credential: s.name, Advice: "az printed no token; run \"az account get-access-token\" to see what it says"}
	case s.ctx.Err() != nil:
		return nil, &Error{Credential: s.name, Advice: "given up while waiting for az", cause: s.ctx.Err()}
	case ctx.Err() != nil:
		return nil, &Error{Credential: s.name, Transient: true, Advice: "az gave no token within " + cliTime.String()}
	}
	return nil, s.explain(err.Error())
}

// explain tells by what az has written to stderr what is wrong.
func (s *cliSource) explain(text string) *Error {
	text = strings.TrimPrefix(text, "AzureCLICredential: ")
	text, _, _ = strings.Cut(text, "To troubleshoot, visit ")
	first, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(text, "ERROR: ")), "\n")
	e := &Error{Credential: s.name, Numbers: numbersIn(text), Detail: clip(strings.TrimSpace(first))}
	login := "az login"
	if s.tenant != "" {
		login += " --tenant " + s.tenant
	}
	switch {
	case strings.Contains(text, "not found on path"):
		e.Absent, e.Detail = true, ""
		e.Advice = "the Azure CLI (az) is not on the PATH; install it, or choose another kind of credential"
	case len(e.Numbers) > 0 && !strings.Contains(text, "az login"):
		e.judge(0, "the sign-in of the Azure CLI")
	case strings.Contains(text, "az login"), strings.Contains(text, "az account set"):
		e.Absent = true
		e.Advice = "nobody is signed in to the Azure CLI, or the sign-in has ended (run \"" + login + "\")"
	case strings.Contains(text, "invalid character"), strings.Contains(text, "unexpected end of JSON"), strings.Contains(text, "token expiration time"):
		e.Advice = "az printed something that is not a token; run \"az account get-access-token\" to see what it says"
		e.Detail = "" // it may hold a part of a token
	default:
		e.Advice = "az gave no token; if the workspace is in another cloud than the sign-in, choose it with \"az cloud set\" and run \"" + login + "\""
	}
	return e
}
