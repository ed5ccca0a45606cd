package parquet

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Exact implements sinks.Decoder.
func (f *Format) Exact(pipeline.Schema) bool { return true }

// decodedRows is how many rows are decoded at a time.
const decodedRows = 4096

// Decode implements sinks.Decoder.
func (f *Format) Decode(ctx context.Context, r io.ReaderAt, size int64, m sinks.Metadata, emit func(arrow.Record) error) (err error) {
	defer recovered(&err)
	footer, err := readFooter(r, size)
	if err != nil {
		return err
	}
	if len(footer.Schema) == 0 {
		return fmt.Errorf("the footer has no schema")
	}
	leaves, err := leavesOf(footer.Schema[1:], m.Columns)
	if err != nil {
		return err
	}
	in, err := file.NewParquetReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return err
	}
	defer in.Close()
	values, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{BatchSize: decodedRows}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	rows := sinks.NewRows(m.Columns, emit)
	return rows.Close(decodeGroups(ctx, values, leaves, rows))
}

func decodeGroups(ctx context.Context, in *pqarrow.FileReader, leaves []leaf, rows *sinks.Rows) error {
	for group := range in.ParquetReader().NumRowGroups() {
		records, err := in.GetRecordReader(ctx, nil, []int{group})
		if err != nil {
			return fmt.Errorf("row group %d: %w", group+1, err)
		}
		for records.Next() {
			if err = decodeRecord(records.Record(), leaves, rows); err != nil {
				break
			}
		}
		if err == nil && records.Err() != io.EOF {
			err = records.Err()
		}
		records.Release()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("row group %d: %w", group+1, err)
		}
	}
	return nil
}

func decodeRecord(rec arrow.Record, leaves []leaf, rows *sinks.Rows) error {
	if int(rec.NumCols()) != len(leaves) {
		return fmt.Errorf("%d columns of %d", rec.NumCols(), len(leaves))
	}
	for row := range int(rec.NumRows()) {
		for i, l := range leaves {
			column := rec.Column(i)
			switch {
			case l.kind == digits: // part of the column before
				continue
			case column.IsNull(row):
				rows.Null(l.column)
				continue
			}
			text := ""
			if l.kind == micros {
				digit, ok := rec.Column(i + 1).(*array.Int32)
				if !ok || digit.IsNull(row) {
					return fmt.Errorf("column %s has a value without its seventh digit", l.name)
				}
				text = timeText(int64(column.(*array.Timestamp).Value(row)), digit.Value(row))
			} else {
				text = valueText(column, row, l.kind)
			}
			if err := rows.Text(l.column, text); err != nil {
				return err
			}
		}
		if err := rows.End(); err != nil {
			return err
		}
	}
	return nil
}

// valueText returns a value as the service writes it.
func valueText(column arrow.Array, row int, k kind) string {
	switch c := column.(type) {
	case *array.String:
		return c.Value(row)
	case *array.Float64:
		return string(sinks.AppendReal(nil, c.Value(row)))
	case *array.Timestamp: // nanoseconds
		return timeText(ofNanos(int64(c.Value(row))))
	case *array.Int64:
		if k == spans {
			return pipeline.SpanText(c.Value(row))
		}
	}
	return column.ValueStr(row)
}

// timeText returns a time as the service writes it: trailing zeros of the
// fraction are cut.
func timeText(micros int64, digit int32) string {
	return pipeline.TickOfMicros(micros, digit).Time().Format("2006-01-02T15:04:05.9999999Z")
}
