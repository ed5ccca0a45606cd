package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/kustash/kustash/internal/durable"
)

const (
	hostName  = "lock.host"
	guardName = "lock.guard"
)

// Dir is a Store in a folder of the local disk. It is a HostLocker and a
// Trier. The folder is created by the first write; reading leaves no trace.
//
// The ledger holds the texts of queries and the names of what they read, so
// its files are their owner's alone: files have the rights 0600, folders that
// are made 0700, whatever the umask. A folder that was there keeps its rights.
//
// The folder may be a symbolic link; what lies in it is not read or written
// through one.
type Dir struct {
	folder durable.Folder
	guard  *lockedfile.Mutex // between processes, around compare and replace
}

// NewDir returns the store in the folder path, which need not exist yet.
func NewDir(path string) *Dir {
	return &Dir{
		folder: durable.Folder{Path: path, Private: true},
		guard:  lockedfile.MutexAt(filepath.Join(path, guardName)),
	}
}

// String returns the folder.
func (d *Dir) String() string { return d.folder.Path }

// Create implements Store.
func (d *Dir) Create(ctx context.Context, name string, data []byte) error {
	if err := d.check(ctx, name); err != nil {
		return err
	}
	err := d.folder.Create(name, data)
	if errors.Is(err, fs.ErrExist) {
		// An earlier attempt may have failed between the name and its sync.
		if syncErr := d.folder.SyncDir(path.Dir(name)); syncErr != nil {
			return syncErr
		}
	}
	return unwritable(err)
}

// Read implements Store.
func (d *Dir) Read(ctx context.Context, name string) ([]byte, error) {
	if err := d.check(ctx, name); err != nil {
		return nil, err
	}
	if name == lockName && runtime.GOOS == "windows" {
		// There a file cannot be replaced while it is open for reading.
		if unlock, err := d.guard.Lock(); err == nil {
			defer unlock()
		}
	}
	return d.folder.ReadFile(name)
}

// List implements Store. Names that begin with "_" or "." are not objects:
// temporary files have them, and other programs leave such.
func (d *Dir) List(ctx context.Context, prefix, after string) ([]string, error) {
	folder := path.Clean(prefix)
	if err := d.check(ctx, folder); err != nil {
		return nil, err
	}
	found, err := d.folder.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range found {
		if name := prefix + f.Name(); name > after && !f.IsDir() && !strings.HasPrefix(f.Name(), "_") && !strings.HasPrefix(f.Name(), ".") {
			names = append(names, name)
		}
	}
	return names, nil
}

// Delete implements Store.
func (d *Dir) Delete(ctx context.Context, name string) error {
	if err := d.check(ctx, name); err != nil {
		return err
	}
	if err := d.folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unwritable(err)
	}
	return nil
}

// Swap implements Store.
func (d *Dir) Swap(ctx context.Context, name string, old, data []byte) error {
	if err := d.check(ctx, name); err != nil {
		return err
	}
	// Made here, the guard's file is private, and no link.
	f, err := d.folder.OpenShared(guardName)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return unwritable(err)
	}
	unlock, err := d.guard.Lock()
	if errors.Is(err, fs.ErrPermission) {
		return unwritable(err)
	}
	if err != nil {
		return fmt.Errorf("%w; if this file system has no file locks, keep the state on another one", err)
	}
	defer unlock()
	got, err := d.folder.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		got = nil
	case err != nil:
		return err
	}
	if (got == nil) != (old == nil) || !bytes.Equal(got, old) {
		return ErrChanged
	}
	return unwritable(d.folder.Replace(name, data))
}

// LockHost implements HostLocker.
func (d *Dir) LockHost() (unlock func() error, ok bool, err error) {
	f, err := d.folder.OpenShared(hostName)
	if err != nil {
		return nil, false, err
	}
	ok, err = tryLock(f)
	if err != nil || !ok {
		return nil, false, errors.Join(err, f.Close())
	}
	return f.Close, true, nil
}

// Try implements Trier.
func (d *Dir) Try(ctx context.Context) error {
	folder := path.Clean(segmentPrefix)
	if err := d.check(ctx, folder); err != nil {
		return err
	}
	return unwritable(d.folder.Try(folder))
}

// check reports that the name cannot be an object, or the folder a state's.
func (d *Dir) check(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if info, err := os.Stat(d.folder.Path); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file; the state needs a folder of that name, or another path", d.folder.Path)
	}
	return nil
}

func unwritable(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w; the state's folder must be writable for whoever runs this", err)
	}
	return err
}
