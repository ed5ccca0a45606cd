package loganalytics

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
)

// Limits of a record: the first that is reached ends it.
const (
	recordRows  = 16384
	recordBytes = 8 << 20
)

// errEmptyAnswer is returned for a body without anything but white space. The
// service sends one with status 200 if it does not understand the request.
var errEmptyAnswer = errors.New("empty answer")

// decodeAnswer reads one whole answer of the query route from r, which must
// not be compressed any more, up to its end, and hands the rows of the first
// table to emit. It holds one record in memory, never the answer.
//
// emit is called at least once if the first table has columns, with a record
// without rows if the table has none. All records have the schema
// answer.Columns.Arrow(). A record is valid until emit returns; whoever keeps
// it longer calls Retain. An error of emit is returned unchanged.
//
// A nil error means that the body was complete, of the shape that the service
// documents, and that every value fits its column. Whether Err, or a row count
// in Stats that differs from Rows, makes the answer void is for the caller to
// say. Any other error voids the rows handed over. It is errEmptyAnswer for an
// empty body, and wraps io.ErrUnexpectedEOF for one that ends too early; the
// answer returned with it holds what was read until then.
func decodeAnswer(r io.Reader, emit func(arrow.Record) error) (answer, error) {
	d := &decoder{jsonReader: newJSONReader(r), emit: emit, maxRows: recordRows, maxBytes: recordBytes}
	return d.decode()
}

// decoder walks over an answer.
type decoder struct {
	jsonReader
	emit              func(arrow.Record) error
	maxRows, maxBytes int

	answer  answer
	key     string // of the answer, whose value is being read
	columns []*column
	schema  *arrow.Schema
	width   int   // bytes of a row beside its texts
	row     int64 // rows of the first table so far, with the one being read
	inRow   bool

	rows, bytes int  // in the next record
	expect      int  // rows of the record before
	emitted     bool // at least one record
	refused     bool // emit has returned an error
}

func (d *decoder) decode() (answer, error) {
	defer d.release()
	err := d.readAnswer()
	switch {
	case err == nil || d.refused || err == errEmptyAnswer:
	case err != d.err:
		err = fmt.Errorf("read answer: %w", err)
	case d.ended:
		err = fmt.Errorf("answer ends %s: %w", d.place(), err)
	default:
		err = fmt.Errorf("read answer %s: %w", d.place(), err)
	}
	return d.answer, err
}

func (d *decoder) release() {
	for _, c := range d.columns {
		c.Release()
	}
}

// place says how far the answer has been read.
func (d *decoder) place() string {
	switch {
	case d.inRow:
		return fmt.Sprintf("inside row %d", d.row)
	case d.key == "":
		return "before its closing brace"
	case d.key == "tables" && d.row > 0:
		return fmt.Sprintf("after row %d", d.row)
	}
	return fmt.Sprintf("inside %q", d.key)
}

func (d *decoder) readAnswer() error {
	c, err := d.next()
	if err != nil {
		if d.ended {
			return errEmptyAnswer
		}
		return err
	}
	if c != '{' {
		return fmt.Errorf("not a JSON object: it begins with %q", clipValue(asUTF8(d.buf[d.pos:d.end])))
	}
	seen := once{}
	if err := d.object(func(key []byte) error { return d.member(string(key), seen) }); err != nil {
		return err
	}
	if d.answer.Tables == 0 && d.answer.Err == nil {
		return errors.New("neither a table nor an error in it")
	}
	return d.atEnd()
}

// member reads the value of one of the answer's keys.
func (d *decoder) member(key string, seen once) error {
	d.key = clipValue([]byte(key))
	var err error
	var raw []byte
	switch key {
	case "tables", "statistics", "error", "permissions":
		err = seen.add(key)
	}
	switch {
	case err != nil:
	case key == "tables":
		err = d.readTables()
	case key == "statistics":
		if raw, err = d.raw(); err == nil {
			d.answer.Stats = parseStats(raw)
		}
	case key == "permissions":
		if raw, err = d.raw(); err == nil {
			d.answer.Permissions, err = parsePermissions(raw)
		}
	case key == "error":
		if raw, err = d.raw(); err == nil {
			d.answer.Err = parseError(raw, maxDepth)
		}
	default:
		err = d.skip(maxDepth)
	}
	if err == nil {
		d.key = ""
	}
	return err
}

// once remembers the keys of an object that must not come twice.
type once map[string]bool

func (o once) add(key string) error {
	if o[key] {
		return fmt.Errorf("key %q comes twice", key)
	}
	o[key] = true
	return nil
}
