// Package sinktest has the suites that every format and every store of a sink
// must pass, a store in memory for tests of the layers above, and a store that
// fails where it is told to.
package sinktest

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Memory is a sinks.Store that lives as long as the process, and keeps every
// object's metadata as a blob store does. It may be used concurrently.
type Memory struct {
	mu      sync.Mutex
	objects map[string]stored
}

type stored struct {
	data []byte
	meta sinks.Metadata
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{objects: make(map[string]stored)} }

// Create implements sinks.Store.
func (m *Memory) Create(ctx context.Context, key string) (sinks.Object, error) {
	if err := sinks.CheckKey(key); err != nil {
		return nil, err
	}
	return &memoryObject{store: m, key: key}, ctx.Err()
}

// Open implements sinks.Store.
func (m *Memory) Open(ctx context.Context, key string) (sinks.Content, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return nil, fmt.Errorf("%w: %s", pipeline.ErrMissing, key)
	}
	return &memoryContent{bytes.NewReader(o.data), o.meta}, ctx.Err()
}

// List implements sinks.Store.
func (m *Memory) List(ctx context.Context, visit func(key string, size int64) error) error {
	m.mu.Lock()
	sizes := make(map[string]int64)
	for key, o := range m.objects {
		sizes[key] = int64(len(o.data))
	}
	m.mu.Unlock()
	for key, size := range sizes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := visit(key, size); err != nil {
			return err
		}
	}
	return nil
}

// Remove implements sinks.Remover.
func (m *Memory) Remove(ctx context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[key]; !ok {
		return fmt.Errorf("%w: %s", pipeline.ErrMissing, key)
	}
	delete(m.objects, key)
	return ctx.Err()
}

// Change replaces the bytes of an object, as damage would. It reports whether
// there was one.
func (m *Memory) Change(key string, change func([]byte) []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if ok {
		o.data = change(bytes.Clone(o.data))
		m.objects[key] = o
	}
	return ok
}

// Bytes returns a copy of an object's bytes; nil if there is none.
func (m *Memory) Bytes(key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.objects[key].data)
}

type memoryObject struct {
	store *Memory
	key   string
	data  []byte
	meta  sinks.Metadata
	state string
}

func (o *memoryObject) Write(p []byte) (int, error) {
	if o.state != "" {
		return 0, fmt.Errorf("write to an object that is %s", o.state)
	}
	o.data = append(o.data, p...)
	return len(p), nil
}

func (o *memoryObject) Prepare(ctx context.Context, m sinks.Metadata) error {
	if o.state != "" {
		return fmt.Errorf("prepare an object that is %s", o.state)
	}
	o.meta, o.state = m, "prepared"
	return ctx.Err()
}

func (o *memoryObject) Commit(ctx context.Context) error {
	if o.state != "prepared" {
		return fmt.Errorf("commit an object that is %q", o.state)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	o.store.mu.Lock()
	defer o.store.mu.Unlock()
	if _, taken := o.store.objects[o.key]; taken {
		return pipeline.ErrExists
	}
	o.store.objects[o.key] = stored{o.data, o.meta}
	o.state = "committed"
	return nil
}

func (o *memoryObject) Abort() error {
	if o.state != "committed" {
		o.data, o.state = nil, "aborted"
	}
	return nil
}

type memoryContent struct {
	*bytes.Reader
	meta sinks.Metadata
}

func (c *memoryContent) Close() error { return nil }

func (c *memoryContent) Metadata(context.Context) (sinks.Metadata, bool, error) {
	return c.meta, c.meta.Lineage != "", nil
}
