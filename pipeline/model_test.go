package pipeline

import (
	"context"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

// modelRun is one run of the engine in a scenario.
type modelRun struct {
	now   time.Time
	print string   // fingerprint of the query
	sinks []string // names
	limit int
	rows  int64 // that a file of sink a may have; 0 is no bound
}

// modelRows has one tick with a crowd, and rows that come late.
func modelRows() []tableRow {
	var rows []tableRow
	for i := range 3 {
		rows = append(rows, tableRow{at: TickOf(dayStart.Add(time.Hour)), id: fmt.Sprint("crowd-", i), got: TickOf(dayStart.Add(time.Hour))})
	}
	for i := range 3 {
		at := dayStart.Add(time.Duration(2+9*i) * time.Hour)
		rows = append(rows, tableRow{at: TickOf(at), id: fmt.Sprint("row-", i), got: TickOf(at)})
	}
	return append(rows, tableRow{at: TickOf(dayStart.Add(3 * time.Hour)), id: "late", got: TickOf(dayStart.Add(50 * time.Hour))},
		tableRow{at: TickOf(dayStart.Add(30 * time.Hour)), id: "late and alone", got: TickOf(dayStart.Add(50 * time.Hour))})
}

func (p *process) run(m modelRun) (*Plan, Summary, error) {
	ctx := context.Background()
	source := &tableSource{rows: modelRows(), limit: m.limit, now: TickOf(m.now)}
	var targets []Target
	for _, name := range m.sinks {
		t := testTarget(p.world, name, Daily)
		t.Sink = stepSink{t.Sink.(memSink), p}
		if name == "a" {
			t.MaxRows = m.rows
		}
		targets = append(targets, t)
	}
	e := exportOf(source, targets...)
	e.Query.Fingerprint, e.OnChange, e.Span.Lookback = m.print, Rebuild, 72*time.Hour
	exports := []Export{e}
	l := numberedLedger{p}
	r := &Runner{Ledger: l, Lineage: "l", Parallelism: 1,
		Retry: Retry{Attempts: 2, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
	fold := func() (*History, error) { entries, _ := l.Entries(ctx); return Fold(entries) }
	h, err := fold()
	if err == nil {
		_, err = r.Recover(ctx, exports, h)
	}
	if err == nil {
		h, err = fold()
	}
	if err != nil {
		return nil, Summary{}, err
	}
	lost, err := FindLost(ctx, exports, h, "l")
	if err != nil {
		return nil, Summary{}, err
	}
	survey, err := Probe(ctx, exports, h, m.now, ProbeOptions{Retry: r.Retry, Lost: lost})
	if err != nil {
		return nil, Summary{}, err
	}
	plan, err := BuildPlan(ctx, exports, h, m.now, PlanOptions{Survey: survey})
	if err != nil {
		return nil, Summary{}, err
	}
	sum, err := r.Run(ctx, plan, exports, h)
	return plan, sum, err
}

// counted returns the rows of what counts in a sink. It is an error if the
// ledger does not fold, or what counts is not there.
func (w *world) counted(sink string) ([]string, error) {
	h, err := Fold(w.entries)
	if err != nil {
		return nil, err
	}
	done, err := h.Line("query.t", "mem:"+sink).Done(context.Background(), Forever())
	var rows []string
	for _, r := range done {
		o, ok := w.objects["mem:"+sink+"|"+r.Key]
		if r.Key != "" && (!ok || o.sum != r.SHA256) {
			return nil, fmt.Errorf("%s counts and is not in %s", r.Key, sink)
		}
		rows = append(rows, o.rows...)
	}
	sort.Strings(rows)
	return rows, err
}

// sound reports what is wrong while runs may still be missing: a row twice, or
// one that counted before and does not any more.
func (w *world) sound(m modelRun, before map[string][]string) error {
	for _, sink := range m.sinks {
		rows, err := w.counted(sink)
		if err != nil {
			return err
		}
		if n := len(slices.Compact(slices.Clone(rows))); n != len(rows) {
			return fmt.Errorf("%s counts %d rows twice", sink, len(rows)-n)
		}
		for _, row := range before[sink] {
			if !slices.Contains(rows, row) {
				return fmt.Errorf("%s does not count %s any more", sink, row)
			}
		}
	}
	return nil
}

// complete reports what is wrong after a clean run.
func (w *world) complete(m modelRun) error {
	want := rowsBelow(modelRows(), Window{dayStart, dayStart.Add(48 * time.Hour)}, CutAt(m.now))
	for _, sink := range m.sinks {
		rows, err := w.counted(sink)
		if err != nil {
			return err
		}
		if folder := w.rowsIn("mem:" + sink); !reflect.DeepEqual(rows, want) || !reflect.DeepEqual(folder, want) {
			return fmt.Errorf("%s counts %d rows and holds %d, want %d", sink, len(rows), len(folder), len(want))
		}
	}
	return nil
}

func (w *world) copied() *world {
	return &world{entries: slices.Clone(w.entries), objects: maps.Clone(w.objects)}
}

// settleDown runs undisturbed until nothing is left to do.
func (w *world) settleDown(m modelRun) error {
	m.limit++ // other splits
	for range 5 {
		plan, sum, err := (&process{world: w, at: -1}).run(m)
		if err != nil {
			return err
		}
		if len(plan.Slices) == 0 && len(sum.Failed) == 0 {
			return w.complete(m)
		}
	}
	return fmt.Errorf("runs find no end")
}

// Whatever happens at a step of a run, what counts stays sound, and later runs
// with other splits bring each row into exactly one object.
func TestModel(t *testing.T) {
	first := modelRun{now: dayStart.Add(49 * time.Hour), print: "fp1:0", sinks: []string{"a", "b"}, limit: 2}
	late, changed, third := first, first, first
	late.now = dayStart.Add(52 * time.Hour)
	changed.print = "fp1:1"
	third.sinks = []string{"a", "b", "c"}
	thirdLate := third
	thirdLate.now = late.now
	type scenario struct {
		name string
		run  modelRun
		old  bool // after a first run
		lose bool // an object
		late bool // after a second run, which has appended late rows
	}
	scenarios := []scenario{{"first", first, false, false, false}, {"late", late, true, false, false}, {"replace", changed, true, false, false},
		{"copy", third, true, false, false}, {"copy of late rows", thirdLate, true, false, true}, {"lost", first, true, true, false}}
	for _, s := range slices.Clone(scenarios) {
		s.name, s.run.rows = "pieces, "+s.name, 1
		s.run.sinks = slices.DeleteFunc(slices.Clone(s.run.sinks), func(name string) bool { return name == "b" }) // so that a lends its pieces
		scenarios = append(scenarios, s)
	}
	for _, s := range scenarios {
		first := first
		first.rows = s.run.rows
		base := newWorld()
		if s.old {
			if err := base.settleDown(first); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
		}
		if s.late {
			second := first
			second.now = late.now
			if err := base.settleDown(second); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
		}
		before := make(map[string][]string)
		for _, sink := range s.run.sinks {
			before[sink], _ = base.counted(sink)
		}
		if s.lose {
			keys := slices.Sorted(maps.Keys(base.objects))
			delete(base.objects, keys[slices.IndexFunc(keys, func(k string) bool { return strings.HasPrefix(k, "mem:a|") })])
			before = nil
		}
		undisturbed := &process{world: base.copied(), at: -1}
		plan, _, err := undisturbed.run(s.run)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		copies := func(p PlannedSlice) bool { return p.Copy != "" }
		if strings.Contains(s.name, "copy") && !slices.ContainsFunc(plan.Slices, copies) {
			t.Errorf("%s: nothing is copied", s.name)
		}
		histories := 0
		for at := range undisturbed.steps {
			if !modelLong() && at%modelShare() != 0 {
				continue
			}
			for how := range disturbances {
				w := base.copied()
				p := &process{world: w, at: at, how: how}
				p.other = func() { _, _, _ = (&process{world: w, at: -1}).run(s.run) }
				_, _, _ = p.run(s.run)
				histories++
				if !s.lose {
					if err := w.sound(s.run, before); err != nil {
						t.Errorf("%s: %v at step %d: %v", s.name, how, at, err)
					}
				}
				if err := w.settleDown(s.run); err != nil {
					t.Errorf("%s: %v at step %d, then clean runs: %v", s.name, how, at, err)
				}
			}
		}
		t.Logf("%s: %d steps, %d histories", s.name, undisturbed.steps, histories)
	}
}

// The model notices a row that is there twice.
func TestModelNoticesDouble(t *testing.T) {
	first := modelRun{now: dayStart.Add(49 * time.Hour), print: "fp1:0", sinks: []string{"a"}, limit: 2}
	w := newWorld()
	if err := w.settleDown(first); err != nil {
		t.Fatal(err)
	}
	for name, o := range w.objects {
		if len(o.rows) > 0 {
			w.objects[name+"-again"] = o
			break
		}
	}
	if w.complete(first) == nil {
		t.Error("a doubled object went unnoticed")
	}
}

// modelLong reports whether all histories are to be checked: KUSTASH_CHAOS=long,
// as "make chaos" sets it.
func modelLong() bool { return os.Getenv("KUSTASH_CHAOS") == "long" }

// modelShare is which of the steps are taken otherwise, one in so many.
func modelShare() int {
	if testing.Short() {
		return 11
	}
	return 5
}
