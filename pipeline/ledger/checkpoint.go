package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// A checkpoint is a cache: what the ledger says up to a segment, so that nobody
// has to read the segments before. Its index is small; the receipts lie beside
// it, by query, sink and month, under the hash of what they say, so that the
// next checkpoint shares those that have not changed. A checkpoint counts only
// if it is whole and the segment that it names has the hash that it names;
// otherwise the segments are read from the first one on.
const (
	checkpointPrefix = "checkpoints/"
	checkpointSuffix = ".json"
	receiptsPrefix   = "checkpoints/receipts/"
	receiptsSuffix   = ".jsonl"
	checkpointFormat = 1
)

// keptCheckpoints is how many checkpoints stay when there is a newer one: a
// reader that has found the one before may still ask for its receipts.
const keptCheckpoints = 2

// A checkpoint is made when as much as this would have to be read without it.
const (
	worthSegments = 16
	worthEntries  = 500
)

// checkpointHeader is the first line of an index; the saved history follows.
type checkpointHeader struct {
	Format  int    `json:"format"`
	Lineage string `json:"lineage"`
	Seq     int64  `json:"seq"`  // of the last segment that it covers
	Hash    string `json:"hash"` // SHA-256 of that segment, hex
	Tool    string `json:"tool"`
	Body    string `json:"body"` // SHA-256 of what follows the header, hex
}

func checkpointName(seq int64) string {
	return fmt.Sprintf("%s%0*d%s", checkpointPrefix, segmentDigits, seq, checkpointSuffix)
}

// shelf is the receipts of a ledger's checkpoints.
type shelf struct{ store Store }

// Load implements pipeline.Shelf. What does not have the hash that is its name
// is an error.
func (s shelf) Load(ctx context.Context, ref string) ([]byte, error) {
	name := receiptsPrefix + ref + receiptsSuffix
	data, err := s.store.Read(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w; if a run went on meanwhile, start again; if not, remove the folder checkpoints from the state: it is a cache", name, err)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case hash(data) != ref:
		return nil, fmt.Errorf("%s does not match its hash; remove the folder checkpoints from the state: it is a cache", name)
	}
	return data, nil
}

// checkpoint returns the newest checkpoint that fits the segments: a snapshot
// with a history and no entries. It is nil if there is none. reached is the
// highest segment that any checkpoint, fitting or not, has seen.
func checkpoint(ctx context.Context, store Store) (s *Snapshot, reached int64, err error) {
	names, err := store.List(ctx, checkpointPrefix, "")
	if err != nil {
		return nil, 0, fmt.Errorf("list checkpoints: %w", err)
	}
	for _, name := range slices.Backward(names) {
		data, err := store.Read(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a run has tidied up
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", name, err)
		}
		h, body, ok := decodeCheckpoint(data)
		if !ok || name != checkpointName(h.Seq) {
			continue
		}
		reached = max(reached, h.Seq)
		segment, err := store.Read(ctx, segmentName(h.Seq))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, 0, fmt.Errorf("read segment %s: %w", segmentName(h.Seq), err)
		}
		if err != nil || hash(segment) != h.Hash {
			continue // reading all segments tells what is wrong
		}
		header, _, _, err := decodeHeader(segment)
		if err != nil || header.Lineage != h.Lineage {
			continue
		}
		history, err := pipeline.Restore(body, shelf{store})
		if err != nil {
			continue
		}
		return &Snapshot{Lineage: h.Lineage, Seq: h.Seq, Hash: h.Hash, Segments: []Header{header}, from: h.Seq, base: history}, reached, nil
	}
	return nil, reached, nil
}

func decodeCheckpoint(data []byte) (h checkpointHeader, body []byte, ok bool) {
	line, body, _ := bytes.Cut(data, []byte("\n"))
	if json.Unmarshal(line, &h) != nil || h.Format != checkpointFormat || h.Body != hash(body) {
		return h, nil, false
	}
	return h, body, true
}

// writeCheckpoint saves the history of a ledger up to its head, and removes
// what older checkpoints need and the newest ones do not.
func writeCheckpoint(ctx context.Context, store Store, head checkpointHeader, history *pipeline.History) error {
	body, err := history.Save(ctx, func(receipts []byte) (string, error) {
		ref := hash(receipts)
		err := store.Create(ctx, receiptsPrefix+ref+receiptsSuffix, receipts)
		if errors.Is(err, fs.ErrExist) {
			err = nil // it says the same
		}
		return ref, err
	})
	if err != nil {
		return err
	}
	head.Format, head.Body = checkpointFormat, hash(body)
	line, err := encodeLine(head)
	if err != nil {
		return err
	}
	if err := store.Create(ctx, checkpointName(head.Seq), append(line, body...)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return tidy(ctx, store, history.Refs())
}

// tidy removes all checkpoints but the newest, whose receipts are used, and
// the receipts that none of those needs.
func tidy(ctx context.Context, store Store, used []string) error {
	indexes, err := store.List(ctx, checkpointPrefix, "")
	if err != nil {
		return err
	}
	needed := make(map[string]bool)
	for _, ref := range used {
		needed[ref] = true
	}
	for i, name := range slices.Backward(indexes) {
		switch age := len(indexes) - 1 - i; {
		case age == 0:
			continue
		case age >= keptCheckpoints:
			if err := store.Delete(ctx, name); err != nil {
				return err
			}
			continue
		}
		data, err := store.Read(ctx, name)
		if err != nil {
			return err
		}
		if _, body, ok := decodeCheckpoint(data); ok {
			if older, err := pipeline.Restore(body, shelf{store}); err == nil {
				for _, ref := range older.Refs() {
					needed[ref] = true
				}
			}
		}
	}
	receipts, err := store.List(ctx, receiptsPrefix, "")
	if err != nil {
		return err
	}
	for _, name := range receipts {
		ref := strings.TrimSuffix(strings.TrimPrefix(name, receiptsPrefix), receiptsSuffix)
		if !needed[ref] {
			if err := store.Delete(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}
