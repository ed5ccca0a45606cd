package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Runner carries out plans. Its fields are set before the first call and not
// changed after. One Runner serves one ledger.
type Runner struct {
	Ledger      Ledger
	Lineage     string // of the ledger
	Tool        string // program and version, for the files' metadata
	Parallelism int    // slices in flight; less than 1 is 1
	Retry       Retry
	// OnEvent is told what happens, by one goroutine at a time. It may be nil.
	OnEvent func(Event)
	// AtStep is called with "read", "prepare", "intended", "commit" and "done"
	// when a slice has come past that step. Tests crash the process there. It
	// may be nil.
	AtStep func(step string)
}

// renewEvery is how often a living run renews the ledger's lock.
const renewEvery = 2 * time.Second

// KeepAlive renews the ledger's lock in the background until the returned
// function is called. A renewal that fails is noticed by Ledger.Held, which is
// asked before anything is published.
func KeepAlive(ctx context.Context, l Ledger) (stop func()) {
	// A run that is being stopped still finishes its commits under the lock.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(renewEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				_ = l.Renew(ctx)
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// Run reads and commits the slices of p for those exports. History must be
// that of the ledger after Recover. When Run returns, every slice is done; or it
// is named in Summary.Failed, and recorded in the ledger if it was tried; or it
// is counted in Summary.Pending because ctx was cancelled.
//
// Cancelling ctx starts no further slice and drops those that are being read;
// commits in flight finish. The error is not nil if the ledger cannot be
// written or the lock is lost; then nothing more is published.
func (r *Runner) Run(ctx context.Context, p *Plan, exports []Export, h *History) (Summary, error) {
	s, err := r.newState(ctx, p, exports, h)
	if err != nil {
		return Summary{}, err
	}
	if err := s.declare(ctx); err != nil {
		return Summary{}, err
	}
	inParallel(r.Parallelism, func() {
		for {
			piece, ok := s.queue.take(ctx)
			if !ok {
				return
			}
			s.export(ctx, piece)
			s.queue.finish()
		}
	})
	return s.end()
}

// inParallel calls work n times at once, at least once, and waits for all.
func inParallel(n int, work func()) {
	var workers sync.WaitGroup
	for range max(1, n) {
		workers.Go(work)
	}
	workers.Wait()
}

// piece is a slice on its way, with what is needed to read and commit it.
type piece struct {
	Slice
	export  *Export
	targets []Target // that lack it, or whose objects of it step down
	input   Amount   // as the probe counted it
	held    int64    // rows that the targets have already, where only later ones are read
	swap    bool     // what the targets have of the window steps down
	why     Why
	// old is what counts of the window, by sink; nil for one that is missing.
	old map[string][]Receipt
	// from is the sink that the slice is copied from, and copied what it has;
	// nil to read the source.
	from   *Target
	copied []Receipt
}

// state is what the workers of one Run share.
type state struct {
	*Runner
	plan   *Plan
	queue  *queue
	prints map[string]string // by query: the fingerprint that the ledger has

	mu      sync.Mutex
	summary Summary
	known   map[string]Schema  // by query: all columns ever seen
	schemas map[string]Schema  // that the ledger has, by hash
	stored  map[schemaKey]bool // the same, by query
	frozen  map[string]Schema  // by query that keeps its columns: those
	intents map[intentKey]int  // how many a slice has had
	blocked map[any]error      // sources that refuse everything, queries that nothing accepts
	fatal   error              // the ledger cannot go on
}

type intentKey struct {
	lineKey
	sliceKey
}

// newState takes from the history all that the run needs of it: the workers
// have nothing to do with it.
func (r *Runner) newState(ctx context.Context, p *Plan, exports []Export, h *History) (*state, error) {
	s := &state{
		Runner:  r,
		plan:    p,
		prints:  make(map[string]string),
		known:   make(map[string]Schema),
		schemas: maps.Clone(h.columns),
		stored:  make(map[schemaKey]bool),
		frozen:  make(map[string]Schema),
		intents: make(map[intentKey]int),
		blocked: make(map[any]error),
	}
	byAddress := make(map[string]*Export, len(exports))
	for i := range exports {
		byAddress[exports[i].Query.Address] = &exports[i]
	}
	for k := range h.schemas {
		s.stored[k] = true
	}
	pieces := make([]piece, 0, len(p.Slices))
	for _, planned := range p.Slices {
		e := byAddress[planned.Query]
		if e == nil {
			return nil, fmt.Errorf("the plan names %s, which is not declared", planned.Query)
		}
		s.known[planned.Query], s.prints[planned.Query] = h.Known(planned.Query), h.Fingerprint(planned.Query)
		if newest, ok := h.Newest(planned.Query); ok {
			s.frozen[planned.Query] = newest
		}
		one, err := s.piece(ctx, planned, e, h)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, one)
	}
	s.queue = newQueue(pieces)
	return s, nil
}

