package main

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// world is a source, a pipeline that archives it, and what the archive has to
// hold in the end.
type world struct {
	*shell
	rng     *rand.Rand
	data    *emulator.Dataset
	service *emulator.Emulator
	window  pipeline.Window
	late    bool
	rows    int       // made so far
	newest  time.Time // ingestion of the newest late row
	fetch   func()    // brings an archive that is elsewhere into the folder; nil if it is there
}

// chaosTables are plain tables; rows of the first crowd on single ticks.
var chaosTables = []string{"Crowd_CL", "Events_CL"}

// chaosQueries are the queries of the pipeline by name.
var chaosQueries = []string{"crowd", "hourly", "picked"}

// chaosLimit is the rows that an answer may have, less than an hour has.
const chaosLimit = 24

func newWorld(t *testing.T, rng *rand.Rand, late bool) *world {
	t.Helper()
	start := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2)
	w := &world{
		shell:  &shell{t: t, dir: t.TempDir(), env: map[string]string{}},
		rng:    rng,
		data:   emulator.NewDataset(),
		window: pipeline.Window{Start: start, End: start.Add(6 * time.Hour)},
		late:   late,
	}
	columns := []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Id", Type: pipeline.String},
		{Name: "N", Type: pipeline.Long}, {Name: "Text", Type: pipeline.String}}
	for i, name := range chaosTables {
		if err := w.data.Add(&kql.Table{Name: name, Columns: columns}); err != nil {
			t.Fatal(err)
		}
		w.arrive(name, 150+50*i, nil)
	}
	w.service = newEmulator(t, emulator.Config{Data: w.data, Seed: rng.Uint64(), CacheLifetime: -1,
		Limits: emulator.Limits{Rows: chaosLimit, Requests: -1, Concurrency: -1}})
	server := httptest.NewServer(w.service)
	t.Cleanup(server.Close)
	w.write("main.kustash.hcl", w.pipeline(server.URL))
	return w
}

// arrive adds rows to a table. What ingested is nil for has arrived long ago.
func (w *world) arrive(table string, n int, ingested func() time.Time) {
	w.t.Helper()
	var rows []emulator.Row
	for range n {
		offset := w.rng.Int64N(w.window.Ticks())
		switch w.rng.IntN(6) {
		case 0: // exactly on an hour
			offset -= offset % int64(time.Hour/pipeline.TickSize)
		case 1, 2: // on one tick, together more than an answer holds
			if table == "Crowd_CL" {
				offset = w.window.Ticks() / 3
			}
		}
		w.rows++
		row := emulator.Row{
			"TimeGenerated": (pipeline.TickOf(w.window.Start) + pipeline.Tick(offset)).Time(),
			"Id":            fmt.Sprintf("%s-%d", table, w.rows),
			"N":             int(w.rng.Int32()),
			"Text":          []string{"plain", "with, comma", "\"quoted\"", "two\nlines", "Ünïcödé 🦊", ""}[w.rng.IntN(6)],
		}
		if ingested != nil {
			row["$ingestion"] = ingested()
		}
		rows = append(rows, row)
	}
	if err := w.data.Append(table, rows...); err != nil {
		w.t.Fatal(err)
	}
}

// cutDelay is how far the cut of a run lies behind the service's now.
const cutDelay = 10 * time.Minute

// between is what the source does between two runs: with late rows, some
// arrive that no run so far can have seen, slightly out of order. A run takes
// rows older than its cut, and all cuts until now lie before now - cutDelay.
func (w *world) between() {
	if !w.late {
		return
	}
	now := time.Now().UTC()
	for _, name := range chaosTables {
		w.arrive(name, 1+w.rng.IntN(3), func() time.Time {
			at := now.Add(-cutDelay + time.Duration(1+w.rng.Int64N(int64(time.Second)))).Truncate(pipeline.TickSize)
			if at.After(w.newest) {
				w.newest = at
			}
			return at
		})
	}
}

// settled waits until a run that begins then reads every row that there is.
func (w *world) settled() {
	if w.late {
		time.Sleep(time.Until(w.newest.Add(cutDelay + 10*time.Millisecond)))
	}
}

// want returns the rows that a query has to have in the archive.
func (w *world) want(query string) (rows []string) {
	name := chaosTables[1]
	if query == "crowd" {
		name = chaosTables[0]
	}
	table, _ := w.data.Table(name)
	hours := make(map[string]int)
	for _, row := range table.Rows {
		at, n := row[0].(pipeline.Tick).Time(), row[2].(int64)
		switch query {
		case "crowd":
			rows = append(rows, fmt.Sprintf("%s|%s|%d|%s", at.Format(pipeline.TimeLayout), row[1], n, row[3]))
		case "picked":
			if n%2 == 0 {
				rows = append(rows, fmt.Sprintf("%s|%s|%s", at.Format(pipeline.TimeLayout), row[1], row[3]))
			}
		case "hourly":
			hours[fmt.Sprintf("%s|%s", pipeline.Floor(at, time.Hour).Format(pipeline.TimeLayout), row[3])]++
		}
	}
	for key, n := range hours {
		rows = append(rows, fmt.Sprintf("%s|%d", key, n))
	}
	slices.Sort(rows)
	return rows
}

// pipeline has three queries that differ in how they may be cut, each into two
// sinks, so that a run can end between them.
func (w *world) pipeline(url string) string {
	text := workspaceBlock(url) + `
sink "local" "parquet" {
  path = "archive/parquet"
  format "parquet" {}
}
sink "local" "csv" {
  path = "archive/csv"
  format "csv" {}
}
`
	step := []string{"auto", "1h", "2h"}[w.rng.IntN(3)]
	for name, q := range map[string][2]string{
		"crowd":  {"Crowd_CL", step},
		"picked": {"Events_CL | where N % 2 == 0 | project TimeGenerated, Id, Text", "auto"},
		"hourly": {"Events_CL | summarize Rows = count() by bin(TimeGenerated, 1h), Text", "1h"},
	} {
		text += fmt.Sprintf(`
query %q {
  workspace = workspace.w
  kql       = %q
  window {
    start    = %q
    end      = %q
    slice    = %q
    lookback = "30d"
  }
  sinks = [sink.parquet, sink.csv]
}
`, name, q[0], w.window.Start.Format(time.RFC3339), w.window.End.Format(time.RFC3339), q[1])
	}
	return text
}
