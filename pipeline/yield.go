package pipeline

// Yield is how much of its input a query returns, as earlier slices have shown.
// The zero value takes the input for the output.
type Yield struct {
	inRows, outRows   int64
	inBytes, outBytes int64
}

// Bounds of what a yield is believed to be. A slice that turns out too large is
// cut, which costs a read; one that is too small costs a request.
const (
	minYield     = 1.0 / 64
	maxYield     = 4
	evidenceRows = 1000 // of input, before a yield is believed at all
)

// add takes a slice into account whose input was counted.
func (y *Yield) add(r Receipt) {
	if !r.Input.Known {
		return
	}
	y.inRows, y.outRows = y.inRows+r.Input.Rows, y.outRows+r.Rows
	if r.Size > 0 {
		y.inBytes, y.outBytes = y.inBytes+r.Input.Bytes, y.outBytes+r.Size
	}
}

// rows returns how many rows are expected of an input.
func (y Yield) rows(input int64) int64 { return y.scale(input, y.inRows, y.outRows) }

// bytes returns how large an answer is expected of an input, as the service
// measures answers.
func (y Yield) bytes(input int64) int64 { return y.scale(input, y.inBytes, y.outBytes) }

func (y Yield) scale(n, in, out int64) int64 {
	if y.inRows < evidenceRows || in <= 0 {
		return n
	}
	return int64(float64(n) * min(max(float64(out)/float64(in), minYield), maxYield))
}
