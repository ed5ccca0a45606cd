package sinks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/kustash/kustash/pipeline"
)

var _ pipeline.Reader = (*Sink)(nil)

// Reads implements pipeline.Reader.
func (s *Sink) Reads(key string, columns pipeline.Schema) bool {
	d, ok := s.formatOf(key).(Decoder)
	return ok && d.Exact(columns)
}

// ReadBack implements pipeline.Reader.
func (s *Sink) ReadBack(ctx context.Context, r pipeline.Receipt, columns pipeline.Schema, emit func(arrow.Record) error) error {
	if err := CheckKey(r.Key); err != nil {
		return err
	}
	var refused error // by emit
	err := s.readBack(ctx, r, columns, func(rec arrow.Record) error {
		refused = emit(rec)
		return refused
	})
	switch {
	case refused != nil:
		return refused
	case err != nil:
		return fmt.Errorf("read %s: %w", r.Key, err)
	}
	return nil
}

func (s *Sink) readBack(ctx context.Context, r pipeline.Receipt, columns pipeline.Schema, emit func(arrow.Record) error) (err error) {
	format := s.formatOf(r.Key)
	decoder, ok := format.(Decoder)
	if !ok {
		return errors.New("no format of this sink can")
	}
	c, err := s.store.Open(ctx, r.Key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := sameBytes(ctx, c, r); err != nil {
		return err
	}
	return watch(c, func(in io.ReaderAt) error {
		m, err := metadataFor(ctx, c, in, format, r)
		if err != nil {
			return err
		}
		m.Columns = columns
		var rows int64
		err = decoder.Decode(ctx, in, c.Size(), m, func(rec arrow.Record) error {
			rows += rec.NumRows()
			return emit(rec)
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, pipeline.ErrInexact):
			return err
		case err != nil:
			return mismatch("%v", err)
		case rows != r.Rows:
			return mismatch("%d rows came back, the receipt has %d", rows, r.Rows)
		}
		return nil
	})
}

// Rows collects values into the records that a Decoder hands over.
type Rows struct {
	columns pipeline.Schema
	builder *array.RecordBuilder
	emit    func(arrow.Record) error
	rows    int // collected
	bytes   int // of their texts
	handed  bool
}

// Bounds of a record.
const (
	maxRecordRows  = 4096
	maxRecordBytes = 4 << 20
)

// NewRows returns Rows for these columns. Close must be called.
func NewRows(columns pipeline.Schema, emit func(arrow.Record) error) *Rows {
	return &Rows{columns: columns, builder: array.NewRecordBuilder(memory.DefaultAllocator, columns.Arrow()), emit: emit}
}

// Null appends a null to a column.
func (r *Rows) Null(column int) { r.builder.Field(column).AppendNull() }

// Text appends what a text stands for to a column: it is parsed where values of
// the column's type are no texts. The text is not kept.
func (r *Rows) Text(column int, text []byte) error {
	r.bytes += len(text)
	var err error
	switch b := r.builder.Field(column).(type) {
	case *array.StringBuilder:
		if !utf8.Valid(text) {
			err = errors.New("it is not UTF-8")
		}
		b.BinaryBuilder.Append(text)
	case *array.BooleanBuilder:
		is := string(text) == "true"
		if !is && string(text) != "false" {
			err = errors.New("it is neither true nor false")
		}
		b.Append(is)
	case *array.Int32Builder:
		var v int64
		v, err = strconv.ParseInt(string(text), 10, 32)
		b.Append(int32(v))
	case *array.Int64Builder:
		var v int64
		v, err = strconv.ParseInt(string(text), 10, 64)
		b.Append(v)
	case *array.Float64Builder:
		var v float64
		v, err = parseReal(string(text))
		b.Append(v)
	}
	if err != nil {
		c := r.columns[column]
		return fmt.Errorf("column %s: %.60q is no value of the type %s: %w", c.FileName(), text, c.Type, err)
	}
	return nil
}

// parseReal reads what AppendReal wrote.
func parseReal(text string) (float64, error) {
	switch text {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	return strconv.ParseFloat(text, 64)
}

// End ends a row: every column has got one value.
func (r *Rows) End() error {
	r.rows++
	if r.rows < maxRecordRows && r.bytes < maxRecordBytes {
		return nil
	}
	return r.hand()
}

func (r *Rows) hand() error {
	rec := r.builder.NewRecord()
	defer rec.Release()
	r.rows, r.bytes, r.handed = 0, 0, true
	return r.emit(rec)
}

// Close hands over what is left, and a record without rows if there was none.
// After an error it only gives memory back.
func (r *Rows) Close(err error) error {
	defer r.builder.Release()
	if err == nil && (r.rows > 0 || !r.handed) {
		err = r.hand()
	}
	return err
}

// sameBytes compares an object's size and SHA-256 with its receipt.
func sameBytes(ctx context.Context, c Content, r pipeline.Receipt) error {
	if c.Size() != r.Bytes {
		return mismatch("it has %d bytes, the receipt %d", c.Size(), r.Bytes)
	}
	sum := newSummer(io.Discard)
	if err := copyAll(ctx, sum, c, c.Size()); err != nil {
		return err
	}
	if sum.hex() != r.SHA256 {
		return mismatch("its SHA-256 is %s, the receipt has %s", sum.hex(), r.SHA256)
	}
	return nil
}
