package pipeline

import (
	"context"
	"errors"

	"github.com/apache/arrow/go/v15/arrow"
)

// Sink keeps objects. The engine calls it concurrently for different files.
type Sink interface {
	// Enroll makes sure that the sink can be written to and belongs to the
	// ledger with this lineage: it creates the sink's marker if there is none,
	// and fails if the marker names another lineage.
	Enroll(ctx context.Context, lineage string) error

	// Begin opens an object that nobody sees yet.
	Begin(ctx context.Context, f File) (Tx, error)

	// Verify re-reads the object of r, by means independent of those that
	// wrote it where there are any, and returns nil if size, SHA-256, rows
	// and columns are those of the receipt. It returns ErrMissing if there is
	// no object under the key, and ErrMismatch if it is another one.
	Verify(ctx context.Context, r Receipt) error

	// Fence publishes a valid object without rows under exactly this key, if
	// there is none yet, so that nobody else can publish under it any more.
	// It returns ErrExists if there is one.
	Fence(ctx context.Context, f File, key string) error
}

// Remover is implemented by sinks that may be able to delete objects.
type Remover interface {
	// Removes reports whether they are.
	Removes() bool
	// Remove deletes the object of r, if it is still the one that r describes.
	// ErrMissing says that there is none, ErrMismatch that it is another one,
	// which stays. It is called only for objects that never counted.
	Remove(ctx context.Context, r Receipt) error
	// Drop deletes what is under the key, whatever has become of it. ErrMissing
	// says that nothing is. It is called only for objects that others have taken
	// over from.
	Drop(ctx context.Context, key string) error
}

func removes(s Sink) bool {
	r, ok := s.(Remover)
	return ok && r.Removes()
}

// Tx is one object on its way into a sink. It is used by one goroutine.
type Tx interface {
	// Write appends the rows of a record with the schema of File.Columns.
	Write(arrow.Record) error
	// Prepare completes the object: encoded, synced, counted and hashed, yet
	// still invisible. No Write may follow.
	Prepare(ctx context.Context) (Receipt, error)
	// Commit makes the object visible under the receipt's key in one step. It
	// returns ErrExists, and changes nothing, if that key is taken. After any
	// other error the outcome is unknown: Verify tells.
	Commit(ctx context.Context) error
	// Abort drops what is not committed. It is harmless after Commit, and may
	// be called at any time and more than once.
	Abort() error
}

// Sizer is implemented by transactions that can tell how large their object is.
type Sizer interface {
	// Size returns about how many bytes the object has so far.
	Size() int64
}

// Piecer is implemented by transactions whose objects say that they hold the
// rows of their slice together with others.
type Piecer interface {
	// Piece says, before Prepare, that the object is the nth of such a row, from
	// 1, and how long that is: 0 of all but the last, when nobody knows yet.
	Piece(n, of int)
}

// Lister is implemented by sinks that can tell what they hold.
type Lister interface {
	// List calls visit for every object that is data (no part of its key
	// begins with "_"), in any order, with its key and size in bytes.
	List(ctx context.Context, visit func(key string, size int64) error) error
}

// Errors of sinks.
var (
	ErrExists   = errors.New("the object exists already")
	ErrMissing  = errors.New("the object is missing")
	ErrMismatch = errors.New("the object is not the one that was written")
	// ErrUnreadable says that the sink may not be read, or not now: nothing is
	// known about the object.
	ErrUnreadable = errors.New("it cannot be read")
)
