package ledger

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kustash/kustash/internal/durable/durabletest"
	"github.com/kustash/kustash/pipeline"
)

// dirOn returns the store in a folder of another disk.
func dirOn(path string, r *durabletest.Recorder) *Dir {
	d := NewDir(path)
	d.folder.Open = r.Open
	return d
}

// The order of the calls is what a crash leaves whole.
func TestDirOrder(t *testing.T) {
	ctx := context.Background()
	written := func(temp string) (calls []string) {
		for _, op := range []string{"create", "write", "sync", "close"} {
			calls = append(calls, op+" "+temp)
		}
		return calls
	}
	segment := "state/" + segmentName(1)
	for name, c := range map[string]struct {
		do   func(*Dir) error
		want []string
	}{
		"a segment": {
			func(d *Dir) error { return d.Create(ctx, segmentName(1), []byte("x")) },
			slices.Concat([]string{"mkdir state", "syncdir .", "mkdir state/ledger", "syncdir state"},
				written("state/ledger/_1.tmp"),
				[]string{"link state/ledger/_1.tmp " + segment, "remove state/ledger/_1.tmp", "syncdir state/ledger"}),
		},
		"the lock": {
			func(d *Dir) error {
				return errors.Join(d.Swap(ctx, lockName, nil, []byte("x")), d.Swap(ctx, lockName, []byte("x"), []byte("y")))
			},
			slices.Concat([]string{"mkdir state", "syncdir ."},
				written("state/_1.tmp"), []string{"link state/_1.tmp state/lock.guard", "remove state/_1.tmp", "syncdir state"},
				written("state/_2.tmp"), []string{"rename state/_2.tmp state/lock.json", "syncdir state"},
				written("state/_3.tmp"), []string{"rename state/_3.tmp state/lock.json", "syncdir state"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			r := durabletest.NewRecorder(top)
			if err := c.do(dirOn(filepath.Join(top, "state"), r)); err != nil {
				t.Fatal(err)
			}
			if got := r.Calls(); !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

// Whatever call fails, a segment is there whole or not at all, and the next try
// makes it, or finds it.
func TestDirCreateFaults(t *testing.T) {
	ctx, data := context.Background(), []byte("a segment\n")
	durabletest.Faults(t, func(t *testing.T, top string, r *durabletest.Recorder) {
		d := dirOn(filepath.Join(top, "state"), r)
		err := d.Create(ctx, segmentName(1), data)
		if err != nil && (!errors.Is(err, durabletest.ErrDisk) || !strings.Contains(err.Error(), segmentName(1))) {
			t.Errorf("%v, want %q and the name of the segment", err, durabletest.ErrDisk)
		}
		got, readErr := d.Read(ctx, segmentName(1))
		if gone := err != nil && errors.Is(readErr, fs.ErrNotExist); !gone && string(got) != string(data) {
			t.Errorf("the segment holds %q, %v", got, readErr)
		}
		r.Heal()
		if err := d.Create(ctx, segmentName(1), data); err != nil && !(errors.Is(err, fs.ErrExist) && readErr == nil) {
			t.Errorf("the second try: %v; the segment was there before: %v", err, readErr == nil)
		}
		if got, err := d.Read(ctx, segmentName(1)); string(got) != string(data) {
			t.Errorf("in the end the segment holds %q, %v", got, err)
		}
		if names, err := d.List(ctx, segmentPrefix, ""); err != nil || len(names) != 1 {
			t.Errorf("in the end there are %q, %v", names, err)
		}
		calls := r.Calls()
		if last := calls[len(calls)-1]; last != "syncdir state/ledger" {
			t.Errorf("the last call was %q, want the sync of the folder", last)
		}
	})
}

func TestDirSwapFaults(t *testing.T) {
	ctx := context.Background()
	for _, before := range []string{"", "old"} {
		t.Run("before "+before, func(t *testing.T) {
			durabletest.Faults(t, func(t *testing.T, top string, r *durabletest.Recorder) {
				var old []byte
				if before != "" {
					old = []byte(before)
					if err := NewDir(top).Swap(ctx, lockName, nil, old); err != nil {
						t.Fatal(err)
					}
				}
				d := dirOn(top, r)
				err := d.Swap(ctx, lockName, old, []byte("new"))
				if err != nil && (!errors.Is(err, durabletest.ErrDisk) || !strings.Contains(err.Error(), top)) {
					t.Errorf("%v, want %q and the name of a file", err, durabletest.ErrDisk)
				}
				got, readErr := d.Read(ctx, lockName)
				if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) || string(got) != "new" && (err == nil || string(got) != before) {
					t.Errorf("the record is %q, %v after %v", got, readErr, err)
				}
				r.Heal()
				if err := d.Swap(ctx, lockName, got, []byte("new")); err != nil {
					t.Errorf("the second try: %v", err)
				}
				if got, err := d.Read(ctx, lockName); string(got) != "new" {
					t.Errorf("in the end the record is %q, %v", got, err)
				}
			})
		})
	}
}

// A ledger on a disk that becomes full goes on where it was when there is room.
func TestLedgerOnFullDisk(t *testing.T) {
	full := 0
	for room := int64(0); ; room += 97 {
		top := t.TempDir()
		r := durabletest.NewRecorder(top)
		r.Full(room)
		d, c := dirOn(top, r), newClock()
		var kept []string
		l, err := Open(context.Background(), d, c.options("first"))
		if err == nil {
			for i := range 3 {
				if err = l.Append(context.Background(), entry(pipeline.KindIntended, key(i))); err != nil {
					break
				}
				kept = append(kept, "intended "+key(i))
			}
			err = errors.Join(err, l.Close(context.Background()))
		}
		if err == nil {
			break
		}
		full++
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("room %d: %v, want %v", room, err, syscall.ENOSPC)
		}
		r.Heal()
		l = mustOpen(t, d, c.options("second"))
		mustAppend(t, l, entry(pipeline.KindIntended, "z"))
		mustClose(t, l)
		got := keys(mustRead(t, d).Entries)
		if len(got) < len(kept)+1 || !slices.Equal(got[:len(kept)], kept) || got[len(got)-1] != "intended z" {
			t.Errorf("room %d: %q, want at least %q and z", room, got, kept)
		}
	}
	if full < 10 {
		t.Errorf("the disk was full %d times only", full)
	}
}

// Nothing of the state is written or read through links, though the folder may
// be one.
func TestDirLinks(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"ledger", "lock.json", "lock.guard", "lock.host", segmentName(1)} {
		t.Run(name, func(t *testing.T) {
			top, outside := t.TempDir(), t.TempDir()
			dir, place := filepath.Join(top, "state"), filepath.Join(top, "place")
			file := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Join(place, filepath.Dir(name)), 0o700); err != nil {
				t.Fatal(err)
			}
			for name, to := range map[string]string{dir: place, file: filepath.Join(outside, "target")} {
				if err := os.Symlink(to, name); err != nil {
					t.Skipf("no symbolic links here: %v", err)
				}
			}
			if name == "ledger" {
				if err := os.Mkdir(filepath.Join(outside, "target"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			l, err := Open(ctx, NewDir(dir), newClock().options("first"))
			if err == nil {
				err = l.Close(ctx)
			}
			// Without the host lock the ledger works, but others wait for longer.
			if name != "lock.host" && (err == nil || !strings.Contains(err.Error(), file)) {
				t.Errorf("%v, want an error that names %s", err, file)
			}
			_ = filepath.WalkDir(outside, func(path string, e fs.DirEntry, err error) error {
				if err != nil || !e.IsDir() {
					t.Errorf("outside there is %s, %v", path, err)
				}
				return nil
			})
		})
	}
	t.Run("the folder", func(t *testing.T) {
		top := t.TempDir()
		place := filepath.Join(top, "place")
		if err := os.Mkdir(place, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("place", filepath.Join(top, "state")); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
		d := NewDir(filepath.Join(top, "state"))
		mustClose(t, mustOpen(t, d, newClock().options("first")))
		if s := mustRead(t, NewDir(place)); s.Seq != 1 {
			t.Errorf("the ledger has segment %d, want 1", s.Seq)
		}
	})
}
