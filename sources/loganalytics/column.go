package loganalytics

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/kustash/kustash/pipeline"
)

// column collects the values of one column for the next record.
type column struct {
	pipeline.Column
	read  func(d *decoder, c *column, first byte) error
	width int // bytes of a row beside the text itself
	builder

	// One of these is the builder.
	texts *textBuilder
	ints  *array.Int32Builder
	longs *array.Int64Builder
	reals *array.Float64Builder
	bools *array.BooleanBuilder
}

// builder is what all columns need of an array's builder.
type builder interface {
	AppendNull()
	Reserve(rows int)
	NewArray() arrow.Array
	Release()
}

func newColumn(name, kind string) (*column, error) {
	c := &column{Column: pipeline.Column{Name: name, Type: pipeline.Type(strings.ToLower(kind))}, width: 4}
	if c.Type == "double" {
		c.Type = pipeline.Real
	}
	if c.read = cellReaders[c.Type]; c.read == nil {
		return nil, fmt.Errorf("column %q has the unknown type %q", name, clipValue([]byte(kind)))
	}
	switch c.Type {
	case pipeline.Bool:
		c.bools = array.NewBooleanBuilder(memory.DefaultAllocator)
		c.builder, c.width = c.bools, 1
	case pipeline.Int:
		c.ints = array.NewInt32Builder(memory.DefaultAllocator)
		c.builder = c.ints
	case pipeline.Long:
		c.longs = array.NewInt64Builder(memory.DefaultAllocator)
		c.builder, c.width = c.longs, 8
	case pipeline.Real:
		c.reals = array.NewFloat64Builder(memory.DefaultAllocator)
		c.builder, c.width = c.reals, 8
	default:
		c.texts = &textBuilder{}
		c.builder = c.texts
	}
	return c, nil
}

// textBuilder builds a utf8 array. It does what Arrow's own builder does, but
// takes bytes, and pays for a bitmap only from the first null on: most columns
// of a wide table hold neither text nor null. The array owns the memory, since
// whoever keeps one may hold on to its texts for as long as they like.
type textBuilder struct {
	starts []int32 // of each value in data
	data   []byte
	valid  []byte // a bit for each value; nil while there is no null
	nulls  int
	last   int // length of data in the array before, a guess for the next
}

// Append appends a value. It copies v.
func (t *textBuilder) Append(v []byte) {
	if t.nulls > 0 {
		t.extend(1)
	}
	t.starts = append(t.starts, int32(len(t.data)))
	t.data = append(t.data, v...)
}

// AppendEmpty appends a text of no length.
func (t *textBuilder) AppendEmpty() {
	if t.nulls > 0 {
		t.extend(1)
	}
	t.starts = append(t.starts, int32(len(t.data)))
}

// AppendNull implements builder.
func (t *textBuilder) AppendNull() {
	if t.nulls == 0 {
		t.valid = make([]byte, len(t.starts)/8, cap(t.starts)/8+1)
		for i := range t.valid {
			t.valid[i] = 0xff
		}
		if n := len(t.starts) % 8; n > 0 {
			t.valid = append(t.valid, 1<<n-1)
		}
	}
	t.extend(0)
	t.nulls++
	t.starts = append(t.starts, int32(len(t.data)))
}

func (t *textBuilder) extend(bit byte) {
	n := len(t.starts)
	if n%8 == 0 {
		t.valid = append(t.valid, 0)
	}
	t.valid[n/8] |= bit << (n % 8)
}

// Reserve implements builder.
func (t *textBuilder) Reserve(rows int) {
	t.starts = make([]int32, 0, rows+1)
	t.data = make([]byte, 0, t.last+t.last/8)
}

// NewArray implements builder: the builder is empty afterwards.
func (t *textBuilder) NewArray() arrow.Array {
	rows := len(t.starts)
	buffers := []*memory.Buffer{
		nil,
		memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(append(t.starts, int32(len(t.data))))),
		memory.NewBufferBytes(t.data),
	}
	if t.nulls > 0 {
		buffers[0] = memory.NewBufferBytes(t.valid)
	}
	data := array.NewData(arrow.BinaryTypes.String, rows, buffers, nil, t.nulls, 0)
	defer data.Release()
	*t = textBuilder{last: len(t.data)}
	return array.NewStringData(data)
}

// Release implements builder.
func (t *textBuilder) Release() {}
