//go:build unix

package main

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

// Without a umask, the state and saved plans are their owner's alone; the
// archive and answers are for others to read.
func TestRights(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	url, w, _ := rowsSource(t)
	s := &shell{t: t, dir: t.TempDir()}
	s.write("main.kustash.hcl", tamperPipeline(url, w))
	for _, args := range [][]string{{"plan", "-out=saved.plan"}, {"apply", "saved.plan"}, {"query", "-out=answer.csv", "Fault_CL | take 3"}} {
		if code, output := s.run(args...); code != exitDone {
			t.Fatalf("%q: exit %d\n%s", args, code, output)
		}
	}
	seen := make(map[fs.FileMode]int)
	for _, place := range []struct {
		path         string
		folder, file fs.FileMode
	}{
		{".kustash", 0o700, 0o600},
		{"saved.plan", 0, 0o600},
		{"csv", 0o777, 0o666},
		{"parquet", 0o777, 0o666},
		{"answer.csv", 0, 0o666},
	} {
		err := filepath.WalkDir(filepath.Join(s.dir, place.path), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			want := place.file
			if d.IsDir() {
				want = place.folder
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm() != want {
				t.Errorf("%s has the mode %v, want %v", path, info.Mode().Perm(), want)
			}
			seen[want]++
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if seen[0o600] < 5 || seen[0o666] < 10 || seen[0o700] < 2 || seen[0o777] < 4 {
		t.Errorf("files and folders by mode: %v, want some of each", seen)
	}
}
