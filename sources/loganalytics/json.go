package loganalytics

import (
	"fmt"
	"io"
)

const (
	bufferSize = 128 << 10
	maxText    = 64 << 20 // bytes of one text or one dynamic value
	maxDepth   = 200      // lists and objects inside each other in one value
)

// jsonReader reads JSON from a stream through one buffer of fixed size. It
// hands out views of that buffer, so a value costs no memory of its own; what
// crosses the buffer's end is put together in kept or scratch. It accepts what
// encoding/json accepts, and treats broken UTF-8 the same way.
//
// An error of the stream is returned as the very value that is kept in err, so
// that callers can tell it from a mistake in the text.
type jsonReader struct {
	r        io.Reader
	buf      []byte
	pos, end int   // buf[pos:end] is unread, and buf[end] is 0
	base     int64 // bytes of the stream before buf[0]
	err      error // of the stream, a *streamError, for good
	ended    bool  // err stands for the plain end of the stream
	textMax  int

	mark    int    // start in buf of the value that is kept as received; -1 if none
	kept    []byte // its part from earlier buffers
	spill   io.Writer
	scratch []byte // the text last read, if it is not a view of buf
}

// streamError makes errors of any type comparable.
type streamError struct{ err error }

func (e *streamError) Error() string { return e.err.Error() }
func (e *streamError) Unwrap() error { return e.err }

func newJSONReader(r io.Reader) jsonReader {
	return jsonReader{r: r, buf: make([]byte, bufferSize+1), textMax: maxText, mark: -1}
}

// fill replaces the buffer, which has been read to its end.
func (j *jsonReader) fill() error {
	if j.mark >= 0 {
		if err := j.keep(j.buf[j.mark:j.end]); err != nil {
			return err
		}
		j.mark = 0
	}
	j.base += int64(j.end)
	j.pos, j.end, j.buf[0] = 0, 0, 0
	for range 100 {
		if j.err != nil {
			return j.err
		}
		n, err := j.r.Read(j.buf[:len(j.buf)-1])
		if err == io.EOF {
			j.err, j.ended = &streamError{io.ErrUnexpectedEOF}, true
		} else if err != nil {
			j.err = &streamError{err}
		}
		if n > 0 {
			j.end, j.buf[n] = n, 0
			return nil
		}
	}
	if j.err == nil {
		j.err = &streamError{io.ErrNoProgress}
	}
	return j.err
}

// next returns the first byte that is not white space, without taking it.
func (j *jsonReader) next() (byte, error) {
	if c := j.buf[j.pos]; c > ' ' {
		return c, nil
	}
	return j.nextBeyond()
}

func (j *jsonReader) nextBeyond() (byte, error) {
	for {
		for j.pos < j.end {
			c := j.buf[j.pos]
			if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return c, nil
			}
			j.pos++
		}
		if err := j.fill(); err != nil {
			return 0, err
		}
	}
}

// peek returns the byte at hand, white space or not, without taking it.
func (j *jsonReader) peek() (byte, error) {
	if c := j.buf[j.pos]; c != 0 {
		return c, nil
	}
	return j.peekBeyond()
}

func (j *jsonReader) peekBeyond() (byte, error) {
	if j.pos == j.end {
		if err := j.fill(); err != nil {
			return 0, err
		}
	}
	return j.buf[j.pos], nil
}

// take returns the byte at hand and goes past it.
func (j *jsonReader) take() (byte, error) {
	c, err := j.peek()
	if err == nil {
		j.pos++
	}
	return c, err
}

// close takes white space and then either a comma, which means that more
// follows, or the bracket that ends a list or an object.
func (j *jsonReader) close(bracket byte) (more bool, err error) {
	c, err := j.next()
	if err != nil {
		return false, err
	}
	if c != ',' && c != bracket {
		return false, j.unexpected(c, fmt.Sprintf("a comma or %q", bracket))
	}
	j.pos++
	return c == ',', nil
}

func (j *jsonReader) unexpected(c byte, want string) error {
	return fmt.Errorf("unexpected %s at byte %d, want %s", showByte(c), j.base+int64(j.pos), want)
}

func showByte(c byte) string {
	if c < 0x80 {
		return fmt.Sprintf("%q", c)
	}
	return fmt.Sprintf("byte 0x%02x", c)
}

// literal takes word, which is null, true or false.
func (j *jsonReader) literal(word string) error {
	if j.end-j.pos >= len(word) && string(j.buf[j.pos:j.pos+len(word)]) == word {
		j.pos += len(word)
		return nil
	}
	for i := range len(word) {
		c, err := j.peek()
		if err != nil {
			return err
		}
		if c != word[i] {
			return j.unexpected(c, word)
		}
		j.pos++
	}
	return nil
}

// object takes an object. member is called with each key, which is valid until
// it takes the value, as it must.
func (j *jsonReader) object(member func(key []byte) error) error {
	if err := j.open('{', "an object"); err != nil {
		return err
	}
	for first, more := true, true; more; first = false {
		c, err := j.next()
		if err != nil {
			return err
		}
		if c == '}' && first {
			j.pos++
			return nil
		}
		key, err := j.key(c)
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if more, err = j.close('}'); err != nil {
			return err
		}
	}
	return nil
}

// key takes a key, whose first byte is c, and the colon behind it.
func (j *jsonReader) key(c byte) ([]byte, error) {
	if c != '"' {
		return nil, j.unexpected(c, "a key")
	}
	j.pos++
	key, err := j.text()
	if err != nil {
		return nil, err
	}
	if j.pos == j.end || j.buf[j.pos] != ':' {
		// What follows may need another buffer, and key may be a view of this one.
		j.scratch = append(j.scratch[:0], key...)
		key = j.scratch
	}
	return key, j.open(':', "a colon")
}

// list takes a list. element is called before each element and must take it.
func (j *jsonReader) list(element func() error) error {
	if err := j.open('[', "a list"); err != nil {
		return err
	}
	if c, err := j.next(); err != nil || c == ']' {
		j.pos++
		return err
	}
	for more := true; more; {
		err := element()
		if err == nil {
			more, err = j.close(']')
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// open takes white space and then c.
func (j *jsonReader) open(c byte, want string) error {
	got, err := j.next()
	if err != nil {
		return err
	}
	if got != c {
		return j.unexpected(got, want)
	}
	j.pos++
	return nil
}

// atEnd makes sure that nothing but white space follows. It reads up to the
// end of the stream, where a decompressor reports a wrong checksum.
func (j *jsonReader) atEnd() error {
	c, err := j.next()
	switch {
	case err == nil:
		return j.unexpected(c, "the end of the answer")
	case err == j.err && j.ended:
		return nil
	}
	return err
}
