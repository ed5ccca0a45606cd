package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// Create never replaces, and leaves no temporary file, whether it works or not.
func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	name := filepath.Join(dir, "file")
	if err := Create(name, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := Create(name, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second Create gives %v, want %v", err, fs.ErrExist)
	}
	if got := read(t, name); got != "first" {
		t.Errorf("the file holds %q, want the first", got)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("the folder holds %v, want the file alone", got)
	}
}

func TestReplace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"first", "second"} {
		if err := Replace(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, name); got != text {
			t.Errorf("the file holds %q, want %q", got, text)
		}
	}
	if got := names(t, filepath.Dir(name)); len(got) != 1 {
		t.Errorf("the folder holds %v, want the file alone", got)
	}
}

// Of many that publish under one name exactly one succeeds, and its bytes are
// there.
func TestPublishRace(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	var mu sync.Mutex
	var won []string
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			text := fmt.Sprint(i)
			tmp, err := WriteTemp(dir, []byte(text))
			if err != nil {
				t.Error(err)
				return
			}
			err = Publish(tmp, name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, text)
			case !errors.Is(err, fs.ErrExist):
				t.Errorf("publish: %v", err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 || read(t, name) != won[0] {
		t.Errorf("%v were told that they published; the file holds %q", won, read(t, name))
	}
}

func TestPublishErrors(t *testing.T) {
	dir := t.TempDir()
	if err := Publish(filepath.Join(dir, "none"), filepath.Join(dir, "file")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("publishing a file that is not there: %v, want %v", err, fs.ErrNotExist)
	}
	if err := os.WriteFile(filepath.Join(dir, "way"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Create(filepath.Join(dir, "way", "file"), nil); err == nil {
		t.Error("a file in the way of a folder was not noticed")
	}
}

// The rename that stands in where there are no hard links keeps what is there.
func TestRenameNoReplace(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for name, text := range map[string]string{from: "new", to: "old"} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	err := renameNoReplace(from, to)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("this system has no such rename: %v", err)
	}
	if !errors.Is(err, fs.ErrExist) || read(t, to) != "old" || read(t, from) != "new" {
		t.Errorf("rename onto a file: %v, want %v; they hold %q and %q", err, fs.ErrExist, read(t, from), read(t, to))
	}
	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
	if err := renameNoReplace(from, to); err != nil || read(t, to) != "new" {
		t.Errorf("rename to a free name: %v", err)
	}
}
