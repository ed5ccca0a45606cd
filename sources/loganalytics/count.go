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
	operators := " | count"
	if !r.exact && (r.told || !q.AssumeSliceable) {
		// What a read drops of the rows that the service's own filter lets
		// through.
		operators = filter(w.column, window, pipeline.Cut{}) + operators
	}
	if q.Text, err = w.with(operators); err != nil {
		return rewritten{}, fmt.Errorf("count its rows: %w", err)
	}
	return rewrite(q, window, cut, part, known)
}

// with returns the text with operators behind those of the statement that
// returns rows.
func (w *walker) with(operators string) (string, error) {
	if len(w.tabular) != 1 {
		return "", fmt.Errorf("%w: it has %d statements that return rows", pipeline.ErrQuery, len(w.tabular))
	}
	statement := w.tabular[0]
	start, length := w.offset(statement)
	end := start + length
	at := end
	for i := statement.from; i < statement.to; i = w.after(i) {
		if w.at(i) == "|" && w.in(statement, i+1) == "render" { // nothing may follow it
			at = w.tokens[i].start
			break
		}
	}
	return w.text[:at] + operators + w.text[end:], nil
}
