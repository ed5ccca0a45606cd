package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// tamperSinks are the sinks of the archive that is tampered with, each with the
// extension of its files.
var tamperSinks = map[string]string{"parquet": ".parquet", "csv": ".csv", "gz": ".csv.gz", "jsonl": ".jsonl"}

func tamperPipeline(url string, w pipeline.Window) string {
	return fmt.Sprintf(workspaceBlock(url)+`
sink "local" "parquet" { path = "parquet" }
sink "local" "csv" {
  path = "csv"
  format "csv" {}
}
sink "local" "gz" {
  path = "gz"
  format "csv" { compression = "gzip" }
}
sink "local" "jsonl" {
  path = "jsonl"
  format "jsonl" {}
}
query "q" {
  workspace = workspace.w
  kql       = "Fault_CL"
  window {
    start = %q
    end   = %q
    slice = "1h"
  }
  sinks = [sink.parquet, sink.csv, sink.gz, sink.jsonl]
}
`, w.Start.Format(pipeline.TimeLayout), w.End.Format(pipeline.TimeLayout))
}

// tampered is a folder with a pipeline, its state and what it has exported.
type tampered struct {
	t   *testing.T
	dir string
}

// files returns the data files of a sink, in order.
func (a tampered) files(sink string) []string {
	a.t.Helper()
	all := filesBelow(a.t, filepath.Join(a.dir, sink, "q"), tamperSinks[sink])
	if len(all) < 3 {
		a.t.Fatalf("sink %s has the files %q, want some", sink, all)
	}
	return all
}

func (a tampered) segments() []string {
	a.t.Helper()
	all := filesBelow(a.t, filepath.Join(a.dir, ".kustash", "ledger"), ".jsonl")
	if len(all) < 5 {
		a.t.Fatalf("the ledger has the segments %q, want some", all)
	}
	return all
}

func (a tampered) check(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a tampered) read(path string) []byte {
	a.t.Helper()
	raw, err := os.ReadFile(path)
	a.check(err)
	return raw
}

func (a tampered) write(path string, data []byte) {
	a.t.Helper()
	a.check(os.WriteFile(path, data, 0o666))
}

func (a tampered) remove(paths ...string) {
	a.t.Helper()
	for _, path := range paths {
		a.check(os.Remove(path))
	}
}

func (a tampered) swap(one, other string) {
	a.t.Helper()
	first := a.read(one)
	a.write(one, a.read(other))
	a.write(other, first)
}

// flip changes a bit in the middle of a file.
func (a tampered) flip(path string) string {
	a.t.Helper()
	raw := a.read(path)
	raw[len(raw)/2] ^= 1
	a.write(path, raw)
	return path
}

// edit changes a segment as somebody would who knows the format: all of its own
// hashes are right afterwards.
func (a tampered) edit(path, old, new string) {
	a.t.Helper()
	raw := string(a.read(path))
	edited := strings.Replace(raw, old, new, 1)
	if edited == raw {
		a.t.Fatalf("%s has no %q", path, old)
	}
	_, before, _ := strings.Cut(raw, "\n")
	line, body, _ := strings.Cut(edited, "\n")
	head, _, _ := strings.Cut(line, `,"sum":"`)
	head = strings.Replace(head, hexSum(before), hexSum(body), 1)
	a.write(path, []byte(head+`,"sum":"`+hexSum(head)+"\"}\n"+body))
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func metaOf(file string) string {
	return filepath.Join(filepath.Dir(file), "_"+filepath.Base(file)+".meta.json")
}

// tampering is something done to an archive or its state.
type tampering struct {
	name  string
	do    func(a tampered) (names []string) // what has to be named
	types []string                          // of the findings
	says  []string
	// repair is what the advice says: arguments of commands, or for findings
	// that name one, "advice". Afterwards verify finds nothing.
	repair []string
}

// Whatever is done to an archive or its state, verify finds it, names it and
// says what to do; and that helps.
func TestTampering(t *testing.T) {
	url, w, want := rowsSource(t)
	sound := exportedArchive(t, url, w)
	for _, c := range slices.Concat(tamperedFiles(), tamperedState()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(sound.dir)); err != nil {
				t.Fatal(err)
			}
			s := &shell{t: t, dir: dir}
			names := c.do(tampered{t, dir})
			findings := c.verify(t, s, names)
			if len(c.repair) == 0 {
				return
			}
			c.follow(t, s, findings)
			if code, output := s.run("verify"); code != exitDone || !strings.Contains(output, "no findings") {
				t.Errorf("verify after the repair: exit %d\n%s", code, output)
			}
			if got := csvRows(t, filepath.Join(dir, "csv")); !slices.Equal(got, want) {
				t.Errorf("after the repair the archive holds %d rows, want %d: %s", len(got), len(want), firstDifference(got, want))
			}
		})
	}
}

