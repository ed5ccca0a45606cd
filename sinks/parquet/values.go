package parquet

import (
	"bytes"
	"fmt"
	"math"
	"slices"

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
	decimals []parquet.FixedLenByteArray
	digits   []byte // of the decimals
}

// write appends the column of a record. before is the number of rows that the
// file has, for messages.
func (s *scratch) write(c *column, from arrow.Array, l leaf, before int64) (err error) {
	s.levels = s.levels[:0]
	for row := range from.Len() {
		level := int16(1)
		if from.IsNull(row) {
			level = 0
		}
		s.levels = append(s.levels, level)
	}
	c.stats.nulls += int64(from.NullN())
	switch l.kind {
	case booleans:
		s.booleans = collect(s.booleans, from, from.(*array.Boolean).Value)
		err = s.putBooleans(c)
	case int32s:
		s.int32s = collect(s.int32s, from, from.(*array.Int32).Value)
		err = s.putInt32s(c)
	case int64s:
		s.int64s = collect(s.int64s, from, from.(*array.Int64).Value)
		err = s.putInt64s(c)
	case doubles:
		s.doubles = collect(s.doubles, from, from.(*array.Float64).Value)
		err = s.putDoubles(c)
	case texts:
		err = s.writeTexts(c, from.(*array.String))
	default:
		return s.writeParsed(c, from.(*array.String), l, before)
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

func (s *scratch) putBooleans(c *column) error {
	c.stats.addBooleans(s.booleans)
	return put(c, s.levels, s.booleans, nil, c.chunk.(*file.BooleanColumnChunkWriter).WriteBatch)
}

func (s *scratch) putInt32s(c *column) error {
	addInts(&c.stats, s.int32s)
	return put(c, s.levels, s.int32s, nil, c.chunk.(*file.Int32ColumnChunkWriter).WriteBatch)
}

func (s *scratch) putInt64s(c *column) error {
	addInts(&c.stats, s.int64s)
	return put(c, s.levels, s.int64s, nil, c.chunk.(*file.Int64ColumnChunkWriter).WriteBatch)
}

func (s *scratch) putDoubles(c *column) error {
	c.stats.addDoubles(s.doubles)
	return put(c, s.levels, s.doubles, nil, c.chunk.(*file.Float64ColumnChunkWriter).WriteBatch)
}

func (s *scratch) putDecimals(c *column) error {
	addBytes(&c.stats, s.decimals, compareSigned)
	return put(c, s.levels, s.decimals, nil, c.chunk.(*file.FixedLenByteArrayColumnChunkWriter).WriteBatch)
}

func (s *scratch) writeTexts(c *column, from *array.String) error {
	s.texts = s.texts[:0]
	values, first := from.ValueBytes(), from.ValueOffset(0)
	for row := range from.Len() {
		if from.IsValid(row) {
			s.texts = append(s.texts, values[from.ValueOffset(row)-first:from.ValueOffset(row+1)-first])
		}
	}
	defer clear(s.texts) // they hold the record
	addBytes(&c.stats, s.texts, bytes.Compare)
	length := func(text parquet.ByteArray) int { return len(text) }
	return put(c, s.levels, s.texts, length, c.chunk.(*file.ByteArrayColumnChunkWriter).WriteBatch)
}

// writeParsed writes what a text stands for: a time, a timespan or a number.
func (s *scratch) writeParsed(c *column, from *array.String, l leaf, before int64) error {
	s.int32s, s.int64s, s.digits = s.int32s[:0], s.int64s[:0], s.digits[:0]
	for row := range from.Len() {
		if from.IsNull(row) {
			continue
		}
		if err := s.parse(from.Value(row), l); err != nil {
			return fmt.Errorf("column %s, row %d: %w", l.source.FileName(), before+int64(row)+1, err)
		}
	}
	switch l.kind {
	case digits:
		return s.putInt32s(c)
	case decimals:
		s.decimals = s.decimals[:0]
		for value := range slices.Chunk(s.digits, l.length()) {
			s.decimals = append(s.decimals, value)
		}
		return s.putDecimals(c)
	}
	return s.putInt64s(c)
}

func (s *scratch) parse(text string, l leaf) (err error) {
	switch l.kind {
	case spans:
		ticks, err := pipeline.ParseSpan(text)
		s.int64s = append(s.int64s, ticks)
		return err
	case decimals:
		if s.digits, err = l.decimal.appendValue(s.digits, text); err != nil {
			return l.decimal.refuse(l.source.FileName(), text, err)
		}
		return nil
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
