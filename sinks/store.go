package sinks

import (
	"context"
	"io"
)

// Store keeps immutable objects under keys. A key has one or more parts that
// are separated by slashes; parts are never empty, "." or "..". Its methods
// may be called concurrently; it starts no goroutines.
type Store interface {
	// Create begins an object. Nobody sees it before Commit, and several may
	// be on their way to one key. ctx covers this call only.
	Create(ctx context.Context, key string) (Object, error)

	// Open gives access to a visible object. The error is pipeline.ErrMissing
	// if nothing has the key, and pipeline.ErrMismatch if what has it is no
	// object, such as a folder. ctx covers the content's reads too.
	Open(ctx context.Context, key string) (Content, error)

	// List calls visit for every visible object, in any order, with its key
	// and its size in bytes, until visit returns an error, which List returns
	// unchanged. A store that is not there yet has no objects.
	List(ctx context.Context, visit func(key string, size int64) error) error
}

// Remover is implemented by stores that can delete an object.
type Remover interface {
	// Remove deletes the object with this key, and what is kept beside it,
	// durably. The error is pipeline.ErrMissing if nothing has the key.
	Remove(ctx context.Context, key string) error
}

// Keeper is implemented by stores that may be told by others to keep what they
// hold.
type Keeper interface {
	// Keeps returns why nothing can be deleted; "" if something may be, or if
	// that cannot be known.
	Keeps(ctx context.Context) (why string, err error)
}

// Object is an object on its way into a store. It is used by one goroutine.
// It has no Close, because encoders would call it.
type Object interface {
	// Write appends bytes. After an error the object can only be aborted.
	io.Writer

	// Prepare makes the bytes durable and hands over what is to be known about
	// them. When it returns nil, a Commit needs no more room and fails only if
	// the key is taken or the store is out of reach.
	Prepare(ctx context.Context, m Metadata) error

	// Commit makes the object visible under its key in one step, durably. The
	// error is pipeline.ErrExists, and nothing has changed, if the key is
	// taken. After any other error the outcome is unknown.
	Commit(ctx context.Context) error

	// Abort drops an object that was not committed. It is harmless after
	// Commit, at any time, and more than once.
	Abort() error
}

// Content is a visible object, opened for reading.
type Content interface {
	io.ReaderAt
	io.Closer

	// Size returns the number of bytes.
	Size() int64

	// Metadata returns what the store keeps beside the bytes: what Prepare was
	// given. ok is false if there is nothing, as is right for objects whose
	// Metadata was Embedded. A store with little room may leave Columns out.
	Metadata(ctx context.Context) (m Metadata, ok bool, err error)
}

// Sweeper is implemented by stores in which a crash can leave something behind
// that takes room and that nobody sees.
type Sweeper interface {
	// Sweep removes it. It must be called by the holder of the ledger's lock,
	// and not while this process has objects on their way.
	Sweep(ctx context.Context) error
}
