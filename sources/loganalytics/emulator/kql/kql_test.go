package kql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

// memory is a database for tests.
type memory map[string]*Table

func (m memory) Table(name string) (*Table, bool) {
	t, ok := m[name]
	return t, ok
}

func (m memory) Tables() []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func tick(t testing.TB, s string) pipeline.Tick {
	t.Helper()
	at, ok := parseDatetime(s)
	if !ok {
		t.Fatalf("%q is not a datetime", s)
	}
	return at
}

// sample holds a table E with hidden columns, one row of it without a time,
// and a table U whose column Tags has another type.
func sample(t testing.TB) memory {
	day := tick(t, "2026-01-01")
	e := &Table{Name: "E", Columns: []Column{
		{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Computer", Type: pipeline.String},
		{Name: "n", Type: pipeline.Long}, {Name: "Tags", Type: pipeline.Dynamic},
		{Name: "_ItemId", Type: pipeline.String, Hidden: true}, {Name: IngestionColumn, Type: pipeline.Datetime, Hidden: true},
	}}
	for i := range 6 {
		e.Rows = append(e.Rows, []Value{
			day + pipeline.Tick(i)*pipeline.Tick(ticksPerHour/2), string(rune('a' + i%3)), int64(i),
			Dynamic(fmt.Sprintf(`{"k":%d,"s":"v%d","l":[1,"x"]}`, i, i)), fmt.Sprintf("id%d", i), day + pipeline.Tick(ticksPerDay),
		})
	}
	e.Rows[5][0] = nil
	e.Rows[4][3] = Dynamic("bare")
	u := &Table{Name: "U", Columns: []Column{{Name: "Computer", Type: pipeline.String}, {Name: "Tags", Type: pipeline.String}, {Name: "only", Type: pipeline.Int}},
		Rows: [][]Value{{"b", "tag", int32(7)}, {"z", "", nil}}}
	return memory{"E": e, "U": u, "Empty": {Name: "Empty", Columns: e.Columns}}
}

// show writes a table as one line: names and types, then rows.
func show(t *Table) string {
	var b strings.Builder
	for i, c := range t.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(c.Name)
	}
	for _, row := range t.Rows {
		b.WriteString(" | ")
		for i, v := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			switch v := v.(type) {
			case nil:
				b.WriteString("null")
			case string:
				b.WriteString("'" + v + "'")
			case pipeline.Tick:
				s := strings.TrimSuffix(text(v), "Z")
				for _, zero := range []string{".0000000", ":00", "T00:00"} {
					s = strings.TrimSuffix(s, zero)
				}
				b.WriteString(s)
			default:
				b.WriteString(text(v))
			}
		}
	}
	return b.String()
}

var now = pipeline.Tick(ticksPerDay * 739_999)

func run(t testing.TB, query string) (*Result, error) {
	t.Helper()
	return Evaluate(context.Background(), query, sample(t), Options{Now: now})
}

// checkQueries runs pairs of a query and what show writes of its only table.
func checkQueries(t *testing.T, cases [][2]string) {
	t.Helper()
	for _, c := range cases {
		r, err := run(t, c[0])
		if err != nil {
			t.Errorf("%s\n  got error %v", c[0], err)
			continue
		}
		if len(r.Tables) != 1 {
			t.Errorf("%s\n  got %d tables, want 1", c[0], len(r.Tables))
			continue
		}
		checkTypes(t, c[0], r.Tables[0])
		if got := show(r.Tables[0]); got != c[1] {
			t.Errorf("%s\n  got  %s\n  want %s", c[0], got, c[1])
		}
	}
}

// checkTypes: each cell has the Go type of its column, and no column is hidden.
func checkTypes(t testing.TB, query string, table *Table) {
	t.Helper()
	for i, c := range table.Columns {
		if c.Hidden || !c.Type.Valid() {
			t.Errorf("%s\n  column %+v", query, c)
		}
		for _, row := range table.Rows {
			if len(row) != len(table.Columns) || !fits(row[i], c.Type) {
				t.Errorf("%s\n  row %v does not fit column %d, %+v", query, row, i, c)
				return
			}
		}
	}
}

// checkValues prints expressions: the value as text with its type in front.
func checkValues(t *testing.T, cases [][2]string) {
	t.Helper()
	for _, c := range cases {
		r, err := run(t, "print "+c[0])
		if err != nil {
			t.Errorf("%s\n  got error %v", c[0], err)
			continue
		}
		checkTypes(t, c[0], r.Tables[0])
		v := r.Tables[0].Rows[0][0]
		got := string(r.Tables[0].Columns[0].Type) + " " + text(v)
		if v == nil {
			got += "null"
		}
		if got != c[1] {
			t.Errorf("%s\n  got  %s\n  want %s", c[0], got, c[1])
		}
	}
}

