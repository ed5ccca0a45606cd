package loganalytics

import (
	"fmt"
	"math"
	"strconv"

	"github.com/kustash/kustash/pipeline"
)

// cellReaders take one value other than null, whose first byte is at hand, and
// append it to the column.
var cellReaders = map[pipeline.Type]func(*decoder, *column, byte) error{
	pipeline.Bool:     (*decoder).readBool,
	pipeline.Int:      (*decoder).readInt,
	pipeline.Long:     (*decoder).readLong,
	pipeline.Real:     (*decoder).readReal,
	pipeline.Decimal:  (*decoder).readDecimal,
	pipeline.String:   (*decoder).readString,
	pipeline.Datetime: (*decoder).readTime,
	pipeline.Timespan: (*decoder).readSpan,
	pipeline.GUID:     (*decoder).readGUID,
	pipeline.Dynamic:  (*decoder).readDynamic,
}

// readCell takes one value, whose first byte is at hand.
func (d *decoder) readCell(c *column, first byte) error {
	if first != 'n' {
		return c.read(d, c, first)
	}
	if err := d.literal("null"); err != nil {
		return err
	}
	c.AppendNull()
	return nil
}

func (d *decoder) readBool(c *column, first byte) error {
	switch first {
	case 't':
		c.bools.Append(true)
		return d.literal("true")
	case 'f':
		c.bools.Append(false)
		return d.literal("false")
	case '0', '1':
		n, err := d.number()
		if err != nil {
			return err
		}
		if len(n) != 1 {
			return fmt.Errorf("%s is not true, false, 0 or 1", clipValue(n))
		}
		c.bools.Append(first == '1')
		return nil
	}
	return d.mismatch("true or false")
}

func (d *decoder) readInt(c *column, first byte) error {
	v, err := d.integer(c, first, math.MinInt32, math.MaxInt32)
	if err == nil {
		c.ints.Append(int32(v))
	}
	return err
}

func (d *decoder) readLong(c *column, first byte) error {
	v, err := d.integer(c, first, math.MinInt64, math.MaxInt64)
	if err == nil {
		c.longs.Append(v)
	}
	return err
}

// integer takes a number or a text that holds one.
func (d *decoder) integer(c *column, first byte, low, high int64) (int64, error) {
	if v, ok := d.shortInteger(); ok && v >= low && v <= high {
		return v, nil
	} else if ok {
		return 0, fmt.Errorf("%d %w %s", v, errRange, c.Type)
	}
	var b []byte
	var err error
	show := clipValue
	switch {
	case first == '"':
		d.pos++
		b, err = d.text()
		show = quoteValue
	case first == '-' || isDigit(first):
		b, err = d.number()
	default:
		err = d.mismatch("a number")
	}
	if err != nil {
		return 0, err
	}
	v, err := parseInteger(b)
	switch {
	case err == errRange || err == nil && (v < low || v > high):
		return 0, fmt.Errorf("%s %w %s", show(b), errRange, c.Type)
	case err != nil:
		return 0, fmt.Errorf("%s %w", show(b), err)
	}
	return v, nil
}

func (d *decoder) readReal(c *column, first byte) error {
	if v, ok := d.shortReal(); ok {
		c.reals.Append(v)
		return nil
	}
	if first == '"' {
		d.pos++
		b, err := d.text()
		if err == nil && !isSpecial(b) {
			err = fmt.Errorf("%s %w", quoteValue(b), errNotNumber)
		}
		if err != nil {
			return err
		}
		v, _ := strconv.ParseFloat(string(b), 64)
		c.reals.Append(v)
		return nil
	}
	if first != '-' && !isDigit(first) {
		return d.mismatch("a number")
	}
	b, err := d.number()
	if err != nil {
		return err
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil { // of a well-formed number: too large
		return fmt.Errorf("%s %w real", clipValue(b), errRange)
	}
	c.reals.Append(v)
	return nil
}

func (d *decoder) readDecimal(c *column, first byte) error {
	if first == '-' || isDigit(first) {
		b, err := d.number()
		if err == nil {
			d.appendText(c, b)
		}
		return err
	}
	b, err := d.textValue(first, "a number")
	if err == nil && !isDecimal(b) {
		err = fmt.Errorf("%s %w", quoteValue(b), errNotNumber)
	}
	if err == nil {
		d.appendText(c, b)
	}
	return err
}

func (d *decoder) readString(c *column, first byte) error {
	if first == '"' && d.buf[d.pos+1] == '"' {
		d.pos += 2
		c.texts.AppendEmpty()
		return nil
	}
	b, err := d.textValue(first, "a text")
	if err == nil {
		d.appendText(c, b)
	}
	return err
}

func (d *decoder) readTime(c *column, first byte) error {
	b, err := d.textValue(first, "a time")
	if err == nil {
		_, err = pipeline.ParseTime(b)
	}
	if err == nil {
		d.appendText(c, b)
	}
	return err
}

func (d *decoder) readSpan(c *column, first byte) error {
	b, err := d.textValue(first, "a timespan")
	if err == nil {
		_, err = pipeline.ParseSpan(b)
	}
	if err == nil {
		d.appendText(c, b)
	}
	return err
}

func (d *decoder) readGUID(c *column, first byte) error {
	b, err := d.textValue(first, "a GUID")
	if err == nil && !isGUID(b) {
		err = fmt.Errorf("%s is not a GUID", quoteValue(b))
	}
	if err == nil {
		d.appendText(c, b)
	}
	return err
}

// readDynamic keeps the text of a text, which may or may not be JSON, and any
// other value as received.
func (d *decoder) readDynamic(c *column, first byte) error {
	if first == '"' {
		return d.readString(c, first)
	}
	b, err := d.raw()
	if err == nil {
		d.appendText(c, asUTF8(b))
	}
	return err
}

// textValue takes a text, unescaped. The view is valid until the next call.
func (d *decoder) textValue(first byte, want string) ([]byte, error) {
	if first != '"' {
		return nil, d.mismatch(want)
	}
	d.pos++
	return d.text()
}

func (d *decoder) appendText(c *column, b []byte) {
	c.texts.Append(b)
	d.bytes += len(b)
}

// mismatch takes the value at hand, which is not what its column wants, and
// returns that as an error, or what is wrong with the value in itself.
func (d *decoder) mismatch(want string) error {
	b, err := d.raw()
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is not %s", clipValue(asUTF8(b)), want)
}

func quoteValue(b []byte) string { return strconv.Quote(clipValue(b)) }
