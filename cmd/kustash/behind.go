package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
)

// errBehind says that an archive has seen more of the ledger than the state has.
var errBehind = errors.New("the state is older than the archive")

// behind returns an error if the state is not the one that the archives were
// written by last: an old copy, or one that was rebuilt without a sink. What it
// does not know it would export a second time, and what it takes for an
// interrupted replacement it would remove. It trusts the newest manifest of each
// sink.
func (s *session) behind(ctx context.Context) error {
	chain, err := ledger.Chain(ctx, s.store)
	if err != nil || chain == "" {
		return err
	}
	var problems []error
	for identity, a := range s.archives() {
		if err := s.behindOne(ctx, identity, a, chain); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", s.sinkAddress(identity), err))
		}
	}
	return errors.Join(problems...)
}

func (s *session) behindOne(ctx context.Context, identity string, a archive, chain string) error {
	if lineage, err := a.Lineage(ctx); err != nil || lineage != s.lineage() {
		return nil // whoever enrolls the sink says so
	}
	names, err := a.Manifests(ctx)
	if errors.Is(err, pipeline.ErrUnreadable) {
		return nil
	}
	if err != nil || len(names) == 0 {
		return err
	}
	name := newestOf(names, chain)
	if name == "" {
		for _, l := range s.history.Lines() {
			if l.Sink == identity {
				return nil
			}
		}
		return fmt.Errorf("%w: this state knows nothing of the sink, and another one of the same lineage has written to it; put that state back, or move this one away and make it again with \"kustash state rebuild\" while all sinks are declared", errBehind)
	}
	seq, hash := s.head()
	seen, err := strconv.ParseInt(strings.TrimPrefix(name, chain+"-"), 10, 64)
	if err != nil || seen < seq {
		return err
	}
	header, err := manifestOf(ctx, a, name)
	switch {
	case err != nil:
		return fmt.Errorf("manifest %s: %w", name, err)
	case header.Seq > seq:
		return fmt.Errorf("%w: its newest manifest has seen segment %d of the ledger, which ends with %d; put the newest copy of the state back, or, if there is none, move this one away and make it again with \"kustash state rebuild\"",
			errBehind, header.Seq, seq)
	case header.Head != hash:
		return fmt.Errorf("%w: its newest manifest has seen another segment %d; put the state back that wrote it, or, if it is lost, move this one away and make it again with \"kustash state rebuild\"", errBehind, seq)
	}
	return nil
}

// head returns the number of the ledger's last segment and its SHA-256.
func (s *session) head() (seq int64, hash string) {
	if s.ledger != nil {
		return s.ledger.Head()
	}
	return s.snapshot.Seq, s.snapshot.Hash
}
