package pipeline

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// forgetful is a source that has forgotten all rows before a time.
type forgetful struct {
	*tableSource
	oldest time.Time
}

func (f *forgetful) Oldest(context.Context, Query, Window) (time.Time, error) { return f.oldest, nil }

// quietTable has a row in every half hour of two days, each at once.
func quietTable() []tableRow {
	var rows []tableRow
	for i := range 96 {
		at := TickOf(dayStart.Add(time.Duration(i) * 30 * time.Minute))
		rows = append(rows, tableRow{at: at, id: strings.Repeat("x", i%5) + at.Time().Format("15:04:05"), got: at + 1})
	}
	return rows
}

func everything(Export, Window) []Window { return []Window{Forever()} }

// What the source has forgotten is never replaced, by nothing or by less: such
// slices stay, and the plan says why.
func TestForgottenStays(t *testing.T) {
	w := newWorld()
	table := &tableSource{rows: quietTable(), limit: 50}
	e := exportOf(table, testTarget(w, "a", Daily))
	n := &nightly{world: w, exports: []Export{e}, source: table}
	now := dayStart.Add(60 * time.Hour)
	if _, err := n.at(now); err != nil {
		t.Fatal(err)
	}
	held := w.rowsIn("mem:a")

	// A week later the first day is gone.
	now = now.Add(7 * 24 * time.Hour)
	cut := TickOf(dayStart.Add(24 * time.Hour))
	table.rows = slices.DeleteFunc(table.rows, func(r tableRow) bool { return r.at < cut })
	source := &forgetful{table, dayStart.Add(24 * time.Hour)}
	n.exports[0].Source, n.replace = source, everything
	n.exports[0].Span.Lookback = time.Hour
	sum, err := n.at(now)
	if err != nil || len(sum.Failed) > 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	for _, s := range n.plan.Stays {
		if s.Failed || s.Why != WhyAsked || !strings.Contains(s.Reason, "oldest row") || s.Start.After(dayStart.Add(23*time.Hour)) {
			t.Errorf("%+v stays, want the slices of the first day because they are forgotten", s)
		}
	}
	if got := w.rowsIn("mem:a"); len(n.plan.Stays) == 0 || n.count(KindCurrent) == 0 || !reflect.DeepEqual(got, held) {
		t.Errorf("%d slices stay and %d were replaced, rows: %s", len(n.plan.Stays), n.count(KindCurrent), difference(got, held))
	}

	// Rows that are gone without the source saying so replace nothing either.
	table.rows = table.rows[10:]
	sum, err = n.at(now.Add(time.Hour))
	if err != nil || len(sum.Failed) == 0 || !errors.Is(sum.Failed[0].Err, ErrShrunk) || !strings.Contains(sum.Failed[0].Err.Error(), "state rm") {
		t.Errorf("%+v, %v, want ErrShrunk with the way out", sum.Failed, err)
	}
	if got := w.rowsIn("mem:a"); !reflect.DeepEqual(got, held) {
		t.Errorf("rows have changed: %s", difference(got, held))
	}
}

// A sink that keeps what is replaced has both; only the new ones count. One that
// can neither delete nor is told to keep is left alone, and somebody has to act.
func TestReplaceWithoutDeleting(t *testing.T) {
	w := newWorld()
	table := &tableSource{rows: quietTable(), limit: 50}
	keeps := testTarget(w, "a", Daily)
	keeps.Keep = true
	stuck := testTarget(w, "b", Daily)
	stuck.Sink = immutable{stuck.Sink.(memSink)}
	n := &nightly{world: w, exports: []Export{exportOf(table, keeps, stuck)}, source: table}
	now := dayStart.Add(60 * time.Hour)
	if _, err := n.at(now); err != nil {
		t.Fatal(err)
	}
	want, objects := w.rowsIn("mem:a"), len(w.objects)
	n.replace = everything
	if sum, err := n.at(now.Add(time.Hour)); err != nil || len(sum.Failed) > 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	for _, s := range n.plan.Stays {
		if s.Sink != "mem:b" || !s.Failed || !strings.Contains(s.Reason, `superseded = "keep"`) {
			t.Errorf("%+v stays, want slices of the sink that cannot delete", s)
		}
	}
	if got := n.current(t); !reflect.DeepEqual(got["mem:a"], want) || !reflect.DeepEqual(got["mem:b"], want) {
		t.Errorf("what counts is %d and %d rows, want %d in both", len(got["mem:a"]), len(got["mem:b"]), len(want))
	}
	if got := len(w.rowsIn("mem:a")); got != 2*len(want) || len(n.plan.Stays) == 0 || len(w.objects) != objects*3/2 {
		t.Errorf("the sink that keeps has %d rows in files, want %d; %d slices stay", got, 2*len(want), len(n.plan.Stays))
	}
	n.replace = nil
	if _, err := n.at(now.Add(2 * time.Hour)); err != nil || len(n.plan.Slices)+len(n.plan.Lost) != 0 {
		t.Errorf("the next plan has %d slices and %d lost files, %v, want none", len(n.plan.Slices), len(n.plan.Lost), err)
	}
}

// immutable is a sink that cannot delete.
type immutable struct{ memSink }

func (immutable) Removes() bool { return false }

// With on_change = "rebuild" all that was read by another text is read again, in
// as many runs as it takes; with "forward" nothing is.
func TestRebuild(t *testing.T) {
	w := newWorld()
	table := &tableSource{rows: quietTable(), limit: 50}
	n := &nightly{world: w, exports: []Export{exportOf(table, testTarget(w, "a", Daily))}, source: table}
	now := dayStart.Add(60 * time.Hour)
	if _, err := n.at(now); err != nil {
		t.Fatal(err)
	}
	want := w.rowsIn("mem:a")
	n.exports[0].Query.Fingerprint = "fp1:new"
	if _, err := n.at(now.Add(time.Hour)); err != nil || len(n.plan.Slices) != 0 {
		t.Errorf("forward: %d slices, %v, want none", len(n.plan.Slices), err)
	}
	n.exports[0].OnChange = Rebuild
	if _, err := n.at(now.Add(2 * time.Hour)); err != nil || len(n.plan.Slices) == 0 || n.plan.Slices[0].Why != WhyChanged {
		t.Fatalf("rebuild: %+v, %v", n.plan.Slices, err)
	}
	if err := n.fold(); err != nil {
		t.Fatal(err)
	}
	if n.history.Line("query.t", "mem:a").readByOthers("fp1:new") || !reflect.DeepEqual(w.rowsIn("mem:a"), want) {
		t.Error("something is still read by the old text, or other rows are there")
	}
	if _, err := n.at(now.Add(3 * time.Hour)); err != nil || len(n.plan.Slices) != 0 {
		t.Errorf("after the rebuild: %d slices, %v, want none", len(n.plan.Slices), err)
	}
}
