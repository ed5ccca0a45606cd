package loganalytics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// wayOut is how the author may overrule a refusal.
const wayOut = `Read the window in one piece with slice = "none", or, if you know that slices give the same rows, set assume_sliceable = true.`

// Check implements pipeline.Checker. It allows what is surely read row by row,
// or aggregated within pieces of time, and refuses everything else: a query of
// which it says nothing gives in slices the rows that it gives in one piece.
// What a saved function behind a plain name does it cannot see.
func (s *Source) Check(q pipeline.Query, whole bool) pipeline.Judgement {
	j := check(q, whole, nil)
	j.Problems = append(j.Problems, s.alone(q)...)
	return j
}

// Judge implements pipeline.Judge.
func (s *Source) Judge(ctx context.Context, q pipeline.Query, whole bool) (pipeline.Judgement, error) {
	known, err := s.knownTables(ctx)
	if err != nil {
		return pipeline.Judgement{}, err
	}
	j := check(q, whole, known)
	j.Problems = append(j.Problems, s.alone(q)...)
	return j, nil
}

// check judges a query; known is nil where the workspace's tables are not.
func check(q pipeline.Query, whole bool, known *catalog) pipeline.Judgement {
	script := newScript(q.Text)
	if p, ok := script.broken(); ok {
		return pipeline.Judgement{Problems: []pipeline.Problem{p}}
	}
	w := walkBy(script, q.TimeColumn)
	j := pipeline.Judgement{Problems: w.form(), Atom: w.atom}
	bounds := w.bounds()
	j.Placed = bounds == bothBounds
	if bounds == oneBound {
		j.Problems = append(j.Problems, pipeline.Problem{
			Summary: "One bound of the slice only",
			Detail:  "The text uses slice_start or slice_end, but not both. Use both, or neither to have the window put at each table.",
		})
	}
	if q.Plan != pipeline.Analytics {
		j.Problems = append(j.Problems, w.cheap(q.Plan)...)
	}
	j.Loose = q.Plan != pipeline.Analytics || bounds != bothBounds && len(w.unfiltered(known)) > 0
	if !whole && bounds == noBound {
		j.Problems = append(j.Problems, w.sliceable(known)...)
	}
	if j.Loose {
		j.Problems = append(j.Problems, w.ends(q)...)
	}
	return j
}

// unfiltered returns the reads that the service's own time filter alone
// reaches.
func (w *walker) unfiltered(known *catalog) []part {
	all := slices.Clone(w.loose)
	for _, r := range w.reads {
		if w.defines(r.name) || !isTable(known, r.name) {
			all = append(all, r.part)
		}
	}
	return all
}

// tells reports whether the result's column tells in which of two slices a row
// lies that meet at an end of the window: a bin that an end lies in does not.
func (w *walker) tells(window pipeline.Window) bool {
	width, kept := w.result.times[w.column]
	on := func(t time.Time) bool { return pipeline.Floor(t, width).Equal(t) }
	return kept && len(w.tabular) == 1 && on(window.Start) && on(window.End)
}

// ends returns what keeps the rows at the ends of a slice from being told by
// the result.
func (w *walker) ends(q pipeline.Query) []pipeline.Problem {
	width, kept := w.result.times[w.column]
	// Of bins that are none of the atom's it depends on the slice.
	if kept && (width == 0 || w.atom > 0 && w.atom%width == 0) || w.result.kind != isRows || len(w.tabular) != 1 {
		return nil
	}
	detail := fmt.Sprintf("Rows at the ends of a slice have to be told by %s, because the service's own filter alone reaches some of what the query reads; its result has no such column of the table's own.", w.column)
	if q.AssumeSliceable {
		return []pipeline.Problem{w.problem(w.tabular[0], "Ends of slices are approximate", detail, true)}
	}
	return []pipeline.Problem{w.problem(w.tabular[0], "Result without its time",
		fmt.Sprintf("%s Keep the column, or use %s and %s in the query, or set assume_sliceable = true to have the ends marked as approximate.", detail, startName, endName), false)}
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

// sliceable returns why the query cannot be read in slices, and what its author
// should know.
func (w *walker) sliceable(known *catalog) []pipeline.Problem {
	var problems []pipeline.Problem
	for _, r := range w.remarks {
		p := w.problem(r.part, r.summary, r.detail, r.warning)
		if !r.warning {
			p.Overrule = wayOut
		}
		problems = append(problems, p)
	}
	if len(w.reads) > 1 {
		for _, p := range w.joins {
			several := w.problem(p, "Join among several reads",
				"The join is with a list, but the query reads more than one table, and which of them it pairs with the list is not followed. Join each table on its own, in queries of their own.", false)
			several.Overrule = wayOut
			problems = append(problems, several)
		}
	}
	problems = append(problems, w.readProblems(known)...)
	if len(w.relative) > 0 && !w.sets("query_now") {
		for _, i := range w.relative {
			problems = append(problems, w.problem(part{i, i + 1}, "Time relative to now",
				w.at(i)+"() is relative to the moment of reading, so slices of the past would be empty or different. "+
					"Leave the window to the pipeline's window block, or fix the moment with set query_now = datetime(...).", false))
		}
		return problems
	}
	for _, p := range w.filters {
		problems = append(problems, w.problem(p, "Time filter of its own",
			"The answer is what this filter and the window have in common. Leave the window to the pipeline's window block.", true))
	}
	return problems
}

// references are tables that hold a state of things rather than events, and
// whose rows are written again only after days.
var references = names(`ThreatIntelligenceIndicator ThreatIntelIndicators ThreatIntelObjects IdentityInfo DeviceInfo
	DeviceNetworkInfo DeviceTvmSoftwareInventory DeviceTvmSoftwareVulnerabilities DeviceTvmSecureConfigurationAssessment
	DeviceTvmInfoGathering ExposureGraphNodes ExposureGraphEdges UserPeerAnalytics UserAccessAnalytics Watchlist
	ConfigurationData SecurityBaseline IntuneDevices`)

// readProblems returns what there is to say of the tables that are read.
func (w *walker) readProblems(known *catalog) []pipeline.Problem {
	var problems []pipeline.Problem
	for _, r := range w.reads {
		switch {
		case w.defines(r.name):
			problems = append(problems, w.problem(r.part, "Table under its own name",
				"The text gives the name "+r.name+" to something of its own, so the window cannot be put at the table. "+endsByColumn, true))
		case !isTable(known, r.name):
			problems = append(problems, w.problem(r.part, "No table of the workspace",
				r.name+" is no table of the workspace. If it is a saved function, the window cannot be put at the tables that it reads, and whether it can be cut in time cannot be told. "+endsByColumn, true))
		case references[r.name] && len(w.tables()) > 1:
			problems = append(problems, w.problem(r.part, "Reference data in a window",
				"The window cuts "+r.name+" too, of which a slice holds what was written in it and not the state of things. "+
					"To look further back there, use "+startName+" and "+endName+" at the other tables, and say by reach how far.", true))
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
