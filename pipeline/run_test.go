package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
)

var dayStart = at("2026-03-01T00:00:00Z")

// randomTable has rows at random ticks of two days, many on one instant, and
// some exactly on bounds of hours and days.
func randomTable(rng *rand.Rand, n int) []tableRow {
	rows := make([]tableRow, n)
	base := TickOf(dayStart)
	hour := Tick(time.Hour / TickSize)
	for i := range rows {
		t := base + Tick(rng.Int64N(int64(48*hour)))
		switch rng.IntN(4) {
		case 0:
			t -= (t - base) % hour
		case 1:
			t = base + 20*hour + Tick(rng.IntN(3)) // crowds on neighbouring ticks
		}
		rows[i] = tableRow{at: t, id: fmt.Sprintf("row-%d", i)}
	}
	return rows
}

func wantRows(rows []tableRow, w Window) []string {
	var want []string
	for _, r := range rows {
		if r.at >= TickOf(w.Start) && r.at < TickOf(w.End) {
			want = append(want, r.at.Time().Format(TimeLayout)+" "+r.id)
		}
	}
	sort.Strings(want)
	return want
}

func exportOf(source Source, sinks ...Target) Export {
	return Export{
		Query:   Query{Address: "query.t", Text: "T", TimeColumn: "TimeGenerated", Fingerprint: "fp1:0"},
		Span:    Span{Start: Bound{At: dayStart}, End: Bound{At: dayStart.Add(48 * time.Hour)}, Settle: 30 * time.Minute},
		Source:  source,
		Limits:  Limits{Rows: 100, Bytes: 1 << 20},
		Targets: sinks,
	}
}

// apply is one run of the whole engine: recover, plan, run.
func apply(ctx context.Context, w *world, exports []Export, atStep func(string)) (Summary, error) {
	l := memLedger{w}
	r := &Runner{Ledger: l, Lineage: "l", Parallelism: 3, AtStep: atStep,
		Retry: Retry{Attempts: 4, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
	fold := func() (*History, error) {
		entries, err := l.Entries(ctx)
		if err != nil {
			return nil, err
		}
		return Fold(entries)
	}
	h, err := fold()
	if err != nil {
		return Summary{}, err
	}
	if _, err := r.Recover(ctx, exports, h); err != nil {
		return Summary{}, err
	}
	if h, err = fold(); err != nil {
		return Summary{}, err
	}
	p, err := BuildPlan(context.Background(), exports, h, dayStart.Add(72*time.Hour), PlanOptions{})
	if err != nil {
		return Summary{}, err
	}
	return r.Run(ctx, p, exports, h)
}

func testTarget(w *world, name string, c Calendar) Target {
	identity := "mem:" + name
	return Target{Address: "sink." + name, Identity: identity, Calendar: c, Sink: memSink{w, identity}}
}

// Whatever fails and wherever the process dies, once runs end clean every sink
// holds every row of the window exactly once.
func TestEveryRowOnce(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 7))
		w := newWorld()
		w.rng = rand.New(rand.NewPCG(seed, 8))
		source := &tableSource{rows: randomTable(rng, 150), limit: 4 + rng.IntN(30), rng: rand.New(rand.NewPCG(seed, 9))}
		exports := []Export{exportOf(source, testTarget(w, "a", Daily), testTarget(w, "b", Hourly))}
		if seed%2 == 0 {
			exports[0].Targets[0].MaxRows = int64(1 + rng.IntN(9))
		}
		clean := false
		for run := 0; run < 200 && !clean; run++ {
			w.restart()
			steps, dieAt := 0, rng.IntN(60)
			sum, err := apply(context.Background(), w, exports, func(string) {
				w.mu.Lock()
				steps++
				die := run < 6 && steps == dieAt
				w.mu.Unlock()
				if die {
					w.crash()
				}
			})
			clean = err == nil && len(sum.Failed) == 0
			if run > 20 {
				source.rng, w.rng = nil, nil
			}
		}
		if !clean {
			t.Fatalf("seed %d: no run ended clean", seed)
		}
		want := wantRows(source.rows, exports[0].Span.Resolve(dayStart.Add(72*time.Hour)))
		for _, identity := range []string{"mem:a", "mem:b"} {
			if got := w.rowsIn(identity); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: %s holds %d rows, want %d: %s", seed, identity, len(got), len(want), difference(got, want))
			}
		}
		w.restart() // the last run may have died at its very end
		sum, err := apply(context.Background(), w, exports, nil)
		if err != nil || sum.Done != 0 || len(sum.Failed) != 0 {
			t.Fatalf("seed %d: a second run is not empty: %+v, %v", seed, sum, err)
		}
	}
}

