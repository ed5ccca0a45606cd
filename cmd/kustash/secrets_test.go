package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"math/big"
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

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// archiver is an application with everything that can prove it.
type archiver struct {
	key       *rsa.PrivateKey
	cert      *x509.Certificate
	pem       string
	password  string // of pfx
	pfx       []byte
	federated string
	secret    string
}

// newArchiver is called once: keys take their time.
var newArchiver = sync.OnceValues(func() (*archiver, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "archiver"}, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	a := &archiver{key: key, password: `pfx "pass" w%rd/+`, secret: `cl1ent "s3cret" p%rt/+~`}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	a.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	if a.pfx, err = pkcs12.Modern.Encode(key, a.cert, nil, a.password); err != nil {
		return nil, err
	}
	a.federated, err = jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": "https://oidc.example", "sub": "pod",
		"aud": "api://AzureADTokenExchange", "exp": time.Now().Add(time.Hour).Unix()}).SignedString(key)
	return a, err
})

func (a *archiver) principal() emulator.Principal {
	return emulator.Principal{Tenant: emulator.DemoTenantID, ClientID: emulator.DemoClientID, ClientSecret: a.secret,
		Certificates: []*x509.Certificate{a.cert}, Federated: []emulator.Federated{{Issuer: "https://oidc.example", Subject: "pod", Key: &a.key.PublicKey}}}
}

// parrot is the service, or one that repeats in its errors what it was told.
type parrot struct {
	service http.Handler
	mu      sync.Mutex
	tokens  int // status of the repetition; 0 is the service's own answer
	queries int
	plain   bool // repeats as plain text
}

func (p *parrot) set(tokens, queries int, plain bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens, p.queries, p.plain = tokens, queries, plain
}

