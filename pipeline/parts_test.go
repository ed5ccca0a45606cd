package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
)

// A crowd on one tick is read in parts that are together the tick, and only a
// complete set of them counts.
func TestCrowdOnOneTick(t *testing.T) {
	crowd := TickOf(dayStart.Add(90 * time.Minute))
	source := &tableSource{limit: 7, rows: []tableRow{{at: crowd + 1, id: "after"}, {at: crowd - 1, id: "before"}}}
	for i := range 200 { // more than 16 parts hold
		source.rows = append(source.rows, tableRow{at: crowd, id: fmt.Sprint(i)})
	}
	w := newWorld()
	exports := []Export{exportOf(source, testTarget(w, "a", Daily))}
	sum, err := apply(context.Background(), w, exports, nil)
	if err != nil || len(sum.Failed) != 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	want := wantRows(source.rows, exports[0].Span.Resolve(dayStart.Add(72*time.Hour)))
	if got := w.rowsIn("mem:a"); !reflect.DeepEqual(got, want) {
		t.Errorf("rows differ: %s", difference(got, want))
	}
	done := 0
	for _, e := range w.entries {
		if e.Kind == KindDone && e.Part != "" {
			done++
		}
	}
	if done < 31 || (done-1)%15 != 0 { // each split puts sixteen in the place of one
		t.Errorf("%d parts are done, want complete sets", done)
	}
	if sum, err = apply(context.Background(), w, exports, nil); err != nil || sum.Done != 0 {
		t.Errorf("a second run does %+v, %v, want nothing", sum, err)
	}
}

// A source whose count does not agree with its parts gets no part archived.
func TestCrowdWithAnotherCount(t *testing.T) {
	w := newWorld()
	source := &miscounting{tableSource{limit: 3}}
	for i := range 20 {
		source.rows = append(source.rows, tableRow{at: TickOf(dayStart), id: fmt.Sprint(i)})
	}
	exports := []Export{exportOf(source, testTarget(w, "a", Daily))}
	sum, err := apply(context.Background(), w, exports, nil)
	if err != nil || len(sum.Failed) != 1 || !strings.Contains(sum.Failed[0].Err.Error(), "hold 20 rows, but the service counts 21") {
		t.Errorf("%+v, %v, want the tick to fail", sum, err)
	}
	if got := w.rowsIn("mem:a"); len(got) > 0 {
		t.Errorf("%d rows were archived, want none", len(got))
	}
}

type miscounting struct{ tableSource }

func (s *miscounting) Count(ctx context.Context, slice Slice) (int64, error) {
	n, err := s.tableSource.Count(ctx, slice)
	return n + 1, err
}

// A sink that fails in one part keeps none of them; the other has them all.
func TestCrowdWithAFailingSink(t *testing.T) {
	w := newWorld()
	source := &tableSource{limit: 3}
	for i := range 20 {
		source.rows = append(source.rows, tableRow{at: TickOf(dayStart), id: fmt.Sprint(i)})
	}
	bad := testTarget(w, "bad", Daily)
	bad.Sink = &failingCommit{memSink: memSink{w, "mem:bad"}, after: 3}
	exports := []Export{exportOf(source, testTarget(w, "good", Daily), bad)}
	sum, err := apply(context.Background(), w, exports, nil)
	if err != nil || len(sum.Failed) != 1 || sum.Failed[0].Sink != "mem:bad" {
		t.Errorf("%+v, %v, want the tick to fail in one sink", sum, err)
	}
	if got := w.rowsIn("mem:good"); len(got) != 20 {
		t.Errorf("the good sink has %d rows, want 20", len(got))
	}
	if got := w.rowsIn("mem:bad"); len(got) != 0 {
		t.Errorf("the bad sink has %d rows of an incomplete instant, want none", len(got))
	}
	exports[0].Targets[1] = testTarget(w, "bad", Daily)
	if sum, err = apply(context.Background(), w, exports, nil); err != nil || len(sum.Failed) > 0 || len(w.rowsIn("mem:bad")) != 20 {
		t.Errorf("once mended: %+v, %v, %d rows", sum, err, len(w.rowsIn("mem:bad")))
	}
}

// failingCommit publishes a few objects and no more.
type failingCommit struct {
	memSink
	after int
}

func (s *failingCommit) Begin(ctx context.Context, f File) (Tx, error) {
	tx, err := s.memSink.Begin(ctx, f)
	return &failingTx{tx, s}, err
}

