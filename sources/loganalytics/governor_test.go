package loganalytics

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kustash/kustash/internal/azauth"
)

// clocked returns a governor whose clock moves only when it sleeps.
func clocked(l azauth.Limits) (*governor, *time.Time) {
	g := newGovernor(l)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	g.now = func() time.Time { return now }
	g.sleep = func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }
	return g, &now
}

// room counts how many queries may run at once.
func room(g *governor) int {
	n := 0
	for g.slots.TryAcquire(1) {
		n++
	}
	g.slots.Release(int64(n))
	return n
}

func TestPacing(t *testing.T) {
	for _, n := range []int{1, 2, 4, 5, 10, 150, 200, 10000} {
		every, burst := pacing(n)
		if most := float64(burst) + float64(every)*rateWindow.Seconds(); n > 1 && most > float64(n)+1e-9 {
			t.Errorf("%d requests: %v in 30 s", n, most)
		}
		if every <= 0 || burst < 1 {
			t.Errorf("%d requests: rate %v, burst %d", n, every, burst)
		}
	}
}

func TestThrottling(t *testing.T) {
	g, now := clocked(azauth.Limits{Concurrency: 8})
	var leave []func()
	for range 8 {
		f, err := g.enter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, f)
	}
	g.refused(0)
	g.refused(20 * time.Second) // of the same burst
	for _, f := range leave {
		f()
	}
	if got := room(g); got != 4 {
		t.Errorf("after a refusal %d at once, want 4", got)
	}
	start := *now
	if err := g.turn(context.Background()); err != nil {
		t.Fatal(err)
	}
	if waited := now.Sub(start); waited != 20*time.Second {
		t.Errorf("waited %v, want 20s", waited)
	}
	for range 3 {
		*now = now.Add(time.Minute)
		g.refused(0)
	}
	if got := room(g); got != 1 {
		t.Errorf("after four refusals %d at once, want 1", got)
	}
	for want := 2; want <= 8; want++ {
		for range 4 * (want - 1) {
			g.accepted()
		}
		if got := room(g); got != want {
			t.Fatalf("after a round of answers %d at once, want %d", got, want)
		}
	}
	for range 100 {
		g.accepted()
	}
	if got := room(g); got != 8 {
		t.Errorf("%d at once, want no more than 8", got)
	}
}

func TestGovernorCancelled(t *testing.T) {
	g := newGovernor(azauth.Limits{Concurrency: 1, Requests: 1})
	leave, err := g.enter(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := g.enter(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("enter = %v, want context.Canceled", err)
	}
	leave()
	if err := g.turn(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := g.turn(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("turn = %v, want context.Canceled", err)
	}
	g = newGovernor(azauth.Limits{})
	g.refused(time.Hour)
	if err := g.turn(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("turn in a pause = %v, want context.Canceled", err)
	}
}

func TestGovernorsShare(t *testing.T) {
	shared := NewGovernors()
	a := shared.get("tenant/app", "public", azauth.Limits{Concurrency: 4})
	if b := shared.get("tenant/app", "public", azauth.Limits{Concurrency: 2, Requests: 10}); b != a {
		t.Error("one identity has two governors in one cloud")
	}
	if got := room(a); got != 2 || a.requests != 10 {
		t.Errorf("%d at once and %d requests, want the lower limits 2 and 10", got, a.requests)
	}
	if shared.get("tenant/app", "china", azauth.Limits{}) == a || shared.get("tenant/other", "public", azauth.Limits{}) == a {
		t.Error("another cloud or identity shares the governor")
	}
	shared.get("tenant/app", "public", azauth.Limits{})
	if got := room(a); got != 2 {
		t.Errorf("a higher limit gives %d at once, want 2", got)
	}
}
