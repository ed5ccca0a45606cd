package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/kustash/kustash/pipeline/config"
)

var outputVerb = verb{
	name:  "output",
	brief: "print the pipeline's outputs",
	usage: "[-chdir=DIR] output [flags] [NAME]",
	help:  `Prints all outputs, or the value of one. Sensitive values are not shown.`,
	run:   runOutput,
}

func runOutput(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	asJSON := f.Bool("json", false, "as JSON")
	raw := f.Bool("raw", false, "the plain text of one output, for scripts")
	rest, err := p.parse(f, v, args, 1)
	if err != nil {
		return 0, err
	}
	pl, err := p.load(&load, *asJSON)
	if err != nil {
		return 0, err
	}
	if len(rest) == 0 {
		if *raw {
			return 0, fmt.Errorf("output -raw needs the name of one output")
		}
		if *asJSON {
			return exitDone, p.outputsJSON(pl.Outputs)
		}
		p.writeOutputs(pl.Outputs)
		return exitDone, nil
	}
	var names []string
	for _, o := range pl.Outputs {
		if o.Name == rest[0] {
			return exitDone, p.writeOutput(o, *asJSON, *raw)
		}
		names = append(names, o.Name)
	}
	return 0, fmt.Errorf("the pipeline has no output %q.%s", rest[0], config.DidYouMean(rest[0], names))
}

func (p *process) writeOutputs(outputs []config.Output) {
	for _, o := range outputs {
		p.printf("%s = %s\n", o.Name, o)
	}
}

func (p *process) writeOutput(o config.Output, asJSON, raw bool) error {
	if o.Sensitive {
		return fmt.Errorf("output %q is sensitive and is not shown", o.Name)
	}
	if raw && !asJSON {
		if o.Value.IsNull() || o.Value.Type() != cty.String {
			return fmt.Errorf("output %q is no text; use -json", o.Name)
		}
		p.printf("%s", o.Value.AsString())
		return nil
	}
	p.printf("%s\n", o.JSON())
	return nil
}

func (p *process) outputsJSON(outputs []config.Output) error {
	all := map[string]any{}
	for _, o := range outputs {
		one := map[string]any{"sensitive": o.Sensitive}
		if !o.Sensitive {
			one["value"] = o.JSON()
		}
		all[o.Name] = one
	}
	enc := json.NewEncoder(p.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(all)
}
