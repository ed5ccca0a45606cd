package sinks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/kustash/kustash/pipeline"
)

const (
	markerKey     = "_kustash/lineage.json"
	probeKey      = "_kustash/probe"
	markerVersion = 1
	maxMarker     = 1 << 16
)

// marker is the object that keeps two ledgers from writing into one archive.
type marker struct {
	FormatVersion int    `json:"format_version"`
	Lineage       string `json:"lineage"`
	Identity      string `json:"identity,omitempty"` // of the sink, for the ledger
}

// Prober is implemented by stores where an object that is begun says nothing yet
// about whether it can be written, because little is sent before its Commit.
type Prober interface {
	// Probe makes sure that objects can be written as Store promises. It leaves
	// nothing, and may be called at any time.
	Probe(ctx context.Context) error
}

// Enroll implements pipeline.Sink. It must be called by the holder of the
// ledger's lock, before the first Begin: what a crashed run has left behind
// unseen is removed.
func (s *Sink) Enroll(ctx context.Context, lineage string) error {
	if lineage == "" {
		return errors.New("the ledger has no lineage; run init")
	}
	found, err := s.readMarker(ctx)
	if errors.Is(err, pipeline.ErrMissing) || errors.Is(err, pipeline.ErrUnreadable) {
		err = s.writeMarker(ctx, lineage)
		if err == nil || errors.Is(err, pipeline.ErrExists) {
			found, err = s.readMarker(ctx)
		}
	}
	switch {
	case errors.Is(err, pipeline.ErrUnreadable): // it may be written, and that is what it takes
	case err != nil:
		return err
	default:
		if err := s.belongs(found, lineage); err != nil {
			return err
		}
	}
	if _, err := s.Keeps(ctx); err != nil {
		return err
	}
	if err := s.probe(ctx); err != nil {
		return err
	}
	if sweeper, ok := s.store.(Sweeper); ok {
		return sweeper.Sweep(ctx)
	}
	return nil
}

func (s *Sink) readMarker(ctx context.Context) (marker, error) {
	var m marker
	c, err := s.store.Open(ctx, markerKey)
	if err != nil {
		return m, err
	}
	defer c.Close()
	raw, err := io.ReadAll(io.NewSectionReader(c, 0, min(c.Size(), maxMarker)))
	if err != nil {
		return m, fmt.Errorf("read %s: %w", markerKey, err)
	}
	if err := json.Unmarshal(raw, &m); err != nil || m.Lineage == "" {
		return m, fmt.Errorf("%s is damaged: it names no lineage; put it back from a copy; \"kustash verify\" says what this state's has to say", markerKey)
	}
	if m.FormatVersion > markerVersion {
		return m, fmt.Errorf("%s has version %d, this program knows %d; use a newer kustash", markerKey, m.FormatVersion, markerVersion)
	}
	return m, nil
}

// Mark returns what the marker of an archive of this sink says, as one line.
func (s *Sink) Mark(lineage string) string {
	raw, err := json.Marshal(marker{markerVersion, lineage, s.identity})
	if err != nil {
		panic(err) // two texts and a number
	}
	return string(raw)
}

func (s *Sink) writeMarker(ctx context.Context, lineage string) error {
	o, err := s.prepareSmall(ctx, markerKey, []byte(s.Mark(lineage)+"\n"))
	if err != nil {
		return err
	}
	defer o.Abort()
	return o.Commit(ctx)
}

// probe makes sure that objects can be written, and leaves nothing.
func (s *Sink) probe(ctx context.Context) error {
	if p, ok := s.store.(Prober); ok {
		return p.Probe(ctx)
	}
	o, err := s.prepareSmall(ctx, probeKey, []byte("probe\n"))
	if err != nil {
		return err
	}
	return o.Abort()
}

func (s *Sink) prepareSmall(ctx context.Context, key string, data []byte) (Object, error) {
	o, err := s.store.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	sum := newSummer(o)
	_, err = sum.Write(data)
	if err == nil {
		err = o.Prepare(ctx, Metadata{Bytes: sum.bytes, SHA256: sum.hex(), Embedded: true})
	}
	if err != nil {
		_ = o.Abort()
		return nil, fmt.Errorf("write %s: %w", key, err)
	}
	return o, nil
}
