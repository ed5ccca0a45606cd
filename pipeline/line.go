package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Line is the history of one query in one sink. It is not safe for concurrent
// use.
type Line struct {
	Query string
	Sink  string // Target.Identity

	Open []Receipt // intents without an end
	Past []Receipt // objects that have stepped down and are to be deleted

	Unavailable []Window // of which the source had forgotten all before they were read
	Tainted     []Window // to be read again
	Waived      []Waiver // gaps that somebody has accepted

	Rows  int64 // of what counts
	Bytes int64 // of what counts
	Files int   // that count
	Late  int64 // rows that came late and were fetched, ever
	Other int   // files under keys of the line that do not count: fenced or kept

	newest      newestFile
	covered     []Window       // done, joined
	closed      []Window       // whose watch is over, joined
	approximate []Window       // ends could not be kept exactly, joined
	prints      map[string]int // current objects, by fingerprint
	parts       map[Window][]string
	checked     map[Window]Changed // what the source counted of a slice that is done, the last time
	failures    map[Window]Failure // the newest of each window
	outside     map[Window]Failure // rows around it that are in no slice
	months      map[int]*month
	shelf       Shelf
	was         []string // addresses of the query under which it has written
}

// Waiver is a gap that somebody has accepted.
type Waiver struct {
	Window
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"` // when it was recorded
}

func newLine(query, sink string, shelf Shelf) *Line {
	return &Line{Query: query, Sink: sink, prints: make(map[string]int), parts: make(map[Window][]string), checked: make(map[Window]Changed),
		failures: make(map[Window]Failure), outside: make(map[Window]Failure), months: make(map[int]*month), shelf: shelf}
}

// Covered returns the windows that are done, joined. A window whose slice was
// read in hash parts is covered when all its parts are. The result is the
// line's own.
func (l *Line) Covered() []Window { return l.covered }

// Closed returns the windows whose watch for late rows is over, joined.
func (l *Line) Closed() []Window { return l.closed }

// Approximate returns the windows whose ends could not be kept exactly, joined.
func (l *Line) Approximate() []Window { return l.approximate }

// taken returns what of the line need not, or must not, be read: what is done,
// what can never be had or is not wanted any more, and what an intent whose end
// is not known is about.
func (l *Line) taken() []Window {
	taken := append(slices.Clone(l.covered), l.Unavailable...)
	for _, r := range l.Open {
		taken = append(taken, r.Window)
	}
	for _, w := range l.Waived {
		taken = append(taken, w.Window)
	}
	return taken
}

// settled returns the windows of which no failure matters any more.
func (l *Line) settled() []Window {
	settled := append(slices.Clone(l.covered), l.Unavailable...)
	for _, w := range l.Waived {
		settled = append(settled, w.Window)
	}
	var left []Window
	for _, w := range settled {
		left = append(left, w.Subtract(l.Tainted)...)
	}
	return left
}

// Failed returns the slices that were tried and that nothing has covered since,
// the newest failure of each window, in order.
func (l *Line) Failed() []Failure {
	settled := l.settled()
	var left []Failure
	for _, f := range l.failures {
		if len(f.Window.Subtract(settled)) > 0 {
			left = append(left, f)
		}
	}
	slices.SortFunc(left, func(a, b Failure) int { return a.Window.Start.Compare(b.Window.Start) })
	return left
}

// add takes an entry about the line into account.
func (l *Line) add(ctx context.Context, e Entry) error {
	r := *e.Receipt
	switch e.Kind {
	case KindIntended:
		l.Open = append(l.Open, r)
	case KindDone:
		return l.done(r)
	case KindForgotten:
		return l.forget(r, e.Kept)
	case KindFailed:
		l.failures[r.Window] = Failure{r.Window, e.Reason, e.Time}
	case KindCurrent:
		return l.swap(ctx, e)
	case KindRemoved:
		return l.remove(ctx, r)
	case KindUnavailable:
		l.Unavailable = insert(l.Unavailable, r.Window)
	case KindChecked:
		switch {
		case e.Reason != "":
			l.outside[r.Window] = Failure{r.Window, e.Reason, e.Time}
		case r.Final:
			l.closed = insert(l.closed, r.Window)
		default:
			l.checked[r.Window] = Changed{l.Query, l.Sink, r.Window, e.Before, r.Input}
		}
	case KindTainted:
		if l.Tainted = without(l.Tainted, r.Window); !r.Final {
			l.Tainted = insert(l.Tainted, r.Window)
		}
	case KindWaived:
		if l.Waived = unwaive(l.Waived, r.Window); !r.Final {
			l.Waived = append(l.Waived, Waiver{r.Window, e.Reason, e.Time})
		}
	default:
		return fmt.Errorf("this version does not know the kind %q", e.Kind)
	}
	return nil
}

