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

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/kustash/kustash/internal/durable"
)

const (
	hostName  = "lock.host"
	guardName = "lock.guard"
)

// Dir is a Store in a folder of the local disk. It is a HostLocker and a
// Trier. The folder is created by the first write; reading leaves no trace.
type Dir struct {
	path  string
	guard *lockedfile.Mutex // between processes, around compare and replace
}

// NewDir returns the store in the folder path, which need not exist yet.
func NewDir(path string) *Dir {
	return &Dir{path: path, guard: lockedfile.MutexAt(filepath.Join(path, guardName))}
}

// String returns the folder.
func (d *Dir) String() string { return d.path }

// Create implements Store.
func (d *Dir) Create(ctx context.Context, name string, data []byte) error {
	file, err := d.file(ctx, name)
	if err != nil {
		return err
	}
	err = durable.Create(file, data)
	if errors.Is(err, fs.ErrExist) {
		// An earlier attempt may have failed between the name and its sync.
		if syncErr := durable.SyncDir(filepath.Dir(file)); syncErr != nil {
			return syncErr
		}
	}
	return unwritable(err)
}

// Read implements Store.
func (d *Dir) Read(ctx context.Context, name string) ([]byte, error) {
	file, err := d.file(ctx, name)
	if err != nil {
		return nil, err
	}
	if name == lockName && runtime.GOOS == "windows" {
		// There a file cannot be replaced while it is open for reading.
		if unlock, err := d.guard.Lock(); err == nil {
			defer unlock()
		}
	}
	return os.ReadFile(file)
}

// List implements Store. Names that begin with "_" or "." are not objects:
// temporary files have them, and other programs leave such.
func (d *Dir) List(ctx context.Context, prefix, after string) ([]string, error) {
	folder, err := d.file(ctx, path.Clean(prefix))
	if err != nil {
		return nil, err
	}
	found, err := os.ReadDir(folder)
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
	file, err := d.file(ctx, name)
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unwritable(err)
	}
	return nil
}

// Swap implements Store.
func (d *Dir) Swap(ctx context.Context, name string, old, data []byte) error {
	file, err := d.file(ctx, name)
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Dir(file)); err != nil {
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
	got, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		got = nil
	case err != nil:
		return err
	}
	if (got == nil) != (old == nil) || !bytes.Equal(got, old) {
		return ErrChanged
	}
	return unwritable(durable.Replace(file, data))
}

// LockHost implements HostLocker.
func (d *Dir) LockHost() (unlock func() error, ok bool, err error) {
	if err := durable.MkdirAll(d.path); err != nil {
		return nil, false, err
	}
	f, err := os.OpenFile(filepath.Join(d.path, hostName), os.O_RDWR|os.O_CREATE, 0o666)
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
	folder, err := d.file(ctx, path.Clean(segmentPrefix))
	if err != nil {
		return err
	}
	return unwritable(durable.Try(folder))
}

// file returns the path of an object and checks that the folder can be one.
func (d *Dir) file(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) {
		return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if info, err := os.Stat(d.path); err == nil && !info.IsDir() {
		return "", fmt.Errorf("%s is a file; the state needs a folder of that name, or another path", d.path)
	}
	return filepath.Join(d.path, local), nil
}

func unwritable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; the state's folder must be writable for whoever runs this", err)
	}
	return err
}
