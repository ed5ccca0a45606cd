// Package local keeps the objects of a sink as files below one folder.
//
// A file is written and synced under a temporary name in _kustash/tmp, and
// gets its own name in one step that never replaces anything. Objects that do
// not hold their own metadata have it in _<file>.meta.json beside them, which
// is there first. Folders below the root are real folders: the store neither
// reads nor writes through a symbolic link, so nothing leaves the root.
//
// Files and folders have the rights that the umask leaves: an archive is there
// to be read by others, and whoever runs the tool says by whom.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
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
type Store struct{ folder durable.Folder }

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
	return &Store{durable.Folder{Path: filepath.Clean(c.Path)}}, nil
}

// check reports why no file can have the key.
func check(key string) error {
	if err := sinks.CheckKey(key); err != nil {
		return err
	}
	if _, err := filepath.Localize(key); err != nil {
		return fmt.Errorf("key %q cannot be a file here: %w", key, err)
	}
	return nil
}

// metaKey returns the name of the metadata beside a file.
func metaKey(key string) string {
	folder, name := path.Split(key)
	return folder + "_" + name + ".meta.json"
}

// Create implements sinks.Store. A key that is taken is noticed by Commit.
func (s *Store) Create(_ context.Context, key string) (sinks.Object, error) {
	if err := check(key); err != nil {
		return nil, err
	}
	if err := s.folder.Check(key); err != nil {
		return nil, fmt.Errorf("look into the sink's folder: %w", err)
	}
	data, err := s.folder.CreateTemp(tmpDir)
	if err != nil {
		return nil, fmt.Errorf("create a file in the sink's folder: %w", err)
	}
	return &object{folder: &s.folder, key: key, data: data}, nil
}

// List implements sinks.Store. Temporary files are no objects.
func (s *Store) List(ctx context.Context, visit func(key string, size int64) error) error {
	err := s.folder.Walk(func(key string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
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
	if _, statErr := os.Stat(s.folder.Path); errors.Is(err, fs.ErrNotExist) && errors.Is(statErr, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ListFolder implements sinks.FolderLister.
func (s *Store) ListFolder(ctx context.Context, folder string, visit func(key string, size int64) error) error {
	entries, err := s.folder.ReadDir(folder)
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
	if err := check(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	switch err := s.folder.Remove(key); {
	case errors.Is(err, fs.ErrNotExist):
		return pipeline.ErrMissing
	case err != nil:
		return err
	}
	if err := s.folder.Remove(metaKey(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.folder.SyncDir(path.Dir(key))
}

// Sweep implements sinks.Sweeper: it removes all temporary files. They are
// those of runs that crashed, because the caller holds the ledger's lock.
func (s *Store) Sweep(ctx context.Context) error {
	entries, err := s.folder.ReadDir(tmpDir)
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
		if err := s.folder.Remove(path.Join(tmpDir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what a crashed run left: %w", err)
		}
	}
	return nil
}

// Try implements sinks.Trier.
func (s *Store) Try(context.Context) error { return s.folder.Try(tmpDir) }