func TestOperators(t *testing.T) {
	checkQueries(t, [][2]string{
		{"E | where n > 3 | project n", "n | 4 | 5"},
		{"E | where TimeGenerated >= datetime(2026-01-01T01:00:00Z) and TimeGenerated < datetime(2026-01-01T02:00) | project n", "n | 2 | 3"},
		{"E | where TimeGenerated between (datetime(2026-01-01) .. datetime(2026-01-01 01:00)) | count", "Count | 3"},
		{"E | where TimeGenerated !between (datetime(2026-01-01) .. datetime(2026-01-01 01:00)) | count", "Count | 2"},
		{"E | take 2 | project-away Tags, Comp*", "TimeGenerated,n | 2026-01-01,0 | 2026-01-01T00:30,1"},
		{"E | project-keep n, C* | limit 1", "Computer,n | 'a',0"},
		{"E | project-reorder n, Tags | take 1 | project-away Tags", "n,TimeGenerated,Computer | 0,2026-01-01,'a'"},
		{"E | project-rename id = _ItemId, Host = Computer | project Host, id | take 1", "Host,id | 'a','id0'"},
		{"E | extend n = n * 2, m = n | project-away T* | take 2", "Computer,n,m | 'a',0,0 | 'b',2,1"},
		{"E | top 2 by n | project n", "n | 5 | 4"},
		{"E | sort by Computer asc, n | project n", "n | 3 | 0 | 4 | 1 | 5 | 2"},
		{"E | order by TimeGenerated | project n", "n | 4 | 3 | 2 | 1 | 0 | 5"},
		{"E | order by TimeGenerated asc | take 2 | project n", "n | 5 | 0"},
		{"E | order by TimeGenerated asc nulls last | take 1 | project n", "n | 0"},
		{"E | distinct Computer", "Computer | 'a' | 'b' | 'c'"},
		{"E | distinct *\n| count // the end", "Count | 6"},
		{"Empty | count", "Count | 0"},
		{"Empty | project n", "n"},
		{"['E'] | count", "Count | 6"},
		{"(E | where n == 1) | project n;", "n | 1"},
		{"E | render timechart with (title='a | b') ", show(must(run(t, "E")).Tables[0])},
		{"E | as X | count", "Count | 6"},
		{"datatable(a:long, b:string)[1, 'x', 2, \"y\",]", "a,b | 1,'x' | 2,'y'"},
		{"datatable(a:datetime, d:dynamic)[datetime(null), dynamic({'k': [1, 'two', null]})]", `a,d | null,{"k":[1,"two",null]}`},
		{"range x from 1 to 5 step 2", "x | 1 | 3 | 5"},
		{"range x from 3 to 1 step -1", "x | 3 | 2 | 1"},
		{"range t from datetime(2026-01-01) to datetime(2026-01-02) step 12h | count", "Count | 3"},
		{"range x from 9223372036854775806 to 9223372036854775807 step 1", "x | 9223372036854775806 | 9223372036854775807"},
		{"print 1, b = 'x', 2", "print_0,b,print_2 | 1,'x',2"},
		{"U | getschema", "ColumnName,ColumnOrdinal,DataType,ColumnType | 'Computer',0,'System.String','string' | 'Tags',1,'System.String','string' | 'only',2,'System.Int32','int'"},
		{"E | where n == 0 | mv-expand l = Tags.l | project l", "l | 1 | x"},
		{"print d = dynamic([1, 2]) | mv-expand with_itemindex=i d to typeof(long)", "d,i | 1,0 | 2,1"},
		{"print s = 'user=bob id=12 rest' | parse s with 'user=' u ' id=' id:long ' ' *", "s,u,id | 'user=bob id=12 rest','bob',12"},
		{"print s = 'nothing' | parse s with 'user=' u ' id=' id:long", "s,u,id | 'nothing','',null"},
		{"print s = 'nothing' | parse-where s with 'user=' u", "s,u"},
		{"search 'tag' | project $table, Computer", "$table,Computer | 'U','b'"},
		{"U | where * has 'tag' | project Computer", "Computer | 'b'"},
	})
}

func must(r *Result, err error) *Result {
	if err != nil {
		panic(err)
	}
	return r
}

