package sinks

import (
	"context"
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
)

// Format is a file format with its settings. It is immutable, and its methods
// may be called concurrently.
type Format interface {
	// Ext returns the extension of the format's objects without the leading
	// dot, such as "csv.gz". It depends on the settings only.
	Ext() string

	// NewEncoder writes records with this schema, which is the Arrow of some
	// pipeline.Schema, to w. It may write to w at once.
	NewEncoder(w io.Writer, schema *arrow.Schema) (Encoder, error)
}

// Encoder writes one object. It is used by one goroutine, and starts none.
type Encoder interface {
	// Write appends the rows of a record with the schema of NewEncoder. It
	// keeps no reference to the record or its memory. An error about a value
	// names column and row. After an error the object is worthless.
	Write(rec arrow.Record) error

	// Close writes what is left. It never closes the writer below: that
	// belongs to whoever made the encoder.
	Close() error
}

// Describer is implemented by encoders whose objects hold their own metadata.
type Describer interface {
	// Describe hands over what the object will say about itself. It is called
	// once, after the last Write and before Close, when the rows are known.
	// Size and hash of the object are not.
	Describe(m Metadata) error
}

// Buffer is implemented by encoders that hold back much of what they encode.
type Buffer interface {
	// Buffered returns about how many bytes of the object are not written yet.
	Buffered() int64
}

// Embedder is implemented by formats whose encoders implement Describer.
type Embedder interface {
	// Metadata returns what the object was told by Describe.
	Metadata(r io.ReaderAt, size int64) (Metadata, error)
}

// Checker is implemented by formats that can read their objects back.
type Checker interface {
	// Check decodes every value of an object, by other means than those that
	// wrote it, and returns the number of rows. The object must be of this
	// kind of format; its settings may be others than the receiver's, and
	// m.Format says which. Columns are compared with m.Columns if there are
	// any. An error says what is wrong with the object, and is that of r if r
	// fails. Check uses little memory, whatever the size, and never panics.
	// Compare the hash first: a damaged object may name absurd sizes, and
	// reading it may cost as much as they say.
	Check(ctx context.Context, r io.ReaderAt, size int64, m Metadata) (rows int64, err error)
}

// Decoder is implemented by formats that can hand over what they have written.
type Decoder interface {
	// Exact reports whether Decode gives back what was written of these columns
	// with the format's settings.
	Exact(columns pipeline.Schema) bool

	// Decode hands all rows of an object to emit, in the order in which they were
	// written, in records with the schema m.Columns.Arrow(), each valid until
	// emit returns; at least one. The object must be of this kind of format; its
	// settings may be others than the receiver's, and m.Format says which. The
	// bytes are known to be those that were written. Memory does not grow with
	// the object. An error of emit is returned as it is. One that wraps
	// pipeline.ErrInexact says that the object's settings have lost what the
	// values were, and comes before the first record; any other is a fault of
	// the object, or that of r if r fails.
	Decode(ctx context.Context, r io.ReaderAt, size int64, m Metadata, emit func(arrow.Record) error) error
}

// Settled is implemented by formats with settings that a reader of their
// objects must know.
type Settled interface {
	// Settings returns them in one line, such as "header=false". Metadata
	// keeps the line, and Check gets it back in Metadata.Format.
	Settings() string
}
