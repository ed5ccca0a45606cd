package pipeline

import (
	"testing"
	"time"
)

func TestSelector(t *testing.T) {
	e := Export{
		Query:     Query{Address: `query.events["Signin.Logs"]`},
		Workspace: "workspace.soc",
		Targets:   []Target{{Address: "sink.archive"}, {Address: `sink.cold["eu"]`}},
	}
	for text, want := range map[string]bool{
		"query.events": true, `query.events["Signin.Logs"]`: true, "query.events[Signin.Logs]": true,
		`query.events["Signin*"]`: true, "query.events[*]": true, "query.events[*x*]": false, "query.events[S*Logs]": true,
		"query.event": false, "query.events[SigninLogs]": false, "workspace.soc": true, "workspace.other": false,
		"sink.archive": true, "sink.archive[x]": false, "sink.cold": true, "sink.cold[eu]": true, "sink.cold[us]": false,
	} {
		s, err := ParseSelector(text)
		if err != nil {
			t.Errorf("ParseSelector(%q): %v", text, err)
			continue
		}
		if got := s.Matches(e); got != want {
			t.Errorf("%q matches: %v, want %v", text, got, want)
		}
	}
	for _, bad := range []string{"", "events", "query.", "querry.events", "query.events[x", "query.e@2026-01-01", "query.e@2026-01-02/2026-01-01", "query.e@x/y"} {
		if s, err := ParseSelector(bad); err == nil {
			t.Errorf("ParseSelector(%q) = %+v, want an error", bad, s)
		}
	}
}

func TestSelectorNarrow(t *testing.T) {
	all := window("2026-01-01T00:00:00Z", "2026-01-03T06:00:00Z")
	for text, want := range map[string]Window{
		"query.e":                       all,
		"query.e@2026-01-02/2026-01-03": window("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"),
		"query.e@2026-01-02T00:10Z/2026-01-02T00:50Z": window("2026-01-02T00:00:00Z", "2026-01-02T01:00:00Z"),
		"query.e@2025-01-01/2027-01-01":               all,
		`query.e["a@b/c"]`:                            all,
		`query.e["a@b/c"]@2026-01-02/2026-01-03`:      window("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"),
	} {
		s, err := ParseSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Narrow(all, time.Hour); got != want {
			t.Errorf("%s narrows to %v, want %v", text, got, want)
		}
	}
}
