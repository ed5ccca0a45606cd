package loganalytics

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// Second reads, rows of no table and other grids are found where the text hides
// them.
func TestHiddenReads(t *testing.T) {
	for _, text := range []string{
		// A table in brackets of its own is a read.
		"A | where N in ((B))", "A | where N in (((B)))", "A | where N !in ((B))", "A | where N in~ ((B))", "A | where N has_any ((B))", "A | where N in ((['B']))",
		"let x = (B); A | where N in (x)", "let f = () { (B) }; A | where N in (f())", "A | mv-apply x = a on (where x in ((B)))",
		"let f = (X:(*)) { X | where N > 0 }; f((B))", "let f = (X:(*), Y:(*)) { union X, Y }; A | invoke f(B)",
		"A | mv-apply x = a on (union B)",
		// Rows of no table come in every slice.
		"print N = 1 | union A", "datatable(N:long)[1] | union A", "let l = datatable(N:long)[1]; search in (l, A) 'x'",
		"let l = datatable(N:long)[1]; find in (l, A) where N > 0",
		"let l = datatable(N:long)[1]; let f = (X:(N:long)) { X | where N > 0 }; l | invoke f()",
		// What is named like the bounds, or like a width, may be a column.
		"A | extend slice_start = 1, slice_end = 2 | count", "A | summarize count() | extend slice_start = 1, slice_end = 2",
		"let step = 1h; A | parse M with 'x' step:timespan | summarize count() by bin(TimeGenerated, step)",
		"let step = 1h; A | parse M with * 'x' step 'y' | summarize count() by bin(TimeGenerated, step)",
		"A | sort by N asc | extend r = row_rank(N)",
		"declare pattern P = (a:string) { ('x') = { A | summarize arg_max(TimeGenerated, *) by N }; }; P('x')",
		// Of a loose read the time column is the only witness.
		"let A = A; A | extend TimeGenerated = startofday(TimeGenerated)", "let A = A; A | extend TimeGenerated = TimeGenerated - 2h",
		"workspace('x').A | extend TimeGenerated = bin(TimeGenerated, 1d)",
	} {
		if problems := check(pipeline.Query{Text: text}, false, nil).Problems; !refuses(problems) {
			t.Errorf("check(%q) = %+v, want a refusal", text, problems)
		}
	}
	for _, text := range []string{
		"A | where N in ((1))", "let s = (dynamic([1])); A | where N in (s)", "A | extend slice_startled = 1",
		"let step = 1h; A | parse M with 'x' other | summarize count() by bin(TimeGenerated, step)", "let A = A; A | extend M = N",
	} {
		if problems := check(pipeline.Query{Text: text}, false, nil).Problems; refuses(problems) {
			t.Errorf("check(%q) = %+v, want no refusal", text, problems)
		}
	}
}

func refuses(problems []pipeline.Problem) bool {
	for _, p := range problems {
		if !p.Warning {
			return true
		}
	}
	return false
}

// At the author's word a result whose time is not that of its rows keeps them
// all, and says that its ends are not sure.
func TestLooseTimes(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	s := emulated(t, emulator.Config{Data: ticking(t, start, pipeline.Tick(30*time.Minute/pipeline.TickSize), 48), Limits: emulator.Limits{Requests: -1}}, "")
	for text, want := range map[string]int64{
		"let A = A; A | extend TimeGenerated = TimeGenerated - 2h":        48,
		"let A = A; A | extend TimeGenerated = startofday(TimeGenerated)": 48,
		"let B = B; union A, (B | project N)":                             96,
	} {
		var rows int64
		for hour := range 24 {
			w := pipeline.Window{Start: start.Add(time.Duration(hour) * time.Hour), End: start.Add(time.Duration(hour+1) * time.Hour)}
			var got marks
			if _, err := s.Read(context.Background(), pipeline.Slice{Query: pipeline.Query{Text: text, AssumeSliceable: true}, Window: w}, got.emit); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if got.ends != pipeline.Approximate {
				t.Errorf("%s: ends %q, want %q", text, got.ends, pipeline.Approximate)
			}
			rows += got.rows
		}
		if rows < want { // those within a second of an end may come twice
			t.Errorf("%s: %d rows, want all %d", text, rows, want)
		}
		_, err := s.Read(context.Background(), pipeline.Slice{Query: pipeline.Query{Text: text}, Window: pipeline.Window{Start: start, End: start.Add(time.Hour)}}, new(collect).emit)
		if !errors.Is(err, pipeline.ErrQuery) || !strings.Contains(err.Error(), "has another time in") {
			t.Errorf("%s without that word: %v, want %v", text, err, pipeline.ErrQuery)
		}
	}
}

// What only timespan reaches stays as large however narrow the slice is, so
// cutting it further ends.
func TestLooseCrowd(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	s := emulated(t, emulator.Config{Data: ticking(t, start, 0, 30), Limits: emulator.Limits{Rows: 20}}, "")
	for width, wantSmaller := range map[time.Duration]bool{time.Hour: true, time.Second: true, 100 * time.Millisecond: false, pipeline.TickSize: false} {
		sl := pipeline.Slice{Query: pipeline.Query{Text: "let A = A; A"}, Window: pipeline.Window{Start: start, End: start.Add(width)}}
		_, err := s.Read(context.Background(), sl, new(collect).emit)
		if err == nil || errors.Is(err, pipeline.ErrTooLarge) != wantSmaller || !wantSmaller && !strings.Contains(err.Error(), "cannot be cut more finely") {
			t.Errorf("%v: %v; asks for a smaller slice: want %v", width, err, wantSmaller)
		}
	}
}

func TestMisspelledOperators(t *testing.T) {
	for text, want := range map[string]string{
		"T | wher a == 1": `Did you mean "where"?`, "T | projct a": `Did you mean "project"?`, "T | sumarize count()": `Did you mean "summarize"?`,
		"T | frobnicate": "is not known.",
	} {
		problems := check(pipeline.Query{Text: text}, false, nil).Problems
		if len(problems) != 1 || !strings.HasSuffix(problems[0].Detail, want) {
			t.Errorf("check(%q) = %+v, want %q", text, problems, want)
		}
	}
}