type failingTx struct {
	Tx
	sink *failingCommit
}

func (t *failingTx) Commit(ctx context.Context) error {
	if t.sink.after--; t.sink.after < 0 {
		return errors.New("no space left on device")
	}
	return t.Tx.Commit(ctx)
}

// A source that says how far over its limit an answer is gets slices that fit
// at once; one that does not gets halves. Neither cuts an atom.
func TestSplitByShare(t *testing.T) {
	for _, test := range []struct {
		times     float64
		atom      time.Duration
		wantReads int
	}{
		{0, 0, 15},                // 1 + 2 + 4 + 8
		{8, 0, 17},                // 1 + 16 at once
		{2, time.Hour, 1 + 4 + 8}, // quarters, and their halves of an hour each
		{1000, 0, 1 + maxShares},
	} {
		w := newWorld()
		source := &sharing{tableSource{limit: 10}, test.times}
		for i := range 80 {
			source.rows = append(source.rows, tableRow{at: TickOf(dayStart.Add(time.Duration(i) * 6 * time.Minute)), id: fmt.Sprint(i)})
		}
		e := exportOf(source, testTarget(w, "a", Daily))
		e.Span.End.At, e.Span.Step, e.Span.Atom = dayStart.Add(8*time.Hour), 8*time.Hour, test.atom
		sum, err := apply(context.Background(), w, []Export{e}, nil)
		if err != nil || len(sum.Failed) > 0 || len(w.rowsIn("mem:a")) != 80 {
			t.Fatalf("times %v: %+v, %v, %d rows", test.times, sum, err, len(w.rowsIn("mem:a")))
		}
		if source.reads != test.wantReads {
			t.Errorf("times %v: %d reads, want %d", test.times, source.reads, test.wantReads)
		}
		for _, entry := range w.entries {
			if r := entry.Receipt; entry.Kind == KindDone && !Floor(r.Start, test.atom).Equal(r.Start) {
				t.Errorf("times %v: %v cuts an atom of %v", test.times, r.Window, test.atom)
			}
		}
	}
}

// sharing says of the first answer that is too large how far.
type sharing struct {
	tableSource
	times float64
}

func (s *sharing) Read(ctx context.Context, slice Slice, emit func(arrow.Record) error) (Reading, error) {
	reading, err := s.tableSource.Read(ctx, slice, emit)
	if errors.Is(err, ErrTooLarge) && s.times > 0 {
		err = &TooLarge{Times: s.times, Err: err}
		s.times = 0
	}
	return reading, err
}

// An atom that is too large fails with advice, and no part of it is read.
func TestAtomTooLarge(t *testing.T) {
	w := newWorld()
	source := &tableSource{limit: 3}
	for i := range 5 {
		source.rows = append(source.rows, tableRow{at: TickOf(dayStart.Add(time.Duration(i) * time.Minute)), id: fmt.Sprint(i)})
	}
	e := exportOf(source, testTarget(w, "a", Daily))
	e.Span.Atom = time.Hour
	sum, err := apply(context.Background(), w, []Export{e}, nil)
	if err != nil || len(sum.Failed) != 1 || !strings.Contains(sum.Failed[0].Err.Error(), "aggregates by pieces of 1h0m0s") {
		t.Errorf("%+v, %v, want the hour to fail", sum, err)
	}
	if got := w.rowsIn("mem:a"); len(got) > 0 {
		t.Errorf("%d rows of it were kept", len(got))
	}
}

func TestOtherParts(t *testing.T) {
	for _, test := range []struct{ have, want string }{
		{"", "*"}, // the whole
		{"0 1 2 3 4 5 6 7 8 9 a b c d e f", ""},
		{"0 1 2 3 4 5 6 7 8 9 a b c d e", "f"},
		{"0 1 2 3 4 5 6 7 8 9 a b c d f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc", "e fd fe ff"},
	} {
		got := strings.Join(otherParts("", strings.Fields(test.have)), " ")
		if test.have == "" {
			got += "*"
		}
		if got != test.want {
			t.Errorf("beside %q are %q, want %q", test.have, got, test.want)
		}
		if parts := append(strings.Fields(test.have), strings.Fields(test.want)...); test.have != "" && !CompleteParts(parts) {
			t.Errorf("%q are not complete", parts)
		}
	}
}
