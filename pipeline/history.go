package pipeline

import (
	"fmt"
	"sort"
	"time"
)

// History is what the ledger says, folded: which files count, which intents
// are open, which slices have failed. It is read-only once built.
type History struct {
	lines   map[lineKey]*Line
	columns map[string]Schema // by Schema.Hash
	known   map[string]Schema // by query: all columns ever seen, with file names
	prints  map[string]string // by query: the newest fingerprint
	yields  map[printKey]*Yield
	texts   map[string]string // by query: the newest text
}

type printKey struct{ query, fingerprint string }

type lineKey struct{ query, sink string }

// Line is the history of one query in one sink.
type Line struct {
	Query string
	Sink  string    // Target.Identity
	Done  []Receipt // in the order of their windows; those without a key had no rows
	Open  []Receipt // intents without an end
	Lost  []Receipt // intents that were fenced: their keys hold empty objects

	Failed      []Failure // of slices that nothing has covered since
	Unavailable []Window  // of which the source had forgotten all before they were read
	intents     map[sliceKey]int
	checked     map[Window]Amount  // the newest count of a slice that is done
	outside     map[Window]Failure // rows around it that are in no slice
}

type sliceKey struct {
	window Window
	part   string
}

// Failure is a slice that was tried and is not done.
type Failure struct {
	Window Window
	Reason string
	Time   time.Time // when it was recorded
}

// Fold builds the history of a ledger. Entries must be in order. An entry that
// cannot follow from those before it is an error: the ledger is damaged or
// written by something else.
func Fold(entries []Entry) (*History, error) {
	h := &History{
		lines:   make(map[lineKey]*Line),
		columns: make(map[string]Schema),
		known:   make(map[string]Schema),
		prints:  make(map[string]string),
		yields:  make(map[printKey]*Yield),
		texts:   make(map[string]string),
	}
	for i, e := range entries {
		if err := h.add(e); err != nil {
			return nil, fmt.Errorf("ledger entry %d (%s of %s): %w", i+1, e.Kind, e.Query, err)
		}
	}
	for _, l := range h.lines {
		sort.SliceStable(l.Done, func(i, j int) bool { return l.Done[i].Start.Before(l.Done[j].Start) })
		l.Failed = uncovered(l.Failed, append(l.Covered(), l.Unavailable...))
	}
	return h, nil
}

func (h *History) add(e Entry) error {
	switch e.Kind {
	case KindQuery:
		h.prints[e.Query], h.texts[e.Query] = e.Declared, e.Text
		return nil
	case KindSchema:
		h.columns[e.Columns.Hash()] = e.Columns
		h.known[e.Query] = h.known[e.Query].merge(e.Columns)
		return nil
	}
	if e.Receipt == nil {
		return fmt.Errorf("it has no window")
	}
	l := h.line(e.Query, e.Sink)
	switch e.Kind {
	case KindIntended:
		l.intents[sliceKey{e.Window, e.Part}]++
		l.Open = append(l.Open, *e.Receipt)
	case KindDone:
		if e.Key != "" && !l.close(e.Key) {
			return fmt.Errorf("%s was never intended", e.Key)
		}
		l.Done = append(l.Done, *e.Receipt)
		h.yield(e.Query, e.Fingerprint).add(*e.Receipt)
	case KindForgotten:
		if !l.close(e.Key) {
			return fmt.Errorf("%s was never intended", e.Key)
		}
		l.Lost = append(l.Lost, *e.Receipt)
	case KindFailed:
		l.Failed = append(l.Failed, Failure{e.Window, e.Reason, e.Time})
	case KindUnavailable:
		l.Unavailable = append(l.Unavailable, e.Window)
	case KindChecked:
		if e.Reason != "" {
			l.outside[e.Window] = Failure{e.Window, e.Reason, e.Time}
		} else {
			l.checked[e.Window] = e.Input
		}
	default:
		return fmt.Errorf("this version does not know the kind %q", e.Kind)
	}
	return nil
}

// close removes the open intent with this key.
func (l *Line) close(key string) bool {
	for i, r := range l.Open {
		if r.Key == key {
			l.Open = append(l.Open[:i], l.Open[i+1:]...)
			return true
		}
	}
	return false
}

func (h *History) line(query, sink string) *Line {
	k := lineKey{query, sink}
	l := h.lines[k]
	if l == nil {
		l = &Line{Query: query, Sink: sink, intents: make(map[sliceKey]int), checked: make(map[Window]Amount), outside: make(map[Window]Failure)}
		h.lines[k] = l
	}
	return l
}

func (h *History) yield(query, fingerprint string) *Yield {
	k := printKey{query, fingerprint}
	if h.yields[k] == nil {
		h.yields[k] = &Yield{}
	}
	return h.yields[k]
}

// Yield returns what earlier slices say of the query as it is.
func (h *History) Yield(q Query) Yield {
	if y := h.yields[printKey{q.Address, q.Fingerprint}]; y != nil {
		return *y
	}
	return Yield{}
}

