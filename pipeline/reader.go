package pipeline

import (
	"context"
	"errors"

	"github.com/apache/arrow/go/v15/arrow"
)

// Reader is implemented by sinks that can read back what they hold, so that
// another sink is filled from there instead of from the source.
type Reader interface {
	// Reads reports whether an object with this key and these columns comes back
	// with the values that were written, as far as its name tells.
	Reads(key string, columns Schema) bool

	// ReadBack hands the rows of the object of r to emit, each once, in the order
	// in which they were written, in records with the schema columns.Arrow() of a
	// few thousand rows each; at least one record, so that an object without rows
	// tells its columns too. A record is valid until emit returns. If emit
	// returns an error, ReadBack stops and returns it unchanged.
	//
	// Size and SHA-256 are compared with the receipt before the first record, and
	// the number of rows at the end: ErrMismatch says that the object is another
	// one or cannot be read as what it says it is, ErrMissing that there is none,
	// ErrInexact, before the first record, that it does not tell any more what
	// was written. After an error the records that came before it count for
	// nothing. Times and timespans come back in the service's own form, which is
	// what was written if the service wrote it.
	ReadBack(ctx context.Context, r Receipt, columns Schema, emit func(arrow.Record) error) error
}

// ErrInexact is returned by a Reader for an object that is whole, but was
// written with settings under which the values do not come back as they were.
// Reads cannot tell it from a name. The rows have to come from the source.
var ErrInexact = errors.New("its values do not come back as they were written")
