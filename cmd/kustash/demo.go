package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

var demoVerb = verb{
	name:  "demo",
	brief: "export sample tables from a built-in emulator: the whole tool, offline",
	usage: "[-chdir=DIR] demo [DIRECTORY]",
	help: `Writes sample tables and a pipeline into DIRECTORY (default kustash-demo),
serves the tables on loopback, and plans, applies and verifies the pipeline.
A second demo in the same directory finds everything done.`,
	run: runDemo,
}

const (
	demoDays = 3
	demoSeed = 1
)

func runDemo(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	rest, err := p.parse(f, v, args, 1)
	if err != nil {
		return 0, err
	}
	dir := p.path("kustash-demo")
	if len(rest) == 1 {
		dir = p.path(rest[0])
	}
	data := filepath.Join(dir, "data")
	if !isDir(data) {
		p.printf("Writing sample tables to %s\n", data)
		end := time.Now().UTC().Add(-time.Hour).Truncate(time.Hour)
		if err := emulator.WriteDemo(data, end, demoDays, demoSeed); err != nil {
			return 0, err
		}
	}
	pipelineFile := filepath.Join(dir, starterName)
	if err := durable.Create(pipelineFile, []byte(demoPipeline())); err != nil && !errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("demo: %w", err)
	}
	tables, err := emulator.LoadDataset(data)
	if err != nil {
		return 0, err
	}
	serving, stop := context.WithCancel(ctx)
	o := emulator.Config{Data: tables}
	base, wait, err := p.startEmulator(serving, emulatorAddress, o, nil)
	if err != nil { // the usual port is taken
		if base, wait, err = p.startEmulator(serving, "127.0.0.1:0", o, nil); err != nil {
			stop()
			return 0, err
		}
	}
	code, err := p.demoRun(ctx, dir, base)
	stop()
	if waitErr := wait(); err == nil {
		err = waitErr
	}
	if err == nil && code == exitDone {
		p.demoNext(dir)
	}
	return code, err
}

// demoRun applies and verifies the demo's pipeline as a user would.
func (p *process) demoRun(ctx context.Context, dir, base string) (int, error) {
	inner := *p
	inner.dir = dir
	for _, step := range [][]string{
		{"apply", "-auto-approve", "-var=endpoint=" + base},
		{"verify", "-var=endpoint=" + base},
	} {
		p.printf("\n%s\n\n", p.paint(bold, "$ kustash -chdir="+dir+" "+step[0]))
		v := p.verb(step[0])
		code, err := v.run(ctx, &inner, v, step[1:])
		if err != nil || code != exitDone {
			return code, err
		}
	}
	return exitDone, nil
}

func (p *process) demoNext(dir string) {
	p.printf("\nThe archive is in %s, a folder for each table and day; the pipeline is %s.\nWhat to try next:\n\n",
		filepath.Join(dir, "archive"), filepath.Join(dir, starterName))
	in := "kustash -chdir=" + dir + " "
	for _, line := range [][2]string{
		{in + "status", "how complete the archive is"},
		{"kustash emulator -data=" + filepath.Join(dir, "data"), "serve the tables again, in another terminal, for what follows"},
		{in + "plan", "\"No changes.\": nothing is missing"},
		{in + "query 'Syslog | take 5'", "ask the tables anything"},
		{in + "verify", "proof; remove or change a file of the archive first, and see"},
		{in + "connect", "SQL for DuckDB and others: each query as a typed view"},
	} {
		p.printf("  %s\n      %s\n", p.paint(bold, line[0]), line[1])
	}
}

// demoPipeline is the pipeline of the demo, as a user would write it.
func demoPipeline() string {
	return fmt.Sprintf(`# Sample tables, served by "kustash emulator". A real workspace needs neither
# endpoint nor authority.

variable "endpoint" {
  type    = string
  default = "http://%s"
}

locals {
  tables = ["AuditLogs", "CommonSecurityLog", "SecurityEvent", "SigninLogs", "Syslog"]
}

credential "client_secret" "demo" {
  tenant_id     = "%s"
  client_id     = "%s"
  client_secret = "%s" # only the emulator takes it; use env() for a real one
}

workspace "sample" {
  workspace_id = "%s"
  endpoint     = var.endpoint
  authority    = var.endpoint
  auth         = credential.demo
}

sink "local" "archive" {
  path = "archive"
  format "parquet" {}
}

sink "local" "sheets" {
  path = "csv"
  format "csv" {}
}

query "events" {
  for_each  = toset(local.tables)
  workspace = workspace.sample
  kql       = each.value

  window {
    start = "now-%dd"
  }

  sinks = [sink.archive]
}

query "alerts" {
  workspace = workspace.sample
  kql       = <<-KQL
    SecurityAlert
    | where AlertSeverity != "Informational"
    | project TimeGenerated, AlertName, AlertSeverity, CompromisedEntity, Entities
  KQL

  window {
    start = "now-%dd"
  }

  sinks = [sink.archive, sink.sheets]
}

output "archive" {
  value = sink.archive.path
}
`, emulatorAddress, emulator.DemoTenantID, emulator.DemoClientID, emulator.DemoClientSecret, emulator.DemoWorkspaceID, demoDays+1, demoDays+1)
}
