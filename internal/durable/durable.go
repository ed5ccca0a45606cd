// Package durable makes files appear on local disk in one step, so that a
// crash or a second writer leaves a whole file or none. Everything that must
// not be lost (the ledger's segments, the objects of the local store) goes
// through Publish.
//
// Functions sync what they change, file and folder, before they return.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Publish gives the complete and synced file tmp the name name, if nothing has
// that name yet, and syncs the folder. tmp is gone afterwards. An existing
// name gives an error that is fs.ErrExist; the file under it and tmp are left
// as they are. Both must lie on one file system, and it must offer hard links
// or a rename that does not replace; one that offers neither is refused.
func Publish(tmp, name string) error {
	if err := MkdirAll(filepath.Dir(name)); err != nil {
		return err
	}
	err := os.Link(tmp, name)
	switch {
	case err == nil:
		if err := os.Remove(tmp); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return err
	default:
		if renameErr := renameNoReplace(tmp, name); renameErr != nil {
			if errors.Is(renameErr, fs.ErrExist) {
				return renameErr
			}
			return fmt.Errorf("%s: the file system offers neither hard links (%v) nor a rename that never replaces (%w); use another one", name, err, renameErr)
		}
	}
	return SyncDir(filepath.Dir(name))
}

// WriteTemp writes data to a new file in dir, synced, and returns its path.
func WriteTemp(dir string, data []byte) (path string, err error) {
	if err := MkdirAll(dir); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "_*.tmp")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		_ = f.Close()
		return "", err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return "", err
	}
	return f.Name(), f.Close()
}

// Create writes data under name if nothing has that name yet, else it returns
// an error that is fs.ErrExist. The temporary file lies in the same folder.
func Create(name string, data []byte) error {
	tmp, err := WriteTemp(filepath.Dir(name), data)
	if err != nil {
		return err
	}
	if err := Publish(tmp, name); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return nil
}

// Replace writes data under name in one step, whatever was there before.
func Replace(name string, data []byte) error {
	tmp, err := WriteTemp(filepath.Dir(name), data)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, name); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return SyncDir(filepath.Dir(name))
}

// MkdirAll creates dir and its parents where they are missing, and syncs the
// folder that each new one lies in.
func MkdirAll(dir string) error {
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("a file is in the way")}
		}
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(parent)
}
