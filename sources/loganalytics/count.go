package loganalytics

import (
	"fmt"

	"github.com/kustash/kustash/pipeline"
)

// countText rewrites a query as rewrite does, into one whose only row is the
// number of rows that a read of the same slice hands over.
func countText(q pipeline.Query, window pipeline.Window, cut pipeline.Cut, part string, known *catalog) (rewritten, error) {
	r, err := rewrite(q, window, cut, part, known)
	if err != nil {
		return r, err
	}
	w := walkBy(newScript(q.Text), q.TimeColumn)
	told := r.told
	if len(w.tabular) != 1 {
		return rewritten{}, fmt.Errorf("%w: it has %d statements that return rows, so they cannot be counted", pipeline.ErrQuery, len(w.tabular))
	}
	statement := w.tabular[0]
	start, length := w.offset(statement)
	end := start + length
	counted := end
	for i := statement.from; i < statement.to; i = w.after(i) {
		if w.at(i) == "|" && w.in(statement, i+1) == "render" { // nothing may follow it
			counted = w.tokens[i].start
			break
		}
	}
	operators := " | count"
	if !r.exact && (told || !q.AssumeSliceable) {
		// What a read drops of the rows that the service's own filter lets
		// through.
		operators = filter(w.column, window, pipeline.Cut{}) + operators
	}
	q.Text = q.Text[:counted] + operators + q.Text[end:]
	return rewrite(q, window, cut, part, known)
}
