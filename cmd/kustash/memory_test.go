//go:build linux

package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// One slice whose answer is 100 MB of JSON is exported in less than 300 MB of
// resident memory, whatever the format.
func TestMemoryOfALargeSlice(t *testing.T) {
	if testing.Short() {
		t.Skip("it moves 200 MB")
	}
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	service, err := emulator.New(emulator.Config{
		Data:      largeTable(t, day),
		Limits:    emulator.Limits{Rows: -1, Bytes: -1, GatewayBytes: -1},
		KeepOrder: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	defer server.Close()
	for _, format := range []string{"parquet", "csv"} {
		s := &shell{t: t, dir: t.TempDir()}
		s.write("main.kustash.hcl", largePipeline(server.URL, day, format))
		c := exec.Command(os.Args[0], "apply", "-auto-approve")
		c.Args[0] = "kustash"
		c.Dir = s.dir
		status := filepath.Join(t.TempDir(), "status")
		c.Env = append(os.Environ(), "KUSTASH_TEST_STATUS="+status)
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Apply complete! 1 slice exported") {
			t.Fatalf("%s: %v\n%s", format, err, out)
		}
		peak := highWater(t, status)
		t.Logf("%s: peak of %d MB resident", format, peak/1_000_000)
		if peak > 300_000_000 {
			t.Errorf("%s: peak of %d MB resident, want less than 300 MB", format, peak/1_000_000)
		}
	}
}

// highWater reads the most memory that was resident, in bytes, from what
// /proc/self/status said. Unlike rusage it does not count the parent.
func highWater(t testing.TB, name string) int64 {
	t.Helper()
	status, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatalf("no VmHWM in %s: %v", status, err)
	}
	return kib * 1024
}

func largeTable(t *testing.T, day time.Time) *emulator.Dataset {
	const rows = 80_000 // of some 1,300 bytes
	table := &kql.Table{Name: "Large_CL", Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime},
		{Name: "Id", Type: pipeline.Long}, {Name: "Host", Type: pipeline.String}, {Name: "Message", Type: pipeline.String},
		{Name: "Details", Type: pipeline.Dynamic}}}
	bytes := 0
	for i := range rows {
		noise := fmt.Sprintf("%x-%x-%x", uint64(i)*0x9E3779B97F4A7C15, uint64(i)*0xC2B2AE3D27D4EB4F, uint64(i)*0x165667B19E3779F9)
		table.Rows = append(table.Rows, []kql.Value{
			pipeline.TickOf(day) + pipeline.Tick(i)*1000, int64(i), fmt.Sprintf("host-%d", i%500),
			strings.Repeat(noise+" the quick brown fox jumps over the lazy dog; ", 8),
			kql.Dynamic(`{"noise":"` + strings.Repeat(noise, 10) + `"}`),
		})
		row := table.Rows[i]
		bytes += len(row[3].(string)) + len(row[4].(kql.Dynamic))
	}
	if bytes < 100_000_000 {
		t.Fatalf("the table has only %d bytes of text", bytes)
	}
	data := emulator.NewDataset()
	if err := data.Add(table); err != nil {
		t.Fatal(err)
	}
	return data
}

func largePipeline(url string, day time.Time, format string) string {
	return fmt.Sprintf(workspaceBlock(url)+`
sink "local" "archive" {
  path = "archive"
  format %q {}
}
query "large" {
  workspace = workspace.w
  kql       = "Large_CL"
  window {
    start = %q
    end   = %q
    slice = "1d"
  }
  sinks = [sink.archive]
}
`, format,
		day.Format(time.DateOnly), day.AddDate(0, 0, 1).Format(time.DateOnly))
}
