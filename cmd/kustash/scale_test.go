//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

const scaleQueries = 50

// scaleState writes the state of a pipeline of fifty queries and two sinks with
// n slices of one hour, the last of which ended some minutes ago.
func scaleState(b *testing.B, dir string, n int) (start time.Time) {
	b.Helper()
	ctx := context.Background()
	end := time.Now().UTC().Add(-40 * time.Minute).Truncate(time.Hour)
	hours := n / scaleQueries / 2
	start = end.Add(-time.Duration(hours) * time.Hour)
	clock := time.Now()
	l, err := ledger.Open(ctx, ledger.NewDir(filepath.Join(dir, ".kustash")), ledger.Options{Who: "bench", Tool: "bench", Now: func() time.Time { return clock }})
	if err != nil {
		b.Fatal(err)
	}
	schema := pipeline.Schema{{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Id", Type: pipeline.String}}
	var entries []pipeline.Entry
	flush := func() {
		if err := l.Append(ctx, entries...); err != nil {
			b.Fatal(err)
		}
		clock = clock.Add(6 * time.Second)
		if err := l.Renew(ctx); err != nil {
			b.Fatal(err)
		}
		entries = nil
	}
	for q := range scaleQueries {
		address := fmt.Sprintf("query.q[%q]", "T"+strconv.Itoa(q)+"_CL")
		entries = append(entries, pipeline.Entry{Kind: pipeline.KindSchema, Query: address, Columns: schema},
			pipeline.Entry{Kind: pipeline.KindQuery, Query: address, Declared: "fp1:" + address, Text: "T"})
	}
	for h := range hours {
		w := pipeline.Window{Start: start.Add(time.Duration(h) * time.Hour)}
		w.End = w.Start.Add(time.Hour)
		for q := range scaleQueries {
			table := "T" + strconv.Itoa(q) + "_CL"
			for _, sink := range []string{"local:a", "local:b"} {
				r := &pipeline.Receipt{Key: fmt.Sprintf("q/%s/date=%s/%s-f1-0123abcd.parquet", table, w.Start.Format(time.DateOnly), w.FileName()),
					Window: w, Cut: pipeline.Cut{To: w.End.Add(time.Hour)}, Rows: 1000, Bytes: 50_000, SHA256: strings.Repeat("0123456789abcdef", 4),
					Fingerprint: "fp1:" + table, Schema: schema.Hash(), Size: 300_000, Input: pipeline.Amount{Known: true, Rows: 1000, Bytes: 300_000},
					Final: end.Sub(w.End) > 73*time.Hour}
				address := fmt.Sprintf("query.q[%q]", table)
				entries = append(entries, pipeline.Entry{Kind: pipeline.KindIntended, Query: address, Sink: sink, Receipt: r},
					pipeline.Entry{Kind: pipeline.KindDone, Query: address, Sink: sink, Receipt: r})
			}
		}
		if len(entries) > 20_000 {
			flush()
		}
	}
	flush()
	if err := errors.Join(l.Checkpoint(ctx), l.Close(ctx)); err != nil {
		b.Fatal(err)
	}
	return start
}

func scalePipeline(url string, start time.Time) string {
	return workspaceBlock(url) + fmt.Sprintf(`
sink "local" "a" { path = "a" }
sink "local" "b" { path = "b" }
query "q" {
  for_each  = toset([for n in range(%d) : "T${n}_CL"])
  workspace = workspace.w
  kql       = each.value
  window { start = %q }
  sinks = [sink.a, sink.b]
}
`, scaleQueries, start.Format(time.RFC3339))
}

// BenchmarkLargeState runs status and plan as processes of their own over a
// state with many slices. It reports seconds and the most memory resident, for
// each.
func BenchmarkLargeState(b *testing.B) {
	service, err := emulator.New(emulator.Config{Data: emulator.NewDataset(), Limits: emulator.Limits{Requests: -1}})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(service)
	defer server.Close()
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		dir := b.TempDir()
		start := scaleState(b, dir, n)
		if err := os.WriteFile(filepath.Join(dir, "main.kustash.hcl"), []byte(scalePipeline(server.URL, start)), 0o666); err != nil {
			b.Fatal(err)
		}
		for _, args := range [][]string{{"status"}, {"plan", "-refresh=false"}} {
			b.Run(fmt.Sprintf("%s/slices=%d", args[0], n), func(b *testing.B) {
				status := filepath.Join(b.TempDir(), "status")
				for b.Loop() {
					c := exec.Command(os.Args[0], args...)
					c.Args[0], c.Dir = "kustash", dir
					c.Env = append(os.Environ(), "KUSTASH_TEST_STATUS="+status)
					if out, err := c.CombinedOutput(); err != nil {
						b.Fatalf("%v: %v\n%s", args, err, out)
					}
				}
				b.ReportMetric(float64(highWater(b, status))/1e6, "MB-resident")
			})
		}
	}
}
