package loganalytics

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kustash/kustash/internal/azauth"
)

// simService is how the service is documented to limit queries, in virtual
// time: 5 of a principal at once, 200 that wait for at most 3 minutes, and 200
// requests in any 30 s of a principal and of an address
// (https://learn.microsoft.com/azure/azure-monitor/service-limits).
type simService struct {
	mu       sync.Mutex
	running  map[string]int
	queues   map[string][]chan struct{}
	requests map[string][]time.Time // by principal and by address, in the last 30 s
	refusals []time.Time
}

func newSimService() *simService {
	return &simService{running: map[string]int{}, queues: map[string][]chan struct{}{}, requests: map[string][]time.Time{}}
}

// query runs for d and reports whether it was let in.
func (s *simService) query(principal, address string, d time.Duration) bool {
	if !s.enter(principal, address) {
		return false
	}
	time.Sleep(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[principal]; len(q) > 0 {
		close(q[0])
		s.queues[principal] = q[1:]
	} else {
		s.running[principal]--
	}
	return true
}

func (s *simService) enter(principal, address string) bool {
	s.mu.Lock()
	if s.crowded("p:"+principal) || s.crowded("a:"+address) {
		s.refusals = append(s.refusals, time.Now())
		s.mu.Unlock()
		return false
	}
	for _, who := range []string{"p:" + principal, "a:" + address} {
		s.requests[who] = append(s.requests[who], time.Now())
	}
	if s.running[principal] < 5 {
		s.running[principal]++
		s.mu.Unlock()
		return true
	}
	mine := make(chan struct{})
	if full := len(s.queues[principal]) >= 200; full {
		s.refusals = append(s.refusals, time.Now())
		s.mu.Unlock()
		return false
	}
	s.queues[principal] = append(s.queues[principal], mine)
	s.mu.Unlock()
	late := time.NewTimer(3 * time.Minute)
	defer late.Stop()
	select {
	case <-mine:
		return true
	case <-late.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.Index(s.queues[principal], mine)
	if at < 0 {
		return true // the place came at the same moment
	}
	s.queues[principal] = slices.Delete(s.queues[principal], at, at+1)
	s.refusals = append(s.refusals, time.Now())
	return false
}

func (s *simService) crowded(who string) bool {
	from := time.Now().Add(-30 * time.Second)
	s.requests[who] = slices.DeleteFunc(s.requests[who], func(t time.Time) bool { return !t.After(from) })
	return len(s.requests[who]) >= 200
}

// refusedIn counts the refusals of [from, to) since the begin.
func (s *simService) refusedIn(begin time.Time, from, to time.Duration) (n int) {
	for _, at := range s.refusals {
		if d := at.Sub(begin); d >= from && d < to {
			n++
		}
	}
	return n
}

// load is what one process asks with one identity: slices of random length
// that workers read one after the other, again after a refusal.
type load struct {
	principal string
	governor  *governor
	lengths   []time.Duration // with the way there and back
	done      []time.Duration // when each was complete, since the begin
	tries     int
}

// way is how long a request takes to the service, and an answer back.
func way(r *rand.Rand) time.Duration { return time.Duration(5+r.IntN(200)) * time.Millisecond }

func (l *load) run(t *testing.T, s *simService, seed uint64) {
	var mu sync.Mutex
	var all sync.WaitGroup
	begin := time.Now()
	for worker := range uint64(8) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, worker))
			for {
				mu.Lock()
				if len(l.lengths) == 0 {
					mu.Unlock()
					return
				}
				length := l.lengths[0]
				l.lengths = l.lengths[1:]
				mu.Unlock()
				tries := l.read(t, s, length, r)
				mu.Lock()
				l.tries += tries
				l.done = append(l.done, time.Since(begin))
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

func (l *load) read(t *testing.T, s *simService, length time.Duration, r *rand.Rand) (tries int) {
	for answered := false; !answered; tries++ {
		leave, err := l.governor.enter(t.Context(), analytics)
		if err != nil {
			t.Error(err)
			return
		}
		if err := l.governor.turn(t.Context()); err != nil {
			t.Error(err)
			return
		}
		there := min(way(r), length/2)
		time.Sleep(there)
		if answered = s.query(l.principal, "address", length-there); answered {
			l.governor.accepted(analytics)
		} else {
			l.governor.refused(analytics, 0)
		}
		leave()
	}
	return tries
}

// lengths returns n of them, of low to high, most of them short, and their sum.
func lengths(r *rand.Rand, n int, low, high time.Duration) (all []time.Duration, sum time.Duration) {
	for range n {
		share := r.Float64()
		d := low + time.Duration(share*share*float64(high-low))
		all, sum = append(all, d), sum+d
	}
	return all, sum
}

// ideal is the shortest time in which the limits allow n slices of together
// sum: places always taken, or a full window of requests at its first instant.
func ideal(n int, sum time.Duration, places, requests int) time.Duration {
	windows := float64(n-requests) / float64(requests)
	return max(sum/time.Duration(places), time.Duration(windows*float64(30*time.Second)))
}

// Many slices of random length, alone with the service: at least 95 % of what
// the limits allow, and no refusal.
func TestThroughput(t *testing.T) {
	for _, c := range []struct {
		name      string
		limits    azauth.Limits
		n         int
		low, high time.Duration
	}{
		{"all of the service's limits, long slices", azauth.Limits{Concurrency: 5, Requests: 200}, 2000, 2 * time.Second, 90 * time.Second},
		{"all of the service's limits, short slices", azauth.Limits{Concurrency: 5, Requests: 200}, 8000, 20 * time.Millisecond, time.Second},
		{"all of the service's limits, both", azauth.Limits{Concurrency: 5, Requests: 200}, 8000, 20 * time.Millisecond, 4 * time.Second},
		{"defaults, long slices", azauth.Limits{}, 2000, 2 * time.Second, 90 * time.Second},
		{"defaults, short slices", azauth.Limits{}, 8000, 20 * time.Millisecond, time.Second},
		{"defaults, both", azauth.Limits{}, 8000, 20 * time.Millisecond, 2 * time.Second},
		{"one at a time", azauth.Limits{Concurrency: 1, Requests: 200}, 2000, 20 * time.Millisecond, 10 * time.Second},
		{"few requests", azauth.Limits{Concurrency: 5, Requests: 7}, 500, 20 * time.Millisecond, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, all := newSimService(), &load{principal: "app", governor: identity(c.limits)}
				var sum time.Duration
				all.lengths, sum = lengths(rand.New(rand.NewPCG(3, 4)), c.n, c.low, c.high)
				l := c.limits.WithDefaults()
				best := ideal(c.n, sum, l.Concurrency, l.Requests)
				begin := time.Now()
				all.run(t, s, 5)
				took := time.Since(begin)
				share := float64(best) / float64(took)
				t.Logf("%d slices in %v, %.1f %% of what %d at once and %d in 30 s allow; %d refusals",
					c.n, took.Round(time.Second), 100*share, l.Concurrency, l.Requests, len(s.refusals))
				if share < 0.95 || len(s.refusals) > 0 {
					t.Errorf("%.1f %% of the throughput and %d refusals, want at least 95 %% and none", 100*share, len(s.refusals))
				}
				if all.tries != c.n {
					t.Errorf("%d requests for %d slices", all.tries, c.n)
				}
			})
		})
	}
}

