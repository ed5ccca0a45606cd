package local_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/local"
	"github.com/kustash/kustash/sinks/sinktest"
)

func open(t *testing.T, dir string) *local.Store {
	t.Helper()
	s, err := local.New(local.Config{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	sinktest.Store(t, func(t *testing.T) sinks.Store { return open(t, t.TempDir()+"/archive") })
}

var ctx = context.Background()

// publish writes one object; its metadata lies beside it.
func publish(t *testing.T, s sinks.Store, key, data, lineage string) error {
	t.Helper()
	o, err := s.Create(ctx, key)
	if err != nil {
		return err
	}
	defer o.Abort()
	if _, err := o.Write([]byte(data)); err != nil {
		return err
	}
	if err := o.Prepare(ctx, sinks.Metadata{Lineage: lineage}); err != nil {
		return err
	}
	return o.Commit(ctx)
}

func TestNewRefuses(t *testing.T) {
	for _, path := range []string{"", "  ", "a\x00b"} {
		var setting *pipeline.SettingError
		if _, err := local.New(local.Config{Path: path}); !errors.As(err, &setting) || setting.Name != "path" {
			t.Errorf("%q: %v, want an error about path", path, err)
		}
	}
}

// tree lists all files below dir.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, err = filepath.Rel(dir, name)
			found = append(found, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFilesOnDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := publish(t, s, "a/date=2026-01-01/x.csv", "data", "l"); err != nil {
		t.Fatal(err)
	}
	want := []string{"a/date=2026-01-01/_x.csv.meta.json", "a/date=2026-01-01/x.csv"}
	if got := tree(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	raw, err := os.ReadFile(filepath.Join(dir, want[0]))
	if err != nil || !strings.Contains(string(raw), `"lineage": "l"`) {
		t.Errorf("metadata %s, %v", raw, err)
	}
	other := filepath.Join(dir, "by hand")
	if err := os.WriteFile(other, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	byHand, err := os.Stat(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != byHand.Mode() {
			t.Errorf("%s has the mode %v, %v, want that of any file, %v", name, info.Mode(), err, byHand.Mode())
		}
	}
}

// Metadata of an object that never came is replaced; that of one that is there
// stays, even if another commit to its name came close.
func TestMetadataOfAnotherAttempt(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	meta := filepath.Join(dir, "a", "_x.csv.meta.json")
	if err := os.Mkdir(filepath.Dir(meta), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(meta, []byte(`{"lineage":"crashed"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := publish(t, s, "a/x.csv", "first", "first"); err != nil {
		t.Fatal(err)
	}
	if err := publish(t, s, "a/x.csv", "second", "second"); !errors.Is(err, pipeline.ErrExists) {
		t.Fatalf("second commit: %v, want %v", err, pipeline.ErrExists)
	}
	raw, err := os.ReadFile(meta)
	if err != nil || !strings.Contains(string(raw), `"first"`) {
		t.Errorf("metadata %s, %v, want that of the first", raw, err)
	}
	if err := os.WriteFile(meta, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := s.Open(ctx, "a/x.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.Metadata(ctx); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("damaged metadata: %v, want %v", err, pipeline.ErrMismatch)
	}
}

// Without its metadata a text file is not what was written.
func TestVerifyWithoutMetadata(t *testing.T) {
	dir := t.TempDir()
	format, err := csv.New(csv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := sinks.New(sinks.Options{Format: format, Store: open(t, dir)})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := s.Begin(ctx, sinktest.File(1, sinktest.Columns))
	if err != nil {
		t.Fatal(err)
	}
	r, err := tx.Prepare(ctx)
	if err == nil {
		err = tx.Commit(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ctx, r); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, filepath.FromSlash(r.Key))
	if err := os.Remove(filepath.Join(filepath.Dir(name), "_"+filepath.Base(name)+".meta.json")); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ctx, r); !errors.Is(err, pipeline.ErrMismatch) || !strings.Contains(err.Error(), "metadata") {
		t.Errorf("verify: %v, want a mismatch about the metadata", err)
	}
}

func TestSymbolicLinks(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if err := os.WriteFile(filepath.Join(outside, "x.csv"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "x.csv"), filepath.Join(dir, "x.csv")); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	for _, key := range []string{"link/new.csv", "link/deep/new.csv"} {
		if err := publish(t, s, key, "x", "l"); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("write to %s: %v, want an error about the link", key, err)
		}
	}
	if err := publish(t, s, "x.csv", "new", "l"); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("write over a linked file: %v, want %v", err, pipeline.ErrExists)
	}
	if _, err := s.Open(ctx, "link/x.csv"); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("read through a linked folder: %v", err)
	}
	if _, err := s.Open(ctx, "x.csv"); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("read a linked file: %v, want %v", err, pipeline.ErrMismatch)
	}
	if got := tree(t, outside); !slices.Equal(got, []string{"x.csv"}) {
		t.Errorf("outside the root there are %v", got)
	}
	// The root itself may be a link.
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Symlink(outside, root); err != nil {
		t.Fatal(err)
	}
	linked := open(t, root)
	if err := publish(t, linked, "a/y.csv", "y", "l"); err != nil {
		t.Errorf("below a linked root: %v", err)
	}
	found := 0
	if err := linked.List(ctx, func(key string, _ int64) error {
		if key == "a/y.csv" || key == "x.csv" {
			found++
		}
		return nil
	}); err != nil || found != 2 {
		t.Errorf("list below a linked root: %d of 2 objects, %v", found, err)
	}
}

func TestInTheWay(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "a", "x.csv"), 0o777); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if err := publish(t, s, "file/x.csv", "x", "l"); err == nil || !strings.Contains(err.Error(), "a file where a folder must be") {
		t.Errorf("a file for a folder: %v", err)
	}
	if err := publish(t, s, "a/x.csv", "x", "l"); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("a folder for a file: %v, want %v", err, pipeline.ErrExists)
	}
	if _, err := s.Open(ctx, "a/x.csv"); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("open a folder: %v, want %v", err, pipeline.ErrMismatch)
	}
	inFile := open(t, filepath.Join(dir, "file"))
	if err := publish(t, inFile, "x.csv", "x", "l"); err == nil || !strings.Contains(err.Error(), "the sink's folder") {
		t.Errorf("a file for the root: %v", err)
	}
	if _, err := inFile.Open(ctx, "x.csv"); err == nil || errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("open below a file: %v, want an error that is not %v", err, pipeline.ErrMissing)
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		t.Skip("this user may write anywhere")
	}
	if err := publish(t, open(t, dir), "x.csv", "x", "l"); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), dir) {
		t.Errorf("write: %v, want an error that names %s", err, dir)
	}
}

// A run that crashed leaves temporary files; the next one removes them, and
// nothing else.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Sweep(ctx); err != nil {
		t.Errorf("before the first object: %v", err)
	}
	if err := publish(t, s, "a/kept.csv", "x", "l"); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	o, err := s.Create(ctx, "a/lost.csv")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Prepare(ctx, sinks.Metadata{Lineage: "l"}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); len(got) != len(before)+2 {
		t.Fatalf("files %v: the test has left nothing to sweep", got)
	}
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); !slices.Equal(got, before) {
		t.Errorf("files %v, want %v", got, before)
	}
	if err := o.Commit(ctx); err == nil || errors.Is(err, pipeline.ErrExists) {
		t.Errorf("commit of what was swept: %v, want an error", err)
	}
	if err := o.Abort(); err != nil {
		t.Errorf("abort of it: %v", err)
	}
	if _, err := s.Open(ctx, "a/lost.csv"); !errors.Is(err, pipeline.ErrMissing) {
		t.Errorf("open of it: %v, want %v", err, pipeline.ErrMissing)
	}
}
