package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func foldOrFail(t *testing.T, entries ...Entry) *History {
	t.Helper()
	h, err := Fold(entries)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func doneEntry(sink string, w Window) Entry {
	return Entry{Kind: KindDone, Query: "query.t", Sink: sink, Receipt: &Receipt{Window: w}}
}

func hoursOf(day string, rows ...int64) []Bin {
	var bins []Bin
	start := at(day)
	for i, n := range rows {
		w := Window{start.Add(time.Duration(i) * time.Hour), start.Add(time.Duration(i+1) * time.Hour)}
		bins = append(bins, Bin{w, n, n * 10})
	}
	return bins
}

func TestBuildPlan(t *testing.T) {
	day := window("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
	target := func(id string, c Calendar) Target { return Target{Identity: id, Calendar: c} }
	span := func(start, end string, step time.Duration) Span {
		return Span{Start: Bound{At: at(start)}, End: Bound{At: at(end)}, Step: step}
	}
	type want struct {
		start, end string
		sinks      int
	}
	for _, test := range []struct {
		name    string
		span    Span
		targets []Target
		past    []Entry
		volume  []Bin
		want    []want
	}{
		{"a fixed step lies on the grid, and ends are kept",
			span("2026-03-01T01:30:00Z", "2026-03-01T13:00:00.0000001Z", 6*time.Hour), []Target{target("a", Daily)}, nil, nil,
			[]want{{"2026-03-01T01:30:00Z", "2026-03-01T06:00:00Z", 1}, {"2026-03-01T06:00:00Z", "2026-03-01T12:00:00Z", 1},
				{"2026-03-01T12:00:00Z", "2026-03-01T13:00:00.0000001Z", 1}}},
		{"a quiet day is one slice", span("2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z", 0), []Target{target("a", Daily)}, nil,
			hoursOf("2026-03-01T00:00:00Z", 1, 2, 3),
			[]want{{"2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", 1}, {"2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", 1}}},
		{"hours are joined up to half of the limit, and a full one is cut",
			span("2026-03-01T00:00:00Z", "2026-03-01T05:00:00Z", 0), []Target{target("a", NoCalendar)}, nil,
			hoursOf("2026-03-01T00:00:00Z", 20, 30, 10, 120, 5),
			[]want{{"2026-03-01T00:00:00Z", "2026-03-01T02:00:00Z", 1}, {"2026-03-01T02:00:00Z", "2026-03-01T03:00:00Z", 1},
				{"2026-03-01T03:00:00Z", "2026-03-01T03:20:00Z", 1}, {"2026-03-01T03:20:00Z", "2026-03-01T03:40:00Z", 1},
				{"2026-03-01T03:40:00Z", "2026-03-01T04:00:00Z", 1}, {"2026-03-01T04:00:00Z", "2026-03-01T05:00:00Z", 1}}},
		{"what is done is left out, per sink", span("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", 24*time.Hour),
			[]Target{target("a", Daily), target("b", Daily)},
			[]Entry{doneEntry("a", window("2026-03-01T00:00:00Z", "2026-03-01T06:00:00Z")), doneEntry("b", window("2026-03-01T00:00:00Z", "2026-03-01T03:00:00Z"))}, nil,
			[]want{{"2026-03-01T03:00:00Z", "2026-03-01T06:00:00Z", 1}, {"2026-03-01T06:00:00Z", "2026-03-02T00:00:00Z", 2}}},
		{"the finest folder of all sinks bounds a slice", span("2026-03-01T22:00:00Z", "2026-03-02T01:00:00Z", 0),
			[]Target{target("a", Daily), target("b", Hourly)}, nil, []Bin{},
			[]want{{"2026-03-01T22:00:00Z", "2026-03-01T23:00:00Z", 2}, {"2026-03-01T23:00:00Z", "2026-03-02T00:00:00Z", 2},
				{"2026-03-02T00:00:00Z", "2026-03-02T01:00:00Z", 2}}},
		{"a whole window is one slice", Span{Whole: true, Start: Bound{At: day.Start}, End: Bound{At: day.End}},
			[]Target{target("a", NoCalendar)}, nil, nil, []want{{"2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", 1}}},
		{"everything is done", span("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", 0), []Target{target("a", Daily)},
			[]Entry{doneEntry("a", day)}, nil, nil},
	} {
		e := Export{Query: Query{Address: "query.t"}, Span: test.span, Targets: test.targets, Limits: Limits{Rows: 100, Bytes: 1000}}
		o := PlanOptions{}
		if test.volume != nil {
			o.Survey.Volumes = map[string]*Volume{"query.t": {Bins: test.volume}}
		}
		p, err := BuildPlan(context.Background(), []Export{e}, foldOrFail(t, test.past...), at("2026-04-01T00:00:00Z"), o)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []want
		for _, s := range p.Slices {
			got = append(got, want{s.Start.Format("2006-01-02T15:04:05.9999999Z"), s.End.Format("2006-01-02T15:04:05.9999999Z"), len(s.Sinks)})
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\ngot  %v\nwant %v", test.name, got, test.want)
		}
	}
}

// A partly archived window cannot become one piece.
func TestBuildPlanWholeInPart(t *testing.T) {
	e := Export{Query: Query{Address: "query.t"}, Targets: []Target{{Identity: "a"}},
		Span: Span{Whole: true, Start: Bound{At: at("2026-03-01T00:00:00Z")}, End: Bound{At: at("2026-03-02T00:00:00Z")}}}
	h := foldOrFail(t, doneEntry("a", window("2026-03-01T00:00:00Z", "2026-03-01T06:00:00Z")))
	if p, err := BuildPlan(context.Background(), []Export{e}, h, at("2026-04-01T00:00:00Z"), PlanOptions{}); err == nil {
		t.Errorf("plan = %+v, want an error", p.Slices)
	}
}

// The slices of a plan cover what is missing, once, whatever the volumes are;
// they end at atoms, and planning again after they are done gives nothing.
func TestBuildPlanCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 600 {
		start := at("2026-02-26T00:00:00Z").Add(time.Duration(rng.Int64N(int64(50*time.Hour))) / 100 * 100)
		end := start.Add(time.Duration(rng.Int64N(int64(90*time.Hour))) / 100 * 100)
		e := Export{
			Query:   Query{Address: "query.t"},
			Span:    Span{Start: Bound{At: start}, End: Bound{At: end}},
			Limits:  Limits{Rows: 20 + rng.Int64N(1000), Bytes: 100 + rng.Int64N(5000)},
			Targets: []Target{{Identity: "a", Calendar: Calendar(rng.IntN(5))}, {Identity: "b", Calendar: Calendar(rng.IntN(5))}},
		}
		switch rng.IntN(4) {
		case 0:
			e.Span.Step = time.Duration(1+rng.IntN(6)) * time.Hour
		case 1:
			e.Span.Atom = []time.Duration{time.Second, 5 * time.Minute, 40 * time.Minute, 3 * time.Hour}[rng.IntN(4)]
			e.Span.Start.At, e.Span.End.At = Floor(start, e.Span.Atom), Ceil(end, e.Span.Atom)
			e.Targets[0].Calendar, e.Targets[1].Calendar = Daily, NoCalendar
		}
		volume := &Volume{}
		for h := Floor(start, time.Hour); h.Before(end); h = h.Add(time.Hour) {
			switch w := (Window{h, h.Add(time.Hour)}); rng.IntN(5) {
			case 0:
				volume.Blank = append(volume.Blank, w)
			case 1: // counted again, by minutes
				for range 3 {
					at := h.Add(time.Duration(rng.IntN(20)) * time.Minute)
					volume.Bins = append(volume.Bins, Bin{Window{at, at.Add(time.Minute)}, rng.Int64N(900), rng.Int64N(5000)})
					h = at
				}
				h = w.Start
				volume.Bins = dropOverlaps(volume.Bins)
			default:
				volume.Bins = append(volume.Bins, Bin{w, rng.Int64N(2000), rng.Int64N(9000)})
			}
		}
		var past []Entry
		for range rng.IntN(4) {
			a := e.Span.Start.At.Add(e.Span.Atom * time.Duration(rng.IntN(20)))
			if e.Span.Atom == 0 {
				a = start.Add(time.Duration(rng.Int64N(int64(90*time.Hour))) / 100 * 100)
			}
			width := time.Duration(rng.Int64N(int64(9*time.Hour))) / 100 * 100
			past = append(past, doneEntry([]string{"a", "b"}[rng.IntN(2)], Window{a, Ceil(a.Add(width), max(e.Span.Atom, TickSize))}))
		}
		o := PlanOptions{Survey: Survey{Volumes: map[string]*Volume{"query.t": volume}}}
		p, err := BuildPlan(context.Background(), []Export{e}, foldOrFail(t, past...), at("2026-04-01T00:00:00Z"), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Slices {
			if atom := e.Span.Atom; atom > 0 && (!Floor(s.Start, atom).Equal(s.Start) || !Floor(s.End, atom).Equal(s.End)) {
				t.Fatalf("%v does not lie on multiples of %v", s.Window, atom)
			}
		}
		for _, sink := range []string{"a", "b"} {
			var planned []Window
			var ticks int64
			for _, s := range p.Slices {
				for _, id := range s.Sinks {
					if id == sink {
						planned = append(planned, s.Window)
						ticks += s.Ticks()
						past = append(past, doneEntry(sink, s.Window))
					}
				}
			}
			missing := Join(Uncovered(e, foldOrFail(t, past[:len(past)-len(planned)]...), p.Now, nil)[map[string]int{"a": 0, "b": 1}[sink]])
			if got := Join(planned); !reflect.DeepEqual(got, missing) {
				t.Fatalf("planned for %s: %v, want %v", sink, got, missing)
			}
			var joined int64
			for _, w := range missing {
				joined += w.Ticks()
			}
			if joined != ticks {
				t.Fatalf("slices for %s overlap: %d ticks planned, %d missing", sink, ticks, joined)
			}
		}
		again, err := BuildPlan(context.Background(), []Export{e}, foldOrFail(t, past...), p.Now, o)
		if err != nil || len(again.Slices) != 0 {
			t.Fatalf("planning again gives %v, %v", again.Slices, err)
		}
	}
}

// dropOverlaps keeps the first of bins that lie over each other.
func dropOverlaps(bins []Bin) []Bin {
	var kept []Bin
	for _, b := range bins {
		if n := len(kept); n == 0 || !b.Window.Start.Before(kept[n-1].Window.End) {
			kept = append(kept, b)
		}
	}
	return kept
}

// An hour that is too full for a slice is cut at the bounds of minutes, so that
// the pieces are about equally full and their input is known.
func TestPlanByMinutes(t *testing.T) {
	start := at("2026-03-01T05:00:00Z")
	v := &Volume{Bins: hoursOf("2026-03-01T04:00:00Z", 10)}
	for i, rows := range []int64{1, 45, 5, 20, 20, 90, 1} {
		minute := start.Add(time.Duration(i) * time.Minute)
		v.Bins = append(v.Bins, Bin{Window{minute, minute.Add(time.Minute)}, rows, rows})
	}
	e := Export{Query: Query{Address: "query.t"}, Limits: Limits{Rows: 100}, Targets: []Target{{Identity: "a", Calendar: Daily}},
		Span: Span{Start: Bound{At: at("2026-03-01T04:00:00Z")}, End: Bound{At: at("2026-03-01T06:00:00Z")}}}
	p, err := BuildPlan(context.Background(), []Export{e}, foldOrFail(t), at("2026-04-01T00:00:00Z"), PlanOptions{Survey: Survey{Volumes: map[string]*Volume{"query.t": v}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Slices {
		got = append(got, fmt.Sprintf("%s+%v=%d/%v", s.Start.Format("15:04:05"), s.End.Sub(s.Start), s.Rows, s.Input.Known))
	}
	want := []string{"04:00:00+1h1m0s=11/true", "05:01:00+2m0s=50/true", "05:03:00+2m0s=40/true",
		"05:05:00+30s=45/false", "05:05:30+30s=45/false", "05:06:00+54m0s=1/true"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("slices are\n%v, want\n%v", got, want)
	}
}

// What a query has returned so far says how wide its slices may be.
func TestPlanByYield(t *testing.T) {
	w := window("2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z")
	past := doneEntry("a", w)
	past.Rows, past.Size, past.Input = 500, 40_000, Amount{true, 10_000, 100_000}
	e := Export{Query: Query{Address: "query.t"}, Limits: Limits{Rows: 1000, Bytes: 100_000}, Targets: []Target{{Identity: "a", Calendar: Daily}},
		Span: Span{Start: Bound{At: at("2026-03-01T00:00:00Z")}, End: Bound{At: at("2026-03-01T04:00:00Z")}}}
	o := PlanOptions{Survey: Survey{Volumes: map[string]*Volume{"query.t": {Bins: hoursOf("2026-03-01T00:00:00Z", 4000, 4000, 4000, 4000)}}}}
	for _, test := range []struct {
		past []Entry
		want int // slices
		rows int64
	}{
		{nil, 32, 16_000},               // 4000 rows an hour in slices of 500
		{[]Entry{past}, 2, 16_000 / 20}, // one row of twenty, and 16 kB of 40 kB an hour, in slices of 50 kB
	} {
		p, err := BuildPlan(context.Background(), []Export{e}, foldOrFail(t, test.past...), at("2026-04-01T00:00:00Z"), o)
		if err != nil {
			t.Fatal(err)
		}
		if n, rows, _, _ := p.Totals(); n != test.want || rows != test.rows {
			t.Errorf("after %d slices: %d slices of %d rows, want %d of %d", len(test.past), n, rows, test.want, test.rows)
		}
	}
}

// What the source has forgotten is neither read nor done, now and later.
func TestPlanUnavailable(t *testing.T) {
	e := Export{Query: Query{Address: "query.t"}, Targets: []Target{{Identity: "a", Calendar: Daily}, {Identity: "b", Calendar: Daily}},
		Span: Span{Start: Bound{At: at("2026-03-01T00:00:00Z")}, End: Bound{At: at("2026-03-05T00:00:00Z")}, Step: 24 * time.Hour}}
	done := doneEntry("b", window("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"))
	now := at("2026-06-01T00:00:00Z")
	o := PlanOptions{Survey: Survey{Oldest: map[string]time.Time{"query.t": at("2026-03-03T07:00:00Z")}}}
	p, err := BuildPlan(context.Background(), []Export{e}, foldOrFail(t, done), now, o)
	if err != nil {
		t.Fatal(err)
	}
	gone := func(sink, start, end string) Unavailable {
		return Unavailable{"query.t", sink, window(start, end), at("2026-03-03T07:00:00Z")}
	}
	want := []Unavailable{gone("a", "2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z"), gone("b", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")}
	if !reflect.DeepEqual(p.Unavailable, want) {
		t.Errorf("unavailable are %v, want %v", p.Unavailable, want)
	}
	if len(p.Slices) != 2 || !p.Slices[0].Start.Equal(at("2026-03-03T00:00:00Z")) {
		t.Errorf("slices are %v, want the two days from the oldest row on", p.Slices)
	}
	h := foldOrFail(t, append([]Entry{done}, p.findings()...)...)
	again, err := BuildPlan(context.Background(), []Export{e}, h, now, PlanOptions{})
	if err != nil || len(again.Slices) != 2 || len(again.Unavailable) != 0 {
		t.Errorf("the next plan is %+v, %v, want the same two days", again, err)
	}
	c := reportOrFail(t, h, now, e)[0]
	if len(c.Unavailable) != 1 || len(c.Gaps) != 1 || c.Gaps[0].Start != p.Slices[0].Start {
		t.Errorf("coverage is %+v, want two days unavailable and two missing", c)
	}
}

// Another count of a slice under watch is told once, and never undoes it.
func TestPlanChanged(t *testing.T) {
	e := Export{Query: Query{Address: "query.t", Fingerprint: "fp1:a"}, Source: &steadySource{}, Late: LateIgnore,
		Targets: []Target{{Identity: "a", Calendar: Daily}}, Limits: Limits{Rows: 1000},
		Span: Span{Start: Bound{At: at("2026-03-01T00:00:00Z")}, End: Bound{At: at("2026-03-01T05:00:00Z")}, Lookback: 72 * time.Hour}}
	var past []Entry
	for i, rows := range []int64{5, 6, 7, 8} {
		hour := at("2026-03-01T00:00:00Z").Add(time.Duration(i) * time.Hour)
		d := doneEntry("a", Window{hour, hour.Add(time.Hour)})
		d.Fingerprint, d.Rows, d.Input = "fp1:a", rows, Amount{true, rows, rows * 10}
		past = append(past, d)
	}
	past[3].Fingerprint = "fp1:before" // which cannot be compared
	o := PlanOptions{Survey: Survey{Volumes: map[string]*Volume{"query.t": {Bins: hoursOf("2026-03-01T00:00:00Z", 5, 4, 9, 1, 3)}}}}
	plan := func(now string, past ...Entry) *Plan {
		t.Helper()
		p, err := BuildPlan(context.Background(), []Export{e}, foldOrFail(t, past...), at(now), o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := plan("2026-03-02T00:00:00Z", past...)
	var got []string
	for _, c := range p.Changed {
		got = append(got, fmt.Sprintf("%s %d→%d %v", c.Start.Format("15h"), c.Before.Rows, c.After.Rows, c.Shrunk()))
	}
	if want := []string{"01h 6→4 true", "02h 7→9 false"}; !reflect.DeepEqual(got, want) {
		t.Errorf("changed are %v, want %v", got, want)
	}
	if len(p.Slices) != 1 || p.Slices[0].Start.Hour() != 4 {
		t.Errorf("slices are %v, want the missing hour only", p.Slices)
	}
	past = append(past, p.findings()...)
	if again := plan("2026-03-02T00:00:00Z", past...); len(again.Changed) != 0 {
		t.Errorf("told again: %v", again.Changed)
	}
	// However late the next run is, it compares once more, and then no more.
	late := plan("2026-03-09T00:00:00Z", past[:4]...)
	if len(late.Changed) != 2 || len(late.Closing) != 1 || late.Closing[0].Window != window("2026-03-01T00:00:00Z", "2026-03-01T04:00:00Z") {
		t.Errorf("days after the lookback: changed %v, closing %v, want two and all four hours", late.Changed, late.Closing)
	}
	if after := plan("2026-03-10T00:00:00Z", append(past[:4:4], late.findings()...)...); len(after.Changed)+len(after.Closing) != 0 {
		t.Errorf("after the watch: changed %v, closing %v", after.Changed, after.Closing)
	}
	if changed := foldOrFail(t, past...).Line("query.t", "a").Changed(); len(changed) != 2 || !changed[0].Shrunk() {
		t.Errorf("the history has %v, want the two", changed)
	}
}

// TestProbePieces joins the pieces again and checks their bounds.
func TestProbePieces(t *testing.T) {
	w := Window{Start: at("2026-01-01T00:20:00.0000001Z"), End: at("2026-03-01T00:00:00.0000003Z")}
	for _, step := range []time.Duration{time.Hour, time.Minute, time.Second, 7 * time.Hour, 30 * 24 * time.Hour} {
		pieces := probePieces(w, step)
		if joined := Join(pieces); len(joined) != 1 || joined[0] != w {
			t.Errorf("%v: pieces join to %v, want %v", step, joined, w)
		}
		for i, p := range pieces {
			if i > 0 && p.Start != pieces[i-1].End {
				t.Errorf("%v: pieces %d and %d do not meet", step, i-1, i)
			}
			if i > 0 && !Floor(p.Start, step).Equal(p.Start) {
				t.Errorf("%v: %v does not lie on the grid", step, p.Start)
			}
			if width := p.End.Sub(p.Start); width > max(step, maxProbeSpan) || width > maxProbeBins*step {
				t.Errorf("%v: a piece is %v wide", step, width)
			}
		}
	}
}
