package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// illness is something wrong with the set-up that doctor is to find.
type illness struct {
	name    string
	service func(*emulator.Config)
	env     map[string]string // on top of a healthy one
	args    []string
	before  func(t *testing.T, s *shell)
	want    []string // in the output, the mark and step of the failure among them
	not     []string
}

// doctored returns a shell with a pipeline that reads the emulator, which the
// function may change before it starts.
func doctored(t *testing.T, change func(*emulator.Config), tls bool) (*shell, *httptest.Server) {
	t.Helper()
	data, err := demoTables()
	if err != nil {
		t.Fatal(err)
	}
	c := emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1}}
	if change != nil {
		change(&c)
	}
	service, err := emulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(service)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it say so
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	s := &shell{t: t, dir: t.TempDir(), env: map[string]string{
		"AZURE_TENANT_ID": emulator.DemoTenantID, "AZURE_CLIENT_ID": emulator.DemoClientID, "AZURE_CLIENT_SECRET": emulator.DemoClientSecret,
		"KUSTASH_VAR_endpoint": server.URL, "KUSTASH_VAR_id": emulator.DemoWorkspaceID,
	}}
	s.write("main.kustash.hcl", doctorPipeline)
	return s, server
}

const doctorPipeline = `
variable "endpoint" { type = string }
variable "authority" { default = "" }
variable "id" { type = string }
variable "cloud" { default = "public" }
variable "kql" { default = "Syslog" }
variable "ca" { default = "" }
credential "client_secret" "c" {}
workspace "w" {
  workspace_id = var.id
  cloud        = var.cloud
  endpoint     = var.endpoint
  authority    = var.authority == "" ? var.endpoint : var.authority
  ca_file      = var.ca == "" ? null : var.ca
  auth         = credential.c
}
sink "local" "archive" { path = "archive" }
query "q" {
  workspace = workspace.w
  kql       = var.kql
  window { start = "now-7d" }
  sinks = [sink.archive]
}
`

// denied makes the service refuse the principal in one of its ways.
func denied(how emulator.Access) func(*emulator.Config) {
	return func(c *emulator.Config) {
		c.Principals = []emulator.Principal{{Tenant: emulator.DemoTenantID, ClientID: emulator.DemoClientID,
			ClientSecret: emulator.DemoClientSecret, Access: how}}
	}
}

// answering makes a route of the service answer in one way.
func answering(route string, status int, body string) func(*emulator.Config) {
	return func(c *emulator.Config) {
		c.Faults = append(c.Faults, emulator.Fault{Match: emulator.Match{Route: route}, Action: emulator.Action{Status: status, Body: body}})
	}
}

