// Package durabletest has a disk that writes down what is done to it, and on
// which single calls fail.
package durabletest

import (
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/kustash/kustash/internal/durable"
)

// ErrDisk is what calls that fail fail with.
var ErrDisk = errors.New("the disk has failed")

// Recorder opens folders of the real disk, writes down the calls that change
// them, and lets some of them fail. Its Open goes into a durable.Folder. Syncs
// are written down and not done, so that tests are fast.
type Recorder struct {
	top   string
	mu    sync.Mutex
	calls []string
	temps map[string]string // temporary names, as they are written down

	fails  func(n int, op string) bool // n counts calls from 1; nil: none fails
	late   bool                        // the call does its work before it fails
	room   int64                       // bytes that can still be written; < 0: any number
	failed []string
	healed int // how many calls there had been; -1 before Heal
}

// NewRecorder returns a sound disk. Calls are written down with names below
// top.
func NewRecorder(top string) *Recorder {
	return &Recorder{top: top, temps: make(map[string]string), room: -1, healed: -1}
}

// Full lets the disk take so many bytes and no more.
func (r *Recorder) Full(room int64) { r.room = room }

// Refuse lets all calls of an operation fail.
func (r *Recorder) Refuse(ops ...string) {
	r.fails = func(_ int, op string) bool {
		return slices.Contains(ops, op)
	}
}

// Heal ends all faults.
func (r *Recorder) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails, r.room = nil, -1
	if r.healed < 0 {
		r.healed = len(r.calls)
	}
}

// Failed returns the calls that have failed on purpose.
func (r *Recorder) Failed() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.failed)
}

// Calls returns what was done, in order: an operation and the names that it
// was done to. Temporary names are numbered: "_1.tmp".
func (r *Recorder) Calls() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// Faults calls do with a sound disk, then again and again with disks that fail
// at each call that do made before it called Heal: once before the call's work
// and once after it, and from there on for ever. do uses the disk, looks at
// what became of it, heals it and tries again. do must not depend on chance.
func Faults(t *testing.T, do func(t *testing.T, top string, r *Recorder)) {
	t.Helper()
	once := func(at int) func(int, string) bool { return func(n int, _ string) bool { return n == at } }
	on := func(at int) func(int, string) bool { return func(n int, _ string) bool { return n >= at } }
	sound := NewRecorder(t.TempDir())
	do(t, sound.top, sound)
	if sound.healed <= 0 {
		t.Fatalf("%d calls before Heal: there is nothing to fail", sound.healed)
	}
	for at := range sound.healed {
		for _, fault := range []struct {
			name  string
			fails func(int, string) bool
			late  bool
		}{
			{"once", once(at + 1), false},
			{"late", once(at + 1), true},
			{"for ever", on(at + 1), false},
		} {
			t.Run(sound.calls[at]+" "+fault.name, func(t *testing.T) {
				r := NewRecorder(t.TempDir())
				r.fails, r.late = fault.fails, fault.late
				do(t, r.top, r)
				if len(r.Failed()) == 0 {
					t.Error("nothing has failed: the calls are not always the same")
				}
			})
		}
	}
}

// Open opens a folder of the disk.
func (r *Recorder) Open(path string) (durable.Disk, error) {
	d, err := durable.OpenDisk(path)
	if err != nil {
		return nil, err
	}
	return &disk{d, r}, nil
}

var tempName = regexp.MustCompile(`_[A-Z2-7]{26}\.tmp`)

// call writes a call down and does it, or lets it fail.
func (r *Recorder) call(op string, do func() error, paths ...string) error {
	r.mu.Lock()
	line := op
	for _, path := range paths {
		below, err := filepath.Rel(r.top, path)
		if err != nil {
			below = path
		}
		line += " " + tempName.ReplaceAllStringFunc(filepath.ToSlash(below), r.number)
	}
	r.calls = append(r.calls, line)
	fail := r.fails != nil && r.fails(len(r.calls), op)
	if fail {
		r.failed = append(r.failed, line)
	}
	late := r.late
	r.mu.Unlock()
	if !fail {
		return do()
	}
	if late || op == "close" { // a file that stays open would only harm the test
		if err := do(); err != nil {
			return err
		}
	}
	return &fs.PathError{Op: op, Path: paths[0], Err: ErrDisk}
}

func (r *Recorder) number(temp string) string {
	if r.temps[temp] == "" {
		r.temps[temp] = "_" + strconv.Itoa(len(r.temps)+1) + ".tmp"
	}
	return r.temps[temp]
}

type disk struct {
	durable.Disk
	r *Recorder
}

func (d *disk) call(op string, do func() error, names ...string) error {
	for i, name := range names {
		names[i] = filepath.Join(d.Name(), name)
	}
	return d.r.call(op, do, names...)
}

func (d *disk) Create(name string, perm fs.FileMode) (f durable.File, err error) {
	err = d.call("create", func() error { f, err = d.Disk.Create(name, perm); return err }, name)
	if err != nil {
		if f != nil {
			_ = f.Close()
		}
		return nil, err
	}
	return &file{f, d.r}, nil
}

func (d *disk) Mkdir(name string, perm fs.FileMode) error {
	return d.call("mkdir", func() error { return d.Disk.Mkdir(name, perm) }, name)
}

func (d *disk) Link(from, to string) error {
	return d.call("link", func() error { return d.Disk.Link(from, to) }, from, to)
}

func (d *disk) RenameNew(from, to string) error {
	return d.call("renamenew", func() error { return d.Disk.RenameNew(from, to) }, from, to)
}

func (d *disk) Rename(from, to string) error {
	return d.call("rename", func() error { return d.Disk.Rename(from, to) }, from, to)
}

func (d *disk) Remove(name string) error {
	return d.call("remove", func() error { return d.Disk.Remove(name) }, name)
}

func (d *disk) SyncDir(name string) error {
	return d.call("syncdir", func() error { return nil }, name)
}

type file struct {
	durable.File
	r *Recorder
}

// Write writes half of the bytes where it fails, or what there is room for.
func (f *file) Write(p []byte) (n int, err error) {
	half := true
	err = f.r.call("write", func() error {
		half = false
		if room := f.r.room; room >= 0 && room < int64(len(p)) {
			if n, err = f.File.Write(p[:room]); err == nil {
				f.r.room = 0
				err = &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
			}
			return err
		}
		n, err = f.File.Write(p)
		if f.r.room >= 0 {
			f.r.room -= int64(n)
		}
		return err
	}, f.Name())
	if err != nil && half {
		n, _ = f.File.Write(p[:len(p)/2])
	}
	return n, err
}

func (f *file) Sync() error {
	return f.r.call("sync", func() error { return nil }, f.Name())
}

func (f *file) Close() error { return f.r.call("close", f.File.Close, f.Name()) }
