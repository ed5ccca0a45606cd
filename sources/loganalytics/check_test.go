package loganalytics

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// TestCheck gives for each text the words that a problem is about and its
// summary; "" is none, a leading "~" a warning.
func TestCheck(t *testing.T) {
	for _, c := range []struct{ text, about, summary string }{
		// Rows that are made from one row each.
		{"T", "", ""},
		{"T | where a == 1 | extend b = strcat(a, 'x') | project b, TimeGenerated | project-away b", "", ""},
		{"T | parse a with * 'x' b | mv-expand c to typeof(string) | render table", "", ""},
		{"let n = 5; let f = (x:string) { tolower(x) }; T | where f(a) == 'x' and b > n", "", ""},
		{"union A, (B | where x)", "", ""},
		{"T | where a in ('x', 'y') and b has_any ('z', 'w')", "", ""},
		{"T | where a in (tolower('X')) and b in (dynamic(['z']))", "", ""},
		{"let l = dynamic(['x']); T | where a in~ (l)", "", ""},
		{"T | mv-apply x = a on (where x > 1 | project x)", "", ""},
		{"T | mv-apply x = a on (sort by x asc | where x > 1)", "", ""},
		{"T | evaluate bag_unpack(d)", "", ""},
		{"T | as X | where a", "", ""},
		{"\u200bT | where a", "", ""},
		{"T | project a", "", ""}, // the result needs no time where the window is at the table

		// No query, or more than one.
		{".show tables", ".show tables", "Management command"},
		{"let x = 5;", "", "No result"},
		{"T | where (a", "(", "Unbalanced brackets"},
		{"T | where a == 'x", "'", "Text without an end"},
		{"T; U", "U", "Several results"},

		// Operators and functions over several rows.
		{"T | take 5", "take", summaryOperator},
		{"T | limit 5", "limit", summaryOperator},
		{"T | sample 5", "sample", summaryOperator},
		{"T | sample-distinct 5 of a", "sample-distinct", summaryOperator},
		{"T | top 5 by a", "top", summaryOperator},
		{"T | top-nested 5 of a by count()", "top-nested", summaryOperator},
		{"T | top-hitters 5 of a", "top-hitters", summaryOperator},
		{"T | count", "count", summaryOperator},
		{"T | make-series count() on TimeGenerated step 1h", "make-series", summaryOperator},
		{"T | serialize", "serialize", summaryOperator},
		{"T | scan with (step s: true;)", "scan", summaryOperator},
		{"T | partition by a (take 1)", "partition", summaryOperator},
		{"T | reduce by a", "reduce", summaryOperator},
		{"T | extend n = row_number()", "row_number", "Function of several rows"},
		{"T | extend n = row_cumsum(a)", "row_cumsum", "Function of several rows"},
		{"T | extend n = prev(a)", "prev", "Function of several rows"},
		{"T | extend n = next(a)", "next", "Function of several rows"},
		{"T | extend n = series_fit_line(a)", "series_fit_line", "Function of several rows"},
		{"T | where a > toscalar(U | project b)", "U | project b", "Second read"},
		{"T | evaluate basket()", "evaluate", summaryOperator},
		{"T | evaluate pivot(a)", "evaluate", summaryOperator},
		{"T | evaluate pivot(a, count(), b)", "evaluate", summaryOperator},
		{"T | frobnicate a", "frobnicate", "Unknown operator"},
		{"T | project-sideways a", "project-sideways", "Unknown operator"},
		{"T | ", "", "Missing operator"},
		{"T || where a", "", "Missing operator"},

		// Aggregation; TestAtoms has what is allowed.
		{"T | summarize count()", "summarize", summaryOperator},
		{"T | summarize count() by a", "summarize", summaryOperator},
		{"T | summarize count() by bin(Other, 1h)", "summarize", summaryOperator},
		{"T | summarize count() by TimeGenerated", "summarize", summaryOperator},
		{"T | summarize dcount(a), percentiles(b, 5) by c", "summarize", summaryOperator},
		{"T | summarize arg_max(TimeGenerated, *) by a, bin(TimeGenerated, 1h)", "arg_max", "One of several rows"},
		{"T | distinct a", "distinct", summaryOperator},
		{"T | distinct *", "distinct", summaryOperator},
		{"T | mv-apply x = a on (summarize count())", "summarize", summaryOperator},
		{"let x = T | summarize by a; U | where b in (x)", "summarize", summaryOperator},
		{"let f = () { T | distinct a }; f()", "distinct", summaryOperator},
		{"let l = datatable(a:string)['x'] | distinct a; T | where a in (l)", "distinct", summaryOperator},

		// Second reads.
		{"T | join U on a", "join", "Join of two reads"},
		{"T | join kind=inner (U | where b) on a", "join", "Join of two reads"},
		{"T | lookup U on a", "lookup", "Join of two reads"},
		{"T | evaluate ipv4_lookup(U, a, b)", "evaluate", "Join of two reads"},
		{"T | where a in (U | project b)", "U | project b", "Second read"},
		{"let x = U | project b; T | where a in (x)", "x", "Second read"},
		{"T | where a in (U)", "U", "Table or column"},

		// Lists that no window cuts.
		{"let l = datatable(a:string)['x']; T | where a in (l) | lookup l on a | join kind=inner l on a", "", ""},
		{"let l = externaldata(a:string)['https://x']; T | join kind=leftouter l on a", "", ""},
		{"let w = _GetWatchlist('w') | project k; T | where a !in (w)", "", ""},
		{"let l = datatable(a:string)['x']; T | evaluate ipv4_lookup(l, a, b)", "", ""},
		{"let l = datatable(a:string)['x']; T | join l on a", "join", "Join without a kind"},
		{"let l = datatable(a:string)['x']; l | join kind=inner T on a", "join", "Join of two reads"},
		{"let l = datatable(a:string)['x']; T | join kind=fullouter l on a", "join", "Join of two reads"},
		{"let l = datatable(a:string)['x']; T | join kind=inner l on a | union U", "join", "Join among several reads"},
		{"union T, (print 1)", "(print 1)", "Constant rows in a union"},
		{"evaluate http_request('https://x')", "evaluate http_request('https://x')", "Unknown source"},
		{"T U", "T U", "Unknown source"},
		{"print 1", "print 1", "Query without a table"},
		{"range x from 1 to 5 step 1", "range x from 1 to 5 step 1", "Query without a table"},

		// Reference tables with a long look-back.
		{"ThreatIntelligenceIndicator", "", ""},
		{"union T, ThreatIntelligenceIndicator", "ThreatIntelligenceIndicator", "~Reference data in a window"},
		{"T | join kind=inner IdentityInfo on a", "IdentityInfo", "~Reference data in a window"},

		// The clock.
		{"T | where a > ago(1d)", "ago", "Time relative to now"},
		{"T | where a > now() - 1d", "now", "Time relative to now"},
		{"T | where a > datetime_utc_to_local(now(), 'UTC')", "now", "Time relative to now"},
		{"let s = ago(1d); T | where a > s", "ago", "Time relative to now"},
		{"set query_now = datetime(2026-01-01); T | where a > ago(1d)", "", ""},

		// Time filters of the author's.
		{"T | where TimeGenerated > datetime(2026-01-01)", "TimeGenerated", "~Time filter of its own"},
		{"T | where a and (TimeGenerated between (datetime(2026-01-01) .. 1d))", "TimeGenerated", "~Time filter of its own"},
		{"let s = datetime(2026-01-01); T | where TimeGenerated < s", "TimeGenerated", "~Time filter of its own"},
		{"T | where datetime(2026-01-01) <= TimeGenerated", "TimeGenerated", "~Time filter of its own"},
		{"set query_now = datetime(2026-01-01); T | where TimeGenerated > ago(1d)", "TimeGenerated", "~Time filter of its own"},
		{"T | where TimeGenerated < EndTime", "", ""},
		{"T | where ingestion_time() > datetime(2026-01-01)", "ingestion_time", "~Ingestion time"},

		// What only the service's own filter reaches.
		{"_Im_Dns(a=1) | where b", "_Im_Dns(a=1)", "~Function of the workspace"},
		{"let x = imDns(); x | where a", "imDns", "~Function of the workspace"},
		{"T | invoke F()", "invoke", "~Function of the workspace"},
		{"T | extend b = GetOwner(a)", "GetOwner", "~Function of the workspace"},
		{"T | where a in (GetList())", "GetList", "~Function of the workspace"},
		{"search 'x'", "search", "~Search"},
		{"find where a == 'x' project TimeGenerated, a", "find", "~Search"},
		{"search in (A, B) 'x'", "", ""},
		{"find in (A, B) where a == 'x'", "", ""},
		{"union *", "*", "~Tables by pattern"},
		{"union A*", "A*", "~Tables by pattern"},
		{"table('T') | where a", "table('T')", "~Table elsewhere"},
		{"workspace('w').T", "workspace('w').T", "~Table elsewhere"},
		{"app('w').requests", "app('w').requests", "~Table elsewhere"},
		{"resource('w').T", "resource('w').T", "~Table elsewhere"},
		{"let T = T | where a; T", "T ", "~Table under its own name"},
		{"_Im_Dns() | project a", "_Im_Dns() | project a", "Result without its time"},
		{"_Im_Dns() | extend TimeGenerated = EventTime", "_Im_Dns() | extend TimeGenerated = EventTime", "Result without its time"},

		// What no window reaches.
		{"adx('c/d').T", "adx('c/d').T", "Table out of reach"},
		{"arg('').resources", "arg('').resources", "Table out of reach"},
		{"cluster('c').database('d').T", "cluster('c').database('d').T", "Table out of reach"},

		// Order and pictures.
		{"T | sort by a", "sort", "~Order within a slice only"},
		{"T | order by a", "order", "~Order within a slice only"},
		{"T | render timechart", "", ""},

		{"union isfuzzy=true A, B", "isfuzzy=true", "~Fuzzy union"},
		{"set truncationmaxrecords=5; T", "set truncationmaxrecords=5", "~Option that changes the answer"},
	} {
		problems := check(pipeline.Query{Text: c.text}, false, nil).Problems
		if c.summary == "" {
			if len(problems) > 0 {
				t.Errorf("check(%q) = %+v, want nothing", c.text, problems)
			}
			continue
		}
		found := false
		for _, p := range problems {
			about := c.text[p.Offset : p.Offset+p.Length]
			if p.Summary == strings.TrimPrefix(c.summary, "~") && p.Warning == (c.summary[0] == '~') && about == strings.TrimSpace(c.about) {
				found = true
				if !slices.ContainsFunc(waysOut, func(way string) bool { return strings.Contains(p.Detail+p.Overrule, way) }) {
					t.Errorf("check(%q): %q tells no way out", c.text, p.Detail)
				}
			}
		}
		if !found {
			t.Errorf("check(%q) = %+v, want %q about %q", c.text, problems, c.summary, c.about)
		}
	}
}

