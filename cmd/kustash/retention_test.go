package main

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// What the workspace has forgotten is never taken for nothing: not before it
// was read, and not after. Rows that come late are counted.
func TestRetention(t *testing.T) {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	data := emulator.NewDataset()
	if err := data.Add(&kql.Table{Name: "Old_CL", Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Id", Type: pipeline.String}}}); err != nil {
		t.Fatal(err)
	}
	row := func(at time.Time, id string) {
		t.Helper()
		if err := data.Append("Old_CL", emulator.Row{"TimeGenerated": at, "Id": id}); err != nil {
			t.Fatal(err)
		}
	}
	keep := func(days int) {
		t.Helper()
		// Rows from noon of that day on, and no row on the bound.
		if err := data.Configure("Old_CL", emulator.TableOptions{Retention: time.Since(today) + time.Duration(2*days-1)*12*time.Hour + time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	for day := 10; day >= 2; day-- {
		for hour := range 4 {
			row(today.AddDate(0, 0, -day).Add(time.Duration(6*hour)*time.Hour), fmt.Sprintf("day-%d-%d", day, hour))
		}
	}
	service, err := emulator.New(emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	defer server.Close()
	s := &shell{t: t, dir: t.TempDir()}
	s.write("main.kustash.hcl", workspaceBlock(server.URL)+fmt.Sprintf(`
sink "local" "a" {
  path = "a"
  format "csv" {}
}
query "old" {
  workspace = workspace.w
  kql       = "Old_CL"
  window {
    start    = %q
    end      = %q
    lookback = "6d"
  }
  sinks = [sink.a]
}
`, today.AddDate(0, 0, -10).Format(time.DateOnly), today.AddDate(0, 0, -1).Format(time.DateOnly)))
	expect := func(wantCode int, args []string, words ...string) {
		t.Helper()
		code, output := s.run(args...)
		for _, w := range words {
			if unwanted, not := strings.CutPrefix(w, "!"); not == strings.Contains(output, unwanted) {
				t.Errorf("%v does not say %q as it should:\n%s", args, w, output)
			}
		}
		if code != wantCode {
			t.Errorf("%v: exit %d, want %d\n%s", args, code, wantCode, output)
		}
	}
	held := func() []string { return csvRows(t, filepath.Join(s.dir, "a")) }

	keep(8) // from noon, eight days ago
	expect(exitPending, []string{"plan", "-detailed-exitcode"}, "unavailable: the oldest row that can still be read is of "+today.AddDate(0, 0, -8).Format(time.DateOnly)+"T12:00Z",
		"Plan: 7 slices to export; about 26 rows")
	expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete!", "26 rows")
	first := held()
	if len(first) != 26 || !strings.Contains(first[0], "day-8-2") {
		t.Fatalf("the archive has %d rows from %v, want the 26 that were left", len(first), first[:1])
	}
	expect(exitDone, []string{"status", "-detailed-exitcode"}, "complete", "gone     "+today.AddDate(0, 0, -10).Format(time.DateOnly), "!missing", "!failed")
	expect(exitDone, []string{"status", "-json"}, `"unavailable":[{"start":"`+today.AddDate(0, 0, -10).Format(time.DateOnly))
	expect(exitDone, []string{"plan", "-detailed-exitcode"}, "No changes.", "!unavailable")

	keep(4) // four whole days are gone by now, one of them under watch, another in half
	expect(exitDone, []string{"plan", "-detailed-exitcode"}, "shrunk: the workspace had 4 rows when it was read, and has 0 now; the archive keeps what it has", "No changes.")
	expect(exitDone, []string{"apply", "-auto-approve"}, "shrunk", "No changes.")
	expect(exitDone, []string{"status"}, "shrunk", "has 0 now", "has 2 now")
	expect(exitDone, []string{"apply", "-auto-approve"}, "No changes.", "!shrunk")

	row(today.AddDate(0, 0, -2).Add(time.Hour+1e5), "late")
	expect(exitDone, []string{"plan"}, "query.old has late rows", "1 row arrived since it was read", "Plan: 1 slice to append to")
	expect(exitDone, []string{"apply", "-auto-approve"}, "Apply complete! 1 slice")
	expect(exitDone, []string{"apply", "-auto-approve"}, "No changes.")
	want := slices.Sorted(slices.Values(append(first, today.AddDate(0, 0, -2).Add(time.Hour+1e5).Format(time.RFC3339Nano)+"|late")))
	if now := held(); !slices.Equal(now, want) {
		t.Errorf("the archive is not what it was with the late row: %s", firstDifference(now, want))
	}
	expect(exitDone, []string{"verify"}, "no findings")
}
