package kql

import (
	"encoding/binary"
	"math"

	"github.com/kustash/kustash/pipeline"
)

// appendKey writes a value so that equal values, and no others, have equal
// bytes: ints equal longs, dynamic texts equal strings.
func appendKey(dst []byte, v Value) []byte {
	number := func(tag byte, n uint64) []byte {
		return binary.BigEndian.AppendUint64(append(dst, tag), n)
	}
	switch v := v.(type) {
	case nil:
		return append(dst, 'z')
	case bool:
		return append(dst, 'b', byte(truth(v)))
	case int32:
		return number('i', uint64(int64(v)))
	case int64:
		return number('i', uint64(v))
	case float64:
		if v == 0 {
			v = 0 // minus zero is zero
		}
		return number('f', math.Float64bits(v))
	case pipeline.Tick:
		return number('t', uint64(v))
	case Span:
		return number('p', uint64(v))
	case string:
		return append(number('s', uint64(len(v))), v...)
	case GUID:
		return append(number('s', uint64(len(v))), v...)
	case Dynamic:
		if p := plain(v); typeOf(p) != pipeline.Dynamic {
			return appendKey(dst, p)
		}
		return append(number('d', uint64(len(v))), v...)
	case Decimal:
		r := rational(v)
		if r == nil {
			return append(number('x', uint64(len(v))), v...)
		}
		s := r.RatString()
		return append(number('r', uint64(len(s))), s...)
	}
	return append(dst, '?')
}
