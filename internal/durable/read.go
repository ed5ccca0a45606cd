package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// ErrIrregular is the error of reading what is no regular file: a link, a
// folder, a device.
var ErrIrregular = errors.New("no regular file")

// OpenFile opens a regular file for reading. The error is fs.ErrNotExist if
// nothing has the name, and ErrIrregular if something else has it.
func (f *Folder) OpenFile(name string) (*os.File, error) {
	return f.openFile(name, os.O_RDONLY)
}

// OpenShared opens a regular file that several processes lock, and makes it if
// there is none.
func (f *Folder) OpenShared(name string) (*os.File, error) {
	for range 2 { // somebody else may make it meanwhile
		file, err := f.openFile(name, os.O_RDWR)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
		if err := f.Create(name, nil); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return f.openFile(name, os.O_RDWR)
}

// replacedAtMost bounds how often a file may be replaced between the look at it
// and its opening: each time is a chance of one in thousands.
const replacedAtMost = 100

func (f *Folder) openFile(name string, flag int) (*os.File, error) {
	root, local, err := f.look(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	for range replacedAtMost {
		before, err := root.Lstat(local)
		if err != nil {
			return nil, full(root, err)
		}
		if !before.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is %w (%s)", f.full(name), ErrIrregular, before.Mode().Type())
		}
		file, err := root.OpenFile(local, flag, 0)
		if err != nil {
			return nil, full(root, err)
		}
		info, err := file.Stat()
		if err == nil && os.SameFile(before, info) {
			return file, nil
		}
		// A Replace came in between, or a link: look again.
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s is replaced all the time", f.full(name))
}

// ReadFile returns the bytes of a regular file; see OpenFile.
func (f *Folder) ReadFile(name string) ([]byte, error) {
	file, err := f.OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(file)
}

// Exists reports whether anything has the name, be it a link.
func (f *Folder) Exists(name string) (bool, error) {
	root, local, err := f.look(name)
	if err == nil {
		_, err = root.Lstat(local)
		err = errors.Join(full(root, err), root.Close())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// ReadDir returns what is in dir, by name. The error is fs.ErrNotExist if it is
// not there.
func (f *Folder) ReadDir(dir string) ([]fs.DirEntry, error) {
	root, _, err := f.look(path.Join(dir, "x"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), dir)
	return entries, full(root, err)
}

// Walk calls visit for all files and folders, as fs.WalkDir does; it follows no
// links. The error is fs.ErrNotExist if the folder is not there.
func (f *Folder) Walk(visit fs.WalkDirFunc) error {
	root, err := openRoot(f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		return visit(name, d, full(root, err))
	})
}

// look opens the folder to read a name in it, after checking the way there.
func (f *Folder) look(name string) (root *os.Root, local string, err error) {
	if local, err = f.local(name); err != nil {
		return nil, "", err
	}
	if root, err = openRoot(f.Path); err != nil {
		return nil, "", err
	}
	if err := f.folders(disk{root}, path.Dir(name), false); err != nil {
		_ = root.Close()
		return nil, "", err
	}
	return root, local, nil
}
