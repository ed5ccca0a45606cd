package loganalytics

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

func at(text string) time.Time {
	tick, err := pipeline.ParseTime(text)
	if err != nil {
		panic(err)
	}
	return tick.Time()
}

var (
	testWindow = pipeline.Window{Start: at("2026-01-01T00:00:00Z"), End: at("2026-01-01T01:00:00.0000001Z")}
	testCut    = pipeline.Cut{To: at("2026-01-02T00:00:00Z")}
)

const (
	testWhere = " | where TimeGenerated >= datetime(2026-01-01T00:00:00.0000000Z) and TimeGenerated < datetime(2026-01-01T01:00:00.0000001Z)"
	testSpan  = "2025-12-31T23:59:59.0000000Z/2026-01-01T01:00:01.0000001Z"
)

// TestReads says for each text which names are shadowed, and whether the
// window is exact.
func TestReads(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  string
		exact bool
	}{
		{"SecurityEvent", "SecurityEvent", true},
		{"SecurityEvent;", "SecurityEvent", true},
		{"// c\nSecurityEvent | where Operation == 'x' // Usage", "SecurityEvent", true},
		{"['My Table'] | take 1", "My Table", true},
		{`["T"] | take 1`, "T", true},
		{"(T)", "T", true},
		{"((T | where x) | where y)", "T", true},
		{"let n = 5; T | where a > n", "T", true},
		{"let b = true; let c = b; T | where b", "T", true},
		{"let x = T; x | where y", "T", true},
		{"let x = T | where a; U | join (x) on k", "T,U", true},
		{"let x = materialize(T | where a); x", "T", true},
		{"let x = materialize(T); x", "T", true},
		{"let x = toscalar(T | summarize max(a)); U | where b > x", "T,U", true},
		{"let f = (a:string) { T | where b == a }; f('x')", "T", true},
		{"let f = () { T }; f()", "T", true},
		{"let f = view () { T | where x }; f", "T", true},
		{"let f = (a:string) { tolower(a) }; T | extend b = f(c)", "T", true},
		{"let f = (t:(a:string)) { t | where a }; T | invoke f()", "T", true},
		{"union A, B, (C | where x)", "A,B,C", true},
		{"union kind=outer isfuzzy=true withsource=S A, B | where x", "A,B", true},
		{"A | union B, ['C d'] | where x", "A,B,C d", true},
		{"A | join kind=inner B on k", "A,B", true},
		{"A | join kind=inner hint.strategy=broadcast (B | where x) on $left.a == $right.b", "A,B", true},
		{"A | lookup (B) on k", "A,B", true},
		{"A | where x in (B | project y)", "A,B", true},
		{"A | where x in ((B | project y))", "A,B", true},
		{"A | where x in ('a', 'b')", "A", true},
		{"let l = dynamic(['a']); A | where x in (l)", "A", true},
		{"A | where x in (B)", "A", false},
		{"A | mv-apply x on (where y | summarize count())", "A", true},
		{"A | partition by k (top 3 by x | extend y = 1)", "A", true},
		{"A | fork (count) (take 1)", "A", true},
		{"A | summarize arg_max(x, *) by Computer, bin(T, 1h)", "A", true},
		{"A | where (isActive) and (b | c)", "A,b", true},
		{"search in (A, B) 'x'", "A,B", true},
		{"find in (A, B) where x == 1", "A,B", true},
		{"print 1", "", true},
		{"datatable(a:string)['x']", "", true},
		{"range x from 1 to 5 step 1", "", true},
		{"A | where x == toscalar(B | count)", "A,B", true},
		{"A | as X; X", "A", true},
		{"search 'x'", "", false},
		{"find where x == 1", "", false},
		{"union *", "", false},
		{"union A*, B", "B", false},
		{"workspace('w').T | where x", "", false},
		{"table('T')", "", false},
		{"adx('c/d').T", "", false},
		{"_Im_Dns(starttime=a) | where x", "", false},
		{"let x = imDns(); x | where y", "", false},
		{"let T = T | where a; T | where b", "", false},
		{"let T = materialize(T | where a); union T, U", "U", false},
		{"U | join T on k; let T = 5", "U", false},
		{"let w = _GetWatchlist('x') | project y; A | where z in (w)", "A", true},
		{"A | invoke FileProfile()", "A", false},
	} {
		r, err := rewrite(pipeline.Query{Text: c.text}, testWindow, pipeline.Cut{}, "", nil)
		if err != nil {
			t.Errorf("rewrite(%q): %v", c.text, err)
			continue
		}
		if got := strings.Join(r.tables, ","); got != c.want || r.exact != c.exact {
			t.Errorf("rewrite(%q) shadows %q, exact %v; want %q, %v", c.text, got, r.exact, c.want, c.exact)
		}
	}
}

