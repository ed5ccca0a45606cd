package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

// Bounds of one probe. The service takes a span of more than 15 days for
// excessive (https://learn.microsoft.com/azure/azure-monitor/logs/query-optimization),
// and 100,000 bins stay far below the rows of an answer.
const (
	maxProbeSpan = 14 * 24 * time.Hour
	maxProbeBins = 100_000
)

// minRetention is the shortest time for which a table can be set to keep its
// rows (https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure).
// What is younger is not asked about.
const minRetention = 4 * 24 * time.Hour

// finerSteps are the bins in which too large ones are counted again.
var finerSteps = []time.Duration{time.Minute, time.Second}

// Survey is what the sources say of the windows that a plan is about.
type Survey struct {
	Now     time.Time          // the service's; the earliest if there are several
	Volumes map[string]*Volume // by query
	// Oldest is the time of the oldest row that a query can still read, where
	// that was asked and there is one.
	Oldest map[string]time.Time
	// Refused are queries of which no slice can be read: access is denied or
	// the text is not accepted. They are to be left out of the plan, and
	// reported.
	Refused []SliceError
	// Unsized are windows whose probe failed in another way. They are planned
	// without estimates.
	Unsized []SliceError
	// Outside are queries that have rows in no slice, whatever is planned.
	Outside []SliceError
	// Lost are objects that count and are not in their sinks any more. FindLost
	// tells; Probe does not.
	Lost []Lost
	// Loose are the queries of which the source has found out that they are
	// (Judgement.Loose).
	Loose map[string]bool
	// Drift is how the columns of a query have changed since its newest file,
	// where they have. Undescribed are those of which that could not be asked.
	Drift       map[string]Drift
	Undescribed []SliceError
}

// Volume is how much a query reads.
type Volume struct {
	Bins  []Bin    // in order, not overlapping; those without rows may be left out
	Blank []Window // what could not be counted

	exact map[Window]Amount // of slices that bins reach into
}

// ServiceNow asks every source that has a clock for its time and returns the
// earliest, so that no cut lies in a service's future; without such a source
// it is local. A source that cannot be asked gives its error.
func ServiceNow(ctx context.Context, exports []Export, retry Retry, local time.Time) (time.Time, error) {
	var earliest time.Time
	var denied error // to a source of which nothing can be read: the probe says so
	asked := make(map[Source]bool)
	for _, e := range exports {
		clock, ok := e.Source.(Clock)
		if !ok || asked[e.Source] {
			continue
		}
		asked[e.Source] = true
		err := retry.Do(ctx, func() error {
			now, err := clock.Now(ctx)
			if err == nil && (earliest.IsZero() || now.Before(earliest)) {
				earliest = now
			}
			return err
		}, nil)
		if err != nil {
			err = fmt.Errorf("ask %s for its time: %w", e.Workspace, err)
			if !errors.Is(err, ErrAccess) {
				return time.Time{}, err
			}
			denied = err
		}
	}
	if earliest.IsZero() && denied != nil {
		return time.Time{}, denied
	}
	if earliest.IsZero() {
		earliest = local
	}
	return earliest.UTC().Truncate(TickSize), nil
}

// ProbeOptions say what to ask.
type ProbeOptions struct {
	Only        func(Export, Window) []Window // as PlanOptions.Only
	Replace     func(Export, Window) []Window // as PlanOptions.Replace
	Lost        []Lost                        // as Survey.Lost
	Retry       Retry
	Parallelism int
	// Unsized leaves out how much there is. What the service has forgotten is
	// asked all the same: no slice of it may count as one without rows.
	Unsized bool
}

