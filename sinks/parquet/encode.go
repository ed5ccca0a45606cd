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
	step := e.step(rec)
	for from := int64(0); from < rec.NumRows(); from += step {
		part := rec.NewSlice(from, min(from+step, rec.NumRows()))
		err := e.write(part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// step returns how many rows of a record are written at a time: a page of them,
// but so few that the size of a row group is near what it is meant to be.
func (e *encoder) step(rec arrow.Record) int64 {
	width := max(1, sizeOf(rec)/max(1, rec.NumRows()))
	return max(1, min(pageRows, e.groupSize/8/width))
}

// write appends the rows of a record, few enough for one row group.
func (e *encoder) write(rec arrow.Record) error {
	if e.file.group == nil {
		e.size, e.groupRows = 0, 0
		err := e.file.open(func(i int) bool {
			l := e.leaves[i]
			return types[l.kind].dictionary && repeats(rec.Column(l.column), l.kind)
		})
		if err != nil {
			return err
		}
	}
	e.rows += rec.NumRows()
	e.groupRows += rec.NumRows()
	e.size += sizeOf(rec)
	// Rows as large as a row group are one, whose columns need not wait for
	// each other in memory.
	alone := e.groupRows == rec.NumRows() && e.size >= e.groupSize
	for i, l := range e.leaves {
		if err := e.scratch.write(e.file.columns[i], rec.Column(l.column), l, e.rows-rec.NumRows()); err != nil {
			return err
		}
		if !alone {
			continue
		}
		if err := e.file.closeColumn(i); err != nil {
			return err
		}
	}
	if e.size < e.groupSize && e.groupRows < maxGroupRows {
		return nil
	}
	return e.file.closeGroup()
}

// repeats reports whether the first values of a column occur twice on average,
// so that a dictionary pays. Few values are not worth one. Of digits there are
// ten, whatever the times.
func repeats(column arrow.Array, k kind) bool {
	const few, enough = 100, 1024
	seen, values := make(map[any]bool), 0
	for row := 0; row < column.Len() && values < enough; row++ {
		if column.IsNull(row) {
			continue
		}
		values++
		switch c := column.(type) {
		case *array.String:
			seen[c.Value(row)] = true
		case *array.Int32:
			seen[c.Value(row)] = true
		case *array.Int64:
			seen[c.Value(row)] = true
		}
	}
	return values >= few && (k == digits || 2*len(seen) <= values)
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
