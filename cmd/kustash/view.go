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
