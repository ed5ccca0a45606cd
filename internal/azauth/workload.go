package azauth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/oauth2"
)

// WorkloadIdentity is the block credential "workload_identity": an application
// that trusts the tokens of somebody else, such as those that Kubernetes puts
// into a file of a pod.
type WorkloadIdentity struct {
	TenantID string `hcl:"tenant_id,optional"` // GUID or domain
	ClientID string `hcl:"client_id,optional"`
	// TokenFile is read anew for each token, because it is renewed all the
	// time. Left out, it is the one that the environment names: where the file
	// lies is up to the machine, whoever the application is.
	TokenFile string  `hcl:"token_file_path,optional"`
	Limits    *Limits `hcl:"limits,block"`

	Dir string // what TokenFile is relative to
}

// Credential checks c and returns what it describes; name is its address, for
// messages. If c sets neither tenant nor client, both are taken from the
// environment, which may also name the authority. No file is read yet. An error
// about one argument is a *pipeline.SettingError.
func (c WorkloadIdentity) Credential(name string, env Env) (Credential, error) {
	w := &workloadIdentity{path: c.TokenFile}
	if !filepath.IsAbs(w.path) && w.path != "" {
		w.path = filepath.Join(c.Dir, w.path)
	}
	if w.path == "" {
		for _, variable := range []string{"AZURE_FEDERATED_TOKEN_FILE", "ARM_OIDC_TOKEN_FILE_PATH"} {
			if w.path == "" {
				w.path = lookUp(env, variable)
			}
		}
	}
	if c.TenantID == "" && c.ClientID == "" {
		values, err := firstFamily(env, "tenant_id and client_id",
			[]string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID"}, []string{"ARM_TENANT_ID", "ARM_CLIENT_ID"})
		if err != nil {
			return nil, err
		}
		c.TenantID, c.ClientID = values[0], values[1]
	}
	if w.path == "" {
		return nil, &absent{"the environment lacks AZURE_FEDERATED_TOKEN_FILE",
			", and token_file_path is not set; run where a federated token is provided, such as a pod with workload identity, or set token_file_path"}
	}
	w.application = application{name: name, tenant: c.TenantID, client: c.ClientID, limits: c.Limits}
	if err := complete(argument{"tenant_id", c.TenantID}, argument{"client_id", c.ClientID}); err != nil {
		return nil, err
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	if w.authority = lookUp(env, "AZURE_AUTHORITY_HOST"); w.authority != "" {
		u, err := url.Parse(w.authority)
		if err != nil || u.Hostname() == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			return nil, fmt.Errorf("AZURE_AUTHORITY_HOST is %q, which is not an address such as https://login.microsoftonline.com", w.authority)
		}
	}
	return w, nil
}

// workloadIdentity is a WorkloadIdentity that has been checked.
type workloadIdentity struct {
	application
	path      string
	authority string // in place of one that nobody has chosen; "" is none
}

// TokenSource implements Credential.
func (w *workloadIdentity) TokenSource(ctx context.Context, t Target) (oauth2.TokenSource, error) {
	if t.Assumed && w.authority != "" {
		t.Authority = w.authority
	}
	ask, ctx, err := w.ask(ctx, t)
	if err != nil {
		return nil, err
	}
	read := func(string) (string, error) { return readToken(w.path) }
	return &asserted{request: request{w.name, t, "the federated token", nil}, ask: ask, ctx: ctx, write: read, rereads: true}, nil
}

func readToken(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the federated token cannot be read; check token_file_path and that the token is provided here: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" {
		return "", errors.New("the file of the federated token is empty")
	}
	return token, nil
}

// isLoopback reports whether nobody else can listen to what is sent to a host.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
