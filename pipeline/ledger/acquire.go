package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// courtesy is how long a free lock is left to the process that has the host
// lock and is about to take it: a holder without the host lock would make its
// successors wait.
const courtesy = time.Second

// watch is what a successor has seen of the holder before it.
type watch struct {
	started time.Time
	seen    Lock
	since   time.Time // when seen was first seen
	alive   bool      // the holder has given a sign of life
}

// acquire takes the lock: at once if it is free or its holder is known to be
// dead, after one lifetime without a sign of life otherwise. It returns
// ErrLocked if a living holder keeps it for longer than Options.LockTimeout.
func (h *holder) acquire(ctx context.Context) error {
	err := h.compete(ctx)
	if err != nil {
		return errors.Join(err, h.dropHost())
	}
	return nil
}

func (h *holder) compete(ctx context.Context) error {
	w := watch{started: h.opts.Now()}
	told := false
	for {
		taken := h.lockHost()
		stored, current, err := readLock(ctx, h.store)
		if err != nil {
			return err
		}
		now := h.opts.Now()
		free := current == nil || !current.held()
		if free && taken && now.Sub(w.started) < courtesy {
			if err := h.opts.Sleep(ctx, courtesy/20); err != nil {
				return fmt.Errorf("wait for the lock: %w", err)
			}
			continue
		}
		if free || h.dead(current) || w.expired(current, now) {
			if err = h.take(ctx, stored, current); errors.Is(err, ErrChanged) {
				continue
			}
			return err
		}
		w.look(current, now)
		if taken && current.HostLock && h.here(current) {
			w.alive = true
		}
		if w.alive && now.Sub(w.started) >= h.opts.LockTimeout {
			advice := "wait for it with -lock-timeout=10m"
			if h.opts.LockTimeout > 0 {
				advice = fmt.Sprintf("-lock-timeout=%v is over, and it is alive", h.opts.LockTimeout)
			}
			return fmt.Errorf("%w: %v; %s", pipeline.ErrLocked, current, advice)
		}
		if !told && h.opts.Waiting != nil {
			h.opts.Waiting(*current)
		}
		told = true
		if err := h.opts.Sleep(ctx, h.pause(&w, now)); err != nil {
			return fmt.Errorf("wait for the lock, held by %v: %w", current, err)
		}
	}
}

// take puts this holder's record in the place of the one that was seen.
func (h *holder) take(ctx context.Context, stored []byte, current *Lock) error {
	began := h.opts.Now()
	h.record.Created, h.record.HostLock = began.UTC(), h.unlock != nil
	if current != nil {
		h.record.Seq = max(h.record.Seq, current.Seq)
	}
	data, err := swapLock(ctx, h.store, stored, h.record)
	if err != nil {
		return err
	}
	h.stored = data
	h.mu.Lock()
	h.renewed = began
	h.mu.Unlock()
	return nil
}

// dead reports whether the holder is certainly gone: it held the host lock of
// this host, which is ours now, or it is this holder itself, after a swap
// whose outcome it never learned.
func (h *holder) dead(k *Lock) bool {
	return k.ID == h.record.ID || (h.unlock != nil && k.HostLock && h.here(k))
}

// here reports whether the holder runs, or ran, under the same kernel, so that
// file locks between it and this process mean something.
func (h *holder) here(k *Lock) bool {
	return k.Host != "" && k.Host == h.record.Host && k.Boot == h.record.Boot
}

// expired reports whether the holder was silent for a whole lifetime.
func (w *watch) expired(k *Lock, now time.Time) bool {
	return w.same(k) && now.Sub(w.since) >= k.lifetime()
}

func (w *watch) same(k *Lock) bool { return w.seen.ID == k.ID && w.seen.Counter == k.Counter }

// look notes what the record says now.
func (w *watch) look(k *Lock, now time.Time) {
	if w.same(k) {
		return
	}
	w.alive = w.alive || w.seen.ID != ""
	w.seen, w.since = *k, now
}

// pause returns how long to wait for the next look: not beyond the moment at
// which the holder has been silent for long enough, or the time is up.
func (h *holder) pause(w *watch, now time.Time) time.Duration {
	d := min(time.Second, w.seen.lifetime()/20, w.since.Add(w.seen.lifetime()).Sub(now))
	if left := h.opts.LockTimeout - now.Sub(w.started); left > 0 {
		d = min(d, left)
	}
	return max(d, time.Millisecond)
}
