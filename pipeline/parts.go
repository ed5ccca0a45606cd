package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// maxPart is how many hex digits a part may have. With eight, an instant could
// hold two thousand million answers.
const maxPart = 8

// subParts returns the sixteen parts of a part.
func subParts(part string) []string {
	parts := make([]string, 0, 16)
	for _, digit := range "0123456789abcdef" {
		parts = append(parts, part+string(digit))
	}
	return parts
}

// otherParts returns the fewest parts that together with those in have make up
// the part under. No part in have holds another.
func otherParts(under string, have []string) []string {
	begun := false
	for _, p := range have {
		if p == under {
			return nil
		}
		begun = begun || strings.HasPrefix(p, under)
	}
	if !begun {
		return []string{under}
	}
	var others []string
	for _, part := range subParts(under) {
		others = append(others, otherParts(part, have)...)
	}
	return others
}

// crowd reads an instant that holds more rows than an answer may: in parts by a
// hash of the rows, all in one go. Their sum has to be what the source counts
// for the instant, and they become current together. input is what the probe
// counted for all of it.
func (t *tee) crowd(ctx context.Context, instant Slice, counter Counter, input Amount) error {
	before := t.rows
	want, err := counter.Count(ctx, instant)
	if err != nil {
		return fmt.Errorf("count the rows of one instant: %w", err)
	}
	for waiting := subParts(""); len(waiting) > 0; {
		part := instant
		part.Part, waiting = waiting[0], waiting[1:]
		err := t.retry(ctx, part, func() error { return t.read(ctx, part, input) })
		switch {
		case errors.Is(err, ErrTooLarge):
			if err := finer(ctx, counter, part, err); err != nil {
				return err
			}
			waiting = append(subParts(part.Part), waiting...)
		case err != nil:
			return err
		}
	}
	if got := t.rows - before; got != want {
		return &RetryAfter{Err: fmt.Errorf("the parts of one instant hold %d rows, but the service counts %d", got, want)}
	}
	return nil
}

// finer returns nil if one more digit makes the largest part of a part smaller.
func finer(ctx context.Context, counter Counter, sl Slice, cause error) error {
	if len(sl.Part) == maxPart {
		return fmt.Errorf("%w; one instant (100 ns) holds more rows than can be told apart", cause)
	}
	whole, err := counter.Count(ctx, sl)
	if err != nil {
		return fmt.Errorf("count the rows of part %s: %w", sl.Part, err)
	}
	for _, part := range subParts(sl.Part) {
		sl.Part = part
		n, err := counter.Count(ctx, sl)
		if err != nil {
			return fmt.Errorf("count the rows of part %s: %w", part, err)
		}
		if n >= whole {
			return fmt.Errorf("%w; the %d rows are of one instant (100 ns) and alike, so nothing tells them apart: ask for fewer columns", cause, n)
		}
	}
	return nil
}
