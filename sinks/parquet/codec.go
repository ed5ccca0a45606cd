package parquet

import (
	"bytes"
	"fmt"
	"sync"

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
			return codec{}, &pipeline.SettingError{Name: "level", Err: fmt.Errorf("compression = %q has no levels", compression)}
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

// Arrow makes a new encoder for every dictionary page, and those of higher
// levels take megabytes each. Data pages do not use this level.
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

// zstdPages compresses data pages with one of the encoders of the process.
type zstdPages struct {
	file.PageWriter
	encoder *zstd.Encoder
}

// Compress implements file.PageWriter.
func (p *zstdPages) Compress(buf *bytes.Buffer, src []byte) []byte {
	return p.encoder.EncodeAll(src, buf.AvailableBuffer())
}
