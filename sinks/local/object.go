package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// object is a file on its way.
type object struct {
	folder *durable.Folder
	key    string
	data   *durable.Temp
	meta   *durable.Temp // nil if there is none beside the file
	before func() error  // puts back the metadata that was there; nil if there was none
	ready  bool
}

func (o *object) Write(p []byte) (int, error) {
	n, err := o.data.Write(p)
	if errors.Is(err, fs.ErrClosed) {
		err = fmt.Errorf("%s: %w", o.key, err)
	}
	return n, err
}

// Prepare implements sinks.Object.
func (o *object) Prepare(ctx context.Context, m sinks.Metadata) error {
	if o.ready {
		return fmt.Errorf("%s: %w", o.key, fs.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := o.data.Seal(); err != nil {
		return err
	}
	if !m.Embedded {
		if err := o.prepareMeta(m); err != nil {
			return err
		}
	}
	o.ready = true
	return nil
}

func (o *object) prepareMeta(m sinks.Metadata) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if o.meta, err = o.folder.CreateTemp(tmpDir); err != nil {
		return err
	}
	if _, err := o.meta.Write(append(raw, '\n')); err != nil {
		return err
	}
	return o.meta.Seal()
}

// Commit implements sinks.Object. After an error that is not ErrExists it may
// be called again.
func (o *object) Commit(ctx context.Context) error {
	if !o.ready {
		return fmt.Errorf("%s is not complete", o.key)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !o.data.Named() {
		taken, err := o.folder.Exists(o.key)
		if err != nil {
			return err
		}
		if taken {
			return pipeline.ErrExists
		}
		if err = o.publishMeta(); err != nil {
			return err
		}
	}
	err := o.data.Publish(o.key)
	if errors.Is(err, fs.ErrExist) {
		err = pipeline.ErrExists
		if o.before != nil {
			err = errors.Join(err, o.before())
		}
	}
	return err
}

// publishMeta puts the metadata beside the name that is about to be taken.
// What lies there is of an object that never came, unless another writer gets
// in between: then before puts it back.
func (o *object) publishMeta() error {
	if o.meta == nil {
		return nil
	}
	key := metaKey(o.key)
	if !o.meta.Named() {
		raw, err := o.folder.ReadFile(key)
		switch {
		case err == nil:
			o.before = func() error { return o.folder.Replace(key, raw) }
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return o.meta.Replace(key)
}

// Abort implements sinks.Object.
func (o *object) Abort() error {
	err := o.data.Drop()
	if o.meta != nil {
		err = errors.Join(err, o.meta.Drop())
	}
	o.ready = false
	return err
}
