package parquet

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v15/parquet/metadata"
)

// maxExtreme is how long a text in statistics may be.
const maxExtreme = 4096

// statistics are those of a column in a row group. Arrow's own hold on to the
// memory of records, say that there are 0 distinct values, take finite numbers
// for the extremes of infinite ones, and keep one extreme where only the other
// is too long, which some readers take for both.
type statistics struct {
	nulls    int64
	any      bool // whether extremes, of one type, are there
	ints     [2]int64
	doubles  [2]float64
	booleans [2]bool
	texts    [2][]byte // or decimals
}

func addInts[T int32 | int64](s *statistics, values []T) {
	for _, v := range values {
		n := int64(v)
		if !s.any {
			s.ints, s.any = [2]int64{n, n}, true
		}
		s.ints[0], s.ints[1] = min(s.ints[0], n), max(s.ints[1], n)
	}
}

func (s *statistics) addBooleans(values []bool) {
	for _, v := range values {
		if !s.any {
			s.booleans, s.any = [2]bool{v, v}, true
		}
		s.booleans[0], s.booleans[1] = s.booleans[0] && v, s.booleans[1] || v
	}
}

// addDoubles passes over NaN, as Parquet wants it: it has no place in an order.
func (s *statistics) addDoubles(values []float64) {
	for _, v := range values {
		if math.IsNaN(v) {
			continue
		}
		if !s.any {
			s.doubles, s.any = [2]float64{v, v}, true
		}
		s.doubles[0], s.doubles[1] = min(s.doubles[0], v), max(s.doubles[1], v)
	}
}

// addBytes adds texts or decimals. It copies what it keeps, and no more than
// shows that a text is too long: cutting does not change which is the smallest.
func addBytes[T ~[]byte](s *statistics, values []T, compare func(a, b []byte) int) {
	if len(values) == 0 {
		return
	}
	low, high := values[0], values[0]
	for _, v := range values[1:] {
		if compare(v, low) < 0 {
			low = v
		} else if compare(v, high) > 0 {
			high = v
		}
	}
	low, high = low[:min(len(low), maxExtreme+1)], high[:min(len(high), maxExtreme+1)]
	if !s.any || compare(low, s.texts[0]) < 0 {
		s.texts[0] = append(s.texts[0][:0], low...)
	}
	if !s.any || compare(high, s.texts[1]) > 0 {
		s.texts[1] = append(s.texts[1][:0], high...)
	}
	s.any = true
}

// compareSigned orders integers in two's complement, the highest byte first.
func compareSigned(a, b []byte) int {
	if (a[0]^b[0])&0x80 != 0 {
		return bytes.Compare(b[:1], a[:1])
	}
	return bytes.Compare(a, b)
}

// encode returns the statistics as Parquet writes them.
func (s *statistics) encode(k kind) (e metadata.EncodedStatistics) {
	e.SetNullCount(s.nulls)
	if !s.any || max(len(s.texts[0]), len(s.texts[1])) > maxExtreme {
		return e
	}
	// What is older than the orders of logical types is for numbers only.
	e.Signed = k != texts && k != decimals && k != booleans
	e.SetMin(s.extreme(0, k)).SetMax(s.extreme(1, k))
	return e
}

// extreme returns the smallest value, 0, or the largest, 1.
func (s *statistics) extreme(at int, k kind) []byte {
	switch k {
	case booleans:
		if s.booleans[at] {
			return []byte{1}
		}
		return []byte{0}
	case doubles:
		v := s.doubles[at]
		if v == 0 { // readers may not tell the two zeros apart
			v = math.Copysign(0, float64(at)-0.5)
		}
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
	case int32s, digits:
		return binary.LittleEndian.AppendUint32(nil, uint32(s.ints[at]))
	case texts, decimals:
		return append([]byte{}, s.texts[at]...) // nil would be none
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(s.ints[at]))
}
