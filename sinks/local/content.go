package local

import (
	"context"
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

// content is a published file.
type content struct {
	*os.File
	folder *durable.Folder
	key    string
	size   int64
}

// Open implements sinks.Store.
func (s *Store) Open(_ context.Context, key string) (sinks.Content, error) {
	if err := check(key); err != nil {
		return nil, err
	}
	f, err := s.folder.OpenFile(key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s", pipeline.ErrMissing, filepath.Join(s.folder.Path, filepath.FromSlash(key)))
	case errors.Is(err, durable.ErrIrregular):
		return nil, fmt.Errorf("%w: %w", pipeline.ErrMismatch, err)
	case err != nil:
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &content{f, &s.folder, key, info.Size()}, nil
}

// Size implements sinks.Content.
func (c *content) Size() int64 { return c.size }

// Metadata implements sinks.Content.
func (c *content) Metadata(context.Context) (sinks.Metadata, bool, error) {
	var m sinks.Metadata
	raw, err := c.folder.ReadFile(metaKey(c.key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, false, nil
	case errors.Is(err, durable.ErrIrregular):
		return m, false, fmt.Errorf("%w: its metadata %w", pipeline.ErrMismatch, err)
	case err != nil:
		return m, false, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, false, fmt.Errorf("%w: its metadata %s is damaged: %v", pipeline.ErrMismatch, metaKey(c.key), err)
	}
	return m, true, nil
}
