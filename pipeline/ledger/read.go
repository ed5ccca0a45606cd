package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/kustash/kustash/pipeline"
)

// Snapshot is a ledger as it was at one moment. The zero value is a state
// without a ledger.
type Snapshot struct {
	Lineage string // UUID; "" if there is no ledger yet
	Seq     int64  // number of the last segment; 0 if there is none
	Hash    string // SHA-256 of the last segment, hex
	// Entries and Segments are in order: all that there are in a snapshot of
	// Read, those since a checkpoint in one of Load.
	Entries  []pipeline.Entry
	Segments []Header
	Holder   *Lock // who holds the lock, dead or alive; nil if it is free

	from int64             // the segment that the checkpoint reaches; 0 without one
	base *pipeline.History // before the first of Entries; nil if that is the ledger's first
}

// History returns what the ledger says. It may load from the store later, see
// pipeline.Shelf. It may be called once.
func (s *Snapshot) History(ctx context.Context) (*pipeline.History, error) {
	h := s.base
	if h == nil {
		h = pipeline.NewHistory(nil)
	}
	return h, h.Add(ctx, s.Entries...)
}

// Read returns the whole ledger in the store. It takes no lock and writes
// nothing; a run that appends meanwhile does it no harm. Every segment from the
// first on is verified against its own hashes and the one before; the first
// that does not fit is an error that names it, and nothing is returned then.
// Checkpoints are of no account, but for the segments that they have seen.
func Read(ctx context.Context, store Store) (*Snapshot, error) {
	return snapshot(ctx, store, func(atLeast int64) (*Snapshot, error) {
		_, reached, err := checkpoint(ctx, store)
		if err != nil {
			return nil, err
		}
		return readChain(ctx, store, &Snapshot{}, max(atLeast, reached), noPause)
	})
}

// Chain names the chain of segments in the store: the first eight hex digits of
// the SHA-256 of its first. It is "" if there is no ledger. A ledger that was
// rebuilt has the lineage of the one before and a chain of its own.
func Chain(ctx context.Context, store Store) (string, error) {
	first, err := store.Read(ctx, segmentName(1))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("%s: %w", in(store), err)
	}
	return hash(first)[:8], nil
}

// Load returns the ledger in the store as Read does, but reads only what came
// since the newest checkpoint that fits, if there is one.
func Load(ctx context.Context, store Store) (*Snapshot, error) {
	return snapshot(ctx, store, func(atLeast int64) (*Snapshot, error) { return readNewest(ctx, store, atLeast, noPause) })
}

func noPause(context.Context) error { return nil }

func snapshot(ctx context.Context, store Store, read func(atLeast int64) (*Snapshot, error)) (*Snapshot, error) {
	// The record comes first, so that every segment it knows of is listed.
	_, holder, err := readLock(ctx, store)
	if err != nil && !errors.Is(err, errTorn) {
		return nil, fmt.Errorf("%s: %w", in(store), err)
	}
	var atLeast int64
	if holder != nil {
		atLeast = holder.Seq
	}
	s, err := read(atLeast)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in(store), err)
	}
	if holder != nil && holder.held() {
		s.Holder = holder
	}
	return s, nil
}

// readNewest reads the segments since the newest checkpoint. There must be
// atLeast so many segments. It calls between before each, to keep the lock
// alive.
func readNewest(ctx context.Context, store Store, atLeast int64, between func(context.Context) error) (*Snapshot, error) {
	s, reached, err := checkpoint(ctx, store)
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &Snapshot{}
	}
	return readChain(ctx, store, s, max(atLeast, reached), between)
}

// readChain adds the segments that follow to s: all that are listed from the
// first on, or one after the other behind a checkpoint, which costs the same
// however many came before.
func readChain(ctx context.Context, store Store, s *Snapshot, atLeast int64, between func(context.Context) error) (*Snapshot, error) {
	listed := int64(math.MaxInt64)
	if s.Seq == 0 {
		n, err := listSegments(ctx, store)
		if err != nil {
			return nil, err
		}
		listed = n
	}
	for s.Seq < listed {
		name := segmentName(s.Seq + 1)
		if err := between(ctx); err != nil {
			return nil, err
		}
		data, err := store.Read(ctx, name)
		if errors.Is(err, fs.ErrNotExist) && listed == math.MaxInt64 {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read segment %s: %w", name, err)
		}
		if err := s.add(data); err != nil {
			return nil, &Broken{name, fmt.Errorf("segment %s: %w", name, err)}
		}
	}
	if s.Seq < atLeast {
		return nil, missing(segmentName(s.Seq+1), "a record of the lock, or a checkpoint, that has seen it")
	}
	return s, nil
}

// listSegments returns how many segments there are. One that is missing among
// them is an error.
func listSegments(ctx context.Context, store Store) (int64, error) {
	names, err := store.List(ctx, segmentPrefix, "")
	if err != nil {
		return 0, fmt.Errorf("list segments: %w", err)
	}
	var n int64
	for _, name := range names {
		if !isSegment(name) {
			continue
		}
		if want := segmentName(n + 1); name != want {
			return 0, missing(want, "segment "+name)
		}
		n++
	}
	return n, nil
}

// add verifies that data is the segment that follows, and appends it.
func (s *Snapshot) add(data []byte) error {
	h, entries, err := decodeSegment(data)
	switch {
	case err != nil:
		return err
	case h.Seq != s.Seq+1:
		return damaged("it says that it is segment %d", h.Seq)
	case h.Prev != s.Hash:
		return damaged("it does not follow segment %s", segmentName(s.Seq))
	case h.Lineage == "":
		return damaged("it names no lineage")
	case s.Seq > 0 && h.Lineage != s.Lineage:
		return damaged("it belongs to the lineage %s, the ledger to %s", h.Lineage, s.Lineage)
	}
	s.Lineage, s.Seq, s.Hash = h.Lineage, h.Seq, hash(data)
	s.Segments = append(s.Segments, h)
	s.Entries = append(s.Entries, entries...)
	return nil
}

// Broken is the error of a ledger that is not as it was written, and of one
// that this version cannot read.
type Broken struct {
	Segment string // the first that does not fit, or is missing
	Err     error
}

// Error implements error.
func (b *Broken) Error() string { return b.Err.Error() }

// Unwrap returns what is wrong.
func (b *Broken) Unwrap() error { return b.Err }

func missing(name, witness string) error {
	return &Broken{name, fmt.Errorf("segment %s is missing although there is %s; restore it from a copy of the state", name, witness)}
}
