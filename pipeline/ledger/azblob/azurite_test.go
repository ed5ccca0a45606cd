package azblob

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kustash/kustash/internal/azcontainer"
	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/pipeline/ledger/ledgertest"
)

// azurite returns an empty store in Microsoft's emulator, or skips: "make
// azurite-test" starts it.
func azurite(t *testing.T) *Store {
	t.Helper()
	connection := os.Getenv("KUSTASH_TEST_AZURITE")
	if connection == "" {
		t.Skip("no Azurite: run make azurite-test")
	}
	s, err := Open(Config{azcontainer.Config{ConnectionString: secret.Text(connection), Container: "kustash-" + uuid.NewString(), Prefix: "prod/soc"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSuite(t *testing.T) {
	ledgertest.Store(t, func(t *testing.T) ledger.Store { return azurite(t) })
}

func hour(n int) pipeline.Entry {
	start := time.Date(2026, 1, 1, n, 0, 0, 0, time.UTC)
	return pipeline.Entry{Kind: pipeline.KindDone, Query: "query.a", Sink: "local:a",
		Receipt: &pipeline.Receipt{Window: pipeline.Window{Start: start, End: start.Add(time.Hour)}, Rows: int64(n)}}
}

func failed(n int) pipeline.Entry {
	e := hour(n)
	e.Kind, e.Reason = pipeline.KindFailed, "a reason"
	return e
}

func open(t *testing.T, s ledger.Store, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(context.Background(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A ledger of hundreds of segments is read back whole, with and without its
// checkpoint, from wherever the listing begins.
func TestLedger(t *testing.T) {
	ctx := context.Background()
	s := azurite(t)
	l := open(t, s, ledger.Options{Who: "anna", Tool: "test"})
	for n := range 130 {
		if err := l.Append(ctx, hour(n), failed(n)); err != nil {
			t.Fatal(err)
		}
		if n == 50 || n == 98 {
			if err := l.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(context.Context, ledger.Store) (*ledger.Snapshot, error){"load": ledger.Load, "read": ledger.Read} {
		snapshot, err := read(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		h, err := snapshot.History(ctx)
		if err != nil {
			t.Fatal(err)
		}
		done, err := h.Line("query.a", "local:a").Done(ctx, pipeline.Forever())
		if err != nil || len(done) != 130 || snapshot.Seq != 131 {
			t.Errorf("%s: %d hours in %d segments, %v, want 130 in 131", name, len(done), snapshot.Seq, err)
		}
	}
	for _, after := range []int{0, 1, 98, 99, 100, 130, 131} {
		name := ""
		if after > 0 {
			name = fmt.Sprintf("ledger/%020d.jsonl", after)
		}
		names, err := s.List(ctx, "ledger/", name)
		if err != nil || len(names) != 131-after || !slices.IsSorted(names) {
			t.Errorf("after %d: %d names, %v, want %d in order", after, len(names), err, 131-after)
		}
	}
}

// Two writers that leave the lock alone get each segment once; the one that
// comes second stops.
func TestTwoWriters(t *testing.T) {
	ctx := context.Background()
	s := azurite(t)
	first := open(t, s, ledger.Options{Who: "anna", NoLock: true})
	second := open(t, s, ledger.Options{Who: "bert", NoLock: true})
	if err := first.Append(ctx, failed(1)); err != nil {
		t.Fatal(err)
	}
	if err := second.Append(ctx, failed(2)); !errors.Is(err, pipeline.ErrLockLost) || !strings.Contains(err.Error(), "anna") {
		t.Errorf("the second writer: %v, want ErrLockLost and who was first", err)
	}
	if err := first.Append(ctx, failed(3)); err != nil {
		t.Errorf("the first writer: %v", err)
	}
}

// On a shared state one run waits for the other, or fails with its owner's name.
// One that gives no sign of life for its lifetime is taken over from, and
// publishes nothing when it wakes up.
func TestLock(t *testing.T) {
	ctx := context.Background()
	s := azurite(t)
	const lifetime = 2 * time.Second
	holder := open(t, s, ledger.Options{Who: "anna@one", Operation: "apply", Lifetime: lifetime})
	alive, stop := context.WithCancel(ctx)
	var renewals atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for alive.Err() == nil {
			if holder.Renew(ctx) == nil {
				renewals.Add(1)
			}
			time.Sleep(lifetime / 20)
		}
	}()
	_, err := ledger.Open(ctx, s, ledger.Options{Who: "bert@two", Lifetime: lifetime})
	if !errors.Is(err, pipeline.ErrLocked) || !strings.Contains(err.Error(), "anna@one") {
		t.Errorf("while it is held: %v, want ErrLocked and the owner", err)
	}
	stop() // as SIGSTOP does: nothing is renewed any more
	<-ended
	successor := open(t, s, ledger.Options{Who: "bert@two", Lifetime: lifetime})
	if err := successor.Append(ctx, failed(1)); err != nil {
		t.Error(err)
	}
	if err := holder.Held(); err == nil {
		t.Error("the one that was silent may still publish")
	}
	if err := holder.Append(ctx, failed(2)); !errors.Is(err, pipeline.ErrLockLost) {
		t.Errorf("the one that was silent appends: %v, want ErrLockLost", err)
	}
	if renewals.Load() == 0 {
		t.Error("the holder never renewed its lock, so the test shows nothing")
	}
	if err := successor.Close(ctx); err != nil {
		t.Error(err)
	}
}
