package loganalytics

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// Pieces of made-up queries. Many of what they make cannot be cut in time, and
// the judgement has to notice.
var (
	madeSources = []string{"A", "B", "union A, B", "A | union (B | where N % 3 == 0)", "f()", "x", "union x, B", "union (A | project N), B", "A | as Y",
		"union (A | summarize N = count() by bin(TimeGenerated, 3h)), (B | summarize N = sum(N) by bin(TimeGenerated, 2h))"}
	madeBins = []string{"bin(TimeGenerated, 1h)", "bin(TimeGenerated, step)", "floor(TimeGenerated, 3h)", "startofday(TimeGenerated)", "Hour = bin(TimeGenerated, 1h)",
		"bin(Hour, 1d)", "bin(Other, 2h)", "bin(TimeGenerated, 1h), K", "startofweek(TimeGenerated)", "bin_at(TimeGenerated, 2h, datetime(2026-01-01T00:30:00Z))",
		"TimeGenerated", "K", "bin(N, 10)", "bin(TimeGenerated, 1d), bin(TimeGenerated, 2h)", "hourofday(TimeGenerated)"}
	madeSteps = []string{"where N % 2 == 0", "where N in (1, 2, 3, 40, 41)", "extend K = N % 5", "extend Other = TimeGenerated", "extend Hour = bin(TimeGenerated, 2h)",
		"extend TimeGenerated = TimeGenerated + 90m", "extend TimeGenerated = bin(TimeGenerated, 2h)", "project TimeGenerated, N, K = N % 4", "project N, K = N % 4",
		"project Other = TimeGenerated, TimeGenerated = bin(TimeGenerated, 1h), N", "project-rename Other = TimeGenerated", "project-away N", "project-away Time*",
		"project-keep TimeGenerated, N", "sort by N asc", "lookup list on N", "join kind=inner list on N", "join kind=leftanti list on N", "join kind=inner (B) on N",
		"take 3", "top 3 by N", "count", "distinct N", "distinct K, bin(TimeGenerated, 2h)", "union B", "where N in ((B | where N < 50 | project N))"}
	madeValues = []string{"C = count()", "N = sum(N)", "C = count(), N = max(N)", "TimeGenerated = max(TimeGenerated)", "C = dcount(N)"}
)

// makeQuery puts a query together by chance.
func makeQuery(random *rand.Rand) string {
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	parts := []string{pick(madeSources)}
	for range 1 + random.IntN(4) {
		if random.IntN(3) == 0 {
			parts = append(parts, "summarize "+pick(madeValues)+" by "+pick(madeBins))
		} else {
			parts = append(parts, pick(madeSteps))
		}
	}
	return "let step = 2h; let list = datatable(N:long, L:string)[1, 'a', 7, 'b', 40, 'c']; let f = () { A | where N > 2 }; let x = B | where N % 7 > 0; " +
		strings.Join(parts, " | ")
}

// TestSlicedAnswers reads made-up queries at once and in slices: what is allowed
// has to give the same rows either way.
func TestSlicedAnswers(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	s := emulated(t, emulator.Config{Data: ticking(t, start.Add(7*time.Minute), pipeline.Tick(29*time.Minute/pipeline.TickSize), 300), Limits: emulator.Limits{Requests: 1_000_000}}, "")
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	compared, binned, differ := 0, 0, 0
	for range 4000 {
		text := makeQuery(random)
		if seen[text] {
			continue
		}
		seen[text] = true
		q := pipeline.Query{Text: text}
		j := check(q, false, nil)
		passes := !slices.ContainsFunc(j.Problems, func(p pipeline.Problem) bool { return !p.Warning })
		if !passes && len(seen)%8 != 0 {
			continue // some, to see that refusing is not all it does
		}
		atom := max(j.Atom, 5*time.Hour+time.Nanosecond*700)
		if j.Atom > 0 {
			binned++
			atom = j.Atom
		}
		whole := pipeline.Window{Start: pipeline.Floor(start, atom), End: pipeline.Floor(start, atom).Add(4 * atom)}
		want, err := answerOf(s, q, whole)
		if err != nil {
			continue // the author's mistake, such as a column that is gone
		}
		var got []string
		for n := range time.Duration(4) {
			rows, err := answerOf(s, q, pipeline.Window{Start: whole.Start.Add(n * atom), End: whole.Start.Add((n + 1) * atom)})
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			got = append(got, rows...)
		}
		slices.Sort(got)
		switch {
		case slices.Equal(got, want):
		case passes:
			t.Errorf("%s\nin slices of %v gives\n%q, at once\n%q", text, atom, got, want)
		default:
			differ++
		}
		if passes {
			compared++
		}
	}
	t.Logf("%d allowed queries give the same in slices, %d of all have bins; %d refused ones give something else", compared, binned, differ)
	if compared < 100 || binned < 30 || differ < 10 {
		t.Errorf("%d compared, %d with bins, %d refused with reason: too few to prove anything", compared, binned, differ)
	}
}

// answerOf returns the rows of one read, in order of their text.
func answerOf(s *Source, q pipeline.Query, w pipeline.Window) ([]string, error) {
	var rows []string
	_, err := s.Read(context.Background(), pipeline.Slice{Query: q, Window: w}, func(rec arrow.Record) error {
		for i := range int(rec.NumRows()) {
			var row []string
			for c := range int(rec.NumCols()) {
				row = append(row, rec.ColumnName(c)+"="+rec.Column(c).ValueStr(i))
			}
			rows = append(rows, strings.Join(row, " "))
		}
		return nil
	})
	slices.Sort(rows)
	return rows, err
}
