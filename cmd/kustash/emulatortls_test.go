package main

import (
	"crypto/x509"
	"testing"
	"time"
)

// The certificate holds for this machine's addresses, for a year, and only for
// those who trust its authority.
func TestNewAuthority(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ca, pair, err := newAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(ca) {
		t.Fatalf("the authority is no certificate: %q", ca)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := newAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	strangers := x509.NewCertPool()
	strangers.AppendCertsFromPEM(other)
	for _, c := range []struct {
		name  string
		after time.Duration
		roots *x509.CertPool
		good  bool
	}{
		{"localhost", 0, trusted, true},
		{"127.0.0.1", 0, trusted, true},
		{"::1", 300 * 24 * time.Hour, trusted, true},
		{"localhost", 400 * 24 * time.Hour, trusted, false},
		{"api.loganalytics.io", 0, trusted, false},
		{"10.0.0.1", 0, trusted, false},
		{"localhost", 0, strangers, false},
	} {
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: c.name, CurrentTime: now.Add(c.after), Roots: c.roots})
		if good := err == nil; good != c.good {
			t.Errorf("%s after %s: got %v, want good %t", c.name, c.after, err, c.good)
		}
	}
}