func difference(got, want []string) string {
	count := make(map[string]int)
	for _, r := range got {
		count[r]++
	}
	for _, r := range want {
		count[r]--
	}
	var odd []string
	for r, n := range count {
		if n != 0 {
			odd = append(odd, fmt.Sprintf("%s (%+d)", r, n))
		}
	}
	sort.Strings(odd)
	return strings.Join(odd, ", ")
}

// A crash at each step of the commit leaves a ledger from which the next run
// completes the archive, with other splits than before.
func TestCrashAtEachStep(t *testing.T) {
	for _, step := range []string{"read", "prepare", "intended", "publish", "commit", "done"} {
		for nth := 1; nth <= 12; nth++ {
			t.Run(fmt.Sprintf("%s/%d", step, nth), func(t *testing.T) {
				w := newWorld()
				source := &tableSource{rows: randomTable(rand.New(rand.NewPCG(3, 4)), 90), limit: 5}
				exports := []Export{exportOf(source, testTarget(w, "a", Daily))}
				seen := 0
				_, err := apply(context.Background(), w, exports, func(s string) {
					w.mu.Lock()
					if s == step {
						seen++
					}
					die := seen == nth
					w.mu.Unlock()
					if die {
						w.crash()
					}
				})
				if err == nil {
					t.Fatal("the run did not notice that it had crashed")
				}
				w.restart()
				source.limit = 4 // splits differ from now on
				sum, err := apply(context.Background(), w, exports, nil)
				if err != nil || len(sum.Failed) > 0 {
					t.Fatalf("the run after the crash: %+v, %v", sum, err)
				}
				want := wantRows(source.rows, exports[0].Span.Resolve(dayStart.Add(72*time.Hour)))
				if got := w.rowsIn("mem:a"); !reflect.DeepEqual(got, want) {
					t.Errorf("rows differ: %s", difference(got, want))
				}
			})
		}
	}
}

// Without a way to count, one tick cannot be cut.
func TestTooManyRowsOnOneTick(t *testing.T) {
	w := newWorld()
	crowd := TickOf(dayStart.Add(90 * time.Minute))
	source := &tableSource{limit: 5, rows: []tableRow{{at: crowd + 1, id: "after"}, {at: crowd - 1, id: "before"}}}
	for i := range 6 {
		source.rows = append(source.rows, tableRow{at: crowd, id: fmt.Sprint(i)})
	}
	exports := []Export{exportOf(struct{ Source }{source}, testTarget(w, "a", Daily))}
	sum, err := apply(context.Background(), w, exports, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Failed) != 1 || sum.Failed[0].Window.Ticks() != 1 || !errors.Is(sum.Failed[0].Err, ErrTooLarge) {
		t.Fatalf("failed = %+v, want the one tick", sum.Failed)
	}
	if got := len(w.rowsIn("mem:a")); got != 2 {
		t.Errorf("%d rows were archived, want the 2 beside the crowded tick", got)
	}
	entries, _ := memLedger{w}.Entries(context.Background())
	h, err := Fold(entries)
	if err != nil {
		t.Fatal(err)
	}
	report := reportOrFail(t, h, dayStart.Add(72*time.Hour), exports...)
	if len(report) != 1 || len(report[0].Failed) != 1 || report[0].Failed[0].Window.Ticks() != 1 {
		t.Errorf("the report is %+v, want the one tick as a failure", report)
	}
	if gaps := report[0].Gaps; len(gaps) != 1 || gaps[0].Ticks() != 1 || report[0].Until != gaps[0].Start {
		t.Errorf("gaps are %v until %v, want the one tick", gaps, report[0].Until)
	}
	source.limit = 6
	if sum, err = apply(context.Background(), w, exports, nil); err != nil || len(sum.Failed) != 0 || len(w.rowsIn("mem:a")) != 8 {
		t.Errorf("with a higher limit: %+v, %v, %d rows", sum, err, len(w.rowsIn("mem:a")))
	}
}

// refusing is a source without access.
type refusing struct{ tableSource }