// waysOut are parts of what tells an author what to do, or that there is
// nothing to do.
var waysOut = []string{
	`slice = "none"`, "Leave the window", "Use both", "which has to keep it", "Keep the column", "place", "to look further", "To look further",
	"has exactly one", "Only queries", "no partner", "no closing quote", "no statement that returns rows", "orders the rows of each slice",
	"left out without an error", "lowers the limit", "slices are cut by it",
}

// TestCheckForm holds for slices and for the whole window.
func TestCheckForm(t *testing.T) {
	for _, c := range []struct{ text, summary string }{
		{"T | where (a", "Unbalanced brackets"},
		{"T | where a)", "Unbalanced brackets"},
		{"T | where (a]", "Unbalanced brackets"},
		{"T | where a == 'x", "Text without an end"},
		{"T | where a == ```x", "Text without an end"},
		{"", "No result"},
		{"// only a comment", "No result"},
		{"let x = 5;", "No result"},
		{".show tables", "Management command"},
		{"T; U", "Several results"},
		{"set best_effort=true; T", "Option that hides missing rows"},
		{"set query_take_max_records = 5; T", "Option that hides missing rows"},
		{"T | where a > slice_start", "One bound of the slice only"},
	} {
		for _, whole := range []bool{false, true} {
			problems := check(pipeline.Query{Text: c.text}, whole, nil).Problems
			if len(problems) == 0 || problems[0].Summary != c.summary || problems[0].Warning {
				t.Errorf("check(%q, %v) = %+v, want %q", c.text, whole, problems, c.summary)
			}
		}
	}
	for _, text := range []string{
		"T | summarize count()", "T | where a > ago(1d)", "search 'x'", "T | join U on a", "print 1", strings.Repeat("(", 500) + "T" + strings.Repeat(")", 500),
	} {
		if problems := check(pipeline.Query{Text: text}, true, nil).Problems; len(problems) > 0 {
			t.Errorf("check(%.40q, whole) = %+v, want nothing", text, problems)
		}
		if problems := check(pipeline.Query{Text: text}, false, nil).Problems; len(problems) == 0 {
			t.Errorf("check(%.40q) = nothing, want a problem", text)
		}
	}
	if problems := check(pipeline.Query{Text: "T | where a between (slice_start .. slice_end) | summarize count()"}, false, nil).Problems; len(problems) > 0 {
		t.Errorf("a text with both bounds gives %+v, want nothing", problems)
	}
}