func TestRewrite(t *testing.T) {
	early := at("2025-12-31T00:00:00Z")
	for _, c := range []struct {
		name, text, column string
		cut                pipeline.Cut
		want               string
	}{
		{"plain", "T | take 1", "", pipeline.Cut{}, "let T = T" + testWhere + ";\nT | take 1"},
		{"quoted", "['a b']", "", pipeline.Cut{}, "let ['a b'] = ['a b']" + testWhere + ";\n['a b']"},
		{"cut", "T", "", testCut,
			"let T = T" + testWhere + " | where isnull(ingestion_time()) or ingestion_time() < datetime(2026-01-02T00:00:00.0000000Z);\nT"},
		{"late rows", "T", "", pipeline.Cut{From: early, To: testCut.To},
			"let T = T" + testWhere + " | where ingestion_time() >= datetime(2025-12-31T00:00:00.0000000Z) and ingestion_time() < datetime(2026-01-02T00:00:00.0000000Z);\nT"},
		{"no upper cut", "T", "", pipeline.Cut{From: early},
			"let T = T" + testWhere + " | where ingestion_time() >= datetime(2025-12-31T00:00:00.0000000Z);\nT"},
		{"set first", "set a = 1;\nset b=2; T", "", pipeline.Cut{}, "set a = 1;\nset b=2;\nlet T = T" + testWhere + ";\n T"},
		{"bounds", "T | where X between (slice_start .. slice_end)", "", testCut,
			"let slice_start = datetime(2026-01-01T00:00:00.0000000Z);\nlet slice_end = datetime(2026-01-01T01:00:00.0000001Z);\nT | where X between (slice_start .. slice_end)"},
		{"own bounds", "let slice_start = 1; let slice_end = 2; T", "", pipeline.Cut{}, "let T = T" + testWhere + ";\nlet slice_start = 1; let slice_end = 2; T"},
		{"other column", "T", "Event Time", pipeline.Cut{}, "let T = T" + strings.ReplaceAll(testWhere, "TimeGenerated", "['Event Time']") + ";\nT"},
		{"no table", "print 1", "", testCut, "print 1"},
		{"byte order mark", "\ufeffT", "", pipeline.Cut{}, "let T = T" + testWhere + ";\nT"},
	} {
		r, err := rewrite(pipeline.Query{Text: c.text, TimeColumn: c.column}, testWindow, c.cut, "", nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if r.text != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, r.text, c.want)
		}
		want := testSpan
		if c.column != "" {
			want = ""
		}
		if r.timespan != want {
			t.Errorf("%s: timespan %q, want %q", c.name, r.timespan, want)
		}
	}
}

func TestRewriteRefuses(t *testing.T) {
	late := pipeline.Cut{From: at("2025-12-31T00:00:00Z"), To: testCut.To}
	for _, text := range []string{"T | where a between (slice_start .. slice_end)", "search 'x'", "imDns()"} {
		if _, err := rewrite(pipeline.Query{Text: text}, testWindow, late, "", nil); err == nil {
			t.Errorf("rewrite(%q) for late rows succeeds, want an error", text)
		}
	}
	for _, text := range []string{"T | where (a", "T | where a == 'x", "T)"} {
		if _, err := rewrite(pipeline.Query{Text: text}, testWindow, testCut, "", nil); !errors.Is(err, pipeline.ErrQuery) {
			t.Errorf("rewrite(%q) = %v, want ErrQuery", text, err)
		}
	}
}

