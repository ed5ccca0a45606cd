package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// shell runs the program in process, as a script would, in a directory.
type shell struct {
	t     *testing.T
	dir   string
	env   map[string]string
	clock func() time.Time // of this machine; nil is the real one
}

// run returns the exit code and everything printed.
func (s *shell) run(args ...string) (code int, output string) {
	s.t.Helper()
	var out bytes.Buffer
	lookup := func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }
	code = run(&process{
		args:   args,
		getenv: func(name string) string { return s.env[name] },
		lookup: lookup,
		dir:    s.dir,
		stdin:  strings.NewReader(""),
		stdout: &out,
		stderr: &out,
		width:  100,
		retry:  pipeline.Retry{Attempts: 5, Base: time.Millisecond, Max: 5 * time.Millisecond},
		pause:  5 * time.Millisecond,
		clock:  s.clock,
	})
	return code, out.String()
}

func (s *shell) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o666); err != nil {
		s.t.Fatal(err)
	}
}

// workspaceBlock is a workspace "w" that the emulator at url serves.
func workspaceBlock(url string) string {
	return fmt.Sprintf(`
credential "client_secret" "c" {
  tenant_id     = %q
  client_id     = %q
  client_secret = %q
  limits { requests = 100000 }
}
workspace "w" {
  workspace_id = %q
  endpoint     = %q
  authority    = %q
  auth         = credential.c
}
`, emulator.DemoTenantID, emulator.DemoClientID, emulator.DemoClientSecret, emulator.DemoWorkspaceID, url, url)
}

// randomRows has rows at random ticks of the window and around it, crowds on
// single ticks, and rows exactly on its bounds and on bounds of hours.
func randomRows(rng *rand.Rand, w pipeline.Window, n, crowd int) [][]kql.Value {
	start, ticks := pipeline.TickOf(w.Start), w.Ticks()
	hour := int64(time.Hour / pipeline.TickSize)
	perTick := make(map[pipeline.Tick]int)
	var rows [][]kql.Value
	for len(rows) < n {
		offset := rng.Int64N(ticks+4*hour) - 2*hour
		switch rng.IntN(6) {
		case 0:
			offset -= offset % hour
		case 1:
			offset = []int64{-1, 0, 1, ticks - 1, ticks, ticks + 1}[rng.IntN(6)]
		case 2:
			offset = 7*hour + rng.Int64N(3)
		}
		at := start + pipeline.Tick(offset)
		if perTick[at]++; perTick[at] > crowd {
			continue
		}
		text := []string{"plain", "with, comma", "\"quoted\"", "two\nlines", "Ünïcödé 🦊", "", " blanks "}[rng.IntN(7)]
		rows = append(rows, []kql.Value{at, fmt.Sprintf("row-%d", len(rows)), rng.Int64() - rng.Int64(), text, at + pipeline.Tick(hour/60)})
	}
	return rows
}

// Over random rows, limits and faults, and whichever ends of timespan are
// inclusive, the committed files together are the table, each row once.
func TestEveryRowOnce(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 4
	}
	parts := 0
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { parts += everyRowOnce(t, seed) })
	}
	if parts == 0 {
		t.Error("no seed has a crowd that is read in parts")
	}
}

