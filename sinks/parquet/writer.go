package parquet

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

const magic = "PAR1"

const (
	pageSize   = 256 << 10
	dictionary = 1 << 20 // bytes of a column's dictionary, from which on it does not pay
	batch      = 1024    // rows after which, at the latest, the size of a page is looked at

	// Readers decode a page at a time. Larger ones make narrow columns no
	// smaller, and take longer.
	pageRows = 4096
)

// writer is a file of buffered row groups on top of Arrow's column writers. It
// does what Arrow's own file writer does, but loses no error, ends pages by their
// rows too, has its own statistics and compression, and lets go of each column
// once it is written.
type writer struct {
	out     tell
	codec   codec
	plain   *parquet.WriterProperties
	indexed *parquet.WriterProperties // for columns with a dictionary
	schema  *schema.Schema
	meta    *metadata.FileMetaDataBuilder
	group   *metadata.RowGroupMetaDataBuilder // nil between groups
	columns []*column                         // of the group; nil once written
	groups  int
	leaves  []leaf
	memory  pageMemory
	rows    int64 // of the columns of the group that are written
	size    int64 // of these before compression
}

// tell is the writer with a position that Arrow wants. It has no Close, which
// Arrow would call.
type tell struct {
	w   io.Writer
	pos int64
}

func (t *tell) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.pos += int64(n)
	return n, err
}

// Tell returns how many bytes were written.
func (t *tell) Tell() int64 { return t.pos }

func newWriter(w io.Writer, codec codec, leaves []leaf) (*writer, error) {
	s, err := schemaOf(leaves)
	if err != nil {
		return nil, err
	}
	arrowText, err := arrowSchema(leaves)
	if err != nil {
		return nil, err
	}
	f := &writer{out: tell{w: w}, codec: codec, plain: properties(codec, false), indexed: properties(codec, true), schema: s, leaves: leaves}
	f.meta = metadata.NewFileMetadataBuilder(s, f.plain, make(metadata.KeyValueMetadata, 0))
	if err := f.meta.AppendKeyValueMetadata("ARROW:schema", arrowText); err != nil {
		return nil, err
	}
	_, err = io.WriteString(&f.out, magic)
	return f, err
}

func properties(codec codec, indexed bool) *parquet.WriterProperties {
	return parquet.NewWriterProperties(
		parquet.WithAllocator(memory.DefaultAllocator),
		parquet.WithCompression(codec.name),
		parquet.WithCompressionLevel(codec.level),
		parquet.WithDataPageVersion(parquet.DataPageV2), // see pages
		parquet.WithDataPageSize(math.MaxInt64),         // put ends pages
		parquet.WithStats(false),                        // column has its own
		parquet.WithDictionaryDefault(indexed),
		parquet.WithDictionaryPageSizeLimit(dictionary),
		parquet.WithBatchSize(batch),
		parquet.WithRootRepetition(parquet.Repetitions.Required),
	)
}

// open begins a row group. indexed says of each column whether a dictionary
// pays.
func (f *writer) open(indexed func(column int) bool) error {
	if f.groups > math.MaxInt16 {
		return fmt.Errorf("more than %d row groups", math.MaxInt16+1)
	}
	f.group = f.meta.AppendRowGroup()
	f.columns = make([]*column, f.schema.NumColumns())
	for i := range f.columns {
		meta := f.group.NextColumnChunk()
		props := f.plain
		if indexed(i) {
			props = f.indexed
		}
		out, err := file.NewPageWriter(&f.out, f.codec.name, f.codec.level, meta, int16(f.groups), int16(i), props.Allocator(), true, nil, nil)
		if err != nil {
			return err
		}
		f.columns[i] = &column{meta: meta, chunk: file.NewColumnChunkWriter(meta, &pages{out, &f.memory, f.codec}, props)}
	}
	f.groups++
	f.rows, f.size = 0, 0
	return nil
}

// closeColumn writes a column of the row group out. All rows of the group are in
// it.
func (f *writer) closeColumn(i int) error {
	c := f.columns[i]
	f.columns[i] = nil
	if rows := int64(c.chunk.RowsWritten()); i == 0 {
		f.rows = rows
	} else if rows != f.rows {
		return fmt.Errorf("column %s has %d rows of %d", f.schema.Column(i).Name(), rows, f.rows)
	}
	if err := c.chunk.Close(); err != nil {
		return err
	}
	c.meta.SetStats(c.stats.encode(f.leaves[i].kind))
	f.size += c.meta.Contents().MetaData.TotalUncompressedSize
	return nil
}

// closeGroup writes the row group out, if there is one, but for columns that
// are written.
func (f *writer) closeGroup() error {
	if f.group == nil {
		return nil
	}
	for i, c := range f.columns {
		if c == nil {
			continue
		}
		if err := f.closeColumn(i); err != nil {
			return err
		}
	}
	f.group.SetNumRows(int(f.rows))
	if err := f.group.Finish(f.size, int16(f.groups-1)); err != nil {
		return err
	}
	f.group, f.columns = nil, nil
	return nil
}

// close writes the last row group and the footer.
func (f *writer) close() error {
	if err := f.closeGroup(); err != nil {
		return err
	}
	footer, err := f.meta.Finish()
	if err != nil {
		return err
	}
	for _, group := range footer.RowGroups {
		for _, column := range group.Columns {
			// Arrow counts no distinct values, and says that there are 0.
			if column.MetaData.Statistics != nil {
				column.MetaData.Statistics.DistinctCount = nil
			}
		}
	}
	before := f.out.pos
	if _, err := footer.WriteTo(&f.out, nil); err != nil {
		return err
	}
	end := binary.LittleEndian.AppendUint32(nil, uint32(f.out.pos-before))
	_, err = f.out.Write(append(end, magic...))
	return err
}

// column is one of the row group that is being written.
type column struct {
	chunk file.ColumnChunkWriter
	meta  *metadata.ColumnChunkMetaDataBuilder
	rows  int // of the page
	stats statistics
}

// pager is what Arrow's column writers do beside what their interface says.
type pager interface {
	EstimatedBufferedValueBytes() int64
	FlushCurrentPage() error
}

// put appends values and the nulls between them to a column, and ends its pages
// by their size and their rows. size says how long a value is; it is nil for
// those that are short.
func put[T any](c *column, levels []int16, values []T, size func(T) int, write func([]T, []int16, []int16) (int64, error)) error {
	pages, ok := c.chunk.(pager)
	if !ok {
		return fmt.Errorf("%T cannot end a page", c.chunk)
	}
	for len(levels) > 0 {
		rows, found, bytes := 0, 0, 0
		for rows < min(batch, len(levels)) && bytes < pageSize {
			if levels[rows] == 1 {
				if size != nil {
					bytes += size(values[found])
				}
				found++
			}
			rows++
		}
		written := c.chunk.TotalBytesWritten()
		if _, err := write(values[:found], levels[:rows], nil); err != nil {
			return err
		}
		levels, values = levels[rows:], values[found:]
		c.rows += rows
		if c.chunk.TotalBytesWritten() != written {
			c.rows = 0 // Arrow gave the dictionary up, and ended the page
		}
		if c.rows == 0 || c.rows < pageRows && pages.EstimatedBufferedValueBytes() < pageSize {
			continue
		}
		c.rows = 0
		if err := pages.FlushCurrentPage(); err != nil {
			return err
		}
	}
	return nil
}