// piece makes a piece of a planned slice.
func (s *state) piece(ctx context.Context, planned PlannedSlice, e *Export, h *History) (piece, error) {
	one := piece{export: e, input: planned.Input, held: planned.Held, swap: planned.Swap != nil, why: planned.Why,
		Slice: Slice{Query: e.Query, Window: planned.Window, Cut: Cut{From: planned.From, To: s.plan.Cut}}}
	for _, identity := range planned.Sinks {
		t, ok := e.target(identity)
		if !ok {
			return one, fmt.Errorf("the plan names sink %s for %s, which is not declared", identity, planned.Query)
		}
		one.targets = append(one.targets, t)
		if err := s.recall(ctx, &one, h, identity); err != nil {
			return one, fmt.Errorf("%s in %s: %w", planned.Query, t.Address, err)
		}
	}
	if planned.Copy == "" {
		return one, nil
	}
	from, ok := e.target(planned.Copy)
	if !ok {
		return one, fmt.Errorf("the plan copies %s from sink %s, which is not declared", planned.Query, planned.Copy)
	}
	var err error
	one.from = &from
	one.copied, err = h.Line(e.Query.Address, planned.Copy).Done(ctx, planned.Window)
	if err == nil {
		if err = covers(one.copied, planned.Window); err != nil {
			err = fmt.Errorf("%s does not hold %s as planned: %w", from.Address, one.Slice, err)
		}
	}
	return one, err
}

// recall takes from the history what a sink has of a piece's window.
func (s *state) recall(ctx context.Context, p *piece, h *History, sink string) error {
	l := h.Line(p.Query.Address, sink)
	numbers, err := h.numbers(ctx, l.Query, sink, p.Window)
	if err != nil {
		return err
	}
	for k, n := range numbers {
		s.intents[intentKey{lineKey{l.Query, l.Sink}, k}] = n
	}
	if p.why == "" {
		return nil
	}
	old, err := l.Done(ctx, p.Window)
	if err != nil {
		return err
	}
	if p.old == nil {
		p.old = make(map[string][]Receipt)
	}
	p.old[l.Sink] = old
	return nil
}

func (e *Export) target(identity string) (Target, bool) {
	for _, t := range e.Targets {
		if t.Identity == identity {
			return t, true
		}
	}
	return Target{}, false
}

// findings returns the entries of what the plan has found out of the past.
func (p *Plan) findings() []Entry {
	var entries []Entry
	for _, l := range p.Lost {
		entries = append(entries, Entry{Kind: KindRemoved, Query: l.Query, Sink: l.Sink,
			Receipt: &Receipt{Key: l.Key, Window: l.Window}, Reason: "it was not in the sink any more"})
	}
	for _, u := range p.Unavailable {
		entries = append(entries, Entry{Kind: KindUnavailable, Query: u.Query, Sink: u.Sink, Receipt: &Receipt{Window: u.Window},
			Reason: "the oldest row that can still be read is of " + ShortTime(u.Oldest)})
	}
	for _, c := range p.Changed {
		entries = append(entries, Entry{Kind: KindChecked, Query: c.Query, Sink: c.Sink,
			Receipt: &Receipt{Window: c.Window, Cut: Cut{To: p.Cut}, Input: c.After}, Before: c.Before})
	}
	for _, c := range p.Closing {
		entries = append(entries, Entry{Kind: KindChecked, Query: c.Query, Sink: c.Sink,
			Receipt: &Receipt{Window: c.Window, Cut: Cut{To: p.Cut}, Final: true}})
	}
	for _, o := range p.Outside {
		entries = append(entries, Entry{Kind: KindChecked, Query: o.Query, Receipt: &Receipt{Window: o.Window, Cut: Cut{To: p.Cut}}, Reason: o.Reason})
	}
	return entries
}

// declare records the queries of the plan as they are now, where the ledger
// does not have them.
func (s *state) declare(ctx context.Context) error {
	if err := s.Ledger.Append(ctx, s.plan.findings()...); err != nil {
		return fmt.Errorf("record what the sources have forgotten: %w", err)
	}
	told := make(map[string]bool)
	for _, one := range s.queue.waiting {
		q := one.export.Query
		if told[q.Address] || s.prints[q.Address] == q.Fingerprint {
			continue
		}
		told[q.Address] = true
		if err := s.Ledger.Append(ctx, Entry{Kind: KindQuery, Query: q.Address, Declared: q.Fingerprint, Text: q.Text}); err != nil {
			return fmt.Errorf("record %s: %w", q.Address, err)
		}
	}
	return nil
}

