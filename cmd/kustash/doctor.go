package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
)

var doctorVerb = verb{
	name:  "doctor",
	brief: "check every step of the set-up and say which one is missing",
	usage: "[-chdir=DIR] doctor [flags]",
	help: `Walks the way that a first export takes: the pipeline's files, names and
certificates of the hosts, a token and what it says, the right to query, each
table and query, the state, each sink, the clock. What fails is shown with its
cause and the next step; what depends on it is skipped. Nothing is changed,
nothing is asked, and no secret is shown. docs/setup.md has more on each finding.`,
	run: runDoctor,
}

func runDoctor(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	asJSON := f.Bool("json", false, "one JSON object a line")
	workspace := f.String("workspace", "", "check only this workspace, by `name`")
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	d := &doctor{process: p, seen: make(map[string]status), retry: p.retry, readable: make(map[string]string)}
	// A doctor that waits for minutes is of no use; what needs that is told.
	d.retry.Attempts, d.retry.Max = min(d.retry.Attempts, 3), min(d.retry.Max, 5*time.Second)
	d.view = &doctorText{process: p}
	if *asJSON {
		d.view = &doctorJSON{jsonView{w: p.stdout}}
	}
	pl, err := d.pipeline(&load)
	if err != nil {
		return 0, err
	}
	if pl != nil {
		chosen, err := doctorWorkspaces(pl, *workspace)
		if err != nil {
			return 0, err
		}
		for _, c := range d.checks(pl, chosen) {
			d.do(ctx, c)
		}
	}
	if ctx.Err() != nil {
		return 0, errors.New("interrupted")
	}
	d.view.summary(d.tally)
	if d.tally.count[failed] > 0 {
		return exitFailed, d.view.close()
	}
	return exitDone, d.view.close()
}

// status is the outcome of a check.
type status string

const (
	passed  status = "ok"
	warned  status = "warn"
	failed  status = "fail"
	skipped status = "skipped"
)

// check is one step of the way. Checks are made in order; one that needs
// another which did not pass is skipped.
type check struct {
	step   string // resolve, connect, token, query, table, state, sink, clock
	target string // what it is about
	within string // the workspace, where it belongs to one
	needs  []string
	run    func(context.Context) outcome
}

// id names a check for those that need it.
func (c check) id() string { return strings.TrimSpace(c.within + " " + c.step + " " + c.target) }

// outcome is what a check has found.
type outcome struct {
	status status
	detail string   // one line: what is the case
	facts  []string // further lines, "name  value"
	advice []string // the next steps, the likeliest first
	help   string   // anchor in docs/setup.md
	claims *azauth.Claims
}

func healthy(format string, values ...any) outcome {
	return outcome{status: passed, detail: fmt.Sprintf(format, values...)}
}

// diagnosis is a check with its outcome.
type diagnosis struct {
	check
	outcome
}

// tally sums up a run.
type tally struct {
	count map[status]int
	first *diagnosis // that failed
}

// doctor makes the checks of one run.
type doctor struct {
	*process
	view  doctorView
	retry pipeline.Retry
	seen  map[string]status // by the id of the check
	tally tally
	// readable names a workspace that a principal can query, by principal.
	readable map[string]string
	lineage  string // of the state; "" if it has no ledger yet
}

// do makes a check and shows what it has found.
func (d *doctor) do(ctx context.Context, c check) {
	if ctx.Err() != nil {
		return
	}
	for _, need := range c.needs {
		if s := d.seen[need]; s == failed || s == skipped {
			d.note(diagnosis{c, outcome{status: skipped, detail: "needs " + strings.TrimPrefix(need, c.within+" ")}})
			return
		}
	}
	d.note(diagnosis{c, c.run(ctx)})
}

func (d *doctor) note(r diagnosis) {
	d.seen[r.id()] = r.status
	if d.tally.count == nil {
		d.tally.count = make(map[status]int)
	}
	d.tally.count[r.status]++
	if r.status == failed && d.tally.first == nil {
		d.tally.first = &r
	}
	d.view.result(r)
}

// pipeline loads the files; nil is a pipeline that cannot be checked further.
func (d *doctor) pipeline(o *loadFlags) (*config.Pipeline, error) {
	c := check{step: "pipeline", target: d.dir}
	found, err := hasHCL(d.dir)
	if err != nil {
		return nil, err
	}
	if !found {
		d.note(diagnosis{c, outcome{status: failed, detail: "there is no pipeline in this directory", help: "pipeline",
			advice: []string{"Write a starter pipeline:\nkustash init", "If the pipeline is elsewhere, name its directory:\nkustash -chdir=DIR doctor"}}})
		return nil, nil
	}
	pl, diags := d.loadDiags(o, d.kinds())
	if diags.HasErrors() {
		d.note(diagnosis{c, outcome{status: failed, detail: fmt.Sprintf("%s in the files", count(len(diags.Errs()), "mistake")), help: "pipeline",
			facts:  []string{"first  " + sentence(diags.Errs()[0].Error())},
			advice: []string{"See all of them with their places, and mend them:\nkustash validate"}}})
		return nil, nil
	}
	loaded := healthy("%s, %s, %s", count(len(pl.Workspaces), "workspace"), count(len(pl.Exports)+len(pl.Tables), "query instance"), count(len(pl.Sinks), "sink"))
	for _, d := range diags {
		loaded.status = warned
		loaded.facts = append(loaded.facts, sentence(d.Error()))
	}
	d.note(diagnosis{c, loaded})
	return pl, nil
}

// doctorWorkspaces returns the workspaces to be checked.
func doctorWorkspaces(pl *config.Pipeline, name string) ([]config.Workspace, error) {
	if name == "" {
		return pl.Workspaces, nil
	}
	w, err := chooseWorkspace(pl, name)
	return []config.Workspace{w}, err
}

// checks lists what is to be checked of a pipeline.
func (d *doctor) checks(pl *config.Pipeline, workspaces []config.Workspace) []check {
	var all []check
	for _, w := range workspaces {
		exports := slices.DeleteFunc(slices.Clone(pl.Exports), func(e pipeline.Export) bool { return e.Workspace != w.Address })
		byTable := slices.DeleteFunc(slices.Clone(pl.Tables), func(q config.TableQuery) bool { return q.Template.Workspace != w.Address })
		all = append(all, d.workspaceChecks(w, exports, byTable)...)
	}
	all = append(all, d.stateCheck(pl))
	for _, s := range pl.Sinks {
		all = append(all, d.sinkCheck(s, "state "+statePath(pl)))
	}
	return all
}