// aadsts is how the authority words a refusal.
func aadsts(code string, number int, text string) string {
	raw, err := json.Marshal(map[string]any{"error": code, "error_codes": []int{number}, "timestamp": "2026-11-09 21:22:03Z",
		"error_description": fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: t\r\nCorrelation ID: c\r\nTimestamp: 2026-11-09 21:22:03Z", number, text),
		"trace_id":          "11111111-2222-3333-4444-555555555555", "correlation_id": "66666666-7777-8888-9999-000000000000"})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// tokenFor is the answer of a token endpoint with a token for an audience.
func tokenFor(audience string) string {
	part := base64.RawURLEncoding.EncodeToString
	token := part([]byte(`{"typ":"JWT"}`)) + "." + part(fmt.Appendf(nil, `{"aud":%q,"oid":"o"}`, audience)) + ".c2ln"
	return fmt.Sprintf(`{"token_type":"Bearer","expires_in":3599,"access_token":%q}`, token)
}

const (
	otherGUID  = "11111111-2222-4333-8444-555555555555"
	listsOfIDs = `az monitor log-analytics workspace list --query "[].{name:name,id:customerId}" --output table`
)

var illnesses = []illness{
	{name: "wrong secret", env: map[string]string{"AZURE_CLIENT_SECRET": "not-the-secret"}, want: []string{
		"FAIL  token", "the client secret is wrong", "Give the secret's value",
		"az ad app credential reset --id " + emulator.DemoClientID + " --append", "skip  query    print 1: skipped: needs token", "docs/setup.md#wrong-secret"}},
	{name: "secret's id", env: map[string]string{"AZURE_CLIENT_SECRET": "6b8a1c52-9d3e-4f70-8a1b-2c3d4e5f6a7b"}, want: []string{
		"FAIL  token", "has the form of a secret's id; use its value"}},
	{name: "expired secret", service: answering("token", 401, aadsts("invalid_client", 7000222, "The provided client secret keys for app 'x' are expired.")), want: []string{
		"FAIL  token", "the client secret has expired", "az ad app credential reset --id " + emulator.DemoClientID, "docs/setup.md#expired-secret"}},
	{name: "no secret", env: map[string]string{"AZURE_CLIENT_SECRET": ""}, want: []string{
		"FAIL  token", "AZURE_CLIENT_SECRET", "Set the variables", "docs/setup.md#credential"}},
	{name: "unknown tenant", env: map[string]string{"AZURE_TENANT_ID": otherGUID}, want: []string{
		"FAIL  token", "the tenant does not exist in this cloud", "az account show --query tenantId", "docs/setup.md#tenant"}},
	{name: "unknown application", env: map[string]string{"AZURE_CLIENT_ID": otherGUID}, want: []string{
		"FAIL  token", "not known in this tenant", "az ad app list", "az ad sp create --id " + otherGUID, "docs/setup.md#application"}},
	{name: "application switched off", service: answering("token", 401, aadsts("unauthorized_client", 7000112, "Application is disabled.")), want: []string{
		"FAIL  token", "az ad sp update --id " + emulator.DemoClientID + " --set accountEnabled=true"}},
	{name: "tenant of another cloud", service: answering("token", 400, aadsts("invalid_request", 900382, "Confidential Client is not supported in Cross Cloud request.")), want: []string{
		"FAIL  token", "the tenant belongs to another cloud", `The workspace says "public". Set cloud to the tenant's`, "docs/setup.md#other-cloud"}},
	{name: "service unknown to the tenant", service: answering("token", 400, aadsts("invalid_resource", 500011, "The resource principal was not found in the tenant.")), want: []string{
		"FAIL  token", "az ad sp create --id " + apiApplication}},
	{name: "assertion out of its time", service: answering("token", 400, aadsts("invalid_grant", 500133, "Assertion is not within its valid time range.")), want: []string{
		"FAIL  token", "Set the clock of this machine", "docs/setup.md#clock"}},
	{name: "authority busy", service: answering("token", 503, "<html>busy</html>"), want: []string{
		"FAIL  token", "status 503", "Try again in some minutes."}},
	{name: "token of another cloud", service: answering("token", 200, tokenFor("https://api.loganalytics.us")), want: []string{
		"FAIL  token", "it is for https://api.loganalytics.us, and this workspace takes those for https://api.loganalytics.io", `cloud = "usgov"`}},
	{name: "opaque token", service: answering("token", 200, `{"token_type":"Bearer","expires_in":3599,"access_token":"Zm9vYmFy"}`), want: []string{
		"ok    token    https://api.loganalytics.io: issued; the token is not a JWT", "FAIL  query    print 1: the token is not accepted", "docs/setup.md#token"}, not: []string{"Zm9vYmFy"}},
	{name: "audience refused", env: map[string]string{"KUSTASH_VAR_cloud": "usgov"}, service: func(c *emulator.Config) {
		answering("query", 401, `{"error":{"code":"InvalidAuthenticationTokenTenant","message":"The access token is from the wrong issuer."}}`)(c)
	}, want: []string{"FAIL  query    print 1", "If the workspace is in another cloud than \"usgov\", set cloud to it", "docs/setup.md#other-cloud"}},

	{name: "no role", service: denied(emulator.Denied), want: []string{
		"FAIL  query    print 1: the credential may not read this workspace", "InsufficientAccessError",
		"Role missing", "az role assignment create --assignee-object-id 6dc3da98-43a4-5094-b308-bb9673e1ab4e --assignee-principal-type ServicePrincipal " +
			`--role "Log Analytics Reader" --scope "$(az monitor log-analytics workspace list --query "[?customerId=='` + emulator.DemoWorkspaceID + `'].id" --output tsv)"`,
		"Role still spreading: if it was given in the last 60 minutes", "az role assignment list --assignee 6dc3da98-43a4-5094-b308-bb9673e1ab4e",
		"Wrong workspace: if " + emulator.DemoWorkspaceID + " is not in this list", listsOfIDs,
		"skip  table    Syslog: skipped: needs query print 1", `skip  query    query.q: skipped`, "ok    clock", "docs/setup.md#role"}},
	{name: "no role, said otherwise", service: denied(emulator.DeniedUnauthorized), want: []string{"FAIL  query", "UnauthorizedClient", "az role assignment create"}},
	{name: "no right to logs", service: denied(emulator.DeniedUser), want: []string{"FAIL  query", "AuthorizationFailedError", "az role assignment create"}},
	{name: "network rule", service: denied(emulator.DeniedNetwork), want: []string{
		"FAIL  query", "NspValidationFailedError", "A role does not help here", "az resource update --ids /subscriptions/",
		"docs/setup.md#network"}, not: []string{"az role assignment create"}},
	{name: "another workspace's id", env: map[string]string{"KUSTASH_VAR_id": otherGUID}, want: []string{
		"FAIL  query", "the workspace is not found", "not its name or resource id", listsOfIDs, "docs/setup.md#workspace-id"}},
	{name: "workspace's name", env: map[string]string{"KUSTASH_VAR_id": "my-workspace"}, want: []string{
		"FAIL  pipeline", "1 mistake in the files", "use the id (a GUID, on the workspace's overview page)", "kustash validate"}},
	{name: "throttled", service: answering("query", 429, `{"error":{"code":"ThrottledError","message":"Your request has been throttled"}}`), want: []string{
		"FAIL  query", "too many requests", "give kustash an application of its own"}},
	{name: "gateway", service: answering("query", 503, "<html>busy</html>"), want: []string{"FAIL  query", "the service has a fault", "Try again in some minutes."}},

	{name: "table misspelled", env: map[string]string{"KUSTASH_VAR_kql": "Sysolg | where Computer != ''"}, want: []string{
		`FAIL  table    Sysolg: the workspace knows no table of this name that it would show to this credential. Did you mean "Syslog"?`,
		"Misspelled", "Empty", `missing_table = "skip"`, "Not readable", "workspaces/query/Sysolg/read", "skip  query    query.q: skipped: needs table Sysolg", "docs/setup.md#table"}},
	{name: "one table of two", env: map[string]string{"KUSTASH_VAR_kql": "union Syslog, Nothing"}, want: []string{
		"ok    table    Syslog", "FAIL  table    Nothing", "readable here: Syslog"}},
	{name: "column misspelled", env: map[string]string{"KUSTASH_VAR_kql": "Syslog | where Computre == 'x'"}, want: []string{
		"ok    table    Syslog", "FAIL  query    query.q", "Computre", "Correct the name that the message quotes"}},
	{name: "wrong syntax", env: map[string]string{"KUSTASH_VAR_kql": "Syslog | where Computer =="}, want: []string{
		"FAIL  query    query.q", "Correct the query at the place"}},

	{name: "no such host", env: map[string]string{"KUSTASH_VAR_endpoint": "https://kustash.invalid"}, want: []string{
		"FAIL  resolve  kustash.invalid: ", "nslookup kustash.invalid", "skip  connect", "skip  token", "skip  query", "skip  clock", "docs/setup.md#dns"}},
	{name: "nobody listens", before: func(t *testing.T, s *shell) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.env["KUSTASH_VAR_endpoint"] = "http://" + l.Addr().String()
		l.Close()
	}, want: []string{"FAIL  connect  127.0.0.1:", "nobody listens there: the connection is refused", "Let this machine through to 127.0.0.1:", "docs/setup.md#connect"}},
	{name: "authority out of reach", before: func(t *testing.T, s *shell) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.env["KUSTASH_VAR_authority"] = "http://" + l.Addr().String()
		l.Close()
	}, want: []string{"ok    connect", "FAIL  connect", "If the workspace sets authority, check it.", "skip  token", "ok    clock    of this machine: less than a minute from the endpoint's"}},

	{name: "clock behind", service: func(c *emulator.Config) {
		c.Now = func() time.Time { return time.Now().Add(5 * time.Minute) }
	}, want: []string{"FAIL  clock    of this machine: it is 5m0s behind the service's", "timedatectl set-ntp true", "docs/setup.md#clock"}},
	{name: "clock ahead", service: func(c *emulator.Config) {
		c.Now = func() time.Time { return time.Now().Add(-2 * time.Hour) }
	}, want: []string{"FAIL  clock    of this machine: it is 2h0m0s ahead of the service's"}},

	{name: "file for the sink", before: func(t *testing.T, s *shell) { s.write("archive", "mine") }, want: []string{
		"FAIL  sink     sink.archive", "is a file where a folder must be", "docs/setup.md#sink"}},
	{name: "file on the way to the sink", before: func(t *testing.T, s *shell) {
		s.write("file", "mine")
		s.write("main.kustash.hcl", strings.Replace(doctorPipeline, `path = "archive"`, `path = "file/archive"`, 1))
	}, want: []string{"FAIL  sink     sink.archive", "A file is where a folder must be", "move it away, or name another folder"}},
	{name: "archive of another state", before: func(t *testing.T, s *shell) {
		if code, output := s.run("init"); code != exitDone {
			t.Fatalf("init: %s", output)
		}
		if err := os.Rename(filepath.Join(s.dir, ".kustash"), filepath.Join(s.dir, "old")); err != nil {
			t.Fatal(err)
		}
	}, want: []string{"FAIL  sink     sink.archive", "this pipeline has no ledger yet", "put back the state of lineage", "give this sink a place of its own", "docs/setup.md#foreign-sink"}},
	{name: "damaged state", before: func(t *testing.T, s *shell) {
		if code, output := s.run("init"); code != exitDone {
			t.Fatalf("init: %s", output)
		}
		s.write(filepath.Join(".kustash", "ledger", "00000000000000000001.jsonl"), "{}\n")
	}, want: []string{"FAIL  state", "Restore it from a copy", "skip  sink     sink.archive: skipped: needs state", "docs/setup.md#state"}},

	{name: "no pipeline", before: func(t *testing.T, s *shell) { s.dir = t.TempDir() }, want: []string{
		"FAIL  pipeline", "there is no pipeline in this directory", "kustash init", "no checks passed, 1 failed."}},
}

// Each thing that goes wrong in the first hour is named by its cause, with the
// next step, and once.
func TestDoctorFinds(t *testing.T) {
	for _, c := range illnesses {
		t.Run(c.name, func(t *testing.T) {
			s, _ := doctored(t, c.service, false)
			for name, value := range c.env {
				s.env[name] = value
			}
			if c.before != nil {
				c.before(t, s)
			}
			code, output := s.run(append([]string{"doctor"}, c.args...)...)
			if code != exitFailed {
				t.Errorf("exit %d, want %d", code, exitFailed)
			}
			for _, want := range append(c.want, "Do this first:") {
				if !strings.Contains(output, want) {
					t.Errorf("the output lacks %q", want)
				}
			}
			for _, not := range append(c.not, s.env["AZURE_CLIENT_SECRET"], "eyJ") {
				if not != "" && strings.Contains(output, not) {
					t.Errorf("the output holds %q", not)
				}
			}
			if t.Failed() {
				t.Log(output)
			}
		})
	}
}
