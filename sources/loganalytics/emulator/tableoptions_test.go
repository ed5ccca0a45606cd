package emulator

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

func TestRetention(t *testing.T) {
	c := newClock() // 2026-01-10T12:00:00Z
	d := events(t, "2026-01-01T00:00:00Z", "2026-01-03T12:00:00Z", "2026-01-09T00:00:00Z")
	if err := d.Configure("Events", TableOptions{Retention: 7 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	r := serve(t, Config{Data: d, Now: c.Now, KeepOrder: true, TokenLifetime: 1000 * time.Hour})
	for _, want := range []string{"bc", "c", ""} { // on its last day a row is there to the tick
		if got := r.query("Events", "").decode(t).names(); got != want {
			t.Errorf("at %s: got rows %q, want %q", c.Now(), got, want)
		}
		switch want {
		case "c":
			c.add(7 * 24 * time.Hour)
		case "bc":
			c.add(time.Duration(pipeline.TickSize))
		}
	}
}

func TestItemIDs(t *testing.T) {
	d := events(t, "2026-01-01", "2026-01-02")
	r := serve(t, Config{Data: d, KeepOrder: true})
	ask := func(text string) string {
		t.Helper()
		got := r.query(text, "")
		if got.status != 200 {
			return got.summary()
		}
		var list []string
		for _, row := range got.decode(t).Tables[0].Rows {
			list = append(list, string(compact(row[0])))
		}
		return strings.Join(list, " ")
	}
	const id = "Events | project _ItemId"
	const ifAny = "Events | project column_ifexists('_ItemId', 'none')"
	usual := ask(id)
	if a, b, _ := strings.Cut(usual, " "); len(a) != 38 || len(b) != 38 || a == b {
		t.Fatalf("usual ids: got %s", usual)
	}
	for _, c := range []struct{ query, want string }{
		{"Events | where _ItemId == " + strings.Fields(usual)[1] + " | project Name", `"b"`},
		{"Events | extend i = strlen(_ItemId) | project i", "36 36"},
		{"Events | getschema | where ColumnName == '_ItemId' | count", "0"},
		{ifAny, usual},
	} {
		if got := ask(c.query); got != c.want {
			t.Errorf("%s: got %s, want %s", c.query, got, c.want)
		}
	}
	for _, c := range []struct {
		kind            ItemID
		project, exists string
	}{
		{ItemIDEmpty, `"" ""`, `"" ""`},
		{ItemIDAbsent, "400 BadArgumentError", `"none" "none"`},
		{ItemIDHidden, usual, usual},
	} {
		if err := d.Configure("Events", TableOptions{ItemID: c.kind}); err != nil {
			t.Fatal(err)
		}
		if got := ask(id); got != c.project {
			t.Errorf("ids %q, projected: got %s, want %s", c.kind, got, c.project)
		}
		if got := ask(ifAny); got != c.exists {
			t.Errorf("ids %q, if there are any: got %s, want %s", c.kind, got, c.exists)
		}
		if got := ask("Events | project ingestion_time() - TimeGenerated"); got != `"00:02:00" "00:02:00"` {
			t.Errorf("ids %q: delays %s", c.kind, got)
		}
	}
	// Rows that come later are like the others, but an id that they bring stays.
	if err := d.Configure("Events", TableOptions{ItemID: ItemIDEmpty}); err != nil {
		t.Fatal(err)
	}
	if err := d.Append("Events", Row{"Name": "c"}, Row{"Name": "d", "_ItemId": "own"}); err != nil {
		t.Fatal(err)
	}
	if got := ask(id); got != `"" "" "" "own"` {
		t.Errorf("after Append: got %s", got)
	}
}

func TestConfigureErrors(t *testing.T) {
	d := events(t)
	for _, c := range []struct {
		table string
		o     TableOptions
	}{{"Nothing", TableOptions{}}, {"Events", TableOptions{Plan: "Gold"}}, {"Events", TableOptions{ItemID: "x"}}, {"Events", TableOptions{Retention: -1}}} {
		if err := d.Configure(c.table, c.o); err == nil {
			t.Errorf("%+v: got no error", c)
		}
	}
	if err := d.Configure("Events", TableOptions{Plan: Basic}); err != nil || d.Options("Events").Plan != Basic {
		t.Errorf("got %v, %+v", err, d.Options("Events"))
	}
	if table, _ := d.Table("Events"); d.Add(&kql.Table{Name: "Events", Columns: table.Columns}) != nil || d.Options("Events") != (TableOptions{}) {
		t.Errorf("a new table has options %+v", d.Options("Events"))
	}
}

// TestOptionsInFiles: what LoadDataset reads, Save writes.
func TestOptionsInFiles(t *testing.T) {
	dir := folder(t, map[string]string{
		"T.json":     `{"plan":"Basic","retention":"720h","item_id":"empty","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"S","type":"string"}]}`,
		"T.jsonl":    `{"TimeGenerated":"2026-01-01T00:00:00Z","S":"a"}` + "\n" + `{"S":"b","_ItemId":"own"}`,
		"U.json":     `{"item_id":"absent","columns":[{"name":"TimeGenerated","type":"datetime"}]}`,
		"Recent.kql": "U | where TimeGenerated > ago(1h)",
		"Of.kql":     "(s:string) { T | where S == s }",
	})
	for range 2 {
		d, err := LoadDataset(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := d.Options("T"), (TableOptions{Basic, 720 * time.Hour, ItemIDEmpty}); got != want {
			t.Errorf("options: got %+v, want %+v", got, want)
		}
		table, _ := d.Table("T")
		at := len(table.Columns) - 2
		if table.Columns[at].Name != itemIDColumn || table.Rows[0][at] != "" || table.Rows[1][at] != "own" {
			t.Errorf("ids: got %+v, %v", table.Columns, table.Rows)
		}
		if table, _ := d.Table("U"); len(table.Columns) != 2 {
			t.Errorf("columns of a table without ids: got %+v", table.Columns)
		}
		f := d.Functions()
		if len(f) != 2 || f[0] != (Function{"Of", "s:string", " T | where S == s "}) || f[1].Name != "Recent" || f[1].Parameters != "" {
			t.Errorf("functions: got %+v", f)
		}
		dir = t.TempDir()
		if err := d.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"T.json": `{"columns":[{"name":"a","type":"long"}],"retention":"long"}`,
		"V.json": `{"columns":[{"name":"a","type":"long"}],"plan":"basic"}`, "F.kql": "T |"} {
		if _, err := LoadDataset(folder(t, map[string]string{name: text})); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v, want one that names the file", text, err)
		}
	}
}

// TestLateRowsHide: a row is there once the clock has reached its arrival, in
// whatever order rows arrive.
func TestLateRowsHide(t *testing.T) {
	c := newClock()
	d := events(t)
	for i, minutes := range []int{3, 1, 90, 2} {
		row := Row{"TimeGenerated": c.Now().Add(-time.Hour), "Name": string(rune('a' + i)), "$ingestion": c.Now().Add(time.Duration(minutes) * time.Minute)}
		if err := d.Append("Events", row); err != nil {
			t.Fatal(err)
		}
	}
	r := serve(t, Config{Data: d, Now: c.Now, KeepOrder: true, HoldBack: true})
	for _, want := range []string{"", "b", "bd", "abd"} {
		if got := r.query("Events", "").decode(t).names(); got != want {
			t.Errorf("at %s: got rows %q, want %q", c.Now(), got, want)
		}
		c.add(time.Minute)
	}
	c.add(90 * time.Minute)
	r.token = r.login(Config{})
	if got := r.query("Events", "").decode(t).names(); got != "abcd" {
		t.Errorf("at the end: got rows %q", got)
	}
}

func TestSimulatedEngine(t *testing.T) {
	d := letters(t, 1000)
	r := serve(t, Config{Data: d, Limits: Limits{RowsPerSecond: 100, MemoryRows: 600, Requests: -1}})
	for _, c := range []struct {
		text, prefer, want string
	}{
		{"T | take 1", "", "200 -2133196799"}, // all rows are read
		{"T | take 1", "wait=1", "200 -2133196799"},
		{"datatable(a:long)[1]", "wait=1", "200"},
	} {
		got := r.query(c.text, "", "Prefer", c.prefer)
		if summary := got.innerSummary(); summary != c.want {
			t.Errorf("%s with %s: got %s, want %s", c.text, c.prefer, summary, c.want)
		}
	}
	r = serve(t, Config{Data: d, Limits: Limits{RowsPerSecond: 100, Requests: -1}})
	for prefer, want := range map[string]string{"": "200", "wait=10": "200", "wait=9": "504"} {
		if got := r.query("T | count", "", "Prefer", prefer); statusText(got.status) != want {
			t.Errorf("wait %q: got %d, want %s", prefer, got.status, want)
		}
	}
	if got := r.query("T | count", "", "Prefer", "include-statistics=true").body; !strings.Contains(got, `"executionTime":10,`) {
		t.Errorf("run time: got %s", got)
	}
}

// innerSummary is the status and, of a partial answer, the engine's code.
func (r reply) innerSummary() string {
	var e envelope
	if json.Unmarshal([]byte(r.body), &e) != nil || e.Error == nil || len(e.Error.Details) == 0 {
		return statusText(r.status)
	}
	return statusText(r.status) + " " + e.Error.Details[0].Inner.Code
}

func TestWholeStatistics(t *testing.T) {
	for _, c := range []struct {
		whole bool
		want  int64
	}{{false, 3}, {true, 10}} {
		r := serve(t, Config{Data: letters(t, 10), Limits: Limits{Rows: 3}, WholeStatistics: c.whole})
		got := r.query("T", "", "Prefer", "include-statistics=true").decode(t)
		set := got.Statistics.Query.DatasetStatistics[0]
		if got.Error == nil || len(got.Tables[0].Rows) != 3 || set.TableRowCount != c.want || set.TableSize%c.want != 0 || set.TableSize < c.want {
			t.Errorf("whole %t: got %d rows and %+v, want %d in the statistics", c.whole, len(got.Tables[0].Rows), set, c.want)
		}
	}
}

func TestNoContent(t *testing.T) {
	d := events(t)
	r := serve(t, Config{Data: d, NoContent: true})
	if got := r.query("Events", ""); got.status != 204 || got.body != "" {
		t.Errorf("an empty workspace: got %d %q", got.status, got.body)
	}
	if err := d.Append("Events", Row{"Name": "a"}); err != nil {
		t.Fatal(err)
	}
	if got := r.query("Events | where Name == 'x'", ""); got.status != 200 {
		t.Errorf("no rows in a workspace that has some: got %d", got.status)
	}
}

func TestCountBy(t *testing.T) {
	second := Principal{Tenant: DemoTenantID, ClientID: secondID, ClientSecret: "s"}
	first := Principal{Tenant: DemoTenantID, ClientID: DemoClientID, ClientSecret: DemoClientSecret}
	for by, want := range map[CountBy]string{ByEither: "200 429 429 429", ByPrincipal: "200 429 200 429", ByAddress: "200 429 429 429"} {
		c := Config{Data: events(t), Principals: []Principal{first, second}, Limits: Limits{Requests: 1, CountBy: by}}
		r := serve(t, c)
		tokens := []string{r.token, r.login(Config{Principals: []Principal{second}})}
		var got []string
		for _, token := range tokens {
			for range 2 {
				got = append(got, statusText(r.query("Events", "", "Authorization", "Bearer "+token).status))
			}
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("counted by %q: got %s, want %s", by, all, want)
		}
	}
}
