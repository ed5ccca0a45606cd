package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
)

var applyVerb = verb{
	name:  "apply",
	brief: "read the missing slices and commit them",
	usage: "[-chdir=DIR] apply [flags] [PLANFILE]",
	help: `Plans, asks for "yes", reads the missing slices and commits each as soon as it
is complete. With PLANFILE it does exactly what that plan says, without asking,
and refuses it if pipeline or state have changed since.

A slice that fails is recorded with its reason, the others go on, and the exit
code is 1. Running apply again reads what is still missing and nothing else.
First interrupt: no new slice, commits in flight finish. Second: stop at once.`,
	run: runApply,
}

type applyFlags struct {
	load        loadFlags
	plan        planFlags
	lock        lockFlags
	approved    bool
	parallelism int
	json        bool
	jsonInto    string
}

func runApply(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var o applyFlags
	o.load.add(f)
	o.plan.add(f)
	o.lock.add(f)
	f.BoolVar(&o.approved, "auto-approve", false, "do not ask")
	f.IntVar(&o.parallelism, "parallelism", 8, "`slices` in flight")
	f.BoolVar(&o.json, "json", false, "one JSON object a line; needs -auto-approve")
	f.StringVar(&o.jsonInto, "json-into", "", "write the JSON events to this `file` as well")
	rest, err := p.parse(f, v, args, 1)
	if err != nil {
		return 0, err
	}
	if o.parallelism < 1 {
		return 0, fmt.Errorf("-parallelism=%d: at least one slice has to be in flight", o.parallelism)
	}
	var saved *planFile
	if len(rest) == 1 {
		if saved, err = readPlan(p.path(rest[0])); err != nil {
			return 0, err
		}
		if o.plan.narrows() {
			return 0, errors.New("a saved plan is applied as it is: -target, -exclude, -from, -to and -refresh belong to \"kustash plan -out=FILE\"")
		}
	}
	if saved == nil && !o.approved && (!p.asks || !o.load.input || o.json) {
		return 0, errors.New("apply would have to ask for approval, and nobody can answer here; add -auto-approve, or apply a plan saved by \"kustash plan -out=FILE\"")
	}
	given := o.load.vars
	if saved != nil {
		o.load.vars = append(slices.Clone(saved.Vars), given...)
	}
	pl, err := p.load(&o.load, o.json)
	if err != nil {
		return 0, err
	}
	if saved != nil {
		if err := saved.onlySensitive(pl, given); err != nil {
			return 0, err
		}
	}
	return p.apply(ctx, pl, &o, saved)
}

// apply takes the lock, settles what an earlier run left, plans and runs.
func (p *process) apply(ctx context.Context, pl *config.Pipeline, o *applyFlags, saved *planFile) (code int, err error) {
	s, end, err := p.writeSession(ctx, pl, "apply", o.lock)
	if err != nil {
		return 0, err
	}
	defer func() {
		if endErr := end(); endErr != nil {
			code, err = exitFailed, errors.Join(err, endErr)
		}
	}()
	if saved != nil {
		seq, hash := s.ledger.Head()
		if err := saved.stale(s, s.ledger.Lineage(), seq, hash); err != nil {
			return 0, err
		}
	}
	if err := s.carryOut(ctx); err != nil {
		return 0, err
	}
	r := p.runner(s, o.parallelism)
	view, err := p.newApplyView(o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, view.close()) }()
	if r.OnEvent, err = p.logEvents(view.event); err != nil {
		return 0, err
	}
	conflicts, err := p.settle(ctx, s, r)
	if err != nil {
		return 0, err
	}
	made := &planned{}
	if saved != nil {
		s.settleOn(saved.Tables)
		made.plan, made.exports, made.notes = &saved.Plan, s.exports(), s.moved
		made.refused, made.outside = sliceErrors(saved.Refused), sliceErrors(saved.Outside)
	} else if made, err = p.makePlan(ctx, s, &o.plan, r.Retry, o.json); err != nil {
		return 0, err
	}
	view.plan(made)
	lost := append(append(conflicts, made.refused...), made.outside...)
	lost = append(lost, made.stays()...)
	if made.nothingToDo() {
		if made.findings() {
			if _, err := r.Run(ctx, made.plan, made.exports, s.history); err != nil {
				return 0, err
			}
		}
		return p.endOfApply(pl, view, pipeline.Summary{Failed: lost}, 0, nil)
	}
	if saved == nil && !o.approved {
		if err := p.confirm("Do you want to apply this: " + made.describe() + "?"); err != nil {
			return 0, fmt.Errorf("apply was not approved: %w; nothing has been read", err)
		}
	}
	view.start(made.plan)
	started := time.Now()
	summary, err := r.Run(ctx, made.plan, made.exports, s.history)
	view.stop()
	summary.Failed = append(lost, summary.Failed...)
	return p.endOfApply(pl, view, summary, time.Since(started), err)
}

// settle enrolls the sinks and brings open intents of earlier runs to an end.
func (p *process) settle(ctx context.Context, s *session, r *pipeline.Runner) ([]pipeline.SliceError, error) {
	if err := r.Enroll(ctx, s.templates(), s.history); err != nil {
		return nil, err
	}
	if err := s.behind(ctx); err != nil {
		return nil, err
	}
	conflicts, err := r.Recover(ctx, s.exports(), s.history)
	if err != nil {
		return nil, err
	}
	return conflicts, s.refold(ctx)
}

// runner returns the engine for a session.
func (p *process) runner(s *session, parallelism int) *pipeline.Runner {
	return &pipeline.Runner{
		Ledger:      s.ledger,
		Lineage:     s.ledger.Lineage(),
		Tool:        tool(),
		Parallelism: parallelism,
		Retry:       p.retry,
		AtStep:      p.crashPoint(),
	}
}

// endOfApply reports a run and chooses the exit code.
func (p *process) endOfApply(pl *config.Pipeline, view applyView, sum pipeline.Summary, took time.Duration, err error) (int, error) {
	if err != nil {
		return exitFailed, fmt.Errorf("%w; %s done before that stay done", err, count(sum.Done, "slice"))
	}
	view.summary(sum, took)
	if len(sum.Failed) > 0 || sum.Pending > 0 {
		return exitFailed, nil
	}
	view.outputs(pl)
	return exitDone, nil
}

// confirm asks whether to go on. Only "yes" is an approval.
func (p *process) confirm(question string) error {
	fmt.Fprintf(p.stderr, "\n%s\n  Only \"yes\" is accepted.\n\n  Enter a value: ", question)
	line, err := bufio.NewReader(p.stdin).ReadString('\n')
	if answer := strings.TrimSpace(line); answer == "yes" {
		return nil
	} else if err != nil && answer == "" {
		fmt.Fprintln(p.stderr)
		return errors.New("the input ended; -auto-approve goes on without a question")
	}
	return errors.New("the answer was not \"yes\"")
}

// crashPoint serves tests of recovery: with KUSTASH_TEST_CRASH=STEP or STEP:N
// in the environment the process kills itself when a slice has come past that
// step of the commit for the Nth time.
func (p *process) crashPoint() func(string) {
	step, nth, _ := strings.Cut(p.getenv("KUSTASH_TEST_CRASH"), ":")
	if step == "" {
		return nil
	}
	left := 1
	if nth != "" {
		_, _ = fmt.Sscan(nth, &left)
	}
	var guard = make(chan struct{}, 1)
	return func(at string) {
		guard <- struct{}{}
		defer func() { <-guard }()
		if at != step {
			return
		}
		if left--; left == 0 {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				_ = self.Kill()
			}
			select {} // nothing more happens in this process
		}
	}
}
