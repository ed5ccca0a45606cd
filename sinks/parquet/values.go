package parquet

import (
	"bytes"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/kustash/kustash/pipeline"
)

// scratch holds the values of one column of one record on their way. It is
// used again for the next.
type scratch struct {
	levels   []int16 // 1 is a value, 0 a null
	booleans []bool
	int32s   []int32
	int64s   []int64
	doubles  []float64
	texts    []parquet.ByteArray
}

// write appends the column of a record. before is the number of rows that the
// file has, for messages.
func (s *scratch) write(w file.ColumnChunkWriter, column arrow.Array, l leaf, before int64) error {
	s.levels = s.levels[:0]
	for row := range column.Len() {
		level := int16(1)
		if column.IsNull(row) {
			level = 0
		}
		s.levels = append(s.levels, level)
	}
	var err error
	switch l.kind {
	case booleans:
		s.booleans = collect(s.booleans, column, column.(*array.Boolean).Value)
		_, err = w.(*file.BooleanColumnChunkWriter).WriteBatch(s.booleans, s.levels, nil)
	case int32s:
		s.int32s = collect(s.int32s, column, column.(*array.Int32).Value)
		_, err = w.(*file.Int32ColumnChunkWriter).WriteBatch(s.int32s, s.levels, nil)
	case int64s:
		s.int64s = collect(s.int64s, column, column.(*array.Int64).Value)
		_, err = w.(*file.Int64ColumnChunkWriter).WriteBatch(s.int64s, s.levels, nil)
	case doubles:
		s.doubles = collect(s.doubles, column, column.(*array.Float64).Value)
		_, err = w.(*file.Float64ColumnChunkWriter).WriteBatch(s.doubles, s.levels, nil)
	case texts:
		err = s.writeTexts(w, column.(*array.String))
	default:
		return s.writeParsed(w, column.(*array.String), l, before)
	}
	if err != nil {
		return fmt.Errorf("column %s: %w", l.name, err)
	}
	return nil
}

// collect returns the values that are not null, in dst's memory.
func collect[T any](dst []T, column arrow.Array, value func(int) T) []T {
	dst = dst[:0]
	for row := range column.Len() {
		if column.IsValid(row) {
			dst = append(dst, value(row))
		}
	}
	return dst
}

func (s *scratch) writeTexts(w file.ColumnChunkWriter, column *array.String) error {
	s.texts = s.texts[:0]
	values, first := column.ValueBytes(), column.ValueOffset(0)
	if values == nil {
		values = []byte{} // Arrow's statistics take nil for no value
	}
	start := 0 // of the values that Arrow looks at together
	for row := range column.Len() {
		if column.IsValid(row) {
			from, to := column.ValueOffset(row)-first, column.ValueOffset(row+1)-first
			s.texts = append(s.texts, values[from:to])
		}
		if row%batch == batch-1 || row == column.Len()-1 {
			detachExtremes(s.texts[start:])
			start = len(s.texts)
		}
	}
	_, err := w.(*file.ByteArrayColumnChunkWriter).WriteBatch(s.texts, s.levels, nil)
	clear(s.texts) // they hold the record
	return err
}

// detachExtremes gives the smallest and the largest text, and all equal ones,
// memory of their own. Arrow's statistics keep slices of what they were given
// until the row group ends, long after the record's memory may hold other
// values; a wrong minimum makes readers pass over rows.
func detachExtremes(texts []parquet.ByteArray) {
	if len(texts) == 0 {
		return
	}
	low, high := texts[0], texts[0]
	for _, t := range texts[1:] {
		switch {
		case bytes.Compare(t, low) < 0:
			low = t
		case bytes.Compare(t, high) > 0:
			high = t
		}
	}
	lowCopy, highCopy := bytes.Clone(low), bytes.Clone(high)
	for i, t := range texts {
		switch {
		case bytes.Equal(t, lowCopy):
			texts[i] = lowCopy
		case bytes.Equal(t, highCopy):
			texts[i] = highCopy
		}
	}
}

// writeParsed writes what a text stands for: a time or a timespan.
func (s *scratch) writeParsed(w file.ColumnChunkWriter, column *array.String, l leaf, before int64) error {
	s.int32s, s.int64s = s.int32s[:0], s.int64s[:0]
	for row := range column.Len() {
		if column.IsNull(row) {
			continue
		}
		if err := s.parse(column.Value(row), l); err != nil {
			return fmt.Errorf("column %s, row %d: %w", l.source.FileName(), before+int64(row)+1, err)
		}
	}
	var err error
	if l.kind == digits {
		_, err = w.(*file.Int32ColumnChunkWriter).WriteBatch(s.int32s, s.levels, nil)
	} else {
		_, err = w.(*file.Int64ColumnChunkWriter).WriteBatch(s.int64s, s.levels, nil)
	}
	return err
}

func (s *scratch) parse(text string, l leaf) error {
	if l.kind == spans {
		ticks, err := pipeline.ParseSpan(text)
		s.int64s = append(s.int64s, ticks)
		return err
	}
	tick, err := pipeline.ParseTime(text)
	if err != nil {
		return err
	}
	us, digit := tick.UnixMicros()
	switch l.kind {
	case digits:
		s.int32s = append(s.int32s, digit)
	case nanos:
		if us > math.MaxInt64/1000-1 || us < math.MinInt64/1000+1 {
			return fmt.Errorf("%s is beyond what nanoseconds can hold, 1678 to 2262; add datetime_columns = { %q = \"micros\" } to the block format \"parquet\"",
				text, l.source.FileName())
		}
		s.int64s = append(s.int64s, us*1000+int64(digit)*100)
	default:
		s.int64s = append(s.int64s, us)
	}
	return nil
}
