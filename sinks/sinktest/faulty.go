package sinktest

import (
	"context"

	"github.com/kustash/kustash/sinks"
)

// Faulty is a store in which single steps fail.
type Faulty struct {
	sinks.Store
	// Fail is asked before each step: "create", "write", "prepare", "commit",
	// "open" and "read". An error that is not nil is the step's outcome. It
	// may be called concurrently.
	Fail func(step string) error
	// After is asked in the same way when a commit has succeeded, to lose the
	// word of it. It may be nil.
	After func(step string) error
}

// Create implements sinks.Store.
func (f *Faulty) Create(ctx context.Context, key string) (sinks.Object, error) {
	if err := f.Fail("create"); err != nil {
		return nil, err
	}
	o, err := f.Store.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	return &faultyObject{o, f}, nil
}

// Open implements sinks.Store.
func (f *Faulty) Open(ctx context.Context, key string) (sinks.Content, error) {
	if err := f.Fail("open"); err != nil {
		return nil, err
	}
	c, err := f.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return &faultyContent{c, f}, nil
}

type faultyObject struct {
	sinks.Object
	store *Faulty
}

func (o *faultyObject) Write(p []byte) (int, error) {
	if err := o.store.Fail("write"); err != nil {
		n, _ := o.Object.Write(p[:len(p)/2]) // a disk that is full takes a part
		return n, err
	}
	return o.Object.Write(p)
}

func (o *faultyObject) Prepare(ctx context.Context, m sinks.Metadata) error {
	if err := o.store.Fail("prepare"); err != nil {
		return err
	}
	return o.Object.Prepare(ctx, m)
}

func (o *faultyObject) Commit(ctx context.Context) error {
	if err := o.store.Fail("commit"); err != nil {
		return err
	}
	if err := o.Object.Commit(ctx); err != nil || o.store.After == nil {
		return err
	}
	return o.store.After("commit")
}

type faultyContent struct {
	sinks.Content
	store *Faulty
}

func (c *faultyContent) ReadAt(p []byte, off int64) (int, error) {
	if err := c.store.Fail("read"); err != nil {
		return 0, err
	}
	return c.Content.ReadAt(p, off)
}
