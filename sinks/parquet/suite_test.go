package parquet_test

import (
	"testing"

	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/local"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sinks/sinktest"
)

func newFormat(t testing.TB, o parquet.Options) *parquet.Format {
	t.Helper()
	f, err := parquet.New(o)
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
			t.Run("Memory", func(t *testing.T) {
				sinktest.Sink(t, format, func(*testing.T) sinks.Store { return sinktest.NewMemory() })
			})
			t.Run("Local", func(t *testing.T) { sinktest.Sink(t, format, openLocal) })
		})
	}
}

var options = map[string]parquet.Options{
	"default": {},
	"snappy":  {Compression: "snappy", Datetime: "string"},
	"gzip":    {Compression: "gzip", DatetimeColumns: map[string]string{"other.time": "string"}},
	"none":    {Compression: "none"},
	"level":   {Level: level(9)},
}
