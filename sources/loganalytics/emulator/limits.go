package emulator

import (
	"context"
	"slices"
	"sync"
	"time"
)

// gate lets a few queries of a principal run at once and keeps the others in a
// queue, first in first out.
type gate struct {
	limits Limits

	mu      sync.Mutex
	running map[string]int
	waiting map[string][]chan struct{} // closed when the place is theirs
}

func newGate(l Limits) *gate {
	return &gate{limits: l, running: make(map[string]int), waiting: make(map[string][]chan struct{})}
}

// enter waits for a place. After true, leave gives it back. False is a full
// queue, a wait that took too long, or a context that is done.
func (g *gate) enter(ctx context.Context, who string) (ok bool) {
	if g.limits.Concurrency < 0 {
		return true
	}
	turn, ok := g.join(who)
	if !ok || turn == nil {
		return ok
	}
	var late <-chan time.Time
	if g.limits.QueueWait > 0 {
		timer := time.NewTimer(g.limits.QueueWait)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-turn:
		return true
	case <-late:
	case <-ctx.Done():
	}
	if !g.withdraw(who, turn) {
		g.leave(who) // the place came at the same moment
	}
	return false
}

// join takes a place, or one in the queue: then turn is not nil.
func (g *gate) join(who string) (turn chan struct{}, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running[who] < g.limits.Concurrency {
		g.running[who]++
		return nil, true
	}
	if g.limits.Queue >= 0 && len(g.waiting[who]) >= g.limits.Queue {
		return nil, false
	}
	turn = make(chan struct{})
	g.waiting[who] = append(g.waiting[who], turn)
	return turn, true
}

// withdraw leaves the queue; false if the turn had come already.
func (g *gate) withdraw(who string, turn chan struct{}) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(g.waiting[who], turn)
	if at < 0 {
		return false
	}
	g.waiting[who] = slices.Delete(g.waiting[who], at, at+1)
	return true
}

// leave hands a place on to the first in the queue.
func (g *gate) leave(who string) {
	if g.limits.Concurrency < 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if queue := g.waiting[who]; len(queue) > 0 {
		first := queue[0]
		g.waiting[who] = slices.Delete(queue, 0, 1)
		close(first)
		return
	}
	g.running[who]--
}

// rate counts the requests of each caller in a sliding window.
type rate struct {
	limits Limits

	mu   sync.Mutex
	past map[string][]time.Time
}

func newRate(l Limits) *rate { return &rate{limits: l, past: make(map[string][]time.Time)} }

// allow notes a request of the callers unless one of them has sent too many.
// One that is refused does not count.
func (r *rate) allow(now time.Time, callers ...string) bool {
	if r.limits.Requests < 0 || r.limits.Window < 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	from := now.Add(-r.limits.Window)
	for _, who := range callers {
		recent := slices.DeleteFunc(r.past[who], func(t time.Time) bool { return !t.After(from) })
		if r.past[who] = recent; len(recent) >= r.limits.Requests {
			return false
		}
	}
	for _, who := range callers {
		r.past[who] = append(r.past[who], now)
	}
	return true
}
