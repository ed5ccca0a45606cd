package config

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for in, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "1ms": time.Millisecond, "90s": 90 * time.Second, "30m": 30 * time.Minute, "1h30m": 90 * time.Minute,
		"1d": day, "1d12h": 36 * time.Hour, "2w": 14 * day, "1w1d1h1m1s1ms": 8*day + time.Hour + time.Minute + time.Second + time.Millisecond,
		" 5m ": 5 * time.Minute, "007s": 7 * time.Second, "15250w": 15250 * 7 * day,
	} {
		if got, err := parseDuration(in); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"": "is required", "  ": "is required", "-5m": "is negative", "5": "needs a unit", "1h5": "needs a unit", "h": "not a duration", "1.5h": "not a duration",
		"1y": `unknown unit "y"`, "5µs": "not a duration", "1H": "unknown unit", "30m1h": "out of order", "1h1h": "out of order", "1 h": "not a duration",
		"15251w": "292 years", "99999999999999999999s": "292 years", "1d99999999999h": "292 years", "９m": "not a duration", "1m\x00": "not a duration",
	} {
		if got, err := parseDuration(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseDuration(%q) = %v, %v, want an error with %q", in, got, err, want)
		}
	}
}

func TestDurationRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		want := time.Duration(rng.Int64N(1<<62)>>rng.IntN(62)) / time.Millisecond * time.Millisecond
		if got, err := parseDuration(writeDuration(want)); err != nil || got != want {
			t.Fatalf("parseDuration(%q) = %v, %v, want %v", writeDuration(want), got, err, want)
		}
	}
}

func TestParseBound(t *testing.T) {
	at := func(s string) pipeline.Bound {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return pipeline.Bound{At: v.UTC()}
	}
	ago := func(d time.Duration) pipeline.Bound { return pipeline.Bound{Relative: true, Ago: d} }
	for in, want := range map[string]pipeline.Bound{
		"2026-01-01":                       at("2026-01-01T00:00:00Z"),
		"2026-01-01T08:30:00+02:00":        at("2026-01-01T06:30:00Z"),
		"2026-01-01T00:00:00.1234567Z":     at("2026-01-01T00:00:00.1234567Z"),
		"0001-01-01":                       at("0001-01-01T00:00:00Z"),
		"9999-12-31T23:59:59.9999999Z":     at("9999-12-31T23:59:59.9999999Z"),
		"2026-01-01T00:00:00.12345670000Z": at("2026-01-01T00:00:00.1234567Z"),
		"now":                              ago(0),
		"now-30d":                          ago(30 * 24 * time.Hour),
		"now - 1d12h":                      ago(36 * time.Hour),
		" now-0 ":                          ago(0),
	} {
		if got, err := parseBound(in); err != nil || !got.At.Equal(want.At) || got.Relative != want.Relative || got.Ago != want.Ago {
			t.Errorf("parseBound(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"": "is no time", "today": "is no time", "2026": "is no time", "2026-02-30": "is no time", "2026-01-01T00:00:00.12345678Z": "finer",
		"0000-12-31": "is no time", "9999-12-31T23:59:59-01:00": "is no time", "now+1d": "before now", "nowadays": "before now", "now--1d": "negative",
		"now-": "required", "now-1": "needs a unit", "2026-01-01 00:00": "is no time",
	} {
		if got, err := parseBound(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseBound(%q) = %+v, %v, want an error with %q", in, got, err, want)
		}
	}
}

func TestSlices(t *testing.T) {
	for _, test := range []struct {
		layout, slice, want string // want "" is no mistake
	}{
		{"{query}/{date}", "auto", ""}, {"{query}/{date}", "1h", ""}, {"{query}/{date}", "1d", ""}, {"{query}/{date}", "15m", ""},
		{"{query}/{date}", "25h", "longer than a folder"}, {"{query}/{date}", "5h", "do not divide"}, {"{query}/{date}", "none", "covers a day only"},
		{"{query}/{hour}", "1h", ""}, {"{query}/{hour}", "7m", "do not divide"}, {"{query}/{hour}", "61m", "longer than a folder"},
		{"{query}/{month}", "1w", ""}, {"{query}/{month}", "29d", "longer than a folder"}, {"{query}/{year}", "5h", ""},
		{"{query}", "7h", ""}, {"{query}", "100w", ""}, {"{query}", "none", ""},
	} {
		p, diags := loadText(t, `
workspace "w" { workspace_id = "w" }
sink "local" "s" {
  path   = "s"
  layout = "`+test.layout+`"
}
query "q" {
  workspace = workspace.w
  kql       = "T"
  sinks     = [sink.s]
  window {
    start = "2026-01-01"
    end   = "2026-02-01"
    slice = "`+test.slice+`"
  }
}`)
		text := show(p, diags)
		if test.want == "" && len(diags) > 0 || test.want != "" && !strings.Contains(text, test.want) {
			t.Errorf("slice %q in %s: want %q, got\n%s", test.slice, test.layout, test.want, text)
		}
		if test.want == "" && p.Exports[0].Span.Whole != (test.slice == "none") {
			t.Errorf("slice %q: whole = %v", test.slice, p.Exports[0].Span.Whole)
		}
	}
}

// loadQuery loads a pipeline with this query; its sink has one folder.
func loadQuery(t *testing.T, arguments, window string) pipeline.Export {
	t.Helper()
	p, diags := loadText(t, `
workspace "w" { workspace_id = "w" }
sink "local" "s" {
  path   = "s"
  layout = "{query}"
}
query "q" {
  workspace = workspace.w
  sinks     = [sink.s]
  `+arguments+`
  window {
    `+window+`
  }
}`)
	if len(diags) > 0 {
		t.Fatal(show(p, diags))
	}
	return p.Exports[0]
}

// A query that aggregates by bins gets slices that do not cut one.
func TestAtom(t *testing.T) {
	e := loadQuery(t, `kql = "T bin 40m"`, `start = "now-10d"`)
	if e.Span.Atom != 40*time.Minute || e.Span.Grid() != 2*time.Hour {
		t.Errorf("atom %v, grid %v; want 40m and 2h", e.Span.Atom, e.Span.Grid())
	}
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	if w := e.Span.Resolve(now); w.End.Hour()%2 != 0 || w.End.Minute() != 0 || w.Start.Hour()%2 != 0 {
		t.Errorf("the window is %v, want whole bins", w)
	}
	e = loadQuery(t, `kql = "T where x between (slice_start .. slice_end)"`, `start = "2026-01-01"
		reach       = "14d"
		time_column = "Created"
		time_slack  = "2d"`)
	if e.Query.Reach != 14*24*time.Hour || e.Query.TimeSlack != 48*time.Hour || e.Query.TimeColumn != "Created" {
		t.Errorf("reach %v, slack %v of %s", e.Query.Reach, e.Query.TimeSlack, e.Query.TimeColumn)
	}
}
