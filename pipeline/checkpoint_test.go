package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// memShelf keeps receipts under their number.
type memShelf struct {
	kept  map[string][]byte
	loads int
}

func (s *memShelf) Load(_ context.Context, ref string) ([]byte, error) {
	s.loads++
	raw, ok := s.kept[ref]
	if !ok {
		return nil, errors.New("not on the shelf")
	}
	return raw, nil
}

func (s *memShelf) put(raw []byte) (string, error) {
	ref := fmt.Sprint("r", len(s.kept))
	s.kept[ref] = slices.Clone(raw)
	return ref, nil
}

func saveAndRestore(t *testing.T, h *History, s *memShelf) *History {
	t.Helper()
	saved, err := h.Save(context.Background(), s.put)
	if err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(saved, s)
	if err != nil {
		t.Fatal(err)
	}
	return restored
}

// dump writes all that a history says.
func dump(t *testing.T, h *History) string {
	t.Helper()
	var b strings.Builder
	for _, l := range h.allLines() {
		fmt.Fprintf(&b, "%s %s rows %d bytes %d files %d other %d late %d\n covered %v closed %v approximate %v\n", l.Query, l.Sink, l.Rows, l.Bytes, l.Files, l.Other, l.Late, l.covered, l.closed, l.approximate)
		fmt.Fprintf(&b, " open %v past %v unavailable %v tainted %v waived %v failed %v changed %v prints %v parts %v was %v\n",
			l.Open, l.Past, l.Unavailable, l.Tainted, l.Waived, l.Failed(), l.Changed(), l.prints, l.parts, l.was)
		numbers, err := l.numbers(context.Background(), Forever())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, " numbers %v\n", numbers)
		err = l.Objects(context.Background(), Forever(), func(o Object) bool {
			fmt.Fprintf(&b, "  %+v\n", o)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range h.Queries() {
		fmt.Fprintf(&b, "%s %s %s %v %v\n", q, h.Fingerprint(q), h.Text(q), h.Known(q), h.Latest(q))
	}
	fmt.Fprintln(&b, h.n, h.columns, len(h.yields))
	return b.String()
}

// A history that is saved and restored at any moment, or at every one, goes on
// to say the same as one that has read the whole ledger.
func TestSaveAndRestore(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 33))
		w := newWorld()
		source := &tableSource{rows: lateTable(rng, 60), limit: 6}
		e := exportOf(source, testTarget(w, "a", Daily), testTarget(w, "b", Hourly))
		e.Span.Start = Bound{At: dayStart.Add(-36 * time.Hour)} // two months
		e.Span.End, e.Span.Lookback = Bound{Relative: true}, 72*time.Hour
		n := &nightly{world: w, exports: []Export{e}, source: source}
		for day := range 4 {
			if day == 2 {
				n.replace = func(Export, Window) []Window { return []Window{{dayStart, dayStart.Add(30 * time.Hour)}} }
			}
			if _, err := n.at(dayStart.Add(time.Duration(26+24*day) * time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		w.entries = append(w.entries,
			Entry{Kind: KindMoved, Query: "query.u", Was: "query.t"},
			Entry{Kind: KindTainted, Query: "query.u", Sink: "mem:a", Receipt: &Receipt{Window: Window{dayStart, dayStart.Add(time.Hour)}}},
			Entry{Kind: KindWaived, Query: "query.u", Sink: "mem:b", Receipt: &Receipt{Window: Window{dayStart.AddDate(0, 0, -9), dayStart.AddDate(0, 0, -8)}}, Reason: "lost"},
			Entry{Kind: KindRemoved, Query: "query.u", Sink: "mem:b", Receipt: &Receipt{Window: Window{dayStart.Add(40 * time.Hour), dayStart.Add(41 * time.Hour)}}})
		whole, err := Fold(w.entries)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(w.entries, func(e Entry) bool { return e.Kind == KindCurrent }) {
			t.Fatal("nothing was replaced, so the test shows little")
		}
		want := dump(t, whole)
		shelf := &memShelf{kept: make(map[string][]byte)}
		each := NewHistory(nil)
		for i, entry := range w.entries {
			if err := each.Add(context.Background(), entry); err != nil {
				t.Fatalf("seed %d, entry %d: %v", seed, i, err)
			}
			if rng.IntN(8) == 0 || i == len(w.entries)-1 {
				each = saveAndRestore(t, each, shelf)
			}
		}
		if got := dump(t, each); got != want {
			t.Fatalf("seed %d: restored at many moments:\n%s\nwant\n%s", seed, got, want)
		}
	}
}

// Saving again writes what has changed only, and restoring loads nothing that
// nobody asks for.
func TestSaveTouchesFewMonths(t *testing.T) {
	h := NewHistory(nil)
	day := func(n int) Window {
		return Window{dayStart.AddDate(0, 0, n), dayStart.AddDate(0, 0, n+1)}
	}
	for n := range 365 {
		if err := h.Add(context.Background(), doneEntry("a", day(n))); err != nil {
			t.Fatal(err)
		}
	}
	shelf := &memShelf{kept: make(map[string][]byte)}
	h = saveAndRestore(t, h, shelf)
	before := len(shelf.kept)
	if err := h.Add(context.Background(), doneEntry("a", day(365))); err != nil {
		t.Fatal(err)
	}
	if got := h.Line("query.t", "a").Covered(); shelf.loads != 0 || !reflect.DeepEqual(got, []Window{{dayStart, dayStart.AddDate(0, 0, 366)}}) {
		t.Errorf("covered is %v after %d loads, want a year and a day without one", got, shelf.loads)
	}
	h = saveAndRestore(t, h, shelf)
	if n := len(shelf.kept) - before; before < 12 || n != 1 {
		t.Errorf("saved %d months at first and %d after one more day, want all of a year and then one", before, n)
	}
	shelf.loads = 0
	if held, err := h.Line("query.t", "a").Held(context.Background(), day(20)); err != nil || len(held) != 1 || shelf.loads != 1 {
		t.Errorf("one day: %v, %v with %d loads, want it with one", held, err, shelf.loads)
	}
}
