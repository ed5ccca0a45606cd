package pipeline

import (
	"encoding/json"
	"time"
)

// Query is what a pipeline asks of a source. It is a value: nothing in the
// engine changes it.
type Query struct {
	Address     string // query.NAME or query.NAME["key"]; unique in a pipeline
	Text        string // KQL, as the author wrote it
	TimeColumn  string // the column that slices are cut on
	Workspace   string // workspace id (GUID), for metadata and messages
	Fingerprint string // "fp1:" and a hash of all that makes it the same query
	// TimeSlack is how far TimeColumn may be from the column that the service
	// filters by, in both directions. It matters only where they differ.
	TimeSlack time.Duration
	// Reach is how much earlier than its slice the query reads, where its text
	// places the slice by itself.
	Reach time.Duration
	// Plan is the plan of the table that the query reads.
	Plan TablePlan
	// AssumeSliceable is the author's word that the query means the same in
	// slices although its text does not show it.
	AssumeSliceable bool
	// MissingTable says what a table means that the workspace does not have.
	MissingTable MissingTable
}

// TablePlan is the plan of a table, which decides how it can be queried.
type TablePlan string

// The plans of tables.
const (
	Analytics TablePlan = "" // the default
	Basic     TablePlan = "basic"
	Auxiliary TablePlan = "auxiliary"
)

// MissingTable says what a query of a missing table is.
type MissingTable string

// The ways to treat missing tables.
const (
	MissingError MissingTable = "" // the default
	MissingSkip  MissingTable = "skip"
)

// Slice is the unit of reading, retry and commit: one window of one query.
type Slice struct {
	Query  Query
	Window Window
	Part   string // hex prefix of the row hash; "" is every row
	Cut    Cut
}

// Cut bounds a read by the time at which rows became readable: those with
// From <= ingestion_time < To, and those without such a time when From is
// zero. A zero To is no bound.
type Cut struct {
	From time.Time `json:"cut_from,omitzero"`
	To   time.Time `json:"cut,omitzero"`
}

// String names the slice in messages: address, "@", window and hash part.
func (s Slice) String() string {
	name := s.Query.Address + "@" + ShortTime(s.Window.Start) + "/" + ShortTime(s.Window.End)
	if s.Part != "" {
		name += "#" + s.Part
	}
	return name
}

// Split cuts the slice into about n pieces of equal width, at multiples of
// atom, or if that is 0 at ticks. It returns nil for a slice that cannot be cut
// there: one of a single tick or atom.
func (s Slice) Split(n int64, atom time.Duration) []Slice {
	windows := s.Window.Divide(max(2, n), atom)
	if len(windows) < 2 {
		return nil
	}
	pieces := make([]Slice, len(windows))
	for i, w := range windows {
		pieces[i] = s
		pieces[i].Window = w
	}
	return pieces
}

// Target is a sink as one query uses it.
type Target struct {
	Address  string   // sink.NAME, for messages
	Identity string   // kind and place, such as "local:archive": the key of coverage
	Calendar Calendar // what one folder covers; slices never cross its bounds
	Sink     Sink
	// WriteEmpty makes a slice without rows leave a file too.
	WriteEmpty bool
	// Keep says that objects stay where they are when others take over.
	Keep bool
	// MaxRows and MaxBytes bound an object: the rows of a slice go into several
	// that count together, each closed once it has so many rows or about so many
	// bytes. 0 is no bound.
	MaxRows, MaxBytes int64
}

// Limits bound one answer of a source. The planner aims at half of each.
type Limits struct {
	Rows  int64
	Bytes int64 // as the service measures them
}

// Export is one query with everything needed to archive it.
type Export struct {
	Query   Query
	Span    Span
	Source  Source
	Limits  Limits
	Targets []Target
	// Workspace is the address workspace.NAME, for -target and messages.
	Workspace string
	Late      Late
	OnChange  OnChange
	Frozen    bool // the query keeps its columns: a change of them is an error
	// ExactNames keeps the names of columns that differ by case only.
	ExactNames bool
	// Loose says that the ends of the query's slices are told by the time
	// column of its result (Judgement.Loose).
	Loose bool
}

// Late says what happens to rows that arrive after their slice was read.
type Late string

// The ways to treat late rows.
const (
	LateDefault Late = "" // LateAppend where the query allows it, else LateReplace
	LateAppend  Late = "append"
	LateReplace Late = "replace"
	LateIgnore  Late = "ignore"
)

// OnChange says what a changed query means for slices that are done.
type OnChange string

// The ways to treat a changed query.
const (
	Forward OnChange = "forward"
	Rebuild OnChange = "rebuild"
)

// SettingError is an error about one argument of a block. Constructors of
// sources and sinks return it, and the loader points at the argument.
type SettingError struct {
	Name string // of the argument
	Err  error
}

