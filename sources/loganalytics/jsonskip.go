package loganalytics

import "fmt"

// skip takes a value of any kind, checking it, with lists and objects in it
// nested no deeper than depth.
func (j *jsonReader) skip(depth int) error {
	c, err := j.next()
	if err != nil {
		return err
	}
	switch {
	case c == '"':
		j.pos++
		return j.skipText()
	case c == '-' || isDigit(c):
		return j.skipNumber()
	case c == 't':
		return j.literal("true")
	case c == 'f':
		return j.literal("false")
	case c == 'n':
		return j.literal("null")
	case c != '[' && c != '{':
		return j.unexpected(c, "a value")
	case depth == 0:
		return fmt.Errorf("value at byte %d is nested too deeply", j.base+int64(j.pos))
	case c == '[':
		return j.list(func() error { return j.skip(depth - 1) })
	}
	return j.object(func([]byte) error { return j.skip(depth - 1) })
}

func (j *jsonReader) skipText() error {
	for {
		n, _ := plain(j.buf[j.pos:j.end])
		j.pos += n
		c, err := j.take()
		if err != nil {
			return err
		}
		switch {
		case c == '"':
			return nil
		case c == '\\':
			if j.scratch, err = j.escape(j.scratch[:0]); err != nil {
				return err
			}
		case c < ' ':
			j.pos--
			return j.unexpected(c, "a text without control characters")
		default: // the first byte of a new buffer
			j.pos--
		}
	}
}

// skipNumber takes a number, which JSON does not allow to begin with a plus
// sign, a point or a needless zero.
func (j *jsonReader) skipNumber() error {
	c, err := j.peek()
	if err == nil && c == '-' {
		j.pos++
		c, err = j.peek()
	}
	if err == nil && c == '0' {
		j.pos++
	} else if err == nil {
		err = j.digits()
	}
	if err != nil {
		return err
	}
	if c, err = j.peek(); err == nil && c == '.' {
		j.pos++
		if err = j.digits(); err == nil {
			c, err = j.peek()
		}
	}
	if err == nil && (c == 'e' || c == 'E') {
		j.pos++
		if c, err = j.peek(); err == nil && (c == '+' || c == '-') {
			j.pos++
		}
		if err == nil {
			err = j.digits()
		}
	}
	return err
}

// digits takes at least one digit.
func (j *jsonReader) digits() error {
	c, err := j.peek()
	if err == nil && !isDigit(c) {
		err = j.unexpected(c, "a digit")
	}
	for err == nil && isDigit(j.buf[j.pos]) {
		if j.pos++; j.pos == j.end {
			err = j.fill()
		}
	}
	return err
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// number takes a number and returns it as received. The view is valid until
// the next call.
func (j *jsonReader) number() ([]byte, error) {
	j.begin()
	return j.finish(j.skipNumber())
}

// raw takes a value of any kind and returns it as received, without the white
// space around it. The view is valid until the next call.
func (j *jsonReader) raw() ([]byte, error) {
	if _, err := j.next(); err != nil {
		return nil, err
	}
	j.begin()
	return j.finish(j.skip(maxDepth))
}

// begin starts to keep what is read as received; finish returns it.
func (j *jsonReader) begin() { j.mark, j.kept = j.pos, j.kept[:0] }

func (j *jsonReader) finish(err error) ([]byte, error) {
	view := j.buf[max(j.mark, 0):j.pos]
	if err == nil && (len(j.kept) > 0 || j.spill != nil) {
		err = j.keep(view)
		view = j.kept
	}
	j.mark = -1
	return view, err
}

func (j *jsonReader) keep(b []byte) error {
	if j.spill != nil {
		_, err := j.spill.Write(b)
		return err
	}
	if len(j.kept)+len(b) > j.textMax {
		return fmt.Errorf("value that ends after byte %d is longer than %d bytes", j.base+int64(j.pos), j.textMax)
	}
	j.kept = append(j.kept, b...)
	return nil
}
