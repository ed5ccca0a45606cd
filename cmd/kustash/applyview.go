package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
)

// applyView shows an apply: to people, as JSON, or both.
type applyView interface {
	plan(*planned)
	start(*pipeline.Plan)
	event(pipeline.Event) // has the form of Runner.OnEvent
	stop()
	summary(pipeline.Summary, time.Duration)
	outputs(*config.Pipeline)
	close() error
}

func (p *process) newApplyView(o *applyFlags) (applyView, error) {
	var views views
	if o.json {
		views = append(views, &jsonView{w: p.stdout})
	} else {
		views = append(views, &humanView{p: p})
	}
	if o.jsonInto != "" {
		f, err := os.Create(p.path(o.jsonInto))
		if err != nil {
			return nil, fmt.Errorf("-json-into: %w", err)
		}
		views = append(views, &jsonView{w: f, closer: f})
	}
	return views, nil
}

// views tells several.
type views []applyView

func (v views) plan(pl *planned) {
	for _, one := range v {
		one.plan(pl)
	}
}

func (v views) start(pl *pipeline.Plan) {
	for _, one := range v {
		one.start(pl)
	}
}

func (v views) event(e pipeline.Event) {
	for _, one := range v {
		one.event(e)
	}
}

func (v views) stop() {
	for _, one := range v {
		one.stop()
	}
}

func (v views) summary(s pipeline.Summary, took time.Duration) {
	for _, one := range v {
		one.summary(s, took)
	}
}

func (v views) outputs(pl *config.Pipeline) {
	for _, one := range v {
		one.outputs(pl)
	}
}

func (v views) close() error {
	var errs []error
	for _, one := range v {
		errs = append(errs, one.close())
	}
	return errors.Join(errs...)
}

// humanView is for people: the plan and the summary on stdout, the rest on
// stderr.
type humanView struct {
	p        *process
	progress *progress
	changes  bool
}

func (v *humanView) plan(pl *planned) {
	v.changes = !pl.nothingToDo()
	v.p.writePlan(v.p.stdout, pl)
}

func (v *humanView) start(pl *pipeline.Plan) {
	fmt.Fprintln(v.p.stdout)
	v.progress = v.p.newProgress(pl)
}

func (v *humanView) event(e pipeline.Event) {
	if v.progress == nil { // recovery comes before the plan
		v.p.newProgress(&pipeline.Plan{}).event(e)
		return
	}
	v.progress.event(e)
}

func (v *humanView) stop() { v.progress.stop() }

func (v *humanView) summary(s pipeline.Summary, took time.Duration) {
	if v.changes || len(s.Failed) > 0 {
		v.p.writeSummary(v.p.stdout, s, took)
	}
}

func (v *humanView) outputs(pl *config.Pipeline) {
	if len(pl.Outputs) == 0 || !v.changes {
		return
	}
	v.p.printf("\nOutputs:\n\n")
	v.p.writeOutputs(pl.Outputs)
}

func (v *humanView) close() error { return nil }

// jsonView writes one object a line.
type jsonView struct {
	w      io.Writer
	closer io.Closer
	begun  bool
	err    error
}

// formatVersion stands in the first object of every -json output.
const formatVersion = "1.0"

func (v *jsonView) write(kind string, fields map[string]any) {
	if !v.begun {
		v.begun = true
		v.write("version", map[string]any{"format_version": formatVersion, "tool": tool()})
	}
	fields["type"] = kind
	fields["time"] = time.Now().UTC().Format(time.RFC3339Nano)
	line, err := json.Marshal(fields)
	if err == nil {
		_, err = fmt.Fprintf(v.w, "%s\n", line)
	}
	v.err = errors.Join(v.err, err)
}

func (v *jsonView) plan(pl *planned) {
	for _, s := range pl.stretches() {
		v.write("planned", stretchFields(s))
	}
	for _, l := range pl.plan.Lost {
		v.write("lost", map[string]any{"query": l.Query, "sink": l.Sink, "start": l.Start, "end": l.End, "key": l.Key})
	}
	for _, s := range pl.plan.Stays {
		v.write("stays", map[string]any{"query": s.Query, "sink": s.Sink, "start": s.Start, "end": s.End, "why": s.Why, "reason": s.Reason})
	}
	for _, u := range pl.plan.Unavailable {
		v.write("unavailable", map[string]any{"query": u.Query, "sink": u.Sink, "start": u.Start, "end": u.End, "oldest": u.Oldest})
	}
	for _, c := range pl.plan.Changed {
		v.write("changed", map[string]any{"query": c.Query, "sink": c.Sink, "start": c.Start, "end": c.End,
			"rows_before": c.Before.Rows, "rows_after": c.After.Rows, "shrunk": c.Shrunk()})
	}
	v.drift(pl.plan)
	slices, rows, bytes, known := pl.plan.Totals()
	fields := map[string]any{"slices": slices, "now": pl.plan.Now, "cut": pl.plan.Cut}
	if known {
		fields["rows"], fields["bytes"] = rows, bytes
	}
	v.write("plan", fields)
}

func stretchFields(s stretch) map[string]any {
	fields := map[string]any{"query": s.query, "start": s.window.Start, "end": s.window.End, "slices": s.slices, "sinks": s.sinks, "action": s.noun}
	if s.known {
		fields["rows"], fields["bytes"] = s.rows, s.bytes
	}
	return fields
}

func (v *jsonView) start(*pipeline.Plan) {}

func (v *jsonView) event(e pipeline.Event) {
	if e.Kind == pipeline.SliceRead {
		return // too many to be of use
	}
	fields := map[string]any{"query": e.Query, "start": e.Window.Start, "end": e.Window.End}
	for name, value := range map[string]string{"sink": e.Sink, "part": e.Part, "key": e.Key, "outcome": e.Text} {
		if value != "" {
			fields[name] = value
		}
	}
	if e.Kind == pipeline.SliceDone {
		fields["rows"], fields["bytes"] = e.Rows, e.Bytes
	}
	if e.Wait > 0 {
		fields["wait_seconds"] = e.Wait.Seconds()
	}
	if e.Err != nil {
		fields["error"] = e.Err.Error()
	}
	v.write("slice_"+string(e.Kind), fields)
}

func (v *jsonView) stop() {}

func (v *jsonView) summary(s pipeline.Summary, took time.Duration) {
	failed := []map[string]any{}
	for _, f := range s.Failed {
		failed = append(failed, map[string]any{"query": f.Query, "sink": f.Sink, "start": f.Window.Start, "end": f.Window.End, "error": f.Err.Error()})
	}
	v.write("summary", map[string]any{"done": s.Done, "split": s.Split, "rows": s.Rows, "bytes": s.Bytes, "files": s.Files,
		"pending": s.Pending, "failed": failed, "seconds": took.Seconds()})
}

func (v *jsonView) outputs(*config.Pipeline) {}

func (v *jsonView) close() error {
	if v.closer == nil {
		return v.err
	}
	return errors.Join(v.err, v.closer.Close())
}
