package local_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kustash/kustash/internal/durable/durabletest"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/local"
	"github.com/kustash/kustash/sinks/sinktest"
)

// hostile are texts that come from data, or from whoever names things, and
// that mean something to a file system.
var hostile = []string{
	"..", ".", "../..", "../../x", "..%2f..%2fx", "%2e%2e", "/x", "//host/x", `..\..\x`, `C:\x`, "C:x", "C:", `\\?\C:\x`,
	"nul", "NUL.txt", "con", "com1", "LPT9.csv", "a\x00b", "\x00", "a\nb", "a:stream", "a.", "a ", " ", "", "~", "~root", "$HOME", "*",
	"_kustash", "_kustash/tmp", ".kustash", "-rf", "\u202egpj", "..\u2215x", "．．／x", strings.Repeat("x", 80), "a/../../..",
}

// Whatever queries, their keys, tables and workspaces are called, their files
// lie below the root, among the data, and no two share one.
func TestHostileNames(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "a", "b", "root")
	for _, text := range []string{"{query}/date={date}", "{workspace}/{year}/{query}", "t={workspace}/{query}", "{workspace}{workspace}"} {
		layout, err := sinks.ParseLayout(text)
		if err != nil {
			t.Fatal(err)
		}
		store := local.NewOn(dir, durabletest.NewRecorder(top).Open) // no syncs: there are many files
		s, err := sinks.New(sinks.Options{Format: csvFormat(t), Store: store, Layout: layout})
		if err != nil {
			t.Fatal(err)
		}
		keys := make(map[string]string)
		for _, name := range hostile {
			for what, q := range map[string]pipeline.Query{
				"key":       {Address: `query.events["` + name + `"]`, Workspace: "w"},
				"quoted":    {Address: "query.events[" + strconv.Quote(name) + "]", Workspace: "w"},
				"name":      {Address: "query." + name, Workspace: "w"},
				"workspace": {Address: "query.q" + name, Workspace: name},
			} {
				f := sinktest.File(1, sinktest.Columns)
				q.Fingerprint, q.TimeColumn = f.Slice.Query.Fingerprint, f.Slice.Query.TimeColumn
				f.Slice.Query = q
				key := publishEmpty(t, s, f)
				if other, ok := keys[key]; ok && other != q.Address {
					t.Errorf("layout %s: %s and %s share the file %s", text, other, q.Address, key)
				}
				keys[key] = q.Address
				if strings.HasPrefix(key, "_") || strings.HasPrefix(key, ".") || strings.Contains(key, "/_") || strings.Contains(key, "/.") {
					t.Errorf("layout %s, %s %q: %s is hidden from readers", text, what, name, key)
				}
			}
		}
	}
	for _, name := range tree(t, top) {
		if !strings.HasPrefix(name, "a/b/root/") {
			t.Errorf("%s lies beside the root", name)
		}
	}
}

// What the store keeps for itself is no way out either.
func TestLinkedInternals(t *testing.T) {
	const theirs = `{"lineage":"theirs"}`
	for link, what := range map[string]string{
		"_kustash/tmp":          "folder",
		"_kustash":              "folder",
		"q":                     "folder",
		faultMeta:               "file",
		"_kustash/lineage.json": "file",
		"q/date=2026-01-01":     "missing",
		"none":                  "none",
	} {
		t.Run(link, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			target := filepath.Join(outside, "target")
			switch what {
			case "folder":
				if err := os.Mkdir(target, 0o777); err != nil {
					t.Fatal(err)
				}
			case "file":
				if err := os.WriteFile(target, []byte(theirs), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			name := filepath.Join(dir, filepath.FromSlash(link))
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, name); err != nil {
				t.Skipf("no symbolic links here: %v", err)
			}
			s := open(t, dir)
			writeErr := write(s, true)
			wrapped, err := sinks.New(sinks.Options{Format: csvFormat(t), Store: s})
			if err != nil {
				t.Fatal(err)
			}
			enrollErr := wrapped.Enroll(ctx, "theirs")
			if err := errors.Join(writeErr, enrollErr); what != "none" && (err == nil || !strings.Contains(err.Error(), name)) {
				t.Errorf("%v, want an error that names %s", err, name)
			}
			for _, found := range tree(t, outside) {
				if raw, err := os.ReadFile(filepath.Join(outside, found)); found != "target" || what != "file" || err != nil || string(raw) != theirs {
					t.Errorf("outside there is %s with %q, %v", found, raw, err)
				}
			}
		})
	}
	// Metadata that has become a link is found by who reads it.
	dir := t.TempDir()
	s := open(t, dir)
	if err := write(s, true); err != nil {
		t.Fatal(err)
	}
	meta := filepath.Join(dir, filepath.FromSlash(faultMeta))
	if err := os.Rename(meta, meta+".was"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(meta+".was", meta); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	c, err := s.Open(ctx, faultKey)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.Metadata(ctx); !errors.Is(err, pipeline.ErrMismatch) || !strings.Contains(err.Error(), meta) {
		t.Errorf("%v, want %v and the name %s", err, pipeline.ErrMismatch, meta)
	}
}

func csvFormat(t *testing.T) sinks.Format {
	t.Helper()
	format, err := csv.New(csv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return format
}

// publishEmpty publishes a file without rows, reads it back, and returns its
// key.
func publishEmpty(t *testing.T, s *sinks.Sink, f pipeline.File) string {
	t.Helper()
	tx, err := s.Begin(ctx, f)
	if err != nil {
		t.Fatalf("%s: %v", f.Slice.Query.Address, err)
	}
	defer tx.Abort()
	r, err := tx.Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil && !errors.Is(err, pipeline.ErrExists) {
		t.Fatalf("%s: %v", r.Key, err)
	}
	if err := s.Verify(ctx, r); err != nil {
		t.Error(err)
	}
	return r.Key
}
