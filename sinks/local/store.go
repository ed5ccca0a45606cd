// Package local keeps the objects of a sink as files below one folder.
//
// A file is written and synced under a temporary name in _kustash/tmp, and
// gets its own name in one step that never replaces anything. Objects that do
// not hold their own metadata have it in _<file>.meta.json beside them, which
// is there first. Folders below the root are real folders: the store neither
// reads nor writes through a symbolic link, so nothing leaves the root.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Config is the block sink "local".
type Config struct {
	// Path is the root folder. It is created when the sink is enrolled.
	Path string `hcl:"path"`
}

// Store is a sinks.Store, Sweeper, Trier and Remover. It may be used concurrently, and
// by several processes: nothing is ever replaced but metadata of objects that
// are not there.
type Store struct{ root string }

var (
	_ sinks.Store   = (*Store)(nil)
	_ sinks.Sweeper = (*Store)(nil)
	_ sinks.Remover = (*Store)(nil)
	_ sinks.Trier   = (*Store)(nil)

	_ sinks.FolderLister = (*Store)(nil)
)

// tmpDir holds objects on their way, below the root.
const tmpDir = "_kustash/tmp"

// New returns the store of the configuration. It touches nothing.
func New(c Config) (*Store, error) {
	if strings.TrimSpace(c.Path) == "" {
		return nil, &pipeline.SettingError{Name: "path", Err: errors.New("name the folder to write to, such as \"archive\"")}
	}
	if strings.ContainsRune(c.Path, 0) {
		return nil, &pipeline.SettingError{Name: "path", Err: errors.New("a path cannot hold a zero byte")}
	}
	return &Store{root: filepath.Clean(c.Path)}, nil
}

// path returns the name of a key in the file system.
func (s *Store) path(key string) (string, error) {
	if err := sinks.CheckKey(key); err != nil {
		return "", err
	}
	local, err := filepath.Localize(key)
	if err != nil {
		return "", fmt.Errorf("key %q cannot be a file here: %w", key, err)
	}
	return filepath.Join(s.root, local), nil
}

// metaPath returns the name of the metadata beside a file.
func metaPath(name string) string {
	return filepath.Join(filepath.Dir(name), "_"+filepath.Base(name)+".meta.json")
}

// realFolders reports a symbolic link or a file among the folders between the
// root and name. Folders that are not there yet are fine. The root itself may
// be a link: whoever declared it knows where it leads.
func (s *Store) realFolders(name string) error {
	switch info, err := os.Stat(s.root); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is a file where the sink's folder must be; move it away, or give the sink another path", s.root)
	}
	below, err := filepath.Rel(s.root, filepath.Dir(name))
	if err != nil || below == "." {
		return err
	}
	at := s.root
	for part := range strings.SplitSeq(below, string(filepath.Separator)) {
		at = filepath.Join(at, part)
		switch info, err := os.Lstat(at); {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link; a sink writes to real folders below its path only", at)
		case !info.IsDir():
			return fmt.Errorf("%s is a file where a folder must be; move it away", at)
		}
	}
	return nil
}

// Create implements sinks.Store. A key that is taken is noticed by Commit.
func (s *Store) Create(_ context.Context, key string) (sinks.Object, error) {
	name, err := s.path(key)
	if err != nil {
		return nil, err
	}
	if err := s.realFolders(name); err != nil {
		return nil, err
	}
	tmp := filepath.Join(s.root, filepath.FromSlash(tmpDir))
	if err := s.realFolders(filepath.Join(tmp, "x")); err != nil {
		return nil, err
	}
	if err := durable.MkdirAll(tmp); err != nil {
		return nil, fmt.Errorf("create the sink's folder: %w", err)
	}
	f, err := createTemp(tmp)
	if err != nil {
		return nil, fmt.Errorf("create a file in the sink's folder: %w", err)
	}
	return &object{store: s, name: name, file: f, tmp: f.Name()}, nil
}

// List implements sinks.Store. Temporary files are no objects.
func (s *Store) List(ctx context.Context, visit func(key string, size int64) error) error {
	if _, err := os.Stat(s.root); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	// A trailing separator makes the walk follow a root that is a link.
	top := s.root + string(filepath.Separator)
	return filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		below, err := filepath.Rel(s.root, name)
		if err != nil {
			return err
		}
		key := filepath.ToSlash(below)
		if d.IsDir() {
			if key == tmpDir {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since the folder was read
		}
		if err != nil {
			return err
		}
		return visit(key, info.Size())
	})
}

// ListFolder implements sinks.FolderLister.
func (s *Store) ListFolder(ctx context.Context, folder string, visit func(key string, size int64) error) error {
	name, err := s.path(folder)
	if err != nil {
		return err
	}
	if err := s.realFolders(filepath.Join(name, "x")); err != nil {
		return err
	}
	entries, err := os.ReadDir(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil || e.IsDir() {
			continue // gone since the folder was read, or no object
		}
		if err := visit(folder+"/"+e.Name(), info.Size()); err != nil {
			return err
		}
	}
	return nil
}

// Remove implements sinks.Remover. The file goes first: metadata without it is
// of an object that never came.
func (s *Store) Remove(ctx context.Context, key string) error {
	name, err := s.path(key)
	if err != nil {
		return err
	}
	if err := s.realFolders(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	switch err := os.Remove(name); {
	case errors.Is(err, fs.ErrNotExist):
		return pipeline.ErrMissing
	case err != nil:
		return err
	}
	if err := os.Remove(metaPath(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(filepath.Dir(name))
}

// Sweep implements sinks.Sweeper: it removes all temporary files. They are
// those of runs that crashed, because the caller holds the ledger's lock.
func (s *Store) Sweep(ctx context.Context) error {
	tmp := filepath.Join(s.root, filepath.FromSlash(tmpDir))
	if err := s.realFolders(filepath.Join(tmp, "x")); err != nil {
		return err
	}
	entries, err := os.ReadDir(tmp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(tmp, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what a crashed run left: %w", err)
		}
	}
	return nil
}
