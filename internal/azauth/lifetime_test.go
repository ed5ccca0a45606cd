package azauth

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answering is a token endpoint that always says the same.
type answering struct {
	kind string
	body []byte
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {a.kind}},
		Body: io.NopCloser(bytes.NewReader(a.body)), Request: r}, nil
}

func (a answering) tokens(t testing.TB) *Tokens {
	t.Helper()
	c, err := ClientSecret{TenantID: "t", ClientID: "c", ClientSecret: testSecret}.Credential("credential.x", nil)
	if err != nil {
		t.Fatal(err)
	}
	return NewTokens(c, Target{Authority: "https://login.example", Audience: "https://api.example", Client: &http.Client{Transport: a}})
}

func TestLifetime(t *testing.T) {
	const kind = "application/json"
	for _, c := range []struct {
		name, kind, body string
		least, most      time.Duration // of the life; both 0 is unknown, a negative least is an error
	}{
		{"number", kind, `{"access_token":"x","expires_in":3599}`, time.Hour - time.Minute, time.Hour},
		{"text", kind, `{"access_token":"x","expires_in":"3599"}`, time.Hour - time.Minute, time.Hour},
		{"missing", kind, `{"access_token":"x"}`, 0, 0},
		{"null", kind, `{"access_token":"x","expires_in":null}`, 0, 0},
		{"huge", kind, `{"access_token":"x","expires_in":9223372036854775807}`, longestLife - time.Minute, longestLife},
		{"huge refresh", kind, `{"access_token":"x","expires_in":3599,"refresh_in":1e300}`, time.Hour - time.Minute, time.Hour},
		{"negative", kind, `{"access_token":"x","expires_in":-60}`, -1, 0},
		{"below 32 bits", kind, `{"access_token":"x","expires_in":-2147483649}`, longestLife - time.Minute, longestLife},
		{"no number", kind, `{"access_token":"x","expires_in":"soon"}`, -1, 0},
		{"beyond 64 bits", kind, `{"access_token":"x","expires_in":1e30}`, -1, 0},
		{"no token", kind, `{"expires_in":3599}`, -1, 0},
		{"form", "text/plain", `access_token=x&expires_in=9223372036`, longestLife - time.Minute, longestLife},
	} {
		got, err := answering{c.kind, []byte(c.body)}.tokens(t).Token(context.Background())
		if c.least < 0 {
			if err == nil {
				t.Errorf("%s: a token until %v, want an error", c.name, got.Expiry)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		life := time.Duration(0)
		if !got.Expiry.IsZero() {
			life = time.Until(got.Expiry)
		}
		if life < c.least || life > c.most {
			t.Errorf("%s: life of %v, want %v to %v", c.name, life, c.least, c.most)
		}
	}
}

// Whatever the token endpoint answers, there is an error without a secret, or
// a token that is renewed in time.
func FuzzTokenReply(f *testing.F) {
	for _, body := range []string{
		`{"token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599","expires_on":"1672826207","not_before":"1672739507","resource":"x","access_token":"a"}`,
		`{"token_type":"Bearer","expires_in":3599,"refresh_in":1800,"access_token":"a"}`,
		`{"access_token":"a","expires_in":-1}`, `{"access_token":"a","expires_in":1e3}`, `{"access_token":7}`, `{}`, `null`, `[]`, ``,
		`{"access_token":"a","refresh_in":1e308,"expires_in":99999999999}`, `{"error":"invalid_client","error_codes":[7000215]}`,
		`access_token=a&expires_in=-9223372036854775808&refresh_in=x`,
	} {
		f.Add([]byte(body), true)
		f.Add([]byte(body), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, asJSON bool) {
		kind := "text/plain"
		if asJSON {
			kind = "application/json"
		}
		s := answering{kind, body}.tokens(t)
		now := time.Now()
		s.now = func() time.Time { return now }
		token, err := s.Token(context.Background())
		if err != nil {
			if strings.Contains(err.Error(), testSecret) {
				t.Fatalf("%v shows the secret", err)
			}
			return
		}
		switch {
		case token.AccessToken == "":
			t.Fatal("an empty token and no error")
		case token.Expiry.IsZero() != s.renewAt.IsZero():
			t.Fatalf("expires %v, renewed %v", token.Expiry, s.renewAt)
		case !token.Expiry.IsZero() && (!token.Expiry.After(now) || token.Expiry.After(now.Add(longestLife))):
			t.Fatalf("expires %v, which is %v from now", token.Expiry, token.Expiry.Sub(now))
		case s.renewAt.After(token.Expiry), !s.renewAt.IsZero() && s.renewAt.Before(now):
			t.Fatalf("renewed %v from now, expires %v from now", s.renewAt.Sub(now), token.Expiry.Sub(now))
		}
	})
}
