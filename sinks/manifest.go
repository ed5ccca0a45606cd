package sinks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// A manifest is what a ledger says of a sink, kept in the sink: the entries
// since the manifest before it. From the manifests a lost ledger is made again,
// and where nothing is ever deleted they tell readers which objects count. They
// are never changed.

const (
	manifestFolder = "_kustash"
	manifestPrefix = "manifest-"
	manifestSuffix = ".jsonl"
)

// FolderLister is implemented by stores that can list one folder without the
// others.
type FolderLister interface {
	// ListFolder is Store.List for the objects right in a folder.
	ListFolder(ctx context.Context, folder string, visit func(key string, size int64) error) error
}

func manifestKey(name string) string {
	return manifestFolder + "/" + manifestPrefix + name + manifestSuffix
}

// WriteManifest keeps a manifest under a name. One that is there already stays,
// which is no error if it is the same.
func (s *Sink) WriteManifest(ctx context.Context, name string, data []byte) error {
	o, err := s.prepareSmall(ctx, manifestKey(name), data)
	if err != nil {
		return err
	}
	defer o.Abort()
	err = o.Commit(ctx)
	if !errors.Is(err, pipeline.ErrExists) {
		return err
	}
	found, readErr := s.ReadManifest(ctx, name)
	if readErr == nil && bytes.Equal(found, data) || errors.Is(readErr, pipeline.ErrUnreadable) {
		return nil // its name is of this ledger and of what it says
	}
	return errors.Join(fmt.Errorf("%s: %w", manifestKey(name), err), readErr)
}

// Manifests returns the names of the manifests, in order.
func (s *Sink) Manifests(ctx context.Context) ([]string, error) {
	var all []string
	visit := func(key string, _ int64) error {
		name, ok := strings.CutPrefix(key, manifestFolder+"/"+manifestPrefix)
		if name, whole := strings.CutSuffix(name, manifestSuffix); ok && whole {
			all = append(all, name)
		}
		return nil
	}
	var err error
	if lister, ok := s.store.(FolderLister); ok {
		err = lister.ListFolder(ctx, manifestFolder, visit)
	} else {
		err = s.store.List(ctx, visit)
	}
	slices.Sort(all)
	return all, err
}

// ReadManifest returns a manifest.
func (s *Sink) ReadManifest(ctx context.Context, name string) ([]byte, error) {
	c, err := s.store.Open(ctx, manifestKey(name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifestKey(name), err)
	}
	defer c.Close()
	return io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
}

// Lineage returns the lineage of the ledger that the sink belongs to; "" if it
// has never been enrolled.
func (s *Sink) Lineage(ctx context.Context) (string, error) {
	m, err := s.readMarker(ctx)
	if errors.Is(err, pipeline.ErrMissing) {
		return "", nil
	}
	return m.Lineage, err
}

// Describe returns what an object says of itself, with its size and its
// SHA-256, after reading every value back. The error is ErrMismatch if it is not
// one that a sink has written, or not as it was.
func (s *Sink) Describe(ctx context.Context, key string) (Metadata, error) {
	var m Metadata
	if err := CheckKey(key); err != nil {
		return m, err
	}
	c, err := s.store.Open(ctx, key)
	if err != nil {
		return m, fmt.Errorf("%s: %w", key, err)
	}
	defer c.Close()
	format := s.formatOf(key)
	if format == nil {
		return m, fmt.Errorf("%s: %w", key, mismatch("no format has the extension of %s", path.Base(key)))
	}
	err = watch(c, func(in io.ReaderAt) (err error) {
		m, err = findMetadata(ctx, c, in, format)
		return err
	})
	if err != nil {
		return m, fmt.Errorf("%s: %w", key, err)
	}
	sum := newSummer(io.Discard)
	if err := copyAll(ctx, sum, c, c.Size()); err != nil {
		return m, err
	}
	if m.SHA256 != "" && m.SHA256 != sum.hex() {
		return m, fmt.Errorf("%s: %w", key, mismatch("its SHA-256 is %s, its metadata has %s", sum.hex(), m.SHA256))
	}
	m.Bytes, m.SHA256 = c.Size(), sum.hex()
	w := &watched{r: c}
	err = compare(ctx, c, w, format, m.Receipt(key))
	if w.err != nil {
		err = w.err
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", key, err)
	}
	return m, nil
}

// Receipt returns the receipt of an object that says this of itself.
func (m Metadata) Receipt(key string) pipeline.Receipt {
	return pipeline.Receipt{Key: key, Window: m.Window, Part: m.Part, Piece: m.Piece, Pieces: m.Pieces, Cut: m.Cut, Rows: m.Rows, Bytes: m.Bytes, SHA256: m.SHA256,
		Fingerprint: m.Fingerprint, Schema: m.Schema, Number: m.Number, Ends: m.Ends}
}
