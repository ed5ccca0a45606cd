package azauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
)

// pair is a key with its certificate.
type pair struct {
	key  any
	cert *x509.Certificate
}

// pairs are made once: keys take their time. The last one is no RSA key.
var pairs = sync.OnceValue(func() (all [3]pair) {
	for i := range all {
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: "app"}, NotAfter: time.Now().Add(time.Hour)}
		var raw []byte
		if i == 2 {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				panic(err)
			}
			all[i].key = key
			raw, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
			if err != nil {
				panic(err)
			}
		} else {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				panic(err)
			}
			all[i].key = key
			raw, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
			if err != nil {
				panic(err)
			}
		}
		var err error
		if all[i].cert, err = x509.ParseCertificate(raw); err != nil {
			panic(err)
		}
	}
	return all
})

func block(kind string, raw []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
}

func (p pair) pemKey() string {
	raw, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		panic(err)
	}
	return block("PRIVATE KEY", raw)
}

func (p pair) pemCert() string { return block("CERTIFICATE", p.cert.Raw) }

func (p pair) pfx(t *testing.T, password string) []byte {
	t.Helper()
	raw, err := pkcs12.Modern.Encode(p.key, p.cert, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestCertificateMistakes(t *testing.T) {
	one, two, curve := pairs()[0], pairs()[1], pairs()[2]
	dir := t.TempDir()
	for name, content := range map[string][]byte{"a.pfx": one.pfx(t, "right"), "open.pfx": one.pfx(t, ""), "noise": []byte("\x30\x82noise")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		argument, want string // of the error; "" is none
		change         func(*Certificate)
	}{
		{"", "", func(c *Certificate) { c.Path, c.Password = "a.pfx", "right" }},
		{"", "", func(c *Certificate) { c.Path = "open.pfx" }},
		{"", "", func(c *Certificate) { c.Text = secret.Text(one.pemCert() + two.pemCert() + two.pemKey()) }},
		{"client_certificate_path", "no such file", func(c *Certificate) { c.Path = "none.pem" }},
		{"client_certificate_path", "needs a password", func(c *Certificate) { c.Path = "a.pfx" }},
		{"client_certificate_password", "the password does not open a.pfx", func(c *Certificate) { c.Path, c.Password = "a.pfx", "wrong" }},
		{"client_certificate_path", "neither a PEM nor a PFX file", func(c *Certificate) { c.Path = "noise" }},
		{"client_certificate", "set client_certificate_path", func(c *Certificate) { c.Text = "C:\\certs\\a.pfx" }},
		{"client_certificate", "keep one of client_certificate and", func(c *Certificate) { c.Text, c.Path = "x", "y" }},
		{"client_certificate", "no private key", func(c *Certificate) { c.Text = secret.Text(one.pemCert()) }},
		{"client_certificate", "no certificate", func(c *Certificate) { c.Text = secret.Text(one.pemKey()) }},
		{"client_certificate", "more than one private key", func(c *Certificate) { c.Text = secret.Text(one.pemKey() + two.pemKey()) }},
		{"client_certificate", "belongs to none", func(c *Certificate) { c.Text = secret.Text(one.pemCert() + two.pemKey()) }},
		{"client_certificate", "another kind than RSA", func(c *Certificate) { c.Text = secret.Text(curve.pemCert() + curve.pemKey()) }},
		{"client_certificate", "openssl pkcs12", func(c *Certificate) {
			c.Text = secret.Text(one.pemCert() + block("ENCRYPTED PRIVATE KEY", []byte("x")))
		}},
		{"client_certificate", "private key that cannot be read", func(c *Certificate) { c.Text = secret.Text(block("PRIVATE KEY", []byte("x"))) }},
		{"client_certificate", "certificate that cannot be read", func(c *Certificate) { c.Text = secret.Text(block("CERTIFICATE", []byte("x"))) }},
		{"client_certificate_path", "is missing", func(c *Certificate) {}},
		{"client_id", "is missing", func(c *Certificate) { c.ClientID, c.Path = "", "a.pfx" }},
		{"tenant_id", "neither a GUID nor a domain", func(c *Certificate) { c.TenantID, c.Path = "a/b", "a.pfx" }},
		{"requests", "less than 1", func(c *Certificate) { c.Path, c.Password, c.Limits = "a.pfx", "right", &Limits{Requests: -1} }},
	} {
		b := Certificate{TenantID: "t", ClientID: "c", Dir: dir}
		c.change(&b)
		made, err := b.Credential("credential.x", nil)
		var s *pipeline.SettingError
		switch {
		case c.argument == "" && (err != nil || made.Principal() != "t/c"):
			t.Errorf("%s: %v", b.Path, err)
		case c.argument != "" && (!errors.As(err, &s) || s.Name != c.argument || !strings.Contains(err.Error(), c.want)):
			t.Errorf("got %v, want an error about %s with %q", err, c.argument, c.want)
		}
		if shown := fmt.Sprintf("%v %+v %#v", made, made, b); strings.Contains(shown, "right") || strings.Contains(shown, "BEGIN") {
			t.Errorf("%s shows a secret", shown)
		}
	}
}

// TestAssertion looks at what a certificate's credential sends.
func TestAssertion(t *testing.T) {
	one := pairs()[0]
	i := newIssuer(t, says(200, "application/json", tokenV2))
	cred, err := Certificate{TenantID: "contoso.example", ClientID: "APP", Text: secret.Text(one.pemCert() + one.pemKey()), SendChain: true}.Credential("credential.x", nil)
	if err != nil {
		t.Fatal(err)
	}
	tokens := NewTokens(cred, i.target())
	first, err := tokens.Token(context.Background())
	if err == nil {
		_, err = tokens.Renew(context.Background(), first)
	}
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, form := range i.forms {
		parts := strings.Split(form.Get("client_assertion"), ".")
		var head, claims map[string]any
		for n, into := range []*map[string]any{&head, &claims} {
			raw, err := base64.RawURLEncoding.DecodeString(parts[n])
			if err == nil {
				err = json.Unmarshal(raw, into)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if head["alg"] != "PS256" || head["typ"] != "JWT" || head["x5t#S256"] == nil || len(head["x5c"].([]any)) != 1 {
			t.Errorf("head %v", head)
		}
		if claims["aud"] != i.URL+"/contoso.example/oauth2/v2.0/token" || claims["iss"] != "APP" || claims["sub"] != "APP" ||
			claims["exp"].(float64)-claims["nbf"].(float64) != 600 {
			t.Errorf("claims %v", claims)
		}
		if form.Has("client_secret") || form.Get("client_assertion_type") != assertionType || form.Get("grant_type") != "client_credentials" ||
			form.Get("scope") != "https://api.example/.default" {
			t.Errorf("form %v", form)
		}
		ids = append(ids, claims["jti"].(string))
	}
	if len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("ids %q, want two different ones", ids)
	}
}

func TestExpiredCertificate(t *testing.T) {
	key := pairs()[0].key.(*rsa.PrivateKey)
	template := &x509.Certificate{SerialNumber: big.NewInt(9), NotAfter: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cred, err := Certificate{TenantID: "t", ClientID: "c", Text: secret.Text(block("CERTIFICATE", raw) + pairs()[0].pemKey())}.Credential("credential.x", nil)
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t, says(200, "application/json", tokenV2))
	if _, err := NewTokens(cred, i.target()).Token(context.Background()); err == nil || !strings.Contains(err.Error(), "has expired at 2020-01-01T00:00:00Z") || len(i.forms) > 0 {
		t.Errorf("%v after %d requests, want an error that it has expired and none", err, len(i.forms))
	}
}

// TestAssertionsAreHidden lets the endpoint echo what it was sent.
func TestAssertionsAreHidden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	const federated = "eyJ.federated-token+that/must_not.show"
	if err := os.WriteFile(path, []byte(federated), 0o600); err != nil {
		t.Fatal(err)
	}
	one := pairs()[0]
	for _, b := range []Block{
		WorkloadIdentity{TenantID: "t", ClientID: "c", TokenFile: path},
		Certificate{TenantID: "t", ClientID: "c", Text: secret.Text(one.pemCert() + one.pemKey())},
		ClientSecret{TenantID: "t", ClientID: "c", ClientSecret: testSecret},
	} {
		cred, err := b.Credential("credential.x", nil)
		if err != nil {
			t.Fatal(err)
		}
		var i *issuer
		var sent string
		i = newIssuer(t, func(w http.ResponseWriter, n int) {
			form := i.forms[n-1]
			sent = form.Get("client_assertion") + form.Get("client_secret")
			body, _ := json.Marshal(map[string]any{"error": "invalid_client", "error_description": "You sent " + sent + " and " +
				base64.StdEncoding.EncodeToString([]byte(sent)) + " and " + form.Encode()})
			says([]int{401, 500, 200}[n-1], "application/json", string(body))(w, n)
		})
		for n := range 3 {
			_, err := NewTokens(cred, i.target()).Token(context.Background())
			if err == nil {
				t.Fatal("a refusal gives no error")
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				for _, part := range []string{sent, base64.StdEncoding.EncodeToString([]byte(sent))} {
					if shown := fmt.Sprintf("%v %+v", e, e); strings.Contains(shown, part) {
						t.Errorf("%T, answer %d: %s shows the proof", b, n, shown)
					}
				}
			}
		}
	}
}

// TestTokenFileRenewedMeanwhile writes the file anew while a request with the
// old token is under way.
func TestTokenFileRenewedMeanwhile(t *testing.T) {
	for _, renewed := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "token")
		write := func(text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
		}
		write("old")
		i := newIssuer(t, func(w http.ResponseWriter, n int) {
			if n > 1 {
				says(200, "application/json", tokenV2)(w, n)
				return
			}
			if renewed {
				write("new")
			}
			says(401, "application/json", refused("invalid_client", 700024, "Client assertion is not within its valid time range."))(w, n)
		})
		cred, err := WorkloadIdentity{TenantID: "t", ClientID: "c", TokenFile: path}.Credential("credential.x", nil)
		if err != nil {
			t.Fatal(err)
		}
		token, err := NewTokens(cred, i.target()).Token(context.Background())
		if renewed && (err != nil || len(i.forms) != 2 || i.forms[1].Get("client_assertion") != "new") {
			t.Errorf("renewed: %v, %v after %d requests, want a token after 2", token, err, len(i.forms))
		}
		if !renewed && (err == nil || len(i.forms) != 1) {
			t.Errorf("not renewed: %v after %d requests, want an error after 1", token, len(i.forms))
		}
	}
}

