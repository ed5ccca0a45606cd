package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// createTemp opens a new file with a name that nobody else has, and with the
// rights that files of this user have by default.
func createTemp(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, rand.Text()+".tmp"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// object is a file on its way.
type object struct {
	store   *Store
	name    string   // to be published under
	file    *os.File // nil once it is complete or dropped
	tmp     string   // "" once it is published or dropped
	meta    string   // temporary name of the metadata; "" if there is none
	written int64
	ready   bool
}

func (o *object) Write(p []byte) (int, error) {
	if o.file == nil {
		return 0, fmt.Errorf("%s: %w", o.name, fs.ErrClosed)
	}
	n, err := o.file.Write(p)
	o.written += int64(n)
	return n, err
}

// Prepare implements sinks.Object.
func (o *object) Prepare(ctx context.Context, m sinks.Metadata) error {
	if o.file == nil {
		return fmt.Errorf("%s: %w", o.name, fs.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := o.seal(); err != nil {
		return err
	}
	if !m.Embedded {
		raw, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			return err
		}
		if o.meta, err = writeTemp(filepath.Dir(o.tmp), append(raw, '\n')); err != nil {
			return err
		}
	}
	o.ready = true
	return nil
}

// seal syncs and closes the file, after making sure that it holds all that was
// written: some file systems tell of a full disk only then.
func (o *object) seal() error {
	f := o.file
	o.file = nil
	err := f.Sync()
	if err == nil {
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil && info.Size() != o.written {
			err = fmt.Errorf("%s has %d bytes of %d written", f.Name(), info.Size(), o.written)
		}
	}
	return errors.Join(err, f.Close())
}

func writeTemp(dir string, data []byte) (string, error) {
	f, err := createTemp(dir)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// Commit implements sinks.Object.
func (o *object) Commit(ctx context.Context) error {
	if !o.ready || o.tmp == "" {
		return fmt.Errorf("%s is not complete", o.name)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := o.store.realFolders(o.name); err != nil {
		return err
	}
	switch _, err := os.Lstat(o.name); {
	case err == nil:
		return pipeline.ErrExists
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	restore, err := o.publishMeta()
	if err != nil {
		return err
	}
	err = durable.Publish(o.tmp, o.name)
	if errors.Is(err, fs.ErrExist) {
		return errors.Join(pipeline.ErrExists, restore())
	}
	if err != nil {
		return err
	}
	o.tmp = ""
	return nil
}

// publishMeta puts the metadata beside the name that is about to be taken.
// What lies there is of an object that never came, unless another writer gets
// in between: then restore puts back what was there.
func (o *object) publishMeta() (restore func() error, err error) {
	restore = func() error { return nil }
	if o.meta == "" {
		return restore, nil
	}
	name := metaPath(o.name)
	before, err := os.ReadFile(name)
	switch {
	case err == nil:
		restore = func() error { return durable.Replace(name, before) }
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := durable.MkdirAll(filepath.Dir(name)); err != nil {
		return nil, err
	}
	if err := os.Rename(o.meta, name); err != nil {
		return nil, err
	}
	o.meta = ""
	return restore, durable.SyncDir(filepath.Dir(name))
}

// Abort implements sinks.Object.
func (o *object) Abort() error {
	var errs []error
	if o.file != nil {
		errs = append(errs, o.file.Close())
		o.file = nil
	}
	for _, tmp := range []*string{&o.tmp, &o.meta} {
		if *tmp == "" {
			continue
		}
		if err := os.Remove(*tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		*tmp = ""
	}
	return errors.Join(errs...)
}