// everyRowOnce returns how many files hold a part of an instant.
func everyRowOnce(t *testing.T, seed uint64) (parts int) {
	rng := rand.New(rand.NewPCG(seed, 99))
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -4)
	w := pipeline.Window{
		Start: day.Add(time.Duration(rng.Int64N(int64(time.Hour))) / 100 * 100),
		End:   day.Add(30*time.Hour + time.Duration(rng.Int64N(int64(time.Hour)))/100*100),
	}
	limit := 10 + rng.IntN(50)
	crowd := limit // what fits into an answer
	if seed%2 == 1 {
		limit, crowd = 8+rng.IntN(4), 300 // an hour has seven counts, which have to fit
	}
	rows := randomRows(rng, w, 300, crowd)
	data := emulator.NewDataset()
	if err := data.Add(&kql.Table{Name: "Prop_CL", Rows: rows, Columns: []kql.Column{
		{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Id", Type: pipeline.String}, {Name: "N", Type: pipeline.Long},
		{Name: "Text", Type: pipeline.String}, {Name: kql.IngestionColumn, Type: pipeline.Datetime, Hidden: true}}}); err != nil {
		t.Fatal(err)
	}
	service, err := emulator.New(emulator.Config{
		Data:         data,
		Limits:       emulator.Limits{Rows: int64(limit), Bytes: []int64{0, 4000}[rng.IntN(2)], Requests: -1, Concurrency: -1},
		TimespanEnds: emulator.Ends{StartExclusive: seed%2 == 1, EndExclusive: seed/2%2 == 1},
		OldWording:   seed%3 == 0,
		Seed:         seed,
		Faults:       randomFaults(rng),
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := []emulator.ItemID{emulator.ItemIDHidden, emulator.ItemIDAbsent, emulator.ItemIDEmpty}[rng.IntN(3)]
	if err := data.Configure("Prop_CL", emulator.TableOptions{ItemID: ids}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	defer server.Close()
	s := &shell{t: t, dir: t.TempDir()}
	s.write("main.kustash.hcl", propertyPipeline(server.URL, w, rng))
	for attempt := 1; ; attempt++ {
		code, output := s.run("apply", "-auto-approve", fmt.Sprintf("-parallelism=%d", 1+rng.IntN(4)))
		if code == exitDone {
			break
		}
		if attempt == 12 { // the faults stop; one more run must complete the archive
			if err := service.SetFaults(); err != nil {
				t.Fatal(err)
			}
		}
		if attempt > 14 {
			t.Fatalf("no run ended with 0; the last one said:\n%s", output)
		}
	}
	var want []string
	for _, row := range rows {
		if at := row[0].(pipeline.Tick); at >= pipeline.TickOf(w.Start) && at < pipeline.TickOf(w.End) {
			want = append(want, fmt.Sprintf("%s|%s|%d|%s", trimZeros(at.Time().Format(pipeline.TimeLayout)), row[1], row[2], row[3]))
		}
	}
	slices.Sort(want)
	if got, want := csvRows(t, filepath.Join(s.dir, "hours")), hourly(rows, w); !slices.Equal(got, want) {
		t.Errorf("counts by the hour: %s", firstDifference(got, want))
	}
	for _, folder := range []string{"a", "b"} {
		if got := csvRows(t, filepath.Join(s.dir, folder)); !slices.Equal(got, want) {
			t.Errorf("sink %s holds %d rows, want %d: %s", folder, len(got), len(want), firstDifference(got, want))
		}
	}
	if err := service.SetFaults(); err != nil {
		t.Fatal(err)
	}
	if code, output := s.run("apply", "-auto-approve"); code != exitDone || !strings.Contains(output, "No changes.") {
		t.Errorf("a second apply: exit %d\n%s", code, output)
	}
	if code, output := s.run("verify"); code != exitDone || !strings.Contains(output, "no findings") {
		t.Errorf("verify: exit %d\n%s", code, output)
	}
	_ = filepath.WalkDir(filepath.Join(s.dir, "a"), func(path string, _ os.DirEntry, _ error) error {
		if strings.Contains(filepath.Base(path), "Z-h") && strings.HasSuffix(path, ".csv") {
			parts++
		}
		return nil
	})
	return parts
}

// hourly counts the rows of a window by hour and text, as CSV.
func hourly(rows [][]kql.Value, w pipeline.Window) []string {
	w = pipeline.Window{Start: pipeline.Floor(w.Start, time.Hour), End: pipeline.Ceil(w.End, time.Hour)}
	counts := make(map[string]int)
	for _, row := range rows {
		if at := row[0].(pipeline.Tick).Time(); !at.Before(w.Start) && at.Before(w.End) {
			counts[fmt.Sprintf("%s|%s", pipeline.Floor(at, time.Hour).Format("2006-01-02T15:04:05Z"), row[3])]++
		}
	}
	var lines []string
	for key, n := range counts {
		lines = append(lines, fmt.Sprintf("%s|%d", key, n))
	}
	slices.Sort(lines)
	return lines
}

// trimZeros writes a time as the service does, without trailing zeros.
func trimZeros(s string) string {
	s = strings.TrimRight(strings.TrimSuffix(s, "Z"), "0")
	if dot := strings.IndexByte(s, '.'); dot < 0 { // the zeros were those of the seconds
		panic("no fraction in " + s)
	}
	return strings.TrimSuffix(s, ".") + "Z"
}

func randomFaults(rng *rand.Rand) []emulator.Fault {
	all := []emulator.Fault{
		{Action: emulator.Action{Status: 429, Body: `{"error":{"code":"ThrottledError","message":"slow down"}}`}},
		{Action: emulator.Action{Status: 503, Body: "<html>unavailable</html>"}},
		{Action: emulator.Action{Status: 500, Body: `{"error":{"code":"InternalServerFault","message":"Unexpected error occurred"}}`}},
		{Action: emulator.Action{Cut: true, CutAfter: rng.Int64N(2000)}},
		{Action: emulator.Action{Status: 200, ContentType: "application/json"}},
		{Action: emulator.Action{StatisticsRows: 1}},
		{Action: emulator.Action{ErrorFirst: true, RowsFirst: true}},
		{Action: emulator.Action{Partial: &emulator.Partial{Code: "-2133196799", Message: "Runaway query (E_RUNAWAY_QUERY)"}}},
		{Action: emulator.Action{ExtraTable: true}},
	}
	var chosen []emulator.Fault
	for _, f := range all {
		if rng.IntN(2) == 0 {
			f.Match.Probability = 0.02 + rng.Float64()*0.08
			chosen = append(chosen, f)
		}
	}
	return chosen
}

func propertyPipeline(url string, w pipeline.Window, rng *rand.Rand) string {
	slice := []string{"auto", "1h", "6h", "45m"}[rng.IntN(4)]
	layout := []string{"{query}/date={date}", "{query}", "{year}/{month}/{query}"}[rng.IntN(3)]
	return fmt.Sprintf(workspaceBlock(url)+`
sink "local" "a" {
  path   = "a"
  layout = %q
  format "csv" {}
}
sink "local" "b" {
  path = "b"
  format "csv" {}
}
query "prop" {
  workspace = workspace.w
  kql       = "Prop_CL // rows of a test"
  window {
    start = %q
    end   = %q
    slice = %q
  }
  sinks = [sink.a, sink.b]
}
sink "local" "hours" {
  path = "hours"
  format "csv" {}
}
query "hours" {
  workspace = workspace.w
  kql       = "Prop_CL | summarize count() by bin(TimeGenerated, 1h), Text"
  window {
    start = %q
    end   = %q
  }
  sinks = [sink.hours]
}
`, layout,
		w.Start.Format(pipeline.TimeLayout), w.End.Format(pipeline.TimeLayout), slice,
		pipeline.Floor(w.Start, time.Hour).Format(pipeline.TimeLayout), pipeline.Ceil(w.End, time.Hour).Format(pipeline.TimeLayout))
}

// csvRows returns the rows of all CSV files below a folder, sorted.
func csvRows(t *testing.T, dir string) []string {
	t.Helper()
	var rows []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".csv") {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		r := csv.NewReader(f)
		if _, err := r.Read(); err == io.EOF { // an empty object that fences a name still has a header
			return fmt.Errorf("%s has no header", path)
		}
		records, err := r.ReadAll()
		for _, record := range records {
			rows = append(rows, strings.Join(record, "|"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rows)
	return rows
}

func firstDifference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("missing %q", want[i])
		case i >= len(want):
			return fmt.Sprintf("too many: %q", got[i])
		case got[i] != want[i]:
			return fmt.Sprintf("got %.300q, want %.300q", got[i], want[i])
		}
	}
	return "none"
}

// read returns a file of the shell's folder.
func (s *shell) read(name string) string {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(raw)
}