// unwaive returns what the waivers hold outside of w.
func unwaive(waivers []Waiver, w Window) []Waiver {
	var left []Waiver
	for _, old := range waivers {
		for _, rest := range old.Subtract([]Window{w}) {
			left = append(left, Waiver{rest, old.Reason, old.Time})
		}
	}
	return left
}

// take removes the receipt with this key from a list.
func take(list []Receipt, key string) (left []Receipt, r Receipt, found bool) {
	i := slices.IndexFunc(list, func(r Receipt) bool { return r.Key == key })
	if i < 0 {
		return list, Receipt{}, false
	}
	r = list[i]
	return slices.Delete(list, i, i+1), r, true
}

func (l *Line) done(r Receipt) error {
	if r.Key != "" {
		var found bool
		if l.Open, _, found = take(l.Open, r.Key); !found {
			return fmt.Errorf("%s was never intended", r.Key)
		}
	}
	l.count(r)
	return nil
}

// count makes an object count.
func (l *Line) count(r Receipt) {
	r.Swap = ""
	l.monthFor(r.Window).put(Object{Current, r})
	l.sum(r, 1)
	if r.Ends == Approximate {
		l.approximate = insert(l.approximate, r.Window)
	}
	if r.Final {
		l.closed = insert(l.closed, r.Window)
	}
	if (r.Schema != "" || r.Key != "") && !r.To.Before(l.newest.Cut) {
		l.newest = newestFile{r.Key, r.Schema, r.Start, r.To}
	}
	delete(l.checked, r.Window)
	switch {
	case !r.From.IsZero(): // rows that came late to a slice that is covered
		l.Late += r.Rows
	case r.Piece > 1: // the first of its slice stands for all
	case r.Part == "":
		l.covered = insert(l.covered, r.Window)
	default:
		if l.parts[r.Window] = append(l.parts[r.Window], r.Part); CompleteParts(l.parts[r.Window]) {
			delete(l.parts, r.Window)
			l.covered = insert(l.covered, r.Window)
		}
	}
}

// sum adds an object to the totals, or with -1 takes it out.
func (l *Line) sum(r Receipt, times int64) {
	l.Rows, l.Bytes = l.Rows+times*r.Rows, l.Bytes+times*r.Bytes
	if l.prints[r.Fingerprint] += int(times); l.prints[r.Fingerprint] == 0 {
		delete(l.prints, r.Fingerprint)
	}
	if r.Key != "" {
		l.Files += int(times)
	}
}

// readByOthers reports whether something that counts was read by a query with
// another fingerprint.
func (l *Line) readByOthers(fingerprint string) bool {
	return len(l.prints) > 1 || len(l.prints) == 1 && l.prints[fingerprint] == 0
}

// CompleteParts reports whether the hex prefixes cover every hash exactly
// once: the shares 16^-len add up to one.
func CompleteParts(prefixes []string) bool {
	const whole = 1 << 32 // eight hex digits are enough for any slice
	var sum int64
	for _, p := range prefixes {
		if len(p) > 8 {
			return false
		}
		sum += whole >> (4 * len(p))
	}
	return sum == whole
}

func (l *Line) forget(r Receipt, kept bool) error {
	var found bool
	if l.Open, _, found = take(l.Open, r.Key); !found {
		return fmt.Errorf("%s was never intended", r.Key)
	}
	standing := Fenced
	if kept {
		standing = Kept
	}
	l.monthFor(r.Window).put(Object{standing, r})
	l.Other++
	return nil
}

