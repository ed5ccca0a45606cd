package parquet

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow/decimal128"

	"github.com/kustash/kustash/pipeline"
)

// maxPrecision is how many digits 128 bits can hold, whatever they are.
const maxPrecision = 38

// decimal is the type of a column that is kept as decimal128.
type decimal struct {
	precision int // digits, 1 to maxPrecision
	scale     int // of these, behind the point
}

// parseDecimal reads what the setting says of a column, such as "38,10".
func parseDecimal(text string) (d decimal, err error) {
	precision, scale, ok := strings.Cut(text, ",")
	if ok {
		d.precision, err = strconv.Atoi(strings.TrimSpace(precision))
	}
	if ok && err == nil {
		d.scale, err = strconv.Atoi(strings.TrimSpace(scale))
	}
	if !ok || err != nil {
		return d, fmt.Errorf("%q is no precision and scale, such as \"38,10\"", text)
	}
	return d, d.check()
}

func (d decimal) check() error {
	switch {
	case d.precision < 1 || d.precision > maxPrecision:
		return fmt.Errorf("the precision %d is not between 1 and %d", d.precision, maxPrecision)
	case d.scale < 0 || d.scale > d.precision:
		return fmt.Errorf("the scale %d is not between 0 and the precision %d", d.scale, d.precision)
	}
	return nil
}

// String returns the type as the setting has it.
func (d decimal) String() string { return fmt.Sprintf("%d,%d", d.precision, d.scale) }

// size returns how many bytes hold every value.
func (d decimal) size() int {
	return decimalLimits[d.precision].BitLen()/8 + 1 // one bit more, for the sign
}

// decimalLimits are the powers of ten that values of a precision are below.
var decimalLimits = func() (limits [maxPrecision + 1]*big.Int) {
	for p := range limits {
		limits[p] = new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p)), nil)
	}
	return limits
}()

// appendValue appends the value of a text: the number without its point, in
// two's complement, the highest byte first.
func (d decimal) appendValue(dst []byte, text string) ([]byte, error) {
	n, ok := parseNumber(text)
	if !ok {
		return dst, errors.New("it is no number in decimal digits")
	}
	zeros := n.exponent + int64(d.scale) // to append to its digits
	switch {
	case zeros < 0:
		return dst, fmt.Errorf("it has more digits behind the point than %d", d.scale)
	case int64(len(n.digits))+zeros > int64(d.precision):
		return dst, fmt.Errorf("it has more digits before the point than %d", d.precision-d.scale)
	}
	value := n.unscaled(int(zeros))
	hi, lo := uint64(value.HighBits()), value.LowBits()
	for shift := 8 * (d.size() - 1); shift >= 0; shift -= 8 {
		if shift >= 64 {
			dst = append(dst, byte(hi>>(shift-64)))
		} else {
			dst = append(dst, byte(lo>>shift))
		}
	}
	return dst, nil
}

// refuse returns the error about a text of a column that is no value of the
// type, with what to write so that it is.
func (d decimal) refuse(column, text string, err error) error {
	advice := fmt.Sprintf("take %q out of decimal", column)
	if n, ok := parseNumber(text); ok {
		scale := max(int64(d.scale), -n.exponent)
		whole := max(int64(d.precision-d.scale), int64(len(n.digits))+n.exponent)
		if whole+scale <= maxPrecision {
			advice = fmt.Sprintf("write decimal = { %q = \"%d,%d\" }", column, whole+scale, scale)
		}
	}
	return fmt.Errorf("%.60q does not fit %s: %w; %s in the block format \"parquet\"", text, d, err, advice)
}

// number is negative or not, and digits * 10^exponent. The digits have no
// zeros at their ends; 0 has none at all.
type number struct {
	negative bool
	digits   string
	exponent int64
}

// parseNumber reads digits with an optional sign, point and exponent.
func parseNumber(text string) (n number, ok bool) {
	switch {
	case strings.HasPrefix(text, "-"):
		n.negative = true
		fallthrough
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	}
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		var err error
		// One that is out of range comes back as the nearest that is not.
		n.exponent, err = strconv.ParseInt(text[at+1:], 10, 32)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return n, false
		}
		text = text[:at]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n.digits = whole + fraction
	if n.digits == "" || strings.Trim(n.digits, "0123456789") != "" {
		return n, false
	}
	n.exponent -= int64(len(fraction))
	trimmed := strings.TrimRight(n.digits, "0")
	n.exponent += int64(len(n.digits) - len(trimmed))
	if n.digits = strings.TrimLeft(trimmed, "0"); n.digits == "" {
		n.exponent = 0
	}
	return n, true
}

// unscaled returns the digits with zeros behind them, no more than maxPrecision
// in all, as a number.
func (n number) unscaled(zeros int) decimal128.Num {
	const half = maxPrecision / 2 // fits 64 bits
	all := n.digits + strings.Repeat("0", zeros)
	cut := max(0, len(all)-half)
	hi, lo := bits.Mul64(parseDigits(all[:cut]), 1e19)
	lo, carry := bits.Add64(lo, parseDigits(all[cut:]), 0)
	value := decimal128.New(int64(hi+carry), lo)
	if n.negative {
		return value.Negate()
	}
	return value
}

// parseDigits returns the value of at most 19 digits.
func parseDigits(digits string) (value uint64) {
	for _, c := range []byte(digits) {
		value = 10*value + uint64(c-'0')
	}
	return value
}

// number returns what appendValue has written.
func (d decimal) number(value []byte) *big.Int {
	n := new(big.Int).SetBytes(value)
	if len(value) > 0 && value[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(value))))
	}
	return n
}

// holds reports whether a value is one of the type.
func (d decimal) holds(value []byte) bool {
	return len(value) == d.size() && d.number(value).CmpAbs(decimalLimits[d.precision]) < 0
}

// appendText appends the shortest text of a value: no exponent, no zeros behind
// the last digit of the fraction.
func (d decimal) appendText(dst, value []byte) []byte {
	n := d.number(value)
	if n.Sign() < 0 {
		dst = append(dst, '-')
	}
	text := n.Abs(n).String()
	if missing := d.scale + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	point := len(text) - d.scale
	dst = append(dst, text[:point]...)
	if fraction := strings.TrimRight(text[point:], "0"); fraction != "" {
		dst = append(append(dst, '.'), fraction...)
	}
	return dst
}

// checkDecimals reports a column that the setting decimal names and that is
// none.
func (f *Format) checkDecimals(columns pipeline.Schema) error {
	for _, c := range columns {
		if _, ok := f.decimals[c.FileName()]; ok && c.Type != pipeline.Decimal {
			return fmt.Errorf("column %s is of the type %s, but named in decimal of the block format \"parquet\": take it out there, or write this query into a sink of its own",
				c.FileName(), c.Type)
		}
	}
	return nil
}
