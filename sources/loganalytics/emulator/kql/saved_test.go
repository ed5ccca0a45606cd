package kql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

// library is a database with saved functions and with neighbours.
type library struct {
	memory
	functions map[string]string
	others    map[string]Database
}

func (l library) Function(name string) (parameters, body string, ok bool) {
	text, ok := l.functions[name]
	if !ok {
		return "", "", false
	}
	parameters, body, err := SplitFunction(text)
	return parameters, body, err == nil
}

var errNoWorkspace = errors.New("there is no such workspace")

func (l library) Workspace(name string) (Database, error) {
	db, ok := l.others[name]
	if !ok {
		return nil, errNoWorkspace
	}
	return db, nil
}

func withLibrary(t testing.TB) library {
	other := sample(t)
	other["E"].Rows = other["E"].Rows[:2]
	return library{sample(t), map[string]string{
		"Recent":        "E | where n >= 3",
		"ByComputer":    "(name:string, least:long = 1) { E | where Computer == name and n >= least }",
		"Twice":         "(x:long) { x * 2 }",
		"Nested":        "let T = Recent; T | where n < 5",
		"Above":         "(T:(n:long), least:long) { T | where n > least }",
		"Loop":          "Loop | take 1",
		"Ping":          "Pong()",
		"Pong":          "Ping()",
		"_GetWatchlist": "(alias:string) { datatable(list:string, key:string)['vip','a', 'vip','c', 'other','b'] | where list == alias }",
	}, map[string]Database{"x": other}}
}

func TestSavedFunctions(t *testing.T) {
	db := withLibrary(t)
	for _, c := range [][2]string{
		{"Recent | project n", "n | 3 | 4 | 5"},
		{"Recent() | count", "Count | 3"},
		{"ByComputer('a') | project n", "n | 3"},
		{"ByComputer('a', 0) | project n", "n | 0 | 3"},
		{"E | where n == Twice(2) | project n", "n | 4"},
		{"Nested | project n", "n | 3 | 4"},
		{"union withsource=s Recent, (E | where n == 0) | project s, n", "s,n | 'Recent',3 | 'Recent',4 | 'Recent',5 | 'E',0"},
		{"ByComputer(least = 2, name = 'a') | project n", "n | 3"},
		{"ByComputer('a', least = 0) | project n", "n | 0 | 3"},
		{"print strlen2 = toint(x = '12')", "strlen2 | 12"},
		{"E | where n > 1 | invoke Above(4) | project n", "n | 5"},
		{"let f = (T:(n:long), least:long = 4) { T | where n >= least }; E | invoke f() | project n", "n | 4 | 5"},
		{"let f = (T:(*)) { T | count }; f(T = E)", "Count | 6"},
		// What a query calls E is nothing to a function.
		{"let E = E | where n == 4; Recent | project n", "n | 3 | 4 | 5"},
		{"let n = 0; let Computer = 'b'; Recent | count", "Count | 3"},
		// A let comes before a function of the same name.
		{"let Recent = E | where n == 1; Recent | project n", "n | 1"},
		{"E | where Computer in ((_GetWatchlist('vip') | project key)) | project n", "n | 0 | 2 | 3 | 5"},
	} {
		r, err := Evaluate(context.Background(), c[0], db, Options{Now: now})
		if err != nil {
			t.Errorf("%s: %v", c[0], err)
		} else if got := show(r.Tables[0]); got != c[1] {
			t.Errorf("%s\n  got  %s\n  want %s", c[0], got, c[1])
		}
	}
	for _, c := range [][2]string{
		{"Loop", "named 'Loop'"}, {"Ping()", "Unknown function: 'Ping'"},
		{"ByComputer()", "expects 2 argument(s)"}, {"ByComputer(other = 'a')", "expects 2 argument(s)"},
		{"ByComputer('a', name = 'a')", "expects 2 argument(s)"}, {"ByComputer('a', 1, 2)", "expects 2 argument(s)"},
		{"E | invoke nothing()", "Unknown function: 'nothing'"}, {"E | invoke", "could not be parsed"}, {"let f = 1; E | where n == Recent", "scalar expression named 'Recent'"},
	} {
		if _, err := Evaluate(context.Background(), c[0], db, Options{Now: now}); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: got error %v, want %s", c[0], err, c[1])
		}
	}
}

