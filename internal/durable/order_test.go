package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/internal/durable/durabletest"
)

// The order of the calls is what a crash leaves whole: see the package comment.
func TestOrder(t *testing.T) {
	written := func(dir, temp string) []string {
		return []string{"create " + dir + temp, "write " + dir + temp, "sync " + dir + temp, "close " + dir + temp}
	}
	for name, c := range map[string]struct {
		refuse string
		do     func(*durable.Folder) error
		want   []string
	}{
		"new folders": {
			do: func(f *durable.Folder) error { return f.MkdirAll("b/c") },
			want: []string{
				"mkdir new", "syncdir .", "mkdir new/a", "syncdir new",
				"mkdir new/a/b", "syncdir new/a", "mkdir new/a/b/c", "syncdir new/a/b"},
		},
		"a new file": {
			do: func(f *durable.Folder) error {
				return errors.Join(f.MkdirAll("."), f.Create("b/file", []byte("x")))
			},
			want: slices.Concat([]string{"mkdir new", "syncdir .", "mkdir new/a", "syncdir new", "mkdir new/a/b", "syncdir new/a"},
				written("new/a/b/", "_1.tmp"),
				[]string{"link new/a/b/_1.tmp new/a/b/file", "remove new/a/b/_1.tmp", "syncdir new/a/b"}),
		},
		"a new file without hard links": {
			refuse: "link",
			do:     func(f *durable.Folder) error { return f.Create("file", []byte("x")) },
			want: slices.Concat([]string{"mkdir new", "syncdir .", "mkdir new/a", "syncdir new"},
				written("new/a/", "_1.tmp"),
				[]string{"link new/a/_1.tmp new/a/file", "renamenew new/a/_1.tmp new/a/file", "syncdir new/a"}),
		},
		"a file replaced": {
			do: func(f *durable.Folder) error {
				return errors.Join(f.MkdirAll("."), f.Replace("file", []byte("x")), f.Replace("file", []byte("y")))
			},
			want: slices.Concat([]string{"mkdir new", "syncdir .", "mkdir new/a", "syncdir new"},
				written("new/a/", "_1.tmp"), []string{"rename new/a/_1.tmp new/a/file", "syncdir new/a"},
				written("new/a/", "_2.tmp"), []string{"rename new/a/_2.tmp new/a/file", "syncdir new/a"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			r := durabletest.NewRecorder(top)
			if c.refuse != "" {
				r.Refuse(c.refuse)
			}
			if err := c.do(&durable.Folder{Path: filepath.Join(top, "new", "a"), Open: r.Open}); err != nil {
				t.Fatal(err)
			}
			if got := r.Calls(); !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

// whole checks that the file has one of the contents, where nil means that it
// is not there.
func whole(t *testing.T, name string, contents ...any) {
	t.Helper()
	raw, err := os.ReadFile(name)
	var got any = string(raw)
	if errors.Is(err, fs.ErrNotExist) {
		got = nil
	} else if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(contents, got) {
		t.Errorf("the file holds %q, want one of %q", got, contents)
	}
}

// named checks that an error says what has failed and why.
func named(t *testing.T, err, cause error, name string) {
	t.Helper()
	if err != nil && (!errors.Is(err, cause) || !strings.Contains(err.Error(), name)) {
		t.Errorf("%v, want an error with %q that names %s", err, cause, name)
	}
}

// Whatever call fails, a new file is there whole or not at all, and the next
// try makes it.
func TestCreateFaults(t *testing.T) {
	durabletest.Faults(t, func(t *testing.T, top string, r *durabletest.Recorder) {
		f := &durable.Folder{Path: filepath.Join(top, "a"), Open: r.Open}
		name := filepath.Join(top, "a", "b", "file")
		err := f.Create("b/file", []byte("whole"))
		named(t, err, durabletest.ErrDisk, name)
		if err == nil {
			whole(t, name, "whole")
		} else {
			whole(t, name, "whole", nil)
		}
		r.Heal()
		if err := f.Create("b/file", []byte("whole")); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Errorf("the second try: %v", err)
		}
		whole(t, name, "whole")
	})
}

func TestReplaceFaults(t *testing.T) {
	durabletest.Faults(t, func(t *testing.T, top string, r *durabletest.Recorder) {
		f := &durable.Folder{Path: top, Open: r.Open}
		name := filepath.Join(top, "file")
		if err := os.WriteFile(name, []byte("old"), 0o666); err != nil {
			t.Fatal(err)
		}
		err := f.Replace("file", []byte("new"))
		named(t, err, durabletest.ErrDisk, name)
		if err == nil {
			whole(t, name, "new")
		} else {
			whole(t, name, "old", "new")
		}
		r.Heal()
		if err := f.Replace("file", []byte("new")); err != nil {
			t.Errorf("the second try: %v", err)
		}
		whole(t, name, "new")
	})
}

// A folder that could not be synced into its parent is made, and synced, again.
func TestMkdirAllFaults(t *testing.T) {
	durabletest.Faults(t, func(t *testing.T, top string, r *durabletest.Recorder) {
		f := &durable.Folder{Path: filepath.Join(top, "a"), Open: r.Open}
		err := f.MkdirAll("b/c")
		named(t, err, durabletest.ErrDisk, top)
		r.Heal()
		before := len(r.Calls())
		if err := f.MkdirAll("b/c"); err != nil {
			t.Errorf("the second try: %v", err)
		}
		if info, err := os.Stat(filepath.Join(top, "a", "b", "c")); err != nil || !info.IsDir() {
			t.Errorf("after the second try: %v, %v, want a folder", info, err)
		}
		again := r.Calls()[before:]
		if err == nil && len(again) > 0 {
			t.Errorf("what was there was made again: %q", again)
		}
		if failed := r.Failed(); len(failed) == 1 && strings.HasPrefix(failed[0], "syncdir") && !slices.Contains(again, failed[0]) {
			t.Errorf("%q has failed and was not done again: %q", failed[0], again)
		}
	})
}

// A temporary file that has failed to get its name may try again.
func TestPublishAgain(t *testing.T) {
	durabletest.Faults(t, func(t *testing.T, top string, r *durabletest.Recorder) {
		f := &durable.Folder{Path: top, Open: func(path string) (durable.Disk, error) { return durable.OpenDisk(path) }}
		temp, err := f.CreateTemp("tmp")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := temp.Write([]byte("whole")); err != nil {
			t.Fatal(err)
		}
		if err := temp.Seal(); err != nil {
			t.Fatal(err)
		}
		f.Open = r.Open
		named(t, temp.Publish("a/file"), durabletest.ErrDisk, top)
		r.Heal()
		if err := temp.Publish("a/file"); err != nil {
			t.Errorf("the second try: %v", err)
		}
		whole(t, filepath.Join(top, "a", "file"), "whole")
		if calls := r.Calls(); calls[len(calls)-1] != "syncdir a" {
			t.Errorf("the last call was %q, want the sync of the folder", calls[len(calls)-1])
		}
		if left := names(t, filepath.Join(top, "tmp")); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	})
}

// Wherever the disk is full, nothing is there, and nothing is left that takes
// room.
func TestFullDisk(t *testing.T) {
	text := []byte("twenty bytes of text")
	for room := range len(text) {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			top := t.TempDir()
			r := durabletest.NewRecorder(top)
			f := &durable.Folder{Path: top, Open: r.Open}
			r.Full(int64(room))
			err := f.Create("file", text)
			if err == nil {
				t.Fatal("it fits")
			}
			named(t, err, syscall.ENOSPC, filepath.Join(top, "file"))
			if got := names(t, top); len(got) != 0 {
				t.Errorf("%q are left", got)
			}
			r.Heal()
			if err := f.Create("file", text); err != nil {
				t.Error(err)
			}
			whole(t, filepath.Join(top, "file"), string(text))
		})
	}
}

// A file system that can do neither is refused, in words that help.
func TestNeitherLinkNorRename(t *testing.T) {
	top := t.TempDir()
	r := durabletest.NewRecorder(top)
	r.Refuse("link", "renamenew")
	f := &durable.Folder{Path: top, Open: r.Open}
	err := f.Create("file", []byte("x"))
	if !errors.Is(err, durabletest.ErrDisk) || !strings.Contains(err.Error(), "neither hard links") {
		t.Errorf("%v, want that the file system offers neither", err)
	}
	if got := names(t, top); len(got) != 0 {
		t.Errorf("%q are left", got)
	}
}
