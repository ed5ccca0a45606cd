package parquet

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/klauspost/compress/zstd"

	"github.com/kustash/kustash/pipeline"
)

// codec says how pages are compressed.
type codec struct {
	name  compress.Compression
	level int           // of gzip and of zstd's dictionary pages
	zstd  *zstd.Encoder // of zstd's data pages
}

// codecs of the setting compression, with their highest levels; the lowest is
// 1, and those without a level have none.
var codecs = map[string]struct {
	name    compress.Compression
	highest int
}{
	"zstd":   {compress.Codecs.Zstd, 22},
	"snappy": {compress.Codecs.Snappy, 0},
	"gzip":   {compress.Codecs.Gzip, 9},
	"none":   {compress.Codecs.Uncompressed, 0},
}

// newCodec returns the codec of these settings. level may be nil.
func newCodec(compression string, level *int) (codec, error) {
	if compression == "" {
		compression = "zstd"
	}
	known, ok := codecs[compression]
	if !ok {
		return codec{}, &pipeline.SettingError{Name: "compression", Err: fmt.Errorf("%q is none of zstd, snappy, gzip and none", compression)}
	}
	c := codec{name: known.name, level: compress.DefaultCompressionLevel}
	if level != nil {
		switch {
		case known.highest == 0:
			return codec{}, &pipeline.SettingError{Name: "level", Err: fmt.Errorf("%q has no levels", compression)}
		case *level < 1 || *level > known.highest:
			return codec{}, &pipeline.SettingError{Name: "level", Err: fmt.Errorf("%d is not between 1 and %d, the levels of %s", *level, known.highest, compression)}
		}
		c.level = *level
	}
	if c.name == compress.Codecs.Zstd {
		speed := zstd.SpeedDefault
		if level != nil {
			speed = zstd.EncoderLevelFromZstd(*level)
		}
		c.zstd, c.level = zstdEncoders[speed](), dictionaryLevel
	}
	return c, nil
}

// dictionaryLevel is that of zstd's dictionary pages. Arrow makes a new encoder
// for each, and those of higher levels take megabytes.
const dictionaryLevel = 1

// zstdEncoders are the encoders of the process, one a speed. They are safe for
// concurrent use and start no goroutines: nothing but EncodeAll is called.
var zstdEncoders = map[zstd.EncoderLevel]func() *zstd.Encoder{
	zstd.SpeedFastest:           zstdEncoder(zstd.SpeedFastest),
	zstd.SpeedDefault:           zstdEncoder(zstd.SpeedDefault),
	zstd.SpeedBetterCompression: zstdEncoder(zstd.SpeedBetterCompression),
	zstd.SpeedBestCompression:   zstdEncoder(zstd.SpeedBestCompression),
}

func zstdEncoder(speed zstd.EncoderLevel) func() *zstd.Encoder {
	return sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true), zstd.WithEncoderLevel(speed))
		if err != nil {
			panic(err) // of constant options
		}
		return e
	})
}

// compress returns the compressed bytes of src, in dst's memory if that is
// enough.
func (c codec) compress(dst, src []byte) ([]byte, error) {
	switch c.name {
	case compress.Codecs.Uncompressed:
		return src, nil
	case compress.Codecs.Zstd:
		return c.zstd.EncodeAll(src, dst[:0]), nil
	}
	arrow, err := compress.GetCodec(c.name)
	if err != nil {
		return nil, err
	}
	return arrow.EncodeLevel(dst[:cap(dst)], src, c.level), nil
}

// pages writes what Arrow hands over as pages of version 2 in version 1, which
// every reader knows. Arrow's own way to version 1 takes new memory for every
// run of nulls, and a new zstd encoder for every page.
type pages struct {
	file.PageWriter
	memory *pageMemory
	codec  codec
}

// pageMemory is what the columns of a file make their pages in.
type pageMemory struct{ plain, packed []byte }

// HasCompressor implements file.PageWriter: WriteDataPage compresses.
func (p *pages) HasCompressor() bool { return false }

// WriteDataPage implements file.PageWriter.
func (p *pages) WriteDataPage(page file.DataPage) (int64, error) {
	from, ok := page.(*file.DataPageV2)
	if !ok {
		return 0, fmt.Errorf("a page is a %T", page)
	}
	m := p.memory
	m.plain = binary.LittleEndian.AppendUint32(m.plain[:0], uint32(from.DefinitionLevelByteLen()))
	m.plain = append(m.plain, from.Data()...)
	data, err := p.codec.compress(m.packed, m.plain)
	if err != nil {
		return 0, err
	}
	if p.codec.name != compress.Codecs.Uncompressed {
		m.packed = data
	}
	rle := parquet.Encodings.RLE
	to := file.NewDataPageV1(memory.NewBufferBytes(data), from.NumValues(), parquet.Encoding(from.Encoding()), rle, rle, int32(len(m.plain)))
	defer to.Release()
	return p.PageWriter.WriteDataPage(to)
}
