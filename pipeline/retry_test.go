package pipeline

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Errors that name their own number of tries count by themselves, the others
// by the engine's number.
func TestRetryTries(t *testing.T) {
	odd, busy := errors.New("odd"), errors.New("busy")
	few := func(n int) error { return &RetryAfter{Tries: n, Err: odd} }
	often := &RetryAfter{Err: busy}
	for _, c := range []struct {
		name   string
		errs   []error // of the tries in turn; the last one repeats
		tries  int
		ends   error
		before int // attempts of the engine
	}{
		{"engine's number", []error{often}, 4, busy, 4},
		{"once more", []error{few(2)}, 2, odd, 4},
		{"only once", []error{few(1)}, 1, odd, 4},
		{"more than the engine's", []error{few(9)}, 4, odd, 4},
		{"others do not count", []error{often, often, few(2)}, 4, odd, 6},
		{"others in between", []error{few(2), often, few(2)}, 3, odd, 6},
		{"good in the end", []error{few(3), few(3), nil}, 3, nil, 6},
		{"final", []error{odd}, 1, odd, 6},
	} {
		tries := 0
		r := Retry{Attempts: c.before, Sleep: func(context.Context, time.Duration) error { return nil }}
		err := r.Do(context.Background(), func() error {
			tries++
			return c.errs[min(tries, len(c.errs))-1]
		}, nil)
		if tries != c.tries || !errors.Is(err, c.ends) {
			t.Errorf("%s: %d tries and %v, want %d and %v", c.name, tries, err, c.tries, c.ends)
		}
	}
}