func TestMistakesOfOtherKinds(t *testing.T) {
	for _, c := range []struct {
		argument string
		block    Block
	}{
		{"object_id", ManagedIdentity{ClientID: "a", ObjectID: "b"}},
		{"resource_id", ManagedIdentity{ClientID: "a", ResourceID: "/b"}},
		{"resource_id", ManagedIdentity{ResourceID: "name"}},
		{"endpoint", ManagedIdentity{Endpoint: "http://example.com"}},
		{"endpoint", ManagedIdentity{Endpoint: "127.0.0.1:80"}},
		{"endpoint", ManagedIdentity{Endpoint: "https://127.0.0.1"}},
		{"endpoint", ManagedIdentity{Endpoint: "http://127.0.0.1/path"}},
		{"concurrency", ManagedIdentity{Limits: &Limits{Concurrency: -1}}},
		{"tenant_id", AzureCLI{TenantID: "a; rm -rf"}},
		{"concurrency", AzureCLI{Limits: &Limits{Concurrency: -1}}},
		{"concurrency", Default{Limits: &Limits{Concurrency: -1}}},
		{"api_key", APIKey{}},
		{"api_key", APIKey{Key: "two words"}},
		{"concurrency", APIKey{Key: "k", Limits: &Limits{Concurrency: -1}}},
		{"client_id", WorkloadIdentity{TenantID: "t", TokenFile: "f"}},
		{"tenant_id", WorkloadIdentity{ClientID: "c", TokenFile: "f"}},
		{"tenant_id", WorkloadIdentity{ClientID: "c", TenantID: "a b", TokenFile: "f"}},
	} {
		_, err := c.block.Credential("credential.x", nil)
		var s *pipeline.SettingError
		if !errors.As(err, &s) || s.Name != c.argument {
			t.Errorf("%+v: %v, want an error about %s", c.block, err, c.argument)
		}
	}
}

