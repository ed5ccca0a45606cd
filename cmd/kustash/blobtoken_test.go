//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tlsAzurite starts Microsoft's emulator so that it takes tokens, which it does
// over TLS only, and returns the address of its account.
func tlsAzurite(t *testing.T, dir string) (address, roots string) {
	t.Helper()
	script := os.Getenv("KUSTASH_TEST_AZURITE_SCRIPT")
	if script == "" {
		t.Skip("no Azurite: run make azurite-test")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	roots = filepath.Join(dir, "cert.pem")
	keyFile := filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{roots: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	_ = listener.Close() // for the emulator
	_, port, _ := net.SplitHostPort(host)
	emulator := exec.Command("node", script, "--blobHost", "127.0.0.1", "--blobPort", port, "-l", filepath.Join(dir, "blobs"),
		"--oauth", "basic", "--cert", roots, "--key", keyFile, "--disableTelemetry", "-s")
	if err := emulator.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = emulator.Process.Kill(); _ = emulator.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", host); err == nil {
			_ = c.Close()
			return "https://" + host + "/devstoreaccount1", roots
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the emulator does not listen")
	return "", ""
}

// authority issues tokens of the form that the emulator takes, and tells for
// what it was asked.
func authority(t *testing.T, scopes *[]string) string {
	t.Helper()
	part := func(claims any) string {
		raw, err := json.Marshal(claims)
		if err != nil {
			t.Error(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*scopes = append(*scopes, r.FormValue("scope"))
		now := time.Now().Unix()
		token := part(map[string]string{"alg": "none", "typ": "JWT"}) + "." + part(map[string]any{"aud": "https://storage.azure.com",
			"iss": "https://sts.windows.net/t/", "nbf": now - 60, "iat": now - 60, "exp": now + 3600, "oid": "o", "tid": "t"}) + ".c2ln"
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A credential of the pipeline opens the containers of archive and state.
func TestBlobToken(t *testing.T) {
	r := &round{world: newWorld(t, mathrand.New(mathrand.NewPCG(5, 78)), false), report: &chaosReport{}, tally: &chaosTally{}}
	address, roots := tlsAzurite(t, t.TempDir())
	var scopes []string
	r.env["AZURE_AUTHORITY_HOST"] = authority(t, &scopes)
	r.write("token", "federated")
	r.intoContainer("archive", fmt.Sprintf("account_url = %q\n auth = credential.archiver\n", address))
	r.write("blob.kustash.hcl", fmt.Sprintf(`
kustash {
  state "azure_blob" {
    account_url = %q
    container   = "state"
    auth        = credential.archiver
  }
}
credential "workload_identity" "archiver" {
  tenant_id       = "11111111-2222-3333-4444-555555555555"
  client_id       = "22222222-2222-3333-4444-555555555555"
  token_file_path = "token"
}
`, address))
	for _, args := range [][]string{{"init"}, {"apply", "-auto-approve"}, {"verify"}, {"plan", "-detailed-exitcode"}, {"doctor"}} {
		c := r.process(args...)
		c.Env = append(c.Env, "SSL_CERT_FILE="+roots)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	if len(scopes) == 0 {
		t.Fatal("nobody asked for a token")
	}
	for _, scope := range scopes {
		if !strings.HasPrefix(scope, "https://storage.azure.com") {
			t.Errorf("a token for %q, want one for storage", scope)
		}
	}
}
