package emulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

// testKey is made once: keys take their time.
var testKey = sync.OnceValue(func() *rsa.PrivateKey { return newKey() })

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func certificateOf(t *testing.T, key *rsa.PrivateKey, end time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(end.Unix()), Subject: pkix.Name{CommonName: "app"}, NotAfter: end}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type members = map[string]any

// signed makes a JWT.
func signed(t *testing.T, key *rsa.PrivateKey, head, claims members) string {
	t.Helper()
	text := rawURL.EncodeToString(compact(head)) + "." + rawURL.EncodeToString(compact(claims))
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	if head["alg"] == "PS256" {
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], nil)
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + rawURL.EncodeToString(signature)
}

func with(m members, pairs ...any) members {
	all := members{}
	for k, v := range m {
		all[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i].(string)] = pairs[i+1]
	}
	return all
}

// judged sends an assertion and returns the number of the refusal, or the way
// that the token names.
func (r *remote) judged(text string) string {
	r.t.Helper()
	got := r.form(tokenV2Path, credentials("client_secret", "", "client_assertion", text, "client_assertion_type", assertionType))
	var body struct {
		Token       string `json:"access_token"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		r.t.Fatalf("%v: %s", err, got.body)
	}
	if got.status != 200 {
		number, _, _ := strings.Cut(strings.TrimPrefix(body.Description, "AADSTS"), ":")
		return number
	}
	c, ok := r.e.tokens.open(body.Token)
	if !ok || c.AppID != DemoClientID {
		r.t.Errorf("the token is for %q", c.AppID)
	}
	return "way " + c.AppIDACR
}

func TestCertificateAssertions(t *testing.T) {
	clock := newClock()
	now := clock.Now()
	key, other := testKey(), newKey()
	valid, ended := certificateOf(t, key, now.Add(time.Hour)), certificateOf(t, key, now.Add(-time.Hour))
	stranger := certificateOf(t, other, now.Add(time.Hour))
	r := serve(t, Config{Now: clock.Now, Principals: []Principal{{Tenant: DemoTenantID, ClientID: DemoClientID, ClientSecret: DemoClientSecret,
		Certificates: []*x509.Certificate{valid, ended}}}})
	thumb := func(c *x509.Certificate) string { sum := sha256.Sum256(c.Raw); return rawURL.EncodeToString(sum[:]) }
	older := sha1.Sum(valid.Raw)
	head := members{"typ": "JWT", "alg": "PS256", "x5t#S256": thumb(valid)}
	claims := members{"aud": r.server.URL + tokenV2Path, "iss": DemoClientID, "sub": DemoClientID, "jti": "j",
		"nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix()}
	for _, c := range []struct {
		name string
		text string
		want string
	}{
		{"as documented", signed(t, key, head, claims), "way 2"},
		{"older form", signed(t, key, members{"alg": "RS256", "x5t": rawURL.EncodeToString(older[:])}, claims), "way 2"},
		{"issuer as audience", signed(t, key, head, with(claims, "aud", r.server.URL+"/"+DemoTenantID+"/v2.0")), "way 2"},
		{"another key", signed(t, other, head, claims), "50012"},
		{"no algorithm", signed(t, key, with(head, "alg", "none"), claims), "50012"},
		{"not registered", signed(t, other, with(head, "x5t#S256", thumb(stranger)), claims), "700027"},
		{"no thumbprint", signed(t, key, members{"alg": "PS256"}, claims), "700027"},
		{"certificate has ended", signed(t, key, with(head, "x5t#S256", thumb(ended)), claims), "700027"},
		{"for another tenant", signed(t, key, head, with(claims, "aud", r.server.URL+"/common/oauth2/v2.0/token")), "700023"},
		{"another subject", signed(t, key, head, with(claims, "sub", "x")), "700021"},
		{"too late", signed(t, key, head, with(claims, "exp", now.Unix())), "700024"},
		{"too early", signed(t, key, head, with(claims, "nbf", now.Unix()+301)), "700024"},
		{"cut", strings.TrimRight(signed(t, key, head, claims), "=")[:40], "50027"},
	} {
		if got := r.judged(c.text); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestFederatedAssertions(t *testing.T) {
	clock := newClock()
	now := clock.Now()
	key := testKey()
	r := serve(t, Config{Now: clock.Now, Principals: []Principal{{Tenant: DemoTenantID, ClientID: DemoClientID, ClientSecret: DemoClientSecret,
		Federated: []Federated{{Issuer: "https://oidc.example", Subject: "system:serviceaccount:a:b", Key: &key.PublicKey},
			{Issuer: "https://ci.example", Subject: "repo:x", Audience: "own", Key: &key.PublicKey}}}}})
	head := members{"alg": "RS256", "kid": "k"}
	claims := members{"aud": federatedAudience, "iss": "https://oidc.example", "sub": "system:serviceaccount:a:b", "exp": now.Add(time.Hour).Unix()}
	for _, c := range []struct {
		name string
		text string
		want string
	}{
		{"trusted", signed(t, key, head, claims), "way 2"},
		{"with an audience of its own", signed(t, key, head, with(claims, "iss", "https://ci.example", "sub", "repo:x", "aud", "own")), "way 2"},
		{"issuer", signed(t, key, head, with(claims, "iss", "https://other.example")), "700211"},
		{"subject", signed(t, key, head, with(claims, "sub", "repo:x")), "700213"},
		{"audience", signed(t, key, head, with(claims, "aud", "own")), "700212"},
		{"key", signed(t, newKey(), head, claims), "50012"},
		{"algorithm", signed(t, key, members{"alg": "PS256"}, claims), "50012"},
		{"too late", signed(t, key, head, with(claims, "exp", now.Unix())), "700024"},
		{"no certificate", signed(t, key, head, with(claims, "iss", DemoClientID, "sub", DemoClientID)), "700027"},
	} {
		if got := r.judged(c.text); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestExpiredSecret(t *testing.T) {
	clock := newClock()
	r := serve(t, Config{Now: clock.Now, Principals: []Principal{{Tenant: DemoTenantID, ClientID: DemoClientID, ClientSecret: DemoClientSecret,
		SecretExpires: clock.Now().Add(time.Hour)}}})
	clock.add(time.Hour)
	if got := r.form(tokenV2Path, credentials()); got.status != 401 || !strings.Contains(got.body, "AADSTS7000222") {
		t.Errorf("got %d %s, want 401 with AADSTS7000222", got.status, got.body)
	}
}

func TestRoles(t *testing.T) {
	for _, roles := range [][]string{nil, {}, {"A", "B"}} {
		r := serve(t, Config{Principals: []Principal{{Tenant: DemoTenantID, ClientID: DemoClientID, ClientSecret: DemoClientSecret, Roles: roles}}})
		want := strings.Join(roles, " ")
		if roles == nil {
			want = "Data.Read"
		}
		if c, _ := r.e.tokens.open(r.token); strings.Join(c.Roles, " ") != want || c.Type != "app" {
			t.Errorf("roles %q of a token of type %q, want %q and app", c.Roles, c.Type, want)
		}
	}
}