func TestSplitFunction(t *testing.T) {
	for _, c := range [][3]string{
		{"T | take 1", "", "T | take 1"},
		{"(a:string, b:(*)) { b | where x == a }", "a:string, b:(*)", " b | where x == a "},
		{"(T | take 1)", "", "(T | take 1)"},
		{"// a comment\nT", "", "// a comment\nT"},
		{"T // a comment", "", "T // a comment"},
	} {
		parameters, body, err := SplitFunction(c[0])
		if err != nil || parameters != c[1] || body != c[2] {
			t.Errorf("%q: got %q, %q, %v; want %q, %q", c[0], parameters, body, err, c[1], c[2])
		}
	}
	for _, text := range []string{"", "T |", "(a:string) { T", "(a:nothing) { T }", "(a:string) { T } x"} {
		if _, _, err := SplitFunction(text); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}

func TestOtherWorkspaces(t *testing.T) {
	db := withLibrary(t)
	start := tick(t, "2026-01-01")
	for query, want := range map[string]string{
		"workspace('x').E | count":                              "Count | 2",
		"union E, workspace('x').E | count":                     "Count | 7",
		"union E, (workspace('x').E | where n == 1) | count":    "Count | 6",
		"let E = E | where n == 0; workspace('x').E | count":    "Count | 2",
		"let w = workspace('x').E; w | summarize max(n)":        "max_n | 1",
		"E | join kind=inner workspace('x').E on n | project n": "n | 0 | 1",
	} {
		o := Options{Now: now, Interval: &Interval{Start: start, End: start + pipeline.Tick(ticksPerDay)}}
		r, err := Evaluate(context.Background(), query, db, o)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		} else if got := show(r.Tables[0]); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	if _, err := Evaluate(context.Background(), "workspace('y').E", db, Options{Now: now}); !errors.Is(err, errNoWorkspace) {
		t.Errorf("unknown workspace: got %v", err)
	}
	if _, err := Evaluate(context.Background(), "workspace('x').Nothing", db, Options{Now: now}); err == nil || !strings.Contains(err.Error(), "named 'Nothing'") {
		t.Errorf("unknown table: got %v", err)
	}
}

// TestSearchRules: on that route the ranges of request and query are united, or
// the query's does not count.
func TestSearchRules(t *testing.T) {
	hour := func(n float64) pipeline.Tick { return tick(t, "2026-01-01") + pipeline.Tick(n*float64(ticksPerHour)) }
	early := &Interval{Start: hour(0), End: hour(0.5)} // n of 0 and 1
	for _, c := range []struct {
		query    string
		interval *Interval
		union    bool
		want     string
	}{
		{"E", early, true, "0,1"},
		{"E", early, false, "0,1"},
		{"E", nil, false, "0,1,2,3,4,5"},
		{"E | where TimeGenerated >= datetime(2026-01-01T01:30:00Z)", early, true, "0,1,3,4"},
		{"E | where TimeGenerated >= datetime(2026-01-01T01:30:00Z)", early, false, "0,1"},
		{"E | where TimeGenerated >= datetime(2026-01-01T01:30:00Z)", nil, true, "3,4"},
		{"E | where TimeGenerated >= datetime(2026-01-01T01:30:00Z)", nil, false, "0,1,2,3,4,5"},
		{"let a = datetime(2026-01-01T01:00:00Z); E | where TimeGenerated > a and datetime(2026-01-01T02:00:00Z) > TimeGenerated and n < 9", early, true, "0,1,3"},
		{"E | where TimeGenerated between (datetime(2026-01-01T01:00:00Z) .. datetime(2026-01-01T01:30:00Z)) | where n != 2", early, true, "0,1,3"},
		{"E | where TimeGenerated == datetime(2026-01-01T01:00:00Z)", early, true, "0,1,2"},
		// Behind another operator it is an ordinary condition.
		{"E | extend x = 1 | where TimeGenerated < datetime(2026-01-01T00:30:00Z)", early, true, "0"},
		{"E | where n > 0 and (TimeGenerated < datetime(2026-01-01) or n == 1)", early, true, "1"},
	} {
		o := Options{Now: now, Interval: c.interval, Search: &SearchRules{Union: c.union}}
		r, err := Evaluate(context.Background(), c.query+" | summarize strcat_array(make_list(n), ',')", sample(t), o)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
		} else if got := r.Tables[0].Rows[0][0]; got != c.want {
			t.Errorf("%s, union %v: got %v, want %s", c.query, c.union, got, c.want)
		}
	}
	for _, query := range []string{
		"E | join E on n", "search 'a'", "E | search 'a'", "let f = () { E }; f", "workspace('x').E", "externaldata(a:string)['b']",
	} {
		_, err := Evaluate(context.Background(), query, withLibrary(t), Options{Now: now, Search: &SearchRules{}})
		if err == nil || !strings.Contains(err.Error(), "Basic") {
			t.Errorf("%s: got %v, want a refusal", query, err)
		}
	}
}

