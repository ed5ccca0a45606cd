package loganalytics

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// identities is what proves the identities of a test: made once, because keys
// take their time.
type identities struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
	ca   *x509.Certificate // signs server
	tls  tlsPair
}

type tlsPair struct{ cert, key []byte }

var testIdentities = sync.OnceValue(func() *identities {
	key, caKey, serverKey := mustKey(), mustKey(), mustKey()
	i := &identities{key: key, cert: mustCertificate(&x509.Certificate{Subject: pkix.Name{CommonName: "archiver"}}, nil, key, key)}
	i.ca = mustCertificate(&x509.Certificate{Subject: pkix.Name{CommonName: "Private CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}, nil, caKey, caKey)
	server := mustCertificate(&x509.Certificate{Subject: pkix.Name{CommonName: "emulator"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, i.ca, serverKey, caKey)
	i.tls = tlsPair{pemOf("CERTIFICATE", server.Raw), pemOf("PRIVATE KEY", mustPKCS8(serverKey))}
	return i
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func mustKey() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) }

func mustPKCS8(key *rsa.PrivateKey) []byte { return must(x509.MarshalPKCS8PrivateKey(key)) }

func mustCertificate(template, parent *x509.Certificate, key, signer *rsa.PrivateKey) *x509.Certificate {
	template.SerialNumber = must(rand.Int(rand.Reader, big.NewInt(1<<62)))
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	if parent == nil {
		parent = template
	}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer))))
}

func pemOf(kind string, raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
}

const (
	federatedIssuer  = "https://oidc.cluster.example"
	federatedSubject = "system:serviceaccount:archive:kustash"
	machineClient    = "11112222-3333-4444-8555-666677778888"
	machineResource  = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/archiver"
	machineObject    = "99998888-7777-4666-8555-444433332222"
)

// federatedToken is a token as a cluster writes it into a pod.
func federatedToken(change func(jwt.MapClaims)) string {
	claims := jwt.MapClaims{"iss": federatedIssuer, "sub": federatedSubject, "aud": "api://AzureADTokenExchange",
		"exp": time.Now().Add(time.Hour).Unix(), "jti": fmt.Sprint(time.Now().UnixNano())}
	if change != nil {
		change(claims)
	}
	return must(jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(testIdentities().key))
}

// cloudService is the emulator over TLS with a private CA, and without TLS as
// the metadata service of this machine.
type cloudService struct {
	*emulator.Emulator
	url    string // https
	plain  string // http
	caFile string

	mu     sync.Mutex
	tokens int // answered requests for one
	seen   []emulator.Exchange
}

func newCloudService(t *testing.T, c emulator.Config) *cloudService {
	t.Helper()
	ids := testIdentities()
	s := &cloudService{caFile: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(s.caFile, pemOf("CERTIFICATE", ids.ca.Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Data = ticking(t, at("2026-01-01T00:00:00Z"), 1, 3)
	c.Observe = func(x emulator.Exchange) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, x)
		if x.Route == "token" && x.Status == 200 {
			s.tokens++
		}
	}
	if c.Principals == nil {
		c.Principals = []emulator.Principal{{Tenant: emulator.DemoTenantID, ClientID: emulator.DemoClientID, ClientSecret: emulator.DemoClientSecret,
			Certificates: []*x509.Certificate{ids.cert},
			Federated:    []emulator.Federated{{Issuer: federatedIssuer, Subject: federatedSubject, Key: &ids.key.PublicKey}}},
			{Tenant: emulator.DemoTenantID, ClientID: machineClient, ObjectID: machineObject, ResourceID: machineResource}}
	}
	s.Emulator = must(emulator.New(c))
	secure := httptest.NewUnstartedServer(s.Emulator)
	secure.TLS = serverTLS(ids.tls)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(s.Emulator)
	t.Cleanup(plain.Close)
	s.url, s.plain = secure.URL, plain.URL
	return s
}

func (s *cloudService) issued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens
}

// source returns a Source of the service with a credential.
func (s *cloudService) source(t *testing.T, b azauth.Block, env map[string]string, change ...func(*Config)) (*Source, error) {
	t.Helper()
	cred, err := b.Credential("credential.test", func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		return nil, err
	}
	c := Config{WorkspaceID: emulator.DemoWorkspaceID, Endpoint: s.url, Authority: s.url, CAFile: s.caFile}
	for _, f := range change {
		f(&c)
	}
	source, err := New(c, cred, NewGovernors())
	if err != nil {
		return nil, err
	}
	t.Cleanup(source.http.CloseIdleConnections)
	return source, nil
}

// rows asks for table A and returns how many rows came.
func rows(s *Source) (int64, error) {
	var got collect
	err := s.Query(context.Background(), "A", "", got.emit)
	return got.rows, err
}

// fakeAz puts a script by the name of az in front of the PATH.
func fakeAz(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for az is a shell script")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "az"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// cliToken gets a token as the Azure CLI would, and answers as it does.
func (s *cloudService) cliToken(t *testing.T, withEpoch bool) string {
	t.Helper()
	r, err := http.PostForm(s.plain+"/"+emulator.DemoTenantID+"/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"},
		"client_id": {emulator.DemoClientID}, "client_secret": {emulator.DemoClientSecret}, "scope": {"https://api.loganalytics.io/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Token == "" {
		t.Fatal("no token", err)
	}
	answer := map[string]any{"accessToken": body.Token, "tokenType": "Bearer", "tenant": emulator.DemoTenantID,
		"expiresOn": time.Now().Add(time.Hour).Format("2006-01-02 15:04:05.000000")}
	if withEpoch {
		answer["expires_on"] = time.Now().Add(time.Hour).Unix()
		answer["expiresOn"] = "1999-01-01 00:00:00.000000" // of no meaning beside it
	}
	return string(must(json.Marshal(answer)))
}

// ways are all kinds of credentials as they prove themselves to a service.
func ways(t *testing.T, s *cloudService) map[string]struct {
	block azauth.Block
	env   map[string]string
} {
	t.Helper()
	ids, dir := testIdentities(), t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	both := append(pemOf("PRIVATE KEY", mustPKCS8(ids.key)), pemOf("CERTIFICATE", ids.cert.Raw)...)
	older := append(pemOf("CERTIFICATE", ids.ca.Raw), pemOf("CERTIFICATE", ids.cert.Raw)...)
	older = append(older, pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(ids.key))...)
	modern := must(pkcs12.Modern.Encode(ids.key, ids.cert, []*x509.Certificate{ids.ca}, "pass word"))
	legacy := must(pkcs12.Legacy.Encode(ids.key, ids.cert, nil, ""))
	const tenant, client = emulator.DemoTenantID, emulator.DemoClientID
	token := file("token", []byte(federatedToken(nil)+"\n"))
	type way = struct {
		block azauth.Block
		env   map[string]string
	}
	all := map[string]way{
		"secret, v2":           {azauth.ClientSecret{TenantID: tenant, ClientID: client, ClientSecret: emulator.DemoClientSecret}, nil},
		"secret, v1":           {azauth.ClientSecret{TenantID: tenant, ClientID: client, ClientSecret: emulator.DemoClientSecret, TokenVersion: "v1"}, nil},
		"PEM file":             {azauth.Certificate{TenantID: tenant, ClientID: client, Path: file("a.pem", both)}, nil},
		"PEM file, relative":   {azauth.Certificate{TenantID: tenant, ClientID: client, Path: "a.pem", Dir: dir}, nil},
		"PEM text, with chain": {azauth.Certificate{TenantID: tenant, ClientID: client, Text: secret.Text(older), SendChain: true}, nil},
		"PFX file":             {azauth.Certificate{TenantID: tenant, ClientID: client, Path: file("a.pfx", modern), Password: "pass word"}, nil},
		"PFX text":             {azauth.Certificate{TenantID: tenant, ClientID: client, Text: secret.Text(base64.StdEncoding.EncodeToString(legacy))}, nil},
		"certificate of AZURE_": {azauth.Certificate{}, map[string]string{"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client,
			"AZURE_CLIENT_CERTIFICATE_PATH": filepath.Join(dir, "a.pfx"), "AZURE_CLIENT_CERTIFICATE_PASSWORD": "pass word"}},
		"certificate of ARM_": {azauth.Certificate{}, map[string]string{"ARM_TENANT_ID": tenant, "ARM_CLIENT_ID": client,
			"ARM_CLIENT_CERTIFICATE_PATH": filepath.Join(dir, "a.pem"), "AZURE_CLIENT_ID": "half of an identity"}},
		"federated token":           {azauth.WorkloadIdentity{TenantID: tenant, ClientID: client, TokenFile: token}, nil},
		"federated token, relative": {azauth.WorkloadIdentity{TenantID: tenant, ClientID: client, TokenFile: "token", Dir: dir}, nil},
		"federated token of AZURE_": {azauth.WorkloadIdentity{}, map[string]string{"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client,
			"AZURE_FEDERATED_TOKEN_FILE": token}},
		"machine":              {azauth.ManagedIdentity{Endpoint: s.plain}, nil},
		"machine, client id":   {azauth.ManagedIdentity{Endpoint: s.plain, ClientID: machineClient}, nil},
		"machine, object id":   {azauth.ManagedIdentity{Endpoint: s.plain, ObjectID: machineObject}, nil},
		"machine, resource id": {azauth.ManagedIdentity{Endpoint: s.plain, ResourceID: machineResource}, nil},
		"machine of AZURE_":    {azauth.ManagedIdentity{}, map[string]string{"AZURE_CLIENT_ID": machineClient, "AZURE_POD_IDENTITY_AUTHORITY_HOST": s.plain}},
		"default, secret": {azauth.Default{}, map[string]string{"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client,
			"AZURE_CLIENT_SECRET": emulator.DemoClientSecret}},
		"default, certificate": {azauth.Default{}, map[string]string{"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client,
			"AZURE_CLIENT_CERTIFICATE_PATH": filepath.Join(dir, "a.pem")}},
		"default, federated token": {azauth.Default{}, map[string]string{"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client,
			"AZURE_FEDERATED_TOKEN_FILE": token}},
		"default, machine": {azauth.Default{}, map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": s.plain}},
	}
	if runtime.GOOS != "windows" { // the stand-in is a shell script
		fakeAz(t, "cat <<'END'\n"+s.cliToken(t, true)+"\nEND\n")
		all["az"] = way{azauth.AzureCLI{TenantID: tenant}, nil}
		all["default, az"] = way{azauth.Default{}, map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": closedAddress}}
	}
	return all
}

// closedAddress is one where nobody listens.
const closedAddress = "http://127.0.0.1:1"

// TestWays lets every kind of credential read a table, over TLS with a private
// CA, and renew its token once when the service refuses the one it has.
func TestWays(t *testing.T) {
	s := newCloudService(t, emulator.Config{})
	for name, way := range ways(t, s) {
		source, err := s.source(t, way.block, way.env)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n, err := rows(source); err != nil || n != 3 {
			t.Errorf("%s: %d rows, %v; want 3", name, n, err)
			continue
		}
		before := s.issued()
		refuse := emulator.Fault{Match: emulator.Match{Nth: 1}, Action: emulator.Action{Status: 401,
			Body: `{"error":{"code":"InvalidAuthenticationToken","message":"The access token is expired."}}`}}
		if err := s.SetFaults(refuse); err != nil {
			t.Fatal(err)
		}
		n, err := rows(source)
		want := 1
		if strings.HasSuffix(name, "az") { // asks the script
			want = 0
		}
		if got := s.issued() - before; err != nil || n != 3 || got != want {
			t.Errorf("%s, after a refusal: %d rows, %d new tokens, %v; want 3 and %d", name, n, got, err, want)
		}
		if err := s.SetFaults(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefusedTwice shows that a token is renewed once and no more.
func TestRefusedTwice(t *testing.T) {
	s := newCloudService(t, emulator.Config{Faults: []emulator.Fault{{Action: emulator.Action{Status: 401, Body: `{"error":{"code":"InvalidAuthenticationToken"}}`}}}})
	for name, way := range ways(t, s) {
		source, err := s.source(t, way.block, way.env)
		if err != nil {
			t.Fatal(err)
		}
		before := s.issued()
		_, err = rows(source)
		most := 2
		if strings.HasSuffix(name, "az") {
			most = 0
		}
		if got := s.issued() - before; !errors.Is(err, pipeline.ErrAccess) || got != most {
			t.Errorf("%s: %v after %d tokens, want ErrAccess after %d", name, err, got, most)
		}
	}
}

// TestOneRenewalAtATime lets many queries of one credential find their token
// refused at once.
func TestOneRenewalAtATime(t *testing.T) {
	s := newCloudService(t, emulator.Config{Limits: emulator.Limits{Concurrency: -1, Requests: -1}})
	for name, way := range ways(t, s) {
		source, err := s.source(t, way.block, way.env)
		if err != nil {
			t.Fatal(err)
		}
		before := s.issued()
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() {
				if n, err := rows(source); err != nil || n != 3 {
					t.Errorf("%s: %d rows, %v", name, n, err)
				}
			})
		}
		all.Wait()
		if got := s.issued() - before; got > 1 {
			t.Errorf("%s: %d tokens for 12 queries at once, want one", name, got)
		}
	}
}

// TestShortTokens lets tokens end while a credential is used. The clock of the
// service alone goes on, so its refusal is the first word about it.
func TestShortTokens(t *testing.T) {
	var mu sync.Mutex
	var ahead time.Duration
	move := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); ahead = d }
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(ahead) }
	const life = 5 * time.Minute
	s := newCloudService(t, emulator.Config{Now: clock, TokenLifetime: life})
	for name, way := range ways(t, s) {
		if strings.HasSuffix(name, "az") {
			continue // the script has one token
		}
		move(0)
		source, err := s.source(t, way.block, way.env)
		if err != nil {
			t.Fatal(err)
		}
		before := s.issued()
		for step, ahead := range []time.Duration{0, 2 * time.Minute, life + time.Minute} {
			move(ahead)
			if n, err := rows(source); err != nil || n != 3 {
				t.Errorf("%s, step %d: %d rows, %v; want 3", name, step, n, err)
			}
			if got := s.issued() - before; got != []int{1, 1, 2}[step] {
				t.Errorf("%s, step %d: %d tokens, want %d", name, step, got, []int{1, 1, 2}[step])
			}
		}
		token, err := source.tokens.Token(context.Background())
		// Some say how long it lives, some when it ends by the service's clock.
		if left := time.Until(token.Expiry); err != nil || left < life-time.Minute || left > 2*life+2*time.Minute {
			t.Errorf("%s: the token ends at %v, %v", name, token.Expiry, err)
		}
	}
}

func serverTLS(p tlsPair) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{must(tls.X509KeyPair(p.cert, p.key))}}
}
