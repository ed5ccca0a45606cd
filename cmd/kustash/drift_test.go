package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// drifting is a workspace with one table that changes, and the pipeline that
// archives its days, one more at each step.
type drifting struct {
	*shell
	data    *emulator.Dataset
	service *emulator.Emulator
	url     string
	day     time.Time // of the first row
}

// The columns of the table at first.
var driftColumns = []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Id", Type: pipeline.String},
	{Name: "N", Type: pipeline.Long}, {Name: "Old", Type: pipeline.Bool}}

func newDrifting(t *testing.T) *drifting {
	t.Helper()
	d := &drifting{shell: &shell{t: t, dir: t.TempDir()}, data: emulator.NewDataset(),
		day: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -12)}
	if err := d.data.Add(&kql.Table{Name: "Drift_CL", Columns: driftColumns}); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		d.row(n, "Old", true, "N", n)
	}
	var err error
	if d.service, err = emulator.New(emulator.Config{Data: d.data, Limits: emulator.Limits{Requests: -1}}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d.service)
	t.Cleanup(server.Close)
	d.url = server.URL
	d.declare(`format "csv" {}`, "")
	return d
}

// declare writes the pipeline with arguments of its sink and its query.
func (d *drifting) declare(sink, query string) {
	d.t.Helper()
	d.write("main.kustash.hcl", workspaceBlock(d.url)+fmt.Sprintf(`
sink "local" "a" {
  path = "a"
  %s
}
query "drift" {
  workspace = workspace.w
  kql       = "Drift_CL // what comes, comes"
  %s
  window {
    start = %q
    end   = %q
    slice = "1d"
  }
  sinks = [sink.a]
}
`, sink, query, d.day.Format(time.DateOnly), d.day.AddDate(0, 0, 9).Format(time.DateOnly)))
}

// row adds a row of the nth day.
func (d *drifting) row(n int, values ...any) {
	d.t.Helper()
	row := emulator.Row{"TimeGenerated": d.day.AddDate(0, 0, n).Add(time.Hour), "Id": fmt.Sprintf("row-%d", n)}
	for i := 0; i < len(values); i += 2 {
		row[values[i].(string)] = values[i+1]
	}
	if err := d.data.Append("Drift_CL", row); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drifting) alter(columns ...kql.Column) {
	d.t.Helper()
	if err := d.data.Alter("Drift_CL", columns...); err != nil {
		d.t.Fatal(err)
	}
}

// until runs a verb for the first days.
func (d *drifting) until(days, want int, verb ...string) string {
	d.t.Helper()
	code, output := d.run(append(verb, "-to="+d.day.AddDate(0, 0, days).Format(time.DateOnly))...)
	if code != want {
		d.t.Fatalf("%v: exit %d, want %d\n%s", verb, code, want, output)
	}
	return output
}

