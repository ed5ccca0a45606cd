package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// habits answers arguments and nested blocks that other tools have, and those
// that are still to come, in any block.
var habits = map[string]string{
	"count":      `Several instances are declared with for_each, such as for_each = toset(["a", "b"]).`,
	"depends_on": "The order of blocks does not matter, and queries do not depend on each other.",
	"lifecycle":  "Nothing kustash does removes archived rows, so there is no lifecycle to declare.",
	"provider":   "There are no providers; a query names its workspace with workspace = workspace.NAME.",
	"backend":    `The place of the state is written state "local" { path = ".kustash" }.`,
	"sink":       "Sinks are given as a list: sinks = [sink.NAME].",
	"query":      "The text of a query is the argument kql.",
	"source":     "The workspace to read is the argument workspace = workspace.NAME.",
	"time_slack": "It is an argument of the window block.",
	"superseded": "What happens to files that others take over from is an argument of sinks.",
	"freeze":     `Columns are kept as they are by schema = "freeze".`,
	"interval":   "The width of slices is the argument slice of the window block.",
	"schedule":   "kustash has no schedule of its own: run \"kustash apply -auto-approve\" from cron.",
	"timespan":   "The window of a query is a block: window { start = \"2026-01-01\" }.",
	"version":    "The version of the tool is the argument required_version.",
	"tenant":     "The tenant is given in a credential block, as tenant_id.",

	"account":              accountHabit,
	"account_name":         accountHabit,
	"storage_account":      accountHabit,
	"storage_account_name": accountHabit,
	"container_name":       "The container is the argument container.",
	"access_key":           "The key of an account is the argument account_key.",
	"folder":               "Folders within a place are the argument prefix, those of queries and times the argument layout.",
	"partition_by":         `The folders of files are the argument layout, such as "{query}/date={date}".`,
}

const accountHabit = `The account is named by its address: account_url = "https://ACCOUNT.blob.core.windows.net".`

// content reads a body that must match the schema, and reports what does not.
func (l *loader) content(body hcl.Body, schema *hcl.BodySchema, where string) *hcl.BodyContent {
	before := l.secrets.reads
	content, diags := body.Content(schema)
	diags = l.tidy(diags, before != l.secrets.reads)
	for _, d := range diags {
		l.maskStray(d)
		l.addHabit(d, where)
	}
	l.report(diags...)
	return content
}

func (l *loader) addHabit(d *hcl.Diagnostic, where string) {
	if d.Subject == nil || strings.Contains(d.Detail, "Did you mean") {
		return
	}
	switch d.Summary {
	case "Unsupported argument", "Unsupported block type", "Extraneous JSON object property":
	default:
		return
	}
	name := strings.Trim(l.source(*d.Subject), `"`)
	if habit := habits[name]; habit != "" {
		d.Detail += " " + habit
	} else {
		d.Detail = strings.Replace(d.Detail, "expected here", "expected in "+withArticle(where)+" block", 1)
		if kinds := l.kindsWith(where, name); len(kinds) > 0 {
			d.Detail += " It is an argument of the kind " + listed(kinds) + "."
		}
	}
}

func withArticle(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}

