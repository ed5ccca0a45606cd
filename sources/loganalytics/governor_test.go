package loganalytics

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kustash/kustash/internal/azauth"
)

// identity returns the governor of a process with one identity.
func identity(l azauth.Limits) *governor { return NewGovernors().get("tenant/app", "public", l) }

// room counts how many queries may run at once.
func room(t *testing.T, g *governor, c class) int {
	t.Helper()
	var leave []func()
	for {
		ctx, cancel := context.WithCancel(context.Background())
		free := g.places[c].used < g.places[c].allowed
		if !free {
			cancel()
		}
		f, err := g.enter(ctx, c)
		cancel()
		if (err == nil) != free {
			t.Fatalf("enter = %v, but a place is free: %v", err, free)
		}
		if err != nil {
			break
		}
		leave = append(leave, f)
	}
	for _, f := range leave {
		f()
	}
	return len(leave)
}

// Whenever and however often they are asked for, sendings stay below the
// number in any window, and never hold back what would fit.
func TestSendings(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const span = rateWindow + rateSlack
	for range 50 {
		most := 1 + r.IntN(20)
		var s sendings
		var all []time.Time
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		within := func(at time.Time) (n int) {
			for _, sent := range all {
				if sent.After(at.Add(-span)) {
					n++
				}
			}
			return n
		}
		for range 200 {
			now = now.Add(time.Duration(r.Int64N(int64(4 * span / time.Duration(most)))))
			left := s.left(now, most)
			if left > 0 && (within(now) < most || within(now.Add(left-1)) < most) {
				t.Fatalf("%d in a window: wait %v, with %d in the window now", most, left, within(now))
			}
			now = now.Add(left)
			if got := within(now); got >= most {
				t.Fatalf("%d in a window: no wait with %d in it", most, got)
			}
			s.add(now)
			all = append(all, now)
		}
	}
}

func TestThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := identity(azauth.Limits{Concurrency: 8})
		var leave []func()
		for range 8 {
			f, err := g.enter(t.Context(), analytics)
			if err != nil {
				t.Fatal(err)
			}
			leave = append(leave, f)
		}
		g.refused(analytics, 20*time.Second)
		g.refused(analytics, 10*time.Second) // of the same burst
		for _, f := range leave {
			f()
		}
		if got := room(t, g, analytics); got != 4 || g.most != 112 {
			t.Errorf("after a refusal %d at once and %d in a window, want 4 and 112", got, g.most)
		}
		if got := room(t, g, search); got != searchPlaces {
			t.Errorf("after a refusal of another class %d at once, want %d", got, searchPlaces)
		}
		start := time.Now()
		if err := g.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited < 20*time.Second || waited > 21*time.Second {
			t.Errorf("waited %v, want 20s and a little more", waited)
		}
		for range 3 {
			time.Sleep(time.Minute)
			g.refused(analytics, time.Second)
		}
		if got := room(t, g, analytics); got != 1 {
			t.Errorf("after four refusals %d at once, want 1", got)
		}
		for want := 2; want <= 8; want++ {
			for range 4 * (want - 1) {
				g.accepted(analytics)
			}
			if got := room(t, g, analytics); got != want {
				t.Fatalf("after a round of answers %d at once, want %d", got, want)
			}
		}
		for range 100 {
			g.accepted(analytics)
		}
		if got := room(t, g, analytics); got != 8 {
			t.Errorf("%d at once, want no more than 8", got)
		}
		time.Sleep(10 * time.Minute)
		if g.left(time.Now()); g.most != 150 {
			t.Errorf("%d in a window after ten quiet minutes, want all 150", g.most)
		}
	})
}

