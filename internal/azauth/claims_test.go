package azauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/kustash/kustash/internal/secret"
)

// saying returns a token with these claims.
func saying(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"typ":"JWT","alg":"RS256","kid":"k"}`)) + "." + part([]byte(claims)) + ".c2lnbmF0dXJl"
}

func TestClaims(t *testing.T) {
	at := time.Unix(1672826207, 0).UTC()
	for _, c := range []struct {
		name, claims string
		want         Claims
	}{
		{"v1", `{"aud":"https://api.loganalytics.io","iss":"https://sts.windows.net/t/","iat":1672826207,"nbf":1672826207,"exp":1672826207,
			"appid":"a","appidacr":"1","oid":"o","tid":"t","roles":["Data.Read","X"],"uti":"u","ver":"1.0"}`,
			Claims{Audience: "https://api.loganalytics.io", Issuer: "https://sts.windows.net/t/", Tenant: "t", Object: "o", Application: "a",
				Method: "1", Roles: []string{"Data.Read", "X"}, Expires: at, NotBefore: at, Issued: at, Version: "1.0"}},
		{"v2", `{"aud":"ca7f3f0b-7d91-482c-8e09-c5d840d0eac5","azp":"a","azpacr":"2","oid":"o","exp":1672826207,"ver":"2.0"}`,
			Claims{Audience: "ca7f3f0b-7d91-482c-8e09-c5d840d0eac5", Object: "o", Application: "a", Method: "2", Expires: at, Version: "2.0"}},
		{"a person", `{"oid":"o","scp":"Data.Read","upn":"ann@contoso.example"}`,
			Claims{Object: "o", Scope: "Data.Read", Name: "ann@contoso.example"}},
		{"numbers as text", `{"exp":"1672826207","ver":2.0,"appidacr":1}`, Claims{Expires: at, Version: "2.0", Method: "1"}},
		{"several audiences", `{"aud":["a","b"]}`, Claims{Audience: "a b"}},
		{"times that are none", `{"tid":"t","exp":1e300,"nbf":-5,"iat":"soon"}`, Claims{Tenant: "t"}},
		{"kinds that are wrong", `{"tid":{"a":1},"oid":[1],"roles":"one","appid":true,"aud":null}`, Claims{Roles: []string{"one"}}},
		{"control characters", `{"tid":"a\u001b[31mb\nc","oid":"o"}`, Claims{Tenant: "a[31mbc", Object: "o"}},
		{"nothing known", `{"x":1}`, Claims{}},
	} {
		got, err := DecodeClaims(saying(c.claims))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
}

func TestOpaqueTokens(t *testing.T) {
	good := saying(`{"aud":"x"}`)
	for name, token := range map[string]string{
		"empty":     "",
		"a word":    "token-1",
		"two parts": strings.Join(strings.Split(good, ".")[:2], "."),
		"encrypted": "a.b.c.d.e",
		"no base64": "e30.§§§.x",
		"no JSON":   "e30." + base64.RawURLEncoding.EncodeToString([]byte("hello")) + ".x",
		"a list":    "e30." + base64.RawURLEncoding.EncodeToString([]byte("[1]")) + ".x",
		"null":      "e30.bnVsbA.x",
		"no claims": "e30.e30.x",
		"no header": "x." + strings.SplitN(good, ".", 2)[1],
		"too long":  saying(`{"aud":"` + strings.Repeat("x", maxClaims) + `"}`),
	} {
		got, err := DecodeClaims(token)
		if !errors.Is(err, ErrOpaque) || !reflect.DeepEqual(got, Claims{}) {
			t.Errorf("%s: %+v, %v; want ErrOpaque", name, got, err)
		}
		if token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v shows the token", name, err)
		}
	}
}

// The id of a secret in the place of its value is told from a wrong value.
func TestSecretID(t *testing.T) {
	i := newIssuer(t, says(401, "application/json", refused("invalid_client", 7000215, "Invalid client secret provided.")))
	for given, want := range map[string]string{
		"6b8a1c52-9d3e-4f70-8a1b-2c3d4e5f6a7b": adviceSecretID,
		testSecret:                             "the client secret is wrong",
	} {
		c, err := ClientSecret{TenantID: "t", ClientID: "c", ClientSecret: secret.Text(given)}.Credential("credential.x", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = NewTokens(c, i.target()).Token(context.Background())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), given) {
			t.Errorf("%v, want %q and no secret", err, want)
		}
	}
}

// Whatever a token holds, its claims can be printed and encoded, and say
// nothing of header and signature.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{"", "a.b.c", saying(`{"aud":"x","exp":1672826207,"roles":["a"]}`), saying(`{"exp":1e400}`),
		saying(`{"aud":["a",1]}`), saying(`{"tid":"\u001b[2J"}`), saying(`{"exp":"99999999999999999999"}`), "e30.e30.e30"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := DecodeClaims(token)
		if err != nil {
			if !errors.Is(err, ErrOpaque) || !reflect.DeepEqual(c, Claims{}) {
				t.Fatalf("%+v, %v", c, err)
			}
			return
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		for _, at := range []time.Time{c.Expires, c.NotBefore, c.Issued} {
			if !at.IsZero() && (at.Year() < 1970 || at.Year() > 9999 || at.Location() != time.UTC) {
				t.Fatalf("time %v", at)
			}
		}
		for _, r := range fmt.Sprintf("%s%s%s%s%s%s%s%s%s", c.Audience, c.Issuer, c.Tenant, c.Object, c.Application, c.Method, c.Scope, c.Name, strings.Join(c.Roles, "")) {
			if !unicode.IsPrint(r) {
				t.Fatalf("%+v holds %q", c, r)
			}
		}
	})
}