// kindsWith returns the kinds of a block that take an argument.
func (l *loader) kindsWith(class, name string) (kinds []string) {
	factories := l.factories(class)
	for _, kind := range sortedKeys(factories) {
		for _, a := range shapeOf(factories[kind]()).schema.Attributes {
			if a.Name == name {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}

// source returns the text at a place; "" if there is none.
func (l *loader) source(r hcl.Range) string {
	f := l.files[r.Filename]
	if f == nil || !r.CanSliceBytes(f.Bytes) {
		return ""
	}
	return string(r.SliceBytes(f.Bytes))
}

// literalBool reads an argument that must be a constant.
func (l *loader) literalBool(content *hcl.BodyContent, name string, fallback bool) bool {
	v, ok := l.literal(content, name, cty.Bool)
	if !ok {
		return fallback
	}
	return v.True()
}

func (l *loader) literalString(content *hcl.BodyContent, name string) string {
	v, ok := l.literal(content, name, cty.String)
	if !ok {
		return ""
	}
	return v.AsString()
}

func (l *loader) literal(content *hcl.BodyContent, name string, want cty.Type) (cty.Value, bool) {
	a, ok := content.Attributes[name]
	if !ok {
		return cty.NilVal, false
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		l.errorAt(a.Expr.Range(), "Constant required", "The argument %q must be written out: variables and functions cannot be used here.", name)
		return cty.NilVal, false
	}
	if !v.IsWhollyKnown() {
		return cty.NilVal, false // what the parser could not read, and reported
	}
	v, err := convert.Convert(v, want)
	if err != nil || v.IsNull() {
		l.errorAt(a.Expr.Range(), "Unsuitable value", "The argument %q must be a %s.", name, want.FriendlyName())
		return cty.NilVal, false
	}
	return v, true
}

// eval evaluates an expression. ok is false if that failed, or if the value
// depends on something that did; both have been reported.
func (l *loader) eval(expr hcl.Expression, ctx *hcl.EvalContext) (v cty.Value, ok bool) {
	v, ok = l.evalPartly(expr, ctx)
	if !ok || !v.IsWhollyKnown() {
		return cty.DynamicVal, false
	}
	return v, true
}

// evalPartly is eval for a value of which parts may be unknown.
func (l *loader) evalPartly(expr hcl.Expression, ctx *hcl.EvalContext) (v cty.Value, ok bool) {
	before := l.secrets.reads
	v, diags := expr.Value(ctx)
	l.report(l.tidy(diags, before != l.secrets.reads || usesSensitive(expr, ctx))...)
	if diags.HasErrors() || v == cty.NilVal {
		return cty.DynamicVal, false
	}
	return v, true
}

// usesSensitive reports whether something that the expression refers to is
// sensitive.
func usesSensitive(expr hcl.Expression, ctx *hcl.EvalContext) bool {
	for _, t := range expr.Variables() {
		for c := ctx; c != nil; c = c.Parent() {
			if v, ok := c.Variables[t.RootName()]; ok {
				if v.ContainsMarked() {
					return true
				}
				break
			}
		}
	}
	return false
}

// safe are summaries of diagnostics whose details show names, never values.
var safe = map[string]bool{
	"Unsupported attribute": true, "Unknown variable": true, "Not enough function arguments": true, "Too many function arguments": true,
	"Unsupported argument": true, "Unsupported block type": true, "Missing required argument": true, "Invalid operand": true,
	"Invalid index": true, "Attempt to get attribute from null value": true, "Inconsistent conditional result types": true,
	"Invalid template interpolation value": true, "Invalid dynamic block label": true, "Invalid dynamic for_each value": true,
}

// tidy words the diagnostics of the expression language as ours are, and takes
// out details that could show a sensitive value.
func (l *loader) tidy(diags hcl.Diagnostics, secret bool) hcl.Diagnostics {
	var kept hcl.Diagnostics
	for _, d := range diags {
		if _, silent := d.Extra.(silent); silent || d.Summary == "Unsupported attribute" && d.Subject != nil && l.told[*d.Subject] {
			continue
		}
		d := *d
		call, _ := d.Extra.(hclsyntax.FunctionCallDiagExtra)
		unknown, _ := d.Extra.(hclsyntax.FunctionCallUnknownDiagExtra)
		var own *functionError
		switch {
		case call != nil && errors.As(call.FunctionCallError(), &own):
			d.Summary, d.Detail = own.summary, own.detail
		case unknown != nil:
			d.Detail = l.unknownFunction(unknown.CalledFunctionName())
		case secret && !safe[d.Summary]:
			d.Detail = "The expression uses a sensitive value, so the reason is not shown."
			if call != nil {
				d.Detail = fmt.Sprintf("The call to function %q uses a sensitive value, so the reason is not shown.", call.CalledFunctionName())
			}
		}
		d.Expression, d.EvalContext = nil, nil
		kept = append(kept, &d)
	}
	return kept
}

// silent is the Extra of a diagnostic that only stops an evaluation: what is
// wrong has been reported where it happened.
type silent struct{}

// checkDynamic refuses what the for_each of a dynamic block must not be.
func checkDynamic(v cty.Value, expr hcl.Expression, _ *hcl.EvalContext) hcl.Diagnostics {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Invalid dynamic for_each value", Subject: expr.Range().Ptr()}
	switch {
	case v.IsMarked():
		d.Detail = "The number of blocks would show something of a sensitive value. Use a value that is not sensitive."
	case !v.IsWhollyKnown():
		d.Extra = silent{}
	default:
		return nil
	}
	return hcl.Diagnostics{d}
}
