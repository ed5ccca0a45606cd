package emulator

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// TestRecordedQueries asks what was asked when the bodies were recorded.
func TestRecordedQueries(t *testing.T) {
	r := serve(t, Config{})
	for file, text := range map[string]string{
		"la-200-partial-rows-2025.json": "set truncationmaxrecords=1; datatable (s: string) ['a', 'b']",
		"la-200-print-bool.json":        "print 1000000000000000001 == 1000000000000000001",
		"la-200-types-2025.json": `datatable (DateTime: datetime, Bool:bool, Guid: guid, Int: int, Long:long, Double: double, String: string, Timespan: timespan, Decimal: decimal, NullBool: bool, Dynamic: dynamic)
			[datetime(2015-12-31 23:59:59.9), false, guid(74be27de-1e4e-49d9-b579-fe0b331d3642), 12345, 1234567890123, 12345.6789, 'string value', 10s, decimal(0.10101), bool(null), dynamic({"a":123, "b":"hello", "c":[1,2,3], "d":{}})]`,
		"la-200-nulls.json": `datatable (DateTime: datetime, Bool:bool, Guid: guid, Int: int, Long:long, Double: double, String: string, Timespan: timespan, Decimal: decimal, Dynamic: dynamic)
			[datetime(null), bool(null), guid(null), int(null), long(null), double(null), 'I cant be null', timespan(null), decimal(null), dynamic(null)]`,
	} {
		if got, want := r.query(text, "PT1H").body, recorded(t, file); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", file, got, want)
		}
	}
}

// TestSafePattern cuts a day into slices the way an exporter does, under all
// four kinds of ends, and counts each row of the day once.
func TestSafePattern(t *testing.T) {
	d := demo(t)
	for _, ends := range []Ends{{}, {StartExclusive: true}, {EndExclusive: true}, {StartExclusive: true, EndExclusive: true}} {
		r := serve(t, Config{Data: d, TimespanEnds: ends})
		seen := make(map[string]int)
		for hour := range 24 {
			from := at("2026-03-09T00:00:00Z").Add(time.Duration(hour) * time.Hour)
			to := from.Add(time.Hour)
			text := "Syslog | where TimeGenerated >= datetime(" + from.Format(pipeline.TimeLayout) + ") and TimeGenerated < datetime(" +
				to.Format(pipeline.TimeLayout) + ") | project _ItemId, ingestion_time()"
			span := from.Add(-time.Second).Format(pipeline.TimeLayout) + "/" + to.Add(time.Second).Format(pipeline.TimeLayout)
			for _, row := range r.query(text, span).decode(t).Tables[0].Rows {
				seen[row[0].(string)]++
				if row[1] == nil {
					t.Errorf("%v has no ingestion time", row[0])
				}
			}
		}
		table, _ := d.Table("Syslog")
		want := 0
		for _, row := range table.Rows {
			if when := row[1].(pipeline.Tick); when >= tick("2026-03-09T00:00:00Z") && when < tick("2026-03-10T00:00:00Z") {
				want++
			}
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%+v: row %s came %d times", ends, id, n)
			}
		}
		if len(seen) != want || want == 0 {
			t.Errorf("%+v: got %d rows, want %d", ends, len(seen), want)
		}
	}
}

func TestSortedQueriesAreNotShuffled(t *testing.T) {
	r := serve(t, Config{Data: demo(t), Seed: 3})
	rows := r.query("Heartbeat | sort by TimeGenerated asc, _ItemId asc | project TimeGenerated", "").decode(t).Tables[0].Rows
	var times []string
	for _, row := range rows {
		at, err := pipeline.ParseTime(row[0].(string))
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, at.Time().Format(pipeline.TimeLayout))
	}
	if len(times) < 1000 || !slices.IsSorted(times) {
		t.Errorf("%d rows, sorted %t", len(times), slices.IsSorted(times))
	}
}

func TestEngineFaults(t *testing.T) {
	r := serve(t, Config{Data: events(t)})
	for text, want := range map[string]string{
		"Events | wher N == 1":                     "BadArgumentError SyntaxError SYN0002",
		"Event":                                    "BadArgumentError SemanticError SEM0100",
		"Events | where Missing == 1":              "BadArgumentError SemanticError SEM0100",
		"Events | where Name == 'unfinished":       "BadArgumentError SyntaxError SYN0002",
		"let x = 1;":                               "BadArgumentError",
		"Events | project Name | where N > 1 // x": "BadArgumentError SemanticError SEM0100",
	} {
		if got := r.query(text, ""); got.status != 400 || !strings.HasPrefix(codes(got.body), want) {
			t.Errorf("%s: got %d %s, want 400 %s", text, got.status, got.body, want)
		}
	}
	times := func(name string, n int) string { return "strcat(" + strings.Repeat(name+",", n-1) + name + ")" }
	got := r.query("let a = '"+strings.Repeat("x", 8192)+"'; let b = "+times("a", 60)+"; print "+times("b", 60), "").decode(t)
	if got.Error == nil || got.Error.Details[0].Inner.Code != runaway || len(got.Tables) != 0 {
		t.Errorf("a runaway query: got %+v", got)
	}
	if got := r.query("Events | getschema", "").decode(t); got.Tables[0].Name == "PrimaryResult" || len(got.Tables[0].Rows) != 3 {
		t.Errorf("getschema: got table %s with %d rows", got.Tables[0].Name, len(got.Tables[0].Rows))
	}
	if got := r.query("Events | render timechart", "", "Prefer", "include-render=true"); !strings.Contains(got.body, `"render":{"visualization":"timechart"`) {
		t.Errorf("render: got %s", got.body)
	}
}
