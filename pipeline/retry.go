package pipeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Retry says how often and after which waits a read is tried again. The zero
// value tries once.
type Retry struct {
	Attempts int           // tries in all
	Base     time.Duration // bound of the first wait; it doubles with each try
	Max      time.Duration // bound of every wait the engine chooses
	// Tell is told of waits where Do is not given another; it may be nil, and is
	// called concurrently by those who ask concurrently.
	Tell func(wait time.Duration, err error)
	// Sleep waits, or returns the context's error; nil is a real sleep.
	Sleep func(ctx context.Context, d time.Duration) error
}

// DefaultRetry is six tries with waits of up to 2 s, doubling to at most two
// minutes.
var DefaultRetry = Retry{Attempts: 6, Base: 2 * time.Second, Max: 2 * time.Minute}

// next returns how long to wait before try number n+1 (n counts from 1), and
// whether there is one. A wait that the service asked for is obeyed in full;
// otherwise it is drawn evenly from zero to the bound (full jitter).
func (r Retry) next(n int, err error) (time.Duration, bool) {
	var again *RetryAfter
	if n >= r.Attempts || !errors.As(err, &again) {
		return 0, false
	}
	if again.Wait > 0 {
		return again.Wait, true
	}
	bound := r.Max
	if shift := n - 1; shift < 30 && r.Base<<shift < bound {
		bound = r.Base << shift
	}
	return time.Duration(rand.Int64N(int64(bound) + 1)), true
}

func (r Retry) sleep(ctx context.Context, d time.Duration) error {
	if r.Sleep != nil {
		return r.Sleep(ctx, d)
	}
	return Sleep(ctx, d)
}

// Sleep waits for d, or returns the context's error as soon as it is done.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Do calls f until it succeeds, fails for good, or the tries are used up. It
// tells before each wait how long it will be; tell may be nil.
func (r Retry) Do(ctx context.Context, f func() error, tell func(wait time.Duration, err error)) error {
	if tell == nil {
		tell = r.Tell
	}
	for n, bounded := 1, 0; ; n++ {
		err := f()
		if err == nil {
			return nil
		}
		var few *RetryAfter
		if errors.As(err, &few) && few.Tries > 0 {
			if bounded++; bounded >= few.Tries {
				return err
			}
		}
		wait, again := r.next(n, err)
		if !again || ctx.Err() != nil {
			return err
		}
		if tell != nil {
			tell(wait, err)
		}
		if r.sleep(ctx, wait) != nil {
			return err
		}
	}
}
