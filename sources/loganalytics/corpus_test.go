package loganalytics

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// shared returns a folder of published data beside the repository, and skips
// the test where it is absent.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the package")
		}
	}
	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no published data at ../shared/%s", name)
	}
	return path
}

// corpusQuery is a published query with what a full parser says of it.
type corpusQuery struct {
	ID, Query, Dialect, Slicing string
	Relative                    bool     `json:"relative_time"`
	Tables                      []string `json:"tables"`
	Unresolved                  bool     `json:"unresolved_source"`
}

func corpus(t *testing.T) []corpusQuery {
	t.Helper()
	dir := shared(t, "realdata/kql")
	byID := map[string]*corpusQuery{}
	var all []*corpusQuery
	for _, name := range []string{"queries.jsonl", "labels.jsonl"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var one corpusQuery
			if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
				t.Fatal(err)
			}
			known := byID[one.ID]
			if known == nil {
				byID[one.ID] = &one
				all = append(all, &one)
				continue
			}
			if err := json.Unmarshal(lines.Bytes(), known); err != nil {
				t.Fatal(err)
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	var queries []corpusQuery
	for _, q := range all {
		if q.Dialect == "log-analytics" {
			queries = append(queries, *q)
		}
	}
	return queries
}

// TestCheckPublishedQueries holds the judgement against that of a full parser:
// no query that needs the whole window may pass.
func TestCheckPublishedQueries(t *testing.T) {
	allowed, rowWise := 0, 0
	for _, q := range corpus(t) {
		ok := true
		var first string
		for _, p := range check(q.Query, false) {
			if !p.Warning {
				if ok {
					first = p.Summary + ": " + p.Detail
				}
				ok = false
			}
		}
		switch q.Slicing {
		case "whole_window", "time_binned", "search_or_wildcard":
			if ok {
				t.Errorf("%s (%s) passes:\n%s", q.ID, q.Slicing, q.Query)
			}
		case "row_wise":
			if q.Relative {
				if ok {
					t.Errorf("%s is relative to now and passes:\n%s", q.ID, q.Query)
				}
				continue
			}
			if len(q.Tables) == 0 && !q.Unresolved {
				if ok {
					t.Errorf("%s reads no table and passes:\n%s", q.ID, q.Query)
				}
				continue
			}
			rowWise++
			if ok {
				allowed++
			} else {
				t.Logf("%s: %s", q.ID, first)
			}
		}
	}
	t.Logf("%d of %d row-wise queries pass", allowed, rowWise)
	if allowed*100 < rowWise*95 {
		t.Errorf("%d of %d row-wise queries pass, want 95 %%", allowed, rowWise)
	}
}
