package ledger_test

import (
	"testing"

	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/pipeline/ledger/ledgertest"
)

func TestMemory(t *testing.T) {
	ledgertest.Store(t, func(*testing.T) ledger.Store { return ledger.NewMemory() })
}

func TestDir(t *testing.T) {
	ledgertest.Store(t, func(t *testing.T) ledger.Store {
		return ledger.NewDir(t.TempDir() + "/deep/state")
	})
}
