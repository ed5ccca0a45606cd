package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/kustash/kustash/pipeline"
)

// tableQuery loads a pipeline with one query "q" of the given arguments.
func tableQuery(t *testing.T, arguments string) (TableQuery, *Pipeline) {
	t.Helper()
	p, diags := loadText(t, base+`
query "q" {
  workspace = workspace.soc
  sinks     = [sink.archive]
`+arguments+"\n}\n")
	if len(diags) > 0 || len(p.Tables) != 1 {
		t.Fatalf("%d queries by table:\n%s", len(p.Tables), show(p, diags))
	}
	return p.Tables[0], p
}

const window1 = "\n  window { start = \"2026-01-01\" }"

// someTables are what a workspace may have.
var someTables = []pipeline.Table{
	{Name: "Cheap_CL", Text: "Cheap_CL", TimeColumn: "TimeGenerated", Plan: pipeline.Basic},
	{Name: "Heartbeat", Text: "Heartbeat", TimeColumn: "TimeGenerated", Columns: pipeline.Schema{{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Began", Type: pipeline.Datetime}}},
	{Name: "Odd Name", Text: "['Odd Name']", TimeColumn: "TimeGenerated"},
	{Name: "SecurityAlert", Text: "SecurityAlert", TimeColumn: "TimeGenerated", Columns: pipeline.Schema{{Name: "Began", Type: pipeline.String}}},
	{Name: "SecurityEvent", Text: "SecurityEvent", TimeColumn: "TimeGenerated", Columns: pipeline.Schema{{Name: "EventID", Type: pipeline.Int}}},
	{Name: "Timeless", Text: "Timeless"},
	{Name: "requests", Text: "requests", TimeColumn: "timestamp"},
}

func TestSelect(t *testing.T) {
	for _, c := range []struct {
		arguments string
		want      string   // name:column of the chosen
		says      []string // of notes and diagnostics, in order
	}{
		{`tables = ["*"]`, "Heartbeat:TimeGenerated Odd Name:TimeGenerated SecurityAlert:TimeGenerated SecurityEvent:TimeGenerated requests:timestamp",
			[]string{"note: query.q leaves out what has no time to cut slices by: Timeless", "note: query.q leaves out tables of another plan than its own: Cheap_CL"}},
		{`tables = ["Security*", "SecurityEvent", "requests"]` + "\n" + `except = ["SecurityA*"]`, "SecurityEvent:TimeGenerated requests:timestamp", nil},
		{`tables = ["*"]` + "\n" + `except = ["*e*", "Timeless", "Cheap_CL"]`, "", nil},
		{`tables = ["*Name"]` + "\n" + `except = ["Heartbeet"]`, "Odd Name:TimeGenerated", []string{`warning: workspace.soc has no table "Heartbeet", so this leaves out nothing. Did you mean "Heartbeat"?`}},
		{`tables = ["Secuirty*", "Heartbeet", "heartbeat"]`, "", []string{`error: No table of workspace.soc has a name like "Secuirty*"`,
			`error: workspace.soc has no table "Heartbeet", or does not show it to this credential. Did you mean "Heartbeat"?`, `error: workspace.soc has no table "heartbeat"`}},
		{`tables = ["New*", "Soon", "Heartbeat"]` + "\n" + `missing_table = "skip"`, "Heartbeat:TimeGenerated",
			[]string{"note: query.q: table New* does not exist yet", "note: query.q: table Soon does not exist yet"}},
		{`tables = ["Timeless"]`, "", []string{`error: The table "Timeless" has no column TimeGenerated`}},
		{`tables = ["Cheap_CL"]`, "", []string{"note: query.q leaves out tables of another plan than its own: Cheap_CL"}},
		{`tables = ["*"]` + "\n" + `plan = "basic"` + "\n" + `except = ["Timeless"]`, "Cheap_CL:TimeGenerated", []string{"note: query.q leaves out tables of another plan"}},
		{`tables = ["Heartbeat"]` + "\n" + `plan = "auxiliary"`, "Heartbeat:TimeGenerated", nil}, // the metadata may not know
	} {
		q, _ := tableQuery(t, c.arguments+window1)
		checkSelect(t, q, c.arguments, c.want, c.says)
	}
}

// TestSelectTimeColumn has a query that names its own time column.
func TestSelectTimeColumn(t *testing.T) {
	q, _ := tableQuery(t, "tables = [\"*t\"]\n  window {\n    start = \"2026-01-01\"\n    time_column = \"Began\"\n    time_slack = \"1d\"\n  }")
	checkSelect(t, q, "Began", "Heartbeat:Began", []string{"note: query.q leaves out what has no time to cut slices by: SecurityAlert, SecurityEvent"})
}

func checkSelect(t *testing.T, q TableQuery, name, want string, says []string) {
	t.Helper()
	chosen, notes, diags := q.Select(someTables)
	var got, said []string
	for _, table := range chosen {
		got = append(got, table.Name+":"+table.TimeColumn)
	}
	for _, n := range notes {
		said = append(said, "note: "+n)
	}
	for _, d := range diags {
		said = append(said, map[hcl.DiagnosticSeverity]string{hcl.DiagError: "error: ", hcl.DiagWarning: "warning: "}[d.Severity]+d.Detail)
		if d.Subject == nil || d.Subject.Filename != "main.kustash.hcl" {
			t.Errorf("%s: %q has the place %v", name, d.Detail, d.Subject)
		}
	}
	if strings.Join(got, " ") != want || len(said) != len(says) {
		t.Errorf("%s:\n got %s and %q\nwant %s and %q", name, strings.Join(got, " "), said, want, says)
		return
	}
	for i, s := range said {
		if !strings.HasPrefix(s, says[i]) {
			t.Errorf("%s: %q, want it to begin with %q", name, s, says[i])
		}
	}
}

// TestInstances shows that an instance that the ledger knows is the one that
// the workspace's table gives.
func TestInstances(t *testing.T) {
	q, p := tableQuery(t, `tables = ["*"]`+"\n"+`except = ["SecurityAlert"]`+window1)
	if len(p.Exports) != 0 {
		t.Fatalf("exports before the tables are known: %v", p.Exports)
	}
	var entries []pipeline.Entry
	want := make(map[string]pipeline.Export)
	for _, name := range []string{"SecurityEvent", `od"d\[x] 名`, "SecurityAlert"} {
		e := q.Instance(pipeline.Table{Name: name, Text: "['" + name + "']", TimeColumn: "TimeGenerated"})
		entries = append(entries, pipeline.Entry{Kind: pipeline.KindQuery, Query: e.Query.Address, Declared: e.Query.Fingerprint, Text: e.Query.Text})
		want[name] = e
	}
	for _, address := range []string{`query.q`, `query.q["`, `query.qq["A"]`, `query.q[A]`} {
		entries = append(entries, pipeline.Entry{Kind: pipeline.KindQuery, Query: address, Declared: "fp1:x", Text: "x"})
	}
	h, err := pipeline.Fold(entries)
	if err != nil {
		t.Fatal(err)
	}
	got := q.Recorded(h)
	delete(want, "SecurityAlert") // left out by now
	if len(got) != len(want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
	for name, e := range want {
		e.Query.TimeColumn = "" // which the ledger does not know
		if fmt.Sprint(got[name].Query) != fmt.Sprint(e.Query) {
			t.Errorf("%s:\n got %v\nwant %v", name, got[name].Query, e.Query)
		}
		if e.Workspace != "workspace.soc" || len(e.Targets) != 1 || !strings.HasPrefix(e.Query.Fingerprint, "fp1:") {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
