package sinks

import (
	"bufio"
	stdgzip "compress/gzip"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/kustash/kustash/pipeline"
)

// flushAt is how many bytes of text are collected before they are handed on.
const flushAt = 64 << 10

// Lines collects the lines of a text format and hands them on in large pieces,
// compressed or not. Formats append to Text and call Flush after each line.
type Lines struct {
	Text []byte
	w    io.Writer
	zip  *gzip.Writer // nil: not compressed
}

// NewLines returns a Lines that writes to w, with gzip if compress is set.
// Equal lines give equal bytes: the gzip header holds no name and no time.
func NewLines(w io.Writer, compress bool) *Lines {
	l := &Lines{w: w}
	if compress {
		l.zip = gzip.NewWriter(w)
		l.zip.ModTime = time.Unix(0, 0)
		l.w = l.zip
	}
	return l
}

// Gzip reads the setting "compression" of a text format. A value that is none
// of those allowed is a *pipeline.SettingError.
func Gzip(compression string) (bool, error) {
	switch compression {
	case "", "none":
		return false, nil
	case "gzip":
		return true, nil
	}
	return false, &pipeline.SettingError{Name: "compression", Err: fmt.Errorf("%q is none of none and gzip", compression)}
}

// Flush hands on what is collected, if that is enough.
func (l *Lines) Flush() error {
	if len(l.Text) < flushAt {
		return nil
	}
	return l.hand()
}

func (l *Lines) hand() error {
	_, err := l.w.Write(l.Text)
	l.Text = l.Text[:0]
	return err
}

// Close hands on the rest and ends the compression. It does not close the
// writer below.
func (l *Lines) Close() error {
	if err := l.hand(); err != nil {
		return err
	}
	if l.zip != nil {
		return l.zip.Close()
	}
	return nil
}

// ReadLines returns the text that was written by a Lines, by another
// implementation of gzip.
func ReadLines(r io.ReaderAt, size int64, compressed bool) (io.Reader, error) {
	text := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 256<<10)
	if !compressed {
		return text, nil
	}
	zip, err := stdgzip.NewReader(text)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return zip, nil
}
