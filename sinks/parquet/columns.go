package parquet

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/kustash/kustash/pipeline"
)

// values holds values of one column on their way out of a file. It is used
// again for the next: what scratch is for writing.
type values struct {
	levels   []int16 // 1 is a value, 0 a null
	booleans []bool
	int32s   []int32
	int64s   []int64
	doubles  []float64
	texts    []parquet.ByteArray
	decimals []parquet.FixedLenByteArray
	text     []byte

	// of the datetime whose seventh digits come in the next column
	micros      []int64
	microLevels []int16
}

// decode appends the next n values of a column to what they become in records.
// Microseconds become something only when their seventh digits have come.
func (v *values) decode(to array.Builder, from file.ColumnChunkReader, l leaf, n int64) (err error) {
	v.levels = slices.Grow(v.levels[:0], int(n))[:n]
	switch l.kind {
	case booleans:
		if v.booleans, err = next(v, v.booleans, n, from.(*file.BooleanColumnChunkReader).ReadBatch); err != nil {
			return err
		}
		each(v.levels, v.booleans, to, to.(*array.BooleanBuilder).Append)
	case int32s:
		if v.int32s, err = next(v, v.int32s, n, from.(*file.Int32ColumnChunkReader).ReadBatch); err != nil {
			return err
		}
		each(v.levels, v.int32s, to, to.(*array.Int32Builder).Append)
	case int64s:
		if v.int64s, err = next(v, v.int64s, n, from.(*file.Int64ColumnChunkReader).ReadBatch); err != nil {
			return err
		}
		each(v.levels, v.int64s, to, to.(*array.Int64Builder).Append)
	case doubles:
		if v.doubles, err = next(v, v.doubles, n, from.(*file.Float64ColumnChunkReader).ReadBatch); err != nil {
			return err
		}
		each(v.levels, v.doubles, to, to.(*array.Float64Builder).Append)
	case texts:
		if v.texts, err = next(v, v.texts, n, from.(*file.ByteArrayColumnChunkReader).ReadBatch); err != nil {
			return err
		}
		b := to.(*array.StringBuilder)
		each(v.levels, v.texts, b, func(text parquet.ByteArray) { b.BinaryBuilder.Append(text) })
		clear(v.texts) // they hold pages
	case decimals:
		if v.decimals, err = next(v, v.decimals, n, from.(*file.FixedLenByteArrayColumnChunkReader).ReadBatch); err != nil {
			return err
		}
		b := to.(*array.StringBuilder)
		each(v.levels, v.decimals, b, func(value parquet.FixedLenByteArray) {
			v.text = l.decimal.appendText(v.text[:0], value)
			b.BinaryBuilder.Append(v.text)
		})
		clear(v.decimals) // they hold pages
	case spans:
		if v.int64s, err = next(v, v.int64s, n, from.(*file.Int64ColumnChunkReader).ReadBatch); err != nil {
			return err
		}
		b := to.(*array.StringBuilder)
		each(v.levels, v.int64s, b, func(ticks int64) { b.Append(pipeline.SpanText(ticks)) })
	case nanos:
		if v.int64s, err = next(v, v.int64s, n, from.(*file.Int64ColumnChunkReader).ReadBatch); err != nil {
			return err
		}
		b := to.(*array.StringBuilder)
		each(v.levels, v.int64s, b, func(ns int64) { v.appendTime(b, pipeline.TickOfMicros(ofNanos(ns))) })
	case micros:
		v.micros, err = next(v, v.micros, n, from.(*file.Int64ColumnChunkReader).ReadBatch)
		v.microLevels = append(v.microLevels[:0], v.levels...)
	case digits:
		if v.int32s, err = next(v, v.int32s, n, from.(*file.Int32ColumnChunkReader).ReadBatch); err != nil {
			return err
		}
		return v.joinTimes(to.(*array.StringBuilder))
	default:
		err = fmt.Errorf("values of a kind that is not known")
	}
	return err
}

// next reads n values into the memory of dst and returns those that are not
// null.
func next[T any](v *values, dst []T, n int64, read func(int64, []T, []int16, []int16) (int64, int, error)) ([]T, error) {
	dst = slices.Grow(dst[:0], int(n))[:n]
	rows, found, err := read(n, dst, v.levels, nil)
	if err == nil && rows != n {
		err = fmt.Errorf("its pages end after %d of the next %d values", rows, n)
	}
	return dst[:found], err
}

// each hands the values to add, with the nulls between them.
func each[T any](levels []int16, values []T, to array.Builder, add func(T)) {
	to.Reserve(len(levels))
	for _, level := range levels {
		if level == 0 {
			to.AppendNull()
			continue
		}
		add(values[0])
		values = values[1:]
	}
}

// joinTimes appends the times that microseconds and seventh digits make.
func (v *values) joinTimes(to *array.StringBuilder) error {
	if !slices.Equal(v.levels, v.microLevels) {
		return fmt.Errorf("it has nulls in other rows than the microseconds before it")
	}
	at := 0
	each(v.levels, v.int32s, to, func(digit int32) {
		v.appendTime(to, pipeline.TickOfMicros(v.micros[at], digit))
		at++
	})
	return nil
}

// appendTime appends a time as the service writes it: trailing zeros of the
// fraction are cut.
func (v *values) appendTime(to *array.StringBuilder, at pipeline.Tick) {
	v.text = at.Time().AppendFormat(v.text[:0], "2006-01-02T15:04:05.9999999Z")
	to.BinaryBuilder.Append(v.text)
}
