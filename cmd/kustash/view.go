package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// stretch is a run of planned slices of one query that touch each other.
type stretch struct {
	query  string
	window pipeline.Window
	sinks  []string
	slices int
	rows   int64
	bytes  int64
	known  bool // every slice has an estimate
}

// stretches folds the slices of a plan into ranges.
func stretches(p *pipeline.Plan) []stretch {
	var all []stretch
	for _, s := range p.Slices {
		if n := len(all); n > 0 && all[n-1].query == s.Query && all[n-1].window.End.Equal(s.Start) &&
			strings.Join(all[n-1].sinks, "\n") == strings.Join(s.Sinks, "\n") {
			last := &all[n-1]
			last.window.End = s.End
			last.slices++
			last.rows, last.bytes = last.rows+s.Rows, last.bytes+s.Bytes
			last.known = last.known && s.Rows >= 0
			continue
		}
		all = append(all, stretch{s.Query, s.Window, s.Sinks, 1, s.Rows, s.Bytes, s.Rows >= 0})
	}
	return all
}

// writePlan shows what apply would do.
func (p *process) writePlan(w io.Writer, pl *planned) {
	last := ""
	for _, s := range stretches(pl.plan) {
		if s.query != last {
			fmt.Fprintf(w, "  %s\n", p.paint(bold, "# "+s.query+" will be exported"))
			last = s.query
		}
		line := fmt.Sprintf("%s   %s in %s", s.window, span(s.window), count(s.slices, "slice"))
		if s.known {
			line += fmt.Sprintf("   ~%s rows  ~%s", amount(s.rows), size(s.bytes))
		}
		if missing := pl.sinkNames(s); missing != "" {
			line += "   to " + missing
		}
		fmt.Fprintf(w, "  %s %s\n", p.paint(green, "+"), line)
	}
	p.writeFindings(w, pl.plan)
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
	slices, rows, bytes, known := pl.plan.Totals()
	fmt.Fprintf(w, "\n%s %s to export", p.paint(bold, "Plan:"), count(slices, "slice"))
	if known {
		fmt.Fprintf(w, "; about %s rows, %s to read", amount(rows), size(bytes))
	}
	fmt.Fprintln(w, ".")
}

// writeFindings says what a plan has found out of the past.
func (p *process) writeFindings(w io.Writer, pl *pipeline.Plan) {
	told := make(map[string]bool) // the sinks of a query lack the same as a rule
	for _, u := range pl.Unavailable {
		line := fmt.Sprintf("%s   %v   unavailable: the oldest row that can still be read is of %s", u.Query, u.Window, pipeline.ShortTime(u.Oldest))
		if !told[line] {
			told[line] = true
			fmt.Fprintf(w, "  %s %s\n", p.paint(yellow, "-"), line)
		}
	}
	for _, c := range pl.Changed {
		if line := fmt.Sprintf("%s   %v   %s", c.Query, c.Window, changeText(c)); !told[line] {
			told[line] = true
			fmt.Fprintf(w, "  %s %s\n", p.paint(yellow, "~"), line)
		}
	}
}

// changeText says how the rows of a done slice have changed at the workspace.
func changeText(c pipeline.Changed) string {
	if c.Shrunk() {
		return fmt.Sprintf("shrunk: the workspace had %s rows when it was read, and has %s now; the archive keeps what it has",
			amount(c.Before.Rows), amount(c.After.Rows))
	}
	arrived := "1 row"
	if n := c.After.Rows - c.Before.Rows; n > 1 {
		arrived = amount(n) + " rows"
	}
	return arrived + " arrived since it was read: not in the archive (late = \"ignore\")"
}

// queries counts queries.
func queries(n int) string {
	if n == 1 {
		return "1 query"
	}
	return fmt.Sprintf("%d queries", n)
}

// span words the width of a window.
func span(w pipeline.Window) string {
	d := w.End.Sub(w.Start)
	day := 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return count(int(d/day), "day")
	case d >= time.Hour && d%time.Hour == 0:
		return count(int(d/time.Hour), "hour")
	case d >= 2*day:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
	return short(d)
}

// short writes a duration in one or two units.
func short(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d >= time.Second && d%time.Second != 0:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.String()
}

// amount writes a number of rows: exact while it is short.
func amount(n int64) string {
	switch {
	case n >= 10_000_000:
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	case n >= 1_000_000:
		return fmt.Sprintf("%d,%03d,%03d", n/1_000_000, n/1000%1000, n%1000)
	case n >= 100_000:
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return fmt.Sprint(n)
}

// size writes a number of bytes in decimal units.
func size(n int64) string {
	const units = "kMGTP"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n)/1000, 0
	for f >= 999.95 && unit < len(units)-1 {
		f, unit = f/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", f, units[unit])
}

// failures are slices that failed for one reason.
type failures struct {
	query, sink, reason string // the reason of the first, in full
	cause               string
	windows             []pipeline.Window
}

// where names the windows.
func (g failures) where() string {
	where := g.windows[0].String()
	if n := len(g.windows); n > 1 {
		where += fmt.Sprintf(" and %s up to %s", count(n-1, "more slice"), pipeline.ShortTime(g.windows[n-1].End))
	}
	return where
}

// foldFailures joins the slices of a query that failed for the same cause,
// whichever request or file it was, in the order of query and time.
func foldFailures(failed []pipeline.SliceError) []failures {
	failed = slices.Clone(failed)
	slices.SortStableFunc(failed, func(a, b pipeline.SliceError) int {
		return cmp.Or(strings.Compare(a.Query, b.Query), strings.Compare(a.Sink, b.Sink), a.Window.Start.Compare(b.Window.Start))
	})
	var all []failures
	for _, f := range failed {
		same := slices.IndexFunc(all, func(g failures) bool {
			return g.query == f.Query && g.sink == f.Sink && g.cause == cause(f.Err)
		})
		if same < 0 {
			same = len(all)
			all = append(all, failures{query: f.Query, sink: f.Sink, reason: f.Err.Error(), cause: cause(f.Err)})
		}
		all[same].windows = append(all[same].windows, f.Window)
	}
	return all
}

// cause returns the text of the innermost error.
func cause(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return reason(err.Error())
}

// reason returns what a message says without the id of the request.
func reason(text string) string {
	before, _, _ := strings.Cut(text, " (request ")
	return before
}

// writeSummary says what a run came to.
func (p *process) writeSummary(w io.Writer, s pipeline.Summary, took time.Duration) {
	for _, g := range foldFailures(s.Failed) {
		where := g.where()
		to := ""
		if g.sink != "" {
			to = " in " + g.sink
		}
		fmt.Fprintf(p.stderr, "%s %s%s, %s: %s\n", p.paint(red, "Not done:"), g.query, to, where, g.reason)
	}
	text := fmt.Sprintf("%s exported, %s rows, %s in %s, %s", count(s.Done, "slice"), amount(s.Rows),
		size(s.Bytes), count(s.Files, "file"), short(took.Round(100*time.Millisecond)))
	switch {
	case len(s.Failed) > 0:
		fmt.Fprintf(w, "%s %s; %s not done. Mend the cause and apply again: only what is missing is read.\n",
			p.paint(red, "Apply incomplete:"), text, count(len(s.Failed), "slice"))
	case s.Pending > 0:
		fmt.Fprintf(w, "%s %s; %s left. Apply again to go on.\n",
			p.paint(yellow, "Apply stopped:"), text, count(s.Pending, "slice"))
	default:
		fmt.Fprintf(w, "%s %s.\n", p.paint(green, "Apply complete!"), text)
	}
}
