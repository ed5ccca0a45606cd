package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/sources/loganalytics"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// A role that spreads late makes the same refusal as one that is missing, and
// then nothing is wrong any more.
func TestDoctorRoleSpreads(t *testing.T) {
	now := time.Now()
	s, _ := doctored(t, func(c *emulator.Config) {
		denied(emulator.Denied)(c)
		c.Principals[0].DeniedFor = 40 * time.Second
		c.Now = func() time.Time { return now }
	}, false)
	if code, output := s.run("doctor"); code != exitFailed || !strings.Contains(output, "Role still spreading") {
		t.Errorf("at once: exit %d\n%s", code, output)
	}
	now = now.Add(41 * time.Second)
	if code, output := s.run("doctor"); code != exitDone || !strings.Contains(output, "Ready.") {
		t.Errorf("later: exit %d\n%s", code, output)
	}
}

// That an identity can query another workspace tells a missing role from a
// wrong credential.
func TestDoctorComparesWorkspaces(t *testing.T) {
	_, closed := doctored(t, denied(emulator.Denied), false)
	s, _ := doctored(t, nil, false)
	s.write("second.kustash.hcl", fmt.Sprintf(`
workspace "x" {
  workspace_id = %q
  endpoint     = %q
  authority    = %[2]q
  auth         = credential.c
}
`, emulator.DemoWorkspaceID, closed.URL))
	if code, output := s.run("doctor"); code != exitFailed || !strings.Contains(output, "The same identity can query workspace.w") {
		t.Errorf("both: exit %d\n%s", code, output)
	}
	if code, output := s.run("doctor", "-workspace=w"); code != exitDone || strings.Contains(output, "workspace.x") {
		t.Errorf("one of them: exit %d\n%s", code, output)
	}
	if code, output := s.run("doctor", "-workspace=y"); code != exitFailed || !strings.Contains(output, `here is no workspace "y"`) {
		t.Errorf("none of them: exit %d\n%s", code, output)
	}
}

// A clock that is hours off makes good tokens invalid, so it comes first.
func TestDoctorClockFirst(t *testing.T) {
	service, err := emulator.New(emulator.Config{Faults: []emulator.Fault{{Action: emulator.Action{Status: 401, Body: `{"error":{"code":"InvalidAuthenticationToken"}}`}}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-2*time.Hour).UTC().Format(http.TimeFormat))
		service.ServeHTTP(w, r)
	}))
	defer server.Close()
	s, _ := doctored(t, nil, false)
	s.env["KUSTASH_VAR_endpoint"] = server.URL
	code, output := s.run("doctor")
	for _, want := range []string{"FAIL  query    print 1: the token is not accepted", "FAIL  clock    of this machine: it is 2h0m", "ahead of the endpoint's",
		"Do this first: (query print 1) Set the clock of this machine"} {
		if code != exitFailed || !strings.Contains(output, want) {
			t.Errorf("exit %d, lacks %q\n%s", code, want, output)
		}
	}
}

// A query by table needs the list of tables.
func TestDoctorByTable(t *testing.T) {
	s, _ := doctored(t, nil, false)
	s.write("second.kustash.hcl", `
query "all" {
  workspace = workspace.w
  tables    = ["*"]
  window { start = "now-7d" }
  sinks = [sink.archive]
}
`)
	if code, output := s.run("doctor"); code != exitDone || !strings.Contains(output, "ok    query    query.all: its tables are found at plan time, among ") {
		t.Errorf("exit %d\n%s", code, output)
	}
}

// Over TLS with an authority of one's own, ca_file makes the difference.
func TestDoctorTLS(t *testing.T) {
	s, server := doctored(t, nil, true)
	code, output := s.run("doctor")
	for _, want := range []string{"FAIL  connect  127.0.0.1:", "its certificate is by an authority that this machine does not know: Acme Co",
		"set ca_file of the workspace to it", "openssl s_client -showcerts -connect 127.0.0.1:", "docs/setup.md#tls"} {
		if code != exitFailed || !strings.Contains(strings.ReplaceAll(output, "O=", ""), want) {
			t.Errorf("without ca_file: exit %d, lacks %q\n%s", code, want, output)
		}
	}
	s.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	s.env["KUSTASH_VAR_ca"] = "ca.pem"
	if code, output := s.run("doctor"); code != exitDone || !strings.Contains(output, "answers, TLS 1.3") {
		t.Errorf("with ca_file: exit %d\n%s", code, output)
	}
	s.env["KUSTASH_VAR_endpoint"] = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	if code, output := s.run("doctor"); code != exitFailed || !strings.Contains(output, "its certificate is for another host: example.com") {
		t.Errorf("under another name: exit %d\n%s", code, output)
	}
	plain, _ := doctored(t, nil, false)
	plain.env["KUSTASH_VAR_endpoint"] = strings.Replace(plain.env["KUSTASH_VAR_endpoint"], "http:", "https:", 1)
	if code, output := plain.run("doctor"); code != exitFailed || !strings.Contains(output, "it does not speak TLS") {
		t.Errorf("without TLS: exit %d\n%s", code, output)
	}
}