func TestSummarize(t *testing.T) {
	checkQueries(t, [][2]string{
		{"E | summarize count() by Computer", "Computer,count_ | 'a',2 | 'b',2 | 'c',2"},
		{"E | summarize n = count(), bytes = sum(estimate_data_size(*)) by bin(TimeGenerated, 1h) | project TimeGenerated, n", "TimeGenerated,n | 2026-01-01,2 | 2026-01-01T01:00,2 | 2026-01-01T02:00,1 | null,1"},
		{"Empty | summarize count()", "count_ | 0"},
		{"Empty | summarize count() by Computer", "Computer,count_"},
		{"Empty | summarize min(TimeGenerated), max(n), sum(n), avg(n), make_list(n), arg_max(n, Computer)", "min_TimeGenerated,max_n,sum_n,avg_n,list_n,n,Computer | null,null,0,null,[],null,''"},
		{"E | summarize sum(n), avg(n), min(n), max(n), dcount(Computer), countif(n > 2), sumif(n, n > 3)", "sum_n,avg_n,min_n,max_n,dcount_Computer,countif_,sumif_n | 15,2.5,0,5,3,3,9"},
		{"E | summarize arg_max(n, *) by Computer | project Computer, n, Tags", `Computer,n,Tags | 'a',3,{"k":3,"s":"v3","l":[1,"x"]} | 'b',4,bare | 'c',5,{"k":5,"s":"v5","l":[1,"x"]}`},
		{"E | summarize arg_min(n, Computer), first = take_any(n)", "n,Computer,first | 0,'a',0"},
		{"E | summarize (a, b) = arg_max(n, Computer)", "a,b | 5,'c'"},
		{"E | summarize make_list(n), make_set(Computer)", `list_n,set_Computer | [0,1,2,3,4,5],["a","b","c"]`},
		{"E | summarize x = strcat('n', tostring(count() * 2)) by substring(Computer, 0, 1)", "Column1,x | 'a','n4' | 'b','n4' | 'c','n4'"},
		{"E | where isnotnull(TimeGenerated) | summarize count() by startofday(TimeGenerated)", "TimeGenerated,count_ | 2026-01-01,5"},
		{"E | summarize by Computer", "Computer | 'a' | 'b' | 'c'"},
		{"E | summarize percentile(n, 50)", "percentile_n_50 | 2"},
		{"print x = dynamic(null) | summarize count()", "count_ | 1"},
		{"datatable(x:long)[9223372036854775806, 1] | summarize sum(x)", "sum_x | 9223372036854775807"},
		{"datatable(x:long)[1, long(null)] | summarize min(x), count(), avg(x)", "min_x,count_,avg_x | 1,2,1.0"},
	})
}

func TestHiddenColumns(t *testing.T) {
	checkQueries(t, [][2]string{
		{"E | take 1 | project-away Tags", "TimeGenerated,Computer,n | 2026-01-01,'a',0"},
		{"E | where _ItemId == 'id3' | project n", "n | 3"},
		{"E | extend _ItemId = _ItemId | where n == 2 | project-away T*", "Computer,n,_ItemId | 'c',2,'id2'"},
		{"E | where n < 2 | sort by n desc | take 1 | project _ItemId", "_ItemId | 'id1'"},
		{"E | where ingestion_time() < datetime(2026-01-02 00:00:00.0000001) or isnull(ingestion_time()) | count", "Count | 6"},
		{"U | where isnull(ingestion_time()) | count", "Count | 2"},
		{"E | summarize max(ingestion_time())", "max_$IngestionTime | 2026-01-02"},
		{"union E, Empty | where hash_sha256(_ItemId) startswith '0' or true | summarize dcount(_ItemId)", "dcount__ItemId | 6"},
		{"union E, U | getschema | summarize make_list(ColumnName)", `list_ColumnName | ["TimeGenerated","Computer","n","Tags_dynamic","Tags_string","only"]`},
	})
}

func TestUnion(t *testing.T) {
	checkQueries(t, [][2]string{
		{"union withsource=src E, U | where Computer == 'b' | project src, n, Tags_string, only", "src,n,Tags_string,only | 'E',1,'',null | 'E',4,'',null | 'U',null,'tag',7"},
		{"U | union (U | where Computer == 'z') | project Computer", "Computer | 'b' | 'z' | 'z'"},
		{"union kind=inner E, U | take 1", "Computer | 'a'"},
		{"union isfuzzy=true Missing, U | count", "Count | 2"},
		{"union isfuzzy=true (Missing | where x > 1), U, Nothing* | count", "Count | 2"},
		{"union * | count", "Count | 8"},
		{"union E* | count", "Count | 6"},
		{"let View_1 = view () { print x=1 }; let View_2 = view () { print x=toint(2) }; let View_3 = view () { print x_long=3 }; union withsource=TableName View_1, View_2, View_3",
			"TableName,x_long1,x_int,x_long | 'View_1',1,null,null | 'View_2',null,2,null | 'View_3',null,null,3"},
		{"let View_1 = view () { print x=1 }; let View_2 = () { print x=1 }; union View* | count", "Count | 1"},
	})
}

