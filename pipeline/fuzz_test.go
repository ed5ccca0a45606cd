package pipeline

import (
	"testing"
	"time"
)

// ParseTime agrees with the standard library on what it accepts, and accepts
// what the library writes.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-01-31T08:30:00.1234567Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "2024-02-29T00:00:00.1Z", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tick, err := ParseTime(s)
		want, libraryErr := time.Parse("2006-01-02T15:04:05.9999999Z", s)
		if err != nil {
			return
		}
		if libraryErr != nil || TickOf(want) != tick || !tick.Time().Equal(want) {
			t.Errorf("ParseTime(%q) = %v, the library says %v, %v", s, tick.Time(), want, libraryErr)
		}
		if again, err := ParseTime(tick.Time().Format(TimeLayout)); err != nil || again != tick {
			t.Errorf("%q written and read again is %v, %v", s, again, err)
		}
	})
}

// Whatever is taken from a window, the rest and the taken part of it together
// are the window, and they do not overlap.
func FuzzSubtract(f *testing.F) {
	f.Add(int64(0), int64(100), int64(10), int64(20), int64(15), int64(200))
	f.Add(int64(5), int64(5), int64(-3), int64(3), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, start, end, a, b, c, d int64) {
		at := func(n int64) time.Time { return Tick(uint64(n) % uint64(MaxTick)).Time() }
		w := Window{at(start), at(end)}
		taken := []Window{{at(a), at(b)}, {at(c), at(d)}}
		left := w.Subtract(taken)
		var within []Window
		for _, x := range taken {
			within = append(within, w.Intersect(x))
		}
		var ticks int64
		for _, x := range append(append([]Window(nil), left...), Join(within)...) {
			ticks += x.Ticks()
			if !w.Contains(x) {
				t.Errorf("%v is not in %v", x, w)
			}
		}
		if ticks != w.Ticks() {
			t.Errorf("%v without %v leaves %v: %d ticks of %d", w, taken, left, ticks, w.Ticks())
		}
		for _, x := range left {
			for _, y := range taken {
				if x.Overlaps(y) {
					t.Errorf("%v is left and taken by %v", x, y)
				}
			}
		}
	})
}
