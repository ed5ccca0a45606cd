package loganalytics

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string // argument of the error, or ""
		says   string
	}{
		{"least", func(c *Config) {}, "", ""},
		{"name", func(c *Config) { c.WorkspaceID = "soc-prod" }, "workspace_id", "not the name"},
		{"resource id", func(c *Config) { c.WorkspaceID = "/subscriptions/x" }, "workspace_id", "not the name"},
		{"braces", func(c *Config) { c.WorkspaceID = "{" + testWorkspace + "}" }, "workspace_id", ""},
		{"missing", func(c *Config) { c.WorkspaceID = "" }, "workspace_id", ""},
		{"cloud", func(c *Config) { c.Cloud = "germany" }, "cloud", "usgov"},
		{"china", func(c *Config) { c.Cloud = "china" }, "", ""},
		{"plain http", func(c *Config) { c.Endpoint = "http://api.loganalytics.io" }, "endpoint", "https"},
		{"plain http to a name like loopback", func(c *Config) { c.Endpoint = "http://localhost.example.com" }, "endpoint", "https"},
		{"loopback", func(c *Config) { c.Endpoint = "http://127.0.0.1:8080/" }, "", ""},
		{"loopback by name", func(c *Config) { c.Endpoint = "http://LocalHost:8080" }, "", ""},
		{"loopback 6", func(c *Config) { c.Authority = "http://[::1]:8080" }, "", ""},
		{"plain authority", func(c *Config) { c.Authority = "http://10.0.0.1" }, "authority", "https"},
		{"no scheme", func(c *Config) { c.Endpoint = "api.loganalytics.io" }, "endpoint", ""},
		{"other scheme", func(c *Config) { c.Endpoint = "ftp://x" }, "endpoint", ""},
		{"query", func(c *Config) { c.Endpoint = "https://x/?a=b" }, "endpoint", ""},
		{"password", func(c *Config) { c.Endpoint = "https://u:p@x" }, "endpoint", "password"},
		{"timeout", func(c *Config) { c.Limits = &Limits{Timeout: "11m"} }, "timeout", "10m"},
		{"no time", func(c *Config) { c.Limits = &Limits{Timeout: "0s"} }, "timeout", ""},
		{"timeout word", func(c *Config) { c.Limits = &Limits{Timeout: "long"} }, "timeout", "10m"},
		{"rows", func(c *Config) { c.Limits = &Limits{Rows: -1} }, "rows", ""},
		{"bytes", func(c *Config) { c.Limits = &Limits{Bytes: -1} }, "bytes", ""},
		{"certificates", func(c *Config) { c.CAFile = "missing.pem" }, "ca_file", "missing.pem"},
	} {
		config := Config{WorkspaceID: testWorkspace, Dir: t.TempDir()}
		c.change(&config)
		_, err := New(config, testCredential(t), NewGovernors())
		var s *pipeline.SettingError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (!errors.As(err, &s) || s.Name != c.want || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want an error about %s that says %q", c.name, err, c.want, c.says)
		}
	}
}

func TestDefaults(t *testing.T) {
	s, err := New(Config{WorkspaceID: testWorkspace, Cloud: "usgov"}, testCredential(t), NewGovernors())
	if err != nil {
		t.Fatal(err)
	}
	if s.endpoint != "https://api.loganalytics.us" || s.Limits() != (pipeline.Limits{Rows: 500000, Bytes: 64000000}) || s.timeout != 10*time.Minute {
		t.Errorf("endpoint %s, limits %v, timeout %v", s.endpoint, s.Limits(), s.timeout)
	}
	if s.grace != 4*time.Minute {
		t.Errorf("an answer may take %v beyond its query's time to begin, want 4m", s.grace)
	}
}

func TestOwnAuthority(t *testing.T) {
	private := httptest.NewTLSServer(http.HandlerFunc(reply(200, threeRows)))
	defer private.Close()
	dir := t.TempDir()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: private.Certificate().Raw})
	for name, content := range map[string][]byte{"ca.pem": block, "empty.pem": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := Config{WorkspaceID: testWorkspace, Endpoint: private.URL, Dir: dir, CAFile: "ca.pem"}
	s, err := New(config, testCredential(t), NewGovernors())
	if err != nil {
		t.Fatal(err)
	}
	if response, err := s.http.Get(private.URL); err != nil {
		t.Errorf("the authority is not trusted: %v", err)
	} else {
		response.Body.Close()
	}
	s.http.CloseIdleConnections()
	config.CAFile = "empty.pem"
	if _, err := New(config, testCredential(t), NewGovernors()); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("an empty ca_file gives %v, want an error", err)
	}
}
