package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/kustash/kustash/pipeline"
)

const (
	lockName        = "lock.json"
	defaultLifetime = 30 * time.Second
	// maxLifetime bounds what a record may ask successors to wait.
	maxLifetime = 24 * time.Hour
)

// Lock is the lock record: who writes to a state, or did so last.
type Lock struct {
	ID        string    `json:"id"` // UUID, also Header.Run of the holder's segments
	Who       string    `json:"who"`
	Host      string    `json:"host"`
	Boot      string    `json:"boot,omitempty"` // names the running kernel, where there is such a name
	PID       int       `json:"pid"`
	Operation string    `json:"operation"`
	Created   time.Time `json:"created"`           // UTC
	Counter   int64     `json:"counter"`           // of renewals
	Lifetime  int64     `json:"lifetime_ms"`       // milliseconds
	HostLock  bool      `json:"host_lock"`         // the holder also has the store's host lock
	Seq       int64     `json:"seq"`               // a segment that is durable
	Released  time.Time `json:"released,omitzero"` // UTC; zero while it is held
}

// String says who holds the lock, for messages.
func (k Lock) String() string {
	return fmt.Sprintf("%s by %s on %s, process %d, since %s, lock id %s", k.Operation, k.Who, k.Host, k.PID, pipeline.ShortTime(k.Created), k.ID)
}

func (k Lock) held() bool { return k.Released.IsZero() }

func (k Lock) lifetime() time.Duration { return time.Duration(k.Lifetime) * time.Millisecond }

// errTorn marks a record that is there and says nothing.
var errTorn = errors.New("the lock record is damaged")

// readLock returns the record as it is stored and what it says; nil if there
// is none.
func readLock(ctx context.Context, store Store) ([]byte, *Lock, error) {
	data, err := store.Read(ctx, lockName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read lock: %w", err)
	}
	var k Lock
	err = json.Unmarshal(data, &k)
	if err == nil && (k.ID == "" || k.Lifetime <= 0 || k.Lifetime > maxLifetime.Milliseconds() || k.Counter < 0) {
		err = errors.New("no id, counter or lifetime")
	}
	if err != nil {
		return data, nil, fmt.Errorf("%s: %w (%v); remove that file if no run is alive", lockName, errTorn, err)
	}
	return data, &k, nil
}

// ForceUnlock frees the lock with this id, whether its holder lives or not. A
// holder that lives notices at its next renewal and publishes nothing after
// it. It is an error if the lock is free or somebody else's.
func ForceUnlock(ctx context.Context, store Store, id string) error {
	data, k, err := readLock(ctx, store)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", in(store), err)
	case k == nil || !k.held():
		return fmt.Errorf("%s: it is not locked", in(store))
	case k.ID != id:
		return fmt.Errorf("%s: the lock has another id than %s: %v", in(store), id, k)
	}
	k.Released = time.Now().UTC()
	_, err = swapLock(ctx, store, data, *k)
	if errors.Is(err, ErrChanged) {
		return fmt.Errorf("%s: its holder is alive: %v", in(store), k)
	}
	return err
}

func swapLock(ctx context.Context, store Store, old []byte, k Lock) ([]byte, error) {
	data, err := encodeLine(k)
	if err != nil {
		return nil, fmt.Errorf("write lock: %w", err)
	}
	if err := store.Swap(ctx, lockName, old, data); err != nil {
		return nil, fmt.Errorf("write lock: %w", err)
	}
	return data, nil
}

// holder is the writer's side of the lock.
type holder struct {
	store Store
	opts  Options
	turn  chan struct{} // one at a time may change the fields up to unlock

	record  Lock
	stored  []byte       // the record as it was last seen in the store
	unlock  func() error // gives the host lock back; nil if it is not held
	mu      sync.Mutex   // guards renewed
	renewed time.Time    // before the last successful swap was begun
}

func newHolder(store Store, opts Options, id string) *holder {
	h := &holder{store: store, opts: opts, turn: make(chan struct{}, 1)}
	host, _ := os.Hostname() // a host without a name is never taken for another
	h.record = Lock{
		ID: id, Who: opts.Who, Host: host, Boot: bootID(), PID: os.Getpid(), Operation: opts.Operation,
		Lifetime: max(1, opts.Lifetime.Milliseconds()),
	}
	return h
}

