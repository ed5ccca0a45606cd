package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
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

// shortTimeout gives the queries of a pipeline little time.
var shortTimeout = [2]string{`workspace "w" {`, "workspace \"w\" {\n  limits { timeout = \"5s\" }"}

// asksRows reports whether a request reads a slice, and leaves it as it was.
func asksRows(r *http.Request) bool {
	text, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	return err == nil && bytes.Contains(text, []byte(readsOnly)) && !bytes.Contains(text, []byte("take 0"))
}

// answerFirst answers the first n reads by itself.
func answerFirst(n int32, answer func(http.ResponseWriter)) func(http.Handler) front {
	return func(service http.Handler) front {
		var seen atomic.Int32
		return func(w http.ResponseWriter, r *http.Request) {
			if asksRows(r) && seen.Add(1) <= n {
				answer(w)
				return
			}
			service.ServeHTTP(w, r)
		}
	}
}

// throttledUntil refuses the first read until a date a little later.
func throttledUntil(wait time.Duration) func(http.Handler) front {
	return answerFirst(1, func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", time.Now().Add(wait).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	})
}

// withHeader adds a header to the answers to the first n reads.
func withHeader(n int32, name, value string) func(http.Handler) front {
	return func(service http.Handler) front {
		var seen atomic.Int32
		return func(w http.ResponseWriter, r *http.Request) {
			if asksRows(r) && seen.Add(1) <= n {
				w = changedHeader{w, name, value}
			}
			service.ServeHTTP(w, r)
		}
	}
}

type changedHeader struct {
	http.ResponseWriter
	name, value string
}

func (w changedHeader) Write(p []byte) (int, error) {
	w.Header().Set(w.name, w.value)
	return w.ResponseWriter.Write(p)
}

// spoiled changes the body of the first answer with rows.
func spoiled(change func([]byte) []byte) func(http.Handler) front {
	return func(service http.Handler) front {
		var seen atomic.Bool
		return func(w http.ResponseWriter, r *http.Request) {
			if !asksRows(r) || seen.Swap(true) {
				service.ServeHTTP(w, r)
				return
			}
			whole := httptest.NewRecorder()
			service.ServeHTTP(whole, r)
			for name, values := range whole.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(whole.Code)
			_, _ = w.Write(change(whole.Body.Bytes()))
		}
	}
}

// plainly keeps the service from compressing.
func plainly(service http.Handler) front {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		service.ServeHTTP(w, r)
	}
}

// unasked keeps the service from sending statistics.
func unasked(service http.Handler) front {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Prefer")
		service.ServeHTTP(w, r)
	}
}

// faultWindow is the window of the pipeline.
func faultWindow() pipeline.Window {
	start := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2).Add(6 * time.Hour)
	return pipeline.Window{Start: start, End: start.Add(6 * time.Hour)}
}

// faultRows are twenty rows of each hour, ten of each half, one of them
// exactly at its begin.
func faultRows(w pipeline.Window) (rows [][]kql.Value, want []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	half := pipeline.TickOf(w.Start.Add(30*time.Minute)) - pipeline.TickOf(w.Start)
	for i := range 120 {
		at := pipeline.TickOf(w.Start) + pipeline.Tick(i/10)*half
		if i%10 > 0 {
			at += pipeline.Tick(rng.Int64N(int64(half)))
		}
		n, text := rng.Int64(), fmt.Sprintf("row %d, %x", i, rng.Uint64())
		rows = append(rows, []kql.Value{at, n, text})
		want = append(want, fmt.Sprintf("%s|%d|%s", shown(at), n, text))
	}
	slices.Sort(want)
	return rows, want
}

// shown writes a time as the service does.
func shown(at pipeline.Tick) string {
	text := at.Time().Format("2006-01-02T15:04:05.9999999")
	return text + "Z"
}

