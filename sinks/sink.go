package sinks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// Options say what a sink is made of.
type Options struct {
	Format Format // of new objects
	Store  Store
	Layout Layout // of new objects; the zero value is the default
	// Identity is the sink's key of coverage, pipeline.Target.Identity. The
	// marker keeps it: under another identity the ledger would not know what
	// the place holds, and its rows would be written a second time. "" is not
	// kept and not compared.
	Identity string
	// Readers are the formats of objects that were written before Format was
	// changed, by their extension. Where the format of an object is unknown,
	// Verify compares size and SHA-256 only.
	Readers []Format
}

// Sink is a pipeline.Sink, Lister and Remover of a format in a store. It may
// be used concurrently and starts no goroutines.
type Sink struct {
	identity string
	format   Format
	readers  []Format
	store    Store
	layout   Layout

	keeps atomic.Bool // the store cannot delete, as far as is known

	mu        sync.Mutex
	described map[string]bool // folders and schemas whose columns are told
}

var (
	_ pipeline.Sink    = (*Sink)(nil)
	_ pipeline.Lister  = (*Sink)(nil)
	_ pipeline.Remover = (*Sink)(nil)
	_ pipeline.Owner   = (*Sink)(nil)
	_ pipeline.Placer  = (*Sink)(nil)
)

// New returns the sink of these options. It touches nothing.
func New(o Options) (*Sink, error) {
	if o.Format == nil || o.Store == nil {
		return nil, errors.New("a sink needs a format and a store")
	}
	return &Sink{
		identity: o.Identity,
		format:   o.Format,
		readers:  append([]Format{o.Format}, o.Readers...),
		store:    o.Store,
		layout:   o.Layout.orDefault(),
	}, nil
}

// Layout returns the layout of new objects.
func (s *Sink) Layout() Layout { return s.layout }

// Begin implements pipeline.Sink.
func (s *Sink) Begin(ctx context.Context, f pipeline.File) (pipeline.Tx, error) {
	key, err := s.key(f)
	if err != nil {
		return nil, err
	}
	if err := s.describeColumns(ctx, f); err != nil {
		return nil, err
	}
	t, err := s.begin(ctx, f, key, s.format)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// key returns the key of a new object, after checking that it may have one.
func (s *Sink) key(f pipeline.File) (string, error) {
	if len(f.Columns) == 0 {
		return "", errors.New("an answer without columns cannot be kept; project at least one in the query")
	}
	if err := s.layout.checkColumns(f.Columns); err != nil {
		return "", err
	}
	w := f.Slice.Window
	if next, ok := s.layout.calendar.Next(w.Start.UTC()); ok && w.End.After(next) {
		return "", fmt.Errorf("the slice %s reaches beyond its folder, which ends at %s", f.Slice, pipeline.ShortTime(next))
	}
	folder, err := s.layout.folder(f.Slice.Query, w.Start)
	if err != nil {
		return "", err
	}
	key := folder + "/" + fileName(f, s.format.Ext())
	return key, CheckKey(key)
}

// formatOf returns the format of an object by its extension, the sink's own
// before others; nil if none has it.
func (s *Sink) formatOf(key string) Format {
	for _, f := range s.readers {
		if strings.HasSuffix(key, "."+f.Ext()) {
			return f
		}
	}
	return nil
}

// Fence implements pipeline.Sink. Where the object under the key is a fence
// already, it returns nil: the name is taken, and no rows are lost by that.
func (s *Sink) Fence(ctx context.Context, f pipeline.File, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	format := s.formatOf(key)
	if format == nil {
		return fmt.Errorf("fence %s: no format of this sink has that extension", key)
	}
	t, err := s.begin(ctx, f, key, format)
	if err != nil {
		return err
	}
	defer t.Abort()
	if _, err := t.Prepare(ctx); err != nil {
		return err
	}
	err = t.Commit(ctx)
	if errors.Is(err, pipeline.ErrExists) && s.isFence(ctx, f, key, format) {
		return nil
	}
	return err
}

// isFence reports whether the object is a valid one without rows, by its
// metadata and by what is in it.
func (s *Sink) isFence(ctx context.Context, f pipeline.File, key string, format Format) bool {
	checker, ok := format.(Checker)
	if !ok {
		return false
	}
	c, err := s.store.Open(ctx, key)
	if err != nil {
		return false
	}
	defer c.Close()
	m, err := findMetadata(ctx, c, c, format)
	if err != nil || m.Rows != 0 || m.Lineage != f.Lineage {
		return false
	}
	rows, err := checker.Check(ctx, c, c.Size(), m)
	return err == nil && rows == 0
}

// Remove implements pipeline.Remover.
func (s *Sink) Remove(ctx context.Context, r pipeline.Receipt) error {
	if err := s.Verify(ctx, r); err != nil {
		return err
	}
	store, ok := s.store.(Remover)
	if !ok {
		return fmt.Errorf("remove %s: this store cannot; delete it by hand, then apply again", r.Key)
	}
	return store.Remove(ctx, r.Key)
}

// Removes implements pipeline.Remover. What others have decreed for the store
// is known once its marker was looked at, which comes before all planning.
func (s *Sink) Removes() bool {
	_, ok := s.store.(Remover)
	return ok && !s.keeps.Load()
}

// Keeps returns why nothing in the sink can be deleted, whoever asks; "" if
// nothing speaks against it. It asks the store.
func (s *Sink) Keeps(ctx context.Context) (why string, err error) {
	keeper, ok := s.store.(Keeper)
	if !ok {
		return "", nil
	}
	why, err = keeper.Keeps(ctx)
	s.keeps.Store(why != "")
	return why, err
}

// Drop implements pipeline.Remover.
func (s *Sink) Drop(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	store, ok := s.store.(Remover)
	if !ok {
		return fmt.Errorf("remove %s: this store cannot", key)
	}
	return store.Remove(ctx, key)
}

// Place implements pipeline.Placer.
func (s *Sink) Place(q pipeline.Query, start time.Time) (pipeline.Place, error) {
	folder, err := s.layout.folder(q, start)
	return pipeline.Place{Folder: folder, Ext: s.format.Ext()}, err
}

// PlaceOf implements pipeline.Placer.
func (s *Sink) PlaceOf(key string) (pipeline.Place, bool) {
	folder, ext, ok := splitKey(key)
	return pipeline.Place{Folder: folder, Ext: ext}, ok
}

// List implements pipeline.Lister.
func (s *Sink) List(ctx context.Context, visit func(key string, size int64) error) error {
	return s.store.List(ctx, func(key string, size int64) error {
		if hidden(key) {
			return nil
		}
		return visit(key, size)
	})
}
