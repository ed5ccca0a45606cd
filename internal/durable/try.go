package durable

import (
	"errors"
	"os"
	"path"
	"path/filepath"
)

// trySize is how much Try writes: enough to notice a disk that is full.
const trySize = 1 << 20

// Try makes sure that files can be made to appear in dir: it writes one, syncs
// it, publishes it under a name that begins with "_" and removes it. What it
// needs and does not find, dir itself too, is created and removed again, so
// that nothing is left, whatever the outcome.
func (f *Folder) Try(dir string) (err error) {
	made := absent(f.full(dir))
	defer func() {
		for _, folder := range made {
			// What somebody else has filled in the meantime stays.
			_ = os.Remove(folder)
		}
	}()
	t, err := f.CreateTemp(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Drop()) }()
	if _, err := t.Write(make([]byte, trySize)); err != nil {
		return err
	}
	published := path.Join(dir, path.Base(t.name)+".published")
	if err := t.Publish(published); err != nil {
		return err
	}
	return f.Remove(published)
}

// absent returns dir and its parents as far as they do not exist, the deepest
// first.
func absent(dir string) []string {
	var missing []string
	for {
		if _, err := os.Lstat(dir); err == nil {
			return missing
		}
		missing = append(missing, dir)
		parent := filepath.Dir(dir)
		if parent == dir {
			return missing
		}
		dir = parent
	}
}
