package pipeline

import (
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
			o.Volumes = map[string][]Bin{"query.t": test.volume}
		}
		p, err := BuildPlan([]Export{e}, foldOrFail(t, test.past...), at("2026-04-01T00:00:00Z"), o)
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
	if p, err := BuildPlan([]Export{e}, h, at("2026-04-01T00:00:00Z"), PlanOptions{}); err == nil {
		t.Errorf("plan = %+v, want an error", p.Slices)
	}
}

// The slices of a plan cover what is missing, once, whatever the volumes are;
// and planning again after they are done gives nothing.
func TestBuildPlanCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 400 {
		start := at("2026-02-26T00:00:00Z").Add(time.Duration(rng.Int64N(int64(50*time.Hour))) / 100 * 100)
		end := start.Add(time.Duration(rng.Int64N(int64(90*time.Hour))) / 100 * 100)
		e := Export{
			Query:   Query{Address: "query.t"},
			Span:    Span{Start: Bound{At: start}, End: Bound{At: end}},
			Limits:  Limits{Rows: 1 + rng.Int64N(1000), Bytes: 1 + rng.Int64N(5000)},
			Targets: []Target{{Identity: "a", Calendar: Calendar(rng.IntN(5))}, {Identity: "b", Calendar: Calendar(rng.IntN(5))}},
		}
		if rng.IntN(3) == 0 {
			e.Span.Step = time.Duration(1+rng.IntN(6)) * time.Hour
		}
		var volume []Bin
		for h := Floor(start, time.Hour); h.Before(end); h = h.Add(time.Hour) {
			volume = append(volume, Bin{Window{h, h.Add(time.Hour)}, rng.Int64N(2000), rng.Int64N(9000)})
		}
		var past []Entry
		for range rng.IntN(4) {
			a := start.Add(time.Duration(rng.Int64N(int64(90*time.Hour))) / 100 * 100)
			past = append(past, doneEntry([]string{"a", "b"}[rng.IntN(2)], Window{a, a.Add(time.Duration(rng.Int64N(int64(9*time.Hour))) / 100 * 100)}))
		}
		o := PlanOptions{Volumes: map[string][]Bin{"query.t": volume}}
		p, err := BuildPlan([]Export{e}, foldOrFail(t, past...), at("2026-04-01T00:00:00Z"), o)
		if err != nil {
			t.Fatal(err)
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
		again, err := BuildPlan([]Export{e}, foldOrFail(t, past...), p.Now, o)
		if err != nil || len(again.Slices) != 0 {
			t.Fatalf("planning again gives %v, %v", again.Slices, err)
		}
	}
}