// Error implements error.
func (e *SettingError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the error about the argument.
func (e *SettingError) Unwrap() error { return e.Err }

// File is what a sink is told about an object before the first row: all that
// its name and its metadata say.
type File struct {
	Slice   Slice
	Number  int    // intents recorded before for this slice and sink
	Lineage string // of the ledger
	Columns Schema // file names; the records that follow have Columns.Arrow()
	Ends    Ends   // of the slice, as it is read
	// Replaces are the keys of the objects that this one takes over from,
	// together with the others of its replacement.
	Replaces []string
	Tool     string // program and version
}

// Receipt describes an object in a sink. It is complete before the object is
// visible, and what it says never changes.
type Receipt struct {
	Key         string `json:"key,omitempty"` // below the sink's root, with slashes; "" if a slice without rows left no object
	Window             // start and end
	Part        string `json:"part,omitempty"`
	Cut                // cut_from and cut
	Rows        int64  `json:"rows"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256,omitempty"` // of the whole object, hex
	Fingerprint string `json:"fingerprint,omitempty"`
	Schema      string `json:"schema,omitempty"` // Schema.Hash of the file's columns
	Number      int    `json:"number"`
	// Parts is how many objects with hash parts of this window count together;
	// 0 for one without a part.
	Parts int `json:"parts,omitempty"`
	// Piece counts the objects that hold the rows of the slice together, from 1;
	// Pieces is how many those are. Both are 0 for one that holds them all.
	Piece  int  `json:"piece,omitempty"`
	Pieces int  `json:"pieces,omitempty"`
	Ends   Ends `json:"ends,omitempty"`
	// What the source said of the read: rows received before those outside of
	// the window were dropped, and bytes as the service measures them.
	Received int64 `json:"received,omitempty"`
	Size     int64 `json:"size,omitempty"`
	// Input is what the probe had counted under the same cut: of all rows of the
	// window below Cut.To, whatever Part and Cut.From are.
	Input Amount `json:"input,omitzero"`
	// Swap names the replacement that an intent belongs to: it does not become
	// done, but counts from a current entry on. "" is none.
	Swap string `json:"swap,omitempty"`
	// Final says that the watch for late rows of the window is over.
	Final bool `json:"final,omitempty"`
}

// Amount is a number of rows with their bytes as the service estimates them.
// The zero value is one that is not known.
type Amount struct {
	Known bool  `json:"-"`
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Amount) UnmarshalJSON(raw []byte) error {
	type plain Amount
	a.Known = true
	return json.Unmarshal(raw, (*plain)(a))
}

// Kind says what an Entry of the ledger records.
type Kind string

// The kinds of entries that this version writes. A reader stops at a kind it
// does not know: it must not guess which files count.
const (
	KindQuery     Kind = "query"     // a query as declared: Query, Declared, Text
	KindSchema    Kind = "schema"    // columns of a file, by Schema.Hash: Query, Schema, Columns
	KindIntended  Kind = "intended"  // the object of Receipt is about to become visible
	KindDone      Kind = "done"      // it is visible, or the slice has no rows
	KindForgotten Kind = "forgotten" // an object that does not count and never can
	KindFailed    Kind = "failed"    // a slice was tried and is not done: Reason
	// KindCurrent ends a replacement: of the window of Receipt, the objects in
	// Takes and the slices in Empty count from here on, those in StepsDown do
	// not any more. The former cover the latter exactly.
	KindCurrent Kind = "current"
	// KindRemoved says that an object is not in the sink any more: one that has
	// stepped down, or, with a Reason, one that was current. With no key it
	// takes all that is current within the window out of the archive. What was
	// current is not done after it.
	KindRemoved Kind = "removed"
	// KindUnavailable says that the source has forgotten all rows of a window
	// before it was read: Reason. It is never read, and never counts as done.
	KindUnavailable Kind = "unavailable"
	// KindChecked says that the source has counted the rows of a done slice
	// again: Receipt.Input is what it found, or, with Final, that the watch of
	// all slices of the window is over. With a Reason and no Sink it tells of
	// rows around the window that are in no slice.
	KindChecked Kind = "checked"
	// KindTainted asks for all slices of a window to be read again: Reason. With
	// Final the wish is withdrawn.
	KindTainted Kind = "tainted"
	// KindWaived accepts a gap: the window is not read any more, and is neither
	// pending nor a failure: Reason. With Final the waiver is withdrawn.
	KindWaived Kind = "waived"
	// KindMoved gives all that is recorded for the query Was to Query.
	KindMoved Kind = "moved"
)

// Entry is one line of the ledger.
type Entry struct {
	Kind  Kind   `json:"kind"`
	Query string `json:"query"`
	Sink  string `json:"sink,omitempty"` // Target.Identity
	*Receipt
	// Declared and Text are the fingerprint and the text of a query entry.
	Declared string `json:"declared,omitempty"`
	Text     string `json:"text,omitempty"`
	Columns  Schema `json:"columns,omitempty"`
	// Takes and StepsDown are keys of a current entry, Empty its slices without
	// rows. Kept says that the sink keeps what steps down.
	Takes     []string  `json:"takes,omitempty"`
	Empty     []Receipt `json:"empty,omitempty"`
	StepsDown []string  `json:"steps_down,omitempty"`
	Kept      bool      `json:"kept,omitempty"`
	// Before is what had been counted when the slice of a checked entry was read.
	Before Amount    `json:"before,omitzero"`
	Was    string    `json:"was,omitempty"` // the earlier address of a moved query
	Reason string    `json:"reason,omitempty"`
	Time   time.Time `json:"time"` // when it was recorded, UTC
}
