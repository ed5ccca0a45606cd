package ledger

import (
	"bytes"
	"context"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// Memory is a Store that forgets everything with the process: a fake for
// tests. Like a blob store it is no HostLocker.
type Memory struct {
	mu      sync.Mutex
	objects map[string][]byte
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{objects: make(map[string][]byte)} }

// Create implements Store.
func (m *Memory) Create(ctx context.Context, name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := m.objects[name]; ok {
		return &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	m.objects[name] = append([]byte{}, data...)
	return nil
}

// Read implements Store.
func (m *Memory) Read(ctx context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, ok := m.objects[name]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return append([]byte{}, data...), nil
}

// List implements Store.
func (m *Memory) List(ctx context.Context, prefix, after string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var names []string
	for name := range m.objects {
		if rest, ok := strings.CutPrefix(name, prefix); ok && !strings.Contains(rest, "/") && name > after {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Delete implements Store.
func (m *Memory) Delete(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	delete(m.objects, name)
	return nil
}

// Swap implements Store.
func (m *Memory) Swap(ctx context.Context, name string, old, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	got, ok := m.objects[name]
	if ok != (old != nil) || !bytes.Equal(got, old) {
		return ErrChanged
	}
	m.objects[name] = append([]byte{}, data...)
	return nil
}
