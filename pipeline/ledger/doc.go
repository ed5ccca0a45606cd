// Package ledger keeps the record of what has been exported as a numbered,
// hash-linked log of immutable segments in a small Store, and lets one writer
// at a time append to it.
//
// Open takes the lock and returns a *Ledger, which is a pipeline.Ledger. Read
// takes no lock and changes nothing. NewDir is the store on local disk,
// NewMemory one for tests. What the entries mean is not decided here:
// pipeline.Fold does that.
//
// # Layout
//
//	ledger/00000000000000000001.jsonl   segments, numbered from 1 without gaps
//	checkpoints/                        caches of what segments say, see below
//	lock.json                           the lock record
//	lock.host, lock.guard               empty files of the local store, never removed
//
// # Segments
//
// A segment is created only if no object has its name, and is never rewritten
// or deleted. It is UTF-8 text, each line a JSON object that ends in a line
// feed: a header, then one line an entry.
//
//	header   type     meaning
//	format   integer  1
//	seq      integer  the number in the segment's name
//	prev     text     SHA-256 of the whole segment before, hex; "" in the first
//	body     text     SHA-256 of all that follows the header line, hex
//	entries  integer  lines after the header
//	lineage  text     UUID of this ledger, the same in every segment
//	run      text     UUID of the writer that was open, the id of its lock
//	nonce    text     random, so that no two writers make the same bytes
//	time     time     when the segment was made
//	tool     text     program and version that made it
//	who      text     on whose behalf
//	sum      text     SHA-256 of the header line's bytes before `,"sum":`, hex
//
// The sum is always the last field, and the line ends with it. Times are
// RFC 3339 in UTC. The first segment has no entries: it only founds the
// lineage, before any sink learns of it.
//
//	entry        type     meaning
//	kind         text     one of pipeline.Kind
//	query        text     address of the query
//	sink         text     identity of the sink; absent if it is about none
//	key          text     name of the object below the sink's root
//	start, end   time     the window, half-open
//	part         text     hex prefix of the row hash; absent for all rows
//	cut_from     time     rows readable before this are not in the object
//	cut          time     rows readable from this on are not in the object
//	rows, bytes  integer  of the object
//	sha256       text     of the object, hex
//	fingerprint  text     of the query
//	schema       text     hash of the columns
//	number       integer  intents recorded before for this slice and sink
//	parts        integer  objects with hash parts of the window that count together
//	ends         text     "approximate" where the ends could not be kept exactly
//	received     integer  rows that came before those outside of the slice were dropped
//	size         integer  bytes of the answer, as the service measures them
//	input        object   rows and bytes that the probe counted below the cut
//	swap         text     the replacement that an intended object belongs to
//	final        boolean  the watch of the window is over; or a wish is withdrawn
//	takes        array    keys that count from a current entry on
//	empty        array    receipts of its slices without rows
//	steps_down   array    keys that do not count any more
//	kept         boolean  the sink keeps what does not count
//	before       object   what had been counted when the slice was read
//	was          text     the earlier address of a moved query
//	declared     text     fingerprint of the query as it is declared from here on
//	text         text     of that query
//	columns      array    name, type and as of each column
//	reason       text     why a slice is not done
//	time         time     when it was recorded
//
// # Versions
//
// A reader refuses another format and an unknown kind, for it must not guess
// which files count, and names the tool that wrote it. It skips fields that it
// does not know. A change that an older reader would misunderstand therefore
// needs a new kind or a new format; everything else is a new field. Segments
// of every format ever released stay in testdata and keep loading.
//
// # Checkpoints
//
// checkpoints/<number>.json says what the segments up to that number say, and
// names the SHA-256 of the last of them; the receipts of each query, sink and
// month are in checkpoints/receipts/<SHA-256>.jsonl. They are caches: all of
// them may be removed. A checkpoint that is damaged, or does not fit its
// segment, is passed over, but no segment that one has seen may be missing.
//
// # One writer
//
// The lock record is replaced by compare-and-swap only.
//
//	lock.json    type     meaning
//	id           text     UUID of the holder
//	who          text     on whose behalf
//	host, pid    text, integer  where it runs
//	boot         text     the running kernel, where the system names it
//	operation    text     what it does
//	created      time     since when it holds the lock
//	counter      integer  grows with every renewal
//	lifetime_ms  integer  milliseconds
//	host_lock    boolean  the holder also holds the store's host lock
//	seq          integer  a segment that is known to be durable
//	released     time     when the lock was given back; absent while it is held
//
// A holder that has not renewed the record for half its lifetime publishes
// nothing. A successor takes it after it has seen an unchanged id and counter
// for one full lifetime, or at once where it has taken the host lock that a
// holder on the same host held: the operating system gives that back only when
// the holder is gone. Where all this is ignored, two writers still meet at the
// next segment number, which only one of them gets.
package ledger
