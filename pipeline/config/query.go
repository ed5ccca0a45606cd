package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/kustash/kustash/pipeline"
)

// queryObject stands for what nothing can refer to.
var queryObject = cty.EmptyObject

func queryShape() *shape {
	window := (&shape{blocks: make(map[string]*shape)}).
		attributes("start", "end", "slice", "settle", "lookback", "time_column", "time_slack", "reach")
	s := &shape{blocks: make(map[string]*shape)}
	for _, name := range []string{"workspace", "sinks"} {
		s.schema.Attributes = append(s.schema.Attributes, hcl.AttributeSchema{Name: name, Required: true})
	}
	return s.attributes("kql", "tables", "except", "plan", "late", "on_change", "schema", "column_names", "missing_table", "assume_sliceable").block("window", window)
}

func (l *loader) evaluateQuery(b *block) {
	s := queryShape()
	each, _, _ := b.block.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "for_each"}}})
	l.expand(b, s, queryObject, func(in *instance, body *body) cty.Value {
		e := &in.export
		e.Query.Address = in.address
		if body.content.Attributes["late"] != nil {
			e.Late = pipeline.Late(body.choice("late", []string{string(pipeline.LateAppend), string(pipeline.LateReplace), string(pipeline.LateIgnore)}, nil))
		}
		e.OnChange = pipeline.OnChange(body.choice("on_change", []string{string(pipeline.Forward), string(pipeline.Rebuild)}, nil))
		e.Frozen = body.choice("schema", []string{"evolve", "freeze"}, nil) == "freeze"
		e.ExactNames = body.choice("column_names", []string{"distinct", "exact"}, nil) == "exact"
		if body.choice("missing_table", []string{"error", "skip"}, nil) == "skip" {
			e.Query.MissingTable = pipeline.MissingSkip
		}
		e.Query.AssumeSliceable = body.truth("assume_sliceable")
		body.plan(e)
		body.what(in, each.Attributes["for_each"] != nil)
		e.Targets = body.targets()
		w := body.window(e, s.blocks["window"])
		if from := body.workspace(); from != nil {
			e.Workspace = from.address
			e.Query.Workspace = from.workspaceID()
			e.Source, e.Limits = from.source, from.limits
		}
		switch {
		case !body.ok:
		case in.tables != nil:
			if !body.setsTimeColumn() {
				e.Query.TimeColumn = "" // each table has its own
			}
			in.tables.Template = *e
		default:
			if j, ok := body.check(e); ok {
				w.checkJudgement(e, j)
			}
		}
		return cty.EmptyObjectVal
	})
}

// plan reads the plan of the table that the query reads.
func (b *body) plan(e *pipeline.Export) {
	plan := b.choice("plan", []string{"analytics", string(pipeline.Basic), string(pipeline.Auxiliary)}, nil)
	if plan == "analytics" {
		return
	}
	e.Query.Plan = pipeline.TablePlan(plan)
	if e.Late == pipeline.LateAppend {
		b.fail(b.content.Attributes["plan"], "Conflicting arguments", "The service does not tell when the rows of a table of the plan %s arrived, so late ones cannot be read alone, as late = \"append\" needs. Write late = \"replace\" or \"ignore\".", plan)
	}
}

// setsTimeColumn reports whether the window names a time column.
func (b *body) setsTimeColumn() bool {
	for _, block := range b.content.Blocks {
		if block.Type != "window" {
			continue
		}
		content, _, _ := block.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "time_column"}}})
		if content.Attributes["time_column"] != nil {
			return true
		}
	}
	return false
}

func (b *body) workspace() *instance {
	attr, set := b.content.Attributes["workspace"]
	if !set {
		return nil
	}
	return b.refer(attr, "workspace", "workspace", workspaceObject)
}

// kql returns the text of the query.
func (b *body) kql() string {
	text, _, ok := b.text(b.content, "kql")
	attr := b.content.Attributes["kql"]
	if attr != nil && ok && strings.TrimSpace(text) == "" {
		b.fail(attr, "Unsuitable value", "The argument \"kql\" holds no query. The name of a table, such as \"SecurityEvent\", is the shortest.")
	}
	return text
}

