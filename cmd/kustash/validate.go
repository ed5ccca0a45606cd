package main

import (
	"context"
	"fmt"
	"strings"
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
	var found []string
	if n := len(pl.Exports); n > 0 || len(pl.Tables) == 0 {
		found = append(found, count(n, "query instance"))
	}
	switch n := len(pl.Tables); n {
	case 0:
	case 1:
		found = append(found, "1 query whose tables are found at plan time")
	default:
		found = append(found, fmt.Sprintf("%d queries whose tables are found at plan time", n))
	}
	p.printf("%s %s. Credentials, tables and volumes are for \"kustash plan\" to check.\n", p.paint(green, "Valid:"), strings.Join(found, " and "))
	return exitDone, nil
}
