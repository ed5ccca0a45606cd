package local

import "github.com/kustash/kustash/internal/durable"

// NewOn returns a store in a folder of another disk.
func NewOn(path string, open func(string) (durable.Disk, error)) *Store {
	return &Store{durable.Folder{Path: path, Open: open}}
}

// SetDisk moves a store to another disk.
func SetDisk(s *Store, open func(string) (durable.Disk, error)) { s.folder.Open = open }