// header returns the first line of the nth day's file.
func (d *drifting) header(n int) string {
	d.t.Helper()
	files, err := filepath.Glob(filepath.Join(d.dir, "a", "drift", "date="+d.day.AddDate(0, 0, n).Format(time.DateOnly), "*.csv"))
	if err != nil || len(files) != 1 {
		d.t.Fatalf("day %d has %v, %v, want one file", n, files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		d.t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimSpace(line)
}

func (d *drifting) contains(what, output string, lines ...string) {
	d.t.Helper()
	for _, line := range lines {
		if !strings.Contains(output, line) {
			d.t.Errorf("%s lacks %q:\n%s", what, line, output)
		}
	}
}

const otherColumns = "has other columns than its files"

// Each change of the columns shows in the plan until there are files that have
// it, and every file has the columns of its time.
func TestColumnsDrift(t *testing.T) {
	d := newDrifting(t)
	at, id, n, old := driftColumns[0], driftColumns[1], driftColumns[2], driftColumns[3]
	grown := kql.Column{Name: "New", Type: pipeline.Real}
	text := kql.Column{Name: "N", Type: pipeline.String}
	for i, step := range []struct {
		columns      []kql.Column
		lines        []string
		json, header string
	}{
		{nil, nil, "", "TimeGenerated,Id,N,Old"},
		{[]kql.Column{at, id, n, old, grown, {Name: "ID", Type: pipeline.GUID}}, []string{"+ New (real)\n", "+ ID (guid), in files as ID_2\n"},
			`"added":[{"in_files":"New","name":"New","type":"real"},{"in_files":"ID_2","name":"ID","type":"guid"}]`, "TimeGenerated,Id,N,Old,New,ID_2"},
		{[]kql.Column{at, id, n, grown}, []string{"- Old: the service does not return it any more; files before keep it\n"},
			`"missing":[{"in_files":"Old","name":"Old","type":"bool"},{"in_files":"ID_2","name":"ID","type":"guid"}]`, "TimeGenerated,Id,N,New"},
		{[]kql.Column{at, id, text, grown}, []string{"~ N: long → string, in files as N_string\n"},
			`"retyped":[{"in_files":"N_string","name":"N","type":"string","type_before":"long"}]`, "TimeGenerated,Id,N_string,New"},
		{[]kql.Column{grown, at, id, text}, nil, "", "New,TimeGenerated,Id,N_string"},
		{[]kql.Column{at, id, n, grown}, []string{"~ N: string → long, in files as N\n"},
			`"retyped":[{"in_files":"N","name":"N","type":"long","type_before":"string"}]`, "TimeGenerated,Id,N,New"},
	} {
		if step.columns != nil {
			d.alter(step.columns...)
		}
		plan := d.until(i+1, exitDone, "plan")
		d.contains("plan", plan, step.lines...)
		if got := strings.Contains(plan, otherColumns); got != (step.lines != nil) {
			t.Errorf("step %d: the plan tells of columns: %v\n%s", i, got, plan)
		}
		lines := d.until(i+1, exitDone, "plan", "-json")
		d.contains("plan -json", lines, step.json)
		if got := strings.Contains(lines, `"type":"columns"`); got != (step.json != "") {
			t.Errorf("step %d: the plan as JSON tells of columns: %v\n%s", i, got, lines)
		}
		if plan := d.until(i+1, exitDone, "plan", "-refresh=false"); strings.Contains(plan, otherColumns) {
			t.Errorf("step %d: asked although it should not be:\n%s", i, plan)
		}
		if i > 0 {
			if plan := d.until(i, exitDone, "plan"); strings.Contains(plan, otherColumns) {
				t.Errorf("step %d: told without anything to read:\n%s", i, plan)
			}
		}
		d.until(i+1, exitDone, "plan", "-out=saved.plan")
		code, output := d.run("apply", "saved.plan")
		if code != exitDone {
			t.Fatalf("apply: exit %d\n%s", code, output)
		}
		d.contains("apply of the saved plan", output, step.lines...)
		if got := d.header(i); got != step.header {
			t.Errorf("step %d: columns %s, want %s", i, got, step.header)
		}
		if plan := d.until(i+2, exitDone, "plan"); strings.Contains(plan, otherColumns) {
			t.Errorf("step %d: told again:\n%s", i, plan)
		}
	}
	if code, output := d.run("verify"); code != exitDone || !strings.Contains(output, "no findings") {
		t.Errorf("verify: exit %d\n%s", code, output)
	}
}

// A plan is made whether or not the columns can be asked for.
func TestColumnsNotTold(t *testing.T) {
	d := newDrifting(t)
	d.until(1, exitDone, "apply", "-auto-approve")
	d.alter(append(driftColumns[:4:4], kql.Column{Name: "New", Type: pipeline.Real})...)
	if err := d.service.SetFaults(emulator.Fault{Match: emulator.Match{Query: "take 0"},
		Action: emulator.Action{Status: 500, Body: `{"error":{"code":"InternalServerFault","message":"no columns today"}}`}}); err != nil {
		t.Fatal(err)
	}
	plan := d.until(2, exitDone, "plan")
	d.contains("plan", plan, "query.drift did not tell its columns beforehand", "no columns today", "Plan: 1 slice to export")
	d.until(2, exitDone, "apply", "-auto-approve")
	if got := d.header(1); got != "TimeGenerated,Id,N,Old,New" {
		t.Errorf("columns %s", got)
	}
}

// Of a query that keeps its columns nothing is read until the author decides,
// whether the plan finds the change or the read.
func TestColumnsFrozen(t *testing.T) {
	d := newDrifting(t)
	d.declare(`format "csv" {}`, `schema = "freeze"`)
	d.until(1, exitDone, "apply", "-auto-approve")
	d.until(2, exitDone, "apply", "-auto-approve")
	d.alter(driftColumns[0], driftColumns[1], kql.Column{Name: "N", Type: pipeline.Real}, kql.Column{Name: "New", Type: pipeline.Real})
	want := `the columns have changed, and schema = "freeze" keeps them: New (real) is new, Old (bool) is missing, N was long and is real. ` +
		`To take them as they are now, write schema = "evolve" in the block of query.drift`
	d.contains("plan", d.until(4, exitFailed, "plan"), "Not planned: query.drift: "+want)
	d.contains("apply", d.until(4, exitFailed, "apply", "-auto-approve"), want)
	d.contains("apply without a look", d.until(4, exitFailed, "apply", "-auto-approve", "-refresh=false"), "Not done: query.drift", want)
	if files, _ := filepath.Glob(filepath.Join(d.dir, "a", "drift", "*", "*.csv")); len(files) != 2 {
		t.Errorf("files %v, want those of two days", files)
	}
	d.declare(`format "csv" {}`, `schema = "evolve"`)
	d.until(4, exitDone, "apply", "-auto-approve")
	d.declare(`format "csv" {}`, `schema = "freeze"`)
	d.until(5, exitDone, "apply", "-auto-approve")
	if got := d.header(4); got != "TimeGenerated,Id,N_real,New" {
		t.Errorf("columns %s", got)
	}
}

// Another format or layout shows once, holds for new files, and leaves those
// that are there readable.
func TestFormatAndLayoutDrift(t *testing.T) {
	d := newDrifting(t)
	d.until(1, exitDone, "apply", "-auto-approve")
	for i, step := range []struct{ sink, want, json, file string }{
		{`format "csv" {}`, "", "", "drift/date=*/*.csv"},
		{`format "csv" { compression = "gzip" }`, "! new files of sink.a are written as csv.gz; what is there stays csv\n", `"ext":"csv.gz"`, "drift/date=*/*.csv.gz"},
		{"", "! new files of sink.a are written as parquet; what is there stays csv.gz\n", `"before":{"folder":"drift/date=`, "drift/date=*/*.parquet"},
		{`layout = "{year}/{query}"`, fmt.Sprintf("! new files of sink.a go to folders such as \"%d/drift\"; what is there stays, as in \"drift/date=", d.day.AddDate(0, 0, 2).Year()),
			`"sink":"sink.a"`, "[0-9]*/drift/*.parquet"},
	} {
		d.declare(step.sink, "")
		plan := d.until(i+2, exitDone, "plan")
		d.contains("plan", plan, step.want)
		if got := strings.Contains(plan, "new files of"); got != (step.want != "") {
			t.Errorf("step %d: the plan tells of files: %v\n%s", i, got, plan)
		}
		lines := d.until(i+2, exitDone, "plan", "-json")
		d.contains("plan -json", lines, step.json)
		if got := strings.Contains(lines, `"type":"moved"`); got != (step.json != "") {
			t.Errorf("step %d: the plan as JSON tells of files: %v\n%s", i, got, lines)
		}
		if plan := d.until(i+1, exitDone, "plan"); strings.Contains(plan, "new files of") {
			t.Errorf("step %d: told without a file to write:\n%s", i, plan)
		}
		d.until(i+2, exitDone, "apply", "-auto-approve")
		if files, _ := filepath.Glob(filepath.Join(d.dir, "a", step.file)); len(files) == 0 {
			t.Errorf("step %d: no %s", i, step.file)
		}
		if plan := d.until(i+3, exitDone, "plan"); strings.Contains(plan, "new files of") {
			t.Errorf("step %d: told again:\n%s", i, plan)
		}
		if code, output := d.run("verify"); code != exitDone || !strings.Contains(output, "no findings") {
			t.Errorf("step %d: verify: exit %d\n%s", i, code, output)
		}
	}
}