// Two identities at one address, which has the requests of one: no refusal,
// and each gets its share.
func TestTwoAtOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, shared := newSimService(), NewGovernors()
		const each = 3000
		begin := time.Now()
		var both [2]*load
		var all sync.WaitGroup
		for i := range both {
			both[i] = &load{principal: []string{"app", "other"}[i]}
			both[i].governor = shared.get(both[i].principal, "public", azauth.Limits{})
			both[i].lengths, _ = lengths(rand.New(rand.NewPCG(6, uint64(i))), each, 20*time.Millisecond, time.Second)
			all.Go(func() { both[i].run(t, s, uint64(i)) })
		}
		all.Wait()
		took := time.Since(begin)
		share := float64(ideal(2*each, 0, 1, addressRequests)) / float64(took)
		ahead := float64(both[0].done[each-1]) / float64(both[1].done[each-1])
		t.Logf("%d slices in %v, %.1f %% of what %d in 30 s allow; %d refusals; one identity took %.2f of the other's time",
			2*each, took.Round(time.Second), 100*share, addressRequests, len(s.refusals), ahead)
		if share < 0.95 || len(s.refusals) > 0 {
			t.Errorf("%.1f %% of the throughput and %d refusals, want at least 95 %% and none", 100*share, len(s.refusals))
		}
		if ahead < 0.8 || ahead > 1.25 {
			t.Errorf("one identity took %.2f of the other's time, want about the same", ahead)
		}
	})
}