// swap carries out a current entry.
func (l *Line) swap(ctx context.Context, e Entry) error {
	old, err := l.stepDown(ctx, e)
	if err != nil {
		return err
	}
	takers := slices.Clone(e.Empty)
	for _, key := range e.Takes {
		var r Receipt
		var found bool
		if l.Open, r, found = take(l.Open, key); !found || r.Swap != e.Swap {
			return fmt.Errorf("%s was not intended by the replacement %s", key, e.Swap)
		}
		takers = append(takers, r)
	}
	if err := covers(takers, e.Window); err != nil {
		return err
	}
	l.uncover(e.Window)
	for _, r := range takers {
		l.count(r)
	}
	l.Tainted = without(l.Tainted, e.Window)
	if !e.Kept {
		l.Past = append(l.Past, old...)
		return nil
	}
	for _, r := range old {
		l.monthFor(r.Window).put(Object{Kept, r})
		l.Other++
	}
	return nil
}

// stepDown takes what is current in the window of a current entry out of the
// count, and returns what has a key.
func (l *Line) stepDown(ctx context.Context, e Entry) ([]Receipt, error) {
	old, err := l.drop(ctx, e.Window, func(Receipt) bool { return true })
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool)
	for _, key := range e.StepsDown {
		names[key] = true
	}
	for _, r := range old {
		if !names[r.Key] {
			return nil, fmt.Errorf("%s counts in %v and does not step down", r.Key, e.Window)
		}
		delete(names, r.Key)
	}
	for key := range names {
		return nil, fmt.Errorf("%s steps down and did not count", key)
	}
	return old, nil
}

// drop takes current objects that lie in w and that choose wants out of the
// months and the totals, and returns those that have a key. One that lies in w
// only in part is an error.
func (l *Line) drop(ctx context.Context, w Window, choose func(Receipt) bool) (dropped []Receipt, err error) {
	months, err := l.touching(ctx, w)
	if err != nil {
		return nil, err
	}
	for _, m := range months {
		kept := m.objects[:0]
		for _, o := range m.objects {
			if o.Standing != Current || !o.Window.Overlaps(w) || !choose(o.Receipt) {
				kept = append(kept, o)
				continue
			}
			if !w.Contains(o.Window) {
				err = fmt.Errorf("the slice %v lies in %v only in part", o.Window, w)
				kept = append(kept, o)
				continue
			}
			l.sum(o.Receipt, -1)
			m.dirty = true
			if o.Key != "" {
				dropped = append(dropped, o.Receipt)
				m.numbers().seen(o.Receipt)
			}
		}
		m.objects = kept
	}
	return dropped, err
}

// remove carries out a removed entry.
func (l *Line) remove(ctx context.Context, r Receipt) error {
	if r.Key != "" {
		var gone Receipt
		var found bool
		if l.Past, gone, found = take(l.Past, r.Key); found {
			l.monthFor(gone.Window).put(Object{Gone, gone})
			return nil
		}
	}
	dropped, err := l.drop(ctx, r.Window, func(o Receipt) bool { return r.Key == "" || o.Key == r.Key })
	if err != nil {
		return err
	}
	if r.Key != "" && len(dropped) == 0 {
		return fmt.Errorf("%s did not count", r.Key)
	}
	for _, o := range dropped {
		l.monthFor(o.Window).put(Object{Gone, o})
	}
	l.uncover(r.Window)
	l.Tainted = without(l.Tainted, r.Window)
	return nil
}

// uncover makes a window count as not done.
func (l *Line) uncover(w Window) {
	l.covered = without(l.covered, w)
	l.closed = without(l.closed, w)
	l.approximate = without(l.approximate, w)
	for at := range l.checked {
		if w.Contains(at) {
			delete(l.checked, at)
		}
	}
}

// covers reports in which way slices do not cover a window exactly once.
func covers(slices []Receipt, w Window) error {
	parts := make(map[Window][]string)
	var whole []Window
	for _, r := range slices {
		switch {
		case !w.Contains(r.Window):
			return fmt.Errorf("the slice %v does not lie in %v", r.Window, w)
		case r.Piece > 1, !r.From.IsZero(): // others of the slice stand for it
		case r.Part == "":
			whole = append(whole, r.Window)
		default:
			parts[r.Window] = append(parts[r.Window], r.Part)
		}
	}
	for at, prefixes := range parts {
		if !CompleteParts(prefixes) {
			return fmt.Errorf("the hash parts of %v are not complete", at)
		}
		whole = append(whole, at)
	}
	var ticks int64
	for _, at := range whole {
		ticks += at.Ticks()
	}
	if joined := Join(whole); len(joined) != 1 || joined[0] != w || ticks != w.Ticks() {
		return fmt.Errorf("the new slices do not cover %v exactly", w)
	}
	return nil
}
