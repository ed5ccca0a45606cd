package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/kustash/kustash/pipeline"
)

// Options say who opens a ledger, and how. The zero value is usable.
type Options struct {
	Who       string // on whose behalf, such as user@host
	Operation string // what for, such as apply
	Tool      string // program and version

	// Now is the clock; nil means time.Now. Its times should carry a monotonic
	// reading, as those of time.Now do, also after Add.
	Now func() time.Time
	// Sleep waits for d or until ctx is done, which is an error; nil means to
	// really do so.
	Sleep func(ctx context.Context, d time.Duration) error

	// Lineage is that of the ledger to found if there is none; "" means a new
	// one.
	Lineage string
	// Entries make Open found a ledger that has them, with the times that they
	// carry: they are in its first segment, so that either all of them are
	// recorded or there is no ledger. Where there is one already, Open fails.
	Entries []pipeline.Entry

	// Lifetime is how long a silent holder of the lock is left in peace; 0
	// means 30 seconds, and a day is the most.
	Lifetime time.Duration
	// LockTimeout is how long to wait for a holder that lives. With 0, Open
	// fails as soon as it knows that the holder lives.
	LockTimeout time.Duration
	// NoLock leaves the lock alone. The numbers of the segments still let only
	// one of several writers go on.
	NoLock bool
	// Waiting is called once, before Open waits for a holder; nil tells nobody.
	Waiting func(Lock)
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = pipeline.Sleep
	}
	if o.Lifetime <= 0 {
		o.Lifetime = defaultLifetime
	}
	o.Lifetime = min(o.Lifetime, maxLifetime)
	return o
}

// Ledger is an open ledger that this process may append to. It implements
// pipeline.Ledger and is safe for concurrent use.
type Ledger struct {
	store Store
	opts  Options
	run   string
	lock  *holder // nil if the lock is left alone

	mu      sync.Mutex
	chain   Snapshot // what is durable, but for Entries, which has all since the checkpoint
	dropped int      // how many entries a checkpoint has taken out of chain.Entries
	durable int      // how many entries are in segments
	history *pipeline.History
	folded  int       // how many entries are in history
	broken  error     // why history is of no use
	saved   int64     // the segment that the newest checkpoint reaches
	first   int       // how many entries there were before those that were read
	lines   [][]byte  // of the entries that wait for a segment
	since   time.Time // when the first of lines came
	sealed  *segment  // made and not known to be stored
	writing *write    // in progress; nil if nobody writes
	lost    error     // why nothing may be appended any more
	closed  bool
}

var _ pipeline.Ledger = (*Ledger)(nil)

var errClosed = errors.New("the ledger is closed")

// Open takes the lock, reads and verifies the ledger, and founds one if there
// is none: its first segment, with a new lineage, is durable when Open
// returns. The error is ErrLocked if another process lives and holds the lock.
// Waiting for the lock ends with ctx. Whoever opens a ledger must close it.
func Open(ctx context.Context, store Store, opts Options) (*Ledger, error) {
	l := &Ledger{store: store, opts: opts.withDefaults(), run: uuid.NewString()}
	if !opts.NoLock {
		l.lock = newHolder(store, l.opts, l.run)
		if err := l.lock.acquire(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", in(store), err)
		}
	}
	if err := l.load(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", in(store), errors.Join(err, l.release(ctx)))
	}
	return l, nil
}

// load reads the chain, or begins it.
func (l *Ledger) load(ctx context.Context) error {
	s, err := l.read(ctx)
	if err != nil {
		return err
	}
	if s.Seq > 0 && len(l.opts.Entries) > 0 {
		return errFounded
	}
	if s.Seq == 0 {
		if err := l.found(ctx); err != nil {
			return err
		}
		if s, err = l.read(ctx); err != nil {
			return err
		}
	}
	l.chain, l.durable, l.saved = *s, len(s.Entries), s.from
	if l.history = s.base; l.history == nil {
		l.history = pipeline.NewHistory(shelf{l.store})
	}
	l.first = l.history.Entries()
	return l.renewLock(ctx)
}

// errFounded says that a ledger cannot be founded with entries.
var errFounded = errors.New("there is a ledger already")

// found writes the first segment.
func (l *Ledger) found(ctx context.Context) error {
	if l.chain.Lineage = l.opts.Lineage; l.chain.Lineage == "" {
		l.chain.Lineage = uuid.NewString()
	}
	for _, e := range l.opts.Entries {
		_, line, err := encodeEntry(e)
		if err != nil {
			return fmt.Errorf("%s of %s: %w", e.Kind, e.Query, err)
		}
		l.lines = append(l.lines, line)
	}
	seg, err := l.seal()
	if err != nil {
		return err
	}
	l.lines = nil
	fenced, err := l.put(ctx, seg)
	if fenced && len(l.opts.Entries) == 0 {
		return nil // a writer without the lock was first: its lineage holds
	}
	return err
}

func (l *Ledger) read(ctx context.Context) (*Snapshot, error) {
	if l.lock == nil {
		return readNewest(ctx, l.store, 0, l.renewLock)
	}
	return readNewest(ctx, l.store, l.lock.record.Seq, l.renewLock)
}

// Lineage returns the UUID of the ledger, which never changes.
func (l *Ledger) Lineage() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain.Lineage
}

// Head returns the number of the last durable segment and its SHA-256 in hex.
func (l *Ledger) Head() (seq int64, hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain.Seq, l.chain.Hash
}

