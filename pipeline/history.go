package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"
)

// History is what the ledger says, folded: which files count, which intents
// are open, which slices have failed. Add and the methods of its lines that
// take a context must not be called concurrently; the others may.
type History struct {
	lines   map[lineKey]*Line
	columns map[string]Schema // by Schema.Hash
	known   map[string]Schema // by query: all columns ever seen, with file names
	schemas map[schemaKey]int // that queries have had, in order of appearance
	prints  map[string]string // by query: the newest fingerprint
	yields  map[printKey]*Yield
	texts   map[string]string // by query: the newest text
	latest  map[string]time.Time
	shelf   Shelf
	n       int // entries
}

type printKey struct{ query, fingerprint string }

type lineKey struct{ query, sink string }

type sliceKey struct {
	window Window
	part   string
}

// Failure is a slice that was tried and is not done.
type Failure struct {
	Window Window    `json:"window"`
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"` // when it was recorded
}

// NewHistory returns the history of an empty ledger. What it saves is loaded from
// the shelf, which may be nil for one that is never saved.
func NewHistory(shelf Shelf) *History {
	return &History{
		shelf:   shelf,
		lines:   make(map[lineKey]*Line),
		columns: make(map[string]Schema),
		known:   make(map[string]Schema),
		schemas: make(map[schemaKey]int),
		prints:  make(map[string]string),
		yields:  make(map[printKey]*Yield),
		texts:   make(map[string]string),
		latest:  make(map[string]time.Time),
	}
}

// Fold builds the history of a ledger. Entries must be in order.
func Fold(entries []Entry) (*History, error) {
	h := NewHistory(nil)
	return h, h.Add(context.Background(), entries...)
}

// Add takes the next entries of the ledger into account, in order. One that
// cannot follow from those before it is an error: the ledger is damaged or
// written by something else. The history is of no use after an error.
func (h *History) Add(ctx context.Context, entries ...Entry) error {
	for _, e := range entries {
		h.n++
		if err := h.add(ctx, e); err != nil {
			return fmt.Errorf("ledger entry %d (%s of %s): %w", h.n, e.Kind, e.Query, err)
		}
	}
	return nil
}

// Entries returns how many entries the ledger has.
func (h *History) Entries() int { return h.n }

func (h *History) add(ctx context.Context, e Entry) error {
	h.latest[e.Query] = e.Time
	switch e.Kind {
	case KindQuery:
		h.prints[e.Query], h.texts[e.Query] = e.Declared, e.Text
		return nil
	case KindSchema:
		h.columns[e.Columns.Hash()] = e.Columns
		h.adopt(e.Query, e.Columns.Hash())
		return nil
	case KindMoved:
		return h.move(e.Was, e.Query)
	}
	if e.Receipt == nil {
		return fmt.Errorf("it has no window")
	}
	if e.Kind == KindDone {
		h.adopt(e.Query, e.Schema)
	}
	if e.Kind == KindDone && e.Part == "" && e.Pieces == 0 && e.From.IsZero() {
		h.yield(e.Query, e.Fingerprint).add(*e.Receipt)
	}
	return h.line(e.Query, e.Sink).add(ctx, e)
}

// move gives all that is known of one query to another, of which nothing is.
func (h *History) move(was, now string) error {
	for k := range h.lines {
		if k.query == now {
			return fmt.Errorf("%s has a history of its own", now)
		}
	}
	for k, l := range h.lines {
		if k.query == was {
			l.Query, l.was = now, append(l.was, was)
			h.lines[lineKey{now, k.sink}] = l
			delete(h.lines, k)
		}
	}
	for k, y := range h.yields {
		if k.query == was {
			h.yields[printKey{now, k.fingerprint}] = y
			delete(h.yields, k)
		}
	}
	for k, n := range h.schemas {
		if k.query == was {
			h.schemas[schemaKey{now, k.hash}] = n
			delete(h.schemas, k)
		}
	}
	rename(h.known, was, now)
	rename(h.prints, was, now)
	rename(h.texts, was, now)
	rename(h.latest, was, now)
	return nil
}

// numbers returns how many intents the slices of a query in a window have had in
// a sink. They are counted by the address that stands in the names of their
// objects, so those that another query has taken along are among them.
func (h *History) numbers(ctx context.Context, query, sink string, w Window) (intentNumbers, error) {
	all := make(intentNumbers)
	for k, l := range h.lines {
		if k.sink != sink || k.query != query && !slices.Contains(l.was, query) {
			continue
		}
		numbers, err := l.numbers(ctx, w)
		if err != nil {
			return nil, err
		}
		for slice, n := range numbers {
			all[slice] = max(all[slice], n)
		}
	}
	return all, nil
}

func rename[V any](m map[string]V, was, now string) {
	if v, ok := m[was]; ok {
		m[now] = v
		delete(m, was)
	}
}

func (h *History) line(query, sink string) *Line {
	k := lineKey{query, sink}
	l := h.lines[k]
	if l == nil {
		l = newLine(query, sink, h.shelf)
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

// Line returns the history of a query in a sink; an empty one if there is none.
func (h *History) Line(query, sink string) *Line {
	if l := h.lines[lineKey{query, sink}]; l != nil {
		return l
	}
	return newLine(query, sink, h.shelf)
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

// Failures returns the failures of a query whose read failed, for no sink in
// particular.
func (h *History) Failures(query string) []Failure { return h.Line(query, "").Failed() }

// Failed returns the slices of a line that were tried and are not done: those
// that the sink has not taken, and those that could not be read.
func (h *History) Failed(l *Line) []Failure {
	all, settled := l.Failed(), l.settled()
	for _, f := range h.Failures(l.Query) {
		if len(f.Window.Subtract(settled)) > 0 && !contains(all, f) {
			all = append(all, f)
		}
	}
	return all
}

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

// Latest returns when something was last recorded of the query; zero if never.
func (h *History) Latest(query string) time.Time { return h.latest[query] }

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

// Addresses returns the addresses of all queries that something is recorded of,
// in order.
func (h *History) Addresses() []string {
	all := h.Queries()
	for k := range h.lines {
		all = append(all, k.query)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Knows reports whether something is recorded of a query.
func (h *History) Knows(query string) bool {
	_, found := slices.BinarySearch(h.Addresses(), query)
	return found
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
