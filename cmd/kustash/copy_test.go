package main

import (
	"fmt"
	"io/fs"
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

// watchedService is an emulator that counts how often rows are read.
type watchedService struct {
	*emulator.Emulator
	data  *emulator.Dataset
	reads atomic.Int64
	url   string
}

func newWatchedService(t *testing.T, table *kql.Table, limits emulator.Limits) *watchedService {
	t.Helper()
	s := &watchedService{data: emulator.NewDataset()}
	if err := s.data.Add(table); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.Emulator, err = emulator.New(emulator.Config{Data: s.data, Limits: limits}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asksRows(r) {
			s.reads.Add(1)
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// rowsOf returns a table of two days up to yesterday, with a crowd on one
// instant and an hour without rows.
func rowsOf(day time.Time) *kql.Table {
	table := &kql.Table{Name: "Copy_CL", Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime},
		{Name: "Id", Type: pipeline.String}, {Name: "N", Type: pipeline.Long}, {Name: "Note", Type: pipeline.Dynamic}}}
	row := func(at time.Time, n int) {
		table.Rows = append(table.Rows, []kql.Value{pipeline.TickOf(at), fmt.Sprintf("row-%d, \"quoted\"", n), int64(n) << 40, kql.Dynamic(fmt.Sprintf(`{"n":%d}`, n))})
	}
	for i := range 180 {
		if at := day.Add(time.Duration(i) * 16 * time.Minute); at.Hour() != 7 {
			row(at.Add(time.Duration(i%3)*100), i)
		}
	}
	for i := range 150 {
		row(day.Add(9*time.Hour+12345600), 1000+i)
	}
	return table
}

const copySinks = `
sink "local" "a" {
  path = "a"
  format "parquet" {}
}
sink "local" "b" {
  path = "b"
  format "csv" {}
}
sink "local" "c" {
  path = "c"
  format "jsonl" { compression = "gzip" }
}
query "q" {
  workspace = workspace.w
  kql       = "Copy_CL // read"
  window {
    start = %q
    end   = %q
    slice = "1h"
  }
  sinks = [%s]
}
`

// A sink that is added later is filled from the one that has the slices, in
// another format, without asking the workspace for a row. A file that is lost is
// copied back, or read again where nobody has it.
func TestCopyBetweenSinks(t *testing.T) {
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	table := rowsOf(day)
	service := newWatchedService(t, table, emulator.Limits{Rows: 60, Requests: -1})
	s := &shell{t: t, dir: t.TempDir()}
	declare := func(sinks string) {
		s.write("main.kustash.hcl", workspaceBlock(service.url)+fmt.Sprintf(copySinks, day.Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly), sinks))
	}
	expect := func(wantCode int, args []string, words ...string) {
		t.Helper()
		code, output := s.run(args...)
		for _, w := range words {
			if !strings.Contains(output, w) {
				t.Errorf("%v does not say %q:\n%s", args, w, output)
			}
		}
		if code != wantCode {
			t.Fatalf("%v: exit %d, want %d\n%s", args, code, wantCode, output)
		}
	}
	declare("sink.b")
	expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	first := csvRows(t, filepath.Join(s.dir, "b"))
	if len(first) != len(table.Rows) || service.reads.Load() == 0 {
		t.Fatalf("%d rows were exported with %d reads, want all %d", len(first), service.reads.Load(), len(table.Rows))
	}
	service.reads.Store(0)

	declare("sink.b, sink.a, sink.c")
	expect(exitPending, []string{"plan", "-detailed-exitcode"}, "query.q will be copied from sink.b", " to copy.")
	expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	expect(exitDone, []string{"verify"}, "no findings")
	if n := service.reads.Load(); n != 0 {
		t.Errorf("the workspace was asked for rows %d times, want none", n)
	}

	// A place that is empty although it should not be is not taken for a loss.
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(s.dir, from), filepath.Join(s.dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	move("b", "elsewhere")
	expect(exitFailed, []string{"apply", "-auto-approve"}, "the archive's mark", "is it mounted")
	expect(exitFailed, []string{"plan"}, "the archive's mark")
	move("elsewhere", "b")
	expect(exitDone, []string{"apply", "-auto-approve"}, "No changes.")

	victim := dataFile(t, filepath.Join(s.dir, "a"))
	if err := os.Remove(victim); err != nil {
		t.Fatal(err)
	}
	expect(exitFailed, []string{"verify"}, "missing", filepath.Base(victim), "kustash apply")
	expect(exitPending, []string{"plan", "-detailed-exitcode"}, "lost: ", "will be copied from sink.b")
	expect(exitDone, []string{"apply", "-auto-approve"}, "1 slice")
	expect(exitDone, []string{"verify"}, "no findings")
	if n := service.reads.Load(); n != 0 {
		t.Errorf("the workspace was asked for rows %d times, want none", n)
	}

	key, err := filepath.Rel(filepath.Join(s.dir, "a"), dataFile(t, filepath.Join(s.dir, "a")))
	if err != nil {
		t.Fatal(err)
	}
	for sink, ext := range map[string]string{"a": ".parquet", "b": ".csv", "c": ".jsonl.gz"} {
		// In a the slice was copied back under another number.
		pattern := filepath.Join(s.dir, sink, filepath.Dir(key), strings.SplitN(filepath.Base(key), "-f", 2)[0]+"-f*"+ext)
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	expect(exitDone, []string{"apply", "-auto-approve"}, "1 slice exported")
	expect(exitDone, []string{"verify"}, "no findings")
	if service.reads.Load() == 0 {
		t.Error("nobody has the slice, and the workspace was not asked")
	}
	expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.")

	// One part of an instant is lost: the whole instant is read again.
	part := ""
	_ = filepath.WalkDir(filepath.Join(s.dir, "a"), func(path string, _ fs.DirEntry, _ error) error {
		if strings.Contains(filepath.Base(path), "Z-h") {
			part = path
		}
		return nil
	})
	if err := os.Remove(part); err != nil {
		t.Fatal(err)
	}
	expect(exitDone, []string{"plan"}, "has lost a file, and is read again")
	expect(exitDone, []string{"apply", "-auto-approve"}, "1 slice")
	expect(exitDone, []string{"verify"}, "no findings")

	// What went through Parquet and back is what it was.
	s.write("main.kustash.hcl", strings.Replace(workspaceBlock(service.url)+fmt.Sprintf(copySinks, day.Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly), "sink.a, sink.b"), `path = "b"`, `path = "b2"`, 1))
	expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!")
	if got := csvRows(t, filepath.Join(s.dir, "b2")); !slices.Equal(got, first) {
		t.Errorf("the rows have changed on the way: %s", firstDifference(got, first))
	}
}

// dataFile returns one file of an archive with rows, and not of a hash part.
func dataFile(t *testing.T, root string) string {
	t.Helper()
	found := ""
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), "_") && !strings.Contains(path, "_kustash") && !strings.Contains(d.Name(), "Z-h") {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("no file in %s: %v", root, err)
	}
	return found
}

