package kql

import "github.com/kustash/kustash/pipeline"

// Size returns the size of one cell in the engine's measure, which counts
// bytes of the engine's own form and not of the JSON on the wire: 8 for a long,
// one for each byte of a string (documented with estimate_data_size). The other
// widths are those of the types; a dynamic counts its text and 8 bytes of
// structure, for it is documented to be larger than the same text as a string.
// A null counts 0, as sparse tables would otherwise measure far above what is
// billed for them.
func Size(v Value) int64 {
	switch v := v.(type) {
	case bool:
		return 1
	case int32:
		return 4
	case int64, float64, pipeline.Tick, Span:
		return 8
	case Decimal, GUID:
		return 16
	case string:
		return int64(len(v))
	case Dynamic:
		return int64(len(v)) + 8
	}
	return 0
}
