package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// deed is what a plan does with a slice.
type deed struct {
	sign string // in front of its line
	what string // behind the address of the query
	noun string // in the last line: how many slices "to ..."
}

// deedOf returns what is done with a slice. source names the sink that it is
// copied from.
func deedOf(s pipeline.PlannedSlice, source string) deed {
	switch {
	case s.Copy != "":
		return deed{"+", "will be copied from " + source, "copy"}
	case s.Why == "":
		return deed{"+", "will be exported", "export"}
	case s.Swap == nil:
		return deed{"~", "has late rows", "append to"}
	}
	reasons := map[pipeline.Why]string{
		pipeline.WhyLate:    "has late rows, and is read again",
		pipeline.WhyChanged: "has changed, and is read again (on_change = \"rebuild\")",
		pipeline.WhyTainted: "is tainted, and is read again",
		pipeline.WhyAsked:   "is read again (-replace)",
		pipeline.WhyLost:    "has lost a file, and is read again",
	}
	return deed{"-/+", reasons[s.Why], "replace"}
}

// stretch is a run of planned slices of one query that touch each other, with
// which the same is done.
type stretch struct {
	deed
	query  string
	window pipeline.Window
	sinks  []string
	slices int
	rows   int64
	bytes  int64
	known  bool // every slice has an estimate
}

// stretches folds the slices of a plan into ranges.
func (pl *planned) stretches() []stretch {
	var all []stretch
	for _, s := range pl.plan.Slices {
		d := deedOf(s, pl.sinkAddress(s.Copy))
		if n := len(all); n > 0 && all[n-1].deed == d && all[n-1].query == s.Query && all[n-1].window.End.Equal(s.Start) &&
			slices.Equal(all[n-1].sinks, s.Sinks) {
			last := &all[n-1]
			last.window.End = s.End
			last.slices++
			last.rows, last.bytes = last.rows+s.Rows, last.bytes+s.Bytes
			last.known = last.known && s.Rows >= 0
			continue
		}
		all = append(all, stretch{d, s.Query, s.Window, s.Sinks, 1, s.Rows, s.Bytes, s.Rows >= 0})
	}
	return all
}

// sinkAddress returns the address of the sink with this identity, or the
// identity where the plan does not say.
func (pl *planned) sinkAddress(identity string) string {
	for _, e := range pl.exports {
		for _, t := range e.Targets {
			if t.Identity == identity {
				return t.Address
			}
		}
	}
	return identity
}

// writePlan shows what apply would do.
func (p *process) writePlan(w io.Writer, pl *planned) {
	last := ""
	for _, s := range pl.stretches() {
		if title := s.query + " " + s.what; title != last {
			fmt.Fprintf(w, "  %s\n", p.paint(bold, "# "+title))
			last = title
		}
		color := green
		if s.sign != "+" {
			color = yellow
		}
		fmt.Fprintf(w, "  %s %s\n", p.paint(color, s.sign), pl.line(s))
	}
	p.writeFindings(w, pl.plan)
	p.writeDrift(w, pl.plan)
	for _, note := range pl.notes {
		fmt.Fprintf(w, "  %s %s\n", p.paint(yellow, "!"), note)
	}
	if len(pl.plan.Slices) == 0 {
		if len(pl.open) > 0 {
			fmt.Fprintf(w, "\nPlan: %s to settle first; what they leave is planned after that.\n", count(len(pl.open), "interrupted commit"))
			return
		}
		if n := len(pl.refused); n > 0 {
			fmt.Fprintf(w, "\n%s %s cannot be read; no slice of another query is missing.\n", p.paint(bold, "Nothing to export."), queries(n))
			return
		}
		fmt.Fprintf(w, "\n%s %s\n", p.paint(bold, "No changes."), pl.idle())
		return
	}
	fmt.Fprintf(w, "\n%s %s", p.paint(bold, "Plan:"), pl.deeds())
	reads := slices.ContainsFunc(pl.plan.Slices, func(s pipeline.PlannedSlice) bool { return s.Copy == "" })
	if _, rows, bytes, known := pl.plan.Totals(); known && reads {
		fmt.Fprintf(w, "; about %s rows, %s to read", amount(rows), size(bytes))
	}
	fmt.Fprintln(w, ".")
}