// Probe asks the sources what they still have, and how much of it lies in the
// windows that the exports lack and in those that are under watch. now is from
// ServiceNow.
func Probe(ctx context.Context, exports []Export, h *History, now time.Time, o ProbeOptions) (Survey, error) {
	s := &surveyor{ProbeOptions: o, history: h, again: make(map[string][]Window), survey: Survey{Now: now, Lost: o.Lost,
		Volumes: make(map[string]*Volume), Oldest: make(map[string]time.Time), Loose: make(map[string]bool), Drift: make(map[string]Drift)}}
	var asks []func()
	for _, e := range exports {
		if err := s.recall(ctx, e); err != nil {
			return s.survey, err
		}
		if err := s.broken(e); err != nil {
			s.refused(e, err)
			continue
		}
		asks = append(asks, func() { s.judge(ctx, e) })
		asks = append(asks, s.remains(ctx, e)...)
		asks = append(asks, s.describe(ctx, e)...)
	}
	s.do(ctx, asks)
	if !o.Unsized {
		s.size(ctx, exports)
	}
	for _, f := range [][]SliceError{s.survey.Refused, s.survey.Unsized, s.survey.Outside, s.survey.Undescribed} {
		sort.Slice(f, func(i, j int) bool {
			return f[i].Query < f[j].Query || f[i].Query == f[j].Query && f[i].Window.Start.Before(f[j].Window.Start)
		})
	}
	return s.survey, ctx.Err()
}

// surveyor is a survey in the making.
type surveyor struct {
	ProbeOptions
	history *History
	again   map[string][]Window // by query: slices under watch, and those to read again

	mu     sync.Mutex
	survey Survey
}

// recall finds the slices of an export that are done and asked about.
func (s *surveyor) recall(ctx context.Context, e Export) error {
	watched, err := e.watched(ctx, s.history, s.Only)
	if err != nil {
		return err
	}
	var windows []Window
	for _, one := range watched {
		if one.comparable {
			windows = append(windows, one.Window)
		}
	}
	options := PlanOptions{Only: s.Only, Replace: s.Replace, Survey: Survey{Lost: s.Lost}}
	for _, t := range e.Targets {
		visits, err := e.demanded(ctx, s.history.Line(e.Query.Address, t.Identity), options)
		if err != nil {
			return err
		}
		for _, v := range visits {
			windows = append(windows, v.Window)
		}
	}
	s.again[e.Query.Address] = windows
	return nil
}

// do asks several things at once.
func (s *surveyor) do(ctx context.Context, asks []func()) {
	var mu sync.Mutex
	inParallel(s.Parallelism, func() {
		for {
			mu.Lock()
			if len(asks) == 0 || ctx.Err() != nil {
				mu.Unlock()
				return
			}
			ask := asks[0]
			asks = asks[1:]
			mu.Unlock()
			ask()
		}
	})
}

// refused notes that nothing of a query can be read, once.
func (s *surveyor) refused(e Export, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.survey.Refused {
		if f.Query == e.Query.Address {
			return
		}
	}
	s.survey.Refused = append(s.survey.Refused, SliceError{Query: e.Query.Address, Window: e.Span.Resolve(s.survey.Now), Err: err})
}

func (s *surveyor) isRefused(e Export) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.survey.Refused {
		if f.Query == e.Query.Address {
			return true
		}
	}
	return false
}

// missing returns the windows that some sink of the export lacks.
func (s *surveyor) missing(e Export) []Window {
	var windows []Window
	for _, w := range Uncovered(e, s.history, s.survey.Now, s.Only) {
		windows = append(windows, w...)
	}
	return Join(windows)
}

// broken returns why an export of one piece cannot be planned: some of the
// piece is archived.
func (s *surveyor) broken(e Export) error {
	for _, windows := range Uncovered(e, s.history, s.survey.Now, s.Only) {
		if len(windows) == 0 {
			continue
		}
		if err := e.whole(windows[0], s.survey.Now); err != nil {
			return err
		}
	}
	return nil
}

