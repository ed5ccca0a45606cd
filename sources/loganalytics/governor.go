package loganalytics

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
)

// Governors hands out one governor for each identity in each cloud, because
// the service counts by identity over all workspaces
// (https://learn.microsoft.com/azure/azure-monitor/service-limits). A process
// has one Governors. It is safe for concurrent use.
type Governors struct {
	// Pause follows a refusal that does not say how long to wait; 0 is five
	// seconds. It is set before the first use.
	Pause time.Duration

	mu    sync.Mutex
	known map[string]*governor
}

// NewGovernors returns a Governors without any governor.
func NewGovernors() *Governors { return &Governors{known: make(map[string]*governor)} }

// get returns the governor of an identity. If two credentials of one identity
// have different limits, the lower of each holds for both.
func (g *Governors) get(principal, cloud string, l azauth.Limits) *governor {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := cloud + "|" + principal
	if known := g.known[key]; known != nil {
		known.lower(l)
		return known
	}
	fresh := newGovernor(l)
	if g.Pause > 0 {
		fresh.pause = g.Pause
	}
	g.known[key] = fresh
	return fresh
}

// rateWindow is the time in which the service counts requests.
const rateWindow = 30 * time.Second

// defaultPause follows a refusal that does not say how long to wait.
const defaultPause = 5 * time.Second

// governor bounds what one identity asks: queries at once and requests per
// time. A refusal for asking too much pauses all of its users and halves the
// queries at once; each full round without one adds a query again.
type governor struct {
	slots *semaphore.Weighted
	pace  *rate.Limiter
	pause time.Duration
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu       sync.Mutex
	size     int // slots in all
	limit    int // of those the configured number
	allowed  int // of those, how many may be used at present
	retired  int // slots that are taken out of use
	requests int
	good     int       // answers since allowed has changed
	until    time.Time // no request before
}

func newGovernor(l azauth.Limits) *governor {
	l = l.WithDefaults()
	every, burst := pacing(l.Requests)
	return &governor{
		slots: semaphore.NewWeighted(int64(l.Concurrency)),
		pace:  rate.NewLimiter(every, burst),
		pause: defaultPause,
		now:   time.Now,
		sleep: pipeline.Sleep,
		size:  l.Concurrency, limit: l.Concurrency, allowed: l.Concurrency,
		requests: l.Requests,
	}
}

// pacing turns requests in any 30 s into a bucket: what may come at once and
// what flows in during the window add up to the number.
func pacing(requests int) (rate.Limit, int) {
	burst := max(1, requests/5)
	return rate.Limit(float64(max(1, requests-burst)) / rateWindow.Seconds()), burst
}

func (g *governor) lower(l azauth.Limits) {
	l = l.WithDefaults()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = min(g.limit, l.Concurrency)
	g.allowed = min(g.allowed, g.limit)
	g.retire()
	if l.Requests < g.requests {
		g.requests = l.Requests
		every, burst := pacing(l.Requests)
		g.pace.SetLimit(every)
		g.pace.SetBurst(burst)
	}
}

// enter waits for a place among the queries that run at once. leave gives it
// back and must be called once.
func (g *governor) enter(ctx context.Context) (leave func(), err error) {
	if err := g.slots.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("wait for a place among the queries at once: %w", err)
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.size-g.retired > g.allowed {
			g.retired++
			return
		}
		g.slots.Release(1)
	}, nil
}

// turn waits until one more request may be sent.
func (g *governor) turn(ctx context.Context) error {
	if err := g.pace.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the rate limit: %w", err)
	}
	for {
		g.mu.Lock()
		left := g.until.Sub(g.now())
		g.mu.Unlock()
		if left <= 0 {
			return nil
		}
		if err := g.sleep(ctx, left); err != nil {
			return fmt.Errorf("wait after the service refused for too many requests: %w", err)
		}
	}
}

// refused notes that the service asked for less. Refusals during a pause are
// answers to requests sent before it and change nothing but its length.
func (g *governor) refused(wait time.Duration) {
	if wait <= 0 {
		wait = g.pause
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if !now.Before(g.until) {
		g.allowed = max(1, g.allowed/2)
		g.good = 0
		g.retire()
	}
	if until := now.Add(wait); until.After(g.until) {
		g.until = until
	}
}

// retire takes idle slots out of use; busy ones follow when they are left.
func (g *governor) retire() {
	for g.size-g.retired > g.allowed && g.slots.TryAcquire(1) {
		g.retired++
	}
}

// accepted notes that the service answered.
func (g *governor) accepted() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.allowed >= g.limit {
		return
	}
	if g.good++; g.good < 4*g.allowed {
		return
	}
	g.good = 0
	g.allowed++
	if g.retired > 0 && g.size-g.retired < g.allowed {
		g.retired--
		g.slots.Release(1)
	}
}