func (s *refusing) Read(ctx context.Context, slice Slice, emit func(arrow.Record) error) (Reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return Reading{}, fmt.Errorf("role missing: %w", ErrAccess)
}

func TestAccessDeniedStopsTheSource(t *testing.T) {
	w := newWorld()
	source := &refusing{}
	exports := []Export{exportOf(source, testTarget(w, "a", Hourly))}
	sum, err := apply(context.Background(), w, exports, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Failed) != 48 {
		t.Errorf("%d slices failed, want all 48", len(sum.Failed))
	}
	if source.reads > 3 {
		t.Errorf("the source was asked %d times after it refused, want at most once a worker", source.reads)
	}
}

func TestStopping(t *testing.T) {
	w := newWorld()
	source := &tableSource{rows: randomTable(rand.New(rand.NewPCG(5, 6)), 60)}
	exports := []Export{exportOf(source, testTarget(w, "a", Hourly))}
	ctx, cancel := context.WithCancel(context.Background())
	sum, err := apply(ctx, w, exports, func(step string) {
		if step == "intended" {
			cancel()
		}
	})
	if err != nil || len(sum.Failed) != 0 || sum.Pending == 0 || sum.Done == 0 || sum.Done+sum.Pending != 48 {
		t.Fatalf("stopped run: %+v, %v; want some done, the rest pending", sum, err)
	}
	entries, _ := memLedger{w}.Entries(context.Background())
	h, err := Fold(entries)
	if err != nil {
		t.Fatal(err)
	}
	if open := h.Line("query.t", "mem:a").Open; len(open) != 0 {
		t.Errorf("commits in flight did not finish: %+v", open)
	}
}

