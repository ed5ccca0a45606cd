package loganalytics

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

const tenant, client = emulator.DemoTenantID, emulator.DemoClientID

func certificatePEM() secret.Text {
	ids := testIdentities()
	return secret.Text(append(pemOf("PRIVATE KEY", mustPKCS8(ids.key)), pemOf("CERTIFICATE", ids.cert.Raw)...))
}

// strangerPEM is a certificate that nobody has registered.
func strangerPEM() secret.Text {
	key := testIdentities().key
	c := mustCertificate(&x509.Certificate{}, nil, key, key)
	return secret.Text(append(pemOf("PRIVATE KEY", mustPKCS8(key)), pemOf("CERTIFICATE", c.Raw)...))
}

func tokenFile(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRefusedIdentities wants each refusal to name the credential, what is
// wrong and the next step.
func TestRefusedIdentities(t *testing.T) {
	ids := testIdentities()
	s := newCloudService(t, emulator.Config{Principals: []emulator.Principal{
		{Tenant: tenant, ClientID: client, ClientSecret: "x", Certificates: []*x509.Certificate{ids.cert},
			Federated: []emulator.Federated{{Issuer: federatedIssuer, Subject: federatedSubject, Key: &ids.key.PublicKey}}},
		{Tenant: tenant, ClientID: "ended", ClientSecret: "x", SecretExpires: time.Now().Add(-time.Hour)}}})
	federated := func(change func(jwt.MapClaims)) azauth.Block {
		return azauth.WorkloadIdentity{TenantID: tenant, ClientID: client, TokenFile: tokenFile(t, federatedToken(change))}
	}
	for _, c := range []struct {
		name  string
		block azauth.Block
		want  string
	}{
		{"wrong secret", azauth.ClientSecret{TenantID: tenant, ClientID: client, ClientSecret: "guess"}, "use the secret's value, not its id"},
		{"expired secret", azauth.ClientSecret{TenantID: tenant, ClientID: "ended", ClientSecret: "x"}, "the client secret has expired"},
		{"unknown tenant", azauth.ClientSecret{TenantID: "other.example", ClientID: client, ClientSecret: "x"}, "tenant does not exist in this cloud"},
		{"unknown client", azauth.ClientSecret{TenantID: tenant, ClientID: "other", ClientSecret: "x"}, "not known in this tenant"},
		{"certificate of nobody", azauth.Certificate{TenantID: tenant, ClientID: client, Text: strangerPEM()}, "does not know this certificate"},
		{"issuer", federated(func(c jwt.MapClaims) { c["iss"] = "https://x.example" }), "issuer, subject and audience"},
		{"subject", federated(func(c jwt.MapClaims) { c["sub"] = "x" }), "issuer, subject and audience"},
		{"audience", federated(func(c jwt.MapClaims) { c["aud"] = "x" }), "issuer, subject and audience"},
		{"old token", federated(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() }), "outside its time"},
		{"no token", azauth.WorkloadIdentity{TenantID: tenant, ClientID: client, TokenFile: tokenFile(t, "<html>")}, "check what the token file holds"},
		{"empty token", azauth.WorkloadIdentity{TenantID: tenant, ClientID: client, TokenFile: tokenFile(t, "\n")}, "file of the federated token is empty"},
		{"no file", azauth.WorkloadIdentity{TenantID: tenant, ClientID: client, TokenFile: filepath.Join(t.TempDir(), "none")}, "check token_file_path"},
		{"machine without it", azauth.ManagedIdentity{Endpoint: s.plain, ClientID: "other"}, `this machine has no identity "other"`},
		{"no machine", azauth.ManagedIdentity{Endpoint: closedAddress}, "so this machine has no managed identity"},
	} {
		source, err := s.source(t, c.block, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		_, err = rows(source)
		if !errors.Is(err, pipeline.ErrAccess) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "credential.test") {
			t.Errorf("%s: %v, want ErrAccess with credential.test and %q", c.name, err, c.want)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q has several lines", c.name, err)
		}
	}
}