func (p *parrot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	tokens, queries, plain := p.tokens, p.queries, p.plain
	p.mu.Unlock()
	query := strings.HasPrefix(r.URL.Path, "/v1/")
	status := tokens
	if query {
		status = queries
	}
	if status == 0 {
		p.service.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	said := fmt.Sprintf("%s %v %s", r.URL, r.Header, body)
	if form, err := url.ParseQuery(string(body)); err == nil && !query {
		for _, values := range form {
			for _, v := range values {
				said += " " + v + " " + base64.StdEncoding.EncodeToString([]byte(v)) + " " + base64.RawURLEncoding.EncodeToString([]byte(v))
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	switch {
	case plain:
		io.WriteString(w, said)
	case query:
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": "InvalidAuthenticationToken", "message": said}})
	default:
		json.NewEncoder(w).Encode(map[string]any{"error": said, "error_description": said, "correlation_id": said})
	}
}

// forms are the ways in which a text may be written down. Base64 of something
// that holds the text has one of three forms, whatever stands around it.
func forms(text string) []string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	all := []string{text, url.QueryEscape(text), url.PathEscape(text), strings.Trim(string(quoted), `"`), fmt.Sprintf("%q", text)[1:], hex.EncodeToString([]byte(text))}
	for pad := range 3 {
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			inner := e.EncodeToString([]byte(strings.Repeat("x", pad) + text))
			all = append(all, inner[(pad*8+5)/6:len(inner)-2])
		}
	}
	return all
}

// leaks returns which of the texts a place holds, in whatever form.
func leaks(place string, content []byte, secrets map[string]string) (found []string) {
	for name, text := range secrets {
		for _, form := range forms(text) {
			if strings.Contains(string(content), form) {
				found = append(found, fmt.Sprintf("%s holds %s as %s", place, name, form))
			}
		}
	}
	// Every token, assertion and federated token begins like this.
	if i := strings.Index(string(content), "eyJ"); i >= 0 {
		found = append(found, fmt.Sprintf("%s holds something like a token: %.20s", place, content[i:]))
	}
	return found
}

func TestLeaksAreFound(t *testing.T) {
	const text = `a "b" c/+d`
	for _, content := range append(forms(text), "key="+base64.StdEncoding.EncodeToString([]byte("id:"+text+"!")), "Bearer eyJhbGciOi") {
		if len(leaks("x", []byte(content), map[string]string{"it": text})) == 0 {
			t.Errorf("%q is not found", content)
		}
	}
	if found := leaks("x", []byte("nothing of it"), map[string]string{"it": text}); len(found) > 0 {
		t.Error(found)
	}
}

// TestNoSecretIsShown runs every verb that uses a credential of each kind: when
// all is well, with wrong proofs, with a service that repeats what it is told,
// and without TLS at the other end. Nothing that is printed, logged, planned,
// recorded or archived may hold the proof or a token.
func TestNoSecretIsShown(t *testing.T) {
	a, err := newArchiver()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(a.pem, "\n")
	proofs := map[string]string{"the client secret": a.secret, "the password": a.password, "a line of the key": lines[len(lines)-6], "the API key": "DEMO_KEY",
		"the federated token": a.federated, "the wrong secret": "wr0ng p%oof/+", "the PFX text": base64.StdEncoding.EncodeToString(a.pfx)[200:300]}
	ids := fmt.Sprintf("tenant_id = %q\nclient_id = %q\n", emulator.DemoTenantID, emulator.DemoClientID)
	for name, c := range map[string]struct{ workspace, block string }{
		"secret":    {emulator.DemoWorkspaceID, `credential "client_secret" "c" {` + "\n" + ids + "client_secret = var.secret\n}"},
		"older":     {emulator.DemoWorkspaceID, `credential "client_secret" "c" {` + "\n" + ids + "client_secret = var.secret\ntoken_version = \"v1\"\n}"},
		"PEM":       {emulator.DemoWorkspaceID, `credential "certificate" "c" {` + "\n" + ids + "client_certificate = var.pem\n}"},
		"PFX":       {emulator.DemoWorkspaceID, `credential "certificate" "c" {` + "\n" + ids + "client_certificate = var.pfx\nclient_certificate_password = var.password\n}"},
		"PFX file":  {emulator.DemoWorkspaceID, `credential "certificate" "c" {` + "\n" + ids + "client_certificate_path = \"a.pfx\"\nclient_certificate_password = var.password\n}"},
		"federated": {emulator.DemoWorkspaceID, `credential "workload_identity" "c" {` + "\n" + ids + "token_file_path = \"federated.input\"\n}"},
		"machine":   {emulator.DemoWorkspaceID, `credential "managed_identity" "c" { endpoint = var.plain }`},
		"az":        {emulator.DemoWorkspaceID, `credential "azure_cli" "c" {}`},
		"default":   {emulator.DemoWorkspaceID, `credential "default" "c" {}`},
		"API key":   {"DEMO_WORKSPACE", `credential "api_key" "c" { api_key = var.key }`},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "secret" && name != "PFX" {
				t.Skip("-short takes two kinds for all")
			}
			if name == "az" && runtime.GOOS == "windows" {
				t.Skip("the stand-in for az is a shell script")
			}
			s, p := secretive(t, a, c.workspace, c.block)
			check := func(state string, wantDone bool) {
				t.Helper()
				done := s.everyVerb(state, proofs)
				if done != wantDone {
					t.Errorf("%s: the slices are done: %v, want %v", state, done, wantDone)
				}
			}
			for _, state := range []struct {
				name            string
				tokens, queries int
				plain           bool
			}{
				{"tokens refused", 401, 0, false}, {"tokens fail", 500, 0, false}, {"tokens fail in plain text", 500, 0, true}, {"no token", 200, 0, true},
				{"queries refused", 0, 401, false}, {"queries fail", 0, 500, false}, {"queries forbidden", 0, 403, false}, {"queries fail in plain text", 0, 502, true},
			} {
				if state.tokens != 0 && (name == "API key" || name == "az") {
					continue // they ask nobody for a token
				}
				p.set(state.tokens, state.queries, state.plain)
				check(state.name, false)
			}
			p.set(0, 0, false)
			s.env["KUSTASH_VAR_endpoint"], s.env["KUSTASH_VAR_authority"] = s.env["KUSTASH_VAR_nowhere"], s.env["KUSTASH_VAR_nowhere"]
			check("no TLS", false)
			s.env["KUSTASH_VAR_endpoint"], s.env["KUSTASH_VAR_authority"] = s.env["KUSTASH_VAR_home"], s.env["KUSTASH_VAR_home"]
			if name == "secret" || name == "default" {
				right, azure := s.env["KUSTASH_VAR_secret"], s.env["AZURE_CLIENT_SECRET"]
				s.env["KUSTASH_VAR_secret"], s.env["AZURE_CLIENT_SECRET"] = proofs["the wrong secret"], proofs["the wrong secret"]
				check("a wrong secret", false)
				s.env["KUSTASH_VAR_secret"], s.env["AZURE_CLIENT_SECRET"] = right, azure
			}
			if strings.HasPrefix(name, "PFX") {
				right := s.env["KUSTASH_VAR_password"]
				s.env["KUSTASH_VAR_password"] = proofs["the wrong secret"]
				check("a wrong password", false)
				s.env["KUSTASH_VAR_password"] = right
			}
			check("all is well", true)
		})
	}
}

