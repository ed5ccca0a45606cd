package sinks

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Stored says how an object keeps its values: what a reader must know beside
// the object's columns.
type Stored struct {
	Format string            // as in Metadata.Format
	Types  map[string]string // of a Typed format, by column of the object; nil for others
}

// Typed is implemented by formats whose objects name the types of their own
// columns.
type Typed interface {
	// Types returns the types of all columns of an object, in the format's own
	// words, by name. It reads little of the object.
	Types(r io.ReaderAt, size int64) (map[string]string, error)
}

// Stored returns how an object keeps its values, by what it says of itself. It
// reads none of them. The error is ErrMissing if there is no such object.
func (s *Sink) Stored(ctx context.Context, key string) (st Stored, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("look into %s: %w", key, err)
		}
	}()
	if err := CheckKey(key); err != nil {
		return st, err
	}
	format := s.formatOf(key)
	if format == nil {
		return st, mismatch("no format has its extension")
	}
	c, err := s.store.Open(ctx, key)
	if err != nil {
		return st, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	err = watch(c, func(in io.ReaderAt) (err error) {
		if t, ok := format.(Typed); ok {
			st.Format = format.Ext()
			st.Types, err = t.Types(in, c.Size())
			return err
		}
		m, err := findMetadata(ctx, c, in, format)
		st.Format = m.Format
		return err
	})
	return st, err
}
