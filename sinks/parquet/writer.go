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
	pageSize   = 512 << 10
	dictionary = 1 << 20 // bytes of a column's dictionary, from which on it does not pay
	batch      = 256     // values after which the size of a page is looked at

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
	props   *parquet.WriterProperties
	schema  *schema.Schema
	meta    *metadata.FileMetaDataBuilder
	group   *metadata.RowGroupMetaDataBuilder // nil between groups
	columns []file.ColumnChunkWriter          // of the group
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
	props := []parquet.WriterProperty{
		parquet.WithAllocator(memory.DefaultAllocator),
		parquet.WithCompression(codec),
		parquet.WithDataPageSize(pageSize),
		parquet.WithDictionaryPageSizeLimit(dictionary),
		parquet.WithBatchSize(batch),
		parquet.WithRootRepetition(parquet.Repetitions.Required),
	}
	if codec == compress.Codecs.Zstd {
		props = append(props, parquet.WithCompressionLevel(dictionaryLevel))
	}
	for i, l := range leaves {
		props = append(props, parquet.WithDictionaryFor(s.Column(i).Path(), types[l.kind].dictionary))
	}
	f := &writer{out: tell{w: w}, codec: codec, props: parquet.NewWriterProperties(props...), schema: s}
	f.meta = metadata.NewFileMetadataBuilder(s, f.props, make(metadata.KeyValueMetadata, 0))
	if err := f.meta.AppendKeyValueMetadata("ARROW:schema", arrowText); err != nil {
		return nil, err
	}
	_, err = io.WriteString(&f.out, magic)
	return f, err
}

// open begins a row group where there is none.
func (f *writer) open() error {
	if f.group != nil {
		return nil
	}
	if f.groups > math.MaxInt16 {
		return fmt.Errorf("more than %d row groups", math.MaxInt16)
	}
	f.group = f.meta.AppendRowGroup()
	f.columns = make([]file.ColumnChunkWriter, f.schema.NumColumns())
	for i := range f.columns {
		column := f.group.NextColumnChunk()
		path := column.Descr().Path()
		pages, err := file.NewPageWriter(&f.out, f.codec, f.props.CompressionLevelFor(path), column,
			int16(f.groups), int16(i), f.props.Allocator(), true, nil, nil)
		if err != nil {
			return err
		}
		if f.codec == compress.Codecs.Zstd {
			pages = &zstdPages{pages}
		}
		f.columns[i] = file.NewColumnChunkWriter(column, pages, f.props)
	}
	f.groups++
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
