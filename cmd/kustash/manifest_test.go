package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// A manifest says what was written into it, or that it does not.
func TestManifestCutShort(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var lines []manifestLine
	for i := range 3 {
		w := pipeline.Window{Start: at.Add(time.Duration(i) * time.Hour), End: at.Add(time.Duration(i+1) * time.Hour)}
		lines = append(lines, manifestLine{i + 1, pipeline.Entry{Kind: pipeline.KindDone, Query: "query.q", Sink: "local:a", Receipt: &pipeline.Receipt{Window: w}, Time: at}})
	}
	raw, err := encodeManifest(manifestHeader{Format: manifestFormat, Lineage: "l", Chain: "c", To: 3, Seq: 2}, lines)
	if err != nil {
		t.Fatal(err)
	}
	header, got, err := parseManifest(raw)
	if err != nil || header.Entries != 3 || len(got) != 3 || got[2].N != 3 || got[2].Window != lines[2].Window {
		t.Fatalf("read back: %+v, %d lines, %v", header, len(got), err)
	}
	whole := bytes.SplitAfter(raw, []byte("\n"))
	for name, spoiled := range map[string][]byte{
		"without its last line":  bytes.Join(whole[:3], nil),
		"without its first line": append(bytes.Clone(whole[0]), bytes.Join(whole[2:], nil)...),
		"only the header":        whole[0],
		"another hour":           bytes.Replace(raw, []byte("T01:00"), []byte("T01:30"), 1),
		"empty":                  nil,
	} {
		if _, _, err := parseManifest(spoiled); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A rebuild goes by no manifest that was changed, and goes on without it.
func TestRebuildWithADamagedManifest(t *testing.T) {
	s, declare, _ := rebuildShell(t)
	declare("sink.b")
	s.expect(exitDone, []string{"apply", "-auto-approve"})
	names, err := filepath.Glob(filepath.Join(s.dir, "b", "_kustash", "manifest-*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("manifests %v, %v; want one", names, err)
	}
	raw, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(raw), "\n")
	if err := os.WriteFile(names[0], []byte(strings.Join(lines[:len(lines)-5], "")), 0o666); err != nil {
		t.Fatal(err)
	}
	s.expect(exitFailed, []string{"verify"}, "manifest", "cut short")
	s.lose(".kustash")
	s.expect(exitFailed, []string{"state", "rebuild"}, "sink.b: manifest", "cut short")
	s.lose("b/_kustash/manifest-*")
	s.expect(exitDone, []string{"state", "rebuild"})
	s.expect(exitDone, []string{"apply", "-auto-approve"})
	s.expect(exitDone, []string{"verify"}, "no findings")
}
