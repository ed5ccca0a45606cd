package loganalytics

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
)

// The service counts requests in any 30 s, by identity over all workspaces and
// by client address, whichever is reached first: 200 of each
// (https://learn.microsoft.com/azure/azure-monitor/service-limits). It counts
// them as they arrive, so a window of ours is longer by what two requests may
// differ in on their way.
const (
	rateWindow = 30 * time.Second
	rateSlack  = time.Second / 2
)

// addressRequests is what all identities of a process ask for together in
// rateWindow, unless one of them may ask for more: others may share the
// address with it.
const addressRequests = 180

// searchPlaces is how many queries of Basic and Auxiliary tables the service
// runs at once, beside the others
// (https://learn.microsoft.com/azure/azure-monitor/logs/basic-logs-query).
const searchPlaces = 2

// Waits after a refusal that does not say how long to wait: the bound of the
// first, and how often it may double.
const (
	defaultPause = 5 * time.Second
	pauseFactor  = 24
)

// class is a kind of query of which the service runs a number at once.
type class int

const (
	analytics class = iota // on the query route
	search                 // on the search route, of Basic and Auxiliary tables
	classes
)

// Governors hands out one governor for each identity in each cloud, and keeps
// what all of them ask for together below what one address may. A process has
// one Governors. It is safe for concurrent use.
type Governors struct {
	// Pause bounds the wait after a first refusal that does not say how long to
	// wait; 0 is five seconds. It is set before the first use.
	Pause time.Duration

	mu      sync.Mutex
	known   map[string]*governor
	address *address
}

// NewGovernors returns a Governors without any governor.
func NewGovernors() *Governors {
	return &Governors{
		known:   make(map[string]*governor),
		address: &address{line: semaphore.NewWeighted(1), most: addressRequests},
	}
}

// get returns the governor of an identity. If two credentials of one identity
// have different limits, the lower of each holds for both.
func (g *Governors) get(principal, cloud string, l azauth.Limits) *governor {
	g.mu.Lock()
	defer g.mu.Unlock()
	l = l.WithDefaults()
	g.address.raise(l.Requests)
	key := cloud + "|" + principal
	if known := g.known[key]; known != nil {
		known.lower(l)
		return known
	}
	fresh := newGovernor(l, g.address)
	if g.Pause > 0 {
		fresh.pause = g.Pause
	}
	g.known[key] = fresh
	return fresh
}

// governor bounds what one identity asks: queries at once and requests per
// time. A refusal for asking too much pauses all of its users, and cuts both
// bounds; each full round, or window, without one gives a step back (additive
// increase, multiplicative decrease). Whoever comes first is served first.
type governor struct {
	address *address
	line    *semaphore.Weighted // of those who wait for their turn
	pause   time.Duration

	mu       sync.Mutex
	places   [classes]places
	requests int // in rateWindow, as configured
	most     int // of those, how many may be sent at present
	changed  time.Time
	sent     sendings
	refusals int       // in a row
	until    time.Time // no request before, as the service asked
	next     time.Time // no request before, so that not all begin again at once
}

func newGovernor(l azauth.Limits, shared *address) *governor {
	g := &governor{
		address:  shared,
		line:     semaphore.NewWeighted(1),
		pause:    defaultPause,
		requests: l.Requests,
		most:     l.Requests,
	}
	g.places[analytics] = places{limit: l.Concurrency, allowed: l.Concurrency}
	g.places[search] = places{limit: searchPlaces, allowed: searchPlaces}
	return g
}

func (g *governor) lower(l azauth.Limits) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := &g.places[analytics]
	p.limit = min(p.limit, l.Concurrency)
	p.allowed = min(p.allowed, p.limit)
	g.requests = min(g.requests, l.Requests)
	g.most = min(g.most, g.requests)
}