func TestJoin(t *testing.T) {
	const tables = "let L = datatable(k:string, a:long)['x', 1, 'x', 2, 'y', 3, 'n', 4]; let R = datatable(k:string, b:long)['x', 10, 'x', 20, 'z', 30]; "
	checkQueries(t, [][2]string{
		{tables + "L | join R on k", "k,a,k1,b | 'x',1,'x',10 | 'x',1,'x',20"},
		{tables + "L | join kind=inner (R) on $left.k == $right.k | count", "Count | 4"},
		{tables + "L | join kind=leftouter R on k | where a > 2", "k,a,k1,b | 'y',3,'',null | 'n',4,'',null"},
		{tables + "L | join kind=rightouter R on k | where b == 30", "k,a,k1,b | '',null,'z',30"},
		{tables + "L | join kind=fullouter R on k | count", "Count | 7"},
		{tables + "L | join kind=leftanti R on k", "k,a | 'y',3 | 'n',4"},
		{tables + "L | join hint.strategy=broadcast kind=leftsemi R on k", "k,a | 'x',1 | 'x',2"},
		{tables + "L | join kind=rightanti R on k", "k,b | 'z',30"},
		{tables + "L | lookup R on k | where a == 3", "k,a,b | 'y',3,null"},
		{"print a = int(1) | join kind=inner (print a = 1) on a | count", "Count | 1"},
		{"print a = long(null) | join kind=inner (print a = long(null)) on a | count", "Count | 0"},
	})
}

func TestLet(t *testing.T) {
	checkQueries(t, [][2]string{
		{"let E = E | where n >= 2; let U = U | where only == 7; union E, U | count", "Count | 5"},
		{"let E = E | where n >= 2; E | where n < 4 | join kind=inner (E) on n | project n", "n | 2 | 3"},
		{"let x = 2; let y = x * 3; E | where n == y - 2 | project n", "n | 4"},
		{"let f = (a:long, b:string='z') { strcat(b, a) }; print f(1), f(2, 'q')", "print_0,print_1 | 'z1','q2'"},
		{"let f = (x:long) { let y = x + 1; y * y }; E | where n < 2 | project f(n)", "Column1 | 1 | 4"},
		{"let f = (T:(n:long), least:long) { T | where n >= least }; f(E, 5) | project n", "n | 5"},
		{"let E = (T:(*)) { T | count }; E(U)", "Count | 2"},
		{"let top3 = materialize(E | top 3 by n); top3 | where n in ((top3 | project n)) | count", "Count | 3"},
		{"let m = toscalar(E | summarize max(n)); E | where n == m | project n", "n | 5"},
		{"let ids = dynamic(['a', 'b']); E | where Computer in (ids) | count", "Count | 4"},
		{"let slice_start = datetime(2026-01-01); let slice_end = slice_start + 1h; E | where TimeGenerated >= slice_start and TimeGenerated < slice_end | count", "Count | 2"},
		{"let n = 4; E | where n == 2 | project n", "n | 2"},
		{"declare query_parameters(least:long = 4); E | where n >= least | count", "Count | 2"},
	})
}

func TestStatements(t *testing.T) {
	r, err := run(t, "set truncationmaxrecords = 5;\nset query_now = datetime(2026-03-01T00:00:00Z);set notruncation; E | count; print now() ; E | getschema; U | as Mine")
	if err != nil {
		t.Fatal(err)
	}
	if r.MaxRecords != 5 || r.Settings["query_now"] != "datetime(2026-03-01T00:00:00Z)" || len(r.Settings) != 3 {
		t.Errorf("got MaxRecords %d, Settings %v", r.MaxRecords, r.Settings)
	}
	var names []string
	for _, table := range r.Tables {
		names = append(names, table.Name)
	}
	if got, want := strings.Join(names, " "), "PrimaryResult Table_1 GetSchema_Result Mine"; got != want {
		t.Errorf("got tables %s, want %s", got, want)
	}
	if got, want := r.Tables[1].Rows[0][0], Value(tick(t, "2026-03-01")); got != want {
		t.Errorf("got now() %v, want %v", got, want)
	}
}