func TestOneSinkFails(t *testing.T) {
	w := newWorld()
	source := &tableSource{rows: randomTable(rand.New(rand.NewPCG(5, 6)), 60)}
	bad := testTarget(newWorld(), "bad", Daily)
	bad.Sink = fullSink{bad.Sink}
	exports := []Export{exportOf(source, testTarget(w, "good", Daily), bad)}
	sum, err := apply(context.Background(), w, exports, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := wantRows(source.rows, exports[0].Span.Resolve(dayStart.Add(72*time.Hour)))
	if got := w.rowsIn("mem:good"); !reflect.DeepEqual(got, want) {
		t.Errorf("the good sink: %s", difference(got, want))
	}
	for _, f := range sum.Failed {
		if f.Sink != "mem:bad" || !strings.Contains(f.Err.Error(), "no space left") {
			t.Errorf("failed = %+v, want only the full sink", f)
		}
	}
	if len(sum.Failed) == 0 || sum.Done != 0 {
		t.Errorf("summary %+v, want failures and nothing done everywhere", sum)
	}
}

// What a sink refuses during a read that is repeated is no failure of the
// slice: the next try may bring it there.
func TestSinkFailsInARepeatedRead(t *testing.T) {
	w := newWorld()
	source := &tableSource{rows: []tableRow{{at: TickOf(dayStart), id: "x"}}}
	target := testTarget(w, "a", NoCalendar)
	target.Sink = &fullOnce{Sink: target.Sink}
	e := exportOf(&brokenOnce{Source: source}, target, testTarget(w, "b", NoCalendar))
	e.Span.Whole = true // one slice
	sum, err := apply(context.Background(), w, []Export{e}, nil)
	if err != nil || len(sum.Failed) > 0 {
		t.Errorf("apply = %+v, %v, want no failure", sum, err)
	}
	for _, identity := range []string{"mem:a", "mem:b"} {
		if got := w.rowsIn(identity); len(got) != 1 {
			t.Errorf("%s holds %v, want the one row", identity, got)
		}
	}
	if entries, _ := (memLedger{w}).Entries(context.Background()); slices.ContainsFunc(entries, func(e Entry) bool { return e.Kind == KindFailed }) {
		t.Errorf("one of the ledger's %d entries records a failure", len(entries))
	}
}

// brokenOnce breaks off the first read after its rows.
type brokenOnce struct {
	Source
	broken bool
}

func (s *brokenOnce) Read(ctx context.Context, slice Slice, emit func(arrow.Record) error) (Reading, error) {
	reading, err := s.Source.Read(ctx, slice, emit)
	if err == nil && !s.broken {
		s.broken = true
		err = &RetryAfter{Err: errors.New("connection reset")}
	}
	return reading, err
}

// fullOnce takes no first file.
type fullOnce struct {
	Sink
	full bool
}

func (s *fullOnce) Begin(ctx context.Context, f File) (Tx, error) {
	if !s.full {
		s.full = true
		return nil, errors.New("no space left on device")
	}
	return s.Sink.Begin(ctx, f)
}

type fullSink struct{ Sink }

func (fullSink) Begin(context.Context, File) (Tx, error) {
	return nil, errors.New("no space left on device")
}

// A stranger's object under an intended name is never touched and never counted.
func TestConflict(t *testing.T) {
	w := newWorld()
	source := &tableSource{rows: []tableRow{{at: TickOf(dayStart), id: "x"}}}
	exports := []Export{exportOf(source, testTarget(w, "a", Daily))}
	_, _ = apply(context.Background(), w, exports, func(s string) {
		// Slices without rows pass this step without an intent.
		if s == "intended" && w.intents() > 0 {
			w.crash()
		}
	})
	entries, _ := memLedger{w}.Entries(context.Background())
	h, err := Fold(entries)
	if err != nil {
		t.Fatal(err)
	}
	open := h.Line("query.t", "mem:a").Open
	if len(open) != 1 {
		t.Fatalf("open intents = %+v, want one", open)
	}
	w.restart()
	w.objects["mem:a|"+open[0].Key] = object{rows: []string{"strange"}, sum: "other"}
	r := &Runner{Ledger: memLedger{w}}
	conflicts, err := r.Recover(context.Background(), exports, h)
	if err != nil || len(conflicts) != 1 || !errors.Is(conflicts[0].Err, ErrMismatch) {
		t.Fatalf("Recover = %+v, %v, want one conflict", conflicts, err)
	}
	if got := w.objects["mem:a|"+open[0].Key].sum; got != "other" {
		t.Errorf("the strange object was changed")
	}
	if sum, err := apply(context.Background(), w, exports, nil); err != nil || len(sum.Failed) > 0 {
		t.Errorf("apply = %+v, %v", sum, err)
	}
	entries, _ = memLedger{w}.Entries(context.Background())
	if h, err = Fold(entries); err != nil {
		t.Fatal(err)
	}
	var hours time.Duration
	for _, done := range h.Line("query.t", "mem:a").Covered() {
		hours += done.End.Sub(done.Start)
	}
	if hours != 47*time.Hour {
		t.Errorf("%v are done, want the 47 hours beside the conflict", hours)
	}
	if got := w.rowsIn("mem:a"); len(got) != 1 {
		t.Errorf("rows = %v: the slice in conflict was read again", got)
	}
}

// A process that wakes up after another has taken over cannot publish what it
// had intended: its rows are in the archive already.
func TestLateWriterIsFenced(t *testing.T) {
	w := newWorld()
	source := &tableSource{rows: []tableRow{{at: TickOf(dayStart), id: "x"}}}
	exports := []Export{exportOf(source, testTarget(w, "a", Daily))}
	ctx := context.Background()
	slice := Slice{Query: exports[0].Query, Window: Window{dayStart, dayStart.Add(3 * time.Hour)}}
	sleeper, err := memSink{w, "mem:a"}.Begin(ctx, File{Slice: slice, Columns: tableColumns})
	if err != nil {
		t.Fatal(err)
	}
	if err := emitRows(source.rows, sleeper.Write); err != nil {
		t.Fatal(err)
	}
	receipt, err := sleeper.Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := (memLedger{w}).Append(ctx, Entry{Kind: KindSchema, Query: "query.t", Columns: tableColumns},
		Entry{Kind: KindIntended, Query: "query.t", Sink: "mem:a", Receipt: &receipt}); err != nil {
		t.Fatal(err)
	}
	if sum, err := apply(ctx, w, exports, nil); err != nil || len(sum.Failed) > 0 {
		t.Fatalf("the run that takes over: %+v, %v", sum, err)
	}
	if err := sleeper.Commit(ctx); !errors.Is(err, ErrExists) {
		t.Errorf("the sleeper's commit: %v, want %v", err, ErrExists)
	}
	if got := w.rowsIn("mem:a"); len(got) != 1 {
		t.Errorf("rows = %v, want the one row once", got)
	}
}
