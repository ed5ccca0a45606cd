package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// attempt reads a piece once and commits it to every sink that lacks it. It
// returns nil when each of them has it or has been recorded as failed. An
// error is one of the read: nothing of it has been kept.
func (s *state) attempt(ctx context.Context, p piece) error {
	s.weigh(ctx, &p)
	t := newTee(s, p)
	defer t.abort()
	if err := t.read(ctx, p.Slice, p.input); err != nil {
		if !p.Cut.From.IsZero() && (errors.Is(err, ErrTooLarge) || errors.Is(err, ErrNotAlone)) {
			return errReplace
		}
		return t.end(err)
	}
	if !p.Cut.From.IsZero() {
		if done, err := s.late(ctx, p, t); done || err != nil {
			return err
		}
	}
	s.step("read")
	return t.bringToEnd(ctx)
}

// end returns the error of a read. If it ended because no sink is left, that is
// the piece's end, and none of the read.
func (t *tee) end(err error) error {
	if errors.Is(err, errNoSink) {
		t.failures()
		return nil
	}
	return err // nothing of it counts, not even what a sink refused: it may be asked again
}

// weigh counts the input of a piece that may still change, if the probe has
// not: its late rows would go unnoticed else. A count that fails is made up for
// when the slice is watched.
func (s *state) weigh(ctx context.Context, p *piece) {
	if !p.input.Known && p.export.counts() && !p.export.overdue(p.Window, p.Cut.To) {
		s.measure(ctx, p)
	}
}

func (s *state) measure(ctx context.Context, p *piece) {
	_ = s.retry(ctx, p.Slice, func() (err error) {
		p.input, err = p.export.measure(ctx, p.Window, p.Cut.To)
		return err
	})
}

// errNoSink ends a read whose every sink has failed.
var errNoSink = errors.New("no sink is left to write to")

// tee writes the records of a piece to several sinks, each slice that it reads
// into a file of its own: one, or one for each hash part. A sink that fails is
// recorded and left out; the others go on. What it has read counts together,
// or not at all.
type tee struct {
	*state
	piece piece
	outs  []*out
	rows  int64

	// of the slice that is being read
	slice  Slice
	schema *arrow.Schema // with the names of the files; nil before the first record
	ends   Ends          // of the slice, where its records do not say
	read1  int64         // its rows so far
}

// out is one sink of a tee.
type out struct {
	Target
	files  []*file // of the slices read so far, in order
	first  int     // index of the first one of the slice that is being read
	failed error   // why it is out
}

// file is one object on its way into a sink.
type file struct {
	File
	tx      Tx
	rows    int64 // written
	receipt Receipt
	done    bool // published, or without rows
}

func newTee(s *state, p piece) *tee {
	t := &tee{state: s, piece: p}
	for _, target := range p.targets {
		t.outs = append(t.outs, &out{Target: target})
	}
	return t
}

// live returns the sinks that have not failed.
func (t *tee) live() []*out {
	var live []*out
	for _, o := range t.outs {
		if o.failed == nil {
			live = append(live, o)
		}
	}
	return live
}

// last returns the file of the slice that is being read.
func (o *out) last() *file { return o.files[len(o.files)-1] }

// drop leaves a sink out from here on.
func (t *tee) drop(o *out, doing string, err error) {
	o.failed = fmt.Errorf("%s in %s: %w", doing, o.Address, err)
	o.abort()
}

func (o *out) abort() {
	for _, f := range o.files {
		if f.tx != nil && !f.done {
			_ = f.tx.Abort()
		}
	}
}

// failures records the sinks that are out, once the read is known to count.
func (t *tee) failures() {
	for _, o := range t.outs {
		if o.failed != nil {
			t.fail(t.piece, o.Identity, o.failed)
		}
	}
}

// read reads one slice into a new file of every sink and completes it. After an
// error the tee is as it was before, but for sinks that have failed.
func (t *tee) read(ctx context.Context, sl Slice, input Amount) error {
	return t.readFrom(ctx, sl, input, func(emit func(arrow.Record) error) (Reading, error) {
		return t.piece.export.Source.Read(ctx, sl, emit)
	})
}

func (t *tee) readFrom(ctx context.Context, sl Slice, input Amount, read func(emit func(arrow.Record) error) (Reading, error)) error {
	t.slice, t.schema, t.ends, t.read1 = sl, nil, "", 0
	reading, err := read(func(rec arrow.Record) error { return t.write(ctx, rec) })
	switch {
	case err != nil:
		t.undo()
		return err
	case t.schema == nil:
		return errors.New("the source handed over no record, not even one that names the columns")
	}
	// From here on the slice is brought to its end even if the run is being
	// stopped: a commit in flight takes no time worth saving.
	t.prepare(context.WithoutCancel(ctx), reading, input)
	t.rows += t.read1
	return nil
}

// undo drops the files of a read that has failed.
func (t *tee) undo() {
	if t.schema == nil {
		return
	}
	for _, o := range t.live() {
		for _, f := range o.files[o.first:] {
			if f.tx != nil {
				_ = f.tx.Abort()
			}
		}
		o.files = o.files[:o.first]
	}
}

func (t *tee) write(ctx context.Context, rec arrow.Record) error {
	if t.schema == nil {
		if err := t.begin(ctx, rec.Schema()); err != nil {
			return err
		}
	}
	live := t.live()
	if len(live) == 0 {
		return errNoSink
	}
	named := array.NewRecord(t.schema, rec.Columns(), rec.NumRows())
	defer named.Release()
	for _, o := range live {
		t.fill(ctx, o, named)
	}
	t.read1 += rec.NumRows()
	t.tell(Event{Kind: SliceRead, Query: t.slice.Query.Address, Window: t.slice.Window, Part: t.slice.Part, Rows: rec.NumRows()})
	return nil
}

// begin names the columns and opens an object in every sink.
func (t *tee) begin(ctx context.Context, answer *arrow.Schema) error {
	columns, err := t.columns(answer)
	if err != nil {
		return err
	}
	t.schema = columns.Arrow()
	for _, o := range t.live() {
		o.first = len(o.files)
		t.open(ctx, o, File{
			Slice:   t.slice,
			Lineage: t.Lineage,
			Columns: columns,
			Ends:    cmp.Or(EndsOf(answer), t.ends),
			Tool:    t.Tool,
		})
	}
	return nil
}

// open begins a file.
func (t *tee) open(ctx context.Context, o *out, one File) {
	one.Number = t.number(o)
	if t.piece.swap {
		one.Replaces = Held{Objects: t.piece.old[o.Identity]}.Keys()
	}
	f := &file{File: one}
	o.files = append(o.files, f)
	var err error
	if f.tx, err = o.Sink.Begin(ctx, one); err != nil {
		t.drop(o, "begin a file", err)
	}
}

// columns gives the columns of an answer their names in files, and records
// the schema if it is new.
func (t *tee) columns(answer *arrow.Schema) (Schema, error) {
	read, err := SchemaOf(answer)
	if err != nil {
		return nil, err
	}
	query := t.piece.Query.Address
	t.mu.Lock()
	defer t.mu.Unlock()
	columns, grown := t.known[query].Extend(read, t.piece.export.ExactNames)
	if err := t.kept(t.piece.export, columns); err != nil {
		return nil, err
	}
	t.known[query] = grown
	hash := columns.Hash()
	if t.stored[schemaKey{query, hash}] {
		return columns, nil
	}
	// Under the mutex, so that no intent that names this schema comes first.
	if err := t.Ledger.Append(context.Background(), Entry{Kind: KindSchema, Query: query, Columns: columns}); err != nil {
		return nil, fmt.Errorf("record the columns: %w", err)
	}
	t.stored[schemaKey{query, hash}], t.schemas[hash] = true, columns
	return columns, nil
}

// number returns how many intents the slice has had in this sink, those of the
// files that are on their way included.
func (t *tee) number(o *out) int {
	n := 0
	for _, f := range o.files {
		if f.tx != nil && o.intent(f.Slice) == o.intent(t.slice) {
			n++
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return n + t.intents[o.intent(t.slice)]
}

// intent is the key under which the intents of a slice in this sink are counted.
func (o *out) intent(s Slice) intentKey {
	return intentKey{lineKey{s.Query.Address, o.Identity}, sliceKey{s.Window, s.Part}}
}

// prepare completes the files of the slice that was read. A slice without rows
// leaves none, unless the sink wants it.
func (t *tee) prepare(ctx context.Context, reading Reading, input Amount) {
	for _, o := range t.live() {
		if f := o.last(); t.read1 == 0 && !o.WriteEmpty {
			_ = f.tx.Abort()
			f.done = true
			f.receipt = f.File.empty()
		} else if !t.completeLast(ctx, o) {
			continue
		}
		for _, f := range o.files[o.first:] {
			if reading.Received != t.read1 {
				f.receipt.Received = reading.Received
			}
			f.receipt.Size, f.receipt.Input = reading.Size, input
			f.receipt.Final = t.piece.export.overdue(f.Slice.Window, f.Slice.Cut.To)
		}
	}
	t.step("prepare")
}

// abort drops what is not committed.
func (t *tee) abort() {
	for _, o := range t.outs {
		o.abort()
	}
}