// line words a stretch without its sign.
func (pl *planned) line(s stretch) string {
	line := fmt.Sprintf("%s   %s in %s", s.window, span(s.window), count(s.slices, "slice"))
	switch {
	case s.known && s.noun == "append to":
		line += "   " + arrived(s.rows)
	case s.known:
		line += fmt.Sprintf("   ~%s rows  ~%s", amount(s.rows), size(s.bytes))
	}
	if sinks := pl.sinkNames(s); sinks != "" {
		line += "   to " + sinks
	}
	return line
}

// deeds counts the slices by what is done with them.
func (pl *planned) deeds() string {
	n := make(map[string]int)
	for _, s := range pl.plan.Slices {
		n[deedOf(s, "").noun]++
	}
	var all []string
	for _, noun := range []string{"export", "copy", "append to", "replace"} {
		switch {
		case n[noun] == 0:
		case len(all) == 0:
			all = append(all, count(n[noun], "slice")+" to "+noun)
		default:
			all = append(all, fmt.Sprintf("%d to %s", n[noun], noun))
		}
	}
	return strings.Join(all, ", ")
}

// sinkNames names the sinks of a stretch, unless it is all that the query has.
func (pl *planned) sinkNames(s stretch) string {
	for _, e := range pl.exports {
		if e.Query.Address != s.query || len(e.Targets) == len(s.sinks) {
			continue
		}
		var names []string
		for _, t := range e.Targets {
			if slices.Contains(s.sinks, t.Identity) {
				names = append(names, t.Address)
			}
		}
		return strings.Join(names, ", ")
	}
	return ""
}

// writeFindings says what a plan has found out of the past.
func (p *process) writeFindings(w io.Writer, pl *pipeline.Plan) {
	told := make(map[string]bool) // the sinks of a query lack the same as a rule
	tell := func(sign, format string, values ...any) {
		if line := fmt.Sprintf(format, values...); !told[line] {
			told[line] = true
			fmt.Fprintf(w, "  %s %s\n", p.paint(yellow, sign), line)
		}
	}
	for _, l := range pl.Lost {
		tell("-", "%s   %v   lost: %s is not in %s any more; its slice is not done", l.Query, l.Window, l.Key, l.Sink)
	}
	for _, u := range pl.Unavailable {
		tell("-", "%s   %v   unavailable: the oldest row that can still be read is of %s", u.Query, u.Window, pipeline.ShortTime(u.Oldest))
	}
	for _, c := range pl.Changed {
		tell("~", "%s   %v   %s", c.Query, c.Window, changeText(c))
	}
	for _, s := range pl.Stays {
		tell("!", "%s   %v   %s and stays as it is: %s", s.Query, s.Window, stayText[s.Why], s.Reason)
	}
}

var stayText = map[pipeline.Why]string{
	pipeline.WhyLate:    "has late rows",
	pipeline.WhyChanged: "was read with an earlier text",
	pipeline.WhyTainted: "is tainted",
	pipeline.WhyAsked:   "was named by -replace",
	pipeline.WhyLost:    "has lost a file",
}

// changeText says how the rows of a done slice have changed at the workspace.
func changeText(c pipeline.Changed) string {
	if c.Shrunk() {
		return fmt.Sprintf("shrunk: the workspace had %s rows when it was read, and has %s now; the archive keeps what it has",
			amount(c.Before.Rows), amount(c.After.Rows))
	}
	return arrived(c.After.Rows-c.Before.Rows) + ": not in the archive (late = \"ignore\")"
}

func arrived(n int64) string {
	rows := "1 row"
	if n != 1 {
		rows = amount(n) + " rows"
	}
	return rows + " arrived since it was read"
}
