package config

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
)

// errorAt reports a mistake. Summary is terse and constant; the detail says in
// full sentences what is wrong and what to do.
func (l *loader) errorAt(at hcl.Range, summary, format string, args ...any) {
	l.report(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: place(at)})
}

// place returns nil for what has no place in a file.
func place(at hcl.Range) *hcl.Range {
	if at == (hcl.Range{}) {
		return nil
	}
	return &at
}

func (l *loader) report(diags ...*hcl.Diagnostic) { l.diags = append(l.diags, diags...) }

// finish returns the diagnostics in order, each once, without anything
// sensitive.
func (l *loader) finish() hcl.Diagnostics {
	var kept hcl.Diagnostics
	seen := make(map[string]bool)
	for _, d := range l.diags {
		clean := *d
		clean.Summary, clean.Detail = l.secrets.hide(d.Summary), l.secrets.hide(d.Detail)
		clean.Expression, clean.EvalContext, clean.Extra = nil, nil, nil
		id := fmt.Sprint(clean.Severity, clean.Subject, clean.Summary, clean.Detail)
		if !seen[id] {
			seen[id] = true
			kept = append(kept, &clean)
		}
	}
	slices.SortStableFunc(kept, func(a, b *hcl.Diagnostic) int {
		x, y := start(a), start(b)
		return cmp.Or(cmp.Compare(x.Filename, y.Filename), cmp.Compare(x.Start.Byte, y.Start.Byte), cmp.Compare(a.Detail, b.Detail))
	})
	return kept
}

func start(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}

// DidYouMean returns ` Did you mean "…"?`, or nothing if no name is near.
// Case does not matter, and names is left as it is.
func DidYouMean(given string, names []string) string {
	best, distance := "", min(3, len(given))
	names = slices.Clone(names)
	sort.Strings(names)
	for _, n := range names {
		d := levenshtein.Distance(strings.ToLower(given), strings.ToLower(n), nil)
		if d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

// listed writes words as "a", "b" or "c".
func listed(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	if n := len(quoted); n > 1 {
		return strings.Join(quoted[:n-1], ", ") + " or " + quoted[n-1]
	}
	return strings.Join(quoted, "")
}

// position names a place in a file within a detail.
func position(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }
