package pipeline

import (
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
	t := &tee{state: s, piece: p}
	defer t.abort()
	_, err := p.export.Source.Read(ctx, p.Slice, func(rec arrow.Record) error { return t.write(ctx, rec) })
	if err != nil && !errors.Is(err, errNoSink) {
		return err // nothing of it counts, not even what a sink refused: it may be asked again
	}
	defer t.failures()
	if err != nil {
		return nil
	}
	if t.schema == nil {
		return errors.New("the source handed over no record, not even one that names the columns")
	}
	s.step("read")
	// From here on the slice is brought to its end even if the run is being
	// stopped: a commit in flight takes no time worth saving.
	ctx = context.WithoutCancel(ctx)
	t.prepare(ctx)
	if err := t.intend(); err != nil {
		return err
	}
	t.commit(ctx)
	return t.finish()
}

// errNoSink ends a read whose every sink has failed.
var errNoSink = errors.New("no sink is left to write to")

// tee writes the records of one read to several sinks. A sink that fails is
// recorded and left out; the others go on.
type tee struct {
	*state
	piece  piece
	schema *arrow.Schema // with the names of the files
	outs   []*out
	rows   int64
}

// out is one sink of a tee.
type out struct {
	Target
	tx      Tx
	receipt Receipt
	done    bool  // committed, or without rows
	failed  error // why it is out
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

// drop leaves a sink out from here on.
func (t *tee) drop(o *out, doing string, err error) {
	o.failed = fmt.Errorf("%s in %s: %w", doing, o.Address, err)
	if o.tx != nil {
		_ = o.tx.Abort()
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
		if err := o.tx.Write(named); err != nil {
			t.drop(o, "write", err)
		}
	}
	t.rows += rec.NumRows()
	t.tell(Event{Kind: SliceRead, Query: t.piece.Query.Address, Window: t.piece.Window, Part: t.piece.Part, Rows: rec.NumRows()})
	return nil
}

// begin names the columns and opens an object in every sink.
func (t *tee) begin(ctx context.Context, answer *arrow.Schema) error {
	columns, err := t.columns(answer)
	if err != nil {
		return err
	}
	t.schema = columns.Arrow()
	for _, target := range t.piece.targets {
		o := &out{Target: target}
		t.outs = append(t.outs, o)
		o.tx, err = target.Sink.Begin(ctx, File{
			Slice:   t.piece.Slice,
			Number:  t.number(o),
			Lineage: t.Lineage,
			Columns: columns,
			Tool:    t.Tool,
		})
		if err != nil {
			t.drop(o, "begin a file", err)
		}
	}
	return nil
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
	known, ok := t.known[query]
	if !ok {
		known = t.history.Known(query)
	}
	columns, grown := known.Extend(read)
	t.known[query] = grown
	hash := columns.Hash()
	if _, ok := t.history.Columns(hash); ok || t.stored[hash] {
		return columns, nil
	}
	// Under the mutex, so that no intent that names this schema comes first.
	if err := t.Ledger.Append(context.Background(), Entry{Kind: KindSchema, Query: query, Columns: columns}); err != nil {
		return nil, fmt.Errorf("record the columns: %w", err)
	}
	t.stored[hash] = true
	return columns, nil
}

// number returns how many intents the slice has had in this sink.
func (t *tee) number(o *out) int {
	key := intentKey{lineKey{t.piece.Query.Address, o.Identity}, sliceKey{t.piece.Window, t.piece.Part}}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.history.Line(key.query, key.sink).Intents(key.window, key.part) + t.intents[key]
}

// prepare completes the objects. A slice without rows leaves none, unless the
// sink wants it.
func (t *tee) prepare(ctx context.Context) {
	for _, o := range t.live() {
		if t.rows == 0 && !o.WriteEmpty {
			_ = o.tx.Abort()
			o.done = true
			o.receipt = Receipt{Window: t.piece.Window, Part: t.piece.Part, Cut: t.piece.Cut,
				Fingerprint: t.piece.Query.Fingerprint}
			continue
		}
		receipt, err := o.tx.Prepare(ctx)
		if err == nil && receipt.Rows != t.rows {
			err = fmt.Errorf("it counted %d rows of %d", receipt.Rows, t.rows)
		}
		if err != nil {
			t.drop(o, "complete the file", err)
			continue
		}
		o.receipt = receipt
	}
	t.step("prepare")
}

// intend records what is about to be published. Without that record nothing
// may be.
func (t *tee) intend() error {
	var entries []Entry
	for _, o := range t.live() {
		if o.done {
			continue
		}
		entries = append(entries, Entry{Kind: KindIntended, Query: t.piece.Query.Address, Sink: o.Identity, Receipt: &o.receipt})
		key := intentKey{lineKey{t.piece.Query.Address, o.Identity}, sliceKey{t.piece.Window, t.piece.Part}}
		t.mu.Lock()
		t.intents[key]++
		t.mu.Unlock()
	}
	if len(entries) > 0 {
		if err := t.record(entries...); err != nil {
			return err
		}
	}
	t.step("intended")
	return nil
}

// commit publishes the objects. Where the outcome is in doubt it is settled
// the way the next start would.
func (t *tee) commit(ctx context.Context) {
	for _, o := range t.live() {
		if o.done {
			continue
		}
		if err := t.Ledger.Held(); err != nil {
			t.drop(o, "publish the file", err)
			continue
		}
		err := o.tx.Commit(ctx)
		if err == nil {
			o.done = true
			continue
		}
		cause := err
		end, err := t.settle(ctx, o.Target, t.file(o), o.receipt)
		switch {
		case err != nil:
			t.drop(o, "publish the file", fmt.Errorf("%w; %w", cause, err))
		case end == KindDone:
			o.done = true
		default:
			_ = t.record(Entry{Kind: end, Query: t.piece.Query.Address, Sink: o.Identity, Receipt: &o.receipt})
			t.drop(o, "publish the file", cause)
		}
	}
	t.step("commit")
}

func (t *tee) file(o *out) File {
	columns, _ := SchemaOf(t.schema)
	return File{Slice: t.piece.Slice, Number: o.receipt.Number, Lineage: t.Lineage, Columns: columns, Tool: t.Tool}
}

// finish records what is done.
func (t *tee) finish() error {
	var entries []Entry
	for _, o := range t.live() {
		if o.done {
			entries = append(entries, Entry{Kind: KindDone, Query: t.piece.Query.Address, Sink: o.Identity, Receipt: &o.receipt})
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := t.record(entries...); err != nil {
		return err
	}
	t.step("done")
	for _, o := range t.live() {
		t.tell(Event{Kind: SliceDone, Query: t.piece.Query.Address, Sink: o.Identity, Window: t.piece.Window,
			Part: t.piece.Part, Rows: o.receipt.Rows, Bytes: o.receipt.Bytes, Key: o.receipt.Key})
	}
	t.count(func(sum *Summary) {
		sum.Rows += t.rows
		if len(entries) == len(t.outs) {
			sum.Done++
		}
		for _, e := range entries {
			sum.Bytes += e.Bytes
			if e.Key != "" {
				sum.Files++
			}
		}
	})
	return nil
}

// abort drops what is not committed.
func (t *tee) abort() {
	for _, o := range t.outs {
		if o.tx != nil && !o.done {
			_ = o.tx.Abort()
		}
	}
}