// bootID returns what Linux calls its running kernel; "" elsewhere. Two
// computers may share a name, and a folder on a network whose file locks are
// each computer's own.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// swap writes the record as change leaves it. It returns ErrLockLost if the
// lock is no longer this holder's.
func (h *holder) swap(ctx context.Context, change func(*Lock)) error {
	var err error
	// A swap of unknown outcome may have arrived: then the second try knows.
	for range 3 {
		next, began := h.record, h.opts.Now()
		change(&next)
		var data []byte
		if data, err = swapLock(ctx, h.store, h.stored, next); err == nil {
			h.record, h.stored = next, data
			h.mu.Lock()
			h.renewed = began
			h.mu.Unlock()
			return nil
		}
		if !errors.Is(err, ErrChanged) {
			return err
		}
		stored, current, readErr := readLock(ctx, h.store)
		switch {
		case readErr != nil:
			return readErr
		case current == nil:
			return fmt.Errorf("%w: %s is gone", pipeline.ErrLockLost, lockName)
		case current.ID != h.record.ID:
			return fmt.Errorf("%w: %v", pipeline.ErrLockLost, current)
		case !current.held():
			return fmt.Errorf("%w: it was unlocked by force", pipeline.ErrLockLost)
		}
		h.stored, h.record.Counter = stored, max(h.record.Counter, current.Counter)
	}
	return err
}

// enter waits for the turn to change the record; leave ends it.
func (h *holder) enter(ctx context.Context) error {
	select {
	case h.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *holder) leave() { <-h.turn }

// renew grows the counter, at most every sixth of a lifetime.
func (h *holder) renew(ctx context.Context, seq int64) error {
	if err := h.enter(ctx); err != nil {
		return err
	}
	defer h.leave()
	if h.age() < h.record.lifetime()/6 {
		return nil
	}
	if h.unlock == nil {
		h.lockHost()
	}
	return h.swap(ctx, func(k *Lock) {
		k.Counter++
		k.Seq, k.HostLock = max(k.Seq, seq), h.unlock != nil
	})
}

// age returns how long ago the lock was renewed, by the clock that ran faster:
// the monotonic one stands still while a computer sleeps, the other may be
// set back.
func (h *holder) age() time.Duration {
	h.mu.Lock()
	then := h.renewed
	h.mu.Unlock()
	now := h.opts.Now()
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}

// held implements Ledger.Held. It never waits.
func (h *holder) held() error {
	limit := time.Duration(max(1, h.opts.Lifetime.Milliseconds())) * time.Millisecond / 2
	if age := h.age(); age > limit {
		return fmt.Errorf("%w: not renewed for %v, more than half of its lifetime", pipeline.ErrLockLost, age.Round(time.Millisecond))
	}
	return nil
}

// release gives the lock back. Somebody else's is left alone.
func (h *holder) release(ctx context.Context, seq int64) error {
	if err := h.enter(ctx); err != nil {
		return err
	}
	defer h.leave()
	// The host lock goes first: a successor that has seen a free record gets
	// it too, and this process has nothing more to write.
	err := h.dropHost()
	swapErr := h.swap(ctx, func(k *Lock) {
		k.Seq, k.Released = max(k.Seq, seq), h.opts.Now().UTC()
	})
	if errors.Is(swapErr, pipeline.ErrLockLost) {
		return err
	}
	return errors.Join(err, swapErr)
}

// lockHost tries to get the host lock and reports whether somebody else has
// it. Where the store cannot tell, the counter alone decides.
func (h *holder) lockHost() (taken bool) {
	store, ok := h.store.(HostLocker)
	if !ok || h.unlock != nil {
		return false
	}
	unlock, ok, err := store.LockHost()
	if err != nil {
		return false
	}
	if ok {
		h.unlock = unlock
	}
	return !ok
}

func (h *holder) dropHost() error {
	if h.unlock == nil {
		return nil
	}
	err := h.unlock()
	h.unlock = nil
	return err
}
