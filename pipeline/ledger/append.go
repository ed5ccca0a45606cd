package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// company is how long entries that need not be durable wait for others.
const company = 5 * time.Second

// segment is one that is ready to be stored. Its bytes never change: if the
// outcome of storing them is unknown, only the same bytes can tell.
type segment struct {
	header   Header
	data     []byte
	upto     int  // entries of the ledger that are durable with it
	intended bool // it must not be stored without the lock
}

// write is one attempt to store a segment. Those whose entries are in it wait
// for its end instead of writing themselves.
type write struct {
	done chan struct{} // closed at the end, after which the rest may be read
	upto int
	err  error
	gone bool // the writer's context ended; others must try again
}

// Append implements pipeline.Ledger. Concurrent calls share segments.
//
// If the error is ErrLockLost because another writer has appended or taken the
// lock, all later calls fail the same way. After any other error it is unknown
// whether the entries were stored; they keep their place in line and go with
// the next segment, so they must not be appended again, and an intent among
// them counts as recorded. Nothing was recorded if an entry has an unknown
// kind or cannot be written as JSON, if the lock was not held at the start, or
// if the ledger is closed.
func (l *Ledger) Append(ctx context.Context, entries ...pipeline.Entry) error {
	if err := l.append(ctx, entries); err != nil {
		return fmt.Errorf("%s: append to ledger: %w", in(l.store), err)
	}
	return nil
}

func (l *Ledger) append(ctx context.Context, entries []pipeline.Entry) error {
	now := l.opts.Now()
	var lines [][]byte
	var written []pipeline.Entry
	var durable, intended bool
	for _, e := range entries {
		e.Time = now.UTC()
		seen, line, err := encodeEntry(e)
		if err != nil {
			return fmt.Errorf("%s of %s: %w", e.Kind, e.Query, err)
		}
		lines, written = append(lines, line), append(written, seen)
		durable = durable || kindRules[e.Kind].durable
		intended = intended || e.Kind == pipeline.KindIntended
	}
	if intended {
		if err := l.Held(); err != nil {
			return err
		}
	}
	n, err := l.enqueue(written, lines, now)
	if err != nil || !durable {
		return err
	}
	return l.flush(ctx, n)
}

// enqueue puts entries in line and returns their end in the ledger.
func (l *Ledger) enqueue(entries []pipeline.Entry, lines [][]byte, now time.Time) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refusal(); err != nil {
		return 0, err
	}
	if len(l.lines) == 0 {
		l.since = now
	}
	l.lines = append(l.lines, lines...)
	l.chain.Entries = append(l.chain.Entries, entries...)
	return l.count(), nil
}

// flush returns nil when the first n entries are durable. The first caller
// writes for all that are in line; the others wait for it.
func (l *Ledger) flush(ctx context.Context, n int) error {
	for {
		l.mu.Lock()
		w, lost, done := l.writing, l.lost, l.durable >= n
		var seg *segment
		var err error
		if !done && lost == nil && w == nil {
			seg, err = l.begin()
		}
		l.mu.Unlock()
		switch {
		case done:
			return nil
		case lost != nil:
			return lost
		case err != nil:
			return err
		case w == nil:
			if err := l.lead(ctx, seg); err != nil {
				return err
			}
			continue
		}
		select {
		case <-w.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if w.err != nil && w.upto >= n && !w.gone {
			return w.err
		}
	}
}

// begin makes the caller the writer of the next segment. The caller holds mu.
func (l *Ledger) begin() (*segment, error) {
	if l.sealed == nil {
		seg, err := l.seal()
		if err != nil {
			return nil, err
		}
		l.sealed, l.lines = seg, nil
	}
	l.writing = &write{done: make(chan struct{}), upto: l.sealed.upto}
	return l.sealed, nil
}

// seal makes a segment of all lines that wait. The caller holds mu.
func (l *Ledger) seal() (*segment, error) {
	h := Header{
		Seq: l.chain.Seq + 1, Prev: l.chain.Hash, Lineage: l.chain.Lineage, Run: l.run,
		Time: l.opts.Now().UTC(), Tool: l.opts.Tool, Who: l.opts.Who, Operation: l.opts.Operation,
	}
	data, err := encodeSegment(h, l.lines)
	if err != nil {
		return nil, err
	}
	seg := &segment{header: h, data: data, upto: l.count()}
	for _, e := range l.chain.Entries[l.durable-l.dropped:] {
		seg.intended = seg.intended || e.Kind == pipeline.KindIntended
	}
	return seg, nil
}

// lead stores the segment and tells those that wait for it.
func (l *Ledger) lead(ctx context.Context, seg *segment) error {
	var err error
	var fenced bool
	if seg.intended {
		err = l.lockHeld()
	}
	if err == nil {
		fenced, err = l.put(ctx, seg)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.sealed, l.durable = nil, seg.upto
		l.chain.Seq, l.chain.Hash = seg.header.Seq, hash(seg.data)
	case fenced:
		l.lost = err
	}
	w := l.writing
	w.err, w.gone = err, ctx.Err() != nil
	l.writing = nil
	close(w.done)
	return err
}

// put stores the segment. It reports fenced if another writer has its number.
func (l *Ledger) put(ctx context.Context, seg *segment) (fenced bool, err error) {
	name := segmentName(seg.header.Seq)
	// The second try tells what became of the first, if that is unknown.
	for range 2 {
		if err = l.store.Create(ctx, name, seg.data); err == nil {
			return false, nil
		}
		if errors.Is(err, fs.ErrExist) || ctx.Err() != nil {
			break
		}
	}
	if !errors.Is(err, fs.ErrExist) {
		return false, fmt.Errorf("write segment %s: %w", name, err)
	}
	found, err := l.store.Read(ctx, name)
	if err != nil {
		return false, fmt.Errorf("read segment %s: %w", name, err)
	}
	if bytes.Equal(found, seg.data) {
		return false, nil
	}
	if h, _, err := decodeSegment(found); err == nil {
		return true, fmt.Errorf("%w: segment %s was written by %s at %s", pipeline.ErrLockLost, name, h.Who, pipeline.ShortTime(h.Time))
	}
	return true, fmt.Errorf("%w: segment %s was written by somebody else", pipeline.ErrLockLost, name)
}
