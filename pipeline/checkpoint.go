package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// savedHistory is a history without its receipts, as Save writes it.
type savedHistory struct {
	Entries int               `json:"entries"`
	Columns map[string]Schema `json:"columns"` // by hash
	Schemas []savedSchema     `json:"schemas"` // in order of appearance
	Queries []savedQuery      `json:"queries"`
	Lines   []savedLine       `json:"lines"`
}

type savedSchema struct {
	Query string `json:"query"`
	Hash  string `json:"hash"`
}

type savedQuery struct {
	Query       string       `json:"query"`
	Known       Schema       `json:"known,omitempty"`
	Fingerprint string       `json:"fingerprint,omitempty"`
	Text        string       `json:"text,omitempty"`
	Latest      time.Time    `json:"latest,omitzero"`
	Yields      []savedYield `json:"yields,omitempty"`
}

type savedYield struct {
	Fingerprint string `json:"fingerprint"`
	InRows      int64  `json:"in_rows"`
	OutRows     int64  `json:"out_rows"`
	InBytes     int64  `json:"in_bytes"`
	OutBytes    int64  `json:"out_bytes"`
}

type savedLine struct {
	Query       string              `json:"query"`
	Sink        string              `json:"sink"`
	Rows        int64               `json:"rows"`
	Bytes       int64               `json:"bytes"`
	Files       int                 `json:"files"`
	Other       int                 `json:"other,omitempty"`
	Late        int64               `json:"late,omitempty"`
	Covered     []Window            `json:"covered,omitempty"`
	Closed      []Window            `json:"closed,omitempty"`
	Approximate []Window            `json:"approximate,omitempty"`
	Unavailable []Window            `json:"unavailable,omitempty"`
	Tainted     []Window            `json:"tainted,omitempty"`
	Waived      []Waiver            `json:"waived,omitempty"`
	Open        []Receipt           `json:"open,omitempty"`
	Past        []Receipt           `json:"past,omitempty"`
	Prints      map[string]int      `json:"prints,omitempty"`
	Parts       map[string][]string `json:"parts,omitempty"` // by Window.FileName
	Checked     []Changed           `json:"checked,omitempty"`
	Failures    []Failure           `json:"failures,omitempty"`
	Outside     []Failure           `json:"outside,omitempty"`
	Newest      newestFile          `json:"newest,omitzero"`
	Months      []savedMonth        `json:"months,omitempty"`
	Was         []string            `json:"was,omitempty"`
}

type savedMonth struct {
	Month int    `json:"month"`
	Ref   string `json:"ref"`
	Span  Window `json:"span"`
}

// Save writes the history so that Restore gives it back. The receipts of each
// month that has changed since go to put, which keeps them on the shelf and
// returns their name there; they are in memory no longer then. The history is
// of no use after an error.
func (h *History) Save(ctx context.Context, put func(receipts []byte) (ref string, err error)) ([]byte, error) {
	saved := savedHistory{Entries: h.n, Columns: h.columns, Queries: h.savedQueries(), Schemas: make([]savedSchema, len(h.schemas))}
	for k, n := range h.schemas {
		saved.Schemas[n] = savedSchema{k.query, k.hash}
	}
	for _, l := range h.allLines() {
		line, err := l.save(ctx, put)
		if err != nil {
			return nil, err
		}
		saved.Lines = append(saved.Lines, line)
	}
	return json.Marshal(saved)
}

// allLines returns the lines in order, with those that are about no sink.
func (h *History) allLines() []*Line {
	lines := make([]*Line, 0, len(h.lines))
	for _, l := range h.lines {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b *Line) int { return cmp.Or(cmp.Compare(a.Query, b.Query), cmp.Compare(a.Sink, b.Sink)) })
	return lines
}

