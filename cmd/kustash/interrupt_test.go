//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// served is a pipeline with hourly slices of the sample tables, in a
// directory, and the emulator that it reads, with a limit of rows in an answer
// (0 is the real one).
func served(t *testing.T, rows int64, faults ...emulator.Fault) (s *shell, service *emulator.Emulator) {
	t.Helper()
	data, err := demoTables()
	if err != nil {
		t.Fatal(err)
	}
	service, err = emulator.New(emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1, Rows: rows}, Faults: faults})
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
	s, service := served(t, 0, emulator.Fault{Match: emulator.Match{Query: "Syslog", Every: 2}, Action: emulator.Action{Delay: time.Second}})
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

// Killed with SIGKILL at every step of the commit, one time after the other,
// and then left alone, runs end with the same rows as an undisturbed one.
func TestKillAtEachStep(t *testing.T) {
	undisturbed, _ := served(t, 0)
	if code, text := undisturbed.run("apply", "-auto-approve"); code != exitDone {
		t.Fatalf("the undisturbed run: exit %d\n%s", code, text)
	}
	s, _ := served(t, 25)
	killed := 0
	for _, step := range []string{"read", "prepare", "intended", "commit", "done"} {
		for nth := 1; nth <= 3; nth++ {
			s.env["KUSTASH_TEST_CRASH"] = fmt.Sprintf("%s:%d", step, nth)
			c := s.process("apply", "-auto-approve")
			out, err := c.CombinedOutput()
			if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); err == nil || !ok || status.Signal() != syscall.SIGKILL {
				t.Fatalf("%s:%d: %v, want a run that was killed\n%s", step, nth, err, out)
			}
			killed++
		}
	}
	delete(s.env, "KUSTASH_TEST_CRASH")
	if code, text := s.run("apply", "-auto-approve"); code != exitDone {
		t.Fatalf("the run after %d that were killed: exit %d\n%s", killed, code, text)
	}
	got, want := csvRows(t, filepath.Join(s.dir, "archive")), csvRows(t, filepath.Join(undisturbed.dir, "archive"))
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%d rows after the kills, %d without: %s", len(got), len(want), firstDifference(got, want))
	}
	if code, text := s.run("verify"); code != exitDone {
		t.Errorf("verify: exit %d\n%s", code, text)
	}
}

// While one run holds the lock, another says who, and changes nothing.
func TestTwoRunsAtOnce(t *testing.T) {
	s, service := served(t, 0, emulator.Fault{Match: emulator.Match{Query: "Syslog"}, Action: emulator.Action{Delay: 300 * time.Millisecond}})
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
	s, service := served(t, 0)
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
