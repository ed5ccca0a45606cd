package loganalytics

import (
	"slices"
	"time"
)

// places are those of the queries that run at once, handed out in the order in
// which they are asked for. The caller keeps calls apart.
type places struct {
	limit   int // the configured number
	allowed int // of those, how many may be used at present
	used    int
	good    int             // answers since allowed has changed
	line    []chan struct{} // closed when the place is theirs
}

// join asks for a place; the channel is closed when it is there.
func (p *places) join() chan struct{} {
	mine := make(chan struct{})
	p.line = append(p.line, mine)
	p.admit()
	return mine
}

// withdraw takes back what join has asked for.
func (p *places) withdraw(mine chan struct{}) {
	if at := slices.Index(p.line, mine); at >= 0 {
		p.line = slices.Delete(p.line, at, at+1)
		return
	}
	p.leave() // the place came at the same moment
}

func (p *places) leave() {
	p.used--
	p.admit()
}

func (p *places) admit() {
	for len(p.line) > 0 && p.used < p.allowed {
		p.used++
		close(p.line[0])
		p.line = slices.Delete(p.line, 0, 1)
	}
}

// shrink halves the places. Those in use are lost when they are left.
func (p *places) shrink() {
	p.allowed = max(1, p.allowed/2)
	p.good = 0
}

// grow adds a place for some rounds of answers.
func (p *places) grow() {
	if p.allowed >= p.limit {
		return
	}
	if p.good++; p.good >= 4*p.allowed {
		p.good = 0
		p.allowed++
		p.admit()
	}
}

// sendings are the times of requests in a window, in order. A log of them
// allows all of what a window may hold, at any moment; a bucket that never
// exceeds it gives away as much as it lets through at once.
type sendings struct{ times []time.Time }

// left returns how long to wait until one more makes no more than most.
func (s *sendings) left(now time.Time, most int) time.Duration {
	past := now.Add(-rateWindow - rateSlack)
	old, _ := slices.BinarySearchFunc(s.times, past, func(t, past time.Time) int {
		if t.After(past) {
			return 1
		}
		return -1
	})
	s.times = slices.Delete(s.times, 0, old)
	if len(s.times) < most {
		return 0
	}
	return s.times[len(s.times)-most].Sub(past)
}

func (s *sendings) add(now time.Time) { s.times = append(s.times, now) }