// TestAtoms gives for each text its atom, or what is said of the bin that
// gives it none.
func TestAtoms(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	for _, c := range []struct {
		text string
		atom time.Duration
		says string
	}{
		{"T | where a", 0, ""},
		{"T | summarize count() by bin(TimeGenerated, 1h)", hour, ""},
		{"T | summarize count() by a, TimeGenerated = bin(TimeGenerated, 15m)", 15 * time.Minute, ""},
		{"T | summarize dcount(a), percentile(b, 5), make_set(c) by floor(TimeGenerated, 1d), d", day, ""},
		{"T | summarize by startofday(TimeGenerated)", day, ""},
		{"T | distinct a, bin(TimeGenerated, 5m)", 5 * time.Minute, ""},
		{"T | summarize count() by (bin((TimeGenerated), (1h)))", hour, ""},
		{"T | summarize count() by bin(['TimeGenerated'], 1h)", hour, ""},
		{"T | summarize count() by bin(todatetime(TimeGenerated), 1h)", hour, ""},
		{"let step = 30m; T | summarize count() by bin(TimeGenerated, step)", 30 * time.Minute, ""},
		{"let step = time(0.02:00:00); T | summarize count() by bin(TimeGenerated, step)", 2 * hour, ""},
		{"T | summarize count() by bin(TimeGenerated, timespan(2))", 2 * day, ""},
		{"T | summarize count() by bin(TimeGenerated, 1.5h)", 90 * time.Minute, ""},
		{"T | summarize count() by bin(TimeGenerated, 7d)", 7 * day, ""},
		{"T | summarize count() by bin(TimeGenerated, 5tick)", 500 * time.Nanosecond, ""},

		// Several bins.
		{"T | summarize count() by bin(TimeGenerated, 2h) | union (T | summarize count() by bin(TimeGenerated, 3h))", 6 * hour, ""},
		{"T | summarize count() by bin(TimeGenerated, 1h), bin(TimeGenerated, 1d)", hour, ""},
		{"T | summarize n = count() by bin(TimeGenerated, 1h) | summarize max(n) by bin(TimeGenerated, 1d)", day, ""},
		{"T | summarize n = count() by bin(TimeGenerated, 2h) | summarize max(n) by bin(TimeGenerated, 3h)", 6 * hour, ""},
		{"T | summarize n = count() by Hour = bin(TimeGenerated, 1h) | summarize max(n) by bin(Hour, 1d)", day, ""},
		{"T | extend Day = startofday(TimeGenerated) | summarize count() by bin(Day, 1d)", day, ""},
		{"T | project Time = TimeGenerated, a | summarize count() by bin(Time, 1h), a", hour, ""},
		{"T | project-rename Time = TimeGenerated | summarize count() by bin(Time, 1h)", hour, ""},
		{"union A, B | summarize count() by bin(TimeGenerated, 1h)", hour, ""},
		{"let f = () { T | where a }; f() | summarize count() by bin(TimeGenerated, 1h)", hour, ""},
		{"let l = datatable(a:string)['x']; T | lookup l on a | summarize count() by bin(TimeGenerated, 1h)", hour, ""},
		{"T | mv-expand a | parse b with c 'x' | summarize count() by bin(TimeGenerated, 1h)", hour, ""},
		{"T | project-keep Time*, a | project-reorder a | summarize count() by bin(TimeGenerated, 1h)", hour, ""},
		{"_Im_Dns() | summarize count() by bin(TimeGenerated, 1h)", hour, ""},
		{"T | evaluate pivot(a, count(), TimeGenerated, b)", pipeline.TickSize, ""},
		{"T | where a between (slice_start .. slice_end) | summarize count() by bin(TimeGenerated, 1h)", hour, ""},

		// Other grids, and widths that the text does not tell.
		{"T | summarize count() by startofweek(TimeGenerated)", 0, "not the multiples of one width"},
		{"T | summarize count() by startofmonth(TimeGenerated)", 0, "not the multiples of one width"},
		{"T | summarize count() by startofyear(TimeGenerated)", 0, "not the multiples of one width"},
		{"T | summarize count() by bin_at(TimeGenerated, 1h, datetime(2026-01-01))", 0, "not the multiples of one width"},
		{"T | summarize count() by startofday(TimeGenerated, 1)", 0, "Add bin"},
		{"T | summarize count() by bin(TimeGenerated, a)", 0, "cannot be told from the text"},
		{"let step = toscalar(U | take 1); T | summarize count() by bin(TimeGenerated, step)", 0, "cannot be told from the text"},
		{"let f = (step:timespan) { T | summarize count() by bin(TimeGenerated, step) }; f(1h)", 0, "cannot be told from the text"},
		{"let step = 1h; T | extend step = 2h | summarize count() by bin(TimeGenerated, step)", 0, "cannot be told from the text"},
		{"let bin = (a:datetime, b:timespan) { a }; T | summarize count() by bin(TimeGenerated, 1h)", 0, "aggregates rows"},
		{"let step = 1h; let f = (step:timespan) { T | summarize count() by bin(TimeGenerated, step) }; f(2h)", 0, "cannot be told from the text"},
		{"T | summarize count() by bin(TimeGenerated, 0h)", 0, "cannot be told from the text"},
		{"T | summarize count() by bin(TimeGenerated, 1nano)", 0, "cannot be told from the text"},
		{"T | summarize count() by hourofday(TimeGenerated)", 0, "Add bin"},
		{"T | summarize count() by bin(TimeGenerated - 5h, 1d)", 0, "Add bin"},
		{"T | extend Day = bin(TimeGenerated, 1d) | summarize count() by Day", 0, "Write bin(Day, ...)"},

		// What is not the table's own column any more.
		{"T | extend TimeGenerated = EventTime | summarize count() by bin(TimeGenerated, 1h)", 0, "not the column of the table any more"},
		{"T | extend TimeGenerated = TimeGenerated + 1h | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | extend tostring(TimeGenerated) | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | project TimeGenerated = EventTime | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | project TimeGenerated = EventTime, bin(TimeGenerated, 1h) | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | project a | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | project-away Time* | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | project-rename TimeGenerated = EventTime | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | parse a with * 'x' TimeGenerated:datetime | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | mv-expand TimeGenerated = a | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | mv-apply TimeGenerated = a on (where b) | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | evaluate bag_unpack(a, columnsConflict='replace_source') | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"T | evaluate bag_unpack(a) : (b:string) | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"union A, (B | project b) | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"union withsource=TimeGenerated A, B | summarize count() by bin(TimeGenerated, 1h)", 0, "any more"},
		{"let f = (t:(a:string)) { t | summarize count() by bin(TimeGenerated, 1h) }; T | invoke f()", 0, "any more"},

		// Too wide.
		{"T | summarize count() by bin(TimeGenerated, 32d)", 0, "no slice may be narrower"},
		{"T | summarize count() by bin(TimeGenerated, 400000d)", 0, "cannot be told from the text"},
		{"T | summarize count() by bin(TimeGenerated, 7d) | union (T | summarize count() by bin(TimeGenerated, 5d))", 7 * day, "no slice may be narrower"},
	} {
		j := check(pipeline.Query{Text: c.text}, false, nil)
		said := ""
		for _, p := range j.Problems {
			if !p.Warning {
				said += p.Detail
			}
		}
		if j.Atom != c.atom || (c.says == "") != (said == "") || !strings.Contains(said, c.says) {
			t.Errorf("check(%q) has the atom %v and says %q, want %v and %q", c.text, j.Atom, said, c.atom, c.says)
		}
	}
}

// TestAtomColumn takes the column that slices are cut on for the time.
func TestAtomColumn(t *testing.T) {
	q := pipeline.Query{Text: "T | summarize count() by bin(EventTime, 1h)", TimeColumn: "EventTime"}
	if j := check(q, false, nil); j.Atom != time.Hour || len(j.Problems) > 0 {
		t.Errorf("check(%q) by EventTime = %+v, want an hour", q.Text, j)
	}
	q.TimeColumn = "Other"
	if j := check(q, false, nil); j.Atom != 0 || len(j.Problems) == 0 {
		t.Errorf("check(%q) by Other = %+v, want a problem", q.Text, j)
	}
}

// TestLoose says for each text whether the result has to tell the rows of a
// slice.
func TestLoose(t *testing.T) {
	known := &catalog{tables: map[string]*tableInfo{"A": {Name: "A"}, "B": {Name: "B"}}, functions: map[string]bool{"F": true}}
	for _, c := range []struct {
		q     pipeline.Query
		known *catalog
		loose bool
	}{
		{pipeline.Query{Text: "A | union B"}, nil, false},
		{pipeline.Query{Text: "A | union B"}, known, false},
		{pipeline.Query{Text: "A | union F"}, nil, false}, // it may be a table
		{pipeline.Query{Text: "A | union F"}, known, true},
		{pipeline.Query{Text: "A | union Missing_CL"}, known, true},
		{pipeline.Query{Text: "A | where a == F(b)"}, nil, true},
		{pipeline.Query{Text: "union *"}, nil, true},
		{pipeline.Query{Text: "let A = A | where a; A"}, nil, true},
		{pipeline.Query{Text: "A", Plan: pipeline.Basic}, nil, true},
		{pipeline.Query{Text: "union * | where a between (slice_start .. slice_end)"}, nil, false},
	} {
		for _, whole := range []bool{false, true} {
			if j := check(c.q, whole, c.known); j.Loose != c.loose {
				t.Errorf("check(%q, whole %v) is loose: %v, want %v", c.q.Text, whole, j.Loose, c.loose)
			}
		}
		r, err := rewrite(c.q, testWindow, testCut, "", c.known)
		if err != nil || r.exact == c.loose {
			t.Errorf("rewrite(%q) is exact: %v, %v; want %v", c.q.Text, r.exact, err, !c.loose)
		}
	}
}

// TestEndsAssumed gives the author's word its due, whatever the window.
func TestEndsAssumed(t *testing.T) {
	q := pipeline.Query{Text: "_Im_Dns() | project a"}
	for _, whole := range []bool{false, true} {
		q.AssumeSliceable = false
		if p := check(q, whole, nil).Problems; len(p) == 0 || p[len(p)-1].Warning {
			t.Errorf("check(%q, whole %v) = %+v, want a refusal", q.Text, whole, p)
		}
		q.AssumeSliceable = true
		if p := check(q, whole, nil).Problems; len(p) == 0 || !p[len(p)-1].Warning {
			t.Errorf("check(%q, whole %v), assumed sliceable, = %+v, want warnings", q.Text, whole, p)
		}
	}
}

// TestCheckPlan refuses what the route of basic tables does not take.
func TestCheckPlan(t *testing.T) {
	for _, c := range []struct{ text, about string }{
		{"T | where a | extend b = 1 | project TimeGenerated, b", ""},
		{"let n = 5; T | where a > n | parse b with c", ""},
		{"T | summarize count() by bin(TimeGenerated, 1h)", ""},
		{"T | project join = a, TimeGenerated", ""},
		{"T | union A | lookup (datatable(a:string)['x']) on a", ""},
		{"T | join kind=inner (datatable(a:string)['x']) on a", "join"},
		{"find in (T) where a", "find"},
		{"search in (T) 'a'", "search"},
		{"let l = externaldata(a:string)['https://x']; T | where a in (l)", "externaldata"},
		{"workspace('w').T", "workspace"},
		{"T | extend b = GetOwner(a)", "GetOwner"},
		{"let f = (a:string) { tolower(a) }; T | extend b = f(a)", "let f"},
		{"T | where TimeGenerated > datetime(2026-01-01)", "TimeGenerated"},
		{"T | where a between (slice_start .. slice_end)", "slice_start"},
		{"T | union A, B, C, D, E, F", "F"},
	} {
		for _, plan := range []pipeline.TablePlan{pipeline.Basic, pipeline.Auxiliary} {
			for _, whole := range []bool{false, true} {
				about := ""
				for _, p := range check(pipeline.Query{Text: c.text, Plan: plan}, whole, nil).Problems {
					if p.Summary == "Not on this plan" && about == "" {
						about = c.text[p.Offset : p.Offset+p.Length]
					}
				}
				if about != c.about {
					t.Errorf("check(%q) for the plan %s is about %q, want %q", c.text, plan, about, c.about)
				}
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	s := &Source{workspace: strings.ToLower(testWorkspace)}
	base := pipeline.Query{Address: "query.a", Text: "T | where a == 'x y'"}
	want := s.Fingerprint(base)
	if !strings.HasPrefix(want, "fp1:") || len(want) != 4+64 {
		t.Errorf("fingerprint %q", want)
	}
	same := []pipeline.Query{
		{Text: "T|where a=='x y'"}, {Text: "// c\nT\r\n\t| where a == 'x y' // d"}, {Text: base.Text, TimeColumn: "TimeGenerated"}, {Text: "\ufeff" + base.Text},
	}
	for _, q := range same {
		if got := s.Fingerprint(q); got != want {
			t.Errorf("%q with %q differs", q.Text, q.TimeColumn)
		}
	}
	other := []pipeline.Query{
		{Text: "T | where a == 'xy'"}, {Text: "T | where a == \"x y\""}, {Text: "T | wherea == 'x y'"}, {Text: base.Text, TimeColumn: "Other"}, {Text: ""},
	}
	for _, q := range other {
		if got := s.Fingerprint(q); got == want {
			t.Errorf("%q with %q is the same", q.Text, q.TimeColumn)
		}
	}
	if got := (&Source{workspace: "other"}).Fingerprint(base); got == want {
		t.Error("another workspace has the same fingerprint")
	}
	further := func(others ...string) string { return fingerprint(base, testWorkspace, others) }
	if further() != want || further("b", "A", "a") != further("a", "B") || further("a") == want || further("a") == further("b") {
		t.Error("additional workspaces do not count as a set")
	}
	basic := base
	basic.Plan = pipeline.Basic
	auxiliary := base
	auxiliary.Plan = pipeline.Auxiliary
	if s.Fingerprint(basic) == want || s.Fingerprint(basic) != s.Fingerprint(auxiliary) {
		t.Error("the route does not count")
	}
	// What is written in ledgers must keep its meaning.
	if want != "fp1:"+fingerprintOfBase {
		t.Errorf("fingerprint of the base query is %s", want)
	}
}

const fingerprintOfBase = "f5a7025f4adce7ab8db3e01abfbb8277f21a2f877c0efb630a8a2c7e9cce7c65"
