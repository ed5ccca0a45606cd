package emulator

import (
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

func TestTimespanForms(t *testing.T) {
	now := tick("2026-01-10T12:00:00.1234567Z")
	tests := []struct{ text, start, end string }{
		{"PT2H", "2026-01-10T10:00:00.1234567Z", "2026-01-10T12:00:00.1234567Z"},
		{"P1D", "2026-01-09T12:00:00.1234567Z", "2026-01-10T12:00:00.1234567Z"},
		{"PT5M", "2026-01-10T11:55:00.1234567Z", "2026-01-10T12:00:00.1234567Z"},
		{"PT86400.0S", "2026-01-09T12:00:00.1234567Z", "2026-01-10T12:00:00.1234567Z"},
		{"PT0.0000001S", "2026-01-10T12:00:00.1234566Z", "2026-01-10T12:00:00.1234567Z"},
		{"P1Y2M1W1DT1H1M1.5S", "2024-11-03T10:58:58.6234567Z", "2026-01-10T12:00:00.1234567Z"},
		{"P9999999999999999999Y", "0001-01-01T00:00:00Z", "2026-01-10T12:00:00.1234567Z"},
		{"2022-11-05T00:00:00.000Z/2022-11-08T00:00:00.000Z", "2022-11-05T00:00:00Z", "2022-11-08T00:00:00Z"},
		{"2022-11-05T00:00:00Z/2022-11-08T00:00:00Z", "2022-11-05T00:00:00Z", "2022-11-08T00:00:00Z"},
		{"2022-11-05/2022-11-08", "2022-11-05T00:00:00Z", "2022-11-08T00:00:00Z"},
		{"2022-11-05T01:30/2022-11-08T00:00:00+02:00", "2022-11-05T01:30:00Z", "2022-11-07T22:00:00Z"},
		{"2022-11-05T00:00:00.1234567-00:30/P7D", "2022-11-05T00:30:00.1234567Z", "2022-11-12T00:30:00.1234567Z"},
		{"2022-11-05T00:00:00.1234567899Z/PT1S", "2022-11-05T00:00:00.1234567Z", "2022-11-05T00:00:01.1234567Z"},
		{"PT1H/2022-11-05T00:00:00Z", "2022-11-04T23:00:00Z", "2022-11-05T00:00:00Z"},
		{"2022-11-05T00:00:00Z/P9000Y", "2022-11-05T00:00:00Z", "9999-12-31T23:59:59.9999999Z"},
	}
	for _, test := range tests {
		got, err := parseTimespan(test.text, now)
		want := interval{tick(test.start), tick(test.end)}
		if err != nil || got != want {
			t.Errorf("%s: got %s/%s (%v), want %s/%s", test.text, got.start.Time(), got.end.Time(), err, want.start.Time(), want.end.Time())
		}
	}
}

func TestTimespanFaults(t *testing.T) {
	for _, text := range []string{"", "/", "P", "PT", "P1", "PT1D", "P1H", "P1DT", "P1D2D", "PT1M1H", "P1.5D", "PT1.2.3S", "PT.S", "P-1D", "-P1D",
		"P1D/P1D", "P1D/", "/P1D", "2022-11-05", "2022-13-05/P1D", "2022-11-05T24:00:00Z/P1D", "2022-11-05T00:00:00+99:00/P1D",
		"yesterday/P1D", "2022-11-05T00:00:00.12x4567899Z/P1D", "0001-01-01T00:00:00+02:00/P1D", "2022-11-05x00:00:00Z/P1D", "P1D/P1D/P1D"} {
		if got, err := parseTimespan(text, 0); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func FuzzTimespan(f *testing.F) {
	for _, s := range []string{"PT2H", "2022-11-05T00:00:00.1234567-00:30/P7D", "P1Y2M1W1DT1H1M1.5S", "PT1H/2022-11-05"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseTimespan(s, tick("2026-01-10T12:00:00Z"))
		if err == nil && (got.start < 0 || got.end > pipeline.MaxTick) {
			t.Errorf("%q is %v, outside the years 1 to 9999", s, got)
		}
	})
}

// TestTimespanEnds asks with rows exactly on both ends, under every
// combination of inclusive and exclusive.
func TestTimespanEnds(t *testing.T) {
	data := events(t, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.0000001Z", "2026-01-01T00:59:59.9999999Z", "2026-01-01T01:00:00Z",
		"2025-12-31T23:59:59.9999999Z", "2026-01-01T01:00:00.0000001Z")
	for _, test := range []struct {
		ends Ends
		want string
	}{
		{Ends{}, "abcd"},
		{Ends{StartExclusive: true}, "bcd"},
		{Ends{EndExclusive: true}, "abc"},
		{Ends{StartExclusive: true, EndExclusive: true}, "bc"},
	} {
		r := serve(t, Config{Data: data, TimespanEnds: test.ends, KeepOrder: true})
		for _, span := range []string{"2026-01-01T00:00:00Z/2026-01-01T01:00:00Z", "2026-01-01T00:00:00Z/PT1H", "PT1H/2026-01-01T01:00:00.0000000Z"} {
			if got := r.query("Events", span).decode(t).names(); got != test.want {
				t.Errorf("%+v %s: got rows %q, want %q", test.ends, span, got, test.want)
			}
		}
		if got := r.query("Events", "").decode(t).names(); got != "abcdef" {
			t.Errorf("%+v without timespan: got rows %q, want all", test.ends, got)
		}
	}
}

func TestTimespanOfURLAndBodyMeet(t *testing.T) {
	r := serve(t, Config{Data: events(t, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"), KeepOrder: true})
	got := r.send("POST", queryPath+"?timespan=2026-01-01T00:30:00Z/2026-01-02", `{"query":"Events","timespan":"2026-01-01/2026-01-01T01:30:00Z"}`)
	if names := got.decode(t).names(); names != "b" {
		t.Errorf("got rows %q, want b", names)
	}
	if got := r.query("Events", "tomorrow"); got.status != 400 || !strings.Contains(got.body, `"code":"BadArgumentError"`) {
		t.Errorf("a bad timespan: got %d %s", got.status, got.body)
	}
	// A duration counts back from the emulator's clock.
	now := newClock()
	r = serve(t, Config{Data: events(t, "2026-01-10T10:00:00Z", "2026-01-10T11:30:00Z"), Now: now.Now})
	if names := r.query("Events", "PT3600.0S").decode(t).names(); names != "b" {
		t.Errorf("PT3600.0S: got rows %q, want b", names)
	}
}
