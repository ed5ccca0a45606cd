package durable_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kustash/kustash/internal/durable"
)

// Try leaves everything as it was: what is there, and what is not.
func TestTry(t *testing.T) {
	top := t.TempDir()
	if err := durable.Create(filepath.Join(top, "there", "file"), []byte("mine")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir string
		ok  bool
	}{
		{"there", true},
		{"there/a/b", true},
		{"absent/a/b", true},
		{"there/file", false},
		{"there/file/a", false},
		{"absent/\x00/a", false},
	} {
		f := &durable.Folder{Path: filepath.Join(top, c.dir)}
		if err := f.Try("below"); (err == nil) != c.ok {
			t.Errorf("%q: %v, want success %v", c.dir, err, c.ok)
		}
		if got, want := names(t, top), []string{"there"}; !slices.Equal(got, want) {
			t.Fatalf("%q left %q, want %q", c.dir, got, want)
		}
		if got, want := names(t, filepath.Join(top, "there")), []string{"file"}; !slices.Equal(got, want) {
			t.Fatalf("%q left %q, want %q", c.dir, got, want)
		}
	}
	if got := read(t, filepath.Join(top, "there", "file")); got != "mine" {
		t.Errorf("the file holds %q", got)
	}
}

func TestTryReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		_ = f.Close()
		t.Skip("this user may write anywhere")
	}
	for _, below := range []string{".", "a/b"} {
		f := &durable.Folder{Path: filepath.Join(dir, below)}
		if err := f.Try("."); !os.IsPermission(err) {
			t.Errorf("%s: %v, want that it is not permitted", below, err)
		}
	}
}