func (h *History) savedQueries() []savedQuery {
	all := make(map[string]*savedQuery)
	get := func(query string) *savedQuery {
		if all[query] == nil {
			all[query] = &savedQuery{Query: query}
		}
		return all[query]
	}
	for q, s := range h.known {
		get(q).Known = s
	}
	for q, f := range h.prints {
		get(q).Fingerprint, get(q).Text = f, h.texts[q]
	}
	for q, t := range h.latest {
		get(q).Latest = t
	}
	for k, y := range h.yields {
		q := get(k.query)
		q.Yields = append(q.Yields, savedYield{k.fingerprint, y.inRows, y.outRows, y.inBytes, y.outBytes})
	}
	list := make([]savedQuery, 0, len(all))
	for _, q := range all {
		slices.SortFunc(q.Yields, func(a, b savedYield) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
		list = append(list, *q)
	}
	slices.SortFunc(list, func(a, b savedQuery) int { return cmp.Compare(a.Query, b.Query) })
	return list
}

func (l *Line) save(ctx context.Context, put func([]byte) (string, error)) (savedLine, error) {
	s := savedLine{Query: l.Query, Sink: l.Sink, Rows: l.Rows, Bytes: l.Bytes, Files: l.Files, Other: l.Other, Late: l.Late,
		Covered: l.covered, Closed: l.closed, Approximate: l.approximate, Unavailable: l.Unavailable, Tainted: l.Tainted,
		Newest: l.newest, Waived: l.Waived, Open: l.Open, Past: l.Past, Prints: l.prints, Parts: make(map[string][]string), Was: l.was}
	for w, parts := range l.parts {
		s.Parts[w.FileName()] = parts
	}
	for _, c := range l.checked {
		s.Checked = append(s.Checked, c)
	}
	for _, f := range l.failures {
		s.Failures = append(s.Failures, f)
	}
	for _, f := range l.outside {
		s.Outside = append(s.Outside, f)
	}
	byStart := func(a, b Window) int { return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End)) }
	slices.SortFunc(s.Checked, func(a, b Changed) int { return byStart(a.Window, b.Window) })
	slices.SortFunc(s.Failures, func(a, b Failure) int { return byStart(a.Window, b.Window) })
	slices.SortFunc(s.Outside, func(a, b Failure) int { return byStart(a.Window, b.Window) })
	for k, m := range l.months {
		if err := m.save(ctx, l.shelf, put); err != nil {
			return s, fmt.Errorf("%s in %s: %w", l.Query, l.Sink, err)
		}
		s.Months = append(s.Months, savedMonth{k, m.ref, m.span})
	}
	slices.SortFunc(s.Months, func(a, b savedMonth) int { return cmp.Compare(a.Month, b.Month) })
	return s, nil
}

// save puts the receipts of a month on the shelf, if it does not have them.
func (m *month) save(ctx context.Context, shelf Shelf, put func([]byte) (string, error)) error {
	if m.dirty {
		if err := m.load(ctx, shelf); err != nil {
			return err
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		for _, o := range m.objects {
			if err := enc.Encode(o); err != nil {
				return err
			}
		}
		var err error
		if m.ref, err = put(b.Bytes()); err != nil {
			return err
		}
	}
	m.objects, m.next, m.loaded, m.dirty = nil, nil, false, false
	return nil
}

// Restore returns the history that Save wrote. It loads receipts from the shelf
// when they are asked for.
func Restore(saved []byte, shelf Shelf) (*History, error) {
	var s savedHistory
	if err := json.Unmarshal(saved, &s); err != nil {
		return nil, fmt.Errorf("saved history: %w", err)
	}
	h := NewHistory(shelf)
	h.n = s.Entries
	if s.Columns != nil {
		h.columns = s.Columns
	}
	for n, k := range s.Schemas {
		h.schemas[schemaKey{k.Query, k.Hash}] = n
	}
	for _, q := range s.Queries {
		if q.Known != nil {
			h.known[q.Query] = q.Known
		}
		if q.Fingerprint != "" {
			h.prints[q.Query], h.texts[q.Query] = q.Fingerprint, q.Text
		}
		h.latest[q.Query] = q.Latest
		for _, y := range q.Yields {
			h.yields[printKey{q.Query, y.Fingerprint}] = &Yield{y.InRows, y.OutRows, y.InBytes, y.OutBytes}
		}
	}
	for _, saved := range s.Lines {
		if err := h.restore(saved); err != nil {
			return nil, fmt.Errorf("saved history: %s in %s: %w", saved.Query, saved.Sink, err)
		}
	}
	return h, nil
}

func (h *History) restore(s savedLine) error {
	l := h.line(s.Query, s.Sink)
	l.Rows, l.Bytes, l.Files, l.Other, l.Late = s.Rows, s.Bytes, s.Files, s.Other, s.Late
	l.covered, l.closed, l.approximate, l.Unavailable, l.Tainted = s.Covered, s.Closed, s.Approximate, s.Unavailable, s.Tainted
	l.Waived, l.Open, l.Past, l.newest, l.was = s.Waived, s.Open, s.Past, s.Newest, s.Was
	if s.Prints != nil {
		l.prints = s.Prints
	}
	for name, parts := range s.Parts {
		w, err := parseFileName(name)
		if err != nil {
			return err
		}
		l.parts[w] = parts
	}
	for _, c := range s.Checked {
		l.checked[c.Window] = c
	}
	for _, f := range s.Failures {
		l.failures[f.Window] = f
	}
	for _, f := range s.Outside {
		l.outside[f.Window] = f
	}
	for _, m := range s.Months {
		l.months[m.Month] = &month{ref: m.Ref, span: m.Span}
	}
	return nil
}

// parseFileName reads what Window.FileName wrote.
func parseFileName(name string) (Window, error) {
	var w Window
	n := len(name) / 2
	if len(name) != 2*n+1 {
		return w, fmt.Errorf("%q is not a window", name)
	}
	var err error
	if w.Start, err = time.Parse(fileTimeLayout, name[:n]); err == nil {
		w.End, err = time.Parse(fileTimeLayout, name[n+1:])
	}
	return w, err
}

// Refs returns what the history has on the shelf.
func (h *History) Refs() []string {
	var refs []string
	for _, l := range h.lines {
		for _, m := range l.months {
			if m.ref != "" {
				refs = append(refs, m.ref)
			}
		}
	}
	return refs
}
