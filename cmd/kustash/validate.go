package main

import (
	"context"
	"fmt"
)

var validateVerb = verb{
	name:  "validate",
	brief: "check the pipeline's files without touching the network",
	usage: "[-chdir=DIR] validate [flags]",
	help: `Loads and type-checks the pipeline and checks that every query can be read in
slices. All mistakes are reported at once. Whether credentials work, tables
exist and there is anything to read, only plan can tell.`,
	run: runValidate,
}

func runValidate(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	asJSON := f.Bool("json", false, "diagnostics as a JSON object")
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	pl, diags := p.loadDiags(&load, p.kinds())
	if *asJSON {
		if err := p.diagnosticsJSON(pl.Files, diags); err != nil {
			return 0, err
		}
		if diags.HasErrors() {
			return exitFailed, nil
		}
		return exitDone, nil
	}
	if err := p.report(pl, diags, false); err != nil {
		return 0, err
	}
	found := count(len(pl.Exports), "query instance")
	switch n := len(pl.Tables); n {
	case 0:
	case 1:
		found += " and 1 query whose tables are found at plan time"
	default:
		found += fmt.Sprintf(" and %d queries whose tables are found at plan time", n)
	}
	p.printf("%s %s. Credentials, tables and volumes are for \"kustash plan\" to check.\n", p.paint(green, "Valid:"), found)
	return exitDone, nil
}