// uncovered returns the failures whose window is not all in done, the newest
// of each window only.
func uncovered(failures []Failure, done []Window) []Failure {
	newest := make(map[Window]Failure)
	for _, f := range failures {
		if len(f.Window.Subtract(done)) > 0 {
			newest[f.Window] = f
		}
	}
	var left []Failure
	for _, f := range newest {
		left = append(left, f)
	}
	sort.Slice(left, func(i, j int) bool { return left[i].Window.Start.Before(left[j].Window.Start) })
	return left
}

// Line returns the history of a query in a sink; an empty one if there is none.
func (h *History) Line(query, sink string) *Line {
	if l := h.lines[lineKey{query, sink}]; l != nil {
		return l
	}
	return &Line{Query: query, Sink: sink}
}

// Lines returns all lines that name a sink, by query and sink.
func (h *History) Lines() []*Line {
	var lines []*Line
	for k, l := range h.lines {
		if k.sink != "" {
			lines = append(lines, l)
		}
	}
	sort.Slice(lines, func(i, j int) bool {
		if lines[i].Query != lines[j].Query {
			return lines[i].Query < lines[j].Query
		}
		return lines[i].Sink < lines[j].Sink
	})
	return lines
}

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
		if before := h.Fingerprint(address); before != "" && before != e.Query.Fingerprint {
			notes = append(notes, Note{address, "has changed; the new text holds from the first slice that is not done, what is done stays as it is"})
		}
	}
	for _, l := range h.Lines() {
		rows, _, _ := l.Totals()
		switch {
		case declared[lineKey{l.Query, l.Sink}] || rows == 0:
		case queries[l.Query]:
			notes = append(notes, Note{l.Query, fmt.Sprintf("has %d rows in %s, which no sink of the query names any more; they are kept", rows, l.Sink)})
		default:
			notes = append(notes, Note{l.Query, fmt.Sprintf("is not declared any more; its %d rows in %s are kept, no longer exported", rows, l.Sink)})
		}
	}
	return notes
}

// Failures returns the failures of a query whose read failed, for no sink in
// particular.
func (h *History) Failures(query string) []Failure { return h.Line(query, "").Failed }

// Outside returns what was found of a query's rows that are in no slice.
func (h *History) Outside(query string) []Failure {
	var all []Failure
	for _, f := range h.Line(query, "").outside {
		all = append(all, f)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Window.Start.Before(all[j].Window.Start) })
	return all
}

// Columns returns the columns of the schema with this hash.
func (h *History) Columns(hash string) (Schema, bool) {
	s, ok := h.columns[hash]
	return s, ok
}

// Known returns all columns that files of the query have had, in order of
// appearance.
func (h *History) Known(query string) Schema { return h.known[query] }

// Fingerprint returns the newest fingerprint recorded for the query; "" if
// there is none.
func (h *History) Fingerprint(query string) string { return h.prints[query] }

// Text returns the newest text recorded for the query; "" if there is none.
func (h *History) Text(query string) string { return h.texts[query] }

// Queries returns the addresses of all queries that were ever recorded, in
// order.
func (h *History) Queries() []string {
	addresses := make([]string, 0, len(h.prints))
	for address := range h.prints {
		addresses = append(addresses, address)
	}
	sort.Strings(addresses)
	return addresses
}

// Covered returns the windows that are done, joined. A window whose slice was
// read in hash parts is covered when all its parts are.
func (l *Line) Covered() []Window {
	var windows []Window
	parts := make(map[Window][]string)
	for _, r := range l.Done {
		if r.Part == "" {
			windows = append(windows, r.Window)
			continue
		}
		parts[r.Window] = append(parts[r.Window], r.Part)
	}
	for w, prefixes := range parts {
		if completeParts(prefixes) {
			windows = append(windows, w)
		}
	}
	return Join(windows)
}

// completeParts reports whether the hex prefixes cover every hash exactly
// once: the shares 16^-len add up to one.
func completeParts(prefixes []string) bool {
	const whole = 1 << 32 // eight hex digits are enough for any slice
	var sum int64
	for _, p := range prefixes {
		if len(p) > 8 {
			return false
		}
		sum += whole >> (4 * len(p))
	}
	return sum == whole
}

// Intents returns how many intents were ever recorded for the slice.
func (l *Line) Intents(w Window, part string) int { return l.intents[sliceKey{w, part}] }

// Totals returns rows, bytes and objects of the line's done slices.
func (l *Line) Totals() (rows, bytes int64, files int) {
	for _, r := range l.Done {
		rows, bytes = rows+r.Rows, bytes+r.Bytes
		if r.Key != "" {
			files++
		}
	}
	return rows, bytes, files
}

// merge returns known with the columns that it lacks. They already have their
// file names.
func (known Schema) merge(columns Schema) Schema {
	merged := known[:len(known):len(known)]
	have := make(map[string]bool)
	for _, c := range known {
		have[c.FileName()] = true
	}
	for _, c := range columns {
		if !have[c.FileName()] {
			have[c.FileName()] = true
			merged = append(merged, c)
		}
	}
	return merged
}