// What does not come back from a sink as it was written, because the settings
// were others then, is read from the workspace: unless that has fewer rows by now.
func TestCopyInexact(t *testing.T) {
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	table := rowsOf(day)
	service := newWatchedService(t, table, emulator.Limits{Rows: 60, Requests: -1})
	s := &shell{t: t, dir: t.TempDir()}
	declare := func(dynamic, sinks string) {
		text := strings.Replace(copySinks, `compression = "gzip" }`, "dynamic = \""+dynamic+"\" }", 1)
		s.write("main.kustash.hcl", workspaceBlock(service.url)+fmt.Sprintf(text, day.Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly), sinks))
	}
	declare("json", "sink.c")
	if code, output := s.run("apply", "-auto-approve"); code != exitDone {
		t.Fatalf("exit %d\n%s", code, output)
	}
	declare("text", "sink.c, sink.b")
	service.reads.Store(0)
	if code, output := s.run("apply", "-auto-approve"); code != exitDone || service.reads.Load() == 0 {
		t.Fatalf("exit %d, the workspace was asked for rows %d times\n%s", code, service.reads.Load(), output)
	}
	if rows := csvRows(t, filepath.Join(s.dir, "b")); len(rows) != len(table.Rows) {
		t.Errorf("%d rows are in b, want all %d", len(rows), len(table.Rows))
	}
	for _, args := range [][]string{{"verify"}, {"plan", "-detailed-exitcode"}} {
		if code, output := s.run(args...); code != exitDone {
			t.Errorf("%v: exit %d\n%s", args, code, output)
		}
	}

	// The same where the workspace has lost some rows: nothing is filled with less.
	fewer := newWatchedService(t, &kql.Table{Name: table.Name, Columns: table.Columns, Rows: table.Rows[len(table.Rows)/2:]}, emulator.Limits{Rows: 60, Requests: -1})
	again := &shell{t: t, dir: s.dir}
	text := strings.Replace(copySinks, `path = "b"`, `path = "b2"`, 1)
	text = strings.Replace(text, `compression = "gzip" }`, `dynamic = "text" }`, 1)
	again.write("main.kustash.hcl", workspaceBlock(fewer.url)+fmt.Sprintf(text, day.Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly), "sink.c, sink.b"))
	if code, output := again.run("apply", "-auto-approve"); code != exitFailed || !strings.Contains(output, "can be had in no other way") {
		t.Errorf("from a workspace with fewer rows: exit %d\n%s", code, output)
	}
}