// A sample leaves out reading, not looking: what is gone, cut short or strange
// is found, and the files that are read are the same ones each time.
func TestTamperingBesideSample(t *testing.T) {
	url, w, _ := rowsSource(t)
	sound := exportedArchive(t, url, w)
	for name, c := range map[string]struct {
		do   func(a tampered, file string)
		want []string
	}{
		"gone":      {func(a tampered, file string) { a.remove(file) }, []string{"missing"}},
		"cut short": {func(a tampered, file string) { a.write(file, a.read(file)[:100]) }, []string{"damaged"}},
		"a bit":     {func(a tampered, file string) { a.flip(file) }, nil}, // which only reading finds
		"a stranger": {func(a tampered, file string) {
			a.write(filepath.Join(filepath.Dir(file), "stranger.csv"), nil)
		}, []string{"unknown"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(sound.dir)); err != nil {
				t.Fatal(err)
			}
			a := tampered{t, dir}
			c.do(a, a.files("csv")[1])
			s := &shell{t: t, dir: dir}
			code, lines := s.run("verify", "-json", "-sample=0.0001%") // of 24 files none
			var types []string
			for line := range strings.Lines(lines) {
				var f finding
				if err := json.Unmarshal([]byte(line), &f); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				if f.Type != "" && f.Type != "summary" {
					types = append(types, f.Type)
				}
			}
			if !slices.Equal(types, c.want) || (code == exitDone) != (len(c.want) == 0) || !strings.Contains(lines, `"files":0`) {
				t.Errorf("exit %d, findings %q, want %q\n%s", code, types, c.want, lines)
			}
		})
	}
}

// rowsSource serves the rows of tamperPipeline as long as the test runs, and
// returns them as CSV has them.
func rowsSource(t *testing.T) (url string, w pipeline.Window, want []string) {
	t.Helper()
	w = faultWindow()
	rows, want := faultRows(w)
	data := emulator.NewDataset()
	if err := data.Add(&kql.Table{Name: "Fault_CL", Rows: rows, Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime},
		{Name: "N", Type: pipeline.Long}, {Name: "Text", Type: pipeline.String}}}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newEmulator(t, emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1, Concurrency: -1}}))
	t.Cleanup(server.Close)
	return server.URL, w, want
}

// exportedArchive has exported all rows, in two runs.
func exportedArchive(t *testing.T, url string, w pipeline.Window) *shell {
	t.Helper()
	s := &shell{t: t, dir: t.TempDir()}
	s.write("main.kustash.hcl", tamperPipeline(url, w))
	half := w.Start.Add(w.End.Sub(w.Start) / 2).Format(pipeline.TimeLayout)
	for _, args := range [][]string{{"apply", "-auto-approve", "-parallelism=1", "-to=" + half}, {"apply", "-auto-approve"}, {"verify"}} {
		if code, output := s.run(args...); code != exitDone {
			t.Fatalf("%s: exit %d\n%s", args[0], code, output)
		}
	}
	return s
}

// verify runs the verb in both forms and returns what it has found.
func (c tampering) verify(t *testing.T, s *shell, names []string) (findings []finding) {
	t.Helper()
	code, output := s.run("verify")
	if code != exitFailed {
		t.Errorf("verify: exit %d, want %d", code, exitFailed)
	}
	jsonCode, lines := s.run("verify", "-json")
	if jsonCode != exitFailed {
		t.Errorf("verify -json: exit %d, want %d", jsonCode, exitFailed)
	}
	for _, words := range slices.Concat(names, c.says) {
		for form, text := range map[string]string{"verify": output, "verify -json": lines} {
			if !strings.Contains(text, words) {
				t.Errorf("%s does not say %q", form, words)
			}
		}
	}
	var types []string
	for n, line := range slices.Collect(strings.Lines(lines)) {
		var f struct {
			finding
			Version string `json:"format_version"`
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Errorf("verify -json: %q: %v", line, err)
		}
		switch {
		case n == 0:
			if f.Version == "" {
				t.Errorf("verify -json: the first line has no version: %s", line)
			}
		case f.Type != "summary":
			if f.Advice == "" && f.Type != "open" && f.Type != "foreign" {
				t.Errorf("a finding says nothing of what to do: %s", line)
			}
			findings = append(findings, f.finding)
			types = append(types, f.Type)
		}
	}
	slices.Sort(types)
	if types = slices.Compact(types); !slices.Equal(types, c.types) {
		t.Errorf("the findings are %q, want %q", types, c.types)
	}
	if t.Failed() {
		t.Logf("verify said:\n%s\nverify -json said:\n%s", output, lines)
	}
	return findings
}

// follow does what the findings advise.
func (c tampering) follow(t *testing.T, s *shell, findings []finding) {
	t.Helper()
	var commands [][]string
	for _, command := range c.repair {
		if command != "advice" {
			commands = append(commands, strings.Fields(command))
			continue
		}
		for _, f := range findings {
			_, again, ok := strings.Cut(f.Advice, ": kustash ")
			if !ok {
				t.Errorf("the advice names no command: %q", f.Advice)
			}
			commands = append(commands, append(strings.Fields(strings.ReplaceAll(again, "'", "")), "-auto-approve"))
		}
	}
	for _, args := range commands {
		if code, output := s.run(args...); code != exitDone {
			t.Errorf("%q: exit %d\n%s", args, code, output)
		}
	}
}
