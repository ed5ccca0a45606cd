//go:build unix

package durable

import "os"

func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return full(root, err)
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return err
	}
	return d.Close()
}
