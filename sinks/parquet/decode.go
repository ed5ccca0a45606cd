package parquet

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Exact implements sinks.Decoder: of a decimal128 comes back the number, but
// not whether its text was 1.5, 1.50 or 15E-1.
func (f *Format) Exact(columns pipeline.Schema) bool {
	for _, c := range columns {
		if f.kindOf(c) == decimals {
			return false
		}
	}
	return true
}

const (
	decodedRows  = 4096     // of a record at most
	decodedBytes = 4 << 20  // that a record is meant to have, by the average of its row group
	readBuffers  = 16 << 20 // of all columns together
)

// Decode implements sinks.Decoder. It has a page of each column in memory, and a
// record. A decimal128 becomes the shortest text of the number, for callers
// that Exact has told so; to others it is pipeline.ErrInexact.
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
	if f.Exact(m.Columns) {
		for _, l := range leaves {
			if l.kind == decimals {
				return fmt.Errorf("%w: column %s holds numbers (decimal = { %q = %q })", pipeline.ErrInexact, l.name, l.name, l.decimal)
			}
		}
	}
	props := parquet.NewReaderProperties(memory.NewGoAllocator())
	props.BufferedStreamEnabled = true // else Arrow reads whole columns
	props.BufferSize = int64(max(16<<10, min(256<<10, readBuffers/max(1, len(leaves)))))
	in, err := file.NewParquetReader(io.NewSectionReader(r, 0, size), file.WithReadProps(props))
	if err != nil {
		return err
	}
	defer in.Close()
	if n := in.MetaData().Schema.NumColumns(); n != len(leaves) {
		return fmt.Errorf("%d columns of %d", n, len(leaves))
	}
	d := &decoder{leaves: leaves, record: array.NewRecordBuilder(memory.NewGoAllocator(), m.Columns.Arrow()), emit: emit}
	defer d.record.Release()
	for i := range in.NumRowGroups() {
		if err := d.decodeGroup(ctx, in.RowGroup(i)); err != nil {
			return fmt.Errorf("row group %d: %w", i+1, err)
		}
	}
	if !d.emitted {
		return d.hand()
	}
	return nil
}

// decoder turns row groups into records.
type decoder struct {
	leaves  []leaf
	record  *array.RecordBuilder
	emit    func(arrow.Record) error
	emitted bool
	values  values
}

func (d *decoder) decodeGroup(ctx context.Context, group *file.RowGroupReader) error {
	rows := group.NumRows()
	columns := make([]file.ColumnChunkReader, len(d.leaves))
	for i, l := range d.leaves {
		var err error
		if columns[i], err = group.Column(i); err != nil {
			return fmt.Errorf("column %s: %w", l.name, err)
		}
	}
	width := max(1, group.ByteSize()/max(1, rows))
	step := max(1, min(decodedRows, decodedBytes/width))
	for done := int64(0); done < rows; done += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(step, rows-done)
		for i, l := range d.leaves {
			if err := d.values.decode(d.record.Field(l.column), columns[i], l, n); err != nil {
				return fmt.Errorf("column %s, after %d rows: %w", l.name, done, err)
			}
		}
		if err := d.hand(); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) hand() error {
	rec := d.record.NewRecord()
	defer rec.Release()
	d.emitted = true
	return d.emit(rec)
}
