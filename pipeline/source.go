package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
)

// Source reads slices. The engine calls it concurrently for different slices;
// it starts no goroutines of its own.
type Source interface {
	// Read hands every row of the slice to emit, each once, in any order, or
	// returns an error; there is no third outcome. Rows handed over before an
	// error count for nothing: the caller drops them.
	//
	// emit is called at least once, so that a slice without rows still tells
	// its columns (a record without rows). All records of one Read have the
	// same schema, Schema.Arrow of the answer's columns without any As. A
	// record is valid until emit returns; whoever keeps it longer calls
	// Retain. If emit returns an error, Read stops and returns it unchanged.
	//
	// ErrTooLarge asks for a smaller slice, a *RetryAfter for another try.
	// ErrQuery says that no slice of this query can be read, ErrAccess that no
	// slice of this source can, until somebody acts. Any other error is final
	// for the slice. After the last try of a *RetryAfter whose cause is
	// ErrTooLarge the slice is split as well.
	Read(ctx context.Context, s Slice, emit func(arrow.Record) error) error
}

// Clock is implemented by sources that can tell the service's time, which is
// the one that cuts and settle times are measured by.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
}

// Prober is implemented by sources that can estimate sizes.
type Prober interface {
	// Probe counts what a query reads, by bins of step that lie on the grid,
	// cut off at the ends of the windows. Bins without rows may be left out.
	// It counts the query's input, an upper bound of its output as a rule;
	// the result is a hint for the width of slices, never evidence.
	Probe(ctx context.Context, q Query, windows []Window, step time.Duration) ([]Bin, error)
}

// Bin is the amount of input in one window.
type Bin struct {
	Window Window
	Rows   int64
	Bytes  int64 // as the service estimates them
}

// Checker is implemented by sources that can judge a query without the
// network.
type Checker interface {
	// Check reports why q cannot be read in slices, or what its author should
	// know about doing so. whole says that the window is read in one piece.
	Check(q Query, whole bool) []Problem
	// Fingerprint returns "fp1:" and a hash that is equal for queries that
	// differ in comments and white space only.
	Fingerprint(q Query) string
}

// Problem is a remark on a query's text.
type Problem struct {
	Summary string // terse, constant
	Detail  string // what, why, what to do
	Offset  int    // byte of Text it is about
	Length  int    // bytes; 0 if it is about the whole text
	Warning bool   // the query can still be read in slices
}

// ErrTooLarge is returned by a Source when an answer does not fit the
// service's limits. The engine splits the slice.
var ErrTooLarge = errors.New("the answer exceeds a limit of the service")

// ErrAccess is returned by a Source when credentials, rights or the address of
// the workspace are wrong, so that every other slice would fail the same way.
// The engine starts no further slice of that source.
var ErrAccess = errors.New("access denied")

// ErrQuery is returned by a Source when the service does not accept the query's
// text, whatever the window. The engine starts no further slice of that query.
var ErrQuery = errors.New("the query is not accepted")

// RetryAfter is returned by a Source when the same request may succeed later.
type RetryAfter struct {
	Wait time.Duration // as the service asked; 0 lets the engine choose
	Err  error         // what happened
}

// Error implements error.
func (e *RetryAfter) Error() string {
	if e.Wait > 0 {
		return fmt.Sprintf("%v (asked to wait %v)", e.Err, e.Wait)
	}
	return e.Err.Error()
}

// Unwrap returns what happened.
func (e *RetryAfter) Unwrap() error { return e.Err }
