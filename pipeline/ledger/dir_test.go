package ledger

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

func TestDirLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), ".kustash")
	l := mustOpen(t, NewDir(dir), newClock().options("first"))
	mustAppend(t, l, entry(pipeline.KindIntended, "a"))
	mustClose(t, l)
	var got []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			got = append(got, path)
		}
		return err
	})
	want := []string{"ledger/00000000000000000001.jsonl", "ledger/00000000000000000002.jsonl", "lock.guard", "lock.host", "lock.json"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, litter := range []string{"_1.tmp", ".DS_Store", "_00000000000000000003.jsonl"} {
		if err := os.WriteFile(filepath.Join(dir, "ledger", litter), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	checkKeys(t, "beside litter", mustRead(t, NewDir(dir)).Entries, "intended a")
}

func TestDirIsFile(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, readErr := Read(ctx, NewDir(path))
	_, openErr := Open(ctx, NewDir(path), Options{})
	for what, err := range map[string]error{"read": readErr, "open": openErr} {
		if err == nil || !strings.Contains(err.Error(), path+" is a file") {
			t.Errorf("%s: got %v, want that %s is a file", what, err, path)
		}
	}
	if got, _ := os.ReadFile(path); string(got) != "mine" {
		t.Errorf("the file now holds %q", got)
	}
}

func TestDirUnwritable(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		_ = f.Close()
		t.Skip("this user may write everywhere")
	}
	_, err := Open(context.Background(), NewDir(dir), Options{})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "must be writable") || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want that %s must be writable", err, dir)
	}
}

func TestDirNamesStayInside(t *testing.T) {
	d := NewDir(t.TempDir())
	for _, name := range []string{"../x", "ledger/../../x", "/x", ""} {
		if err := d.Create(context.Background(), name, nil); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: got %v, want fs.ErrInvalid", name, err)
		}
	}
}

func TestDirPartOfTheWayIsFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ledger"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), NewDir(dir), newClock().options("first")); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "ledger")) {
		t.Errorf("got %v, want an error about %s/ledger", err, dir)
	}
}

// TestHostLock checks what a successor concludes from the lock of the
// operating system, on a virtual clock.
func TestHostLock(t *testing.T) {
	ctx := context.Background()
	if _, ok, err := NewDir(t.TempDir()).LockHost(); !ok || err != nil {
		t.Skipf("no host lock here: %v", err)
	}
	dead := func(t *testing.T, d *Dir) { // a holder that is gone leaves its record
		t.Helper()
		l := mustOpen(t, d, newClock().options("first"))
		if err := l.lock.unlock(); err != nil {
			t.Fatal(err)
		}
	}
	change := func(edit func(*Lock)) func(*testing.T, *Dir) {
		return func(t *testing.T, d *Dir) {
			t.Helper()
			dead(t, d)
			data, k, err := readLock(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			edit(k)
			if _, err := swapLock(ctx, d, data, *k); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		before func(*testing.T, *Dir)
		slept  time.Duration
		locked bool
	}{
		"living":        {func(t *testing.T, d *Dir) { mustOpen(t, d, newClock().options("first")) }, 0, true},
		"dead":          {dead, 0, false},
		"other host":    {change(func(k *Lock) { k.Host = "elsewhere" }), 30 * time.Second, false},
		"no host":       {change(func(k *Lock) { k.Host = "" }), 30 * time.Second, false},
		"other kernel":  {change(func(k *Lock) { k.Boot = "another" }), 30 * time.Second, false},
		"had no lock":   {change(func(k *Lock) { k.HostLock = false }), 30 * time.Second, false},
		"free":          {func(t *testing.T, d *Dir) { mustClose(t, mustOpen(t, d, newClock().options("first"))) }, 0, false},
		"a bystander":   {func(t *testing.T, d *Dir) { change(func(k *Lock) { k.HostLock = false })(t, d); lockHost(t, d) }, 30 * time.Second, false},
		"none but lock": {func(t *testing.T, d *Dir) { lockHost(t, d) }, courtesy, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			d := NewDir(path)
			test.before(t, d)
			c := newClock()
			l, err := Open(ctx, NewDir(path), c.options("second"))
			if errors.Is(err, pipeline.ErrLocked) != test.locked || (err != nil && !test.locked) {
				t.Fatalf("got %v, want locked %v", err, test.locked)
			}
			if c.slept != test.slept {
				t.Errorf("waited %v, want %v", c.slept, test.slept)
			}
			if err == nil {
				mustClose(t, l)
			}
		})
	}
}

func lockHost(t *testing.T, d *Dir) {
	t.Helper()
	unlock, ok, err := d.LockHost()
	if err != nil || !ok {
		t.Fatalf("host lock: got %v, %v", ok, err)
	}
	t.Cleanup(func() { _ = unlock() })
}

// TestRenewGetsTheHostLock checks that a run which began while another process
// held the host lock gets it later.
func TestRenewGetsTheHostLock(t *testing.T) {
	d, c := NewDir(t.TempDir()), newClock()
	unlock, ok, err := d.LockHost()
	if err != nil || !ok {
		t.Skipf("no host lock here: %v", err)
	}
	l := mustOpen(t, d, c.options("first"))
	if record(t, d).HostLock {
		t.Error("two have the host lock")
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	c.Advance(10 * time.Second)
	if err := l.Renew(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !record(t, d).HostLock {
		t.Error("the host lock was not taken")
	}
	mustClose(t, l)
}

// Try tells whether the state can be written, and leaves no trace.
func TestDirTry(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, ".kustash")
	if err := NewDir(dir).Try(context.Background()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(top); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left, want nothing", left, err)
	}
	if err := os.WriteFile(dir, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := NewDir(dir).Try(context.Background()); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("%v, want that it is a file", err)
	}
}
