package emulator

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestGateIsFirstInFirstOut(t *testing.T) {
	g := newGate(Limits{Concurrency: 2, Queue: 3, QueueWait: time.Minute}.withDefaults())
	ctx := context.Background()
	for range 2 {
		if !g.enter(ctx, "a") {
			t.Fatal("a free place was refused")
		}
	}
	if !g.enter(ctx, "b") {
		t.Error("another principal was kept out")
	}
	var order []int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 3 {
		waitFor(t, func() bool { return g.queued("a") == i })
		all.Add(1)
		go func() {
			defer all.Done()
			if !g.enter(ctx, "a") {
				t.Error("one that waited was refused")
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			g.leave("a")
		}()
	}
	waitFor(t, func() bool { return g.queued("a") == 3 })
	if g.enter(ctx, "a") {
		t.Error("a full queue took one more")
	}
	g.leave("a")
	all.Wait()
	g.leave("a")
	if fmt.Sprint(order) != "[0 1 2]" || g.running["a"] != 0 {
		t.Errorf("order %v, %d still running", order, g.running["a"])
	}
}

func (g *gate) queued(who string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting[who])
}

// waitFor gives other goroutines the time they need.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 20_000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond / 2)
	}
	t.Fatal("it did not come to that")
}

func TestGateLetsGo(t *testing.T) {
	g := newGate(Limits{Concurrency: 1, Queue: -1, QueueWait: time.Millisecond}.withDefaults())
	if !g.enter(context.Background(), "a") {
		t.Fatal("a free place was refused")
	}
	if g.enter(context.Background(), "a") {
		t.Error("the wait in the queue did not end")
	}
	g.limits.QueueWait = -1
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if g.enter(ctx, "a") {
		t.Error("a client that has gone got a place")
	}
	if g.queued("a") != 0 {
		t.Errorf("%d still wait", g.queued("a"))
	}
	g.leave("a")
	if !g.enter(context.Background(), "a") {
		t.Error("the place was lost")
	}
	open := newGate(Limits{Concurrency: -1}.withDefaults())
	for range 10 {
		if !open.enter(ctx, "a") {
			t.Error("no limit, and yet refused")
		}
	}
	open.leave("a")
}

func TestRateIsASlidingWindow(t *testing.T) {
	r := newRate(Limits{Requests: 3, Window: 30 * time.Second}.withDefaults())
	start := at("2026-01-01T00:00:00Z")
	for _, test := range []struct {
		second int
		who    string
		want   bool
	}{{0, "a", true}, {10, "a", true}, {20, "a", true}, {29, "a", false}, {29, "b", true}, {30, "a", true}, {31, "a", false}, {40, "a", true}, {100, "a", true}} {
		if got := r.allow(start.Add(time.Duration(test.second)*time.Second), test.who); got != test.want {
			t.Errorf("%s at %d s: got %t, want %t", test.who, test.second, got, test.want)
		}
	}
}

func TestThrottledOverHTTP(t *testing.T) {
	c := newClock()
	for _, test := range []struct {
		limits Limits
		after  string
	}{{Limits{Requests: 2}, ""}, {Limits{Requests: 2, RetryAfter: 1500 * time.Millisecond}, "2"}} {
		r := serve(t, Config{Data: events(t), Now: c.Now, Limits: test.limits})
		for range 2 {
			if got := r.query("Events", ""); got.status != 200 {
				t.Fatalf("got %d %s", got.status, got.body)
			}
		}
		got := r.query("Events", "")
		want := `{"error":{"message":"Your request has been throttled","code":"ThrottledError","correlationId":"#"}}`
		if got.status != 429 || masked(got.body) != want || got.header.Get("Retry-After") != test.after {
			t.Errorf("got %d %s, Retry-After %q; want 429 %s, %q", got.status, masked(got.body), got.header.Get("Retry-After"), want, test.after)
		}
		c.add(30 * time.Second)
		if got := r.query("Events", ""); got.status != 200 {
			t.Errorf("half a minute later: got %d %s", got.status, got.body)
		}
	}
}

func TestFullQueueOverHTTP(t *testing.T) {
	r := serve(t, Config{Data: events(t), Limits: Limits{Concurrency: 1, Queue: 1, QueueWait: time.Minute}})
	r.e.gate.enter(t.Context(), DemoClientID) // a query that runs for long
	first := make(chan reply, 1)
	go func() { first <- r.query("Events", "") }()
	waitFor(t, func() bool { return r.e.gate.queued(DemoClientID) == 1 })
	if got := r.query("Events", ""); got.status != 429 || codes(got.body) != "ThrottledError" {
		t.Errorf("a full queue: got %d %s", got.status, got.body)
	}
	r.e.gate.leave(DemoClientID)
	if got := <-first; got.status != 200 {
		t.Errorf("the one that waited: got %d %s", got.status, got.body)
	}
}
