package sinks

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/pipeline"
)

// tx is one object of a Sink.
type tx struct {
	file    pipeline.File
	format  Format
	key     string
	schema  *arrow.Schema
	object  Object
	out     *summer
	encoder Encoder
	rows    int64
	promise promise
	piece   int // of several that hold the slice together, from 1
	pieces  int // how many those are; 0 as long as nobody knows
	receipt pipeline.Receipt
	state   txState
	err     error // the first; nothing works after it
}

type txState int

const (
	writing txState = iota
	prepared
	committed
	aborted
)

var errState = errors.New("the calls came in the wrong order")

func (s *Sink) begin(ctx context.Context, f pipeline.File, key string, format Format) (*tx, error) {
	object, err := s.store.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	t := &tx{file: f, format: format, key: key, schema: f.Columns.Arrow(), object: object, out: newSummer(object), promise: newPromise(f)}
	t.encoder, err = format.NewEncoder(t.out, t.schema)
	if err != nil || t.out.err != nil {
		_ = object.Abort()
		return nil, t.cause(err)
	}
	return t, nil
}

// cause prefers the store's error to what an encoder made of it, and names the
// object.
func (t *tx) cause(err error) error {
	if t.out.err != nil {
		err = t.out.err
	}
	return fmt.Errorf("write %s: %w", t.key, err)
}

// Write implements pipeline.Tx.
func (t *tx) Write(rec arrow.Record) error {
	switch {
	case t.err != nil:
		return t.err
	case t.state != writing:
		return fmt.Errorf("write %s: %w", t.key, errState)
	}
	err := t.check(rec)
	if err == nil {
		err = t.encoder.Write(rec)
	}
	if err != nil || t.out.err != nil {
		t.err = t.cause(err)
		return t.err
	}
	t.rows += rec.NumRows()
	t.promise.look(rec)
	return nil
}

// check reports a record that is not what the formats rely on.
func (t *tx) check(rec arrow.Record) error {
	if rec.Schema() != t.schema && !rec.Schema().Equal(t.schema) {
		return fmt.Errorf("a record has other columns than the file: %v, want %v", rec.Schema(), t.schema)
	}
	for i, column := range rec.Columns() {
		texts, ok := column.(*array.String)
		if !ok || texts.Len() == 0 || validTexts(texts) {
			continue
		}
		for row := range texts.Len() {
			if texts.IsValid(row) && !utf8.ValidString(texts.Value(row)) {
				return fmt.Errorf("column %s, row %d: %.40q is not UTF-8", rec.ColumnName(i), t.rows+int64(row)+1, texts.Value(row))
			}
		}
	}
	return nil
}

// validTexts reports quickly whether all values are UTF-8: their bytes as one
// text are, and each begins where a character does.
func validTexts(texts *array.String) bool {
	first := texts.ValueOffset(0)
	all := texts.ValueBytes()
	if !utf8.Valid(all) {
		return false
	}
	for i := range texts.Len() {
		if at := texts.ValueOffset(i) - first; at < len(all) && !utf8.RuneStart(all[at]) {
			return false
		}
	}
	return true
}

// Piece implements pipeline.Piecer.
func (t *tx) Piece(n, of int) { t.piece, t.pieces = n, of }

// Size implements pipeline.Sizer.
func (t *tx) Size() int64 {
	size := t.out.bytes
	if b, ok := t.encoder.(Buffer); ok {
		size += b.Buffered()
	}
	return size
}

// Prepare implements pipeline.Tx.
func (t *tx) Prepare(ctx context.Context) (pipeline.Receipt, error) {
	switch {
	case t.err != nil:
		return pipeline.Receipt{}, t.err
	case t.state == prepared:
		return t.receipt, nil
	case t.state != writing:
		return pipeline.Receipt{}, fmt.Errorf("complete %s: %w", t.key, errState)
	}
	if err := t.complete(ctx); err != nil {
		t.err = t.cause(err)
		return pipeline.Receipt{}, t.err
	}
	t.state = prepared
	return t.receipt, nil
}

func (t *tx) complete(ctx context.Context) error {
	m := metadataOf(t.file, t.format)
	m.Rows, m.TimeColumn = t.rows, t.promise.column()
	m.Piece, m.Pieces = t.piece, t.pieces
	if d, ok := t.encoder.(Describer); ok {
		if err := d.Describe(m); err != nil {
			return err
		}
		_, m.Embedded = t.format.(Embedder)
	}
	if err := t.encoder.Close(); err != nil {
		return err
	}
	if t.out.err != nil {
		return t.out.err
	}
	m.Bytes, m.SHA256 = t.out.bytes, t.out.hex()
	if err := t.object.Prepare(ctx, m); err != nil {
		return err
	}
	t.receipt = pipeline.Receipt{
		Key:         t.key,
		Window:      m.Window,
		Part:        m.Part,
		Piece:       m.Piece,
		Pieces:      m.Pieces,
		Cut:         m.Cut,
		Rows:        m.Rows,
		Bytes:       m.Bytes,
		SHA256:      m.SHA256,
		Fingerprint: m.Fingerprint,
		Schema:      m.Schema,
		Number:      m.Number,
		Ends:        m.Ends,
	}
	return nil
}

// Commit implements pipeline.Tx.
func (t *tx) Commit(ctx context.Context) error {
	if t.state == committed {
		return nil
	}
	if t.err != nil || t.state != prepared {
		return fmt.Errorf("publish %s: %w", t.key, errors.Join(errState, t.err))
	}
	if err := t.object.Commit(ctx); err != nil {
		return fmt.Errorf("publish %s: %w", t.key, err)
	}
	t.state = committed
	return nil
}

// Abort implements pipeline.Tx.
func (t *tx) Abort() error {
	if t.state == committed {
		return nil
	}
	t.state = aborted
	return t.object.Abort()
}
