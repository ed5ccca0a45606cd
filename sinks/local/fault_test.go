package local_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kustash/kustash/internal/durable/durabletest"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/local"
)

const (
	faultKey  = "q/date=2026-01-01/x.csv"
	faultMeta = "q/date=2026-01-01/_x.csv.meta.json"
	faultData = "all of the data"
)

// beside are the two kinds of objects, by whether their metadata lies beside
// them.
var beside = map[string]bool{"metadata beside": true, "metadata inside": false}

// write publishes the object that the tests of faults use.
func write(s *local.Store, withMeta bool) error {
	o, err := s.Create(ctx, faultKey)
	if err != nil {
		return err
	}
	defer o.Abort()
	if err := prepare(o, withMeta); err != nil {
		return err
	}
	return o.Commit(ctx)
}

func prepare(o sinks.Object, withMeta bool) error {
	if _, err := o.Write([]byte(faultData)); err != nil {
		return err
	}
	return o.Prepare(ctx, sinks.Metadata{Lineage: "l", Embedded: !withMeta})
}

func TestOrderOfCalls(t *testing.T) {
	folders := []string{
		"mkdir archive", "syncdir .", "mkdir archive/_kustash", "syncdir archive",
		"mkdir archive/_kustash/tmp", "syncdir archive/_kustash"}
	written := func(n int) (calls []string) {
		for _, op := range []string{"create", "write", "sync", "close"} {
			calls = append(calls, fmt.Sprintf("%s archive/_kustash/tmp/_%d.tmp", op, n))
		}
		return calls
	}
	place := []string{
		"mkdir archive/q", "syncdir archive", "mkdir archive/q/date=2026-01-01", "syncdir archive/q"}
	data := []string{
		"link archive/_kustash/tmp/_1.tmp archive/" + faultKey,
		"remove archive/_kustash/tmp/_1.tmp", "syncdir archive/q/date=2026-01-01"}
	meta := []string{"rename archive/_kustash/tmp/_2.tmp archive/" + faultMeta, "syncdir archive/q/date=2026-01-01"}
	for name, withMeta := range beside {
		want := slices.Concat(folders, written(1), place, data)
		if withMeta {
			want = slices.Concat(folders, written(1), written(2), place, meta, data)
		}
		top := t.TempDir()
		r := durabletest.NewRecorder(top)
		if err := write(local.NewOn(filepath.Join(top, "archive"), r.Open), withMeta); err != nil {
			t.Fatal(err)
		}
		if got := r.Calls(); !slices.Equal(got, want) {
			t.Errorf("%s: got\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

// visible checks that whatever can be seen is complete, and returns it.
func visible(t *testing.T, dir string) (seen []string) {
	t.Helper()
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return nil
	}
	for _, name := range tree(t, dir) {
		if strings.HasPrefix(name, "_kustash/tmp/") {
			continue
		}
		seen = append(seen, name)
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		whole := string(raw) == faultData
		if name == faultMeta {
			whole = strings.HasPrefix(string(raw), "{") && strings.HasSuffix(string(raw), "}\n")
		}
		if err != nil || !whole {
			t.Errorf("%s is visible with %q, %v", name, raw, err)
		}
	}
	if slices.Contains(seen, faultKey) && slices.Contains(seen, faultMeta) != (len(seen) == 2) {
		t.Errorf("%q are visible", seen)
	}
	return seen
}

// want is what the archive holds in the end.
func want(withMeta bool) []string {
	if withMeta {
		return []string{faultMeta, faultKey}
	}
	return []string{faultKey}
}

// Whatever call fails, nothing is seen that is not complete, and a run after
// it makes exactly the object.
func TestFaults(t *testing.T) {
	for name, withMeta := range beside {
		t.Run(name, func(t *testing.T) {
			durabletest.Faults(t, func(t *testing.T, top string, r *durabletest.Recorder) {
				dir := filepath.Join(top, "archive")
				s := local.NewOn(dir, r.Open)
				err := write(s, withMeta)
				seen := visible(t, dir)
				switch {
				case err == nil && !slices.Equal(seen, want(withMeta)):
					t.Errorf("it says that all is well, and %q are there", seen)
				case err != nil && (!errors.Is(err, durabletest.ErrDisk) || !strings.Contains(err.Error(), top)):
					t.Errorf("%v, want %q and the name of a file", err, durabletest.ErrDisk)
				}
				if withMeta && slices.Contains(seen, faultKey) && !slices.Contains(seen, faultMeta) {
					t.Error("the object came before its metadata")
				}
				r.Heal()
				if err := s.Sweep(ctx); err != nil {
					t.Fatal(err)
				}
				published := slices.Contains(seen, faultKey)
				if err := write(s, withMeta); published != errors.Is(err, pipeline.ErrExists) || !published && err != nil {
					t.Errorf("the second try: %v, and the object was there before: %v", err, published)
				}
				if got := tree(t, dir); !slices.Equal(got, want(withMeta)) {
					t.Errorf("in the end there are %q", got)
				}
				visible(t, dir)
			})
		})
	}
}

// A commit that has failed may be tried again, wherever it was.
func TestCommitAgain(t *testing.T) {
	for name, withMeta := range beside {
		t.Run(name, func(t *testing.T) {
			durabletest.Faults(t, func(t *testing.T, top string, r *durabletest.Recorder) {
				dir := filepath.Join(top, "archive")
				s := local.NewOn(dir, nil)
				o, err := s.Create(ctx, faultKey)
				if err != nil {
					t.Fatal(err)
				}
				if err := prepare(o, withMeta); err != nil {
					t.Fatal(err)
				}
				local.SetDisk(s, r.Open)
				if err := o.Commit(ctx); err != nil && !errors.Is(err, durabletest.ErrDisk) {
					t.Error(err)
				}
				visible(t, dir)
				r.Heal()
				if err := o.Commit(ctx); err != nil {
					t.Errorf("the second try: %v", err)
				}
				if err := o.Abort(); err != nil {
					t.Error(err)
				}
				visible(t, dir)
				if got := tree(t, dir); !slices.Equal(got, want(withMeta)) {
					t.Errorf("in the end there are %q", got)
				}
				if calls := r.Calls(); calls[len(calls)-1] != "syncdir archive/q/date=2026-01-01" {
					t.Errorf("the last call was %q, want the sync of the folder", calls[len(calls)-1])
				}
			})
		})
	}
}

// At whichever byte the disk is full, nothing is visible and no room is taken.
func TestFullDisk(t *testing.T) {
	for room := int64(0); ; room++ {
		top := t.TempDir()
		dir := filepath.Join(top, "archive")
		r := durabletest.NewRecorder(top)
		r.Full(room)
		s := local.NewOn(dir, r.Open)
		err := write(s, true)
		if err == nil {
			if room <= int64(len(faultData)) {
				t.Errorf("%d bytes of room were enough for data and metadata", room)
			}
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("room %d: %v, want %v", room, err, syscall.ENOSPC)
		}
		if left := tree(t, dir); len(left) != 0 {
			t.Fatalf("room %d: %q are left", room, left)
		}
		r.Heal()
		if err := write(s, true); err != nil {
			t.Fatalf("room %d: after there was room: %v", room, err)
		}
		visible(t, dir)
	}
}

// Two writers of one name: the second learns of it, and the first one's object
// and metadata are as they were, also if the second had come close.
func TestSecondWriterComesClose(t *testing.T) {
	top := t.TempDir()
	s := local.NewOn(top, nil)
	o, err := s.Create(ctx, faultKey)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Abort()
	if err := prepare(o, true); err != nil {
		t.Fatal(err)
	}
	r := durabletest.NewRecorder(top)
	local.SetDisk(s, r.Open)
	r.Refuse("link", "renamenew")
	if err := o.Commit(ctx); err == nil {
		t.Fatal("the first commit has no fault")
	}
	r.Heal()
	if err := publish(t, s, faultKey, "theirs", "theirs"); err != nil {
		t.Fatal(err)
	}
	if err := o.Commit(ctx); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("%v, want %v", err, pipeline.ErrExists)
	}
	for name, text := range map[string]string{faultKey: "theirs", faultMeta: `"theirs"`} {
		raw, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
		if err != nil || !strings.Contains(string(raw), text) {
			t.Errorf("%s holds %q, %v, want theirs", name, raw, err)
		}
	}
}
