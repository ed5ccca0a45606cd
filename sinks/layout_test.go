package sinks

import (
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

func TestParseLayout(t *testing.T) {
	tests := []struct {
		layout   string
		calendar pipeline.Calendar
		folder   string // of query.events["SigninLogs"] at 2026-02-03T04:59:59.9999999Z
	}{
		{"{query}/date={date}", pipeline.Daily, "events/SigninLogs/date=2026-02-03"},
		{"{query}", pipeline.NoCalendar, "events/SigninLogs"},
		{"{query}/{year}", pipeline.Yearly, "events/SigninLogs/2026"},
		{"{query}/{year}/{month}", pipeline.Monthly, "events/SigninLogs/2026/02"},
		{"{year}-{month}/{query}/{day}", pipeline.Daily, "2026-02/events/SigninLogs/03"},
		{"{query}/d={date}/h={hour}", pipeline.Hourly, "events/SigninLogs/d=2026-02-03/h=04"},
		{"{hour}/{day}/{month}/{year}", pipeline.Hourly, "04/03/02/2026"},
		{"{table}/{workspace}", pipeline.NoCalendar, "SigninLogs/6a2f"},
		{"raw data/a=b/{query}", pipeline.NoCalendar, "raw%20data/a=b/events/SigninLogs"},
		{"Köln/100%/{query}", pipeline.NoCalendar, "K%C3%B6ln/100%25/events/SigninLogs"},
		{"x", pipeline.NoCalendar, "x"},
		{"rules", pipeline.FiveMinutes, "events/SigninLogs/y=2026/m=02/d=03/h=04/m=55"},
	}
	q := pipeline.Query{Address: `query.events["SigninLogs"]`, Text: "SigninLogs\n| where true", Workspace: "6a2f"}
	at := time.Date(2026, 2, 3, 4, 59, 59, 999999900, time.UTC)
	for _, test := range tests {
		l, err := ParseLayout(test.layout)
		if err != nil {
			t.Errorf("%s: %v", test.layout, err)
			continue
		}
		if got := l.Calendar(); got != test.calendar {
			t.Errorf("%s: calendar %v, want %v", test.layout, got, test.calendar)
		}
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("east", 9*3600)} {
			if got, err := l.folder(q, at.In(zone)); err != nil || got != test.folder {
				t.Errorf("%s: folder %q, %v, want %q", test.layout, got, err, test.folder)
			}
		}
		if err := CheckKey(test.folder + "/x"); err != nil {
			t.Errorf("%s: %v", test.layout, err)
		}
	}
	if (Layout{}).Calendar() != pipeline.Daily {
		t.Error("the zero layout is not the default")
	}
}

func TestParseLayoutErrors(t *testing.T) {
	tests := []struct{ layout, want string }{
		{"", "without a name"},
		{"/{query}", "without a name"},
		{"{query}/", "without a name"},
		{"{query}//x", "without a name"},
		{"{query}/../x", "leave the sink's root"},
		{"./{query}", "leave the sink's root"},
		{"_raw/{query}", `begin with "_"`},
		{".raw/{query}", `begin with "."`},
		{"raw./{query}", "drop a dot"},
		{"{query", "other half"},
		{"query}", "other half"},
		{"{}/x", "{} is none of"},
		{"{Query}", "did you mean {query}?"},
		{"{qurey}", "did you mean {query}?"},
		{"{dates}/{query}", "did you mean {date}?"},
		{"{minute}", "{minute} is none of {query}, {table}"},
		{"{query}/{month}", "add {year}"},
		{"{query}/{date}/{5m}", "add {hour}"},
		{"{query}/{day}", "add them, or use {date}"},
		{"{query}/{year}/{day}", "add them, or use {date}"},
		{"{query}/{hour}", "add {date}"},
		{"{query}/{year}/{month}/{hour}", "add {date}"},
		{"date={date}/DATE={hour}", `the key "DATE" is there twice`},
	}
	for _, test := range tests {
		if l, err := ParseLayout(test.layout); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, %v, want an error with %q", test.layout, l, err, test.want)
		}
	}
}

// Two instants share a folder only if the calendar has no bound between them:
// else slices of one folder would not be where their names say.
func TestLayoutInjective(t *testing.T) {
	for _, text := range []string{"{year}", "{year}/{month}", "{date}", "{date}/{hour}", "{query}"} {
		l, err := ParseLayout(text)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2023, 12, 30, 22, 30, 0, 0, time.UTC)
		for a := range 800 {
			from := start.Add(time.Duration(a) * 7 * time.Hour)
			to := from.Add(5 * time.Hour)
			next, bounded := l.Calendar().Next(from)
			apart := bounded && !to.Before(next)
			first, _ := l.folder(pipeline.Query{Address: "query.a"}, from)
			second, _ := l.folder(pipeline.Query{Address: "query.a"}, to)
			if (first != second) != apart {
				t.Fatalf("%s: %v in %s and %v in %s, while the next folder begins at %v", text, from, first, to, second, next)
			}
		}
	}
}

func TestQueryFolders(t *testing.T) {
	l, err := ParseLayout("{query}")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ address, want string }{
		{"query.events", "events"},
		{`query.events["SigninLogs"]`, "events/SigninLogs"},
		{`query.events["a/b"]`, "events/a%2Fb"},
		{`query.events["../../etc"]`, "events/%2E.%2F..%2Fetc"},
		{`query.events[".."]`, "events/%2E%2E"},
		{`query.events["."]`, "events/%2E"},
		{`query.events["_hidden"]`, "events/%5Fhidden"},
		{`query.events[".hidden"]`, "events/%2Ehidden"},
		{`query.events["end."]`, "events/end%2E"},
		{`query.events["a b=c%"]`, "events/a%20b%3Dc%25"},
		{`query.events["quote\"d\\"]`, "events/quote%22d%5C"},
		{`query.events["é\n"]`, "events/%C3%A9%0A"},
		{`query.events[""]`, "events/%22%22"},
		{`query.events["nul"]`, "events/%6Eul"},
		{`query.events["COM1.txt"]`, "events/%43OM1.txt"},
		{`query.events["COMMON"]`, "events/COMMON"},
		{`query.events["a]"]`, "events/a%5D"},
	}
	for _, test := range tests {
		got, err := l.folder(pipeline.Query{Address: test.address}, time.Time{})
		if err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.address, got, err, test.want)
		}
		if hidden(got) {
			t.Errorf("%s: %q is hidden", test.address, got)
		}
	}
}

func TestTableFolder(t *testing.T) {
	l, err := ParseLayout("{table}")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"SigninLogs": "SigninLogs", " T_CL\n": "T_CL", "T|take 5": "T", "T;": "T",
		"union A, B": "", "let x = 1; T": "", "search \"x\"": "", "": "", "T(1)": "", "f() | take 1": "",
	} {
		q := pipeline.Query{Address: "query.a", Text: text}
		got, err := l.folder(q, time.Time{})
		if got != want || (err != nil) != (want == "") || (l.Check(q) != nil) != (want == "") {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzEncodePart(f *testing.F) {
	for _, s := range []string{"", "..", "_x", "a/b", "%41", "con", "é", "\x00\xff"} {
		f.Add(s, "A")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := encodePart(a), encodePart(b)
		if a != b && x == y && x != "%22%22" {
			t.Errorf("%q and %q are both %q", a, b, x)
		}
		if hidden(x) || strings.ContainsAny(x, `/\ `) || (len(x) <= maxPart && CheckKey(x) != nil) {
			t.Errorf("%q became %q", a, x)
		}
	})
}
