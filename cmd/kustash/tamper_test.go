package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// tampered is what somebody does to an archive or its state, and what verify has
// to say of it.
type tampered struct {
	name  string
	do    func(t *testing.T, dir string) (named string) // returns what has to be named
	words []string
}

// one returns the nth file that matches.
func one(t *testing.T, dir, pattern string, n int) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil || len(names) <= n {
		t.Fatalf("%d files are %s, %v", len(names), pattern, err)
	}
	return names[n]
}

func edit(t *testing.T, name string, change func([]byte) []byte) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	changed := change(bytes.Clone(raw))
	if bytes.Equal(raw, changed) {
		t.Fatalf("%s stayed as it was", name)
	}
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Base(name)
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[len(b)*at/100] ^= 1; return b }
}

func swapFiles(t *testing.T, a, b string) string {
	t.Helper()
	for _, move := range [][2]string{{a, a + ".tmp"}, {b, a}, {a + ".tmp", b}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Base(a)
}

func remove(t *testing.T, name string) string {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	return filepath.Base(name)
}

func tamperings() []tampered {
	const segments = ".kustash/ledger/*.jsonl"
	last := func(t *testing.T, dir string) string {
		names, _ := filepath.Glob(filepath.Join(dir, segments))
		return names[len(names)-1]
	}
	all := []tampered{
		{"two files swapped", func(t *testing.T, dir string) string {
			return swapFiles(t, one(t, dir, "a/q/*/2*.parquet", 1), one(t, dir, "a/q/*/2*.parquet", 2))
		}, []string{"damaged", "to read it again: kustash apply -replace='query.q@"}},
		{"file deleted", func(t *testing.T, dir string) string { return remove(t, one(t, dir, "a/q/*/2*.parquet", 1)) },
			[]string{"missing", `"kustash apply" brings them back`}},
		{"metadata deleted", func(t *testing.T, dir string) string {
			return strings.TrimSuffix(strings.TrimPrefix(remove(t, one(t, dir, "b/q/*/_2*.meta.json", 1)), "_"), ".meta.json")
		}, []string{"damaged", "the metadata beside it is missing"}},
		{"file cut short", func(t *testing.T, dir string) string {
			return edit(t, one(t, dir, "b/q/*/2*.csv", 1), func(b []byte) []byte { return b[:len(b)-3] })
		}, []string{"damaged", "bytes, the receipt"}},
		{"strange file", func(t *testing.T, dir string) string {
			name := filepath.Join(filepath.Dir(one(t, dir, "b/q/*/2*.csv", 0)), "stranger.csv")
			if err := os.WriteFile(name, []byte("a,b\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return "stranger.csv"
		}, []string{"unknown", "move them out of the sink's folder"}},
		{"mark of another state", func(t *testing.T, dir string) string {
			edit(t, filepath.Join(dir, "a/_kustash/lineage.json"), func(b []byte) []byte { return bytes.Replace(b, []byte(`"lineage":"`), []byte(`"lineage":"0`), 1) })
			return "sink.a"
		}, []string{"foreign", "belongs to the ledger"}},
		{"mark deleted", func(t *testing.T, dir string) string { return remove(t, filepath.Join(dir, "a/_kustash/lineage.json")) },
			[]string{"marker", "is it mounted"}},
		{"last segment dropped", func(t *testing.T, dir string) string { return remove(t, last(t, dir)) },
			[]string{"is missing", "restore it from a copy of the state"}},
		{"last segment and lock dropped", func(t *testing.T, dir string) string {
			remove(t, filepath.Join(dir, ".kustash/lock.json"))
			return remove(t, last(t, dir))
		}, []string{"is missing"}},
		{"last segment and all that has seen it dropped", func(t *testing.T, dir string) string {
			remove(t, filepath.Join(dir, ".kustash/lock.json"))
			if err := os.RemoveAll(filepath.Join(dir, ".kustash/checkpoints")); err != nil {
				t.Fatal(err)
			}
			remove(t, last(t, dir))
			return "sink.a"
		}, []string{"manifest", "the ledger ends with"}},
		{"segment in the middle dropped", func(t *testing.T, dir string) string { return remove(t, one(t, dir, segments, 2)) }, []string{"is missing"}},
		{"two segments swapped", func(t *testing.T, dir string) string {
			return swapFiles(t, one(t, dir, segments, 2), one(t, dir, segments, 3))
		}, []string{"it says that it is segment"}},
		{"old segment edited", func(t *testing.T, dir string) string {
			return edit(t, one(t, dir, segments, 1), func(b []byte) []byte { return bytes.Replace(b, []byte(`"rows":`), []byte(`"rows":1`), 1) })
		}, []string{"do not match their hash"}},
		{"header edited", func(t *testing.T, dir string) string {
			return edit(t, one(t, dir, segments, 1), func(b []byte) []byte { return bytes.Replace(b, []byte(`"who":"`), []byte(`"who":"x`), 1) })
		}, []string{"header does not match its hash"}},
	}
	for sink, pattern := range map[string]string{"a": "a/q/*/2*.parquet", "b": "b/q/*/2*.csv", "c": "c/q/*/2*.jsonl.gz"} {
		for _, at := range []int{1, 50, 99} {
			all = append(all, tampered{fmt.Sprintf("byte flipped at %d %% in %s", at, sink), func(t *testing.T, dir string) string {
				return edit(t, one(t, dir, pattern, 3), flip(at))
			}, []string{"damaged", "its SHA-256 is"}})
		}
	}
	return all
}

// Whatever is done to an archive or to its state is found by verify, which names
// it and says what to do.
func TestTampering(t *testing.T) {
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	service := newWatchedService(t, rowsOf(day), emulator.Limits{Rows: 60, Requests: -1})
	pristine := &shell{t: t, dir: t.TempDir()}
	pristine.write("main.kustash.hcl", workspaceBlock(service.url)+fmt.Sprintf(copySinks, day.Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly), "sink.a, sink.b, sink.c"))
	for _, args := range [][]string{{"apply", "-auto-approve"}, {"apply", "-auto-approve", "-replace=query.q"}, {"verify"}} {
		if code, output := pristine.run(args...); code != exitDone {
			t.Fatalf("%v: exit %d\n%s", args, code, output)
		}
	}
	for _, test := range tamperings() {
		t.Run(test.name, func(t *testing.T) {
			s := &shell{t: t, dir: t.TempDir()}
			if err := os.CopyFS(s.dir, os.DirFS(pristine.dir)); err != nil {
				t.Fatal(err)
			}
			named := test.do(t, s.dir)
			for _, args := range [][]string{{"verify"}, {"verify", "-json"}} {
				code, output := s.run(args...)
				if code != exitFailed {
					t.Errorf("%v: exit %d, want %d\n%s", args, code, exitFailed, output)
				}
				if !strings.Contains(output, named) {
					t.Errorf("%v does not name %s:\n%s", args, named, output)
				}
				if len(args) > 1 {
					continue
				}
				for _, w := range test.words {
					if !strings.Contains(output, w) {
						t.Errorf("%v does not say %q:\n%s", args, w, output)
					}
				}
			}
		})
	}
	if code, output := pristine.run("verify"); code != exitDone || !strings.Contains(output, "no findings") {
		t.Errorf("what nobody has touched: exit %d\n%s", code, output)
	}
}