// A proxy takes the place of the host's name, and may want a password.
func TestDoctorProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	through := func(address string) *patient {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return &patient{access: loganalytics.Access{Client: &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(u)}}}}
	}
	api := place{"https://api.example.invalid", "endpoint"}
	ctx := context.Background()
	if got := through(proxy.URL).resolve(ctx, api); got.status != passed || !strings.Contains(got.detail, "through the proxy 127.0.0.1:") {
		t.Errorf("resolve: %+v, want that a proxy is used", got)
	}
	got := through(strings.Replace(proxy.URL, "//", "//ann:pa55word@", 1)).connect(ctx, api)
	if got.status != failed || got.help != "proxy" || got.detail != "the proxy asks for a password" || strings.Contains(fmt.Sprint(got), "pa55word") {
		t.Errorf("connect: %+v, want that the proxy asks for a password", got)
	}
	if got := through("http://proxy.invalid:3128").resolve(ctx, api); got.status != failed || got.help != "proxy" || !strings.Contains(got.detail, "the proxy's name proxy.invalid") {
		t.Errorf("resolve: %+v, want that the proxy has no address", got)
	}
}

// What a host answers, or does not, is told apart.
func TestDoctorUnreachable(t *testing.T) {
	at := place{"https://api.example", "endpoint"}
	for _, c := range []struct {
		got          outcome
		help, detail string
		advice       string
	}{
		{unreachable(at, x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}), "tls", "its certificate is not valid", "Check the clock of this machine"},
		{unreachable(at, &url.Error{Op: "Get", URL: at.address, Err: context.DeadlineExceeded}), "connect", "no answer within 30s", "Let this machine through to api.example:443"},
		{unreachable(at, fmt.Errorf("read: %w", syscall.ECONNRESET)), "connect", "no answer: " + syscall.ECONNRESET.Error(), "set HTTPS_PROXY"},
		{unresolved("api.example", at, false, &net.DNSError{Err: "no such host", Name: "api.example", IsNotFound: true}), "dns", "there is no host of this name", "If the workspace sets endpoint"},
		{unresolved("api.example", at, false, &net.DNSError{Err: "server misbehaving", Name: "api.example"}), "dns", "server misbehaving", "nslookup api.example"},
		{unresolved("proxy.example", at, true, &net.DNSError{Err: "no such host", IsNotFound: true}), "proxy", "the proxy's name proxy.example", "Mend HTTPS_PROXY"},
	} {
		if c.got.status != failed || c.got.help != c.help || !strings.Contains(c.got.detail, c.detail) || !strings.Contains(strings.Join(c.got.advice, "\n"), c.advice) {
			t.Errorf("%+v, want %s, %q and %q", c.got, c.help, c.detail, c.advice)
		}
	}
}

// needless is a source that has a token, whatever its authority says.
type needless struct{ *loganalytics.Source }

func (needless) Claims(context.Context) (azauth.Claims, error) { return azauth.Claims{}, nil }

// An authority that cannot be reached is no failure for a credential that gets
// its token elsewhere.
func TestDoctorNeedlessAuthority(t *testing.T) {
	source, err := loganalytics.New(loganalytics.Config{WorkspaceID: otherGUID}, azauth.Missing(errors.New("none")), loganalytics.NewGovernors())
	if err != nil {
		t.Fatal(err)
	}
	unreached := outcome{status: failed, detail: "no answer", advice: []string{"mend it"}}
	for _, c := range []struct {
		source examined
		given  outcome
		want   status
	}{
		{source, unreached, failed},
		{needless{source}, unreached, warned},
		{needless{source}, outcome{status: passed}, passed},
	} {
		p := &patient{source: c.source}
		if got := p.unlessNeedless(context.Background(), c.given); got.status != c.want {
			t.Errorf("%T: %+v, want %s", c.source, got, c.want)
		}
	}
}

