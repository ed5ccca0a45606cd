package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Temp is a new file on its way into a folder. Its name begins with "_" and
// ends with ".tmp", is nobody else's, and does not count. It is used by one
// goroutine.
type Temp struct {
	folder  *Folder
	name    string // below the folder; "" once nothing has it
	named   bool   // the file has got its name
	file    File   // nil once it is sealed or dropped
	written int64
	info    fs.FileInfo // once it is sealed
}

// CreateTemp begins a file in dir, which is made if it is missing.
func (f *Folder) CreateTemp(dir string) (*Temp, error) {
	t := &Temp{folder: f}
	name := path.Join(dir, "_"+rand.Text()+".tmp")
	perm := fs.FileMode(0o666)
	if f.Private {
		perm = 0o600
	}
	err := f.change(func(d Disk) error {
		if err := f.folders(d, dir, true); err != nil {
			return err
		}
		var err error
		t.file, err = d.Create(filepath.FromSlash(name), perm)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.name = name
	return t, nil
}

// Write appends bytes. After an error the file can only be dropped.
func (t *Temp) Write(p []byte) (int, error) {
	if t.file == nil {
		return 0, fs.ErrClosed
	}
	n, err := t.file.Write(p)
	t.written += int64(n)
	return n, err
}

// Seal syncs and closes the file, after making sure that it holds all that was
// written: some file systems tell of a full disk only then. After an error the
// file is dropped. A second call does nothing.
func (t *Temp) Seal() error {
	if t.name == "" && !t.named {
		return fs.ErrClosed
	}
	file := t.file
	if file == nil {
		return nil
	}
	t.file = nil
	err := file.Sync()
	if err == nil {
		if t.info, err = file.Stat(); err == nil && t.info.Size() != t.written {
			err = fmt.Errorf("%s has %d bytes of %d written", file.Name(), t.info.Size(), t.written)
		}
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, t.Drop())
	}
	return nil
}

// Publish seals the file and gives it a name that nothing has yet, durably. A
// name that is taken gives fs.ErrExist, and neither file changes. The file
// system must offer hard links or a rename that does not replace; one that
// offers neither is refused. After another error the outcome is unknown;
// Publish may be called again with the same name, and knows whether the first
// call gave it.
func (t *Temp) Publish(name string) error {
	return t.finish(name, renameOrLink)
}

// renameOrLink gives a file a name that nothing has. It reports whether the old
// name is gone.
func renameOrLink(d Disk, from, to string) (gone bool, err error) {
	linkErr := d.Link(from, to)
	if linkErr == nil || errors.Is(linkErr, fs.ErrExist) || errors.Is(linkErr, fs.ErrNotExist) {
		return false, linkErr
	}
	err = d.RenameNew(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	return false, fmt.Errorf("%s: the file system offers neither hard links (%w) nor a rename that never replaces (%w); if it cannot, use another one", filepath.Join(d.Name(), to), linkErr, err)
}

// Replace seals the file and gives it a name, durably, whatever had that
// before. After an error either may have it; Replace may be called again with
// the same name.
func (t *Temp) Replace(name string) error {
	return t.finish(name, func(d Disk, from, to string) (bool, error) { return true, d.Rename(from, to) })
}

// Named reports whether the file has got its name, durably or not.
func (t *Temp) Named() bool { return t.named }

// finish lets rename give the sealed file its name, removes the temporary one
// if it is still there, and syncs the folder.
func (t *Temp) finish(name string, rename func(d Disk, from, to string) (gone bool, err error)) error {
	to, err := t.folder.local(name)
	if err != nil {
		return err
	}
	if err := t.Seal(); err != nil {
		return err
	}
	return t.folder.change(func(d Disk) error {
		if err := t.folder.folders(d, path.Dir(name), true); err != nil {
			return err
		}
		from := filepath.FromSlash(t.name)
		if !t.named {
			gone, err := rename(d, from, to)
			if err != nil && !t.has(d, to) {
				return err
			}
			t.named = true
			if gone && err == nil {
				t.name = ""
			}
		}
		var removeErr error
		if t.name != "" {
			if removeErr = d.Remove(from); removeErr == nil || errors.Is(removeErr, fs.ErrNotExist) {
				removeErr, t.name = nil, ""
			}
		}
		return errors.Join(removeErr, d.SyncDir(filepath.Dir(to)))
	})
}

// has reports whether the name is this file's. Where the call that gave it says
// otherwise, its word was lost, as happens on networks.
func (t *Temp) has(d Disk, name string) bool {
	info, err := d.Lstat(name)
	return err == nil && os.SameFile(info, t.info)
}

// Drop removes the file, unless it has got its name. It may be called at any
// time, and more than once.
func (t *Temp) Drop() error {
	var err error
	if t.file != nil {
		err = t.file.Close()
		t.file = nil
	}
	if t.name == "" {
		return err
	}
	name := t.name
	t.name = ""
	if removeErr := t.folder.Remove(name); !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return err
}