func TestSettings(t *testing.T) {
	checkQueries(t, [][2]string{
		{"set query_take_max_records = 2; E | project n", "n | 0 | 1"},
		{"set query_take_max_records = 99; E | count", "Count | 6"},
		{"set notruncation; E | count", "Count | 6"},
		{"set best_effort = true; union E, Missing | count", "Count | 6"},
		{"set best_effort; union E, Missing | count", "Count | 6"},
	})
	if _, err := run(t, "set best_effort = false; union E, Missing"); err == nil {
		t.Error("a leg that is missing: got no error")
	}
	if got := must(run(t, "union E, (E | where n == 0), U")).Scanned; got != 14 {
		t.Errorf("scanned: got %d rows, want 14", got)
	}
}

// partOf is the condition by which exports divide what lies in one tick.
func partOf(prefix string) string {
	return fmt.Sprintf(`| where substring(hash_sha256(iff(isempty(column_ifexists("_ItemId", "")), tostring(pack_all()), `+
		`tostring(column_ifexists("_ItemId", "")))), 0, %d) == "%s"`, len(prefix), prefix)
}

// anything is a table of random rows, some of them equal, with ids, with empty
// ids, or without such a column.
func anything(r *rand.Rand, rows, ids int) *Table {
	t := &Table{Name: "A", Columns: []Column{
		{Name: "s", Type: pipeline.String}, {Name: "n", Type: pipeline.Long}, {Name: "f", Type: pipeline.Real},
		{Name: "d", Type: pipeline.Dynamic}, {Name: "Hidden", Type: pipeline.Long, Hidden: true},
	}}
	if ids > 0 {
		t.Columns = append(t.Columns, Column{Name: "_ItemId", Type: pipeline.String, Hidden: true})
	}
	texts := []string{"", "plain", "quote\" and \\", "Grüße \u2028", "line\n", "\xff"}
	for i := range rows {
		row := []Value{texts[r.IntN(len(texts))], Value(int64(r.IntN(9))), Value(float64(r.IntN(3)) / 2), Dynamic(`{"a":[1,"b"]}`), int64(i)}
		if r.IntN(5) == 0 {
			row[1], row[3] = nil, Dynamic("bare")
		}
		switch ids {
		case 1:
			row = append(row, fmt.Sprintf("id-%d", i))
		case 2: // some rows have none
			row = append(row, strings.Repeat(fmt.Sprint(i), r.IntN(2)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// TestHashParts: parts by the prefix of a hash are disjoint and complete, one
// digit deeper too, whether rows have an id or not.
func TestHashParts(t *testing.T) {
	const digits = "0123456789abcdef"
	for ids := range 3 {
		r := rand.New(rand.NewPCG(uint64(ids), 3))
		db := memory{"A": anything(r, 400, ids)}
		parts := make(map[string]int) // by prefix
		seen := make(map[Value]int)
		for _, first := range digits {
			for _, row := range evaluate(t, db, "A "+partOf(string(first))+" | project Hidden") {
				seen[row[0]]++
				parts[string(first)]++
			}
		}
		for i := range 400 {
			if seen[int64(i)] != 1 {
				t.Errorf("ids %d: row %d is in %d parts, want 1", ids, i, seen[int64(i)])
			}
		}
		for _, first := range digits[:4] {
			sum := 0
			for _, second := range digits {
				sum += len(evaluate(t, db, "A "+partOf(string(first)+string(second))))
			}
			if sum != parts[string(first)] {
				t.Errorf("ids %d: the parts of %c hold %d rows, want %d", ids, first, sum, parts[string(first)])
			}
		}
		if len(parts) < 10 {
			t.Errorf("ids %d: all rows lie in %d parts of 16", ids, len(parts))
		}
	}
}

// TestKnownHashes: texts whose SHA-256 and MD5 other programs gave.
func TestKnownHashes(t *testing.T) {
	checkValues(t, [][2]string{
		{"hash_sha256('World')", "string 78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524"},
		{"hash_sha256('')", "string e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"hash_md5('World')", "string f5a7924e621e84c9280a9a27e1bcb7f6"},
		{"substring(hash_sha256('World'), 0, 2) == '78'", "bool true"},
	})
	checkQueries(t, [][2]string{
		{"U | project p = tostring(pack_all())", `p | '{"Computer":"b","Tags":"tag","only":7}' | '{"Computer":"z","Tags":"","only":null}'`},
		{"U | project p = tostring(pack_all(true))", `p | '{"Computer":"b","Tags":"tag","only":7}' | '{"Computer":"z"}'`},
		{"U | extend id = column_ifexists('_ItemId', 'none') | project id", "id | 'none' | 'none'"},
		{"E | where column_ifexists('_ItemId', '') == 'id3' | project n", "n | 3"},
	})
}

func BenchmarkHashParts(b *testing.B) {
	for ids, name := range []string{"columns", "ids"} {
		db := memory{"A": anything(rand.New(rand.NewPCG(1, 1)), 100_000, ids)}
		query := "A " + partOf("3f") + " | count"
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				evaluate(b, db, query)
			}
		})
	}
}