// export brings one piece to its end: done, split, failed, or dropped because
// the run is stopping.
func (s *state) export(ctx context.Context, p piece) {
	if err := s.stopped(p); err != nil {
		s.report(p, "", err) // the slice that was tried is in the ledger
		return
	}
	s.tell(Event{Kind: SliceStarted, Query: p.Query.Address, Window: p.Window, Part: p.Part})
	err := s.retry(ctx, p.Slice, func() error { return s.once(ctx, p) })
	if errors.Is(err, ErrInexact) {
		if err = s.stillThere(ctx, p, err); err == nil {
			p.from, p.copied = nil, nil
			err = s.retry(ctx, p.Slice, func() error { return s.once(ctx, p) })
		}
	}
	switch {
	case errors.Is(err, errReplace): // its later rows alone will not do
		p.swap, p.Cut.From = true, time.Time{}
		err = s.retry(ctx, p.Slice, func() error { return s.once(ctx, p) })
	case errors.Is(err, ErrTooLarge) && !p.swap && s.dead() == nil && ctx.Err() == nil:
		if s.split(p, err) {
			return
		}
		err = s.unsplit(ctx, p, err)
	}
	switch {
	case err == nil:
		return
	case s.dead() != nil, ctx.Err() != nil:
		s.count(func(sum *Summary) { sum.Pending++ })
		return
	case errors.Is(err, ErrAccess):
		s.block(p.export.Source, err)
	case errors.Is(err, ErrQuery):
		s.block(p.Query.Address, err)
	}
	s.fail(p, "", err)
}

// once tries to bring a piece to its end.
func (s *state) once(ctx context.Context, p piece) error {
	switch {
	case p.from != nil:
		return s.copyOver(ctx, p)
	case p.swap:
		return s.renew(ctx, p)
	}
	return s.attempt(ctx, p)
}

// retry tries to read a slice as often as is right.
func (s *state) retry(ctx context.Context, sl Slice, try func() error) error {
	return s.Retry.Do(ctx, try, func(wait time.Duration, err error) {
		s.tell(Event{Kind: SliceRetried, Query: sl.Query.Address, Window: sl.Window, Part: sl.Part, Wait: wait, Err: err})
	})
}

// fail records that p is not done in a sink, or in none of its sinks.
func (s *state) fail(p piece, sink string, err error) {
	s.report(p, sink, err)
	s.record(Entry{Kind: KindFailed, Query: p.Query.Address, Sink: sink, Reason: err.Error(),
		Receipt: &Receipt{Window: p.Window, Part: p.Part, Cut: p.Cut}})
}

// report tells that p is not done, without a record.
func (s *state) report(p piece, sink string, err error) {
	s.tell(Event{Kind: SliceFailed, Query: p.Query.Address, Sink: sink, Window: p.Window, Part: p.Part, Err: err})
	s.count(func(sum *Summary) {
		sum.Failed = append(sum.Failed, SliceError{p.Query.Address, sink, p.Window, p.Part, err})
	})
}

// record appends to the ledger, whether or not the run is being stopped. An
// error ends the run: what it would go on to publish could not be recorded.
func (s *state) record(entries ...Entry) error {
	if err := s.dead(); err != nil {
		return err
	}
	err := s.Ledger.Append(context.Background(), entries...)
	if err != nil {
		s.mu.Lock()
		if s.fatal == nil {
			s.fatal = fmt.Errorf("record in the ledger: %w", err)
		}
		s.mu.Unlock()
		s.queue.close()
	}
	return err
}

// dead returns the error that ends the run, if there is one.
func (s *state) dead() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatal
}

// stopped returns why the piece need not be tried.
func (s *state) stopped(p piece) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.blocked[p.export.Source]; err != nil {
		return err
	}
	return s.blocked[p.Query.Address]
}

func (s *state) block(what any, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocked[what] == nil {
		s.blocked[what] = fmt.Errorf("not tried, because an earlier slice was refused: %w", err)
	}
}

func (s *state) count(change func(*Summary)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.summary)
}

func (s *state) tell(e Event) {
	if s.OnEvent == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.OnEvent(e)
}

func (s *state) step(name string) {
	if s.AtStep != nil {
		s.AtStep(name)
	}
}

// end returns the summary once no worker is left.
func (s *state) end() (Summary, error) {
	s.summary.Pending += s.queue.left()
	return s.summary, s.fatal
}
