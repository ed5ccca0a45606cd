//go:build unix

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// piecesWorld is a world of the chaos test whose files hold few rows or bytes.
func piecesWorld(t *testing.T, seed uint64) *round {
	r := &round{world: newWorld(t, rand.New(rand.NewPCG(seed, 79)), false), report: &chaosReport{}, tally: &chaosTally{}}
	text := r.read("main.kustash.hcl")
	text = strings.Replace(text, `path = "archive/parquet"`, "path = \"archive/parquet\"\n  max_rows = 5", 1)
	text = strings.Replace(text, `path = "archive/csv"`, "path = \"archive/csv\"\n  max_file_size = \"400B\"", 1)
	r.write("main.kustash.hcl", text)
	return r
}

// filesOf returns the data files of a sink, in order.
func (r *round) filesOf(folder string) (files []string) {
	r.t.Helper()
	all, err := filepath.Glob(filepath.Join(r.dir, "archive", folder, "*", "*", "[0-9]*"))
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// A sink that bounds its files has the rows of a slice in several, each row
// once, and they count together through everything that can happen to them.
func TestPieces(t *testing.T) {
	r := piecesWorld(t, 1)
	if code, output := r.run("apply", "-auto-approve"); code != exitDone {
		t.Fatalf("apply: exit %d\n%s", code, output)
	}
	r.complete()
	several := 0
	for _, file := range r.filesOf("parquet") {
		rows, err := rowsOfFile(t, file)
		if err != nil || len(rows) > 5 || len(rows) == 0 {
			t.Errorf("%s holds %d rows, %v, want 1 to 5", filepath.Base(file), len(rows), err)
		}
		if !strings.Contains(filepath.Base(file), "-f1-") {
			several++
		}
	}
	if several == 0 {
		t.Error("no slice has several files, so the test shows nothing")
	}
	for _, file := range r.filesOf("csv") {
		if info, err := os.Stat(file); err != nil || info.Size() > 400+1500 {
			t.Errorf("%s has %d bytes, %v, want about 400", filepath.Base(file), info.Size(), err)
		}
	}
	if code, output := r.run("apply", "-auto-approve", "-replace=query.crowd"); code != exitDone {
		t.Fatalf("replace: exit %d\n%s", code, output)
	}
	r.complete()

	// A piece that is lost has its slice read, or copied, again as a whole.
	lost := r.filesOf("parquet")[several/2]
	if err := os.Remove(lost); err != nil {
		t.Fatal(err)
	}
	r.complete()
}

// A state is made again from pieces that are all there, and from no others.
func TestPiecesRebuild(t *testing.T) {
	r := piecesWorld(t, 2)
	r.complete()
	forget := func() {
		t.Helper()
		manifests, err := filepath.Glob(filepath.Join(r.dir, "archive", "*", "_kustash", "manifest-*"))
		if err != nil || len(manifests) == 0 {
			t.Fatalf("no manifests, %v", err)
		}
		for _, name := range append(manifests, filepath.Join(r.dir, ".kustash")) {
			if err := os.RemoveAll(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	forget()
	if code, output := r.run("state", "rebuild"); code != exitDone || strings.Contains(output, "piece") {
		t.Fatalf("rebuild from all files: exit %d\n%s", code, output)
	}
	r.complete()

	var last string // piece of some slice of several
	for _, file := range r.filesOf("parquet") {
		if strings.Contains(file, "-f2-") {
			last = file
		}
	}
	forget()
	if err := os.Remove(last); err != nil {
		t.Fatal(err)
	}
	code, output := r.run("state", "rebuild")
	if !strings.Contains(output, "it is a piece of a slice, and not all the others are there") {
		t.Errorf("rebuild without a piece: exit %d\n%s", code, output)
	}
	// They may hold the last copy of their rows, so they stay until somebody
	// moves them away.
	for _, file := range r.filesOf("parquet") {
		if strings.Contains(output, filepath.Base(file)) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.complete()
}

// Pieces come through kills and two runs at once.
func TestPiecesChaos(t *testing.T) {
	rounds := 1
	if os.Getenv("KUSTASH_CHAOS") == "long" {
		rounds = 10
	}
	report := &chaosReport{tallies: make(map[string]*chaosTally)}
	for i, f := range []chaosFault{
		{name: "kill -9 at a random moment", strike: killedAtRandom},
		{name: "kill -9 at a step of the commit", strike: killedAtStep},
		{name: "two runs at once, -lock=false", strike: twoRuns("-lock=false")},
	} {
		tally := report.of(f.name)
		for n := range rounds {
			r := piecesWorld(t, uint64(100*i+n))
			r.report, r.tally, r.usual = report, tally, undisturbedPieces
			f.strike(r)
			r.complete()
		}
	}
	t.Logf("\n%s", report)
}

// undisturbedPieces is about how long a run takes here; where it dies hangs on it.
const undisturbedPieces = 800 * time.Millisecond