// testCatalog is a workspace with a table that keeps another time, one without
// any, and one whose name is also a column's.
func testCatalog() *catalog {
	column := func(name string, kind pipeline.Type) pipeline.Column { return pipeline.Column{Name: name, Type: kind} }
	table := func(name, time string, more ...string) *tableInfo {
		t := &tableInfo{Name: name, TimeColumn: time, Columns: pipeline.Schema{column(time, pipeline.Datetime)}}
		for _, c := range more {
			t.Columns = append(t.Columns, column(c, pipeline.Datetime))
		}
		return t
	}
	return &catalog{tables: map[string]*tableInfo{
		"T":         table("T", "TimeGenerated", "EventTime"),
		"U":         table("U", "TimeGenerated", "EventTime"),
		"My Table":  table("My Table", "TimeGenerated"),
		"Operation": table("Operation", "TimeGenerated"),
		"requests":  table("requests", "timestamp", "EventTime"),
	}, functions: map[string]bool{"Parser": true}}
}

// TestRewriteByCatalog says for each text which tables are shadowed by which
// column.
func TestRewriteByCatalog(t *testing.T) {
	for _, c := range []struct {
		text, column string
		want         string // of the shadows; "" is none
		timespan     bool   // it is sent
		exact        bool
	}{
		{"T", "", "T.TimeGenerated", true, true},
		{"T | union requests", "", "T.TimeGenerated requests.timestamp", true, true},
		{"T | where Operation == 'Usage' // U", "", "T.TimeGenerated Operation.TimeGenerated", true, true},
		{"['My Table'] | where a.U == 1", "", "My Table.TimeGenerated", true, true},
		{"union isfuzzy=true T, Missing_CL", "", "T.TimeGenerated", true, false},
		{"Parser | union T", "", "T.TimeGenerated", true, false},
		{"let U = U | where a; T | union U", "", "T.TimeGenerated", true, false},
		{"let f = (U:string) { T | where a == U }; f('x')", "", "U.TimeGenerated T.TimeGenerated", true, true},
		{"T | where a in (U)", "", "T.TimeGenerated U.TimeGenerated", true, false},
		{"T | union U", "EventTime", "T.EventTime U.EventTime", false, true},
		{"T | where Operation == 'x'", "EventTime", "T.EventTime", false, true},
		{"requests", "timestamp", "requests.timestamp", true, true},
		{"requests", "EventTime", "requests.EventTime", false, true},
	} {
		r, err := rewrite(pipeline.Query{Text: c.text, TimeColumn: c.column}, testWindow, pipeline.Cut{}, "", testCatalog())
		if err != nil {
			t.Errorf("rewrite(%q): %v", c.text, err)
			continue
		}
		want := ""
		for _, one := range strings.Split(c.want, " ") {
			if name, column, ok := strings.Cut(strings.Replace(one, "My", "My Table", 1), "."); ok {
				want += "let " + columnName(name) + " = " + columnName(name) + strings.ReplaceAll(testWhere, "TimeGenerated", column) + ";\n"
			}
		}
		if strings.HasPrefix(c.want, "My Table") {
			want = "let ['My Table'] = ['My Table']" + testWhere + ";\n"
		}
		if r.text != want+c.text || (r.timespan != "") != c.timespan || r.exact != c.exact {
			t.Errorf("rewrite(%q by %q), timespan %q, exact %v:\n%s\nwant, timespan %v, exact %v:\n%s", c.text, c.column, r.timespan, r.exact, r.text, c.timespan, c.exact, want+c.text)
		}
	}
	for _, c := range []struct{ text, column, says string }{
		{"['My Table']", "EventTime", "the table My Table has no column EventTime"},
		{"requests | summarize count() by bin(TimeGenerated, 1h)", "", `set time_column = "timestamp"`},
	} {
		_, err := rewrite(pipeline.Query{Text: c.text, TimeColumn: c.column}, testWindow, pipeline.Cut{}, "", testCatalog())
		if !errors.Is(err, pipeline.ErrQuery) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("rewrite(%q by %q) = %v, want ErrQuery with %q", c.text, c.column, err, c.says)
		}
	}
}

