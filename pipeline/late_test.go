package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"testing"
	"time"
)

// nightly runs the whole engine at one time after another, with late rows.
type nightly struct {
	*world
	exports []Export
	source  *tableSource
	events  []Event
	atStep  func(string)
	replace func(Export, Window) []Window
	plan    *Plan // of the last run
	history *History
}

// at is one run of the engine when the service's clock shows now: recover,
// look for lost objects, probe, plan, run.
func (n *nightly) at(now time.Time) (Summary, error) {
	ctx := context.Background()
	l := memLedger{n.world}
	r := &Runner{Ledger: l, Lineage: "l", Parallelism: 3, AtStep: n.atStep,
		OnEvent: func(e Event) { n.events = append(n.events, e) },
		Retry:   Retry{Attempts: 4, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
	if err := n.fold(); err != nil {
		return Summary{}, err
	}
	if _, err := r.Recover(ctx, n.exports, n.history); err != nil {
		return Summary{}, err
	}
	if err := n.fold(); err != nil {
		return Summary{}, err
	}
	lost, err := FindLost(ctx, n.exports, n.history, "l")
	if err != nil {
		return Summary{}, err
	}
	n.source.now = TickOf(now)
	survey, err := Probe(ctx, n.exports, n.history, now, ProbeOptions{Retry: r.Retry, Lost: lost, Replace: n.replace})
	if err != nil {
		return Summary{}, err
	}
	if n.plan, err = BuildPlan(ctx, n.exports, n.history, now, PlanOptions{Survey: survey, Replace: n.replace}); err != nil {
		return Summary{}, err
	}
	return r.Run(ctx, n.plan, n.exports, n.history)
}

func (n *nightly) fold() (err error) {
	entries, _ := memLedger{n.world}.Entries(context.Background())
	n.history, err = Fold(entries)
	return err
}

// count returns how many entries of a kind the ledger has.
func (n *nightly) count(kind Kind) int {
	entries, _ := memLedger{n.world}.Entries(context.Background())
	return len(slices.DeleteFunc(entries, func(e Entry) bool { return e.Kind != kind }))
}

// rowsBelow returns the rows of the window that could be read before the cut,
// as the sinks keep them.
func rowsBelow(rows []tableRow, w Window, cut time.Time) []string {
	var want []string
	now := TickOf(cut.Add(CutDelay))
	for _, r := range rows {
		if r.got+r.odd <= now && r.at >= TickOf(w.Start) && r.at < TickOf(w.End) && (Cut{To: cut}).holds(r.got) {
			want = append(want, r.at.Time().Format(TimeLayout)+" "+r.id)
		}
	}
	sort.Strings(want)
	return want
}

// lateTable has rows over two days that arrive within minutes, and some that
// come hours to days late, all of them out of order by a few seconds.
func lateTable(rng *rand.Rand, n int) []tableRow {
	rows := make([]tableRow, n)
	for i := range rows {
		at := TickOf(dayStart.Add(time.Duration(rng.Int64N(int64(48 * time.Hour)))))
		delay := time.Duration(rng.Int64N(int64(5 * time.Minute)))
		if rng.IntN(4) == 0 {
			delay = time.Duration(rng.Int64N(int64(60 * time.Hour)))
		}
		rows[i] = tableRow{at: at, id: fmt.Sprint("row-", i), got: TickOf(at.Time().Add(delay))}
	}
	return rows
}

// Rows that come minutes to days late are in every sink exactly once, whether
// runs happen each night or after a pause of days; nothing that is there is
// written again; and once the watch is over a run asks for nothing.
func TestLateRowsAppended(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 21))
		w := newWorld()
		source := &tableSource{rows: lateTable(rng, 120), limit: 4 + rng.IntN(30)}
		e := exportOf(source, testTarget(w, "a", Daily), testTarget(w, "b", Hourly))
		e.Span.End, e.Span.Lookback = Bound{Relative: true}, 72*time.Hour
		n := &nightly{world: w, exports: []Export{e}, source: source}
		now := dayStart.Add(26 * time.Hour)
		for now.Before(dayStart.Add(8 * 24 * time.Hour)) {
			before := make(map[string]bool)
			for key := range w.objects {
				before[key] = true
			}
			if sum, err := n.at(now); err != nil || len(sum.Failed) > 0 {
				t.Fatalf("seed %d: at %v: %+v, %v", seed, now, sum, err)
			}
			for key := range before {
				if _, ok := w.objects[key]; !ok {
					t.Fatalf("seed %d: at %v %s was taken away", seed, now, key)
				}
			}
			want := rowsBelow(source.rows, e.Span.Resolve(now), CutAt(now))
			for _, identity := range []string{"mem:a", "mem:b"} {
				if got := w.rowsIn(identity); !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: at %v %s holds %d rows, want %d: %s", seed, now, identity, len(got), len(want), difference(got, want))
				}
			}
			now = now.Add([]time.Duration{5 * time.Hour, 24 * time.Hour, 75 * time.Hour}[rng.IntN(3)])
		}
		if len(rowsBelow(source.rows, Forever(), now)) != len(w.rowsIn("mem:a")) {
			t.Errorf("seed %d: some rows never came", seed)
		}
		if got := n.count(KindCurrent); got != 0 {
			t.Errorf("seed %d: %d slices were replaced, want none", seed, got)
		}
		e.Span.End = Bound{At: dayStart.Add(48 * time.Hour)}
		n.exports = []Export{e}
		now = now.Add(80 * time.Hour)
		if _, err := n.at(now); err != nil || len(n.plan.Closing) == 0 {
			t.Fatalf("seed %d: the last comparison: %+v, %v", seed, n.plan, err)
		}
		source.probes = nil
		if _, err := n.at(now.Add(time.Hour)); err != nil || len(n.plan.Slices) != 0 || len(source.probes) != 0 {
			t.Errorf("seed %d: after the watch: %d slices, %d probes, %v, want none", seed, len(n.plan.Slices), len(source.probes), err)
		}
	}
}

