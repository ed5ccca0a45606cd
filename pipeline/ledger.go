package pipeline

import (
	"context"
	"errors"
)

// Ledger is the record of what has been exported. It alone says which files
// count. It is safe for concurrent use.
type Ledger interface {
	// Append records entries in order. An intended, forgotten or failed entry
	// and all that waited before it are durable when Append returns. The other
	// kinds may wait up to five seconds for company: losing them is harmless,
	// because the next run finds them out again. Append sets Entry.Time.
	Append(ctx context.Context, entries ...Entry) error
	// Renew keeps the writer's lock and writes what waits. The engine calls it
	// every few seconds while a run lives.
	Renew(ctx context.Context) error
	// Held returns nil while this process may publish: its lock was renewed
	// within half of the lock's lifetime.
	Held() error
}

// ErrLocked is returned when another process holds the ledger's lock.
var ErrLocked = errors.New("the state is locked by another run")

// ErrLockLost is returned when this process no longer owns the ledger's lock,
// or another writer has appended: it must publish nothing more.
var ErrLockLost = errors.New("the state's lock was lost to another run")
