package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/internal/durable/durabletest"
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
	if err := durable.Create(name, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Create(name, []byte("second")); !errors.Is(err, fs.ErrExist) {
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
		if err := durable.Replace(name, []byte(text)); err != nil {
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
	f := &durable.Folder{Path: dir}
	var mu sync.Mutex
	var won []string
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			text := fmt.Sprint(i)
			err := f.Create("file", []byte(text))
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
	if got := read(t, filepath.Join(dir, "file")); len(won) != 1 || got != won[0] {
		t.Errorf("%v were told that they published; the file holds %q", won, got)
	}
}

// Who reads while others replace gets one of the contents, and no error.
func TestReadWhileReplaced(t *testing.T) {
	f := &durable.Folder{Path: t.TempDir()}
	if err := f.Create("file", []byte("whole")); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		defer close(done)
		sound := durabletest.NewRecorder(f.Path) // does not sync, so it is fast
		fast := &durable.Folder{Path: f.Path, Open: sound.Open}
		for range 300 {
			if err := fast.Replace("file", []byte("whole")); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for replacing := true; replacing; {
		select {
		case <-done:
			replacing = false
		default:
		}
		if got, err := f.ReadFile("file"); err != nil || string(got) != "whole" {
			t.Errorf("read %q, %v", got, err)
			break
		}
	}
	writer.Wait()
}

func TestTempMisused(t *testing.T) {
	f := &durable.Folder{Path: t.TempDir()}
	temp, err := f.CreateTemp("a")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := temp.Drop(); err != nil {
			t.Error(err)
		}
	}
	_, writeErr := temp.Write([]byte("x"))
	for what, err := range map[string]error{"write": writeErr, "seal": temp.Seal(), "publish": temp.Publish("x"), "replace": temp.Replace("x")} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s after a drop: %v, want %v", what, err, fs.ErrClosed)
		}
	}
	if got := names(t, filepath.Join(f.Path, "a")); len(got) != 0 {
		t.Errorf("%v are left", got)
	}
}

func TestFileInTheWay(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "way"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for path, name := range map[string]string{dir: "way/file", filepath.Join(dir, "way"): "file", filepath.Join(dir, "way", "a"): "file"} {
		f := &durable.Folder{Path: path}
		for what, err := range map[string]error{"create": f.Create(name, nil), "replace": f.Replace(name, nil), "make": f.MkdirAll("way/file")} {
			if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "way")) {
				t.Errorf("%s %s in %s: %v, want that %s is in the way", what, name, path, err, filepath.Join(dir, "way"))
			}
		}
	}
}

// Names that leave the folder are refused before anything is done.
func TestNamesStayInside(t *testing.T) {
	top := t.TempDir()
	f := &durable.Folder{Path: filepath.Join(top, "folder")}
	for _, name := range []string{"", "..", "../x", "a/../../x", "/x", "a//b", "a/", "a\x00b"} {
		_, openErr := f.OpenFile(name)
		_, existsErr := f.Exists(name)
		for what, err := range map[string]error{"create": f.Create(name, nil), "replace": f.Replace(name, nil), "remove": f.Remove(name), "open": openErr, "exists": existsErr} {
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%s %q: %v, want %v", what, name, err, fs.ErrInvalid)
			}
		}
	}
	if got := names(t, top); len(got) != 0 {
		t.Errorf("%v were made", got)
	}
}

// A file that a person has opened to others, or closed to them, stays so.
func TestReplaceKeepsRights(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such rights")
	}
	name := filepath.Join(t.TempDir(), "file")
	for _, mode := range []fs.FileMode{0o600, 0o664, 0o640} {
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		if err := durable.Replace(name, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(name); err != nil || info.Mode() != mode {
			t.Errorf("the mode is %v, %v, want %v", info.Mode(), err, mode)
		}
	}
}
