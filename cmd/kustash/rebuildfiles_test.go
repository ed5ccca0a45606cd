package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// bringBack copies from another folder the files that a sink does not have any
// more and that choose wants, with what lies beside them. It returns how many
// data files that were.
func bringBack(t *testing.T, from, to string, choose func(name string) bool) (n int) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(from, path)
		name := filepath.Base(path)
		if err != nil || strings.HasPrefix(below, "_kustash") || !choose(strings.TrimPrefix(name, "_")) {
			return err
		}
		into := filepath.Join(to, below)
		if _, err := os.Stat(into); err == nil {
			return nil
		}
		if !strings.HasPrefix(name, "_") {
			n++
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(into, raw, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// forgetNewest removes the newest manifest of each sink, as if the last run had
// died before it could write one.
func forgetNewest(s *shell, sinks ...string) {
	s.t.Helper()
	for _, sink := range sinks {
		names, err := filepath.Glob(filepath.Join(s.dir, sink, "_kustash", "manifest-*"))
		if err != nil || len(names) < 2 {
			s.t.Fatalf("sink %s has the manifests %v, %v; want two at least", sink, names, err)
		}
		newest := slices.MaxFunc(names, strings.Compare)
		if err := os.Remove(newest); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Whatever a replacement had come to when the run died and the state was lost,
// and whether or not there are manifests, the rebuilt state and the next apply
// leave each row in one file, and every file known.
func TestRebuildAroundAReplacement(t *testing.T) {
	for name, c := range map[string]struct {
		back      func(name string) bool // of the parts that the replacement has deleted
		manifests bool
		counts    string // which of the two files count
		says      []string
	}{
		"nothing is deleted yet":        {back: func(string) bool { return true }, manifests: true, counts: "-f1-", says: []string{"the files that it was to replace are there"}},
		"nothing is deleted, untold":    {back: func(string) bool { return true }, counts: "-f1-", says: []string{"the files that it was to replace are there"}},
		"one file is deleted":           {back: func(name string) bool { return !strings.Contains(name, "-h3-") }, manifests: true, counts: "-f2-", says: []string{takenOver}},
		"one file is deleted, untold":   {back: func(name string) bool { return !strings.Contains(name, "-h3-") }, counts: "-f2-", says: []string{takenOver}},
		"all files are deleted":         {back: func(string) bool { return false }, manifests: true, counts: "-f2-"},
		"all files are deleted, untold": {back: func(string) bool { return false }, counts: "-f2-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, declare, day := rebuildShell(t)
			declare("sink.a, sink.b")
			s.expect(exitDone, []string{"apply", "-auto-approve"})
			rows := csvRows(t, filepath.Join(s.dir, "b"))
			for _, sink := range []string{"a", "b"} {
				if err := os.CopyFS(filepath.Join(s.dir, "before", sink), os.DirFS(filepath.Join(s.dir, sink))); err != nil {
					t.Fatal(err)
				}
			}
			s.expect(exitDone, []string{"apply", "-auto-approve", "-replace=" + hours(day, 9, 10)})
			back := 0
			for _, sink := range []string{"a", "b"} {
				back += bringBack(t, filepath.Join(s.dir, "before", sink), filepath.Join(s.dir, sink), func(name string) bool {
					return strings.Contains(name, "Z-h") && c.back(name)
				})
			}
			if c.manifests {
				forgetNewest(s, "a", "b")
			} else {
				s.lose("?/_kustash/manifest-*")
			}
			s.lose(".kustash")
			output := s.expect(exitDone, []string{"state", "rebuild"}, c.says...)
			removes := strings.Count(output, "the next apply removes it")
			if want := map[string]int{"-f1-": 32, "-f2-": back}[c.counts]; removes != want {
				t.Errorf("%d files are to be removed, want %d:\n%s", removes, want, output)
			}
			s.expect(exitDone, []string{"apply", "-auto-approve"})
			if got := csvRows(t, filepath.Join(s.dir, "b")); !slices.Equal(got, rows) {
				t.Errorf("the folder has other rows: %s", firstDifference(got, rows))
			}
			counting := 0
			for line := range strings.Lines(s.expect(exitDone, []string{"state", "files", "query.q"})) {
				if strings.Contains(line, "Z-h") {
					if counting++; !strings.Contains(line, c.counts) {
						t.Errorf("%s counts, want files with %s", strings.TrimSpace(line), c.counts)
					}
				}
			}
			if counting != 32 {
				t.Errorf("%d parts count, want 16 in each sink", counting)
			}
			s.expect(exitDone, []string{"verify"}, "no findings")
			s.expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
		})
	}
}

// A slice that was done without rows gives way to a file that has rows of it.
func TestRebuildFindsRowsOfAnEmptySlice(t *testing.T) {
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	service := newWatchedService(t, rowsOf(day), emulator.Limits{Rows: 60, Requests: -1})
	s := &shell{t: t, dir: t.TempDir()}
	s.write("main.kustash.hcl", copyPipeline(service, day, "sink.a, sink.b"))
	s.expect(exitDone, []string{"apply", "-auto-approve"})
	at := day.Add(7*time.Hour + time.Minute)
	if err := service.data.Append("Copy_CL", emulator.Row{"TimeGenerated": at.Format(time.RFC3339), "Id": "late", "N": int64(7), "Note": "{}"}); err != nil {
		t.Fatal(err)
	}
	s.expect(exitDone, []string{"apply", "-auto-approve", "-replace=" + hours(day, 7, 8)})
	rows := csvRows(t, filepath.Join(s.dir, "b"))
	files := s.expect(exitDone, []string{"state", "files"})
	forgetNewest(s, "a", "b")
	s.lose(".kustash")
	s.expect(exitDone, []string{"state", "rebuild"})
	if got := s.expect(exitDone, []string{"state", "files"}); got != files {
		t.Errorf("other files count:\n%s\nwant\n%s", got, files)
	}
	s.expect(exitDone, []string{"apply", "-auto-approve"})
	if got := csvRows(t, filepath.Join(s.dir, "b")); !slices.Equal(got, rows) {
		t.Errorf("the folder has other rows: %s", firstDifference(got, rows))
	}
	s.expect(exitDone, []string{"verify"}, "no findings")
}