// judge finds out what a look at the text alone could not.
func (s *surveyor) judge(ctx context.Context, e Export) {
	judge, ok := e.Source.(Judge)
	if !ok {
		return
	}
	var j Judgement
	err := s.Retry.Do(ctx, func() (err error) {
		// At the author's word that slices are right only what holds for one
		// piece as well can be wrong.
		j, err = judge.Judge(ctx, e.Query, e.Span.Whole || e.Query.AssumeSliceable)
		return err
	}, nil)
	for _, p := range j.Problems {
		if !p.Warning && err == nil {
			err = fmt.Errorf("%w: %s: %s %s", ErrQuery, p.Summary, p.Detail, p.Overrule)
		}
	}
	if err != nil {
		s.refused(e, err)
		return
	}
	s.mu.Lock()
	s.survey.Loose[e.Query.Address] = j.Loose
	s.mu.Unlock()
}

// remains asks for the oldest row, where slices are missing that the service
// may have forgotten, and for rows that lie in no slice.
func (s *surveyor) remains(ctx context.Context, e Export) (asks []func()) {
	missing := s.missing(e)
	reads := Join(append(missing, s.again[e.Query.Address]...))
	if r, ok := e.Source.(Retainer); ok && len(reads) > 0 && reads[0].Start.Before(s.survey.Now.Add(-minRetention)) {
		asks = append(asks, func() {
			var oldest time.Time
			err := s.Retry.Do(ctx, func() (err error) {
				oldest, err = r.Oldest(ctx, e.Query, Window{reads[0].Start, s.survey.Now})
				return err
			}, nil)
			switch {
			case err != nil:
				// Without an answer a slice of which everything is forgotten
				// could not be told from one without rows.
				s.refused(e, fmt.Errorf("ask for the oldest row: %w", err))
			case !oldest.IsZero():
				s.mu.Lock()
				s.survey.Oldest[e.Query.Address] = oldest
				s.mu.Unlock()
			}
		})
	}
	if o, ok := e.Source.(Outsider); ok {
		asks = append(asks, func() {
			err := s.Retry.Do(ctx, func() error { return o.Outside(ctx, e.Query, reads) }, nil)
			switch {
			case errors.Is(err, ErrAccess), errors.Is(err, ErrQuery):
				s.refused(e, err)
			case err != nil:
				s.mu.Lock()
				s.survey.Outside = append(s.survey.Outside, SliceError{Query: e.Query.Address, Window: e.Span.Resolve(s.survey.Now), Err: err})
				s.mu.Unlock()
			}
		})
	}
	return asks
}

// size counts what lies in the windows, and what is too much for a slice again
// in finer bins.
func (s *surveyor) size(ctx context.Context, exports []Export) {
	var asks []func()
	for _, e := range exports {
		if windows := s.windows(e); len(windows) > 0 && !s.isRefused(e) {
			asks = append(asks, s.counts(ctx, e, windows, e.Span.probeStep())...)
		}
	}
	s.do(ctx, asks)
	for _, step := range finerSteps {
		asks = nil
		for _, e := range exports {
			if e.Span.Step == 0 && (e.Span.Atom == 0 || step%e.Span.Atom == 0) && !s.isRefused(e) {
				asks = append(asks, s.counts(ctx, e, s.crowded(e), step)...)
			}
		}
		s.do(ctx, asks)
	}
	asks = nil
	for _, v := range s.survey.Volumes {
		slices.SortFunc(v.Bins, func(a, b Bin) int { return a.Window.Start.Compare(b.Window.Start) })
	}
	for _, e := range exports {
		if v := s.survey.Volumes[e.Query.Address]; v != nil && !s.isRefused(e) {
			asks = append(asks, s.exact(ctx, e, v)...)
		}
	}
	s.do(ctx, asks)
}

// exact returns the questions for how much lies in slices that the bins cut.
func (s *surveyor) exact(ctx context.Context, e Export, v *Volume) (asks []func()) {
	for _, w := range s.again[e.Query.Address] {
		if v.amount(w).Known || overlapsAny(w, v.Blank) || v.exact[w].Known {
			continue
		}
		if v.exact == nil {
			v.exact = make(map[Window]Amount)
		}
		v.exact[w] = Amount{Known: true} // asked once, also for several sinks
		asks = append(asks, func() {
			var a Amount
			err := s.Retry.Do(ctx, func() (err error) {
				a, err = e.measure(ctx, w, CutAt(s.survey.Now))
				return err
			}, nil)
			s.mu.Lock()
			defer s.mu.Unlock()
			v.exact[w] = a
			if err != nil {
				s.survey.Unsized = append(s.survey.Unsized, SliceError{Query: e.Query.Address, Window: w, Err: err})
			}
		})
	}
	return asks
}

