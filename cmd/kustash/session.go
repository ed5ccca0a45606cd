package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/sinks"
)

// session is a loaded pipeline with what its state says.
type session struct {
	*config.Pipeline
	store    ledger.Store
	ledger   *ledger.Ledger // nil while only reading
	snapshot *ledger.Snapshot
	history  *pipeline.History
	moved    []string // notes about moved blocks
	// instances are the exports of queries by table; see expand.go.
	instances []pipeline.Export
}

// lockFlags are the flags of every verb that writes state.
type lockFlags struct {
	lock    bool
	timeout time.Duration
}

func (o *lockFlags) add(f *flag.FlagSet) {
	f.BoolVar(&o.lock, "lock", true, "=false goes on without the state's lock; one of several writers still stops")
	f.DurationVar(&o.timeout, "lock-timeout", 0, "wait this `duration` for another run to give up the lock")
}

// readSession loads the pipeline and reads its state without the lock: with
// read, ledger.Load for what it says, or ledger.Read to hold it against all its
// segments.
func (p *process) readSession(ctx context.Context, o *loadFlags, asJSON bool, read func(context.Context, ledger.Store) (*ledger.Snapshot, error)) (*session, error) {
	pl, err := p.load(o, asJSON)
	if err != nil {
		return nil, err
	}
	store, err := p.stateStore(pl)
	if err != nil {
		return nil, err
	}
	s := &session{Pipeline: pl, store: store}
	snapshot, err := read(ctx, s.store)
	if err != nil {
		return nil, err
	}
	s.snapshot = snapshot
	if s.history, err = snapshot.History(ctx); err != nil {
		return nil, err
	}
	// What an apply would record first is taken for granted.
	if err := s.move(func(moves []pipeline.Entry) error { return s.history.Add(ctx, moves...) }); err != nil {
		return nil, err
	}
	s.recall()
	return s, nil
}

// writeSession takes the lock and opens the state. The lock is kept alive
// until end is called, which must happen.
func (p *process) writeSession(ctx context.Context, pl *config.Pipeline, operation string, o lockFlags) (s *session, end func() error, err error) {
	store, err := p.stateStore(pl)
	if err != nil {
		return nil, nil, err
	}
	s = &session{Pipeline: pl, store: store}
	if err := s.unclaimed(ctx); err != nil {
		return nil, nil, err
	}
	s.ledger, err = ledger.Open(ctx, s.store, ledger.Options{
		Now:         p.now,
		Who:         whoami(),
		Operation:   operation,
		Tool:        tool(),
		Lifetime:    p.lockLifetime(),
		LockTimeout: o.timeout,
		NoLock:      !o.lock,
		Waiting: func(k ledger.Lock) {
			fmt.Fprintf(p.stderr, "Waiting to see whether the holder of the state's lock is alive: %v\n", k)
		},
	})
	if err != nil {
		return nil, nil, err
	}
	stop := pipeline.KeepAlive(ctx, s.ledger)
	end = func() error {
		manifests := s.writeManifests(context.WithoutCancel(ctx))
		if errors.Is(manifests, pipeline.ErrLockLost) {
			manifests = nil // Close says so too
		}
		// Without it the next run only takes longer to begin.
		if err := s.ledger.Checkpoint(context.WithoutCancel(ctx)); err != nil && !errors.Is(err, pipeline.ErrLockLost) {
			fmt.Fprintf(p.stderr, "%s %v\n", p.paint(yellow, "Warning:"), err)
		}
		stop()
		return errors.Join(manifests, s.ledger.Close(context.WithoutCancel(ctx)))
	}
	if err := s.refold(ctx); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return s, end, nil
}

// lineage returns that of the ledger; "" if there is none yet.
func (s *session) lineage() string {
	if s.ledger != nil {
		return s.ledger.Lineage()
	}
	return s.snapshot.Lineage
}

// lockLifetime serves tests of locks: KUSTASH_TEST_LOCK_LIFETIME=DURATION in the
// environment is how long a silent holder is left in peace.
func (p *process) lockLifetime() time.Duration {
	d, _ := time.ParseDuration(p.getenv("KUSTASH_TEST_LOCK_LIFETIME")) // 0 is the usual one
	return d
}

// unclaimed returns an error if there is no state yet, and a sink belongs to
// another one: a new lineage would only be in the way.
func (s *session) unclaimed(ctx context.Context) error {
	if chain, err := ledger.Chain(ctx, s.store); err != nil || chain != "" {
		return err
	}
	for _, e := range s.templates() {
		for _, t := range e.Targets {
			owner, ok := t.Sink.(pipeline.Owner)
			if !ok {
				continue
			}
			var foreign *sinks.Foreign
			if _, err := owner.Owned(ctx, ""); errors.As(err, &foreign) {
				return fmt.Errorf("%s: %w", t.Address, err)
			}
		}
	}
	return nil
}

// refold folds the ledger again after something was appended.
func (s *session) refold(ctx context.Context) error {
	var err error
	if s.history, err = s.ledger.History(ctx); err != nil {
		return err
	}
	s.recall()
	return nil
}

// whoami names the person or account, and the machine, for the ledger.
func whoami() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
