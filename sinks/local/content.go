package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// content is a published file.
type content struct {
	*os.File
	size int64
}

// Open implements sinks.Store.
func (s *Store) Open(_ context.Context, key string) (sinks.Content, error) {
	name, err := s.path(key)
	if err != nil {
		return nil, err
	}
	if err := s.realFolders(name); err != nil {
		return nil, err
	}
	before, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", pipeline.ErrMissing, name)
	}
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no regular file (%s)", pipeline.ErrMismatch, name, before.Mode().Type())
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(before, info) {
		err = fmt.Errorf("%s was replaced while it was opened", name)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &content{f, info.Size()}, nil
}

// Size implements sinks.Content.
func (c *content) Size() int64 { return c.size }

// Metadata implements sinks.Content.
func (c *content) Metadata(context.Context) (sinks.Metadata, bool, error) {
	var m sinks.Metadata
	name := metaPath(c.Name())
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, false, fmt.Errorf("%w: its metadata %s is damaged: %v", pipeline.ErrMismatch, name, err)
	}
	return m, true, nil
}
