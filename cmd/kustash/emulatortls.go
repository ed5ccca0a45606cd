package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// tlsFlags say how the emulator serves https.
type tlsFlags struct {
	on   bool
	ca   string
	cert string
	key  string
}

func (o *tlsFlags) add(f *flag.FlagSet) {
	f.BoolVar(&o.on, "tls", false, "serve https with a certificate of a new private authority, written to -tls-ca")
	f.StringVar(&o.ca, "tls-ca", "ca.pem", "`file` for the authority's certificate; clients must trust it (default ca.pem)")
	f.StringVar(&o.cert, "tls-cert", "", "serve https with the certificate of this PEM `file`; needs -tls-key")
	f.StringVar(&o.key, "tls-key", "", "PEM `file` with its key")
}

// authority is the file that clients must trust, "" if the emulator made none.
func (o *tlsFlags) authority(p *process) string {
	if !o.on {
		return ""
	}
	return p.path(o.ca)
}

// config returns nil for plain http. It writes the file of the authority.
func (o *tlsFlags) config(p *process) (*tls.Config, error) {
	switch {
	case (o.cert == "") != (o.key == ""):
		return nil, errors.New("-tls-cert and -tls-key belong together: give both")
	case o.on && o.cert != "":
		return nil, errors.New("-tls makes a certificate and -tls-cert names one: give one of them")
	case o.cert != "":
		pair, err := tls.LoadX509KeyPair(p.path(o.cert), p.path(o.key))
		if err != nil {
			return nil, fmt.Errorf("-tls-cert=%s: %w", o.cert, err)
		}
		return serverTLS(pair), nil
	case !o.on:
		return nil, nil
	}
	ca, pair, err := newAuthority(time.Now())
	if err != nil {
		return nil, fmt.Errorf("-tls: %w", err)
	}
	if err := os.WriteFile(p.path(o.ca), ca, 0o666); err != nil {
		return nil, fmt.Errorf("-tls-ca: %w", err)
	}
	return serverTLS(pair), nil
}

func serverTLS(pair tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

// newAuthority makes a certificate authority, in PEM, and a certificate that it
// has signed for this machine. The authority's key is forgotten at once, so
// that nobody can sign more with it.
func newAuthority(now time.Time) (ca []byte, pair tls.Certificate, err error) {
	root := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "kustash emulator, private authority"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(1, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kustash emulator"},
		NotBefore:   root.NotBefore,
		NotAfter:    root.NotAfter,
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, pair, err
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, pair, err
	}
	root.SerialNumber, leaf.SerialNumber = serial(), serial()
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, pair, err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, &leafKey.PublicKey, rootKey)
	if err != nil {
		return nil, pair, err
	}
	var out bytes.Buffer
	if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: rootDER}); err != nil {
		return nil, pair, err
	}
	return out.Bytes(), tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}, nil
}

// serial returns a random serial number: clients remember pairs of authority
// and number.
func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}