// Somebody else uses the same principal for an hour and takes two thirds of
// its requests and most of its places. We go on with what is left, and have
// all of it when they are gone.
func TestForeignUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const busy, before, after = time.Hour, 10 * time.Minute, 50 * time.Minute
		s, ours := newSimService(), &load{principal: "app", governor: identity(azauth.Limits{Concurrency: 5, Requests: 200})}
		ours.lengths, _ = lengths(rand.New(rand.NewPCG(7, 8)), 32000, 20*time.Millisecond, time.Second)
		begin := time.Now()
		var theirs atomic.Int64
		var all sync.WaitGroup
		all.Go(func() {
			time.Sleep(before)
			r := rand.New(rand.NewPCG(9, 10))
			for time.Since(begin) < before+busy {
				length := time.Duration(r.IntN(1000)) * time.Millisecond
				all.Go(func() {
					if s.query("app", "elsewhere", length) {
						theirs.Add(1)
					}
				})
				time.Sleep(30 * time.Second / 130)
			}
		})
		all.Go(func() { ours.run(t, s, 11) })
		all.Wait()
		rate := func(from, to time.Duration) (perWindow float64) {
			n := 0
			for _, at := range ours.done {
				if at >= from && at < to {
					n++
				}
			}
			return float64(n) / (float64(to-from) / float64(30*time.Second))
		}
		alone, shared := rate(time.Minute, before), rate(before, before+busy)
		again := rate(before+busy+5*time.Minute, before+busy+after)
		t.Logf("of 200 requests in 30 s we get %.0f alone, %.0f beside one who asks for 130 and gets %.0f, and %.0f again afterwards; refusals: %d before, %d meanwhile, %d afterwards",
			alone, shared, float64(theirs.Load())/120, again, s.refusedIn(begin, 0, before), s.refusedIn(begin, before, before+busy), s.refusedIn(begin, before+busy+time.Minute, before+busy+after))
		if alone < 190 || again < 190 {
			t.Errorf("%.0f before and %.0f after, want at least 190", alone, again)
		}
		if shared < 35 {
			t.Errorf("%.0f beside the other, want at least half of the 70 that are left", shared)
		}
		if n := s.refusedIn(begin, 0, before) + s.refusedIn(begin, before+busy+time.Minute, before+busy+after); n > 0 {
			t.Errorf("%d refusals while we are alone", n)
		}
		if s.refusedIn(begin, before, before+busy) == 0 {
			t.Error("no refusal meanwhile: the test shows nothing")
		}
	})
}

// Somebody else keeps so many long queries waiting on the same principal that
// the service's queue takes longer than it may. Ours go on, and all of them
// are answered.
func TestForeignQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const busy = time.Hour
		s, ours := newSimService(), &load{principal: "app", governor: identity(azauth.Limits{})}
		ours.lengths, _ = lengths(rand.New(rand.NewPCG(12, 13)), 600, time.Second, time.Minute)
		n := len(ours.lengths)
		begin := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for time.Since(begin) < busy {
					if !s.query("app", "elsewhere", time.Minute) {
						time.Sleep(30 * time.Second)
					}
				}
			})
		}
		all.Go(func() { ours.run(t, s, 14) })
		all.Wait()
		meanwhile := 0
		for _, at := range ours.done {
			if at < busy {
				meanwhile++
			}
		}
		late := s.refusedIn(begin, busy+4*time.Minute, 100*time.Hour)
		t.Logf("%d slices beside twenty long queries at a time in an hour, all %d after %v; %d requests; %d refusals, %d of them when we are alone",
			meanwhile, n, ours.done[n-1].Round(time.Minute), ours.tries, len(s.refusals), late)
		if len(ours.done) != n || meanwhile < 20 || late > 0 {
			t.Errorf("%d of %d slices, %d meanwhile, %d refusals when we are alone", len(ours.done), n, meanwhile, late)
		}
		if len(s.refusals) == 0 {
			t.Error("no refusal meanwhile: the test shows nothing")
		}
	})
}
