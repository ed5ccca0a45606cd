package main

import (
	"context"
	"fmt"
)

var planVerb = verb{
	name:  "plan",
	brief: "show which slices are missing, without changing anything",
	usage: "[-chdir=DIR] plan [flags]",
	help: `Shows what apply would do: the slices that the declared windows have and the
sinks lack, with estimates from the workspace. Takes no lock and writes nothing.`,
	run: runPlan,
}

func runPlan(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	var plan planFlags
	load.add(f)
	plan.add(f)
	out := f.String("out", "", "save the plan to this `file`, for \"kustash apply FILE\"")
	detailed := f.Bool("detailed-exitcode", false, "exit with 2 if there is something to do, 0 if not, 1 on failure")
	asJSON := f.Bool("json", false, "one JSON object a line")
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	s, err := p.readSession(ctx, &load, *asJSON)
	if err != nil {
		return 0, err
	}
	made, err := p.makePlan(ctx, s, &plan, p.retry, *asJSON)
	if err != nil {
		return 0, err
	}
	if *out != "" {
		if err := savePlan(p.path(*out), s, made, load.vars); err != nil {
			return 0, err
		}
	}
	if *asJSON {
		p.writePlanJSON(made)
	} else {
		p.writePlan(p.stdout, made)
		if *out != "" {
			p.printf("\nSaved to %s. To do exactly this: kustash apply %s\n", *out, *out)
		}
	}
	p.writeRefused(made)
	switch {
	case len(made.refused)+len(made.outside) > 0:
		return exitFailed, nil
	case *detailed && (len(made.plan.Slices) > 0 || len(made.open) > 0):
		return exitPending, nil
	}
	return exitDone, nil
}

// nothingToDo reports whether applying the plan would export nothing.
func (pl *planned) nothingToDo() bool { return len(pl.plan.Slices) == 0 }

// findings reports whether the plan knows something new of the past, which an
// apply records.
func (pl *planned) findings() bool {
	return len(pl.plan.Unavailable)+len(pl.plan.Changed)+len(pl.plan.Outside) > 0
}

// describe words the plan's size for a question.
func (pl *planned) describe() string {
	n, rows, _, known := pl.plan.Totals()
	if !known {
		return count(n, "slice")
	}
	return fmt.Sprintf("%s, about %s rows", count(n, "slice"), amount(rows))
}
