package main

import (
	"fmt"
	"strings"
)

// doctorView shows outcomes: to people or as JSON.
type doctorView interface {
	result(diagnosis)
	summary(tally)
	close() error
}

// doctorText is for people: a line for each check, and below it, indented,
// what is to be known and done.
type doctorText struct {
	*process
	within string // the workspace of the last line
}

// marks begin the line of a check; each has the same width.
var marks = map[status]struct{ color, text string }{
	passed:  {green, "ok  "},
	warned:  {yellow, "warn"},
	failed:  {red, "FAIL"},
	skipped: {faint, "skip"},
}

func (v *doctorText) result(r diagnosis) {
	if r.within != v.within && r.within != "" {
		v.printf("\n%s\n", v.paint(bold, r.within))
	} else if r.within != v.within {
		v.printf("\n")
	}
	v.within = r.within
	mark := marks[r.status]
	detail := r.detail
	if r.status == skipped {
		detail = "skipped: " + detail
	}
	v.printf("%s  %-9s%s: %s\n", v.paint(mark.color, mark.text), r.step, r.target, detail)
	for _, fact := range r.facts {
		v.printf("      %s\n", fact)
	}
	for i, advice := range r.advice {
		first, rest, _ := strings.Cut(advice, "\n")
		v.printf("      %d. %s\n", i+1, first)
		for line := range strings.SplitSeq(rest, "\n") {
			if line != "" {
				v.printf("           %s\n", line)
			}
		}
	}
	if r.help != "" {
		v.printf("      %s\n", v.paint(faint, "More: docs/setup.md#"+r.help))
	}
}

func (v *doctorText) summary(t tally) {
	parts := []string{fmt.Sprintf("%s passed", count(t.count[passed]+t.count[warned], "check")), fmt.Sprintf("%d failed", t.count[failed])}
	if n := t.count[skipped]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", n))
	}
	if n := t.count[warned]; n > 0 {
		parts = append(parts, count(n, "warning"))
	}
	v.printf("\n%s.\n", strings.Join(parts, ", "))
	if t.first == nil {
		v.printf("%s Next: kustash plan\n", v.paint(green, "Ready."))
		return
	}
	next := t.first.detail
	if len(t.first.advice) > 0 {
		next = t.first.advice[0]
	}
	v.printf("%s (%s %s) %s\n", v.paint(red, "Do this first:"), t.first.step, t.first.target, next)
}

func (v *doctorText) close() error { return nil }

// doctorJSON writes one object a line.
type doctorJSON struct{ jsonView }

func (v *doctorJSON) result(r diagnosis) {
	fields := map[string]any{"step": r.step, "target": r.target, "status": r.status, "detail": r.detail}
	if r.within != "" {
		fields["workspace"] = r.within
	}
	if len(r.facts) > 0 {
		fields["facts"] = r.facts
	}
	if len(r.advice) > 0 {
		fields["advice"] = r.advice
	}
	if r.help != "" {
		fields["help"] = "docs/setup.md#" + r.help
	}
	if r.claims != nil {
		fields["claims"] = r.claims
	}
	v.write("check", fields)
}

func (v *doctorJSON) summary(t tally) {
	v.write("summary", map[string]any{"passed": t.count[passed], "warnings": t.count[warned], "failed": t.count[failed], "skipped": t.count[skipped]})
}

func (v *doctorJSON) close() error { return v.jsonView.close() }
