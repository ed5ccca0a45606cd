package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// lateRows are rows of three days. Most arrive within minutes, some hours to
// days late, and all of them out of order by up to five minutes.
func lateRows(rng *rand.Rand, day time.Time, n int) [][]kql.Value {
	var rows [][]kql.Value
	for i := range n {
		at := day.Add(time.Duration(rng.Int64N(int64(72 * time.Hour)))).Truncate(pipeline.TickSize)
		delay := time.Duration(rng.Int64N(int64(5 * time.Minute)))
		if rng.IntN(5) == 0 {
			delay = time.Duration(rng.Int64N(int64(60 * time.Hour)))
		}
		rows = append(rows, []kql.Value{pipeline.TickOf(at), fmt.Sprintf("row-%d", i), int64(i % 7), pipeline.TickOf(at.Add(delay))})
	}
	return rows
}

const latePipeline = `
sink "local" "rows" {
  path = "rows"
  format "csv" {}
}
sink "local" "hours" {
  path = "hours"
  format "csv" {}
}
query "rows" {
  workspace = workspace.w
  kql       = "Late_CL | where N != 3 // read"
  window { start = %[1]q }
  sinks = [sink.rows]
}
query "hours" {
  workspace = workspace.w
  kql       = "Late_CL | summarize Sum = sum(N) by bin(TimeGenerated, 1h) // read"
  window { start = %[1]q }
  sinks = [sink.hours]
}
`

// Night after night, also after three without a run, rows that have arrived
// since are in the archive, each once. Nothing of the plain query is written
// again; of the aggregating one the hours that late rows change are, although
// their number stays the same.
func TestLateRowsNightByNight(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	var now atomic.Int64
	clock := func() time.Time { return time.Unix(0, now.Load()) }
	rows := lateRows(rng, day, 1500)
	data := emulator.NewDataset()
	if err := data.Add(&kql.Table{Name: "Late_CL", Rows: rows, Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime},
		{Name: "Id", Type: pipeline.String}, {Name: "N", Type: pipeline.Long}, {Name: kql.IngestionColumn, Type: pipeline.Datetime, Hidden: true}}}); err != nil {
		t.Fatal(err)
	}
	service, err := emulator.New(emulator.Config{Data: data, HoldBack: true, Now: clock, Limits: emulator.Limits{Requests: -1, Rows: 60}})
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/query") {
			asked.Add(1)
		}
		service.ServeHTTP(w, r)
	}))
	defer server.Close()
	s := &shell{t: t, dir: t.TempDir(), clock: clock}
	s.write("main.kustash.hcl", workspaceBlock(server.URL)+fmt.Sprintf(latePipeline, day.Format(time.DateOnly)))
	files := make(map[string]bool)
	night := func(at time.Time) {
		t.Helper()
		now.Store(at.UnixNano())
		if code, output := s.run("apply", "-auto-approve"); code != exitDone {
			t.Fatalf("%v: exit %d\n%s", at, code, output)
		}
		cut := at.Add(-pipeline.CutDelay)
		end := pipeline.Floor(at.Add(-30*time.Minute), time.Hour)
		var wantRows, wantHours []string
		sums := make(map[time.Time]int64)
		for _, r := range rows {
			got := r[3].(pipeline.Tick).Time()
			generated := r[0].(pipeline.Tick).Time()
			if !got.Before(cut) || !generated.Before(end) {
				continue
			}
			sums[pipeline.Floor(generated, time.Hour)] += r[2].(int64)
			if r[2].(int64) != 3 {
				wantRows = append(wantRows, fmt.Sprintf("%s|%s|%d", generated.Format("2006-01-02T15:04:05.9999999Z"), r[1], r[2]))
			}
		}
		for hour, sum := range sums {
			wantHours = append(wantHours, fmt.Sprintf("%s|%d", hour.Format(time.RFC3339), sum))
		}
		slices.Sort(wantRows)
		slices.Sort(wantHours)
		if got := csvRows(t, filepath.Join(s.dir, "rows")); !slices.Equal(got, wantRows) {
			t.Fatalf("%v: %d rows, want %d: %s", at, len(got), len(wantRows), firstDifference(got, wantRows))
		}
		if got := csvRows(t, filepath.Join(s.dir, "hours")); !slices.Equal(got, wantHours) {
			t.Fatalf("%v: %d hours, want %d: %s", at, len(got), len(wantHours), firstDifference(got, wantHours))
		}
		for name := range files {
			if matches, _ := filepath.Glob(name); len(matches) == 0 {
				t.Fatalf("%v: %s was taken away", at, name)
			}
		}
		names, err := filepath.Glob(filepath.Join(s.dir, "rows", "rows", "*", "*.csv"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no files: %v", err)
		}
		for _, name := range names {
			files[name] = true
		}
	}
	for _, hours := range []int{26, 50, 51, 75, 147, 171} { // three nights are missed
		night(day.Add(time.Duration(hours) * time.Hour))
	}
	if code, output := s.run("verify", "-source"); code != exitDone || !strings.Contains(output, "no findings") {
		t.Errorf("verify -source: exit %d\n%s", code, output)
	}
	if code, output := s.run("status"); code != exitDone || strings.Contains(output, "  late") || !strings.Contains(output, "rows that came late") || strings.Contains(output, "unseen") {
		t.Errorf("status: exit %d\n%s", code, output)
	}

	// A run without late rows asks each query's table once, beside the time.
	night(day.Add(195 * time.Hour))
	asked.Store(0)
	night(day.Add(195*time.Hour + 20*time.Minute))
	if n := asked.Load(); n > 5 {
		t.Errorf("a run without news asked %d questions, want the time, and one probe a query with what belongs to it", n)
	}

	// A sink that comes later gets all of it, late rows too, from the other one.
	s.write("main.kustash.hcl", strings.Replace(s.read("main.kustash.hcl"), "sinks = [sink.rows]", "sinks = [sink.rows, sink.more]", 1)+`
sink "local" "more" {
  path = "more"
  format "csv" {}
}
`)
	if code, output := s.run("apply", "-auto-approve"); code != exitDone || !strings.Contains(output, "query.rows will be copied from sink.rows") {
		t.Fatalf("with another sink: exit %d\n%s", code, output)
	}
	if got, want := csvRows(t, filepath.Join(s.dir, "more")), csvRows(t, filepath.Join(s.dir, "rows")); !slices.Equal(got, want) {
		t.Errorf("copied %d rows, want %d: %s", len(got), len(want), firstDifference(got, want))
	}
	for _, args := range [][]string{{"verify"}, {"plan", "-detailed-exitcode"}} {
		if code, output := s.run(args...); code != exitDone {
			t.Errorf("%v: exit %d\n%s", args, code, output)
		}
	}
}
