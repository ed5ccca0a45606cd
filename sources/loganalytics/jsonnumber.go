package loganalytics

// shortInteger takes an integer of at most 18 digits, if one is at hand and
// ends within the buffer. Otherwise it takes nothing.
func (j *jsonReader) shortInteger() (v int64, ok bool) {
	p := j.pos
	if j.buf[p] == '-' {
		p++
	}
	first := p
	for ; isDigit(j.buf[p]); p++ {
		v = v*10 + int64(j.buf[p]-'0')
	}
	digits := p - first
	if digits == 0 || digits > 18 || digits > 1 && j.buf[first] == '0' || !j.cellEnds(p) {
		return 0, false
	}
	if first > j.pos {
		v = -v
	}
	j.pos = p
	return v, true
}

// powers are those powers of ten that a float64 holds exactly, as far as the
// fractions of short numbers need them.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortReal is shortInteger for at most 15 digits with or without a fraction.
// A float64 holds all of them and the power of ten exactly, so that their
// quotient is the float64 nearest to the number.
func (j *jsonReader) shortReal() (v float64, ok bool) {
	p := j.pos
	if j.buf[p] == '-' {
		p++
	}
	first := p
	var m uint64
	for ; isDigit(j.buf[p]); p++ {
		m = m*10 + uint64(j.buf[p]-'0')
	}
	digits, fraction := p-first, 0
	if j.buf[p] == '.' {
		p++
		for start := p; isDigit(j.buf[p]); p++ {
			m = m*10 + uint64(j.buf[p]-'0')
			fraction = p + 1 - start
		}
		if fraction == 0 {
			return 0, false
		}
	}
	if digits == 0 || digits+fraction > 15 || digits > 1 && j.buf[first] == '0' || !j.cellEnds(p) {
		return 0, false
	}
	v = float64(m) / powers[fraction]
	if first > j.pos {
		v = -v
	}
	j.pos = p
	return v, true
}

// cellEnds reports whether a number ends before buf[p]. At the end of the
// buffer nobody knows.
func (j *jsonReader) cellEnds(p int) bool { return j.buf[p] == ',' || j.buf[p] == ']' }
