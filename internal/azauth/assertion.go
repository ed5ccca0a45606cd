package azauth

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"software.sslmate.com/src/go-pkcs12"
)

// assertionLife is how long an assertion holds: long enough for a slow request
// and a clock that is a little off.
const assertionLife = 10 * time.Minute

// signer is a certificate with its private key.
type signer struct {
	key   *rsa.PrivateKey
	chain []*x509.Certificate // that of the key comes first
}

// errPassword says that the password of a PFX file is missing or wrong.
var errPassword = errors.New("password")

func isPEM(raw []byte) bool { return bytes.Contains(raw, []byte("-----BEGIN ")) }

// parseSigner reads a PEM or PFX file. azidentity's ParseCertificates is not
// used, because it cannot read the PFX files that OpenSSL 3 and today's Windows
// write. Its errors go on after the name of the file.
func parseSigner(raw []byte, password string) (*signer, error) {
	var key crypto.PrivateKey
	var chain []*x509.Certificate
	var err error
	if isPEM(raw) {
		key, chain, err = parsePEM(raw)
	} else {
		key, chain, err = parsePFX(raw, password)
	}
	if err != nil {
		return nil, err
	}
	if len(chain) == 0 {
		return nil, errors.New("holds no certificate; put certificate and private key into one file")
	}
	if key == nil {
		return nil, errors.New("holds no private key; put certificate and private key into one file")
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("has a key of another kind than RSA (%T), which the sign-in service does not take", key)
	}
	own := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return private.PublicKey.Equal(c.PublicKey) })
	if own < 0 {
		return nil, errors.New("holds a private key that belongs to none of its certificates")
	}
	chain[0], chain[own] = chain[own], chain[0]
	return &signer{private, chain}, nil
}

func parsePFX(raw []byte, password string) (crypto.PrivateKey, []*x509.Certificate, error) {
	key, own, others, err := pkcs12.DecodeChain(raw, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return nil, nil, errPassword
	case err != nil:
		return nil, nil, errors.New("is neither a PEM nor a PFX file")
	}
	return key, append([]*x509.Certificate{own}, others...), nil
}

func parsePEM(raw []byte) (key crypto.PrivateKey, chain []*x509.Certificate, err error) {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		var found crypto.PrivateKey
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, errors.New("holds a certificate that cannot be read")
			}
			chain = append(chain, c)
			continue
		case "PRIVATE KEY":
			found, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			found, err = x509.ParsePKCS1PrivateKey(block.Bytes)
			if block.Headers["DEK-Info"] != "" {
				err = errLockedKey
			}
		case "ENCRYPTED PRIVATE KEY":
			err = errLockedKey
		default:
			continue
		}
		switch {
		case err == errLockedKey:
			return nil, nil, err
		case err != nil:
			return nil, nil, errors.New("holds a private key that cannot be read")
		case key != nil:
			return nil, nil, errors.New("holds more than one private key")
		}
		key = found
	}
	return key, chain, nil
}

var errLockedKey = errors.New("holds an encrypted private key, which is not supported in PEM; make a PFX file of it (openssl pkcs12 -export)")

// assertion signs the claim to be an application, by
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials.
func (s *signer) assertion(client, endpoint string, sendChain bool, now time.Time) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodPS256, jwt.MapClaims{
		"aud": endpoint,
		"iss": client,
		"sub": client,
		"jti": uuid.NewString(),
		"nbf": now.Unix(),
		"iat": now.Unix(),
		"exp": now.Add(assertionLife).Unix(),
	})
	sum := sha256.Sum256(s.chain[0].Raw)
	token.Header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
	if sendChain {
		var all []string
		for _, c := range s.chain {
			all = append(all, base64.StdEncoding.EncodeToString(c.Raw))
		}
		token.Header["x5c"] = all
	}
	text, err := token.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("sign with the private key of the certificate: %w", err)
	}
	return text, nil
}