func TestInterval(t *testing.T) {
	start, end := tick(t, "2026-01-01T00:30:00Z"), tick(t, "2026-01-01T01:30:00Z")
	for _, c := range []struct {
		startOut, endOut bool
		want             string
	}{{false, false, "1,2,3"}, {true, false, "2,3"}, {false, true, "1,2"}, {true, true, "2"}} {
		o := Options{Now: now, Interval: &Interval{Start: start, End: end, StartExclusive: c.startOut, EndExclusive: c.endOut}}
		for _, query := range []string{
			"E", "let E = E | where n < 100; E", "union E, Empty", "table('E')", "search in (E) *",
			"range n from 1 to 9 step 1 | join kind=inner E on n", "E | join kind=rightsemi (E | project n) on n",
		} {
			r, err := Evaluate(context.Background(), query+" | summarize strcat_array(make_list(n), ',')", sample(t), o)
			if err != nil {
				t.Fatal(query, err)
			}
			if got := r.Tables[0].Rows[0][0]; got != c.want {
				t.Errorf("%s: start exclusive %v, end exclusive %v: got %v, want %s", query, c.startOut, c.endOut, got, c.want)
			}
		}
		r, err := Evaluate(context.Background(), "union (U), (print TimeGenerated = datetime(1999-01-01)) | count", sample(t), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Tables[0].Rows[0][0]; got != int64(3) {
			t.Errorf("rows outside of the interval's reach: got %v, want 3", got)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		query, code, message string
		line, pos            int
		token                string
	}{
		{"not a valid query", "SYN0002", "Query could not be parsed at 'a' on line [1,5]", 1, 5, "a"},
		{"", "SYN0002", "Query could not be parsed at '<EOF>' on line [1,1]", 1, 1, "<EOF>"},
		{"let x = 1;", "SYN0002", "Query could not be parsed at '<EOF>' on line [1,11]", 1, 11, "<EOF>"},
		{"E\n| where n >", "SYN0002", "Query could not be parsed at '<EOF>' on line [2,12]", 2, 12, "<EOF>"},
		{"E\r\n| make-series count()", "SYN0002", "Query could not be parsed at 'make-series' on line [2,3]", 2, 3, "make-series"},
		{"E | where Computer == '\U0001F600' | foo", "SYN0002", "Query could not be parsed at 'foo' on line [1,30]", 1, 30, "foo"},
		{"E | where Computer == 'open", "SYN0002", "Query could not be parsed at ''open' on line [1,23]", 1, 23, "'open"},
		{"AppInsights | where x > 1", "SEM0100", "'where' operator: Failed to resolve table or column expression named 'AppInsights'", 0, 0, ""},
		{"AppInsights", "SEM0100", "'table' operator: Failed to resolve table expression named 'AppInsights'", 0, 0, ""},
		{"E | where x > 1", "SEM0100", "'where' operator: Failed to resolve scalar expression named 'x'", 0, 0, ""},
		{"E | where n > 'a'", "SEM0064", "Cannot compare values of types long and string. Try adding explicit casts", 0, 0, ""},
		{"print nosuch(1)", "SEM0260", "Unknown function: 'nosuch'.", 0, 0, ""},
		{"print strlen()", "SEM0219", "strlen(): function expects 1 argument(s).", 0, 0, ""},
		{"let E = E; let E = E; E", "SEM0079", "'let' statement: the name 'E' is already defined in this scope", 0, 0, ""},
		{"let A = A | take 1; A", "SEM0100", "'take' operator: Failed to resolve table or column expression named 'A'", 0, 0, ""},
		{"union isfuzzy=true A, B", "SEM0100", "'union' operator: Failed to resolve table expression: none of the tables exists", 0, 0, ""},
		{"E | summarize n", "SEM0001", "'summarize' operator: the column 'n' must stand inside an aggregate", 0, 0, ""},
		{"let f = (x:long) { toscalar(U | where only == x | count) }; E | extend y = f(n)", "SEM0001", "'where' operator: 'x' depends on a row of another table", 0, 0, ""},
	} {
		_, err := run(t, c.query)
		var got *Error
		if !errors.As(err, &got) {
			t.Errorf("%s\n  got %v, want %s", c.query, err, c.code)
			continue
		}
		want := Error{c.code, c.message, c.line, c.pos, c.token}
		if *got != want {
			t.Errorf("%s\n  got  %+v\n  want %+v", c.query, *got, want)
		}
		if got.Syntax() != (c.line > 0) {
			t.Errorf("%s: got Syntax() %v", c.query, got.Syntax())
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Evaluate(ctx, "E | count", sample(t), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
