package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kustash/kustash/pipeline"
)

// Snapshot is a ledger as it was at one moment, read and verified from the
// first segment to the last. The zero value is a state without a ledger.
type Snapshot struct {
	Lineage  string           // UUID; "" if there is no ledger yet
	Seq      int64            // number of the last segment; 0 if there is none
	Hash     string           // SHA-256 of the last segment, hex
	Entries  []pipeline.Entry // of all segments, in order
	Segments []Header         // in order
	Holder   *Lock            // who holds the lock, dead or alive; nil if it is free
}

// Read returns the ledger in the store. It takes no lock and writes nothing;
// a run that appends meanwhile does it no harm. Every segment is verified
// against its own hashes and the one before; the first that does not fit is
// an error that names it, and nothing is returned then.
func Read(ctx context.Context, store Store) (*Snapshot, error) {
	// The record comes first, so that every segment it knows of is listed.
	_, holder, err := readLock(ctx, store)
	if err != nil && !errors.Is(err, errTorn) {
		return nil, fmt.Errorf("%s: %w", in(store), err)
	}
	var atLeast int64
	if holder != nil {
		atLeast = holder.Seq
	}
	s, err := readChain(ctx, store, atLeast, func(context.Context) error { return nil })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in(store), err)
	}
	if holder != nil && holder.held() {
		s.Holder = holder
	}
	return s, nil
}

// readChain reads all segments, of which there must be atLeast so many. It
// calls between before each, to keep the lock alive.
func readChain(ctx context.Context, store Store, atLeast int64, between func(context.Context) error) (*Snapshot, error) {
	names, err := store.List(ctx, segmentPrefix)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !isSegment(name) })
	slices.Sort(names)
	s := &Snapshot{}
	for _, name := range names {
		if want := segmentName(s.Seq + 1); name != want {
			return nil, missing(want, name)
		}
		if err := between(ctx); err != nil {
			return nil, err
		}
		data, err := store.Read(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("read segment %s: %w", name, err)
		}
		if err := s.add(data); err != nil {
			return nil, fmt.Errorf("segment %s: %w", name, err)
		}
	}
	if s.Seq < atLeast {
		return nil, missing(segmentName(s.Seq+1), lockName)
	}
	return s, nil
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

func missing(name, witness string) error {
	return fmt.Errorf("segment %s is missing although there is %s; restore it from a copy of the state", name, witness)
}
