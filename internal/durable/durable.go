// Package durable makes files appear in a folder of the local disk in one
// step, so that a crash or a second writer leaves a whole file or none. All
// that must not be lost (the ledger's segments, the objects of the local
// store, saved plans) goes through a Folder.
//
// The order is always the same: a new file under a temporary name, its bytes,
// sync, close, then the name that counts, by a link that never replaces or by
// a rename, then a sync of the folder. A folder that has to be made is synced
// into the one that it lies in before anything is put into it.
//
// Nothing below a Folder is reached through a symbolic link, also if one is
// put in the way while a call is under way: such a call fails.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Folder is a folder of the local disk. The names that its methods take are
// relative to it, with slashes; one that would leave it is fs.ErrInvalid. It
// need not exist: the first method that writes makes it, and those that read
// find nothing. It may be a link, whoever named it knows where that leads.
//
// Methods may be called concurrently, by several processes too. They return
// when what they have changed has been synced. Errors name the file.
type Folder struct {
	Path string
	// Private keeps what is made from everybody but the user who makes it:
	// files get the rights 0600, folders 0700. Otherwise the umask decides. A
	// folder that was there keeps its rights.
	Private bool
	// Open opens a folder for changes; nil means OpenDisk.
	Open func(path string) (Disk, error)
}

// Create writes data under name, whole and durable, if nothing has that name
// yet. If something has, the error is fs.ErrExist and nothing has changed.
// After any other error the file is there whole or not at all.
func (f *Folder) Create(name string, data []byte) error {
	return f.writeFile("create", name, data, (*Temp).Publish)
}

// Replace writes data under name in one step, whatever was there before; a
// link is replaced, not followed. A folder that is not Private keeps the
// rights of the file that is replaced. After an error the old file is there,
// or the new one.
func (f *Folder) Replace(name string, data []byte) error {
	return f.writeFile("replace", name, data, func(t *Temp, name string) error {
		if old, err := os.Lstat(f.full(name)); err == nil && old.Mode().IsRegular() && !f.Private {
			// Not every file system knows rights, and none is worth a loss.
			_ = t.file.Chmod(old.Mode().Perm())
		}
		return t.Replace(name)
	})
}

func (f *Folder) writeFile(op, name string, data []byte, finish func(*Temp, string) error) error {
	if _, err := f.local(name); err != nil {
		return err
	}
	t, err := f.CreateTemp(path.Dir(name))
	if err == nil {
		if _, err = t.Write(data); err == nil {
			err = finish(t, name)
		}
		// What cannot be removed either is no loss: its name does not count.
		_ = t.Drop()
	}
	if err != nil {
		return &fs.PathError{Op: op, Path: f.full(name), Err: err}
	}
	return nil
}

// MkdirAll makes dir, the folder itself and what is missing on the way there.
func (f *Folder) MkdirAll(dir string) error {
	return f.change(func(d Disk) error { return f.folders(d, dir, true) })
}

// Check reports what is wrong on the way to name: a link, or a file where a
// folder must be. Folders that are not there yet are fine.
func (f *Folder) Check(name string) error {
	d, err := f.open(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = f.local(name)
		return err
	}
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return f.folders(d, path.Dir(name), false)
}

// Remove removes a file, or a link. It does not sync the folder that it lay
// in; see SyncDir.
func (f *Folder) Remove(name string) error {
	return f.existing(name, func(d Disk, local string) error { return d.Remove(local) })
}

// SyncDir makes names that were added to or removed from dir survive a crash.
func (f *Folder) SyncDir(dir string) error {
	return f.existing(dir, func(d Disk, local string) error { return d.SyncDir(local) })
}

// full returns the name as the process can open it, for messages.
func (f *Folder) full(name string) string { return filepath.Join(f.Path, filepath.FromSlash(name)) }

// local returns the name in the form of the system.
func (f *Folder) local(name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return local, nil
}

func (f *Folder) open(path string) (Disk, error) {
	if f.Open != nil {
		return f.Open(path)
	}
	return OpenDisk(path)
}

// change calls do with the folder, which is made if it is missing.
func (f *Folder) change(do func(Disk) error) error {
	d, err := f.open(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = f.found(); err == nil {
			d, err = f.open(f.Path)
		}
	}
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return do(d)
}

// existing calls do with a name in the folder, which must be there.
func (f *Folder) existing(name string, do func(d Disk, local string) error) error {
	local, err := f.local(name)
	if err != nil {
		return err
	}
	d, err := f.open(f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := f.folders(d, path.Dir(name), false); err != nil {
		return err
	}
	return do(d, local)
}

// found makes the folder, and those above it that are missing.
func (f *Folder) found() error {
	top := filepath.Clean(f.Path)
	for filepath.Dir(top) != top {
		if _, err := os.Stat(top); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		top = filepath.Dir(top)
	}
	below, err := filepath.Rel(top, f.Path)
	if err != nil {
		return err
	}
	d, err := f.open(top)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return f.folders(d, filepath.ToSlash(below), true)
}

// folders makes sure that dir and those between it and the top of the disk are
// real folders. Those that are missing are made, or else they are fine.
func (f *Folder) folders(d Disk, dir string, make bool) error {
	local, err := f.local(dir)
	if err != nil || local == "." {
		return err
	}
	at := ""
	for part := range strings.SplitSeq(local, string(filepath.Separator)) {
		at = filepath.Join(at, part)
		info, err := d.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			if !make {
				return nil
			}
			if err := f.mkdir(d, at); err != nil {
				return err
			}
			continue
		}
		switch {
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link where a real folder must be: nothing is read or written through links; move it away", filepath.Join(d.Name(), at))
		case !info.IsDir():
			return fmt.Errorf("%s is a file where a folder must be; move it away", filepath.Join(d.Name(), at))
		}
	}
	return nil
}

func (f *Folder) mkdir(d Disk, name string) error {
	perm := fs.FileMode(0o777)
	if f.Private {
		perm = 0o700
	}
	err := d.Mkdir(name, perm)
	if errors.Is(err, fs.ErrExist) {
		return nil // somebody else was faster
	}
	if err != nil {
		return err
	}
	if err := d.SyncDir(filepath.Dir(name)); err != nil {
		// It must not stay: the next call would take it for durable.
		return errors.Join(err, d.Remove(name))
	}
	return nil
}

// Create is Folder.Create for a file that is named by its path.
func Create(name string, data []byte) error {
	f := Folder{Path: filepath.Dir(name)}
	return f.Create(filepath.Base(name), data)
}

// Replace is Folder.Replace for a file that is named by its path.
func Replace(name string, data []byte) error {
	f := Folder{Path: filepath.Dir(name)}
	return f.Replace(filepath.Base(name), data)
}

// ReplacePrivate is Replace for a file that its owner alone may read.
func ReplacePrivate(name string, data []byte) error {
	f := Folder{Path: filepath.Dir(name), Private: true}
	return f.Replace(filepath.Base(name), data)
}
