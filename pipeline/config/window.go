package config

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/kustash/kustash/pipeline"
)

// What a window block says by leaving an argument out.
const (
	defaultSettle     = 30 * time.Minute
	defaultLookback   = 3 * 24 * time.Hour
	defaultTimeColumn = "TimeGenerated"
)

// window decodes the window block of a query into its span. It returns nil if
// there is none.
func (b *body) window(e *pipeline.Export, s *shape) *window {
	var found hcl.Blocks
	for _, block := range b.content.Blocks {
		if block.Type == "window" {
			found = append(found, block)
		}
	}
	switch len(found) {
	case 0:
		b.ok = false
		b.errorAt(b.at, "Missing window block", "A query needs a window that says which rows to export: window { start = \"2026-01-01\" }.")
		return nil
	case 1:
	default:
		b.ok = false
		b.errorAt(found[1].DefRange, "Duplicate block", "A query has one window, and there is another at %s. Declare a second query for a second window.", position(found[0].DefRange))
	}
	before := len(b.diags)
	w := &window{body: b, content: b.decoder.content(found[0].Body, &s.schema, "window"), at: found[0].DefRange}
	if b.diags[before:].HasErrors() {
		b.ok = false
	}
	e.Span, e.Query.TimeColumn = w.span()
	e.Query.TimeSlack = w.slack(e.Query.TimeColumn)
	e.Query.Reach = w.duration("reach", 0)
	w.checkStep(e)
	return w
}

// window is the window block of a query.
type window struct {
	*body
	content *hcl.BodyContent
	at      hcl.Range
}

// wrongAt reports a mistake at an argument of the window.
func (w *window) wrongAt(name, summary, format string, args ...any) {
	w.ok = false
	at := w.at
	if attr, set := w.content.Attributes[name]; set {
		at = attr.Expr.Range()
	}
	w.errorAt(at, summary, format, args...)
}

// span reads all arguments.
func (w *window) span() (pipeline.Span, string) {
	s := pipeline.Span{End: pipeline.Bound{Relative: true}}
	var startOK, endOK bool
	s.Start, startOK = w.bound("start", pipeline.Bound{})
	s.End, endOK = w.bound("end", pipeline.Bound{Relative: true})
	s.Settle = w.duration("settle", defaultSettle)
	s.Lookback = w.duration("lookback", defaultLookback)
	s.Step, s.Whole = w.slice()
	if startOK && endOK {
		w.checkBounds(s)
	}
	column, set, _ := w.text(w.content, "time_column")
	switch {
	case !set:
		column = defaultTimeColumn
	case column == "":
		w.wrongAt("time_column", "Unsuitable value", "The argument \"time_column\" names the column that slices are cut on, such as %q.", defaultTimeColumn)
	}
	return s, column
}

// slack reads how far the time column may be from the one that the service
// filters by.
func (w *window) slack(column string) time.Duration {
	_, set := w.content.Attributes["time_slack"]
	switch {
	case column == defaultTimeColumn && set:
		w.wrongAt("time_slack", "Conflicting arguments", "The argument \"time_slack\" says how far another time_column may be from %s, and slices are cut on %s itself. Leave it out.", defaultTimeColumn, defaultTimeColumn)
	case column != defaultTimeColumn && column != "" && !set:
		w.wrongAt("time_column", "Missing required argument", "Slices are cut on %s, but the service filters by %s. Add time_slack, how far the two may be apart in a row, such as time_slack = \"1d\"; rows beyond it are reported.", column, defaultTimeColumn)
	}
	return w.duration("time_slack", 0)
}

func (w *window) bound(name string, fallback pipeline.Bound) (pipeline.Bound, bool) {
	text, set, ok := w.text(w.content, name)
	if !set {
		if ok && name == "start" {
			w.wrongAt(name, "Missing required argument", "The argument \"start\" is required: a time such as \"2026-01-01\", or a distance such as \"now-30d\".")
		}
		return fallback, ok && name != "start"
	}
	bound, err := parseBound(text)
	if err != nil {
		w.wrongAt(name, "Invalid time", "%s", sentence(err.Error()))
		return fallback, false
	}
	return bound, true
}

func (w *window) duration(name string, fallback time.Duration) time.Duration {
	text, set, _ := w.text(w.content, name)
	if !set {
		return fallback
	}
	d, err := parseDuration(text)
	if err != nil {
		w.wrongAt(name, "Invalid duration", "%s", sentence(err.Error()))
		return fallback
	}
	return d
}

// slice reads the width of slices.
func (w *window) slice() (step time.Duration, whole bool) {
	text, set, _ := w.text(w.content, "slice")
	switch {
	case !set || text == "auto":
		return 0, false
	case text == "none":
		return 0, true
	}
	step, err := parseDuration(text)
	switch {
	case err != nil:
		hint := DidYouMean(text, []string{"auto", "none"})
		w.wrongAt("slice", "Invalid slice", "The width of slices is \"auto\", \"none\" or a duration. %s%s", sentence(err.Error()), hint)
		return 0, false
	case step == 0:
		w.wrongAt("slice", "Invalid slice", "A slice cannot have no width. Write \"auto\", a duration such as \"1h\", or \"none\" for the whole window in one piece.")
	}
	return step, false
}

