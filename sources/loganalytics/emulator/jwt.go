package emulator

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// claims are what an access token says, as far as tools show it. The query
// service takes tokens of version 1.0, which name the application in appid.
type claims struct {
	Audience  string   `json:"aud"`
	Issuer    string   `json:"iss"`
	Issued    int64    `json:"iat"`
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	AppID     string   `json:"appid"`
	AppIDACR  string   `json:"appidacr"`
	Provider  string   `json:"idp"`
	ObjectID  string   `json:"oid"`
	Roles     []string `json:"roles,omitempty"`
	Subject   string   `json:"sub"`
	Tenant    string   `json:"tid"`
	Unique    string   `json:"uti"`
	Type      string   `json:"idtyp"`
	Version   string   `json:"ver"`
}

// signer makes and recognises the tokens of one Emulator. They look like those
// of Entra, but only the process that made them accepts them.
type signer struct{ key []byte }

func newSigner() signer {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return signer{key}
}

var rawURL = base64.RawURLEncoding

func (s signer) seal(c claims) string {
	head := rawURL.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256","kid":"emulator"}`))
	body := head + "." + rawURL.EncodeToString(compact(c))
	return body + "." + rawURL.EncodeToString(s.sum(body))
}

func (s signer) sum(body string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(body))
	return mac.Sum(nil)
}

// open returns the claims of a token that seal made. Their times are not
// looked at.
func (s signer) open(token string) (claims, bool) {
	var c claims
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return c, false
	}
	sum, err := rawURL.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(sum, s.sum(token[:dot])) {
		return c, false
	}
	_, payload, _ := strings.Cut(token[:dot], ".")
	raw, err := rawURL.DecodeString(payload)
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return c, false
	}
	return c, true
}
