package parquet

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/sinks"
)

// metaPrefix begins the keys of the file's own metadata.
const metaPrefix = "kustash."

// maxGroupRows bounds a row group of very narrow rows.
const maxGroupRows = 1 << 20

// encoder writes one file.
type encoder struct {
	file      *writer
	leaves    []leaf
	groupSize int64
	size      int64 // of the row group's input
	groupRows int64
	rows      int64
	scratch   scratch
}

func newEncoder(w io.Writer, f *Format, leaves []leaf) (e *encoder, err error) {
	defer recovered(&err)
	out, err := newWriter(w, f.codec, leaves)
	if err != nil {
		return nil, err
	}
	return &encoder{file: out, leaves: leaves, groupSize: f.groupSize}, nil
}

// recovered turns a panic of a Parquet library into an error: both panic where
// a file or a writer is not what they expect.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("parquet library: %v", r)
	}
}

// Write implements sinks.Encoder.
func (e *encoder) Write(rec arrow.Record) (err error) {
	defer recovered(&err)
	if rec.NumRows() == 0 {
		return nil
	}
	if err := e.file.open(); err != nil {
		return err
	}
	for i, l := range e.leaves {
		if err := e.scratch.write(e.file.columns[i], rec.Column(l.column), l, e.rows); err != nil {
			return err
		}
	}
	e.rows += rec.NumRows()
	e.groupRows += rec.NumRows()
	e.size += sizeOf(rec)
	if e.size < e.groupSize && e.groupRows < maxGroupRows {
		return nil
	}
	e.size, e.groupRows = 0, 0
	return e.file.closeGroup()
}

// sizeOf returns the bytes of the record's values.
func sizeOf(rec arrow.Record) int64 {
	var size int64
	for _, column := range rec.Columns() {
		size += 8 * rec.NumRows()
		if texts, ok := column.(*array.String); ok {
			size += int64(len(texts.ValueBytes()))
		}
	}
	return size
}

// Describe implements sinks.Describer.
func (e *encoder) Describe(m sinks.Metadata) error {
	fields := m.Fields()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := e.file.meta.AppendKeyValueMetadata(metaPrefix+name, fields[name]); err != nil {
			return err
		}
	}
	return nil
}

// Close implements sinks.Encoder.
func (e *encoder) Close() (err error) {
	defer recovered(&err)
	return e.file.close()
}
