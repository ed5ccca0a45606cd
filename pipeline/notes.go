package pipeline

import (
	"fmt"
	"strings"
)

// Note is something about the past that a plan should mention.
type Note struct {
	Query string
	Text  string
}

// Notes compares the exports with what the ledger says of earlier ones:
// queries that have changed, and rows that no declared query or sink accounts
// for any more. They are kept; nothing removes archived rows.
func (h *History) Notes(exports []Export) []Note {
	var notes []Note
	declared := make(map[lineKey]bool)
	queries := make(map[string]bool)
	for _, e := range exports {
		address := e.Query.Address
		queries[address] = true
		for _, t := range e.Targets {
			declared[lineKey{address, t.Identity}] = true
		}
		if beyond := e.beyond(h); len(beyond) > 0 {
			notes = append(notes, Note{address, fmt.Sprintf("has slices beyond its window, %v; they are kept, no longer exported", several(beyond))})
		}
		if before := h.Fingerprint(address); before != "" && before != e.Query.Fingerprint {
			text := "has changed; the new text holds from the first slice that is not done, what is done stays as it is"
			if e.OnChange == Rebuild {
				text = "has changed; what the workspace still has is read again with the new text, as on_change = \"rebuild\" says"
			}
			notes = append(notes, Note{address, text})
		}
	}
	for _, l := range h.Lines() {
		switch rows := l.Rows; {
		case declared[lineKey{l.Query, l.Sink}] || rows == 0:
		case queries[l.Query]:
			notes = append(notes, Note{l.Query, fmt.Sprintf("has %d rows in %s, which no sink of the query names any more; they are kept", rows, l.Sink)})
		default:
			notes = append(notes, Note{l.Query, fmt.Sprintf("is not declared any more; its %d rows in %s are kept, no longer exported", rows, l.Sink)})
		}
	}
	return notes
}

// beyond returns what is done outside of the declared window, joined. A bound
// that moves with the clock leaves slices behind all the time.
func (e Export) beyond(h *History) []Window {
	w := Forever()
	if !e.Span.Start.Relative {
		w.Start = e.Span.Start.At.UTC()
	}
	if !e.Span.End.Relative {
		w.End = e.Span.End.At.UTC()
	}
	var left []Window
	for _, t := range e.Targets {
		for _, covered := range h.Line(e.Query.Address, t.Identity).Covered() {
			left = append(left, covered.Subtract([]Window{w})...)
		}
	}
	return Join(left)
}

// several writes windows as a list, of which it tells the first.
func several(windows []Window) string {
	const most = 3
	var texts []string
	for i, w := range windows {
		if i == most {
			texts = append(texts, fmt.Sprintf("and %d more", len(windows)-most))
			break
		}
		texts = append(texts, w.String())
	}
	return strings.Join(texts, ", ")
}
