//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// served is a pipeline with hourly slices of the sample tables, in a
// directory, and the emulator that it reads.
func served(t *testing.T, faults ...emulator.Fault) (s *shell, service *emulator.Emulator) {
	t.Helper()
	data, err := demoTables()
	if err != nil {
		t.Fatal(err)
	}
	service, err = emulator.New(emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1}, Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	s = &shell{t: t, dir: t.TempDir(), env: map[string]string{
		"AZURE_TENANT_ID": emulator.DemoTenantID, "AZURE_CLIENT_ID": emulator.DemoClientID, "AZURE_CLIENT_SECRET": emulator.DemoClientSecret,
		"KUSTASH_VAR_endpoint": server.URL, "KUSTASH_VAR_id": emulator.DemoWorkspaceID, "KUSTASH_VAR_day": demoStart().Format(time.DateOnly),
	}}
	s.write("main.kustash.hcl", `
variable "endpoint" { type = string }
variable "id" { type = string }
variable "day" { type = string }
credential "client_secret" "c" {
  limits { requests = 100000 }
}
workspace "w" {
  workspace_id = var.id
  endpoint     = var.endpoint
  authority    = var.endpoint
  auth         = credential.c
}
sink "local" "archive" {
  path = "archive"
  format "csv" {}
}
query "syslog" {
  workspace = workspace.w
  kql       = "Syslog"
  window {
    start = var.day
    end   = "${var.day}T12:00:00Z"
    slice = "1h"
  }
  sinks = [sink.archive]
}
`)
	return s, service
}

// process starts the program on its own, with the shell's environment.
func (s *shell) process(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "KUSTASH_TEST_STATUS="+filepath.Join(s.t.TempDir(), "status"))
	for name, value := range s.env {
		c.Env = append(c.Env, name+"="+value)
	}
	return c
}

// The first interrupt starts no new slice and leaves nothing open; applying
// again completes the archive.
func TestInterrupt(t *testing.T) {
	s, service := served(t, emulator.Fault{Match: emulator.Match{Query: "Syslog", Every: 3}, Action: emulator.Action{Delay: 400 * time.Millisecond}})
	c := s.process("apply", "-auto-approve", "-parallelism=1", "-json")
	events, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var output strings.Builder
	for lines := bufio.NewScanner(events); lines.Scan(); {
		output.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), `"slice_done"`) && !strings.Contains(output.String(), "interrupted\n") {
			output.WriteString("interrupted\n")
			if err := c.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Wait(); err == nil || c.ProcessState.ExitCode() != exitFailed {
		t.Fatalf("exit %d (%v), want %d\n%s%s", c.ProcessState.ExitCode(), err, exitFailed, output.String(), stderr.String())
	}
	if !strings.Contains(stderr.String(), "Interrupted: no new slice is started") || strings.Contains(output.String(), `"pending":0`) {
		t.Errorf("the interrupt was not reported:\n%s%s", output.String(), stderr.String())
	}
	if err := service.SetFaults(); err != nil {
		t.Fatal(err)
	}
	if code, text := s.run("status", "-json"); code != exitDone || !strings.Contains(text, `"open":0`) || strings.Contains(text, `"complete":true`) {
		t.Errorf("status after the interrupt: exit %d\n%s", code, text)
	}
	if code, text := s.run("apply", "-auto-approve"); code != exitDone || !strings.Contains(text, "Apply complete!") {
		t.Errorf("apply after the interrupt: exit %d\n%s", code, text)
	}
}

// While one run holds the lock, another says who, and changes nothing.
func TestTwoRunsAtOnce(t *testing.T) {
	s, service := served(t, emulator.Fault{Match: emulator.Match{Query: "Syslog"}, Action: emulator.Action{Delay: 300 * time.Millisecond}})
	first := s.process("apply", "-auto-approve", "-parallelism=1", "-json")
	events, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(events)
	for lines.Scan() && !strings.Contains(lines.Text(), `"slice_started"`) {
	}
	code, text := s.run("apply", "-auto-approve")
	if code != exitFailed || !strings.Contains(text, "locked by another run") || !strings.Contains(text, "process ") {
		t.Errorf("the second run: exit %d\n%s", code, text)
	}
	if err := service.SetFaults(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := first.Wait(); err != nil {
		t.Errorf("the first run: %v", err)
	}
	if code, text := s.run("apply", "-auto-approve"); code != exitDone || !strings.Contains(text, "No changes.") {
		t.Errorf("apply after both: exit %d\n%s", code, text)
	}
}

// Nothing that a run prints or writes holds the secret or a token, whether it
// ends well, is refused, or logs everything.
func TestSecretsStaySecret(t *testing.T) {
	s, service := served(t)
	s.env["KUSTASH_LOG"] = "debug"
	var printed strings.Builder
	note := func(args ...string) {
		_, text := s.run(args...)
		printed.WriteString(text)
	}
	note("validate")
	note("plan", "-out=p.json", "-json")
	note("apply", "-auto-approve", "-json-into=events.jsonl")
	note("show", "-json")
	secrets := []string{emulator.DemoClientSecret, "eyJ"} // every token begins like the second
	s.env["AZURE_CLIENT_SECRET"] = "another~secret.that-is-wrong"
	secrets = append(secrets, s.env["AZURE_CLIENT_SECRET"])
	note("apply", "-auto-approve", "-replace=query.syslog")
	note("plan")
	note("query", "print 1")
	if err := service.SetFaults(emulator.Fault{Match: emulator.Match{Route: "token"}, Action: emulator.Action{Status: 500, Body: "<html>" + secrets[2] + "</html>"}}); err != nil {
		t.Fatal(err)
	}
	note("query", "print 1")
	for _, secret := range secrets {
		if strings.Contains(printed.String(), secret) {
			t.Errorf("%.12s… was printed:\n%s", secret, printed.String())
		}
		err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %.12s…", path, secret)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(printed.String(), "Apply complete!") || !strings.Contains(printed.String(), "Error:") {
		t.Errorf("the runs did not go as meant:\n%s", printed.String())
	}
}
