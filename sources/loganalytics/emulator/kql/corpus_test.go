package kql

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"testing"
)

// sharedFile finds a file beside the repository, or skips the test.
func sharedFile(t testing.TB, path ...string) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skip("no go.mod above the package")
		}
		dir = parent
	}
	name := filepath.Join(append([]string{dir, "..", "shared"}, path...)...)
	if _, err := os.Stat(name); err != nil {
		t.Skip("shared data is absent: ", err)
	}
	return name
}

// corpus returns published queries by id and, for each, the class that a full
// parser gave it.
func corpus(t testing.TB) (queries, class map[string]string) {
	queries, class = map[string]string{}, map[string]string{}
	for file, keep := range map[string]func(map[string]any){
		"queries.jsonl": func(m map[string]any) { queries[m["id"].(string)] = m["query"].(string) },
		"labels.jsonl":  func(m map[string]any) { class[m["id"].(string)] = m["slicing"].(string) },
	} {
		f, err := os.Open(sharedFile(t, "realdata", "kql", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<22)
		for lines.Scan() {
			var m map[string]any
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				t.Fatal(err)
			}
			keep(m)
		}
	}
	return queries, class
}

// TestCorpus runs published queries: none may panic, what a full parser refuses
// is nearly always refused, and most of the rest parses.
func TestCorpus(t *testing.T) {
	queries, class := corpus(t)
	parsed, wellFormed, wrong := 0, 0, 0
	tokens := map[string]int{}
	for id, query := range queries {
		_, err := parse(query)
		if class[id] != "unparsed" {
			wellFormed++
			if err == nil {
				parsed++
			} else {
				tokens[err.(*Error).Token]++
			}
		} else if err == nil {
			wrong++
		}
		if _, err := Evaluate(context.Background(), query, sample(t), Options{Now: now}); err != nil && err.Error() == "" {
			t.Errorf("%s: an error without words", id)
		}
	}
	t.Logf("%d of %d well-formed queries parse; %d of the %d malformed ones", parsed, wellFormed, wrong, len(queries)-wellFormed)
	var names []string
	for name := range tokens {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return tokens[names[i]] > tokens[names[j]] })
	for _, name := range names[:min(len(names), 25)] {
		t.Logf("%4d refused at %s", tokens[name], name)
	}
	if parsed*100 < wellFormed*75 {
		t.Errorf("only %d of %d well-formed queries parse", parsed, wellFormed)
	}
}