// enter waits for a place among the queries of a class that run at once. leave
// gives it back and must be called once. The service may keep a query in its
// own queue: it holds its place here for as long as it has no answer.
func (g *governor) enter(ctx context.Context, c class) (leave func(), err error) {
	p := &g.places[c]
	g.mu.Lock()
	mine := p.join()
	g.mu.Unlock()
	select {
	case <-mine:
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		p.withdraw(mine)
		return nil, fmt.Errorf("wait for a place among the queries at once: %w", ctx.Err())
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		p.leave()
	}, nil
}

// turn waits until one more request may be sent, and counts it.
func (g *governor) turn(ctx context.Context) error {
	err := g.line.Acquire(ctx, 1)
	if err != nil {
		return fmt.Errorf("wait for the rate limit: %w", err)
	}
	defer g.line.Release(1)
	for {
		wait, why := g.left(time.Now())
		if wait <= 0 {
			sent, err := g.address.send(ctx, g.send)
			if err != nil {
				return fmt.Errorf("wait for the rate limit of this address: %w", err)
			}
			if sent {
				return nil
			}
			continue
		}
		if err := pipeline.Sleep(ctx, wait); err != nil {
			return fmt.Errorf("wait %s: %w", why, err)
		}
	}
}

// left returns how long no request may be sent, and for what.
func (g *governor) left(now time.Time) (wait time.Duration, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recover(now)
	if wait, why = g.sent.left(now, g.most), "for the rate limit"; wait > 0 {
		return wait, why
	}
	return max(g.until.Sub(now), g.next.Sub(now)), "after the service refused for too many requests"
}

// send counts a request, unless a refusal has come while it waited.
func (g *governor) send(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Before(g.until) {
		return false
	}
	g.sent.add(now)
	if g.most < g.requests {
		g.next = now.Add(g.jitter())
	}
	return true
}

// jitter returns a distance between requests that on average fills the
// window.
func (g *governor) jitter() time.Duration {
	return upTo(2 * (rateWindow + rateSlack) / time.Duration(g.most))
}

// recover gives back a tenth of the requests for each window since the last
// change.
func (g *governor) recover(now time.Time) {
	for g.most < g.requests && now.Sub(g.changed) >= rateWindow+rateSlack {
		g.changed = g.changed.Add(rateWindow + rateSlack)
		g.most = min(g.requests, g.most+max(1, g.requests/10))
	}
}

// refused notes that the service asked for less. Refusals during a pause are
// answers to requests sent before it and change nothing but its length.
func (g *governor) refused(c class, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if wait <= 0 {
		wait = upTo(g.pause * time.Duration(min(1<<min(g.refusals, 8), pauseFactor)))
	}
	if !now.Before(g.until) {
		g.refusals++
		g.places[c].shrink()
		g.most = max(1, g.requests/10, g.most*3/4) // never so few that getting back takes long
		g.changed = now.Add(wait)
	}
	if until := now.Add(wait); until.After(g.until) {
		g.until = until
		g.next = until.Add(g.jitter())
	}
}

// accepted notes that the service answered.
func (g *governor) accepted(c class) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refusals = 0
	g.places[c].grow()
}

// upTo draws evenly from zero to d (full jitter).
func upTo(d time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(d) + 1)) }

// address bounds the requests of a process, whoever asks. It is safe for
// concurrent use.
type address struct {
	line *semaphore.Weighted // of the governors that wait for their turn

	mu   sync.Mutex
	most int // in rateWindow
	sent sendings
}

// raise lets an identity ask for what its limits say.
func (a *address) raise(requests int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.most = max(a.most, requests)
}

// send waits until a request may be sent from this address and asks whether it
// still is to be. It reports the answer.
func (a *address) send(ctx context.Context, still func(now time.Time) bool) (bool, error) {
	if err := a.line.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer a.line.Release(1)
	for {
		a.mu.Lock()
		now := time.Now()
		wait := a.sent.left(now, a.most)
		if wait <= 0 {
			sent := still(now)
			if sent {
				a.sent.add(now)
			}
			a.mu.Unlock()
			return sent, nil
		}
		a.mu.Unlock()
		if err := pipeline.Sleep(ctx, wait); err != nil {
			return false, err
		}
	}
}