// Whatever fails and wherever the process dies among runs that append late
// rows, replace slices and delete what has stepped down: the objects that count
// never hold a row twice, never lose one that they held, and once a run ends
// clean every sink holds every row exactly once, in its folder too.
func TestLateRowsThroughCrashes(t *testing.T) {
	seeds := uint64(20)
	if testing.Short() {
		seeds = 6
	}
	replaced, appended := 0, 0
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 22))
		w := newWorld()
		source := &tableSource{rows: lateTable(rng, 100), limit: 4 + rng.IntN(20)}
		for i := range source.rows {
			if rng.IntN(10) == 0 {
				source.rows[i].odd = Tick(rng.Int64N(int64(10*time.Hour))) / 100 // the last within the lookback
			}
		}
		e := exportOf(source, testTarget(w, "a", Daily), testTarget(w, "b", Hourly))
		e.Span.End, e.Span.Lookback = Bound{Relative: true}, 72*time.Hour
		e.Late = []Late{LateDefault, LateReplace}[seed%2]
		n := &nightly{world: w, exports: []Export{e}, source: source}
		for night := range 5 {
			now := dayStart.Add(26*time.Hour + time.Duration(night)*24*time.Hour)
			n.replace = nil
			if night == 3 {
				n.replace = func(Export, Window) []Window {
					return []Window{{dayStart.Add(5 * time.Hour), dayStart.Add(30 * time.Hour)}}
				}
			}
			clean := false
			for try := 0; try < 60 && !clean; try++ {
				w.restart()
				if try < 25 {
					w.rng, source.rng = rand.New(rand.NewPCG(seed, rng.Uint64())), rand.New(rand.NewPCG(seed, rng.Uint64()))
				} else {
					w.rng, source.rng = nil, nil
				}
				source.limit = 4 + rng.IntN(20)
				steps, dieAt := 0, rng.IntN(120)
				n.atStep = func(string) {
					w.mu.Lock()
					steps++
					die := try < 20 && steps == dieAt
					w.mu.Unlock()
					if die {
						w.crash()
					}
				}
				held := n.current(t)
				sum, err := n.at(now)
				clean = err == nil && len(sum.Failed) == 0
				checkCurrent(t, fmt.Sprintf("seed %d, night %d, try %d", seed, night, try), held, n.current(t), source.rows)
			}
			if !clean {
				t.Fatalf("seed %d: night %d never ended clean", seed, night)
			}
			w.restart()
			want := rowsBelow(source.rows, e.Span.Resolve(now), CutAt(now))
			for _, identity := range []string{"mem:a", "mem:b"} {
				if got := w.rowsIn(identity); !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: night %d: %s holds %d rows, want %d: %s", seed, night, identity, len(got), len(want), difference(got, want))
				}
				if got := n.current(t)[identity]; !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: night %d: what counts in %s is other than its folder: %s", seed, night, identity, difference(got, want))
				}
			}
		}
		replaced += n.count(KindCurrent)
		entries, _ := memLedger{w}.Entries(context.Background())
		for _, e := range entries {
			if e.Kind == KindDone && !e.From.IsZero() {
				appended++
			}
		}
	}
	if replaced == 0 || appended == 0 {
		t.Errorf("%d slices were replaced and %d appended to, so the test shows little", replaced, appended)
	}
}

// current returns the rows of the objects that count, by sink.
func (n *nightly) current(t *testing.T) map[string][]string {
	t.Helper()
	if err := n.fold(); err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]string)
	for _, l := range n.history.Lines() {
		done, err := l.Done(context.Background(), Forever())
		if err != nil {
			t.Fatal(err)
		}
		rows := []string{}
		for _, r := range done {
			if r.Key == "" {
				continue
			}
			o, ok := n.objects[l.Sink+"|"+r.Key]
			if !ok || o.sum != r.SHA256 {
				t.Fatalf("%s counts in %s and is not there", r.Key, l.Sink)
			}
			rows = append(rows, o.rows...)
		}
		sort.Strings(rows)
		all[l.Sink] = rows
	}
	return all
}

// checkCurrent reports rows that count twice, rows that counted and do not any
// more, and rows that nobody has.
func checkCurrent(t *testing.T, when string, before, after map[string][]string, rows []tableRow) {
	t.Helper()
	exist := make(map[string]bool)
	for _, r := range rows {
		exist[r.at.Time().Format(TimeLayout)+" "+r.id] = true
	}
	for sink, now := range after {
		has := make(map[string]bool)
		for _, r := range now {
			if has[r] || !exist[r] {
				t.Fatalf("%s: in %s the row %s counts twice, or never was", when, sink, r)
			}
			has[r] = true
		}
		for _, r := range before[sink] {
			if !has[r] {
				t.Fatalf("%s: in %s the row %s counts no more", when, sink, r)
			}
		}
	}
}
