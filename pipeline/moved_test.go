package pipeline

import (
	"context"
	"reflect"
	"testing"
	"time"
)

// A query that takes the address of one that has moved away writes files of its
// own, beside those that the other has under the address: none belongs to both,
// whether the history comes from the ledger or was saved.
func TestAddressUsedAgain(t *testing.T) {
	w := newWorld()
	table := &tableSource{rows: quietTable(), limit: 50}
	e := exportOf(table, testTarget(w, "a", Daily))
	n := &nightly{world: w, exports: []Export{e}, source: table}
	now := dayStart.Add(60 * time.Hour)
	for run, was := range []string{"query.first", "query.second", ""} {
		if sum, err := n.at(now); err != nil || len(sum.Failed) > 0 {
			t.Fatalf("run %d: %+v, %v", run, sum, err)
		}
		if rows, want := len(w.rowsIn("mem:a")), (run+1)*len(table.rows); rows != want {
			t.Fatalf("run %d: the files hold %d rows, want %d", run, rows, want)
		}
		if was != "" {
			w.entries = append(w.entries, Entry{Kind: KindMoved, Query: was, Was: e.Query.Address})
		}
	}

	if err := n.fold(); err != nil {
		t.Fatal(err)
	}
	numbers := func(h *History) intentNumbers {
		all, err := h.numbers(context.Background(), e.Query.Address, "mem:a", Forever())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	want := numbers(n.history)
	for slice, number := range want {
		if number != 3 {
			t.Errorf("%v is said to have had %d intents, want 3", slice.window, number)
		}
	}
	restored := saveAndRestore(t, n.history, &memShelf{kept: make(map[string][]byte)})
	if got := numbers(restored); len(got) == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("restored, the slices have had %v intents, want %v", got, want)
	}
}

// A waiver is withdrawn for the window that is named, whatever it was granted
// for, and the newest is the one that holds.
func TestWaivedInParts(t *testing.T) {
	hours := func(from, to int) Window {
		return Window{dayStart.Add(time.Duration(from) * time.Hour), dayStart.Add(time.Duration(to) * time.Hour)}
	}
	waived := func(w Window, reason string, undo bool) Entry {
		return Entry{Kind: KindWaived, Query: "query.t", Sink: "a", Receipt: &Receipt{Window: w, Final: undo}, Reason: reason}
	}
	h, err := Fold([]Entry{waived(hours(0, 10), "flood", false), waived(hours(3, 5), "", true), waived(hours(8, 12), "fire", false)})
	if err != nil {
		t.Fatal(err)
	}
	want := []Waiver{{Window: hours(0, 3), Reason: "flood"}, {Window: hours(5, 8), Reason: "flood"}, {Window: hours(8, 12), Reason: "fire"}}
	if got := h.Line("query.t", "a").Waived; !reflect.DeepEqual(got, want) {
		t.Errorf("waived is\n%v, want\n%v", got, want)
	}
}
