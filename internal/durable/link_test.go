package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kustash/kustash/internal/durable"
)

// link makes a symbolic link, or skips the test where there are none.
func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
}

// Links below the folder are not followed, wherever they lead; the folder may
// be one.
func TestLinks(t *testing.T) {
	top, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "file"), []byte("theirs"), 0o666); err != nil {
		t.Fatal(err)
	}
	real := filepath.Join(top, "real")
	if err := os.MkdirAll(filepath.Join(real, "inside"), 0o777); err != nil {
		t.Fatal(err)
	}
	link(t, outside, filepath.Join(real, "out"))
	link(t, "inside", filepath.Join(real, "in"))
	link(t, filepath.Join(outside, "file"), filepath.Join(real, "file"))
	link(t, real, filepath.Join(top, "linked"))
	f := &durable.Folder{Path: filepath.Join(top, "linked")}
	for _, name := range []string{"out/file", "out/new", "out/deep/new", "in/new"} {
		_, openErr := f.OpenFile(name)
		_, listErr := f.ReadDir(name)
		for what, err := range map[string]error{
			"create": f.Create(name, nil), "replace": f.Replace(name, nil), "remove": f.Remove(name), "open": openErr,
			"list": listErr, "check": f.Check(name), "make": f.MkdirAll(name), "sync": f.SyncDir(name + "/x"),
		} {
			if err == nil || !strings.Contains(err.Error(), "symbolic link") {
				t.Errorf("%s %s: %v, want that it is a symbolic link", what, name, err)
			}
		}
	}
	if _, err := f.ReadFile("file"); !errors.Is(err, durable.ErrIrregular) {
		t.Errorf("read a link to a file: %v, want %v", err, durable.ErrIrregular)
	}
	if err := f.Create("new", []byte("x")); err != nil {
		t.Errorf("in a folder that is a link: %v", err)
	}
	if err := f.Replace("file", []byte("ours")); err != nil {
		t.Errorf("replace a link: %v", err)
	}
	if got := read(t, filepath.Join(real, "file")); got != "ours" {
		t.Errorf("the link's place holds %q", got)
	}
	if got := names(t, outside); len(got) != 1 || read(t, filepath.Join(outside, "file")) != "theirs" {
		t.Errorf("outside there are %q, the file holds %q", got, read(t, filepath.Join(outside, "file")))
	}
}

// swapped puts a link where a folder was, just before a call.
type swapped struct {
	durable.Disk
	op      string
	outside string
}

func (d swapped) swap(op, folder string) {
	if op != d.op {
		return
	}
	path := filepath.Join(d.Name(), folder)
	if err := os.Rename(path, path+".was"); err != nil {
		panic(err)
	}
	if err := os.Symlink(d.outside, path); err != nil {
		panic(err)
	}
}

func (d swapped) Create(name string, perm os.FileMode) (durable.File, error) {
	d.swap("create", filepath.Dir(name))
	return d.Disk.Create(name, perm)
}

func (d swapped) Mkdir(name string, perm os.FileMode) error {
	d.swap("mkdir", filepath.Dir(name))
	return d.Disk.Mkdir(name, perm)
}

func (d swapped) Link(from, to string) error {
	d.swap("link", filepath.Dir(to))
	if d.op == "renamenew" {
		return errors.ErrUnsupported
	}
	return d.Disk.Link(from, to)
}

func (d swapped) RenameNew(from, to string) error {
	d.swap("renamenew", filepath.Dir(to))
	return d.Disk.RenameNew(from, to)
}

func (d swapped) Rename(from, to string) error {
	d.swap("rename", filepath.Dir(to))
	return d.Disk.Rename(from, to)
}

func (d swapped) Remove(name string) error {
	d.swap("remove", filepath.Dir(name))
	return d.Disk.Remove(name)
}

// A folder that becomes a link between the look and the call is not followed.
func TestFolderSwappedForLink(t *testing.T) {
	for op, do := range map[string]func(f *durable.Folder) error{
		"create":    func(f *durable.Folder) error { return f.Create("a/new", []byte("x")) },
		"mkdir":     func(f *durable.Folder) error { return f.MkdirAll("a/new") },
		"link":      func(f *durable.Folder) error { return f.Create("a/new", []byte("x")) },
		"renamenew": func(f *durable.Folder) error { return f.Create("a/new", []byte("x")) },
		"rename":    func(f *durable.Folder) error { return f.Replace("a/file", []byte("x")) },
		"remove":    func(f *durable.Folder) error { return f.Remove("a/file") },
	} {
		t.Run(op, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			link(t, outside, filepath.Join(dir, "probe"))
			if err := os.Mkdir(filepath.Join(dir, "a"), 0o777); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{filepath.Join(dir, "a", "file"), filepath.Join(outside, "file")} {
				if err := os.WriteFile(name, []byte("theirs"), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			err := do(&durable.Folder{Path: dir, Open: func(path string) (durable.Disk, error) {
				d, err := durable.OpenDisk(path)
				return swapped{d, op, outside}, err
			}})
			if err == nil {
				t.Error("it went on as if nothing had happened")
			}
			if got := names(t, outside); len(got) != 1 || read(t, filepath.Join(outside, "file")) != "theirs" {
				t.Errorf("outside there are %q, the file holds %q: %v", got, read(t, filepath.Join(outside, "file")), err)
			}
		})
	}
}
