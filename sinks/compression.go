package sinks

import (
	"bufio"
	stdgzip "compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/kustash/kustash/pipeline"
)

// Compression is how the text of a format is compressed. The zero value
// leaves it as it is.
type Compression struct {
	name  string // "", "gzip" or "zstd"
	level int    // 0: the library's own
}

// levels are the highest ones that the programs of these names know.
var levels = map[string]int{"gzip": 9, "zstd": 22}

// maxWindow is how far back a zstd frame may refer, at any level: as much as
// every reader of zstd is asked to keep.
const maxWindow = 8 << 20

// ParseCompression reads the settings "compression" and "level" of a text
// format; nil is no level. A value that is none of those allowed is a
// *pipeline.SettingError.
func ParseCompression(name string, level *int) (Compression, error) {
	name, err := Choice("compression", name, "none", "gzip", "zstd")
	if err != nil {
		return Compression{}, err
	}
	c := Compression{}
	if name != "none" {
		c.name = name
	}
	if level == nil {
		return c, nil
	}
	highest := levels[c.name]
	switch {
	case highest == 0:
		err = errors.New(`a level needs compression = "gzip" or "zstd"`)
	case *level < 1 || *level > highest:
		err = fmt.Errorf("%d is none of the levels 1 to %d of %s", *level, highest, name)
	}
	if err != nil {
		return Compression{}, &pipeline.SettingError{Name: "level", Err: err}
	}
	c.level = *level
	return c, nil
}

// Ext returns the extension of compressed objects of a format, such as
// "csv.gz" for "csv".
func (c Compression) Ext(ext string) string {
	return ext + map[string]string{"gzip": ".gz", "zstd": ".zst"}[c.name]
}

// writer returns what compresses to w; nil if nothing does. Equal texts give
// equal bytes: no header holds a name or a time.
func (c Compression) writer(w io.Writer) (io.WriteCloser, error) {
	switch c.name {
	case "gzip":
		level := gzip.DefaultCompression
		if c.level > 0 {
			level = c.level
		}
		z, err := gzip.NewWriterLevel(w, level)
		if err != nil {
			return nil, err
		}
		z.ModTime = time.Unix(0, 0)
		return z, nil
	case "zstd":
		level := zstd.SpeedDefault
		if c.level > 0 {
			level = zstd.EncoderLevelFromZstd(c.level)
		}
		// One at a time starts no goroutines; an empty text needs a frame too.
		return zstd.NewWriter(w, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
			zstd.WithZeroFrames(true), zstd.WithLowerEncoderMem(true))
	}
	return nil, nil
}

// reader returns the text that was compressed to r: gzip by another
// implementation than that of writer, zstd by the same one, which compares the
// checksum of each frame.
func (c Compression) reader(r *bufio.Reader) (io.Reader, error) {
	switch c.name {
	case "gzip":
		z, err := stdgzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return z, nil
	case "zstd":
		// No bytes at all are no frame, which the library lets pass.
		if _, err := r.Peek(1); err != nil {
			return nil, fmt.Errorf("zstd: %w", unexpected(err))
		}
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return z, nil
	}
	return r, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