func TestRewritePart(t *testing.T) {
	const where = ` | where substring(hash_sha256(iff(isempty(column_ifexists("_ItemId", "")), tostring(pack_all()), tostring(column_ifexists("_ItemId", "")))), 0, 2) == "a0"`
	r, err := rewrite(pipeline.Query{Text: "T | union U"}, testWindow, pipeline.Cut{}, "a0", nil)
	if want := "let T = T" + testWhere + where + ";\nlet U = U" + testWhere + where + ";\nT | union U"; err != nil || r.text != want {
		t.Errorf("%v:\n got %s\nwant %s", err, r.text, want)
	}
	for _, c := range []struct {
		q    pipeline.Query
		says string
	}{
		{pipeline.Query{Text: "union *"}, "more than plain tables"},
		{pipeline.Query{Text: "T | where a between (slice_start .. slice_end)"}, "slice_start"},
		{pipeline.Query{Text: "T", Plan: pipeline.Basic}, "basic"},
		{pipeline.Query{Text: "T | summarize count() by bin(TimeGenerated, 1h)"}, "aggregates by time"},
	} {
		if _, err := rewrite(c.q, testWindow, pipeline.Cut{}, "a0", nil); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("rewrite(%q) of a part = %v, want an error with %q", c.q.Text, err, c.says)
		}
		if _, err := rewrite(c.q, testWindow, pipeline.Cut{From: testCut.To}, "", nil); err == nil || !strings.Contains(err.Error(), `late = "replace"`) {
			t.Errorf("rewrite(%q) of late rows = %v, want an error with the way out", c.q.Text, err)
		}
	}
}

func TestRewriteSpan(t *testing.T) {
	const bounded = "T | where EventTime between (slice_start .. slice_end)"
	for _, c := range []struct {
		name string
		q    pipeline.Query
		want string
	}{
		{"own column", pipeline.Query{Text: "T", TimeSlack: time.Hour}, testSpan},
		{"another column", pipeline.Query{Text: "T", TimeColumn: "EventTime"}, ""},
		{"slack", pipeline.Query{Text: "T", TimeColumn: "EventTime", TimeSlack: time.Hour}, "2025-12-31T22:59:59.0000000Z/2026-01-01T02:00:01.0000001Z"},
		{"reach", pipeline.Query{Text: bounded, Reach: 24 * time.Hour}, "2025-12-30T23:59:59.0000000Z/2026-01-01T01:00:01.0000001Z"},
		{"reach and slack", pipeline.Query{Text: bounded, TimeColumn: "EventTime", TimeSlack: time.Hour, Reach: 24 * time.Hour},
			"2025-12-30T22:59:59.0000000Z/2026-01-01T02:00:01.0000001Z"},
		{"reach without bounds", pipeline.Query{Text: "T", Reach: 24 * time.Hour}, testSpan},
		{"basic", pipeline.Query{Text: "T", Plan: pipeline.Basic}, testSpan},
	} {
		r, err := rewrite(c.q, testWindow, testCut, "", nil)
		if err != nil || r.timespan != c.want {
			t.Errorf("%s: timespan %q, %v; want %q", c.name, r.timespan, err, c.want)
		}
	}
	if r, err := rewrite(pipeline.Query{Text: "T", Plan: pipeline.Auxiliary}, testWindow, testCut, "", testCatalog()); err != nil || r.text != "T" || r.exact {
		t.Errorf("an auxiliary table is read by %q, exact %v, %v; want its text alone, not exact", r.text, r.exact, err)
	}
}

