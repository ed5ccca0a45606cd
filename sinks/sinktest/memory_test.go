package sinktest_test

import (
	"testing"

	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/sinktest"
)

func TestMemory(t *testing.T) {
	sinktest.Store(t, func(*testing.T) sinks.Store { return sinktest.NewMemory() })
}