// TestPrincipals wants the same identity to have the same name, whatever proves
// it, because the service counts by identity.
func TestPrincipals(t *testing.T) {
	one := pairs()[0]
	env := map[string]string{"AZURE_TENANT_ID": "T", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
	for _, c := range []struct {
		block Block
		env   map[string]string
		want  string
	}{
		{ClientSecret{TenantID: "t", ClientID: "C", ClientSecret: "s"}, nil, "t/c"},
		{Certificate{TenantID: "t", ClientID: "C", Text: secret.Text(one.pemCert() + one.pemKey())}, nil, "t/c"},
		{WorkloadIdentity{TenantID: "t", ClientID: "C", TokenFile: "f"}, nil, "t/c"},
		{Default{}, env, "t/c"},
		{Default{}, nil, "managed_identity/"},
		{ManagedIdentity{}, nil, "managed_identity/"},
		{ManagedIdentity{ObjectID: "A"}, env, "managed_identity/a"},
		{ManagedIdentity{}, env, "managed_identity/c"},
		{AzureCLI{}, nil, "azure_cli/"},
		{APIKey{Key: "k"}, nil, "api_key"},
	} {
		cred, err := c.block.Credential("credential.x", func(name string) (string, bool) { v, ok := c.env[name]; return v, ok })
		if err != nil {
			t.Errorf("%+v: %v", c.block, err)
			continue
		}
		if got := cred.Principal(); got != c.want {
			t.Errorf("%+v: principal %q, want %q", c.block, got, c.want)
		}
		if got := cred.(Limited).Limits(); got != (Limits{DefaultConcurrency, DefaultRequests}) {
			t.Errorf("%+v: limits %+v, want the defaults", c.block, got)
		}
	}
}
