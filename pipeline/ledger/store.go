package ledger

import (
	"context"
	"errors"
	"fmt"
)

// Store keeps the objects of a state: small, named with slashes, each written
// and read as a whole. All methods may be called concurrently, by several
// processes too, and what one of them has done the next one sees. Data handed
// over stays the caller's, data returned becomes the caller's.
type Store interface {
	// Create stores data under name, whole and durable, if nothing has that
	// name yet. If something has, it returns an error that is fs.ErrExist,
	// changes nothing, and the object found is durable. After any other error
	// the outcome is unknown.
	Create(ctx context.Context, name string, data []byte) error

	// Read returns the object, never nil without an error. If there is none,
	// the error is fs.ErrNotExist.
	Read(ctx context.Context, name string) ([]byte, error)

	// List returns the names that begin with prefix, which ends in a slash,
	// have no further slash, and come after the name after, in ascending order.
	// A store that holds nothing, or does not exist yet, has no names; that is
	// no error.
	List(ctx context.Context, prefix, after string) ([]string, error)

	// Delete removes an object. That there is none is no error. Only what can be
	// made again is deleted.
	Delete(ctx context.Context, name string) error

	// Swap replaces the object in one step if it is exactly old, where nil
	// means that there must be none; else it returns ErrChanged and changes
	// nothing. After any other error the outcome is unknown. Only objects that
	// were made by Swap are swapped.
	Swap(ctx context.Context, name string, old, data []byte) error
}

// ErrChanged is returned by Store.Swap when the object is not the old one.
var ErrChanged = errors.New("the object has changed")

// HostLocker is implemented by stores that can tell whether a holder on the
// same host is still alive.
type HostLocker interface {
	// LockHost takes a lock that the operating system gives back when the
	// process ends, however it ends. It does not wait: ok is false while
	// another holder has it. An error means that the store cannot tell.
	LockHost() (unlock func() error, ok bool, err error)
}

// Trier is implemented by stores that can tell whether they can be written to,
// without leaving a trace of having tried.
type Trier interface {
	Try(ctx context.Context) error
}

// in names the store in messages, where it has a name.
func in(store Store) string {
	if s, ok := store.(fmt.Stringer); ok {
		return "state " + s.String()
	}
	return "state"
}
