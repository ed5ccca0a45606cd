package loganalytics

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// Config is the block workspace "NAME". It has one of WorkspaceID and
// ResourceID; the zero values of all others are the defaults.
type Config struct {
	WorkspaceID string   `hcl:"workspace_id,optional"`
	ResourceID  string   `hcl:"resource_id,optional"`           // of an Azure resource whose logs are read, wherever they are
	Additional  []string `hcl:"additional_workspaces,optional"` // ids, names or resource ids, read as one with the workspace
	Cloud       string   `hcl:"cloud,optional"`                 // public, usgov or china
	Endpoint    string   `hcl:"endpoint,optional"`              // in place of the cloud's
	Authority   string   `hcl:"authority,optional"`             // in place of the cloud's
	CAFile      string   `hcl:"ca_file,optional"`               // PEM, trusted beside the system's
	Limits      *Limits  `hcl:"limits,block"`

	Dir  string // what CAFile is relative to
	Tool string // product and version for the User-Agent; "" is "kustash"
}

// Limits bound one answer.
type Limits struct {
	Rows    int64  `hcl:"rows,optional"`    // 0 is 500000
	Bytes   int64  `hcl:"bytes,optional"`   // as the engine measures; 0 is 64000000
	Timeout string `hcl:"timeout,optional"` // of a query, at most the default of 10m
}

// The limits of the service. The rows and the time are documented, the bytes
// are those that its errors name.
const (
	maxRows    = 500_000
	maxBytes   = 64_000_000
	maxTimeout = 10 * time.Minute
)

// settings is a Config that has been checked.
type settings struct {
	Config
	cloud
	scope string // workspace id or resource id, lower case: what is read
	route string // the path of its routes, escaped, without the last segment
	// moreRoutes are those of Additional; "" where only the name is known.
	moreRoutes []string

	limits  pipeline.Limits
	timeout time.Duration
	roots   *x509.CertPool // nil is the system's
}

// check reads the certificates and nothing else.
func (c Config) check() (settings, error) {
	s := settings{Config: c}
	if err := s.checkScope(); err != nil {
		return s, err
	}
	if s.Cloud == "" {
		s.Cloud = "public"
	}
	var known bool
	if s.cloud, known = clouds[s.Cloud]; !known {
		return s, setting("cloud", "%q is not one of public, usgov and china", c.Cloud)
	}
	for _, a := range []struct {
		name, given string
		into        *string
	}{{"endpoint", c.Endpoint, &s.endpoint}, {"authority", c.Authority, &s.authority}} {
		if a.given == "" {
			continue
		}
		if err := checkAddress(a.given); err != nil {
			return s, &pipeline.SettingError{Name: a.name, Err: err}
		}
		*a.into = strings.TrimRight(a.given, "/")
	}
	if err := s.readLimits(); err != nil {
		return s, err
	}
	return s, s.readRoots()
}

// demoWorkspace is the workspace with which everybody can try the service, by
// an API key (https://learn.microsoft.com/azure/azure-monitor/logs/api/access-api).
const demoWorkspace = "DEMO_WORKSPACE"

// checkDemo refuses an API key for a real workspace, and the demo workspace
// without one.
func (s settings) checkDemo(key bool) error {
	switch demo := s.WorkspaceID == demoWorkspace; {
	case demo && !key:
		return setting("workspace_id", "%s takes an API key only; write auth \"api_key\" { api_key = \"DEMO_KEY\" }", demoWorkspace)
	case key && !demo:
		return setting("workspace_id", "an API key opens the demo workspace only; use another kind of credential, or %q here", demoWorkspace)
	}
	return nil
}

func setting(name, format string, values ...any) error {
	return &pipeline.SettingError{Name: name, Err: fmt.Errorf(format, values...)}
}

// checkAddress accepts https, and http on the loopback interface, where nobody
// can listen to a token.
func checkAddress(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("not an address such as https://api.loganalytics.io")
	case u.User != nil:
		return errors.New("an address must not hold a user or password")
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1"):
		return errors.New("write the address without /v1, which kustash adds")
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q has more than scheme, host and path", text)
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	case u.Scheme == "http":
		return fmt.Errorf("%q would send tokens unprotected; use https (plain http is accepted for loopback addresses only)", text)
	default:
		return fmt.Errorf("%q begins with neither https:// nor http://", text)
	}
	return nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (s *settings) readLimits() error {
	s.limits = pipeline.Limits{Rows: maxRows, Bytes: maxBytes}
	s.timeout = maxTimeout
	l := s.Config.Limits
	if l == nil {
		return nil
	}
	switch {
	case l.Rows < 0:
		return setting("rows", "%d is less than 1", l.Rows)
	case l.Bytes < 0:
		return setting("bytes", "%d is less than 1", l.Bytes)
	case l.Rows > maxRows:
		return setting("rows", "%d is more than %d, the most that an answer of the service holds", l.Rows, maxRows)
	case l.Bytes > maxBytes:
		return setting("bytes", "%d is more than %d, the most that an answer of the service holds", l.Bytes, maxBytes)
	}
	if l.Rows > 0 {
		s.limits.Rows = l.Rows
	}
	if l.Bytes > 0 {
		s.limits.Bytes = l.Bytes
	}
	if l.Timeout == "" {
		return nil
	}
	d, err := time.ParseDuration(l.Timeout)
	if err != nil {
		return setting("timeout", `%q is not a duration such as "10m"`, l.Timeout)
	}
	if d < time.Second || d > maxTimeout {
		return setting("timeout", "%q is not between 1s and 10m, the longest that the service lets a query run", l.Timeout)
	}
	s.timeout = d
	return nil
}

func (s *settings) readRoots() error {
	if s.CAFile == "" {
		return nil
	}
	path := s.CAFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Dir, path)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return &pipeline.SettingError{Name: "ca_file", Err: err}
	}
	if s.roots, err = x509.SystemCertPool(); err != nil {
		s.roots = x509.NewCertPool()
	}
	if !s.roots.AppendCertsFromPEM(pem) {
		return setting("ca_file", "%s holds no certificate in PEM form", s.CAFile)
	}
	return nil
}
