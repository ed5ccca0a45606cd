package jsonl_test

import (
	"testing"

	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/local"
	"github.com/kustash/kustash/sinks/sinktest"
)

func newFormat(t testing.TB, o jsonl.Options) *jsonl.Format {
	t.Helper()
	f, err := jsonl.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func openLocal(t *testing.T) sinks.Store {
	s, err := local.New(local.Config{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSuites(t *testing.T) {
	for name, o := range options {
		t.Run(name, func(t *testing.T) {
			format := newFormat(t, o)
			sinktest.Format(t, format)
			if format.Settings() != "" {
				return // a sink does not care about them
			}
			t.Run("Memory", func(t *testing.T) {
				sinktest.Sink(t, format, func(*testing.T) sinks.Store { return sinktest.NewMemory() })
			})
			t.Run("Local", func(t *testing.T) { sinktest.Sink(t, format, openLocal) })
		})
	}
}

var options = map[string]jsonl.Options{
	"plain":     {},
	"gzip":      {Compression: "gzip"},
	"zstd":      {Compression: "zstd"},
	"json":      {Dynamic: "json"},
	"json zstd": {Compression: "zstd", Dynamic: "json"},
}

func level(n int) *int { return &n }
