package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kustash/kustash/pipeline"
)

// places are the folders that can be on a bad disk, by what they hold.
var places = map[string]string{"the archive": "csv", "the state": ".kustash"}

// disk is a pipeline with a folder on a file system of its own.
type disk struct {
	*shell
	folder string
	want   []string
}

// newDisk mounts a file system of so many bytes on the folder; 0 bytes are as
// many as there are. Where that is not allowed the test is skipped.
func newDisk(t *testing.T, url, folder string, w pipeline.Window, want []string, size int) *disk {
	t.Helper()
	d := &disk{&shell{t: t, dir: t.TempDir()}, "", want}
	d.folder = filepath.Join(d.dir, folder)
	d.write("main.kustash.hcl", tamperPipeline(url, w))
	if err := os.Mkdir(d.folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", d.folder, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(d.folder, 0); err != nil {
			t.Error(err)
		}
	})
	return d
}

// remount changes the file system as an operator would.
func (d *disk) remount(flags uintptr, options string) {
	d.t.Helper()
	if err := unix.Mount("", d.folder, "", unix.MS_REMOUNT|flags, options); err != nil {
		d.t.Fatal(err)
	}
}

// fails applies, and checks that it fails with a message about the folder.
func (d *disk) fails(cause string, args ...string) {
	d.t.Helper()
	code, output := d.run(append([]string{"apply", "-auto-approve"}, args...)...)
	if code != exitFailed {
		d.t.Errorf("apply: exit %d, want %d", code, exitFailed)
	}
	if flat := strings.Join(strings.Fields(output), " "); !strings.Contains(flat, cause) || !strings.Contains(flat, filepath.Base(d.folder)) {
		d.t.Errorf("apply does not say %q about %s:\n%s", cause, d.folder, output)
	}
	d.nothingHalf()
}

// nothingHalf checks that whatever can be seen is complete: verify may find
// commits that are open, and nothing else.
func (d *disk) nothingHalf() {
	d.t.Helper()
	_, output := d.run("verify")
	for line := range strings.Lines(output) {
		kind, _, _ := strings.Cut(line, " ")
		switch kind {
		case "damaged", "missing", "unknown", "unreadable", "marker", "foreign", "Error:":
			d.t.Errorf("verify: %s", line)
		}
	}
}

// completes applies until all is done, which is at once, and compares the
// archive with the source.
func (d *disk) completes() {
	d.t.Helper()
	if code, output := d.run("apply", "-auto-approve"); code != exitDone {
		d.t.Errorf("apply after the fault: exit %d\n%s", code, output)
	}
	if code, output := d.run("verify"); code != exitDone || !strings.Contains(output, "no findings") {
		d.t.Errorf("verify after the fault: exit %d\n%s", code, output)
	}
	if got := csvRows(d.t, filepath.Join(d.dir, "csv")); !slices.Equal(got, d.want) {
		d.t.Errorf("the archive holds %d rows, want %d: %s", len(got), len(d.want), firstDifference(got, d.want))
	}
	for _, path := range filesBelow(d.t, d.dir, ".tmp") {
		d.t.Errorf("%s is left", path)
	}
}

// Wherever a disk becomes full, apply says so, nothing half is to be seen, and
// with more room the next run completes the archive.
func TestFullDisk(t *testing.T) {
	url, w, want := rowsSource(t)
	for what, folder := range places {
		t.Run(what, func(t *testing.T) {
			for pages := 1; ; pages++ {
				if pages > 100 {
					t.Fatal("no size is enough")
				}
				enough := false
				t.Run(fmt.Sprint(pages), func(t *testing.T) {
					d := newDisk(t, url, folder, w, want, pages*os.Getpagesize())
					code, output := d.run("apply", "-auto-approve")
					if enough = code == exitDone; enough {
						return
					}
					if flat := strings.Join(strings.Fields(output), " "); !strings.Contains(flat, "no space left on device") || !strings.Contains(flat, folder) {
						t.Errorf("apply does not say that %s is full:\n%s", folder, output)
					}
					d.nothingHalf()
					d.remount(0, "size=64m")
					d.completes()
				})
				if t.Skipped() || t.Failed() {
					return
				}
				if enough {
					if pages < 5 {
						t.Errorf("%d pages were enough: the test has nothing to fill", pages)
					}
					return
				}
			}
		})
	}
}

// A folder that cannot be written to is named, and what is there stays as it
// is; once it can be written to, the next run completes the archive.
func TestReadOnlyDisk(t *testing.T) {
	url, w, want := rowsSource(t)
	for what, folder := range places {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s first %v", what, first), func(t *testing.T) {
				d := newDisk(t, url, folder, w, want, 64<<20)
				if !first {
					half := w.Start.Add(w.End.Sub(w.Start) / 2).Format(pipeline.TimeLayout)
					if code, output := d.run("apply", "-auto-approve", "-to="+half); code != exitDone {
						t.Fatalf("apply: exit %d\n%s", code, output)
					}
				}
				d.remount(unix.MS_RDONLY, "")
				d.fails("read-only file system")
				d.remount(0, "")
				d.completes()
			})
		}
	}
}

// A limit on the size of files, as a shell may set one, is an error of the file
// that reaches it.
func TestFileSizeLimit(t *testing.T) {
	url, w, want := rowsSource(t)
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs sh")
	}
	d := &disk{&shell{t: t, dir: t.TempDir()}, "", want}
	d.folder = d.dir
	d.write("main.kustash.hcl", tamperPipeline(url, w))
	failed := 0
	for _, blocks := range []string{"0", "1", "2", "4", "6", "8"} { // of 512 or 1,024 bytes
		c := exec.Command(sh, "-c", `ulimit -f "$1" && shift && exec "$@"`, "sh", blocks, os.Args[0], "-chdir="+d.dir, "apply", "-auto-approve")
		c.Env = append(os.Environ(), "KUSTASH_TEST_STATUS="+os.DevNull)
		var output bytes.Buffer
		c.Stdout, c.Stderr = &output, &output
		if err := c.Run(); err == nil {
			continue
		}
		failed++
		if !strings.Contains(strings.Join(strings.Fields(output.String()), " "), "file too large") {
			t.Errorf("%s blocks: apply does not say that a file is too large:\n%s", blocks, output.String())
		}
		d.nothingHalf()
	}
	if failed < 2 {
		t.Errorf("%d limits were reached", failed)
	}
	d.completes()
}
