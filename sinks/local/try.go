package local

import (
	"context"
	"path/filepath"

	"github.com/kustash/kustash/internal/durable"
)

// Try implements sinks.Trier.
func (s *Store) Try(context.Context) error {
	tmp := filepath.Join(s.root, filepath.FromSlash(tmpDir))
	if err := s.realFolders(filepath.Join(tmp, "x")); err != nil {
		return err
	}
	return durable.Try(tmp)
}
