package azblob

import (
	"context"
	"sync"
)

// inFlight is how many blocks of an object are under way at once. With the one
// being filled, an object holds three blocks at most.
const inFlight = 2

// uploads sends the blocks of one object while its writer fills the next.
type uploads struct {
	send   func(ctx context.Context, id string, data []byte) error
	ctx    context.Context
	cancel context.CancelFunc // gives up what is under way
	slots  chan struct{}
	wg     sync.WaitGroup

	mu  sync.Mutex
	err error // the first
}

func newUploads(send func(ctx context.Context, id string, data []byte) error) *uploads {
	ctx, cancel := context.WithCancel(context.Background())
	return &uploads{send: send, ctx: ctx, cancel: cancel, slots: make(chan struct{}, inFlight)}
}

// add sends a block, and waits as long as enough are under way. The data is the
// upload's from here on. The error is that of an earlier block.
func (u *uploads) add(id string, data []byte) error {
	u.slots <- struct{}{}
	if err := u.failed(); err != nil {
		<-u.slots
		return err
	}
	u.wg.Go(func() {
		defer func() { <-u.slots }()
		if err := u.send(u.ctx, id, data); err != nil {
			u.fail(err)
		}
	})
	return nil
}

// fail keeps the first error, and gives up the rest.
func (u *uploads) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
	}
	u.cancel()
}

func (u *uploads) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// wait returns when no block is under way, with the first error.
func (u *uploads) wait() error {
	u.wg.Wait()
	u.cancel()
	return u.failed()
}
