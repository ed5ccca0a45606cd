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
	for _, r := range rows {
		if r.at >= TickOf(w.Start) && r.at < TickOf(w.End) && (Cut{To: cut}).holds(r.got) {
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
