package emulator

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
	"sync"

	"github.com/kustash/kustash/pipeline"
)

// injector decides which requests a fault meets.
type injector struct {
	seed uint64

	mu     sync.Mutex
	faults []Fault
	count  []int // requests that met the conditions, for each fault
	fired  []int
	repeat map[uint64]uint64 // how often a request has come, for draws
}

func newInjector(seed uint64, faults []Fault) *injector {
	in := &injector{seed: seed}
	in.set(faults)
	return in
}

func (in *injector) set(faults []Fault) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.faults = append([]Fault(nil), faults...)
	in.count, in.fired = make([]int, len(faults)), make([]int, len(faults))
	in.repeat = make(map[uint64]uint64)
}

// incident is what a fault can match.
type incident struct {
	route string
	text  string
	span  *interval // nil covers all times
}

// pick returns the action of the first fault that fires. All faults count the
// request, whether an earlier one fires or not.
func (in *injector) pick(i incident) (Action, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.faults) == 0 {
		return Action{}, false
	}
	name := i.hash(in.seed)
	in.repeat[name]++
	hit := -1
	for n, f := range in.faults {
		if !f.Match.meets(i) {
			continue
		}
		in.count[n]++
		if hit < 0 && in.fires(n, name) {
			hit = n
			in.fired[n]++
		}
	}
	if hit < 0 {
		return Action{}, false
	}
	return in.faults[hit].Action, true
}

func (in *injector) fires(n int, name uint64) bool {
	m := in.faults[n].Match
	switch {
	case m.Times > 0 && in.fired[n] >= m.Times:
		return false
	case m.Nth == 0 && m.Every == 0 && m.Probability == 0:
		return true
	case m.Nth > 0 && in.count[n] == m.Nth:
		return true
	case m.Every > 0 && in.count[n]%m.Every == 0:
		return true
	}
	return m.Probability > 0 && draw(name, in.repeat[name], uint64(n)) < m.Probability
}

// meets reports whether a request fulfils the conditions.
func (m Match) meets(i incident) bool {
	if route := or(m.Route, "query"); route != "any" && route != i.route {
		return false
	}
	if !strings.Contains(i.text, m.Query) {
		return false
	}
	if i.span == nil {
		return true
	}
	return (m.From.IsZero() || i.span.end >= pipeline.TickOf(m.From)) && (m.To.IsZero() || i.span.start < pipeline.TickOf(m.To))
}

func (i incident) hash(seed uint64) uint64 {
	h := fnv.New64a()
	_ = binary.Write(h, binary.LittleEndian, seed)
	fmt.Fprintf(h, "%s\x00%s\x00", i.route, i.text)
	if i.span != nil {
		fmt.Fprintf(h, "%d/%d", i.span.start, i.span.end)
	}
	return h.Sum64()
}

// draw returns a number in [0, 1) that depends on nothing but its arguments.
func draw(parts ...uint64) float64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		h = (h ^ p) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return float64(h>>11) / (1 << 53)
}

// pickFault finds the fault of this request and arms what concerns the wire.
func (x *exchange) pickFault(text string, span *interval) Action {
	a, ok := x.e.faults.pick(incident{x.seen.Route, text, span})
	x.seen.Fault = ok
	x.w.cutting, x.w.left, x.w.drip, x.w.ctx = a.Cut, a.CutAfter, a.Drip, x.r.Context()
	pause(x.r.Context(), a.Delay)
	if a.Reset {
		panic(http.ErrAbortHandler)
	}
	return a
}

// faulted meets a small route with its fault; true if that has answered.
func (x *exchange) faulted() bool {
	a := x.pickFault("", nil)
	if a.replaces() {
		x.replace(a)
		return true
	}
	return false
}

// replace sends the answer of an action.
func (x *exchange) replace(a Action) {
	h := x.w.Header()
	if a.RetryAfter != "" {
		h.Set("Retry-After", a.RetryAfter)
	}
	kind := a.ContentType
	if kind == "" && a.Body != "" {
		kind = "text/plain; charset=utf-8"
		switch strings.TrimSpace(a.Body)[:min(1, len(strings.TrimSpace(a.Body)))] {
		case "<":
			kind = "text/html"
		case "{", "[":
			kind = "application/json; charset=utf-8"
		}
	}
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	status := or(a.Status, http.StatusOK)
	if status == http.StatusTooManyRequests && a.Body == "" && a.ContentType == "" {
		x.fail(throttled())
		return
	}
	x.w.WriteHeader(status)
	_, _ = x.w.Write([]byte(a.Body))
}
