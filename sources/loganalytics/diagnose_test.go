package loganalytics

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
)

func TestAccess(t *testing.T) {
	for cloud, want := range map[string]Access{
		"":       {Cloud: "public", Endpoint: "https://api.loganalytics.io", Authority: "https://login.microsoftonline.com", Audience: "https://api.loganalytics.io"},
		"usgov":  {Cloud: "usgov", Endpoint: "https://api.loganalytics.us", Authority: "https://login.microsoftonline.us", Audience: "https://api.loganalytics.us"},
		"china":  {Cloud: "china", Endpoint: "https://api.loganalytics.azure.cn", Authority: "https://login.partner.microsoftonline.cn", Audience: "https://api.loganalytics.azure.cn"},
		"public": {Cloud: "public", Endpoint: "https://private.example", Authority: "https://login.microsoftonline.com", Audience: "https://api.loganalytics.io"},
	} {
		c := Config{WorkspaceID: "5F0C1E2A-3B4D-4C5E-8F60-718293A4B5C6", Cloud: cloud}
		if want.Endpoint == "https://private.example" {
			c.Endpoint = want.Endpoint
		}
		s, err := New(c, azauth.Missing(errors.New("none")), NewGovernors())
		if err != nil {
			t.Fatal(err)
		}
		got := s.Access()
		if got.Client == nil {
			t.Errorf("%q: no client", cloud)
		}
		got.Client, want.Workspace = nil, "5f0c1e2a-3b4d-4c5e-8f60-718293a4b5c6"
		if got != want {
			t.Errorf("%q: %+v, want %+v", cloud, got, want)
		}
	}
}

func TestAccessProxy(t *testing.T) {
	proxy := &url.URL{Scheme: "http", Host: "proxy.example:3128"}
	for _, c := range []struct {
		transport http.RoundTripper
		want      *url.URL
	}{
		{&http.Transport{Proxy: http.ProxyURL(proxy)}, proxy},
		{&http.Transport{}, nil},
		{nil, nil},
	} {
		got, err := Access{Client: &http.Client{Transport: c.transport}}.Proxy("https://api.example")
		if err != nil || got != c.want {
			t.Errorf("%v, %v; want %v", got, err, c.want)
		}
	}
}

func TestTablesOfText(t *testing.T) {
	s := &Source{}
	for text, want := range map[string][]string{
		"Syslog":                              {"Syslog"},
		"union Syslog, ['My Table'] | take 1": {"Syslog", "My Table"},
		"let A = Syslog; A | join (Perf) on Computer": {"Syslog", "Perf"},
		"print 1":          nil,
		"Syslog | where (": nil,
	} {
		if got := s.Reads(pipeline.Query{Text: text}); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestAnswerOf(t *testing.T) {
	refused := &failure{text: "no", answer: Answer{403, map[string]bool{"InsufficientAccessError": true, "NspValidationFailedError": true}}}
	for _, err := range []error{refused, fmt.Errorf("count: %w", refused), &pipeline.RetryAfter{Err: refused}} {
		a, ok := AnswerOf(err)
		if !ok || a.Status != 403 || !a.Has("X", "NspValidationFailedError") || a.Has("X") || a.Has() {
			t.Errorf("%v: %+v, %v", err, a, ok)
		}
	}
	for _, err := range []error{nil, errors.New("x"), &failure{text: "no answer"}} {
		if a, ok := AnswerOf(err); ok {
			t.Errorf("%v: %+v, want none", err, a)
		}
	}
}