// A table without rows is worth a word, and one that may be missing too.
func TestDoctorEmptyTables(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Nothing.json":  `{"columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"Text","type":"string"}]}`,
		"Nothing.jsonl": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	data, err := emulator.LoadDataset(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := doctored(t, func(c *emulator.Config) { c.Data = data }, false)
	s.env["KUSTASH_VAR_kql"] = "Nothing"
	code, output := s.run("doctor")
	if code != exitDone || !strings.Contains(output, "warn  table    Nothing: it can be read and holds no rows") || !strings.Contains(output, "0 failed, 1 warning.") {
		t.Errorf("a table without rows: exit %d\n%s", code, output)
	}
	pl, diags := (&process{dir: s.dir, lookup: func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }}).pipelineOf(t)
	if diags != nil {
		t.Fatal(diags)
	}
	d := &doctor{process: &process{}, retry: pipeline.Retry{Attempts: 1}}
	p := &patient{doctor: d, source: pl.Workspaces[0].Source.(examined)}
	absent := pipeline.Query{Address: "query.q", Text: "Absent", TimeColumn: "TimeGenerated", MissingTable: pipeline.MissingSkip}
	ctx := context.Background()
	if got := p.table(ctx, "Absent", true); got.status != warned || !strings.Contains(got.detail, "leave it out until there is one") {
		t.Errorf("a table that may be missing: %+v", got)
	}
	if got := p.export(ctx, absent); got.status != warned || !strings.Contains(got.detail, "left out until") {
		t.Errorf("a query of a table that may be missing: %+v", got)
	}
	absent.MissingTable = pipeline.MissingError
	if got := p.export(ctx, absent); got.status != failed || got.help != "table" {
		t.Errorf("a query of a table that may not be missing: %+v", got)
	}
}

// pipelineOf loads the pipeline of a directory.
func (p *process) pipelineOf(t *testing.T) (*config.Pipeline, error) {
	t.Helper()
	pl, diags := p.loadDiags(&loadFlags{}, p.kinds())
	if diags.HasErrors() {
		return nil, diags
	}
	return pl, nil
}

// What keeps files from appearing is told apart.
func TestDoctorUnwritable(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.EACCES:            "Let " + whoami() + " write to /archive/_kustash",
		syscall.EROFS:             "Let " + whoami() + " write to /archive/_kustash",
		syscall.ENOSPC:            "There is no room",
		syscall.ENOTDIR:           "A file is where a folder must be on the way to /archive/_kustash",
		errors.New("a bad block"): "Mend what the message names",
	} {
		err := fmt.Errorf("write: %w", &fs.PathError{Op: "mkdir", Path: "/archive/_kustash", Err: cause})
		got := unwritable(err, "sink")
		if got.status != failed || got.detail != err.Error() || len(got.advice) != 1 || !strings.Contains(got.advice[0], want) {
			t.Errorf("%v: %+v, want %q", cause, got, want)
		}
	}
}

// Nothing is left behind, and what is locked or empty is told without failing.
func TestDoctorChangesNothing(t *testing.T) {
	s, _ := doctored(t, func(c *emulator.Config) { c.Data = emulator.NewDataset() }, false)
	before := names(t, s.dir)
	s.env["KUSTASH_VAR_kql"] = "print 1"
	_, _ = s.run("doctor")
	if after := names(t, s.dir); !slices.Equal(before, after) {
		t.Errorf("the directory holds %q, before it held %q", after, before)
	}
	s, _ = doctored(t, nil, false)
	l, err := ledger.Open(context.Background(), ledger.NewDir(filepath.Join(s.dir, ".kustash")), ledger.Options{Who: "ann@host", Operation: "apply"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(context.Background())
	if code, output := s.run("doctor"); code != exitDone || !strings.Contains(output, "warn  state") || !strings.Contains(output, "by apply by ann@host") {
		t.Errorf("while the state is locked: exit %d\n%s", code, output)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// Every finding leads to a section of the guide, and every section has one
// that leads to it.
func TestDoctorGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/setup.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("doctor*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	anchors := map[string]bool{}
	for _, c := range tokenCauses {
		anchors[c.help] = true
	}
	for _, c := range answerCauses {
		anchors[c.help] = true
	}
	for _, m := range regexp.MustCompile(`(?:help: +|help = |help, f\.detail = |unwritable\(err, )"([a-z-]+)"`).FindAllStringSubmatch(source.String(), -1) {
		anchors[m[1]] = true
	}
	for a := range anchors {
		if !strings.Contains(string(guide), "\n### "+a+"\n") {
			t.Errorf("the guide has no section %q", a)
		}
	}
	for _, m := range regexp.MustCompile(`\n### (.*)\n`).FindAllStringSubmatch(string(guide), -1) {
		if !strings.Contains(source.String(), strconv.Quote(m[1])) {
			t.Errorf("nothing leads to section %q of the guide", m[1])
		}
	}
	if len(anchors) < 20 {
		t.Errorf("only %d anchors were found", len(anchors))
	}
}
