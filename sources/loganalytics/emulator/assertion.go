package emulator

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"strings"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// federatedAudience is what the tokens of others are issued for, unless a
// principal says otherwise.
const federatedAudience = "api://AzureADTokenExchange"

// assertion is a signed claim to be an application.
type assertion struct {
	head struct {
		Algorithm  string `json:"alg"`
		Thumbprint string `json:"x5t#S256"`
		Older      string `json:"x5t"` // SHA-1
	}
	claims struct {
		Audience  string `json:"aud"`
		Issuer    string `json:"iss"`
		Subject   string `json:"sub"`
		ID        string `json:"jti"`
		NotBefore int64  `json:"nbf"`
		Expires   int64  `json:"exp"`
	}
	signed    string // what the signature is of
	signature []byte
}

// readAssertion takes a JWT apart.
func readAssertion(text string) (a assertion, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[2] == "" {
		return a, false
	}
	for i, into := range []any{&a.head, &a.claims} {
		raw, err := rawURL.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, into) != nil {
			return a, false
		}
	}
	var err error
	a.signed = parts[0] + "." + parts[1]
	a.signature, err = rawURL.DecodeString(parts[2])
	return a, err == nil && a.claims.Subject != ""
}

// signedBy checks the signature.
func (a assertion) signedBy(key *rsa.PublicKey) bool {
	sum := sha256.Sum256([]byte(a.signed))
	switch a.head.Algorithm {
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, sum[:], a.signature, nil) == nil
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], a.signature) == nil
	}
	return false
}

// assertion checks the assertion of a principal: its own, signed with a
// certificate, or a token of somebody whom it trusts.
func (x *exchange) assertion(p *principal, tenant, kind, text string) *refusal {
	if kind != assertionType {
		return missingParameter("client_assertion_type")
	}
	a, ok := readAssertion(text)
	if !ok {
		return &refusal{401, "invalid_client", 50027, "JWT token is invalid or malformed."}
	}
	check := x.federated
	if strings.EqualFold(a.claims.Issuer, p.ClientID) {
		check = x.certified
	}
	if refused := check(p, tenant, a); refused != nil {
		return refused
	}
	now := x.e.config.Now().Unix()
	if now >= a.claims.Expires || now < a.claims.NotBefore-300 { // clocks may differ
		return &refusal{401, "invalid_client", 700024, "Client assertion is not within its valid time range."}
	}
	return nil
}

// certified checks an assertion by
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials.
func (x *exchange) certified(p *principal, tenant string, a assertion) *refusal {
	refuse := func(number int, format string, values ...any) *refusal {
		return &refusal{401, "invalid_client", number, fmt.Sprintf(format, values...)}
	}
	if !strings.EqualFold(a.claims.Subject, p.ClientID) {
		return refuse(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
	}
	c := p.certificate(a)
	if c == nil {
		return refuse(700027, "The certificate with identifier used to sign the client assertion is not registered on application. "+
			"[Reason - The key was not found., Thumbprint of key used by client: '%s%s']", a.head.Thumbprint, a.head.Older)
	}
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || !a.signedBy(key) {
		return refuse(50012, "Client assertion contains an invalid signature.")
	}
	if !x.e.config.Now().Before(c.NotAfter) {
		return refuse(700027, "Client assertion failed signature validation. [Reason - The key used is expired.]")
	}
	base := x.ownURL() + "/" + tenant
	switch a.claims.Audience {
	case base + "/oauth2/v2.0/token", base + "/oauth2/token", base + "/v2.0":
		return nil
	}
	return refuse(700023, "Client assertion audience claim does not match Realm issuer.")
}

// certificate finds the one that an assertion names.
func (p *principal) certificate(a assertion) *x509.Certificate {
	for _, c := range p.Certificates {
		sum, older := sha256.Sum256(c.Raw), sha1.Sum(c.Raw)
		if a.head.Thumbprint == rawURL.EncodeToString(sum[:]) ||
			a.head.Thumbprint == "" && a.head.Older == rawURL.EncodeToString(older[:]) {
			return c
		}
	}
	return nil
}

// federated checks the token of another issuer. The numbers of its refusals
// tell which of the three names does not fit.
func (x *exchange) federated(p *principal, _ string, a assertion) *refusal {
	refuse := func(number int, format, value string) *refusal {
		return &refusal{401, "invalid_client", number, fmt.Sprintf(format, value)}
	}
	near := refuse(700211, "No matching federated identity record found for presented assertion issuer '%s'.", a.claims.Issuer)
	for _, f := range p.Federated {
		switch {
		case f.Issuer != a.claims.Issuer:
		case f.Subject != a.claims.Subject:
			near = refuse(700213, "No matching federated identity record found for presented assertion subject '%s'.", a.claims.Subject)
		case or(f.Audience, federatedAudience) != a.claims.Audience:
			near = refuse(700212, "No matching federated identity record found for presented assertion audience '%s'.", a.claims.Audience)
		case a.head.Algorithm != "RS256" || !a.signedBy(f.Key):
			near = refuse(50012, "%s", "Client assertion contains an invalid signature.")
		default:
			return nil
		}
	}
	return near
}
