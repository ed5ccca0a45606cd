package sinks_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/local"
	"github.com/kustash/kustash/sinks/sinktest"
)

// Inspect says what Enroll would, and does not do it.
func TestInspect(t *testing.T) {
	store := sinktest.NewMemory()
	as := func(identity string) *sinks.Sink { return open(t, sinks.Options{Store: store, Identity: identity}) }
	for _, lineage := range []string{"", "l"} {
		if marked, err := as("local:a").Inspect(ctx, lineage); marked || err != nil {
			t.Errorf("an empty sink with lineage %q: %v, %v; want false, nil", lineage, marked, err)
		}
	}
	if store.Bytes("_kustash/lineage.json") != nil || store.Bytes("_kustash/probe") != nil {
		t.Fatal("Inspect has left an object")
	}
	if err := as("local:a").Enroll(ctx, "l"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		identity, lineage string
		foreign           bool
	}{
		{"local:a", "l", false},
		{"local:a", "", true},
		{"local:a", "other", true},
		{"local:b", "l", true},
	} {
		marked, err := as(c.identity).Inspect(ctx, c.lineage)
		var foreign *sinks.Foreign
		if !marked || errors.As(err, &foreign) != c.foreign || (err != nil) != c.foreign || c.foreign && foreign.Lineage != "l" {
			t.Errorf("%s with lineage %q: %v, %v; want a foreign archive: %v", c.identity, c.lineage, marked, err, c.foreign)
		}
	}
}

// On local disk not even a folder is left, and a disk that takes nothing is
// noticed.
func TestInspectLocal(t *testing.T) {
	dir := t.TempDir()
	inspect := func(path string) error {
		store, err := local.New(local.Config{Path: filepath.Join(dir, path)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = open(t, sinks.Options{Store: store}).Inspect(ctx, "l")
		return err
	}
	if err := inspect("a/b"); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left, want nothing", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := inspect("file"); err == nil {
		t.Error("a file for the folder is accepted")
	}
}

// A store without Try is asked to take an object.
func TestInspectProbes(t *testing.T) {
	s := open(t, sinks.Options{Store: &sinktest.Faulty{Store: sinktest.NewMemory(), Fail: func(step string) error {
		if step == "prepare" {
			return errDisk
		}
		return nil
	}}})
	if _, err := s.Inspect(ctx, "l"); !errors.Is(err, errDisk) {
		t.Errorf("a full disk: %v, want %v", err, errDisk)
	}
}
