package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// rebuildShell has the pipeline of copySinks over a watched service; declare
// chooses the sinks of its query.
func rebuildShell(t *testing.T) (s *shell, declare func(sinks string), day time.Time) {
	day = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	service := newWatchedService(t, rowsOf(day), emulator.Limits{Rows: 60, Requests: -1})
	s = &shell{t: t, dir: t.TempDir()}
	return s, func(sinks string) { s.write("main.kustash.hcl", copyPipeline(service, day, sinks)) }, day
}

// copyPipeline is the pipeline of copySinks.
func copyPipeline(service *watchedService, day time.Time, sinks string) string {
	return workspaceBlock(service.url) + fmt.Sprintf(copySinks, day.Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly), sinks)
}

// hours names a slice of the query of copySinks.
func hours(day time.Time, from, to int) string {
	at := func(hour int) string { return day.Add(time.Duration(hour) * time.Hour).Format(time.RFC3339) }
	return "query.q@" + at(from) + "/" + at(to)
}

// An old copy of the state does not know all that the archive holds: it must not
// be gone on with.
func TestStateBehindItsArchive(t *testing.T) {
	s, declare, day := rebuildShell(t)
	declare("sink.a, sink.b")
	s.expect(exitDone, []string{"apply", "-auto-approve"})
	state, kept := filepath.Join(s.dir, ".kustash"), filepath.Join(s.dir, "old")
	if err := os.CopyFS(kept, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	s.expect(exitDone, []string{"apply", "-auto-approve", "-replace=" + hours(day, 3, 4)})
	s.lose(".kustash")
	if err := os.Rename(kept, state); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"apply", "-auto-approve", "-replace=" + hours(day, 5, 6)}} {
		s.expect(exitFailed, args, "sink.a: the state is older than the archive", "sink.b: ", "kustash state rebuild")
	}
	s.lose(".kustash")
	s.expect(exitDone, []string{"state", "rebuild"})
	s.expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	s.expect(exitDone, []string{"verify"}, "no findings")
}

// A state that was rebuilt while a sink was not declared knows nothing of it,
// and does not export into it again. Rebuilt with it, it knows what both hold,
// though their manifests are of different ledgers and the query has moved since.
func TestRebuiltWithoutASink(t *testing.T) {
	s, declare, _ := rebuildShell(t)
	declare("sink.a, sink.b")
	s.expect(exitDone, []string{"apply", "-auto-approve"})
	s.lose(".kustash")
	declare("sink.b")
	s.expect(exitDone, []string{"state", "rebuild"})
	s.expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	rename := func() { // the query, in the state and in the pipeline
		s.expect(exitDone, []string{"state", "mv", "query.q", "query.r"})
		declareQ := declare
		declare = func(sinks string) {
			declareQ(sinks)
			name := filepath.Join(s.dir, "main.kustash.hcl")
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s.write("main.kustash.hcl", strings.Replace(string(raw), `query "q"`, `query "r"`, 1))
		}
	}
	rename()
	declare("sink.a, sink.b")
	s.expect(exitFailed, []string{"plan"}, "sink.a: ", "knows nothing of the sink")
	s.expect(exitFailed, []string{"apply", "-auto-approve"}, "sink.a: ", "knows nothing of the sink")
	s.lose(".kustash")
	s.expect(exitDone, []string{"state", "rebuild"})
	s.expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")
	s.expect(exitDone, []string{"verify"}, "no findings")
}
