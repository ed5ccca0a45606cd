package azauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Claims are what an access token says of itself, as far as it helps to find
// out why somebody is not let in. Nothing may depend on them: the token is
// between the authority and the service, whose documentation asks everybody
// else not to look
// (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
// A claim that is absent, or not of the kind it should be, is left out.
type Claims struct {
	Audience    string    `json:"aud,omitempty"` // the service that accepts the token; several are joined by spaces
	Issuer      string    `json:"iss,omitempty"`
	Tenant      string    `json:"tid,omitempty"`
	Object      string    `json:"oid,omitempty"`   // what roles are given to
	Application string    `json:"appid,omitempty"` // client id; azp in tokens of version 2.0
	Method      string    `json:"appidacr,omitempty"`
	Roles       []string  `json:"roles,omitempty"` // permissions of the application; often none, and no sign of roles on a workspace
	Scope       string    `json:"scp,omitempty"`   // only in tokens of people
	Name        string    `json:"name,omitempty"`  // of a person: the sign-in name
	Expires     time.Time `json:"exp,omitzero"`
	NotBefore   time.Time `json:"nbf,omitzero"`
	Issued      time.Time `json:"iat,omitzero"`
	Version     string    `json:"ver,omitempty"`
}

// ErrOpaque says that a token cannot be looked into. It may work all the same.
var ErrOpaque = errors.New("the token is not a JWT, so what it says cannot be shown")

// maxClaims bounds the part of a token that is decoded.
const maxClaims = 1 << 18

// DecodeClaims returns what the token says, without looking at its signature.
// The error is ErrOpaque, and holds nothing of the token.
func DecodeClaims(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(parts[1]) > maxClaims {
		return Claims{}, ErrOpaque
	}
	var header map[string]json.RawMessage
	var m claimSet
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &m) || len(m) == 0 {
		return Claims{}, ErrOpaque
	}
	return Claims{
		Audience:    m.text("aud"),
		Issuer:      m.text("iss"),
		Tenant:      m.text("tid"),
		Object:      m.text("oid"),
		Application: m.text("appid", "azp"),
		Method:      m.text("appidacr", "azpacr"),
		Roles:       m.list("roles"),
		Scope:       m.text("scp"),
		Name:        m.text("upn", "unique_name", "preferred_username"),
		Expires:     m.time("exp"),
		NotBefore:   m.time("nbf"),
		Issued:      m.time("iat"),
		Version:     m.text("ver"),
	}, nil
}

// Person reports whether the token is that of somebody who signed in, and not
// of an application.
func (c Claims) Person() bool { return c.Scope != "" }

// How words the way in which the application has proved who it is; "" if the
// token does not say.
func (c Claims) How() string {
	switch c.Method {
	case "0":
		return "without a secret"
	case "1":
		return "by a client secret"
	case "2":
		return "by a certificate or a signed assertion"
	}
	return ""
}

// decodePart reads one of the parts between the dots.
func decodePart(part string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	return err == nil && json.Unmarshal(raw, into) == nil
}

// claimSet is the second part of a token.
type claimSet map[string]json.RawMessage

// text returns the first of these claims that is there. Claims that are lists
// are joined by spaces.
func (m claimSet) text(names ...string) string {
	for _, name := range names {
		if text := strings.Join(m.list(name), " "); text != "" {
			return text
		}
	}
	return ""
}

// list returns a claim that is a text, a number or a list of texts.
func (m claimSet) list(name string) []string {
	var one string
	var number json.Number
	var many []string
	switch raw := m[name]; {
	case json.Unmarshal(raw, &one) == nil:
		many = []string{one}
	case json.Unmarshal(raw, &number) == nil:
		many = []string{number.String()}
	case json.Unmarshal(raw, &many) != nil:
		return nil
	}
	var shown []string
	for _, text := range many {
		if text = printable(text); text != "" {
			shown = append(shown, text)
		}
	}
	return shown
}

// lastSecond is the end of the year 9999, beyond which times have no text.
const lastSecond = 253402300799

// time reads seconds since 1970, as a number or as a text.
func (m claimSet) time(name string) time.Time {
	n, err := strconv.ParseFloat(m.text(name), 64)
	if err != nil || !(n > 0 && n <= lastSecond) {
		return time.Time{}
	}
	return time.Unix(int64(n), 0).UTC()
}

// printable returns a text that does nothing to a terminal.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	return strings.TrimSpace(clip(text))
}

// Claims gets a token as Token does and returns what it says. The error is
// that of Token, or ErrOpaque.
func (s *Tokens) Claims(ctx context.Context) (Claims, error) {
	token, err := s.Token(ctx)
	if err != nil {
		return Claims{}, err
	}
	return DecodeClaims(token.AccessToken)
}

// Target returns what the tokens are for.
func (s *Tokens) Target() Target { return s.target }

// Principal names whose tokens these are, by Credential.Principal.
func (s *Tokens) Principal() string { return s.credential.Principal() }
