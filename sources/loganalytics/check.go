package loganalytics

import (
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// wayOut ends every refusal that the author may overrule.
const wayOut = ` Read the window in one piece with slice = "none", or, if you know that slices give the same rows, set assume_sliceable = true.`

// Check implements pipeline.Checker. It allows what is surely read row by row
// and refuses everything else: a query of which it says nothing gives in
// slices the rows that it gives in one piece. What a saved function behind a
// plain name does it cannot see.
func (s *Source) Check(q pipeline.Query, whole bool) pipeline.Judgement {
	return pipeline.Judgement{Problems: check(q.Text, whole)}
}

func check(text string, whole bool) []pipeline.Problem {
	script := newScript(text)
	if p, ok := script.broken(); ok {
		return []pipeline.Problem{p}
	}
	w := walk(script)
	problems := w.form()
	bounds := w.bounds()
	if bounds == oneBound {
		problems = append(problems, pipeline.Problem{
			Summary: "One bound of the slice only",
			Detail:  "The text uses slice_start or slice_end, but not both. Use both, or neither to have the window put at each table.",
		})
	}
	if !whole && bounds == noBound {
		problems = append(problems, w.sliceable()...)
	}
	return problems
}

// broken returns the problem of a text that cannot be cut into statements.
func (s *script) broken() (pipeline.Problem, bool) {
	if s.odd < 0 {
		return pipeline.Problem{}, false
	}
	p := pipeline.Problem{Summary: "Unbalanced brackets", Detail: "This bracket has no partner."}
	if s.kind(s.odd) == tokenBroken {
		p = pipeline.Problem{Summary: "Text without an end", Detail: "This literal has no closing quote."}
	}
	p.Offset, p.Length = s.offset(part{s.odd, s.odd + 1})
	if s.kind(s.odd) == tokenBroken {
		p.Length = 1
	}
	return p, true
}

// problem makes a remark one for the author.
func (w *walker) problem(p part, summary, detail string, warning bool) pipeline.Problem {
	start, length := w.offset(p)
	return pipeline.Problem{Summary: summary, Detail: detail, Offset: start, Length: length, Warning: warning}
}

// form returns what makes the text no query, or one whose answer may be
// incomplete without a word, however it is read.
func (w *walker) form() []pipeline.Problem {
	var problems []pipeline.Problem
	for _, p := range w.statements {
		if w.at(p.from) == "." {
			problems = append(problems, w.problem(p, "Management command", "Only queries can be read; a text that begins with a full stop is a command.", false))
		}
		if w.at(p.from) == "set" {
			problems = append(problems, w.option(p)...)
		}
	}
	switch {
	case len(problems) > 0:
	case len(w.tabular) == 0:
		problems = append(problems, w.problem(part{}, "No result", "The text has no statement that returns rows.", false))
		problems[0].Offset, problems[0].Length = 0, 0
	}
	if len(w.tabular) > 1 {
		problems = append(problems, w.problem(w.tabular[1], "Several results", "This is a second statement that returns rows; a query has exactly one.", false))
	}
	return problems
}

// options are request properties that change what is missing from an answer,
// or whether a missing part is told. They are described in
// https://learn.microsoft.com/kusto/api/rest/request-properties.
var options = map[string]struct {
	detail  string
	warning bool
}{
	"query_take_max_records":            {detail: "It drops rows beyond a number without saying so."},
	"best_effort":                       {detail: "It leaves out what cannot be read without saying so."},
	"deferpartialqueryfailures":         {detail: "It hides that an answer is incomplete."},
	"results_error_reporting_placement": {detail: "It hides that an answer is incomplete."},
	"truncationmaxrecords":              {detail: "It lowers the limit of an answer, so that slices are split more often.", warning: true},
	"truncationmaxsize":                 {detail: "It lowers the limit of an answer, so that slices are split more often.", warning: true},
	"query_datetimescope_from":          {detail: "The answer is what this scope and the window have in common.", warning: true},
	"query_datetimescope_to":            {detail: "The answer is what this scope and the window have in common.", warning: true},
}

func (w *walker) option(p part) []pipeline.Problem {
	name := w.in(p, p.from+1)
	o, ok := options[strings.ToLower(name)]
	if !ok {
		return nil
	}
	summary := "Option that hides missing rows"
	if o.warning {
		summary = "Option that changes the answer"
	}
	return []pipeline.Problem{w.problem(p, summary, o.detail, o.warning)}
}

// sliceable returns why the query cannot be read in slices.
func (w *walker) sliceable() []pipeline.Problem {
	var problems []pipeline.Problem
	for _, r := range w.remarks {
		detail := r.detail
		if !r.warning {
			detail += wayOut
		}
		problems = append(problems, w.problem(r.part, r.summary, detail, r.warning))
	}
	for _, r := range w.shadowed() {
		problems = append(problems, w.problem(r.part, "Table under its own name",
			"The text gives the name "+r.name+" to something of its own, so the window cannot be put at the table; rows at the ends of a slice are told by the time column of the result, which has to keep it.", true))
	}
	if !w.sets("query_now") {
		for _, i := range w.relative {
			problems = append(problems, w.problem(part{i, i + 1}, "Time relative to now",
				w.at(i)+"() is relative to the moment of reading, so slices of the past would be empty or different. Leave the window to the pipeline's window block.", false))
		}
	}
	return problems
}

// sets reports whether the text sets a request property.
func (w *walker) sets(property string) bool {
	for _, p := range w.statements {
		if w.at(p.from) == "set" && strings.EqualFold(w.in(p, p.from+1), property) {
			return true
		}
	}
	return false
}
