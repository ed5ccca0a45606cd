package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// trySize is how much Try writes: enough to notice a disk that is full.
const trySize = 1 << 20

// Try makes sure that files can be made to appear in dir: it writes one, syncs
// it, publishes it under a name that begins with "_" and removes it. What it
// needs and does not find, dir itself too, is created and removed again, so
// that nothing is left, whatever the outcome.
func Try(dir string) (err error) {
	made := absent(dir)
	defer func() {
		for _, folder := range made {
			// What somebody else has filled in the meantime stays.
			_ = os.Remove(folder)
		}
	}()
	tmp, err := WriteTemp(dir, make([]byte, trySize))
	if err != nil {
		return err
	}
	defer func() {
		if removeErr := os.Remove(tmp); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	info, err := os.Stat(tmp)
	if err != nil {
		return err
	}
	if info.Size() != trySize {
		return fmt.Errorf("%s has %d bytes of %d written", tmp, info.Size(), trySize)
	}
	published := tmp + ".published"
	if err := Publish(tmp, published); err != nil {
		return err
	}
	return os.Remove(published)
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