func faultPipeline(url string, w pipeline.Window) string {
	return fmt.Sprintf(workspaceBlock(url)+`
sink "local" "a" {
  path = "a"
  format "csv" {}
}
query "q" {
  workspace = workspace.w
  kql       = "Fault_CL %s"
  window {
    start = %q
    end   = %q
    slice = "1h"
  }
  sinks = [sink.a]
}
`, readsOnly, w.Start.Format(pipeline.TimeLayout), w.End.Format(pipeline.TimeLayout))
}

// Whatever the service does, a run ends as it must and says why, and when the
// fault is over a rerun completes the archive: each row once.
func TestFaultCases(t *testing.T) {
	cases := faultCases()
	if len(cases) < 40 {
		t.Errorf("%d cases, want at least 40", len(cases))
	}
	unknown := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(unknown.Close)
	names := make(map[string]bool)
	for _, c := range cases {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
		c.text[1] = strings.Replace(c.text[1], "UNKNOWN", unknown.URL, 1)
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c faultCase) run(t *testing.T) {
	w := faultWindow()
	rows, want := faultRows(w)
	data := emulator.NewDataset()
	if err := data.Add(&kql.Table{Name: "Fault_CL", Rows: rows, Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime},
		{Name: "N", Type: pipeline.Long}, {Name: "Text", Type: pipeline.String}}}); err != nil {
		t.Fatal(err)
	}
	var service atomic.Pointer[http.Handler]
	serve := func(h http.Handler) { service.Store(&h) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*service.Load()).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	well := emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1, Concurrency: -1}, CacheLifetime: -1}
	ill := well
	ill.Faults = c.faults
	if c.change != nil {
		c.change(&ill)
	}
	faulted, sound := newEmulator(t, ill), newEmulator(t, well)
	serve(faulted)
	if c.front != nil {
		serve(c.front(faulted))
	}
	s := &shell{t: t, dir: t.TempDir()}
	text := faultPipeline(server.URL, w)
	if c.text[0] != "" && !strings.Contains(text, c.text[0]) {
		t.Fatalf("the pipeline does not hold %q", c.text[0])
	}
	s.write("main.kustash.hcl", strings.Replace(text, c.text[0], c.text[1], 1))
	code, output := s.run("apply", "-auto-approve", "-parallelism=1", "-json-into=run.jsonl")
	if code != c.exit {
		t.Errorf("exit %d, want %d", code, c.exit)
	}
	if got := ending(t, filepath.Join(s.dir, "run.jsonl")); got != c.ends {
		t.Errorf("the run ended with %q, want %q", got, c.ends)
	}
	output = strings.Join(strings.Fields(output), " ")
	for _, words := range c.says {
		if !strings.Contains(output, words) {
			t.Errorf("the run does not say %q", words)
		}
	}
	if strings.Contains(output, emulator.DemoClientSecret) {
		t.Error("the run shows the secret")
	}
	if t.Failed() {
		t.Log(output)
	}
	serve(sound)
	s.write("main.kustash.hcl", text)
	if code, output := s.run("apply", "-auto-approve", "-parallelism=1"); code != exitDone {
		t.Errorf("the run after the fault: exit %d\n%s", code, output)
	}
	if got := csvRows(t, filepath.Join(s.dir, "a")); !slices.Equal(got, want) {
		t.Errorf("the archive holds %d rows, want %d: %s", len(got), len(want), firstDifference(got, want))
	}
	if code, output := s.run("apply", "-auto-approve"); code != exitDone || !strings.Contains(output, "No changes.") {
		t.Errorf("one more run: exit %d\n%s", code, output)
	}
}

func newEmulator(t *testing.T, c emulator.Config) *emulator.Emulator {
	t.Helper()
	e, err := emulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ending reads from the events of a run how its slices ended.
func ending(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return "no plan"
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var e struct {
			Type        string
			Done, Split int
			Failed      []any
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if e.Type != "summary" {
			continue
		}
		var parts []string
		for _, p := range []struct {
			n    int
			what string
		}{{e.Done, "done"}, {e.Split, "split"}, {len(e.Failed), "failed"}} {
			if p.n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
			}
		}
		return strings.Join(parts, ", ")
	}
	return "no plan"
}
