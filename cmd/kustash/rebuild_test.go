package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// expect runs the program, which has to end with a code and say certain words.
func (s *shell) expect(wantCode int, args []string, words ...string) string {
	s.t.Helper()
	code, output := s.run(args...)
	for _, w := range words {
		if !strings.Contains(output, w) {
			s.t.Errorf("%v does not say %q:\n%s", args, w, output)
		}
	}
	if code != wantCode {
		s.t.Fatalf("%v: exit %d, want %d\n%s", args, code, wantCode, output)
	}
	return output
}

// lose removes what a pattern names, of which there has to be something.
func (s *shell) lose(pattern string) {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, pattern))
	if err != nil || len(names) == 0 {
		s.t.Fatalf("nothing is %s: %v", pattern, err)
	}
	for _, name := range names {
		if err := os.RemoveAll(name); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A state that is lost is made again from the archive: from its manifests all
// of it, without them all but the slices that had no rows.
func TestStateRebuild(t *testing.T) {
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	table := rowsOf(day)
	service := newWatchedService(t, table, emulator.Limits{Rows: 60, Requests: -1})
	s := &shell{t: t, dir: t.TempDir()}
	declare := func(sinks string) {
		s.write("main.kustash.hcl", workspaceBlock(service.url)+fmt.Sprintf(copySinks, day.Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly), sinks))
	}
	expect, lose := s.expect, s.lose
	slice := func(hour int) string {
		return fmt.Sprintf("query.q@%s/%s", day.Add(time.Duration(hour)*time.Hour).Format(time.RFC3339), day.Add(time.Duration(hour+1)*time.Hour).Format(time.RFC3339))
	}
	declare("sink.b")
	expect(exitFailed, []string{"state", "rebuild"}, "no state to rebuild")
	expect(exitDone, []string{"apply", "-auto-approve"})
	declare("sink.b, sink.a")
	expect(exitDone, []string{"apply", "-auto-approve"})
	expect(exitDone, []string{"apply", "-auto-approve", "-replace=" + slice(9), "-replace=" + slice(3)})
	expect(exitDone, []string{"state", "rm", "-auto-approve", slice(20)})
	expect(exitDone, []string{"state", "waive", "-reason=forgotten on purpose", slice(20)})
	files := expect(exitDone, []string{"state", "files", "-json", "-all"})
	first := csvRows(t, filepath.Join(s.dir, "b"))

	// The founding of another state over the archive is refused, and says how to go on.
	lose(".kustash")
	expect(exitFailed, []string{"apply", "-auto-approve"}, "kustash state rebuild")
	expect(exitFailed, []string{"init"}, "kustash state rebuild")
	if _, err := os.Stat(filepath.Join(s.dir, ".kustash", "ledger")); err == nil {
		t.Error("another state was founded")
	}
	service.reads.Store(0)
	expect(exitDone, []string{"state", "rebuild"}, "Rebuilt:")
	expect(exitFailed, []string{"state", "rebuild"}, "here is a state")
	expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	expect(exitDone, []string{"status", "-detailed-exitcode"}, "forgotten on purpose")
	if got := expect(exitDone, []string{"state", "files", "-json", "-all"}); got != files {
		t.Errorf("the rebuilt state has other files:\n%s\nwant\n%s", got, files)
	}
	expect(exitDone, []string{"apply", "-auto-approve"}, "No changes.")

	// It can be lost again, at once or after more has been done.
	expect(exitDone, []string{"apply", "-auto-approve", "-replace=" + slice(5)})
	lose(".kustash")
	expect(exitDone, []string{"state", "rebuild"}, "Rebuilt:")
	expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")

	// Without a manifest the files speak for themselves. What had no rows is read
	// again, and an instant of which a part is gone.
	lose(".kustash")
	lose("?/_kustash/manifest-*")
	lose("a/q/*/*-h3-*")
	output := expect(exitDone, []string{"state", "rebuild"}, "Rebuilt:", "it is a part of an instant")
	if n := strings.Count(output, "Left out:"); n != 15 {
		t.Errorf("%d files are left out, want the other 15 parts:\n%s", n, output)
	}
	expect(exitPending, []string{"plan", "-detailed-exitcode"})
	lose("a/q/*/*-h?-*")
	expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	expect(exitDone, []string{"verify"}, "no findings")
	if got := csvRows(t, filepath.Join(s.dir, "b")); !slices.Equal(got, first) {
		t.Errorf("the archive has other rows: %s", firstDifference(got, first))
	}
	lose(".kustash")
	expect(exitDone, []string{"state", "rebuild"}, "Rebuilt:")
	expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")

	// A damaged file is not taken for one of the archive.
	lose(".kustash")
	lose("?/_kustash/manifest-*")
	victim := dataFile(t, filepath.Join(s.dir, "b"))
	if err := os.WriteFile(victim, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	expect(exitDone, []string{"state", "rebuild"}, filepath.Base(victim), "damaged")

	// Archives of two states do not come under one.
	lose(".kustash")
	marker := filepath.Join(s.dir, "a", "_kustash", "lineage.json")
	raw, err := os.ReadFile(marker)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(marker, []byte(strings.Replace(string(raw), `"lineage":"`, `"lineage":"0`, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	expect(exitFailed, []string{"state", "rebuild"}, "archives of two states")
}