// checkBounds refuses windows in which no row can ever be.
func (w *window) checkBounds(s pipeline.Span) {
	start, end := s.Start, s.End
	name := "end"
	if _, set := w.content.Attributes["end"]; !set {
		name = "start"
	}
	switch {
	case s.Whole && start.Relative:
		w.wrongAt("start", "Invalid window", "With slice = \"none\" the whole window is read once, so start and end must be absolute times. Write a date instead of a distance from now.")
	case s.Whole && end.Relative:
		w.wrongAt("end", "Invalid window", "With slice = \"none\" the whole window is read once, so start and end must be absolute times. Write a date as the end.")
	case !start.Relative && !end.Relative && !start.At.Before(end.At):
		w.wrongAt(name, "Invalid window", "The window ends at %s, which is not after its start at %s. The end is exclusive.",
			pipeline.ShortTime(end.At), pipeline.ShortTime(start.At))
	case start.Relative && end.Relative && start.Ago <= end.Ago:
		w.wrongAt(name, "Invalid window", "The window ends %s before now and starts %s before now, so nothing is ever in it.",
			writeDuration(end.Ago), writeDuration(start.Ago))
	}
}

// checkJudgement compares the window with what the source says of the query.
func (w *window) checkJudgement(e *pipeline.Export, j pipeline.Judgement) {
	if _, set := w.content.Attributes["reach"]; set && !j.Placed {
		w.wrongAt("reach", "Argument without effect", "The argument \"reach\" lets a query read earlier rows than those of its slice, which only one that places the slice itself can do: use slice_start and slice_end in its text, or leave reach out.")
	}
	e.Loose = j.Loose
	w.checkAppend(e, j)
	if j.Atom == 0 || e.Span.Whole {
		return
	}
	e.Span.Atom = j.Atom
	atom := writeDuration(j.Atom)
	for _, b := range []struct {
		name string
		at   pipeline.Bound
	}{{"start", e.Span.Start}, {"end", e.Span.End}} {
		if t := b.at.At; !b.at.Relative && !pipeline.Floor(t, j.Atom).Equal(t) {
			w.wrongAt(b.name, "Window cuts a bin", "The query aggregates by %s, and a window that ends within such a bin would count a part of it. Write %s or %s.",
				atom, pipeline.ShortTime(pipeline.Floor(t, j.Atom)), pipeline.ShortTime(pipeline.Ceil(t, j.Atom)))
		}
	}
	if e.Span.Step%j.Atom != 0 {
		w.wrongAt("slice", "Slice cuts a bin", "The query aggregates by %s, and slices of %s would cut such bins. Choose a multiple of %s, or \"auto\".", atom, writeDuration(e.Span.Step), atom)
	}
	if e.Span.Grid() == 0 {
		w.wrongAt("slice", "Slice cuts a bin", "The query aggregates by %s, which no slice of less than a year is a multiple of. Aggregate by a divisor of a day, such as 1h.", atom)
		return
	}
	for _, t := range e.Targets {
		folder, timed := folders[t.Calendar]
		width := min(folder.width, 24*time.Hour) // longer folders begin at midnight
		if timed && width%j.Atom != 0 {
			w.wrongAt("slice", "Folder cuts a bin", "The query aggregates by %s, and a folder of %s covers %s, which such bins do not divide evenly. Give that sink a layout without time, such as \"{query}\", or aggregate by a divisor of it.",
				atom, t.Address, folder.name)
		}
	}
}

// checkAppend refuses to put late rows beside the others where the result of a
// query does not allow it.
func (w *window) checkAppend(e *pipeline.Export, j pipeline.Judgement) {
	attr := w.body.content.Attributes["late"]
	if attr == nil || e.Late != pipeline.LateAppend {
		return
	}
	why := ""
	switch {
	case e.Span.Whole:
		why = "The window is one piece (slice = \"none\"), which is read as a whole"
	case j.Atom > 0:
		why = "A late row changes what the query has aggregated"
	case j.Loose:
		why = "Some of what the query reads is reached by the service's own time filter only, which does not tell when rows have arrived"
	case j.Placed:
		why = "The text places the slice by itself, so nothing can be added to it that tells when rows have arrived"
	case e.Query.AssumeSliceable:
		why = "With assume_sliceable = true nothing says that each row of the result comes from one row of a table"
	default:
		return
	}
	w.body.fail(attr, "Late rows cannot be appended", "%s, so late rows cannot be read alone, as late = \"append\" needs. Write late = \"replace\", or leave it out.", why)
}

// folders are the widths of the folders of a layout, the shortest for those
// that vary.
var folders = map[pipeline.Calendar]struct {
	name  string
	width time.Duration
	exact bool // a slice must divide it
}{
	pipeline.FiveMinutes: {"five minutes", 5 * time.Minute, true},
	pipeline.Hourly:      {"an hour", time.Hour, true},
	pipeline.Daily:       {"a day", 24 * time.Hour, true},
	pipeline.Monthly:     {"a month", 28 * 24 * time.Hour, false},
	pipeline.Yearly:      {"a year", 365 * 24 * time.Hour, false},
}

// checkStep compares the width of slices with the folders of the sinks.
func (w *window) checkStep(e *pipeline.Export) {
	for _, t := range e.Targets {
		folder, timed := folders[t.Calendar]
		if !timed {
			continue
		}
		switch step := e.Span.Step; {
		case e.Span.Whole:
			w.wrongAt("slice", "Invalid slice", "With slice = \"none\" the whole window becomes one file, but a folder of %s covers %s only. Give that sink a layout without time, such as \"{query}\".", t.Address, folder.name)
		case step > folder.width:
			w.wrongAt("slice", "Invalid slice", "A slice of %s is longer than a folder of %s, which covers %s. Shorten the slice, or give the sink a coarser layout.", writeDuration(step), t.Address, folder.name)
		case step > 0 && folder.exact && folder.width%step != 0:
			w.wrongAt("slice", "Invalid slice", "A folder of %s covers %s, and slices of %s do not divide that evenly. Choose one that does, such as \"%s\".", t.Address, folder.name, writeDuration(step), writeDuration(folder.width))
		}
	}
}
