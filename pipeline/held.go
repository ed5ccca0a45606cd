package pipeline

import (
	"context"
	"slices"
	"time"
)

// Held is a slice as a sink has it: its object, or those of its hash parts, and
// those with rows that came later. What was read without rows has no key.
type Held struct {
	Window
	Objects []Receipt // by cut
}

// Held returns the slices of the line that count and overlap w, in order.
func (l *Line) Held(ctx context.Context, w Window) ([]Held, error) {
	done, err := l.Done(ctx, w)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(done, func(a, b Receipt) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return a.From.Compare(b.From)
	})
	var held []Held
	for _, r := range done {
		if n := len(held); n > 0 && held[n-1].Window == r.Window {
			held[n-1].Objects = append(held[n-1].Objects, r)
			continue
		}
		held = append(held, Held{r.Window, []Receipt{r}})
	}
	return held, nil
}

// Rows returns how many rows the sink has of the slice.
func (h Held) Rows() int64 {
	var n int64
	for _, r := range h.Objects {
		n += r.Rows
	}
	return n
}

// Bytes returns the size of the slice's objects.
func (h Held) Bytes() int64 {
	var n int64
	for _, r := range h.Objects {
		n += r.Bytes
	}
	return n
}

// ReadTo returns the cut up to which every row of the slice is there; zero if
// it was read without one.
func (h Held) ReadTo() time.Time {
	at := h.Objects[0].To
	for _, r := range h.Objects {
		if r.From.Equal(at) && !at.IsZero() {
			at = r.To
		}
	}
	return at
}

// Input returns what was counted when the slice was read last.
func (h Held) Input() Amount { return h.Objects[len(h.Objects)-1].Input }

// ReadBy reports whether all of the slice was read by the query with this
// fingerprint.
func (h Held) ReadBy(fingerprint string) bool {
	return !slices.ContainsFunc(h.Objects, func(r Receipt) bool { return r.Fingerprint != fingerprint })
}

// Keys returns the keys of the slice's objects.
func (h Held) Keys() []string {
	var keys []string
	for _, r := range h.Objects {
		if r.Key != "" {
			keys = append(keys, r.Key)
		}
	}
	return keys
}