// Refusals that do not say how long to wait pause for longer and longer, at
// random.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		longest := make([]time.Duration, 8)
		for range 400 {
			g := identity(azauth.Limits{})
			for i := range longest {
				g.refused(analytics, 0)
				longest[i] = max(longest[i], time.Until(g.until))
				time.Sleep(time.Hour)
			}
		}
		for i, got := range longest {
			if bound := min(defaultPause<<i, defaultPause*pauseFactor); got > bound || got < bound*9/10 {
				t.Errorf("refusal %d pauses for at most %v, want nearly %v", i+1, got, bound)
			}
		}
	})
}

// After a pause those who waited begin one after the other, in the order in
// which they came.
func TestNoHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := identity(azauth.Limits{Concurrency: 50})
		g.refused(analytics, 10*time.Second)
		begin := time.Now()
		var mu sync.Mutex
		var order []int
		var at []time.Duration
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				if err := g.turn(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order, at = append(order, i), append(at, time.Since(begin))
			})
			synctest.Wait()
		}
		all.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("served in the order %v", order)
		}
		if at[0] < 10*time.Second {
			t.Errorf("the first began after %v of a pause of 10s", at[0])
		}
		for i := 1; i < len(at); i++ {
			if at[i] == at[i-1] {
				t.Errorf("number %d and %d began at the same instant", i, i+1)
			}
		}
		if spread := at[len(at)-1] - at[0]; spread < 5*time.Second || spread > 30*time.Second {
			t.Errorf("40 began within %v, want them spread over the window", spread)
		}
	})
}

func TestGovernorCancelled(t *testing.T) {
	g := identity(azauth.Limits{Concurrency: 1, Requests: 1})
	leave, err := g.enter(context.Background(), analytics)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := g.enter(ctx, analytics); !errors.Is(err, context.Canceled) {
		t.Errorf("enter = %v, want context.Canceled", err)
	}
	leave()
	if got := room(t, g, analytics); got != 1 {
		t.Errorf("%d at once after a cancelled wait, want 1", got)
	}
	if err := g.turn(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := g.turn(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("turn = %v, want context.Canceled", err)
	}
	g = identity(azauth.Limits{})
	g.refused(analytics, time.Hour)
	if err := g.turn(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("turn in a pause = %v, want context.Canceled", err)
	}
}

// Queries of Basic tables have places of their own.
func TestClasses(t *testing.T) {
	g := identity(azauth.Limits{Concurrency: 1})
	var leave []func()
	for _, c := range []class{analytics, search, search} {
		f, err := g.enter(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, f)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []class{analytics, search} {
		if _, err := g.enter(ctx, c); err == nil {
			t.Errorf("class %d has one place too many", c)
		}
	}
	for _, f := range leave {
		f()
	}
	if room(t, g, analytics) != 1 || room(t, g, search) != searchPlaces {
		t.Error("places are lost")
	}
}

func TestGovernorsShare(t *testing.T) {
	shared := NewGovernors()
	a := shared.get("tenant/app", "public", azauth.Limits{Concurrency: 4})
	if b := shared.get("tenant/app", "public", azauth.Limits{Concurrency: 2, Requests: 10}); b != a {
		t.Error("one identity has two governors in one cloud")
	}
	if got := room(t, a, analytics); got != 2 || a.requests != 10 {
		t.Errorf("%d at once and %d requests, want the lower limits 2 and 10", got, a.requests)
	}
	if shared.get("tenant/app", "china", azauth.Limits{}) == a || shared.get("tenant/other", "public", azauth.Limits{}) == a {
		t.Error("another cloud or identity shares the governor")
	}
	shared.get("tenant/app", "public", azauth.Limits{})
	if got := room(t, a, analytics); got != 2 {
		t.Errorf("a higher limit gives %d at once, want 2", got)
	}
	if got := shared.address.most; got != addressRequests {
		t.Errorf("the address has %d requests, want %d", got, addressRequests)
	}
	shared.get("tenant/fast", "public", azauth.Limits{Requests: 200})
	if got := shared.address.most; got != 200 {
		t.Errorf("the address has %d requests although one identity may have 200", got)
	}
}
