package local_test

import (
	"testing"

	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/local"
	"github.com/kustash/kustash/sinks/sinktest"
)

func open(t *testing.T, dir string) *local.Store {
	t.Helper()
	s, err := local.New(local.Config{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	sinktest.Store(t, func(t *testing.T) sinks.Store { return open(t, t.TempDir()+"/archive") })
}
