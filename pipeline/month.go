package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Standing says what has become of an object.
type Standing string

// The standings of objects. Those of intents without an end, and of what is to
// be deleted, are not among them: a Line keeps those apart.
const (
	Current Standing = "current" // it counts
	Fenced  Standing = "fenced"  // under its key is an object without rows
	Kept    Standing = "kept"    // it has stepped down, and the sink keeps it
	Gone    Standing = "gone"    // it counts no more and is not there any more
)

// Object is a receipt with what has become of it.
type Object struct {
	Standing Standing `json:"standing"`
	Receipt
}

// Shelf keeps receipts that are seldom asked for out of memory.
type Shelf interface {
	// Load returns what was put there under ref.
	Load(ctx context.Context, ref string) ([]byte, error)
}

// month has the objects of a line whose slices begin in one month. Those that
// were on the shelf when the history was restored stay there until somebody
// asks.
type month struct {
	ref     string // on the shelf; "" if there is none
	span    Window // that all its slices lie in
	objects []Object
	loaded  bool // objects has what is under ref
	dirty   bool // objects has what is not under ref
	next    intentNumbers
}

// monthOf numbers the months from the year 1 on.
func monthOf(t time.Time) int {
	t = t.UTC()
	return t.Year()*12 + int(t.Month()) - 1
}

// put adds an object.
func (m *month) put(o Object) {
	m.objects = append(m.objects, o)
	m.dirty = true
	if m.span.Empty() {
		m.span = o.Window
	}
	if o.Start.Before(m.span.Start) {
		m.span.Start = o.Start
	}
	if o.End.After(m.span.End) {
		m.span.End = o.End
	}
	m.next.seen(o.Receipt)
}

// seen takes note of a number that a slice has had.
func (n intentNumbers) seen(r Receipt) {
	if n != nil && r.Key != "" {
		k := sliceKey{r.Window, r.Part}
		n[k] = max(n[k], r.Number+1)
	}
}

// load brings what is on the shelf into memory.
func (m *month) load(ctx context.Context, shelf Shelf) error {
	if m.loaded || m.ref == "" {
		m.loaded = true
		return nil
	}
	if shelf == nil {
		return fmt.Errorf("the receipts of %v are not at hand", m.span)
	}
	raw, err := shelf.Load(ctx, m.ref)
	if err != nil {
		return fmt.Errorf("receipts of %v: %w", m.span, err)
	}
	var objects []Object
	for dec := json.NewDecoder(bytes.NewReader(raw)); ; {
		var o Object
		err := dec.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("receipts of %v: %w", m.span, err)
		}
		objects = append(objects, o)
	}
	m.objects, m.loaded = append(objects, m.objects...), true
	return nil
}

// numbers returns how many intents each slice has had.
func (m *month) numbers() intentNumbers {
	if m.next == nil {
		m.next = make(intentNumbers, len(m.objects))
		for _, o := range m.objects {
			m.next.seen(o.Receipt)
		}
	}
	return m.next
}

// intentNumbers counts the intents of slices.
type intentNumbers map[sliceKey]int

// monthFor returns the month of a slice; a new one if there is none yet.
func (l *Line) monthFor(w Window) *month {
	k := monthOf(w.Start)
	m := l.months[k]
	if m == nil {
		m = &month{loaded: true}
		l.months[k] = m
	}
	return m
}

// touching returns the loaded months with slices that overlap a window, in
// order.
func (l *Line) touching(ctx context.Context, w Window) ([]*month, error) {
	var keys []int
	for k, m := range l.months {
		if m.span.Overlaps(w) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var touched []*month
	for _, k := range keys {
		m := l.months[k]
		if err := m.load(ctx, l.shelf); err != nil {
			return nil, err
		}
		touched = append(touched, m)
	}
	return touched, nil
}

// Objects calls visit for every object that the line has had whose slice
// overlaps w, whatever has become of it, until visit returns false. The order
// is that of months, within one that of the ledger.
func (l *Line) Objects(ctx context.Context, w Window, visit func(Object) bool) error {
	months, err := l.touching(ctx, w)
	if err != nil {
		return err
	}
	for _, m := range months {
		for _, o := range m.objects {
			if o.Window.Overlaps(w) && !visit(o) {
				return nil
			}
		}
	}
	return nil
}

// Done returns the receipts that count and overlap w, in the order of their
// windows; those without a key had no rows.
func (l *Line) Done(ctx context.Context, w Window) ([]Receipt, error) {
	var done []Receipt
	err := l.Objects(ctx, w, func(o Object) bool {
		if o.Standing == Current {
			done = append(done, o.Receipt)
		}
		return true
	})
	slices.SortStableFunc(done, func(a, b Receipt) int { return a.Start.Compare(b.Start) })
	return done, err
}

// numbers returns how many intents the slices in a window have had, those that
// have had any.
func (l *Line) numbers(ctx context.Context, w Window) (intentNumbers, error) {
	months, err := l.touching(ctx, w)
	if err != nil {
		return nil, err
	}
	all := make(intentNumbers)
	for _, m := range months {
		for k, n := range m.numbers() {
			if w.Contains(k.window) {
				all[k] = n
			}
		}
	}
	for _, list := range [][]Receipt{l.Open, l.Past} {
		for _, r := range list {
			if w.Contains(r.Window) {
				all.seen(r)
			}
		}
	}
	return all, nil
}