// History returns what the ledger says, with what waits to be written. It is
// the ledger's own: nobody may use it while something is appended, and a later
// call brings it up to date.
func (l *Ledger) History(ctx context.Context) (*pipeline.History, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.history, l.fold(ctx)
}

// fold takes all entries into the history. The caller holds mu.
func (l *Ledger) fold(ctx context.Context) error {
	if n := l.count(); l.broken == nil && l.folded < n {
		l.broken = l.history.Add(ctx, l.chain.Entries[l.folded-l.dropped:]...)
		l.folded = n
	}
	return l.broken
}

// count returns how many entries there are since the ledger was opened, with
// those that were read then. The caller holds mu.
func (l *Ledger) count() int { return l.dropped + len(l.chain.Entries) }

// Flush writes what waits.
func (l *Ledger) Flush(ctx context.Context) error {
	l.mu.Lock()
	n := l.count()
	l.mu.Unlock()
	return l.flush(ctx, n)
}

// Since returns the entries of the ledger after the first n, and how many there
// are in all. It reads the store if they are older than the checkpoint that the
// ledger was opened by.
func (l *Ledger) Since(ctx context.Context, n int) (entries []pipeline.Entry, all int, err error) {
	l.mu.Lock()
	at := n - l.first - l.dropped
	all = l.first + l.count()
	if at >= 0 && at <= len(l.chain.Entries) {
		entries = slices.Clone(l.chain.Entries[at:])
	}
	l.mu.Unlock()
	if at >= 0 {
		return entries, all, nil
	}
	whole, err := Read(ctx, l.store)
	if err != nil {
		return nil, 0, err
	}
	return whole.Entries[min(n, len(whole.Entries)):], len(whole.Entries), nil
}

// Checkpoint writes what waits and saves what the ledger says, if reading that
// would take long, so that the next one to open it need not read what is older.
// Nobody may append, or use the history, meanwhile. Nothing is lost if it
// fails: a checkpoint is a cache.
func (l *Ledger) Checkpoint(ctx context.Context) error {
	if err := l.Flush(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	n := l.count()
	err := l.fold(ctx)
	worth := l.chain.Seq-l.saved >= worthSegments || n-l.dropped >= worthEntries
	head := checkpointHeader{Lineage: l.chain.Lineage, Seq: l.chain.Seq, Hash: l.chain.Hash, Tool: l.opts.Tool}
	l.mu.Unlock()
	if err != nil || !worth {
		return err
	}
	if err := writeCheckpoint(ctx, l.store, head, l.history); err != nil {
		return fmt.Errorf("%s: write checkpoint: %w", in(l.store), err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chain.Entries, l.chain.Segments = l.chain.Entries[n-l.dropped:], nil
	l.dropped, l.saved = n, head.Seq
	return nil
}

// Renew implements pipeline.Ledger. It renews the lock if a sixth of its
// lifetime has passed, and writes entries that have waited for five seconds.
// After an error that is not ErrLockLost it may be called again.
func (l *Ledger) Renew(ctx context.Context) error {
	l.mu.Lock()
	err := l.refusal()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	lockErr := l.renewLock(ctx)
	if errors.Is(lockErr, pipeline.ErrLockLost) {
		return lockErr
	}
	l.mu.Lock()
	n := l.durable
	if l.sealed != nil || (len(l.lines) > 0 && l.opts.Now().Sub(l.since) >= company) {
		n = l.count()
	}
	l.mu.Unlock()
	return errors.Join(lockErr, l.flush(ctx, n))
}

func (l *Ledger) renewLock(ctx context.Context) error {
	if l.lock == nil {
		return nil
	}
	seq, _ := l.Head()
	err := l.lock.renew(ctx, seq)
	if errors.Is(err, pipeline.ErrLockLost) {
		l.mu.Lock()
		l.lost = err
		l.mu.Unlock()
	}
	return err
}

// Held implements pipeline.Ledger. Without a lock, only another writer's
// segment ends it. It never waits.
func (l *Ledger) Held() error {
	l.mu.Lock()
	err := l.refusal()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return l.lockHeld()
}

func (l *Ledger) lockHeld() error {
	if l.lock == nil {
		return nil
	}
	return l.lock.held()
}

// refusal returns why this ledger takes no more entries. The caller holds mu.
func (l *Ledger) refusal() error {
	if l.lost == nil && l.closed {
		return errClosed
	}
	return l.lost
}

// Close writes what waits and gives the lock back. It gives it back after an
// error and with a cancelled ctx too, and takes ten seconds at most for that;
// what could not be written the next run finds out again. A second call does
// nothing. Nothing can be appended after it.
func (l *Ledger) Close(ctx context.Context) error {
	l.mu.Lock()
	again, n := l.closed, l.count()
	l.closed = true
	l.mu.Unlock()
	if again {
		return nil
	}
	err := l.flush(ctx, n)
	l.mu.Lock()
	if l.lost == nil {
		l.lost = errClosed // for those whose entries could not be written either
	}
	l.mu.Unlock()
	if releaseErr := l.release(ctx); releaseErr != nil {
		err = errors.Join(err, releaseErr)
	}
	if err != nil {
		return fmt.Errorf("%s: close ledger: %w", in(l.store), err)
	}
	return nil
}

// release gives the lock back, also after an interrupt.
func (l *Ledger) release(ctx context.Context) error {
	if l.lock == nil {
		return nil
	}
	seq, _ := l.Head()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return l.lock.release(ctx, seq)
}
