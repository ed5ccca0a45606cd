package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// TestRealRowsRoundTrip serves published rows and compares each cell of each
// answer with the file it came from.
func TestRealRowsRoundTrip(t *testing.T) {
	rows := shared(t, "realdata", "rows")
	d, err := LoadDataset(shared(t, "realdata", "schemas"), rows)
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, Config{Data: d, KeepOrder: true, Limits: Limits{Requests: -1}})
	files, err := filepath.Glob(filepath.Join(rows, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	cells, lines := 0, 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		answer := r.query(name, "").decode(t)
		if answer.Error != nil {
			t.Fatalf("%s: %+v", name, answer.Error)
		}
		want := readLines(t, file)
		got := answer.Tables[0]
		if len(got.Rows) != len(want) {
			t.Errorf("%s: got %d rows, want %d", name, len(got.Rows), len(want))
			continue
		}
		lines += len(want)
		for i, row := range want {
			for n, c := range got.Columns {
				cells++
				cell, ok := row[c.Name]
				if !ok && (got.Rows[i][n] == nil) != (c.Type == string(pipeline.String)) && (got.Rows[i][n] == nil || got.Rows[i][n] == "") {
					continue
				}
				if g, w := canonical(got.Rows[i][n], c.Type), canonical(cell, c.Type); g != w {
					t.Errorf("%s row %d column %s: got %q, want %q", name, i+1, c.Name, g, w)
				}
				delete(row, c.Name)
			}
			for left := range row {
				t.Errorf("%s row %d: column %s is not in the answer", name, i+1, left)
			}
		}
	}
	t.Logf("%d cells of %d rows of %d tables", cells, lines, len(files))
}

func readLines(t *testing.T, file string) []map[string]any {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	in := bufio.NewScanner(bytes.NewReader(raw))
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		d := json.NewDecoder(bytes.NewReader(in.Bytes()))
		d.UseNumber()
		var row map[string]any
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// canonical is a text that is equal for equal cells: what is absent is "" in a
// string and null elsewhere, times lose trailing zeros, numbers are the number.
func canonical(v any, kind string) string {
	text, isText := v.(string)
	switch {
	case v == nil && kind == string(pipeline.String):
		return "text "
	case v == nil, text == "" && isText && kind == string(pipeline.GUID):
		return "null"
	case kind == string(pipeline.Datetime):
		at, err := pipeline.ParseTime(text)
		return fmt.Sprint("time ", int64(at), err)
	case kind == string(pipeline.Real):
		f, err := v.(json.Number).Float64()
		return fmt.Sprint("real ", f, err)
	case isText:
		return "text " + text
	}
	return fmt.Sprint(v)
}

// TestRealSchemasLoad covers the tables that have no rows.
func TestRealSchemasLoad(t *testing.T) {
	dir := shared(t, "realdata", "schemas")
	d, err := LoadDataset(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(d.Tables()) != len(files) {
		t.Errorf("got %d tables of %d files (%v)", len(d.Tables()), len(files), err)
	}
	for _, name := range d.Tables() {
		table, _ := d.Table(name)
		// Two of the lists call it a string.
		if !slices.ContainsFunc(table.Columns, named(kql.TimeColumn(table.Columns))) && !slices.ContainsFunc(table.Columns, named("TimeGenerated")) {
			t.Errorf("%s has no time column", name)
		}
	}
}

// TestDemoColumnsAreReal checks that the demo tables use published columns.
func TestDemoColumnsAreReal(t *testing.T) {
	dir := shared(t, "realdata", "schemas")
	for _, p := range demoPlan {
		if p.table == customTable {
			continue
		}
		real, _, err := loadSchema(filepath.Join(dir, p.table+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range columnsOf(demoColumns[p.table]) {
			if !slices.Contains(real.Columns, c) {
				t.Errorf("%s: column %+v is not published", p.table, c)
			}
		}
	}
}
