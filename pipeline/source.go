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
	// A *TooLarge, or ErrTooLarge itself, asks for a smaller slice, a
	// *RetryAfter for another try. ErrQuery says that no slice of this query
	// can be read, ErrAccess that no slice of this source can, until somebody
	// acts. Any other error is final for the slice. After the last try of a
	// *RetryAfter whose cause is ErrTooLarge the slice is split as well.
	//
	// A slice with a Part is that share of the rows: what Read returns for the
	// parts of a window, "0" to "f" and each of them again with one more digit,
	// is together what it returns for the window, each row in one of them.
	Read(ctx context.Context, s Slice, emit func(arrow.Record) error) (Reading, error)
}

// Reading is what a source says of a complete read besides its rows.
type Reading struct {
	Received int64 // rows that the service sent, with those that the source dropped as outside of the window
	Size     int64 // bytes of the answer as the service measures them; 0 if it did not say
}

// Counter is implemented by sources that can count.
type Counter interface {
	// Count returns how many rows Read hands over for the slice, its part and
	// its cut included. Errors are those of Read.
	Count(ctx context.Context, s Slice) (int64, error)
}

// Clock is implemented by sources that can tell the service's time, which is
// the one that cuts and settle times are measured by.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
}

// Prober is implemented by sources that can estimate sizes.
type Prober interface {
	// Probe counts what a query reads in a window of at most 14 days and
	// 100,000 steps, by bins of step that lie on the grid, cut off at the ends
	// of the window. Bins without rows may be left out. It counts the query's
	// input under the cut, an upper bound of its output as a rule: a hint for
	// the width of slices, never evidence of a complete read.
	Probe(ctx context.Context, q Query, w Window, step time.Duration, cut Cut) ([]Bin, error)
}

// Retainer is implemented by sources that forget old rows.
type Retainer interface {
	// Oldest returns the time of the oldest row that q can still read in a
	// window that ends now, or its start if there are older ones; zero if there
	// is none at all, or where that cannot be asked.
	Oldest(ctx context.Context, q Query, w Window) (time.Time, error)
}

// Outsider is implemented by sources that can tell of rows that no slice
// reaches.
type Outsider interface {
	// Outside returns an error that says how many of the rows around the
	// windows are in no slice of the query, whatever its window: those whose
	// TimeColumn is null, or further than TimeSlack from the time that the
	// service filters by.
	Outside(ctx context.Context, q Query, windows []Window) error
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
	// Check judges q. whole says that the window is read in one piece.
	Check(q Query, whole bool) Judgement
	// Fingerprint returns "fp1:" and a hash that is equal for queries that
	// differ in comments and white space only.
	Fingerprint(q Query) string
}

// Judge is implemented by checkers that can tell more with the network.
type Judge interface {
	// Judge is Check with what the source knows of its tables. The error is
	// one of Source.Read.
	Judge(ctx context.Context, q Query, whole bool) (Judgement, error)
}

// Judgement is what can be told of a query from its text alone.
type Judgement struct {
	// Problems say why the query cannot be read in slices, or what its author
	// should know about doing so.
	Problems []Problem
	// Atom is the width of the pieces of time that the query aggregates by:
	// windows, slices and folders have to lie on its multiples. 0 is none.
	Atom time.Duration
	// Placed says that the text places the slice by itself, by the names that
	// the source gives to its ends.
	Placed bool
	// Loose says that some of what the query reads is reached by the service's
	// own time filter alone, so that the rows of a slice have to be told by the
	// time column of the result.
	Loose bool
}

// Problem is a remark on a query's text.
type Problem struct {
	Summary string // terse, constant
	Detail  string // what, why, what to do
	// Overrule says how the author of a declared query may have it read all
	// the same; "" where he may not.
	Overrule string
	Offset   int  // byte of Text it is about
	Length   int  // bytes; 0 if it is about the whole text
	Warning  bool // the query can still be read in slices
}

// ErrTooLarge is returned by a Source when an answer does not fit the
// service's limits. The engine splits the slice.
var ErrTooLarge = errors.New("the answer exceeds a limit of the service")

// TooLarge is an ErrTooLarge of which the source knows the excess.
type TooLarge struct {
	Times float64 // the answer would fill this many answers; 0 if that is not known
	Err   error   // what happened
}

// Error implements error.
func (e *TooLarge) Error() string { return e.Err.Error() }

// Unwrap returns what happened, and ErrTooLarge.
func (e *TooLarge) Unwrap() []error { return []error{ErrTooLarge, e.Err} }

// ErrAccess is returned by a Source when credentials, rights or the address of
// the workspace are wrong, so that every other slice would fail the same way.
// The engine starts no further slice of that source.
var ErrAccess = errors.New("access denied")

// ErrQuery is returned by a Source when the service does not accept the query's
// text, whatever the window. The engine starts no further slice of that query.
var ErrQuery = errors.New("the query is not accepted")

// ErrNotAlone is returned by a Source when it cannot read the rows that arrived
// late without the others of their slice (Cut.From). The engine reads all.
var ErrNotAlone = errors.New("late rows alone cannot be read")

// RetryAfter is returned by a Source when the same request may succeed later.
type RetryAfter struct {
	Wait  time.Duration // as the service asked; 0 lets the engine choose
	Tries int           // that may end like this, the first one included; 0 lets the engine choose
	Err   error         // what happened
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