func TestCLI(t *testing.T) {
	s := newCloudService(t, emulator.Config{})
	for _, c := range []struct{ name, script, want string }{
		{"epoch", "cat <<'END'\n" + s.cliToken(t, true) + "\nEND\n", ""},
		{"local time", "cat <<'END'\n" + s.cliToken(t, false) + "\nEND\n", ""},
		{"arguments", `[ "$*" = "account get-access-token -o json --resource https://api.loganalytics.io --tenant contoso.example" ] || { echo "ERROR: got $*" >&2; exit 1; }
cat <<'END'
` + s.cliToken(t, true) + "\nEND\n", ""},
		{"not signed in", "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1", `(run "az login --tenant contoso.example")`},
		{"sign-in has ended", "echo \"ERROR: AADSTS70043: The refresh token has expired. Interactive authentication is needed. Please run: az login\" >&2; exit 1", "(run \"az login"},
		{"unknown resource", "echo 'ERROR: AADSTS500011: The resource principal named x was not found.' >&2; exit 1", "check cloud"},
		{"something else", "echo 'ERROR: The command failed with an unexpected error.' >&2; exit 1", "unexpected error"},
		{"not JSON", "echo Hello", "not a token"},
		{"no token", "echo '{\"expires_on\":1}'", "printed no token"},
		{"no az", "exit 127", "az) is not on the PATH"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fakeAz(t, c.script)
			source, err := s.source(t, azauth.AzureCLI{TenantID: "contoso.example"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := rows(source)
			switch {
			case c.want == "" && (err != nil || n != 3):
				t.Errorf("%d rows, %v; want 3", n, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
				t.Errorf("%v, want %q in one line", err, c.want)
			}
			if c.want != "" {
				return
			}
			token, err := source.tokens.Token(context.Background())
			if left := time.Until(token.Expiry); err != nil || left < 58*time.Minute || left > time.Hour {
				t.Errorf("the token ends in %v, %v; want an hour", left, err)
			}
		})
	}
}

// TestAppService asks the endpoint that App Service names to a process.
func TestAppService(t *testing.T) {
	s := newCloudService(t, emulator.Config{IdentityHeader: "proof"})
	t.Setenv("IDENTITY_ENDPOINT", s.plain+"/msi/token")
	t.Setenv("IDENTITY_HEADER", "proof")
	for _, block := range []azauth.ManagedIdentity{{}, {ClientID: machineClient}, {ObjectID: machineObject}, {ResourceID: machineResource}} {
		source, err := s.source(t, block, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := rows(source); err != nil || n != 3 {
			t.Errorf("%+v: %d rows, %v; want 3", block, n, err)
		}
	}
	source, err := s.source(t, azauth.ManagedIdentity{ClientID: "other"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rows(source); err == nil || !strings.Contains(err.Error(), `no identity "other"`) {
		t.Errorf("an unknown identity: %v", err)
	}
	t.Setenv("IDENTITY_HEADER", "guess")
	source, err = s.source(t, azauth.ManagedIdentity{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rows(source); err == nil || !strings.Contains(err.Error(), "X-IDENTITY-HEADER") {
		t.Errorf("a wrong header: %v", err)
	}
}

// TestMachineRetries lets the metadata service be as it is while a machine
// starts.
func TestMachineRetries(t *testing.T) {
	for _, status := range []int{404, 410, 429, 500, 503} {
		s := newCloudService(t, emulator.Config{})
		for times, want := range map[int]bool{1: true, 4: true, 5: false} {
			err := s.SetFaults(emulator.Fault{Match: emulator.Match{Route: "token", Times: times}, Action: emulator.Action{Status: status, Body: "{}"}})
			if err != nil {
				t.Fatal(err)
			}
			source, err := s.source(t, azauth.ManagedIdentity{Endpoint: s.plain, RetryDelay: time.Microsecond}, nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := rows(source)
			var later *pipeline.RetryAfter
			if want && (err != nil || n != 3) || !want && !errors.As(err, &later) {
				t.Errorf("status %d, %d times: %d rows, %v; want rows %v, else a later try", status, times, n, err, want)
			}
		}
	}
}

// TestMachinePassesProxies shows that the metadata service is never asked
// through a proxy, which would be asked for its own identity.
func TestMachinePassesProxies(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the proxy is asked for %s", r.URL)
	}))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	t.Setenv("NO_PROXY", "")
	s := newCloudService(t, emulator.Config{})
	source, err := s.source(t, azauth.ManagedIdentity{Endpoint: s.plain}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := rows(source); err != nil || n != 3 {
		t.Errorf("%d rows, %v; want 3", n, err)
	}
}

// TestDefaultChain tells of each way that is not set up, and stops at one that
// is set up and refused.
func TestDefaultChain(t *testing.T) {
	s := newCloudService(t, emulator.Config{})
	fakeAz(t, "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
	source, err := s.source(t, azauth.Default{}, map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": closedAddress})
	if err != nil {
		t.Fatal(err)
	}
	_, err = rows(source)
	for _, want := range []string{"client_secret: the environment lacks AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET;",
		"certificate: the environment lacks", "AZURE_CLIENT_CERTIFICATE_PATH", "workload_identity: the environment lacks", "managed_identity: nothing answers",
		"azure_cli: nobody is signed in", "name a credential with auth", "credential.test"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v\nwant %q in one line", err, want)
		}
	}
	source, err = s.source(t, azauth.Default{}, map[string]string{"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": "guess",
		"AZURE_POD_IDENTITY_AUTHORITY_HOST": s.plain})
	if err != nil {
		t.Fatal(err)
	}
	before := s.issued()
	if _, err := rows(source); !errors.Is(err, pipeline.ErrAccess) || !strings.Contains(err.Error(), "stopped at client_secret: the client secret is wrong") ||
		s.issued() != before {
		t.Errorf("with a wrong secret: %v, %d tokens; want none", err, s.issued()-before)
	}
}

// TestDefaultChainRemembers asks only the way that has worked.
func TestDefaultChainRemembers(t *testing.T) {
	s := newCloudService(t, emulator.Config{})
	source, err := s.source(t, azauth.Default{}, map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": s.plain})
	if err != nil {
		t.Fatal(err)
	}
	first, err := source.tokens.Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetFaults(emulator.Fault{Match: emulator.Match{Route: "token"}, Action: emulator.Action{Status: 400, Body: `{"error":"invalid_request"}`}}); err != nil {
		t.Fatal(err)
	}
	fakeAz(t, "cat <<'END'\n"+`{"accessToken":"x","expires_on":9999999999}`+"\nEND\n")
	if token, err := source.tokens.Renew(context.Background(), first); err == nil || strings.Contains(err.Error(), "chain") {
		t.Errorf("after the machine's token: %v, %v; want the machine's own refusal", token, err)
	}
}

// TestFederatedTokenIsReadAgain renews the file between two tokens.
func TestFederatedTokenIsReadAgain(t *testing.T) {
	s := newCloudService(t, emulator.Config{})
	path := tokenFile(t, federatedToken(nil))
	source, err := s.source(t, azauth.WorkloadIdentity{TenantID: tenant, ClientID: client, TokenFile: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	write := func(change func(jwt.MapClaims)) {
		if err := os.WriteFile(path, []byte(federatedToken(change)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, err := source.tokens.Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	write(func(c jwt.MapClaims) { c["sub"] = "somebody else" })
	if _, err := source.tokens.Renew(context.Background(), first); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("with another subject in the file: %v, want a refusal of it", err)
	}
	write(nil)
	if _, err := source.tokens.Renew(context.Background(), first); err != nil {
		t.Errorf("with a good token again: %v", err)
	}
}

// TestAuthorityOfTheMachine uses AZURE_AUTHORITY_HOST unless the workspace
// chooses a cloud or an authority.
func TestAuthorityOfTheMachine(t *testing.T) {
	s := newCloudService(t, emulator.Config{})
	path := tokenFile(t, federatedToken(nil))
	env := map[string]string{"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client, "AZURE_FEDERATED_TOKEN_FILE": path, "AZURE_AUTHORITY_HOST": s.url + "/"}
	source, err := s.source(t, azauth.WorkloadIdentity{}, env, func(c *Config) { c.Authority = "" })
	if err != nil {
		t.Fatal(err)
	}
	if n, err := rows(source); err != nil || n != 3 {
		t.Errorf("%d rows, %v; want 3", n, err)
	}
	env["AZURE_AUTHORITY_HOST"] = "https://127.0.0.1:1"
	if source, err = s.source(t, azauth.WorkloadIdentity{}, env); err != nil {
		t.Fatal(err)
	}
	if n, err := rows(source); err != nil || n != 3 {
		t.Errorf("with an authority of the workspace: %d rows, %v; want 3", n, err)
	}
	env["AZURE_AUTHORITY_HOST"] = "http://login.example"
	if _, err = s.source(t, azauth.WorkloadIdentity{}, env); err == nil || !strings.Contains(err.Error(), "AZURE_AUTHORITY_HOST") {
		t.Errorf("an authority without TLS: %v", err)
	}
}

// TestClouds asks in each cloud for a token of its own audience, and shows that
// one for another cloud is refused in clear words.
func TestClouds(t *testing.T) {
	for cloud := range clouds {
		s := newCloudService(t, emulator.Config{Cloud: cloud})
		for other, c := range clouds {
			for name, block := range map[string]azauth.Block{
				"secret":      azauth.ClientSecret{TenantID: tenant, ClientID: client, ClientSecret: emulator.DemoClientSecret},
				"older":       azauth.ClientSecret{TenantID: tenant, ClientID: client, ClientSecret: emulator.DemoClientSecret, TokenVersion: "v1"},
				"certificate": azauth.Certificate{TenantID: tenant, ClientID: client, Text: certificatePEM()},
				"machine":     azauth.ManagedIdentity{Endpoint: s.plain},
			} {
				source, err := s.source(t, block, nil, func(c *Config) { c.Cloud = other })
				if err != nil {
					t.Fatal(err)
				}
				n, err := rows(source)
				if other == cloud && (err != nil || n != 3) {
					t.Errorf("%s, %s: %d rows, %v; want 3", cloud, name, n, err)
				}
				if other != cloud && (!errors.Is(err, pipeline.ErrAccess) || !strings.Contains(err.Error(), "another tenant or cloud")) {
					t.Errorf("%s with a token for %s: %v, want ErrAccess that names the cloud", cloud, c.audience, err)
				}
			}
		}
	}
}

func TestDemoWorkspace(t *testing.T) {
	s := newCloudService(t, emulator.Config{})
	demo := func(c *Config) { c.WorkspaceID = "DEMO_WORKSPACE" }
	source, err := s.source(t, azauth.APIKey{Key: "DEMO_KEY"}, nil, demo)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := rows(source); err != nil || n != 3 || s.issued() != 0 {
		t.Errorf("%d rows, %v, %d tokens; want 3 and none", n, err, s.issued())
	}
	if source, err = s.source(t, azauth.APIKey{Key: "ANOTHER"}, nil, demo); err != nil {
		t.Fatal(err)
	}
	if _, err := rows(source); !errors.Is(err, pipeline.ErrAccess) || strings.Contains(err.Error(), "ANOTHER") {
		t.Errorf("a wrong key: %v, want ErrAccess", err)
	}
	secret := azauth.ClientSecret{TenantID: tenant, ClientID: client, ClientSecret: "x"}
	for name, err := range map[string]error{
		"the demo workspace with a secret": func() error { _, err := s.source(t, secret, nil, demo); return err }(),
		"a real workspace with a key":      func() error { _, err := s.source(t, azauth.APIKey{Key: "DEMO_KEY"}, nil); return err }(),
	} {
		var setting *pipeline.SettingError
		if !errors.As(err, &setting) || setting.Name != "workspace_id" {
			t.Errorf("%s: %v, want an error about workspace_id", name, err)
		}
	}
}

// TestUntrusted shows that no proof leaves the machine before the other side
// has shown a certificate that is trusted, and what broken connections become.
func TestUntrusted(t *testing.T) {
	s := newCloudService(t, emulator.Config{})
	broken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer broken.Close()
	var served = make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := broken.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			conn.Close()
		}
	}()
	blocks := map[string]azauth.Block{
		"secret":      azauth.ClientSecret{TenantID: tenant, ClientID: client, ClientSecret: emulator.DemoClientSecret},
		"certificate": azauth.Certificate{TenantID: tenant, ClientID: client, Text: certificatePEM()},
		"federated":   azauth.WorkloadIdentity{TenantID: tenant, ClientID: client, TokenFile: tokenFile(t, federatedToken(nil))},
	}
	for name, block := range blocks {
		source, err := s.source(t, block, nil, func(c *Config) { c.CAFile = "" })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rows(source); !errors.Is(err, pipeline.ErrAccess) || !strings.Contains(err.Error(), "ca_file") {
			t.Errorf("%s, an unknown authority: %v, want ErrAccess that names ca_file", name, err)
		}
		source, err = s.source(t, block, nil, func(c *Config) { c.Authority = "https://" + broken.Addr().String() })
		if err != nil {
			t.Fatal(err)
		}
		var later *pipeline.RetryAfter
		if _, err := rows(source); !errors.As(err, &later) || !strings.Contains(err.Error(), "no answer from") {
			t.Errorf("%s, no TLS at the other end: %v, want a later try", name, err)
		}
	}
	if s.issued() != 0 {
		t.Errorf("%d tokens were issued, want none", s.issued())
	}
	broken.Close()
	<-served
}
