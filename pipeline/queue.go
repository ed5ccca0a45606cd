package pipeline

import (
	"context"
	"sync"
)

// queue hands out pieces. A piece in work may put others back in its place, so
// it is empty only when nothing waits and nothing is in work.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	waiting []piece // the next one is the last
	working int
	closed  bool
}

// newQueue returns a queue that hands out the pieces in order.
func newQueue(pieces []piece) *queue {
	q := &queue{waiting: make([]piece, 0, len(pieces))}
	for i := len(pieces) - 1; i >= 0; i-- {
		q.waiting = append(q.waiting, pieces[i])
	}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// take waits for a piece. It reports false when there are no more, or when ctx
// is done. Every true is followed by one finish.
func (q *queue) take(ctx context.Context) (piece, bool) {
	wake := context.AfterFunc(ctx, q.close)
	defer wake()
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && q.working > 0 && !q.closed {
		q.changed.Wait()
	}
	if q.closed || len(q.waiting) == 0 || ctx.Err() != nil {
		return piece{}, false
	}
	last := len(q.waiting) - 1
	p := q.waiting[last]
	q.waiting = q.waiting[:last]
	q.working++
	return p, true
}

// put adds pieces that are handed out next, in this order.
func (q *queue) put(pieces ...piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := len(pieces) - 1; i >= 0; i-- {
		q.waiting = append(q.waiting, pieces[i])
	}
	q.changed.Broadcast()
}

// finish says that a piece taken is at its end.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.working--
	q.changed.Broadcast()
}

// close makes take hand out nothing more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}

// left returns how many pieces were never handed out.
func (q *queue) left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}
