package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/sinks"
)

// view is a query with those of its files that count.
type view struct {
	name    string
	columns []column // all that the query has ever had; none if that is not known
	scans   []*scan
	files   int
	rows    int64
	notes   []string // comments above it
}

// column is a column of a view.
type column struct {
	name  string
	kql   pipeline.Type
	digit string // the column for the seventh digit of a datetime, where the reader needs one
}

// scan is files that are kept alike.
type scan struct {
	encoding
	schema string // pipeline.Receipt.Schema
	format string // sinks.Stored.Format
	fields []field
	files  []string // as the reader names them
}

// field returns how the files keep a column; ok is false if they lack it.
func (s *scan) field(name string) (f field, ok bool) {
	i := slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return f, false
	}
	return s.fields[i], true
}

// connector makes the views of a session.
type connector struct {
	*session
	engine  engine
	formats map[string]sinks.Format // of the declared sinks, by address
	sink    string                  // address of the only sink to look at; "" is any
	root    *location               // where all files are, if not where the sinks say

	views    []view
	made     int // views that have columns
	places   []location
	warnings []string
	rooted   string // address of the sink whose files are at root
}

// subject is a query to make a view of.
type subject struct {
	query  string
	name   string
	window []pipeline.Window // whose files it is about
}

// connect makes the views of what the addresses name; of everything if there
// are none.
func (c *connector) connect(ctx context.Context, targets []string) error {
	if err := c.checkSink(); err != nil {
		return err
	}
	subjects, err := c.subjects(targets)
	if err != nil {
		return err
	}
	for _, s := range subjects {
		v, err := c.view(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.query, err)
		}
		if v != nil {
			c.views = append(c.views, *v)
		}
	}
	if c.sink != "" && len(c.views) == 0 {
		return fmt.Errorf("-sink=%s: no query that was asked for has files there, or is to have them", c.sink)
	}
	return nil
}

// checkSink completes the address of the only sink.
func (c *connector) checkSink() error {
	if c.sink == "" {
		return nil
	}
	var known []string
	for _, s := range c.Sinks {
		if c.sink == s.Address || "sink."+c.sink == s.Address {
			c.sink = s.Address
			return nil
		}
		known = append(known, s.Address, strings.TrimPrefix(s.Address, "sink."))
	}
	return fmt.Errorf("-sink=%s: the pipeline has no such sink.%s", c.sink, config.DidYouMean(c.sink, known))
}

// subjects returns the queries that are declared or that the state knows, with
// the names of their views. A name does not depend on what else is asked for.
func (c *connector) subjects(targets []string) ([]subject, error) {
	queries := append(c.history.Addresses(), c.untold()...)
	for _, e := range c.exports() {
		queries = append(queries, e.Query.Address)
	}
	slices.Sort(queries)
	var all []subject
	names := viewNames{}
	for _, q := range slices.Compact(queries) {
		s := subject{query: q, name: names.next(q)}
		if len(targets) == 0 {
			s.window = []pipeline.Window{pipeline.Forever()}
		}
		all = append(all, s)
	}
	for _, text := range targets {
		if err := c.target(text, all); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(s subject) bool { return len(s.window) == 0 }), nil
}

// target adds the window of an address to the subjects that it names.
func (c *connector) target(text string, all []subject) error {
	selector, err := pipeline.ParseSelector(text)
	if err != nil {
		return fmt.Errorf("-target: %w", err)
	}
	window, _ := selector.Window()
	found := false
	for i, s := range all {
		e, declared := c.export(s.query)
		named := selector.Names(s.query) || declared && selector.Matches(e)
		for _, h := range c.holders(s.query) {
			named = named || selector.Names(h.address)
		}
		if named {
			all[i].window, found = pipeline.Join(append(s.window, window)), true
		}
	}
	if found {
		return nil
	}
	known := c.addresses()
	for _, s := range all {
		block, _, _ := strings.Cut(s.query, "[")
		known = append(known, block, s.query)
	}
	return fmt.Errorf("-target: nothing in the pipeline or its state has the address %s.%s", text, config.DidYouMean(text, known))
}

