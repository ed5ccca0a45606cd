package azauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
)

const testSecret = `p+a/s s"w%rd`

// issuer is a token endpoint that answers as a test says.
type issuer struct {
	*httptest.Server
	answer func(w http.ResponseWriter, n int)

	mu    sync.Mutex
	paths []string
	forms []url.Values
}

func newIssuer(t *testing.T, answer func(w http.ResponseWriter, n int)) *issuer {
	t.Helper()
	i := &issuer{answer: answer}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), 599)
		return
	}
	i.mu.Lock()
	i.paths, i.forms = append(i.paths, r.Method+" "+r.URL.Path), append(i.forms, r.PostForm)
	n := len(i.forms)
	i.mu.Unlock()
	i.answer(w, n)
}

func (i *issuer) target() Target {
	return Target{Authority: i.URL + "/", Audience: "https://api.example", Client: i.Client()}
}

func says(status int, contentType, body string) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, n int) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, strings.ReplaceAll(body, "<n>", fmt.Sprint(n)))
	}
}

const tokenV2 = `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"token-<n>"}`

func credential(t *testing.T, version string) Credential {
	t.Helper()
	c, err := ClientSecret{TenantID: "Contoso.example", ClientID: "APP", ClientSecret: testSecret, TokenVersion: version}.Credential("credential.archiver", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRequests(t *testing.T) {
	for _, c := range []struct{ version, path, key, value, body string }{
		{"", "POST /Contoso.example/oauth2/v2.0/token", "scope", "https://api.example/.default", tokenV2},
		{"v2", "POST /Contoso.example/oauth2/v2.0/token", "scope", "https://api.example/.default", tokenV2},
		{"v1", "POST /Contoso.example/oauth2/token", "resource", "https://api.example",
			`{"token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599","expires_on":"1672826207","not_before":"1672739507","resource":"x","access_token":"token-<n>"}`},
	} {
		i := newIssuer(t, says(200, "application/json; charset=utf-8", c.body))
		token, err := NewTokens(credential(t, c.version), i.target()).Token(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", c.version, err)
		}
		if token.AccessToken != "token-1" || time.Until(token.Expiry) < 59*time.Minute || time.Until(token.Expiry) > time.Hour {
			t.Errorf("%s: token %q expires in %v", c.version, token.AccessToken, time.Until(token.Expiry))
		}
		want := url.Values{"grant_type": {"client_credentials"}, "client_id": {"APP"}, "client_secret": {testSecret}, c.key: {c.value}}
		if i.paths[0] != c.path || i.forms[0].Encode() != want.Encode() {
			t.Errorf("%s: %s with %v, want %s with %v", c.version, i.paths[0], i.forms[0], c.path, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	all := map[string]string{}
	for _, family := range []string{"AZURE_", "ARM_"} {
		for _, name := range []string{"TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"} {
			all[family+name] = strings.ToLower(family + name)
		}
	}
	for _, c := range []struct {
		name  string
		block ClientSecret
		unset string
		want  string // the principal, or words of the error
		bad   bool
	}{
		{"azure first", ClientSecret{}, "", "azure_tenant_id/azure_client_id", false},
		{"families are not mixed", ClientSecret{}, "AZURE_CLIENT_SECRET", "arm_tenant_id/arm_client_id", false},
		{"an empty variable is none", ClientSecret{}, "AZURE_TENANT_ID=", "arm_tenant_id/arm_client_id", false},
		{"the rest of the block is no matter", ClientSecret{TokenVersion: "v1"}, "", "azure_tenant_id/azure_client_id", false},
		{"neither is complete", ClientSecret{}, "AZURE_CLIENT_SECRET ARM_CLIENT_ID", "AZURE_CLIENT_SECRET", true},
		{"tenant alone", ClientSecret{TenantID: "t"}, "", "client_id", true},
		{"no secret", ClientSecret{TenantID: "t", ClientID: "c"}, "", "client_secret", true},
		{"secret alone", ClientSecret{ClientSecret: "s"}, "", "tenant_id", true},
	} {
		env := func(name string) (string, bool) {
			for _, u := range strings.Fields(c.unset) {
				if u == name {
					return "", false
				}
				if u == name+"=" {
					return "", true
				}
			}
			v, ok := all[name]
			return v, ok
		}
		got, err := c.block.Credential("credential.x", env)
		switch {
		case c.bad && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want an error about %s", c.name, err, c.want)
		case !c.bad && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !c.bad && got.Principal() != c.want:
			t.Errorf("%s: principal %s, want %s", c.name, got.Principal(), c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*ClientSecret)
	}{
		{"tenant_id", func(c *ClientSecret) { c.TenantID = "a/b" }},
		{"tenant_id", func(c *ClientSecret) { c.TenantID = "my tenant" }},
		{"client_id", func(c *ClientSecret) { c.ClientID = "a b" }},
		{"token_version", func(c *ClientSecret) { c.TokenVersion = "v3" }},
		{"concurrency", func(c *ClientSecret) { c.Limits = &Limits{Concurrency: -1} }},
		{"requests", func(c *ClientSecret) { c.Limits = &Limits{Requests: -1} }},
	} {
		block := ClientSecret{TenantID: "t", ClientID: "c", ClientSecret: "s"}
		c.change(&block)
		_, err := block.Credential("credential.x", nil)
		var s *pipeline.SettingError
		if !errors.As(err, &s) || s.Name != c.want {
			t.Errorf("%v, want an error about %s", err, c.want)
		}
	}
	if got := credential(t, "").(Limited).Limits(); got != (Limits{Concurrency: 4, Requests: 150}) {
		t.Errorf("limits %+v, want 4 and 150", got)
	}
	if got := fmt.Sprintf("%v %+v %#v", ClientSecret{ClientSecret: testSecret}, credential(t, ""), secret.Text(testSecret)); strings.Contains(got, testSecret) {
		t.Errorf("%s shows the secret", got)
	}
}

func refused(code string, number int, text string) string {
	return fmt.Sprintf(`{"error":%q,"error_description":"AADSTS%d: %s\r\nTrace ID: t\r\nTimestamp: 2022-11-09 21:22:03Z","error_codes":[%d],"correlation_id":"c-o-r-r"}`, code, number, text, number)
}

func TestErrors(t *testing.T) {
	const form = "application/json"
	for _, c := range []struct {
		name      string
		answer    func(http.ResponseWriter, int)
		transient bool
		says      string
	}{
		{"wrong secret", says(401, form, refused("invalid_client", 7000215, "Invalid client secret provided.")), false, "use the secret's value, not its id"},
		{"expired secret", says(401, form, refused("invalid_client", 7000222, "expired")), false, "has expired"},
		{"unknown tenant", says(400, form, refused("invalid_request", 90002, "Tenant not found")), false, "cloud"},
		{"other cloud", says(400, form, refused("invalid_request", 900432, "x")), false, "another cloud"},
		{"not in the tenant", says(400, form, refused("unauthorized_client", 700016, "x")), false, "not known in this tenant"},
		{"resource", says(400, form, refused("invalid_resource", 500011, "x")), false, "check cloud"},
		{"scope", says(400, form, refused("invalid_scope", 70011, "x")), false, "scope"},
		{"clock", says(400, form, refused("invalid_grant", 500133, "x")), false, "clock"},
		{"new number", says(400, form, refused("invalid_client", 1, "x")), false, "check client_id"},
		{"new code", says(400, form, refused("brand_new", 1, "x")), false, `"brand_new"`},
		{"busy", says(400, form, refused("temporarily_unavailable", 1, "x")), true, "another try"},
		{"busy by number", says(400, form, refused("invalid_request", 90033, "x")), true, "another try"},
		{"throttled", says(429, form, ``), true, "429"},
		{"gateway page", says(502, "text/html", `<html>`), true, "502"},
		{"error with success", says(200, form, refused("invalid_client", 7000215, "x")), false, "secret"},
		{"page with success", says(200, "text/html", `<html>log in</html>`), false, "not a token"},
		{"no token", says(200, form, `{}`), false, "not a token"},
		{"hung up", func(http.ResponseWriter, int) { panic(http.ErrAbortHandler) }, true, "no answer"},
	} {
		i := newIssuer(t, c.answer)
		_, err := NewTokens(credential(t, ""), i.target()).Token(context.Background())
		var e *Error
		if !errors.As(err, &e) || e.Transient != c.transient || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "credential.archiver") {
			t.Errorf("%s: %v; want transient %v and %q", c.name, err, c.transient, c.says)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q has several lines", c.name, err)
		}
	}
}

func TestNoRedirection(t *testing.T) {
	other := newIssuer(t, says(200, "application/json", tokenV2))
	i := newIssuer(t, func(w http.ResponseWriter, _ int) {
		w.Header().Set("Location", other.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	if token, err := NewTokens(credential(t, ""), i.target()).Token(context.Background()); err == nil || len(other.forms) > 0 {
		t.Errorf("token %v, %d requests to the other host; want an error and none", token, len(other.forms))
	}
}

func TestErrorsHideTheSecret(t *testing.T) {
	for _, echo := range []string{testSecret, url.QueryEscape(testSecret), url.PathEscape(testSecret)} {
		quoted := strings.ReplaceAll(echo, `"`, `\"`)
		for _, answer := range []func(http.ResponseWriter, int){
			says(401, "application/json", refused("invalid_client", 7000215, quoted)),
			says(400, "application/json", `{"error":"`+quoted+`"}`),
			says(500, "text/plain", echo),
			says(200, "application/json", `"`+quoted),
			says(302, "text/plain", echo),
		} {
			i := newIssuer(t, answer)
			_, err := NewTokens(credential(t, ""), i.target()).Token(context.Background())
			if err == nil {
				t.Fatal("a refusal gives no error")
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if text := fmt.Sprintf("%v %+v", e, e); strings.Contains(text, echo) {
					t.Errorf("%q shows the secret", text)
				}
			}
		}
	}
}

// fixed is a Credential that counts what it is asked.
type fixed struct {
	mu    sync.Mutex
	asked int
	life  time.Duration
	extra map[string]any
	err   error
	busy  int // asking at this moment
	most  int
}

func (f *fixed) Principal() string { return "p" }

func (f *fixed) TokenSource(context.Context, Target) (oauth2.TokenSource, error) { return f, nil }

func (f *fixed) Token() (*oauth2.Token, error) {
	f.mu.Lock()
	f.asked++
	n := f.asked
	f.busy++
	f.most = max(f.most, f.busy)
	f.mu.Unlock()
	time.Sleep(time.Millisecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	if f.err != nil {
		return nil, f.err
	}
	t := &oauth2.Token{AccessToken: fmt.Sprint(n)}
	if f.life > 0 {
		t.Expiry = start.Add(f.life)
	}
	return t.WithExtra(f.extra), nil
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestRenewal(t *testing.T) {
	for _, c := range []struct {
		name  string
		life  time.Duration
		extra map[string]any
		after time.Duration // of the renewal
	}{
		{"long life", time.Hour, nil, 55 * time.Minute},
		{"short life", 8 * time.Second, nil, 6 * time.Second},
		{"as asked", time.Hour, map[string]any{"refresh_in": float64(1800)}, 30 * time.Minute},
		{"as asked in text", time.Hour, map[string]any{"refresh_in": "1800"}, 30 * time.Minute},
		{"asked too late", time.Hour, map[string]any{"refresh_in": float64(7200)}, 55 * time.Minute},
		{"asked nonsense", time.Hour, map[string]any{"refresh_in": "soon"}, 55 * time.Minute},
	} {
		now := start
		f := &fixed{life: c.life, extra: c.extra}
		s := NewTokens(f, Target{})
		s.now = func() time.Time { return now }
		for _, step := range []struct {
			at   time.Duration
			want int
		}{{0, 1}, {c.after - time.Millisecond, 1}, {c.after, 2}} {
			now = start.Add(step.at)
			if _, err := s.Token(context.Background()); err != nil || f.asked != step.want {
				t.Errorf("%s: asked %d times after %v, %v; want %d", c.name, f.asked, step.at, err, step.want)
			}
		}
	}
}

func TestRenewalPutOff(t *testing.T) {
	now := start
	f := &fixed{life: time.Hour}
	s := NewTokens(f, Target{})
	s.now = func() time.Time { return now }
	ask := func() (string, error) {
		token, err := s.Token(context.Background())
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	}
	if got, err := ask(); got != "1" {
		t.Fatal(got, err)
	}
	f.err, now = &Error{Transient: true}, start.Add(58*time.Minute)
	if got, err := ask(); got != "1" {
		t.Errorf("while the old token is valid: %q, %v; want it", got, err)
	}
	f.err = &Error{}
	if got, err := ask(); err == nil {
		t.Errorf("a refusal for good gives %q, want an error", got)
	}
	f.err, now = &Error{Transient: true}, start.Add(time.Hour)
	if got, err := ask(); err == nil {
		t.Errorf("after the end of the old token: %q, want an error", got)
	}
}

func TestTokensAtOnce(t *testing.T) {
	f := &fixed{}
	s := NewTokens(f, Target{})
	first, err := s.Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if token, err := s.Renew(context.Background(), first); err != nil || token.AccessToken != "2" {
				t.Errorf("token %v, %v; want 2", token, err)
			}
		})
	}
	all.Wait()
	if f.asked != 2 || f.most != 1 {
		t.Errorf("asked %d times, %d at once; want 2 and 1", f.asked, f.most)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	i := newIssuer(t, func(http.ResponseWriter, int) { cancel(); time.Sleep(20 * time.Millisecond) })
	s := NewTokens(credential(t, ""), i.target())
	if _, err := s.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Token = %v, want context.Canceled", err)
	}
	s.turn <- struct{}{} // somebody else asks
	if _, err := s.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Token while another asks = %v, want context.Canceled", err)
	}
	<-s.turn
	i.answer = says(200, "application/json", tokenV2)
	if _, err := s.Token(context.Background()); err != nil {
		t.Errorf("after a cancelled request: %v", err)
	}
}

func TestTargets(t *testing.T) {
	for _, target := range []Target{{}, {Authority: "login.example", Audience: "x"}, {Authority: "https://login.example"}, {Authority: ":", Audience: "x"}} {
		if _, err := credential(t, "").TokenSource(context.Background(), target); err == nil {
			t.Errorf("%+v is accepted", target)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	i := newIssuer(t, func(w http.ResponseWriter, _ int) { w.Header().Set("Retry-After", "9"); w.WriteHeader(429) })
	_, err := NewTokens(credential(t, ""), i.target()).Token(context.Background())
	var e *Error
	if !errors.As(err, &e) || e.Wait != 9*time.Second {
		t.Errorf("%+v, want a wait of 9s", e)
	}
	r := &http.Response{Header: http.Header{"Retry-After": {start.Add(3 * time.Second).Format(http.TimeFormat)}, "Date": {start.Format(http.TimeFormat)}}}
	if got := retryAfter(r); got != 3*time.Second {
		t.Errorf("a date 3 s on gives %v", got)
	}
}
