package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB",
		64_000_000: "64.0 MB", 18_400_000_000: "18.4 GB", 1 << 62: "4611.7 PB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 99_999: "99999", 100_000: "100,000", 1_234_567: "1,234,567", 41_200_000: "41.2 M"} {
		if got := amount(n); got != want {
			t.Errorf("amount(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", 2 * time.Second: "2s", 1500 * time.Millisecond: "1.5s", 90 * time.Second: "1m30s",
		26*time.Hour + 5*time.Minute: "26h05m", 75 * time.Hour: "3d3h"} {
		if got := short(d); got != want {
			t.Errorf("short(%v) = %q, want %q", d, got, want)
		}
	}
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{24 * time.Hour: "1 day", 325 * 24 * time.Hour: "325 days", 6 * time.Hour: "6 hours",
		90 * time.Minute: "1h30m", 49*time.Hour + time.Minute: "2.0 days"} {
		if got := span(pipeline.Window{Start: day, End: day.Add(d)}); got != want {
			t.Errorf("span of %v = %q, want %q", d, got, want)
		}
	}
}

// Slices that touch fold into one line; a gap, another query or other sinks
// begin a new one.
func TestStretches(t *testing.T) {
	hour := func(n int) time.Time { return time.Date(2026, 1, 1, n, 0, 0, 0, time.UTC) }
	slice := func(query string, from, to int, rows int64, sinks ...string) pipeline.PlannedSlice {
		return pipeline.PlannedSlice{Query: query, Window: pipeline.Window{Start: hour(from), End: hour(to)}, Sinks: sinks, Rows: rows, Bytes: rows}
	}
	plan := &planned{plan: &pipeline.Plan{Slices: []pipeline.PlannedSlice{
		slice("a", 0, 1, 5, "x"), slice("a", 1, 3, 6, "x"), slice("a", 4, 5, 1, "x"), slice("a", 5, 6, 1, "x", "y"), slice("b", 6, 7, -1, "x", "y"),
	}}}
	got := plan.stretches()
	type line struct {
		query    string
		from, to int
		slices   int
		rows     int64
		known    bool
	}
	want := []line{{"a", 0, 3, 2, 11, true}, {"a", 4, 5, 1, 1, true}, {"a", 5, 6, 1, 1, true}, {"b", 6, 7, 1, -1, false}}
	if len(got) != len(want) {
		t.Fatalf("got %d stretches, want %d: %+v", len(got), len(want), got)
	}
	for i, s := range got {
		if (line{s.query, s.window.Start.Hour(), s.window.End.Hour(), s.slices, s.rows, s.known}) != want[i] {
			t.Errorf("stretch %d = %+v, want %+v", i, s, want[i])
		}
	}
}

// Failures fold by query, sink and reason, whichever requests they were.
func TestFoldFailures(t *testing.T) {
	hour := func(n int) pipeline.Window {
		start := time.Date(2026, 1, 1, n, 0, 0, 0, time.UTC)
		return pipeline.Window{Start: start, End: start.Add(time.Hour)}
	}
	got := foldFailures([]pipeline.SliceError{
		{Query: "b", Window: hour(1), Err: errors.New("x")},
		{Query: "b", Window: hour(2), Err: fmt.Errorf("write file 2: %w", errors.New("x"))},
		{Query: "a", Window: hour(5), Err: errors.New("refused (request 2)")},
		{Query: "a", Window: hour(3), Err: errors.New("refused (request 1)")},
		{Query: "a", Window: hour(4), Err: errors.New("too large")},
		{Query: "a", Sink: "s", Window: hour(3), Err: errors.New("refused (request 1)")},
	})
	var lines []string
	for _, g := range got {
		lines = append(lines, fmt.Sprintf("%s %s %s %d %d", g.query, g.sink, g.reason, len(g.windows), g.windows[0].Start.Hour()))
	}
	want := []string{"a  refused (request 1) 2 3", "a  too large 1 4", "a s refused (request 1) 1 3", "b  x 2 1"}
	if !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
}

func TestLineDiff(t *testing.T) {
	got := lineDiff("a  = 1\nb = 2\n\n\nc=3\n", "a = 1\nb = 2\n\nc = 3\n")
	want := "-a  = 1\n+a = 1\n-\n-c=3\n+c = 3\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A value from a log must not act on the terminal.
func TestCell(t *testing.T) {
	if got := cell("a\x1b[31mred\nline\u0085"); strings.ContainsAny(got, "\x1b\n\u0085") {
		t.Errorf("cell kept a control character: %q", got)
	}
	if got := cell(strings.Repeat("ü", 100)); len([]rune(got)) != maxCell || !strings.HasSuffix(got, "…") {
		t.Errorf("a long value became %q", got)
	}
}
