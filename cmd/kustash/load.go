package main

import (
	"encoding/json"
	"flag"

	"github.com/hashicorp/hcl/v2"

	"github.com/kustash/kustash/pipeline/config"
)

// loadFlags are the flags of every verb that loads a pipeline.
type loadFlags struct {
	vars  []config.VarArg
	input bool
}

func (o *loadFlags) add(f *flag.FlagSet) {
	f.Func("var", "set a variable: `NAME=VALUE`; may be repeated", func(s string) error {
		v, err := config.ParseVar(s)
		o.vars = append(o.vars, v)
		return err
	})
	f.Func("var-file", "set variables from this `file`; may be repeated", func(s string) error {
		o.vars = append(o.vars, config.VarArg{File: s})
		return nil
	})
	f.BoolVar(&o.input, "input", true, "=false never asks")
}

// load reads the pipeline of the directory. Its mistakes are reported, all at
// once, before it returns errReported.
func (p *process) load(o *loadFlags, asJSON bool) (*config.Pipeline, error) {
	pl, diags := p.loadDiags(o, p.kinds())
	if err := p.report(pl, diags, asJSON); err != nil {
		return nil, err
	}
	return pl, nil
}

func (p *process) loadDiags(o *loadFlags, kinds config.Kinds) (*config.Pipeline, hcl.Diagnostics) {
	return config.Load(p.dir, config.Options{Kinds: kinds, Env: p.lookup, Vars: o.vars, ToolVersion: toolVersion()})
}

// report writes diagnostics to stderr, or to stdout as JSON. Warnings alone
// are no error.
func (p *process) report(pl *config.Pipeline, diags hcl.Diagnostics, asJSON bool) error {
	var files map[string]*hcl.File
	if pl != nil {
		files = pl.Files
	}
	switch {
	case asJSON && diags.HasErrors():
		if err := p.diagnosticsJSON(files, diags); err != nil {
			return err
		}
	case !asJSON && len(diags) > 0:
		if err := config.WriteDiagnostics(p.stderr, files, diags, p.style()); err != nil {
			return err
		}
	}
	if diags.HasErrors() {
		return errReported
	}
	return nil
}

func (p *process) style() config.Style { return config.Style{Width: p.width, Color: p.color} }

// diagnosticsJSON writes diagnostics as one object.
func (p *process) diagnosticsJSON(files map[string]*hcl.File, diags hcl.Diagnostics) error {
	list := []json.RawMessage{}
	errorCount := 0
	for _, d := range diags {
		list = append(list, config.DiagnosticJSON(files, d))
		if d.Severity == hcl.DiagError {
			errorCount++
		}
	}
	return json.NewEncoder(p.stdout).Encode(map[string]any{
		"format_version": formatVersion, "valid": errorCount == 0,
		"error_count": errorCount, "warning_count": len(diags) - errorCount, "diagnostics": list,
	})
}
