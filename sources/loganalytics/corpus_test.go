package loganalytics

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
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
	Reasons                     []string
	Relative                    bool     `json:"relative_time"`
	Tables                      []string `json:"tables"`
	Unresolved                  bool     `json:"unresolved_source"`
}

// query is q as a pipeline has it.
func (q corpusQuery) query() pipeline.Query {
	columns := map[string]string{"advanced-hunting": "Timestamp"}
	return pipeline.Query{Text: q.Query, TimeColumn: columns[q.Dialect]}
}

// corpus returns all published queries.
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
		queries = append(queries, *q)
	}
	return queries
}

// The verdicts on a published query.
const (
	allowed = "allowed"
	warned  = "with warning"
	inAtoms = "in atoms"
	denied  = "refused"
	clock   = "refused for ago() or now() alone"
)

// judged sums up a judgement, with the first reason of a refusal.
func judged(j pipeline.Judgement) (word, reason string) {
	word = allowed
	for _, p := range j.Problems {
		switch {
		case p.Warning && word == allowed:
			word = warned
		case p.Warning:
		case p.Summary == "Time relative to now" && word != denied:
			word = clock
		case p.Summary != "Time relative to now" && word != denied:
			word, reason = denied, p.Summary+": "+p.Detail
		}
	}
	if j.Atom > 0 && (word == allowed || word == warned) {
		word = inAtoms
	}
	return word, reason
}

// tally counts judgements by label and word.
type tally map[string]map[string]int

func (c tally) add(label, word string) {
	if c[label] == nil {
		c[label] = map[string]int{}
	}
	c[label][word]++
}

// share returns how many queries of some labels pass, and how many are refused
// for more than the clock and for the clock alone.
func (c tally) share(labels ...string) (passed, refused, relative int) {
	for _, label := range labels {
		n := c[label]
		passed, refused, relative = passed+n[allowed]+n[warned]+n[inAtoms], refused+n[denied], relative+n[clock]
	}
	return passed, refused, relative
}

// TestCheckPublishedQueries holds the judgement against that of a full parser:
// no query that needs the whole window may pass, not even if it were not for
// the clock.
func TestCheckPublishedQueries(t *testing.T) {
	words := []string{allowed, warned, inAtoms, denied, clock}
	everything, ours, reasons := tally{}, tally{}, tally{}
	for _, q := range corpus(t) {
		judgement := check(q.query(), false, nil)
		word, reason := judged(judgement)
		everything.add(q.Slicing, word)
		if q.Dialect == "log-analytics" {
			ours.add(q.Slicing, word)
		}
		switch {
		case q.Slicing == "whole_window" && word != denied:
			t.Errorf("%s (%s, %v) passes %s:\n%s", q.ID, q.Dialect, q.Reasons, word, q.Query)
		case q.Slicing == "time_binned" && word == inAtoms:
			if want := binsOf(q.Query); judgement.Atom != want {
				t.Errorf("%s has the atom %v, want %v:\n%s", q.ID, judgement.Atom, want, q.Query)
			}
		case word == denied && q.Slicing != "whole_window" && q.Slicing != "unparsed":
			summary, _, _ := strings.Cut(reason, ":")
			reasons.add(q.Slicing, summary)
		}
	}
	for _, c := range []struct {
		name string
		tally
	}{{"all dialects", everything}, {"Log Analytics", ours}} {
		t.Logf("%-20s %q", c.name, words)
		for _, label := range slices.Sorted(maps.Keys(c.tally)) {
			row := fmt.Sprintf("%-20s", label)
			for _, word := range words {
				row += fmt.Sprintf(" %*d", len(word)+2, c.tally[label][word])
			}
			t.Log(row)
		}
	}
	for label, n := range reasons {
		t.Logf("%s, refused for: %v", label, n)
	}
	for _, c := range []struct {
		name string
		tally
		least  int // of a hundred; 0 is for information
		labels []string
	}{
		{"row-wise, Log Analytics", ours, 95, []string{"row_wise", "row_wise_combined", "row_wise_sorted"}},
		{"row-wise alone, all dialects", everything, 95, []string{"row_wise"}},
		// Resource Graph is out of reach, and hunting queries hide their joins.
		{"row-wise, all dialects", everything, 0, []string{"row_wise", "row_wise_combined", "row_wise_sorted"}},
		{"time bins, Log Analytics", ours, 90, []string{"time_binned"}},
		{"time bins, all dialects", everything, 90, []string{"time_binned"}},
	} {
		passed, refused, relative := c.share(c.labels...)
		t.Logf("%s: %d of %d pass (%.1f %%); %d are refused for ago() or now() alone, of the others %.1f %% pass", c.name,
			passed, passed+refused+relative, 100*float64(passed)/float64(passed+refused+relative), relative, 100*float64(passed)/float64(passed+refused))
		if passed*100 < (passed+refused)*c.least {
			t.Errorf("%s: %d of %d pass, want %d %%", c.name, passed, passed+refused, c.least)
		}
	}
}

var (
	comments = regexp.MustCompile(`//.*`)
	bins     = regexp.MustCompile(`(?:bin|floor) *\( *Time(?:Generated|stamp) *, *(\w+) *\)|(startofday) *\( *Time`)
	lets     = regexp.MustCompile(`let +(\w+) *= *(\w+) *;`)
)

// binsOf finds the bins of a published query by their looks, and returns their
// least common multiple by trying.
func binsOf(text string) time.Duration {
	text = comments.ReplaceAllString(text, "")
	constants := map[string]string{}
	for _, m := range lets.FindAllStringSubmatch(text, -1) {
		constants[m[1]] = m[2]
	}
	var widths []time.Duration
	for _, m := range bins.FindAllStringSubmatch(text, -1) {
		width := m[1]
		if constants[width] != "" {
			width = constants[width]
		}
		if m[2] != "" {
			width = "24h"
		}
		if days, ok := strings.CutSuffix(width, "d"); ok {
			n, _ := strconv.Atoi(days)
			width = fmt.Sprintf("%dh", 24*n)
		}
		if d, err := time.ParseDuration(strings.NewReplacer("hr", "h", "min", "m").Replace(width)); err == nil {
			widths = append(widths, d)
		}
	}
	for d := time.Second; d <= maxAtom; d += time.Second {
		if len(widths) > 0 && !slices.ContainsFunc(widths, func(w time.Duration) bool { return d%w != 0 }) {
			return d
		}
	}
	return 0
}

// TestPrefixesOfPublishedQueries judges and rewrites texts that break off
// anywhere.
func TestPrefixesOfPublishedQueries(t *testing.T) {
	for i, q := range corpus(t) {
		if i%40 != 0 {
			continue
		}
		for n := 0; n <= len(q.Query); n += 1 + len(q.Query)/400 {
			one := q.query()
			one.Text = q.Query[:n]
			check(one, false, nil)
			if r, err := rewrite(one, testWindow, testCut, "", nil); err == nil {
				keepsText(t, one.Text, r.text)
			}
		}
	}
}
