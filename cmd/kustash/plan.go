package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
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
	s, err := p.readSession(ctx, &load, *asJSON, ledger.Load)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(s.unclaimed(ctx), s.behind(ctx)); err != nil {
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
	case len(made.refused)+len(made.outside)+len(made.stays()) > 0:
		return exitFailed, nil
	case *detailed && (len(made.plan.Slices) > 0 || len(made.open) > 0):
		return exitPending, nil
	}
	return exitDone, nil
}

// nothingToDo reports whether applying the plan would export nothing.
func (pl *planned) nothingToDo() bool { return len(pl.plan.Slices) == 0 }

// stays returns the slices that should be read again and cannot be, until
// somebody acts.
func (pl *planned) stays() []pipeline.SliceError {
	var all []pipeline.SliceError
	for _, s := range pl.plan.Stays {
		if s.Failed {
			all = append(all, pipeline.SliceError{Query: s.Query, Sink: s.Sink, Window: s.Window, Err: errors.New(s.Reason)})
		}
	}
	return all
}

// findings reports whether the plan knows something new of the past, which an
// apply records.
func (pl *planned) findings() bool {
	return len(pl.plan.Unavailable)+len(pl.plan.Changed)+len(pl.plan.Closing)+len(pl.plan.Lost)+len(pl.plan.Outside) > 0
}

// describe words the plan's size for a question.
func (pl *planned) describe() string {
	if _, rows, _, known := pl.plan.Totals(); known {
		return fmt.Sprintf("%s, about %s rows", pl.deeds(), amount(rows))
	}
	return pl.deeds()
}
