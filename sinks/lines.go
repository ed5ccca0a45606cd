package sinks

import (
	"bufio"
	"fmt"
	"io"
)

// flushAt is how many bytes of text are collected before they are handed on.
const flushAt = 64 << 10

// MaxLine is how many bytes the text of a row may have, its end included. A
// row of an answer is shorter, because the service sends no answer of that
// size; what is longer when it is read was not written here, and reading it
// costs no more memory than this.
const MaxLine = 128 << 20

// Lines collects the lines of a text format and hands them on in large pieces,
// compressed or not. Formats append to Text and call Flush after each line.
type Lines struct {
	Text []byte
	full int // bytes of Text that are whole lines
	w    io.Writer
	zip  io.Closer // nil: not compressed
}

// NewLines returns a Lines that writes to w. Equal lines give equal bytes.
func NewLines(w io.Writer, c Compression) (*Lines, error) {
	zip, err := c.writer(w)
	if err != nil {
		return nil, err
	}
	if zip == nil {
		return &Lines{w: w}, nil
	}
	return &Lines{w: zip, zip: zip}, nil
}

// Flush ends a line, and hands on what is collected if that is enough. A line
// longer than MaxLine is an error.
func (l *Lines) Flush() error {
	if n := len(l.Text) - l.full; n > MaxLine {
		return fmt.Errorf("a row of %d MB is more than a text file may hold; use the format parquet", n>>20)
	}
	l.full = len(l.Text)
	if l.full < flushAt {
		return nil
	}
	return l.hand()
}

func (l *Lines) hand() error {
	_, err := l.w.Write(l.Text)
	l.Text, l.full = l.Text[:0], 0
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

// LineReader reads the text that a Lines has written. It never hands out more
// than MaxLine bytes, and what one Read fills, between two calls of Next: who
// collects a line has it in bounded memory, whatever it unpacks to.
type LineReader struct {
	r    io.Reader
	read int64 // since Next
}

// ReadLines returns the text of an object.
func ReadLines(r io.ReaderAt, size int64, c Compression) (*LineReader, error) {
	text, err := c.reader(bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 256<<10))
	if err != nil {
		return nil, err
	}
	return &LineReader{r: text}, nil
}

// Next says that a line was read to its end.
func (l *LineReader) Next() { l.read = 0 }

// Read implements io.Reader.
func (l *LineReader) Read(p []byte) (int, error) {
	if l.read > MaxLine {
		return 0, fmt.Errorf("a line of more than %d MB", MaxLine>>20)
	}
	n, err := l.r.Read(p)
	l.read += int64(n)
	return n, err
}
