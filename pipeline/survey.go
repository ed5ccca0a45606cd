package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"
)

// probeStep is the width of the bins that a survey asks for.
const probeStep = time.Hour

// Survey is what the sources say of the windows that a plan is about.
type Survey struct {
	Now     time.Time        // the service's; the earliest if there are several
	Volumes map[string][]Bin // by query
	// Refused are queries of which no slice can be read: access is denied or
	// the text is not accepted. They are to be left out of the plan, and
	// reported.
	Refused []SliceError
	// Unsized are queries whose probe failed in another way. They are planned
	// without estimates.
	Unsized []SliceError
}

// ServiceNow asks every source that has a clock for its time and returns the
// earliest, so that no cut lies in a service's future; without such a source
// it is local. A source that cannot be asked gives its error.
func ServiceNow(ctx context.Context, exports []Export, retry Retry, local time.Time) (time.Time, error) {
	var earliest time.Time
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
			return time.Time{}, fmt.Errorf("ask %s for its time: %w", e.Workspace, err)
		}
	}
	if earliest.IsZero() {
		earliest = local
	}
	return earliest.UTC().Truncate(TickSize), nil
}

// Probe asks the sources how much lies in the windows that the exports lack,
// several queries at once. now is from ServiceNow.
func Probe(ctx context.Context, exports []Export, h *History, now time.Time, only func(Export, Window) []Window, retry Retry, parallelism int) (Survey, error) {
	s := Survey{Now: now, Volumes: make(map[string][]Bin)}
	var mu sync.Mutex
	next := 0
	take := func() (Export, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(exports) || ctx.Err() != nil {
			return Export{}, false
		}
		next++
		return exports[next-1], true
	}
	inParallel(parallelism, func() {
		for e, ok := take(); ok; e, ok = take() {
			bins, err := probe(ctx, e, h, now, only, retry)
			mu.Lock()
			switch failure := (SliceError{Query: e.Query.Address, Window: e.Span.Resolve(now), Err: err}); {
			case err == nil && bins != nil:
				s.Volumes[e.Query.Address] = bins
			case err == nil:
			case errors.Is(err, ErrAccess), errors.Is(err, ErrQuery):
				s.Refused = append(s.Refused, failure)
			default:
				s.Unsized = append(s.Unsized, failure)
			}
			mu.Unlock()
		}
	})
	byQuery := func(f []SliceError) {
		sort.Slice(f, func(i, j int) bool { return f[i].Query < f[j].Query })
	}
	byQuery(s.Refused)
	byQuery(s.Unsized)
	return s, ctx.Err()
}

// probe returns the bins of one export's missing windows in order, and nil if
// its width is not for the probe to choose or its source cannot estimate.
func probe(ctx context.Context, e Export, h *History, now time.Time, only func(Export, Window) []Window, retry Retry) ([]Bin, error) {
	prober, ok := e.Source.(Prober)
	ok = ok && !e.Span.Whole
	var windows []Window
	for _, missing := range Uncovered(e, h, now, only) {
		windows = append(windows, missing...)
	}
	windows = Join(windows)
	if !ok || len(windows) == 0 {
		return nil, nil
	}
	var bins []Bin
	err := retry.Do(ctx, func() (err error) {
		bins, err = prober.Probe(ctx, e.Query, windows, probeStep, Cut{To: CutAt(now)})
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	sort.Slice(bins, func(i, j int) bool { return bins[i].Window.Start.Before(bins[j].Window.Start) })
	if bins == nil {
		bins = []Bin{}
	}
	return bins, nil
}