// viewNames are the names of views so far, in lower case: readers take names
// that differ only in that for the same.
type viewNames map[string]bool

// next names the view of a query: query.events["SigninLogs"] becomes
// events_SigninLogs. What is no letter of ASCII, digit or "_" becomes "_", for
// some readers take nothing else; a name that is taken gets _2, _3 ….
func (n viewNames) next(query string) string {
	var b strings.Builder
	for _, r := range strings.TrimPrefix(query, "query.") {
		switch {
		case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	base := strings.TrimSuffix(b.String(), "_")
	if base == "" || '0' <= base[0] && base[0] <= '9' {
		base = "query_" + base
	}
	name := base
	for i := 2; n[strings.ToLower(name)]; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	n[strings.ToLower(name)] = true
	return name
}

// view makes the view of one query; nil if it has nothing to do with the sink
// that was asked for.
func (c *connector) view(ctx context.Context, s subject) (*view, error) {
	v := &view{name: s.name}
	h, err := c.holder(s.query)
	if err != nil || h == nil && c.sink != "" {
		return nil, err
	}
	known := c.history.Known(s.query)
	digits := known.DigitNames(func(pipeline.Column) bool { return true })
	for _, k := range known {
		v.columns = append(v.columns, column{k.FileName(), k.Type, digits[k.FileName()]})
	}
	if a, b := alike(known); a != "" && c.engine.folds {
		v.columns = nil
		v.notes = []string{fmt.Sprintf("%s: there is no view of it: its columns %s and %s differ in case only (column_names = \"exact\"), and %s takes them for one.", s.query, a, b, c.engine.title)}
		c.warnings = append(c.warnings, v.notes[0])
		return v, nil
	}
	if h != nil {
		if err := c.collect(ctx, s, h, v); err != nil {
			return nil, err
		}
	}
	v.notes = c.describe(s, h, v)
	if len(v.columns) > 0 {
		c.made++
	}
	return v, nil
}

// alike returns the first two columns whose names differ in case only.
func alike(columns pipeline.Schema) (first, second string) {
	names := make(map[string]string)
	for _, k := range columns {
		folded := strings.ToLower(k.FileName())
		if names[folded] != "" {
			return names[folded], k.FileName()
		}
		names[folded] = k.FileName()
	}
	return "", ""
}

// describe words what a view is of.
func (c *connector) describe(s subject, h *holder, v *view) []string {
	if slices.Contains(c.untold(), s.query) {
		return []string{s.query + ": no table of it is in the state yet; \"kustash plan\" finds those that have rows."}
	}
	if h == nil {
		return []string{s.query + ": its files are in no sink that the pipeline declares, so there is nothing to read."}
	}
	if len(v.columns) == 0 {
		return []string{fmt.Sprintf("%s in %s: nothing has been read yet, and its columns are not known, so there is no view.", s.query, h.address)}
	}
	notes := []string{fmt.Sprintf("%s in %s: %s rows in %s", s.query, h.address, amount(v.rows), count(v.files, "file"))}
	var covered []string
	for _, w := range h.line.Covered() {
		for _, wanted := range s.window {
			if part := w.Intersect(wanted); !part.Empty() {
				covered = append(covered, part.String())
			}
		}
	}
	switch n := len(covered); {
	case n == 0:
		notes = append(notes, "No window of it is done.")
	case n > 5:
		notes = append(notes, fmt.Sprintf("Done: %s … and %s", strings.Join(covered[:5], ", "), count(n-5, "more window")))
	default:
		notes = append(notes, "Done: "+strings.Join(covered, ", "))
	}
	if v.files > 0 && !h.asked {
		notes = append(notes, "The files are not on this machine: they are read as the sink declares its format now.")
	}
	return notes
}