// targets returns the sinks of a query.
func (b *body) targets() []pipeline.Target {
	attr, set := b.content.Attributes["sinks"]
	if !set {
		return nil
	}
	v, ok := b.eval(attr.Expr, b.ctx)
	if !ok {
		b.ok = false
		return nil
	}
	ty := v.Type()
	switch {
	case v.IsMarked():
		b.fail(attr, "Sensitive value not allowed", "The argument \"sinks\" would show a sensitive value. Use a value that is not sensitive.")
		return nil
	case v.IsNull() || !ty.IsTupleType() && !ty.IsListType() && !ty.IsSetType():
		b.fail(attr, "Unsuitable value", "The argument \"sinks\" takes a list of sinks%s", b.sinksExample(v))
		return nil
	case v.LengthInt() == 0:
		b.fail(attr, "Unsuitable value", "The list of sinks is empty, so the query would be exported nowhere. Name one: sinks = [sink.NAME].")
		return nil
	}
	var targets []pipeline.Target
	for at, element := range elements(attr.Expr, v) {
		if target, ok := b.target(element, at, targets); ok {
			targets = append(targets, target)
		}
	}
	return targets
}

func (b *body) sinksExample(v cty.Value) string {
	switch {
	case v.IsNull():
		return ": sinks = [sink.NAME]."
	case v.Type().Equals(sinkObject) && !v.GetAttr("address").IsNull():
		return ", so put it in brackets: sinks = [" + v.GetAttr("address").AsString() + "]."
	case v.Type().IsMapType():
		return ", and this is a map, because the block has for_each. Write sinks = values(sink.NAME), or name one instance: sinks = [sink.NAME[\"KEY\"]]."
	}
	return ", not a " + v.Type().FriendlyName() + ": sinks = [sink.NAME]."
}

// target resolves one element of sinks.
func (b *body) target(v cty.Value, at hcl.Range, others []pipeline.Target) (pipeline.Target, bool) {
	in, why := b.resolve(v, "sink", sinkObject)
	switch {
	case why != "":
		b.ok = false
		b.errorAt(at, "Unsuitable value", "The argument \"sinks\" takes a list of sinks: %s", why)
		return pipeline.Target{}, false
	case !in.ok:
		b.ok = false
		return pipeline.Target{}, false
	}
	for _, other := range others {
		if other.Address == in.address {
			b.ok = false
			b.errorAt(at, "Duplicate sink", "The list names %s twice.", in.address)
			return pipeline.Target{}, false
		}
		if other.Identity == in.sink.Identity {
			b.ok = false
			b.errorAt(at, "Duplicate sink", "The sinks %s and %s write to the same place, so rows of a query would be there twice. Name one of them, or give one another place.",
				other.Address, in.address)
			return pipeline.Target{}, false
		}
	}
	return pipeline.Target{
		Address:    in.address,
		Identity:   in.sink.Identity,
		Calendar:   in.sink.Calendar,
		Sink:       in.sink.Sink,
		WriteEmpty: in.sink.WriteEmpty,
		Keep:       in.sink.Keep,
		MaxRows:    in.sink.MaxRows,
		MaxBytes:   in.sink.MaxBytes,
	}, true
}

// check lets the source judge the query, and takes its fingerprint. It reports
// false for a source that cannot judge.
func (b *body) check(e *pipeline.Export) (pipeline.Judgement, bool) {
	e.Query.Fingerprint = fingerprint(*e)
	checker, ok := e.Source.(pipeline.Checker)
	if !ok {
		return pipeline.Judgement{}, false
	}
	attr := b.content.Attributes["kql"]
	judgement := checker.Check(e.Query, e.Span.Whole)
	stays := make(map[pipeline.Problem]bool) // even where slices are not the matter
	if e.Query.AssumeSliceable {
		for _, p := range checker.Check(e.Query, true).Problems {
			stays[p] = true
		}
	}
	for _, p := range judgement.Problems {
		warning := p.Warning || e.Query.AssumeSliceable && !stays[p]
		b.ok = b.ok && warning
		d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: p.Summary, Detail: strings.TrimSpace(p.Detail + " " + p.Overrule)}
		if warning {
			d.Severity = hcl.DiagWarning
		}
		at := b.locate(attr.Expr, e.Query.Text, p.Offset, p.Length)
		d.Subject = &at
		if at.Filename != attr.Range.Filename {
			d.Detail += fmt.Sprintf("\n\nThe file is the kql of %s at %s.", e.Query.Address, position(attr.Range))
		}
		b.report(d)
	}
	return judgement, true
}

// fingerprint returns what the source says makes a query the same, or all that
// it says itself.
func fingerprint(e pipeline.Export) string {
	if checker, ok := e.Source.(pipeline.Checker); ok {
		return checker.Fingerprint(e.Query)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", e.Query.Text, e.Query.TimeColumn, e.Query.Workspace))
	return "fp1:" + hex.EncodeToString(sum[:])
}
