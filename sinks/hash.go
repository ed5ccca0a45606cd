package sinks

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// summer counts and hashes what passes to a writer. The first error sticks:
// encoders may forget what a write returned, the object must not.
type summer struct {
	w     io.Writer
	sum   hash.Hash
	bytes int64
	err   error
}

func newSummer(w io.Writer) *summer { return &summer{w: w, sum: sha256.New()} }

func (s *summer) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	s.err = err
	s.sum.Write(p[:max(0, min(n, len(p)))])
	s.bytes += int64(n)
	return n, err
}

func (s *summer) hex() string { return hex.EncodeToString(s.sum.Sum(nil)) }

// watched remembers the first error of reading, so that an object that cannot
// be read is told from one that is wrong.
type watched struct {
	r   io.ReaderAt
	err error
}

func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.r.ReadAt(p, off)
	if err != nil && err != io.EOF && w.err == nil {
		w.err = err
	}
	return n, err
}

// watch calls read with what it may read of r. If reading fails, that is the
// error: whatever read made of it says nothing about the object.
func watch(r io.ReaderAt, read func(io.ReaderAt) error) error {
	w := &watched{r: r}
	err := read(w)
	if w.err != nil {
		return w.err
	}
	return err
}
