package sinks

import (
	"context"
	"errors"
	"fmt"

	"github.com/kustash/kustash/pipeline"
)

// Trier is implemented by stores that can tell whether objects can be written
// without leaving a trace of having tried, such as a folder. In other stores
// an object is begun and aborted.
type Trier interface {
	Try(ctx context.Context) error
}

// Foreign is the error of an archive that belongs to another ledger, or to
// this one under another identity.
type Foreign struct {
	Lineage string // that the archive names
	Err     error
}

// Error implements error.
func (e *Foreign) Error() string { return e.Err.Error() }

// Unwrap returns the explanation.
func (e *Foreign) Unwrap() error { return e.Err }

// Inspect makes sure that the sink can be written to and does not belong to
// another ledger than the one with this lineage; "" is a pipeline that has
// none yet. Unlike Enroll it needs no lock and leaves nothing. marked reports
// whether the archive has been enrolled. The error is a *Foreign if the
// archive is somebody else's.
func (s *Sink) Inspect(ctx context.Context, lineage string) (marked bool, err error) {
	found, err := s.readMarker(ctx)
	switch {
	case errors.Is(err, pipeline.ErrMissing), errors.Is(err, pipeline.ErrUnreadable):
	case err != nil:
		return false, err
	default:
		marked = true
		if err := s.belongs(found, lineage); err != nil {
			return true, err
		}
	}
	if t, ok := s.store.(Trier); ok {
		return marked, t.Try(ctx)
	}
	return marked, s.probe(ctx)
}

// Owned implements pipeline.Owner. The error is a *Foreign if the archive is
// another ledger's. It reads only. One that may not be read is taken for this
// ledger's: its files are told from others' by their names.
func (s *Sink) Owned(ctx context.Context, lineage string) (enrolled bool, err error) {
	if _, err := s.Keeps(ctx); err != nil {
		return false, err
	}
	found, err := s.readMarker(ctx)
	if errors.Is(err, pipeline.ErrUnreadable) {
		return true, nil
	}
	if errors.Is(err, pipeline.ErrMissing) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.belongs(found, lineage)
}

// belongs compares a marker with this pipeline.
func (s *Sink) belongs(found marker, lineage string) error {
	var err error
	switch {
	case lineage == "":
		err = fmt.Errorf("the archive belongs to the ledger with lineage %s (its %s says so), and this pipeline has no ledger yet; use the state that the archive was made with, make it again with \"kustash state rebuild\" if it is lost, or give the sink another place",
			found.Lineage, markerKey)
	case found.Lineage != lineage:
		err = fmt.Errorf("the archive belongs to the ledger with lineage %s (its %s says so), this pipeline's ledger has %s; use the state that the archive was made with, or, if that is lost, move this one away and run \"kustash state rebuild\", or give the sink another place",
			found.Lineage, markerKey, lineage)
	case found.Identity != "" && s.identity != "" && found.Identity != s.identity:
		err = fmt.Errorf("the ledger knows the archive here as %s, and the sink is declared as %s: everything would be exported a second time beside it; write the place as it was, or give the sink another one",
			found.Identity, s.identity)
	default:
		return nil
	}
	return &Foreign{Lineage: found.Lineage, Err: err}
}
