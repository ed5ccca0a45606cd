//go:build unix

package durable_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/kustash/kustash/internal/durable"
)

// Without a umask, private files are their owner's all the same, and others are
// everybody's.
func TestRights(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for private, want := range map[bool][2]fs.FileMode{false: {0o777, 0o666}, true: {0o700, 0o600}} {
		dir := filepath.Join(t.TempDir(), "new")
		f := &durable.Folder{Path: dir, Private: private}
		if err := f.Create("a/created", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := f.Replace("a/replaced", []byte("x")); err != nil {
			t.Fatal(err)
		}
		shared, err := f.OpenShared("a/shared")
		if err != nil {
			t.Fatal(err)
		}
		if err := shared.Close(); err != nil {
			t.Fatal(err)
		}
		for name, mode := range map[string]fs.FileMode{".": want[0], "a": want[0], "a/created": want[1], "a/replaced": want[1], "a/shared": want[1]} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode().Perm() != mode {
				t.Errorf("private %v: %s has the mode %v, %v, want %v", private, name, info.Mode(), err, mode)
			}
		}
	}
	name := filepath.Join(t.TempDir(), "plan")
	if err := os.WriteFile(name, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := durable.ReplacePrivate(name, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a private file has the mode %v, %v", info.Mode(), err)
	}
}
