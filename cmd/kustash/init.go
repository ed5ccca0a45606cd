package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kustash/kustash/internal/durable"
)

var initVerb = verb{
	name:  "init",
	brief: "write a starter pipeline, or prepare state and sinks",
	usage: "[-chdir=DIR] init [flags]",
	help: `In a directory without a pipeline, writes a commented starter pipeline. In one
with a pipeline, validates it, creates or checks the state and puts the marker
into each sink that keeps two states from writing into one archive.`,
	run: runInit,
}

const starterName = "main.kustash.hcl"

func runInit(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	var lock lockFlags
	load.add(f)
	lock.add(f)
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	found, err := hasHCL(p.dir)
	if err != nil {
		return 0, err
	}
	if !found {
		return p.writeStarter()
	}
	pl, err := p.load(&load, false)
	if err != nil {
		return 0, err
	}
	s, end, err := p.writeSession(ctx, pl, "init", lock)
	if err != nil {
		return 0, err
	}
	err = p.runner(s, 1).Enroll(ctx, s.templates(), s.history)
	if endErr := end(); err == nil {
		err = endErr
	}
	if err != nil {
		return 0, err
	}
	p.printf("%s state %s is ready (lineage %s), and so are the sinks. Next: kustash plan\n",
		p.paint(green, "Initialized:"), statePath(pl), s.ledger.Lineage())
	return exitDone, nil
}

// hasHCL reports whether the directory holds any HCL, even under a name that
// loading will refuse: a starter must not be put beside it.
func hasHCL(dir string) (bool, error) {
	for _, pattern := range []string{"*.hcl", "*.kustash.json"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return false, err
		}
		if len(names) > 0 {
			return true, nil
		}
	}
	return false, nil
}

func (p *process) writeStarter() (int, error) {
	name := filepath.Join(p.dir, starterName)
	if err := os.MkdirAll(p.dir, 0o777); err != nil {
		return 0, fmt.Errorf("init: %w", err)
	}
	if err := durable.Create(name, []byte(starter)); err != nil {
		return 0, fmt.Errorf("init: write %s: %w", name, err)
	}
	p.printf("Wrote %s. Next:\n\n"+
		"  1. put the workspace id into it, and a query you want to keep\n"+
		"  2. \"az login\", or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, as one with the role\n"+
		"     \"Log Analytics Reader\" on the workspace\n"+
		"  3. kustash doctor, which checks each step of this and says what is missing\n"+
		"  4. kustash plan\n", name)
	return exitDone, nil
}

const starter = `# A kustash pipeline: read a query of a Log Analytics workspace in time slices
# and keep every row in files. "kustash plan" shows what is missing, "kustash
# apply" reads exactly that. Run it every night.

variable "workspace_id" {
  type        = string
  description = "Log Analytics workspace id (the GUID on its overview page, not the name)"
  default     = "00000000-0000-0000-0000-000000000000"
}

# Without auth, who reads is found in the environment (AZURE_CLIENT_ID and so on),
# or is the machine's managed identity, or whoever has signed in with "az login".
workspace "soc" {
  workspace_id = var.workspace_id
}

# Parquet below the folder "archive", a folder per query and day.
sink "local" "archive" {
  path = "archive"
  format "parquet" {}
}

query "alerts" {
  workspace = workspace.soc
  kql       = "SecurityAlert"

  window {
    start = "now-30d" # or a date: what the workspace no longer holds cannot be read
  }

  sinks = [sink.archive]
}

output "archive" {
  value = sink.archive.path
}
`