// windows returns what an export's probe is about: nothing if its source
// cannot count, or there is nothing to choose.
func (s *surveyor) windows(e Export) []Window {
	if _, ok := e.Source.(Prober); !ok {
		return nil
	}
	var windows []Window
	if !e.Span.Whole {
		windows = s.missing(e)
	}
	if oldest, ok := s.survey.Oldest[e.Query.Address]; ok {
		windows = clipStart(windows, e.heldFrom(oldest, s.survey.Now))
	}
	return Join(append(windows, s.again[e.Query.Address]...))
}

// clipStart returns what of the windows lies at or after t.
func clipStart(windows []Window, t time.Time) []Window {
	var left []Window
	for _, w := range windows {
		if w.Start.Before(t) {
			w.Start = t
		}
		if !w.Empty() {
			left = append(left, w)
		}
	}
	return left
}

// crowded takes the bins out of an export's volume that hold too much for one
// slice, or more than a slice under watch, and returns their windows.
func (s *surveyor) crowded(e Export) []Window {
	v := s.survey.Volumes[e.Query.Address]
	if v == nil {
		return nil
	}
	yield := s.history.Yield(e.Query)
	watched := s.again[e.Query.Address]
	var crowded []Window
	kept := v.Bins[:0]
	for _, b := range v.Bins {
		if pieces(yield.rows(b.Rows), yield.bytes(b.Bytes), e.Limits) > 1 || cuts(watched, b.Window) {
			crowded = append(crowded, b.Window)
			continue
		}
		kept = append(kept, b)
	}
	v.Bins = kept
	return Join(crowded)
}

// counts returns the questions for how much lies in the windows.
func (s *surveyor) counts(ctx context.Context, e Export, windows []Window, step time.Duration) (asks []func()) {
	for _, w := range windows {
		for _, piece := range probePieces(w, step) {
			asks = append(asks, func() { s.count(ctx, e, piece, step) })
		}
	}
	return asks
}

// probePieces cuts w at points of the grid into pieces that one probe may ask
// for.
func probePieces(w Window, step time.Duration) []Window {
	span := min(maxProbeSpan, step*maxProbeBins)
	span = max(step, span-span%step)
	var pieces []Window
	for !w.Empty() {
		piece := Window{w.Start, Floor(w.Start, step).Add(span)}.Intersect(w)
		pieces = append(pieces, piece)
		w.Start = piece.End
	}
	return pieces
}

func (s *surveyor) count(ctx context.Context, e Export, w Window, step time.Duration) {
	if s.isRefused(e) {
		return
	}
	var bins []Bin
	err := s.Retry.Do(ctx, func() (err error) {
		bins, err = e.Source.(Prober).Probe(ctx, e.Query, w, step, Cut{To: CutAt(s.survey.Now)})
		return err
	}, nil)
	switch {
	case errors.Is(err, ErrAccess), errors.Is(err, ErrQuery):
		s.refused(e, err)
		return
	case errors.Is(err, ErrTooLarge) && w.End.Sub(w.Start) > step:
		middle := Floor(w.Start.Add(w.End.Sub(w.Start)/2), step)
		if !middle.After(w.Start) {
			middle = middle.Add(step)
		}
		s.count(ctx, e, Window{w.Start, middle}, step)
		s.count(ctx, e, Window{middle, w.End}, step)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.survey.Volumes[e.Query.Address]
	if v == nil {
		v = &Volume{}
		s.survey.Volumes[e.Query.Address] = v
	}
	if err != nil {
		v.Blank = append(v.Blank, w)
		s.survey.Unsized = append(s.survey.Unsized, SliceError{Query: e.Query.Address, Window: w, Err: err})
		return
	}
	v.Bins = append(v.Bins, bins...)
}
