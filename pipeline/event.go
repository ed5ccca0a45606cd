package pipeline

import "time"

// EventKind says what happened to a slice.
type EventKind string

// The events of a run.
const (
	SliceStarted EventKind = "started"
	SliceRead    EventKind = "reading" // Rows more have been read
	SliceRetried EventKind = "retry"   // Err happened; it is read again after Wait
	SliceSplit   EventKind = "split"   // Err happened; its pieces follow
	SliceDone    EventKind = "done"    // done in Sink with Rows and Bytes
	SliceFailed  EventKind = "failed"  // not done in Sink ("" is all): Err
	Recovered    EventKind = "recovered"
)

// Event is one step of a run, for whoever shows progress.
type Event struct {
	Kind   EventKind
	Query  string
	Sink   string // identity
	Window Window
	Part   string
	Rows   int64
	Bytes  int64 // of the object
	Key    string
	Wait   time.Duration
	Err    error
	Text   string // what recovery did
	Why    Why    // the slice was read again; "" if it was missing
}

// Summary is what a run came to.
type Summary struct {
	Done    int   // slices that every sink now has, pieces counted singly
	Split   int   // slices that were cut because they were too large
	Rows    int64 // in the sink that got most; a row in two sinks counts once
	Bytes   int64 // of all objects in all sinks
	Files   int   // objects in all sinks
	Failed  []SliceError
	Pending int // slices that were not started or not finished because the run was stopped
}

// SliceError says why a slice is not done.
type SliceError struct {
	Query  string
	Sink   string // identity; "" is every sink that lacked it
	Window Window
	Part   string
	Err    error
}
