//go:build linux || darwin

package durable

import (
	"os"
	"path/filepath"
)

func renameNew(root *os.Root, from, to string) error {
	a, err := root.Open(filepath.Dir(from))
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	b, err := root.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	return renameatNew(int(a.Fd()), filepath.Base(from), int(b.Fd()), filepath.Base(to))
}
