//go:build unix

package ledger

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

// All that a ledger makes is its owner's alone, without a umask too; a folder
// that was there stays as it was.
func TestDirRights(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for name, there := range map[string]bool{"new": false, "there": true} {
		dir := filepath.Join(t.TempDir(), "state")
		if there {
			if err := os.Mkdir(dir, 0o750); err != nil {
				t.Fatal(err)
			}
		}
		l := mustOpen(t, NewDir(dir), newClock().options("first"))
		for i := range 2 * worthSegments { // so that there is a checkpoint
			mustAppend(t, l, entry(pipeline.KindIntended, key(i)))
		}
		if err := l.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustClose(t, l)
		files := 0
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			switch {
			case path == dir && there:
				want = 0o750
			case e.IsDir():
				want = 0o700
			default:
				files++
			}
			info, err := e.Info()
			if err == nil && info.Mode().Perm() != want {
				t.Errorf("%s: %s has the mode %v, want %v", name, path, info.Mode(), want)
			}
			return err
		})
		if err != nil || files < 2*worthSegments+4 {
			t.Errorf("%s: %d files, %v; the test wants locks, segments and a checkpoint", name, files, err)
		}
	}
}