// secretive is a pipeline whose workspace is read with a credential, behind TLS
// of a private authority.
func secretive(t *testing.T, a *archiver, workspace, block string) (*shell, *parrot) {
	t.Helper()
	data, err := demoTables()
	if err != nil {
		t.Fatal(err)
	}
	service, err := emulator.New(emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1}, Principals: []emulator.Principal{a.principal()}})
	if err != nil {
		t.Fatal(err)
	}
	p := &parrot{service: service}
	secure, plain := httptest.NewTLSServer(p), httptest.NewServer(p)
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	s := &shell{t: t, dir: t.TempDir(), env: map[string]string{"KUSTASH_LOG": "debug",
		"AZURE_TENANT_ID": emulator.DemoTenantID, "AZURE_CLIENT_ID": emulator.DemoClientID, "AZURE_CLIENT_SECRET": a.secret,
		"KUSTASH_VAR_endpoint": secure.URL, "KUSTASH_VAR_authority": secure.URL, "KUSTASH_VAR_home": secure.URL, "KUSTASH_VAR_plain": plain.URL,
		"KUSTASH_VAR_nowhere": "https://" + plain.Listener.Addr().String(),
		"KUSTASH_VAR_secret":  a.secret, "KUSTASH_VAR_pem": a.pem, "KUSTASH_VAR_pfx": base64.StdEncoding.EncodeToString(a.pfx), "KUSTASH_VAR_password": a.password, "KUSTASH_VAR_key": "DEMO_KEY"}}
	for name, content := range map[string][]byte{"ca.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}),
		"a.pfx": a.pfx, "federated.input": []byte(a.federated)} {
		s.write(name, string(content))
	}
	var variables string
	for _, name := range []string{"secret", "pem", "pfx", "password", "key"} {
		variables += "variable \"" + name + "\" {\n  type = string\n  sensitive = true\n}\n"
	}
	for _, name := range []string{"endpoint", "authority", "plain"} {
		variables += "variable \"" + name + "\" { type = string }\n"
	}
	s.write("main.kustash.hcl", variables+block+fmt.Sprintf(`
workspace "w" {
  workspace_id = %q
  endpoint     = var.endpoint
  authority    = var.authority
  ca_file      = "ca.pem"
  auth         = credential.c
}
sink "local" "archive" {
  path = "archive"
  format "csv" {}
}
query "q" {
  workspace = workspace.w
  kql       = "Syslog"
  window {
    start = %q
    end   = %q
    slice = "12h"
  }
  sinks = [sink.archive]
}
`, workspace, demoStart().Format(time.DateOnly), demoStart().AddDate(0, 0, 1).Format(time.DateOnly)))
	signIn(t, plain.URL, a)
	return s, p
}

// signIn puts a stand-in for az in front of the PATH that has a token of the
// service.
func signIn(t *testing.T, address string, a *archiver) {
	t.Helper()
	r, err := http.PostForm(address+"/"+emulator.DemoTenantID+"/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"},
		"client_id": {emulator.DemoClientID}, "client_secret": {a.secret}, "scope": {"https://api.loganalytics.io/.default"}})
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
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\ncat <<'END'\n{\"accessToken\": %q, \"expires_on\": %d}\nEND\n", body.Token, time.Now().Add(time.Hour).Unix())
	if err := os.WriteFile(filepath.Join(dir, "az"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// everyVerb runs what uses a credential, and looks through all that is left. It
// reports whether the slices are done.
func (s *shell) everyVerb(state string, proofs map[string]string) bool {
	s.t.Helper()
	done := false
	for _, args := range [][]string{
		{"validate"}, {"plan", "-out=saved.json"}, {"apply", "-auto-approve"}, {"apply", "-auto-approve", "-json", "-refresh=false"}, {"show", "saved.json"},
		{"query", "-workspace=w", "-timespan=P30D", "Syslog | take 1"}, {"verify", "-source"}, {"verify"}, {"status"}, {"status", "-json"}, {"connect"},
	} {
		code, output := s.run(args...)
		if args[0] == "apply" {
			if done = code == exitDone; !done && state == "all is well" {
				s.t.Log(output)
			}
		}
		for _, leak := range leaks(fmt.Sprintf("%s: the output of %q", state, args), []byte(output), proofs) {
			s.t.Error(leak)
		}
	}
	inputs := map[string]bool{"main.kustash.hcl": true, "ca.pem": true, "a.pfx": true, "federated.input": true}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || inputs[d.Name()] {
			return err
		}
		content, err := os.ReadFile(path)
		for _, leak := range append(leaks(state+": the file "+path, content, proofs), leaks(state+": the name", []byte(path), proofs)...) {
			s.t.Error(leak)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	return done
}
