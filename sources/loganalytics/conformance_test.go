package loganalytics

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

// publishedCatalog returns the documented tables as the metadata of a workspace
// that has all of them.
func publishedCatalog(t *testing.T) *catalog {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shared(t, "realdata/schemas"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	known := &catalog{tables: map[string]*tableInfo{}}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Table   string
			Columns []struct{ Name, Type string }
		}
		if err := json.Unmarshal(raw, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if file.Table == "" {
			continue
		}
		table := &tableInfo{Name: file.Table, TimeColumn: serviceColumn}
		for _, c := range file.Columns {
			table.Columns = append(table.Columns, pipeline.Column{Name: c.Name, Type: pipeline.Type(c.Type)})
		}
		if !has(table, serviceColumn) { // the page leaves out what every table has
			table.Columns = append(table.Columns, pipeline.Column{Name: serviceColumn, Type: pipeline.Datetime})
		}
		known.tables[file.Table] = table
	}
	return known
}

// variant is one way in which a query is sent.
type variant struct {
	Name  string   `json:"name"`
	Text  string   `json:"text"`
	Lets  []string `json:"lets"`  // that stand in front of the author's
	Known bool     `json:"known"` // by the workspace's list of tables
	Count bool     `json:"count"`
}

// variants returns the ways in which q may be sent, but those that rewrite
// refuses.
func variants(q pipeline.Query, known *catalog) []variant {
	late := pipeline.Cut{From: testCut.To.AddDate(0, 0, -1), To: testCut.To}
	var all []variant
	for _, v := range []struct {
		name  string
		cut   pipeline.Cut
		part  string
		known *catalog
		count bool
	}{
		{name: "window", cut: testCut, known: known},
		{name: "tables not known", cut: testCut},
		{name: "late rows", cut: late, known: known},
		{name: "part", cut: testCut, part: "a0", known: known},
		{name: "count", known: known, count: true},
	} {
		ask := rewrite
		if v.count {
			ask = countText
		}
		r, err := ask(q, testWindow, v.cut, v.part, v.known)
		if err != nil {
			continue
		}
		if v.known == nil && !r.exact {
			continue // it may be a table that only the list of tables tells
		}
		w := walkBy(newScript(q.Text), q.TimeColumn)
		if _, kept := w.result.times[w.column]; v.count && !r.exact && (!kept || w.result.kind != isRows) {
			continue // nothing tells its rows at the ends, so it is not read either
		}
		one := variant{Name: v.name, Text: r.text, Count: v.count, Known: v.known != nil, Lets: []string{}}
		shadows, err := w.shadows(v.known)
		if err != nil {
			continue
		}
		missing := false
		for _, s := range shadows {
			one.Lets = append(one.Lets, s.name)
			missing = missing || known.tables[s.name] == nil
		}
		same := slices.ContainsFunc(all, func(other variant) bool { return other.Text == one.Text })
		if !missing && !same { // what is missing only the workspace's list of tables tells
			all = append(all, one)
		}
	}
	return all
}

// TestWriteConformance writes the published queries as they are sent, for a
// check by the parser of the language's makers; see interop/kql.
func TestWriteConformance(t *testing.T) {
	name := os.Getenv("KUSTASH_KQL_CONFORMANCE")
	if name == "" {
		t.Skip("KUSTASH_KQL_CONFORMANCE names no file to write; make kql-conformance sets it")
	}
	known := publishedCatalog(t)
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := json.NewEncoder(f)
	out.SetEscapeHTML(false)
	for _, q := range corpus(t) {
		one := pipeline.Query{Text: q.Query}
		script := newScript(q.Query)
		line := struct {
			ID       string    `json:"id"`
			Text     string    `json:"text"`
			Own      []string  `json:"own"` // tables that the author gives another meaning
			Variants []variant `json:"variants"`
		}{q.ID, q.Query, []string{}, []variant{}}
		if script.odd < 0 {
			w := walk(script)
			for table := range known.tables {
				if w.defines(table) {
					line.Own = append(line.Own, table)
				}
			}
			slices.Sort(line.Own)
			line.Variants = append(line.Variants, variants(one, known)...)
		}
		if err := out.Encode(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
