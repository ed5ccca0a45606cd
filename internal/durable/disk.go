package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Disk is an open folder: the calls to the operating system that a Folder
// makes to change it, and no more. It is an interface so that a test can write
// down their order, and fail each of them. Names are relative, in the form of
// the system; one that leaves the folder, through a link too, is an error.
type Disk interface {
	// Name returns the path that was opened.
	Name() string
	// Create makes an empty file of a name that nothing has.
	Create(name string, perm fs.FileMode) (File, error)
	Mkdir(name string, perm fs.FileMode) error
	Lstat(name string) (fs.FileInfo, error)
	// Link and RenameNew give fs.ErrExist if something has the name to.
	Link(from, to string) error
	RenameNew(from, to string) error
	// Rename replaces what has the name to.
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes the names in a folder durable.
	SyncDir(name string) error
	Close() error
}

// File is a file that is written.
type File interface {
	io.WriteCloser
	Name() string
	Chmod(fs.FileMode) error
	Stat() (fs.FileInfo, error)
	Sync() error
}

// OpenDisk opens a folder of the real disk.
func OpenDisk(path string) (Disk, error) {
	root, err := openRoot(path)
	if err != nil {
		return nil, err
	}
	return disk{root}, nil
}

// openRoot opens a folder, and says so if it is a file.
func openRoot(path string) (*os.Root, error) {
	root, err := os.OpenRoot(path)
	if err == nil {
		return root, nil
	}
	if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("it is a file where a folder must be; move it away, or use another path")}
	}
	return nil, err
}

// disk is a Disk of the operating system.
type disk struct{ *os.Root }

func (d disk) Create(name string, perm fs.FileMode) (File, error) {
	f, err := d.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, full(d.Root, err)
	}
	return f, nil
}

func (d disk) Mkdir(name string, perm fs.FileMode) error {
	return full(d.Root, d.Root.Mkdir(name, perm))
}

func (d disk) Lstat(name string) (fs.FileInfo, error) {
	info, err := d.Root.Lstat(name)
	return info, full(d.Root, err)
}

func (d disk) Link(from, to string) error   { return full(d.Root, d.Root.Link(from, to)) }
func (d disk) Rename(from, to string) error { return full(d.Root, d.Root.Rename(from, to)) }
func (d disk) Remove(name string) error     { return full(d.Root, d.Root.Remove(name)) }
func (d disk) SyncDir(name string) error    { return syncDir(d.Root, name) }

func (d disk) RenameNew(from, to string) error {
	if err := renameNew(d.Root, from, to); err != nil {
		return &os.LinkError{Op: "rename", Old: filepath.Join(d.Name(), from), New: filepath.Join(d.Name(), to), Err: err}
	}
	return nil
}

// full completes the names in an error of an os.Root: operations "openat" and
// the like name what is relative to it.
func full(root *os.Root, err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		if op, ok := strings.CutSuffix(e.Op, "at"); ok && op != "st" && op != "lst" {
			return &fs.PathError{Op: op, Path: filepath.Join(root.Name(), e.Path), Err: e.Err}
		}
	case *os.LinkError:
		if op, ok := strings.CutSuffix(e.Op, "at"); ok {
			return &os.LinkError{Op: op, Old: filepath.Join(root.Name(), e.Old), New: filepath.Join(root.Name(), e.New), Err: e.Err}
		}
	}
	return err
}
