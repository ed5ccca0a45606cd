package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
	"github.com/klauspost/compress/zstd"
)

const magic = "PAR1"

const (
	pageSize   = 256 << 10
	dictionary = 1 << 20 // bytes of a column's dictionary, from which on it does not pay
	batch      = 256     // values after which the size of a page is looked at

	// Arrow grows the memory of a page's definition levels by 64 bytes a time,
	// so a page of many rows costs their square. Readers, too, decode a page
	// at a time.
	pageRows = 4096

	// Arrow makes a new encoder for every dictionary page, and those of higher
	// levels take megabytes each. Data pages do not use this level.
	dictionaryLevel = 1
)

// writer is a file of buffered row groups on top of Arrow's column writers. It
// does what Arrow's own file writer does, but loses no error, keeps one zstd
// encoder, and lets go of each column once it is written.
type writer struct {
	out     tell
	codec   compress.Compression
	plain   *parquet.WriterProperties
	indexed *parquet.WriterProperties // for columns with a dictionary
	schema  *schema.Schema
	meta    *metadata.FileMetaDataBuilder
	group   *metadata.RowGroupMetaDataBuilder // nil between groups
	columns []file.ColumnChunkWriter          // of the group
	paged   int64                             // rows since the pages began
	groups  int
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

func newWriter(w io.Writer, codec compress.Compression, leaves []leaf) (*writer, error) {
	s, err := schemaOf(leaves)
	if err != nil {
		return nil, err
	}
	arrowText, err := arrowSchema(leaves)
	if err != nil {
		return nil, err
	}
	f := &writer{out: tell{w: w}, codec: codec, plain: properties(codec, false), indexed: properties(codec, true), schema: s}
	f.meta = metadata.NewFileMetadataBuilder(s, f.plain, make(metadata.KeyValueMetadata, 0))
	if err := f.meta.AppendKeyValueMetadata("ARROW:schema", arrowText); err != nil {
		return nil, err
	}
	_, err = io.WriteString(&f.out, magic)
	return f, err
}

func properties(codec compress.Compression, indexed bool) *parquet.WriterProperties {
	props := []parquet.WriterProperty{
		parquet.WithAllocator(memory.DefaultAllocator),
		parquet.WithCompression(codec),
		parquet.WithDataPageSize(pageSize),
		parquet.WithDictionaryDefault(indexed),
		parquet.WithDictionaryPageSizeLimit(dictionary),
		parquet.WithBatchSize(batch),
		parquet.WithRootRepetition(parquet.Repetitions.Required),
	}
	if codec == compress.Codecs.Zstd {
		props = append(props, parquet.WithCompressionLevel(dictionaryLevel))
	}
	return parquet.NewWriterProperties(props...)
}

// open begins a row group. indexed says of each column whether a dictionary
// pays.
func (f *writer) open(indexed func(column int) bool) error {
	if f.groups > math.MaxInt16 {
		return fmt.Errorf("more than %d row groups", math.MaxInt16)
	}
	f.group = f.meta.AppendRowGroup()
	f.columns = make([]file.ColumnChunkWriter, f.schema.NumColumns())
	for i := range f.columns {
		column := f.group.NextColumnChunk()
		props := f.plain
		if indexed(i) {
			props = f.indexed
		}
		level := props.CompressionLevelFor(column.Descr().Path())
		pages, err := file.NewPageWriter(&f.out, f.codec, level, column, int16(f.groups), int16(i), props.Allocator(), true, nil, nil)
		if err != nil {
			return err
		}
		if f.codec == compress.Codecs.Zstd {
			pages = &zstdPages{pages}
		}
		f.columns[i] = file.NewColumnChunkWriter(column, pages, props)
	}
	f.groups++
	f.paged = 0
	return nil
}

// endPages ends the pages of all columns once they have many rows.
func (f *writer) endPages(rows int64) error {
	if f.paged += rows; f.paged < pageRows {
		return nil
	}
	f.paged = 0
	for i, c := range f.columns {
		p, ok := c.(interface{ FlushCurrentPage() error })
		if !ok {
			return fmt.Errorf("column %s: %T cannot end a page", f.schema.Column(i).Name(), c)
		}
		// A page may have ended just now, by its size, and Arrow panics on one
		// without values.
		if s := c.PageStatistics(); s.NumValues()+s.NullCount() == 0 {
			continue
		}
		if err := p.FlushCurrentPage(); err != nil {
			return err
		}
	}
	return nil
}

// closeGroup writes the row group out, if there is one.
func (f *writer) closeGroup() error {
	if f.group == nil {
		return nil
	}
	rows, size := f.columns[0].RowsWritten(), int64(0)
	for i, c := range f.columns {
		if c.RowsWritten() != rows {
			return fmt.Errorf("column %s has %d rows of %d", f.schema.Column(i).Name(), c.RowsWritten(), rows)
		}
		if err := c.Close(); err != nil {
			return err
		}
		size += c.TotalBytesWritten()
		f.columns[i] = nil
	}
	f.group.SetNumRows(rows)
	if err := f.group.Finish(size, int16(f.groups-1)); err != nil {
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
	before := f.out.pos
	if _, err := footer.WriteTo(&f.out, nil); err != nil {
		return err
	}
	end := binary.LittleEndian.AppendUint32(nil, uint32(f.out.pos-before))
	_, err = f.out.Write(append(end, magic...))
	return err
}

// zstdPages compresses data pages with the one encoder of the process.
type zstdPages struct{ file.PageWriter }

// zstdEncoder is safe for concurrent use and starts no goroutines: nothing but
// EncodeAll is called.
var zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true))
	if err != nil {
		panic(err) // of constant options
	}
	return e
})

// Compress implements file.PageWriter.
func (p *zstdPages) Compress(buf *bytes.Buffer, src []byte) []byte {
	return zstdEncoder().EncodeAll(src, buf.AvailableBuffer())
}