func TestCountText(t *testing.T) {
	const lets = "let T = T" + testWhere + ";\n"
	for _, c := range []struct{ text, want string }{
		{"T", lets + "T | count"},
		{"T;", lets + "T | count;"},
		{"T // all", lets + "T | count // all"},
		{"T // all\n// of it", lets + "T | count // all\n// of it"},
		{"T | where a\n| render timechart with (kind=area) // c", lets + "T | where a\n | count // c"},
		{"let x = T | where a; // c\nx | sort by b;\n", lets + "let x = T | where a; // c\nx | sort by b | count;\n"},
		{"T | where s == 'a | render b;'", lets + "T | where s == 'a | render b;' | count"},
		{"set a=1;\nT", "set a=1;\nlet T = T" + testWhere + ";\n\nT | count"},
		{"F()", "F()" + testWhere + " | count"},
		{"F() | render table", "F() " + testWhere + " | count"},
		{"T | where a between (slice_start .. slice_end)",
			"let slice_start = datetime(2026-01-01T00:00:00.0000000Z);\nlet slice_end = datetime(2026-01-01T01:00:00.0000001Z);\nT | where a between (slice_start .. slice_end) | count"},
	} {
		r, err := countText(pipeline.Query{Text: c.text}, testWindow, pipeline.Cut{}, "", nil)
		if err != nil || r.text != c.want {
			t.Errorf("countText(%q): %v\n got %s\nwant %s", c.text, err, r.text, c.want)
		}
	}
	for _, text := range []string{"", "let x = 1;", "T; U", "T | where (a"} {
		if _, err := countText(pipeline.Query{Text: text}, testWindow, testCut, "", nil); !errors.Is(err, pipeline.ErrQuery) {
			t.Errorf("countText(%q) = %v, want ErrQuery", text, err)
		}
	}
}

func TestWider(t *testing.T) {
	first, last := pipeline.Tick(0).Time(), pipeline.MaxTick.Time()
	for _, c := range []struct {
		w    pipeline.Window
		want string
	}{
		{testWindow, testSpan},
		{pipeline.Window{Start: first, End: last}, "0001-01-01T00:00:00.0000000Z/9999-12-31T23:59:59.9999999Z"},
	} {
		if got := wider(c.w); got != c.want {
			t.Errorf("wider(%v) = %s, want %s", c.w, got, c.want)
		}
	}
}

// TestAuthor finds the place of a mark in the text that is sent and expects
// its place in the author's.
func TestAuthor(t *testing.T) {
	for _, text := range []string{
		"T | where § > 1",
		"T\n| where § > 1",
		"set a=1; T | where §",
		"set a=1;\nset b=2; T\n| where §",
		"set a=§; T",
		"let x = 1;\n\nunion A, B\n| where §",
		"print §",
	} {
		r, err := rewrite(pipeline.Query{Text: text}, testWindow, testCut, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		wantLine, wantPos := placeOf(text, "§")
		line, pos := placeOf(r.text, "§")
		if l, p, ok := r.author(line, pos); !ok || l != wantLine || p != wantPos {
			t.Errorf("%q: [%d,%d] is [%d,%d] %v, want [%d,%d]", text, line, pos, l, p, ok, wantLine, wantPos)
		}
	}
	r, err := rewrite(pipeline.Query{Text: "set a=1; T"}, testWindow, testCut, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if l, p, ok := r.author(2, 5); ok {
		t.Errorf("a place in the added line is [%d,%d], want none", l, p)
	}
}

func placeOf(text, mark string) (line, pos int) {
	before, _, _ := strings.Cut(text, mark)
	return 1 + strings.Count(before, "\n"), 1 + len(before) - (strings.LastIndexByte(before, '\n') + 1)
}

// TestReadsOfPublishedQueries holds the names that are shadowed against the
// tables that a full parser finds.
func TestReadsOfPublishedQueries(t *testing.T) {
	for _, q := range corpus(t) {
		if q.Slicing == "unparsed" || q.Dialect != "log-analytics" {
			continue
		}
		script := newScript(q.Query)
		if script.odd >= 0 {
			t.Errorf("%s: unbalanced at %q", q.ID, script.at(script.odd))
			continue
		}
		w := walk(script)
		names := w.tables()
		for _, table := range q.Tables {
			if table == "Event" && q.Unresolved {
				continue // the parser takes a column of a table it does not know for one
			}
			if !slices.Contains(names, table) && len(w.loose) == 0 && len(w.shadowed()) == 0 {
				t.Errorf("%s: the read of %s is missed in\n%s", q.ID, table, q.Query)
			}
		}
		for _, name := range names {
			// A leg of a fuzzy union may be missing, so the parser says nothing.
			if !q.Unresolved && !strings.Contains(q.Query, "isfuzzy") && !slices.Contains(q.Tables, name) {
				t.Errorf("%s: %s is taken for a table in\n%s", q.ID, name, q.Query)
			}
		}
	}
}
