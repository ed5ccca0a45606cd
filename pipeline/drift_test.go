package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func TestDriftOf(t *testing.T) {
	known := Schema{{Name: "T", Type: Datetime}, {Name: "N", Type: Long}, {Name: "N", Type: String, As: "N_string"}, {Name: "Gone", Type: Bool}}
	n, text, gone := known[:2], Schema{known[0], known[2]}, known[3:]
	for _, test := range []struct {
		name           string
		before, answer Schema
		want           string
	}{
		{"nothing", n, Schema{{Name: "T", Type: Datetime}, {Name: "N", Type: Long}}, ""},
		{"another order", n, Schema{{Name: "N", Type: Long}, {Name: "T", Type: Datetime}}, ""},
		{"a new column", n, append(n[:2:2], Column{Name: "M", Type: Real}), "+M real M"},
		{"one that differs by case only", n, append(n[:2:2], Column{Name: "n", Type: Long}), "+n long n_2"},
		{"one that comes back", n, append(n[:2:2], gone...), "+Gone bool Gone"},
		{"one is missing", append(n[:2:2], gone...), n, "-Gone bool Gone"},
		{"another type", n, Schema{n[0], {Name: "N", Type: Real}}, "~N long>real N_real"},
		{"a type that has been", n, Schema{n[0], {Name: "N", Type: String}}, "~N long>string N_string"},
		{"the first type again", text, n, "~N string>long N"},
		{"renamed", n, Schema{n[0], {Name: "M", Type: Long}}, "+M long M -N long N"},
		{"all at once", append(n[:2:2], gone...), Schema{n[0], {Name: "N", Type: GUID}, {Name: "M", Type: Int}},
			"+M int M -Gone bool Gone ~N long>guid N_guid"},
	} {
		now, _ := known.Extend(test.answer, false)
		d := driftOf("query.t", test.before, now)
		var got []string
		for _, c := range d.Added {
			got = append(got, fmt.Sprintf("+%s %s %s", c.Name, c.Type, c.FileName()))
		}
		for _, c := range d.Missing {
			got = append(got, fmt.Sprintf("-%s %s %s", c.Name, c.Type, c.FileName()))
		}
		for _, c := range d.Retyped {
			got = append(got, fmt.Sprintf("~%s %s>%s %s", c.Name, c.Before.Type, c.Type, c.FileName()))
		}
		if text := strings.Join(got, " "); text != test.want || d.None() != (text == "") {
			t.Errorf("%s: %q, want %q", test.name, text, test.want)
		}
	}
}

// filed is a done entry of a file with columns, read up to a cut.
func filed(query, sink string, w Window, cut string, columns Schema) Entry {
	return Entry{Kind: KindDone, Query: query, Sink: sink, Receipt: &Receipt{Window: w, Cut: Cut{To: at(cut)}, Rows: 1, Schema: columns.Hash()}}
}

func TestNewest(t *testing.T) {
	a := Schema{{Name: "T", Type: Datetime}}
	b := append(a[:1:1], Column{Name: "B", Type: Long})
	c := append(b[:2:2], Column{Name: "C", Type: Long})
	day1, day2 := window("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"), window("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")
	schema := func(query string, s Schema) Entry { return Entry{Kind: KindSchema, Query: query, Columns: s} }
	for _, test := range []struct {
		name    string
		entries []Entry
		want    Schema
	}{
		{"columns without a file", []Entry{schema("query.t", a)}, nil},
		{"of another query", []Entry{schema("query.o", a), filed("query.o", "s", day1, "2026-03-05T00:00:00Z", a)}, nil},
		{"of a slice without rows", []Entry{schema("query.t", a),
			{Kind: KindDone, Query: "query.t", Sink: "s", Receipt: &Receipt{Window: day1, Cut: Cut{To: at("2026-03-05T00:00:00Z")}}}}, nil},
		{"an older window that was read later", []Entry{schema("query.t", b), schema("query.t", a),
			filed("query.t", "s", day2, "2026-03-05T00:00:00Z", b), filed("query.t", "s", day1, "2026-03-06T00:00:00Z", a)}, a},
		{"columns that were there before, in an older window", []Entry{schema("query.t", a), schema("query.t", b),
			filed("query.t", "s", day2, "2026-03-05T00:00:00Z", b), filed("query.t", "s", day1, "2026-03-06T00:00:00Z", a)}, a},
		{"columns that were there before, in a newer window", []Entry{schema("query.t", a), schema("query.t", b),
			filed("query.t", "s", day1, "2026-03-05T00:00:00Z", b), filed("query.t", "s", day2, "2026-03-06T00:00:00Z", a)}, a},
		{"in another sink", []Entry{schema("query.t", a), schema("query.t", b),
			filed("query.t", "s", day1, "2026-03-05T00:00:00Z", a), filed("query.t", "z", day1, "2026-03-06T00:00:00Z", b)}, b},
		{"a change within a run", []Entry{schema("query.t", a), filed("query.t", "s", day2, "2026-03-05T00:00:00Z", a),
			schema("query.t", c), filed("query.t", "s", day1, "2026-03-05T00:00:00Z", c)}, c},
		{"a change within a run that goes on", []Entry{schema("query.t", a), filed("query.t", "s", day1, "2026-03-05T00:00:00Z", a),
			schema("query.t", c), filed("query.t", "s", day2, "2026-03-05T00:00:00Z", c)}, c},
		{"columns that another query has had before", []Entry{schema("query.o", b), schema("query.t", a), schema("query.t", b),
			filed("query.t", "s", day2, "2026-03-05T00:00:00Z", a), filed("query.t", "s", day1, "2026-03-05T00:00:00Z", b)}, b},
		{"a ledger that records them for another query only", []Entry{schema("query.o", b),
			filed("query.t", "s", day1, "2026-03-05T00:00:00Z", b)}, b},
	} {
		h := foldOrFail(t, test.entries...)
		got, ok := h.Newest("query.t")
		if got.Hash() != test.want.Hash() || ok != (test.want != nil) {
			t.Errorf("%s: %v, %v, want %v", test.name, got, ok, test.want)
		}
		if test.want != nil && !h.Recorded("query.t", test.want.Hash()) {
			t.Errorf("%s: not recorded for the query", test.name)
		}
	}
}

// shifting serves one row of each slice, with the columns that it has at that
// time, and tells them.
type shifting struct {
	columns Schema
	asked   int
	refusal error
}

func (s *shifting) Read(_ context.Context, slice Slice, emit func(arrow.Record) error) (Reading, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, s.columns.Arrow())
	defer b.Release()
	for i := range s.columns {
		b.Field(i).AppendNull()
	}
	rec := b.NewRecord()
	defer rec.Release()
	return Reading{Received: 1}, emit(rec)
}

func (s *shifting) Columns(context.Context, Query) (Schema, error) {
	s.asked++
	return s.columns, s.refusal
}

func TestProbeForColumns(t *testing.T) {
	first := Schema{{Name: "TimeGenerated", Type: Datetime}, {Name: "Id", Type: String}}
	grown := append(first[:2:2], Column{Name: "New", Type: Real})
	now := at("2026-03-05T00:00:00Z")
	day := window("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
	past := []Entry{{Kind: KindSchema, Query: "query.t", Columns: first}, filed("query.t", "a", day, "2026-03-04T00:00:00Z", first)}
	for _, test := range []struct {
		name    string
		source  shifting
		past    []Entry
		end     string
		unsized bool
		frozen  bool
		asked   int
		drift   int
		refused string
		noted   int
	}{
		{name: "never exported", source: shifting{columns: grown}, end: "2026-03-03T00:00:00Z"},
		{name: "nothing to read", source: shifting{columns: grown}, past: past, end: "2026-03-02T00:00:00Z"},
		{name: "nothing to be asked", source: shifting{columns: grown}, past: past, end: "2026-03-03T00:00:00Z", unsized: true},
		{name: "as before", source: shifting{columns: first}, past: past, end: "2026-03-03T00:00:00Z", asked: 1, frozen: true},
		{name: "grown", source: shifting{columns: grown}, past: past, end: "2026-03-03T00:00:00Z", asked: 1, drift: 1},
		{name: "grown, frozen", source: shifting{columns: grown}, past: past, end: "2026-03-03T00:00:00Z", asked: 1, frozen: true,
			refused: `New (real) is new. To take them as they are now, write schema = "evolve" in the block of query.t`},
		{name: "rows decide", source: shifting{}, past: past, end: "2026-03-03T00:00:00Z", asked: 1, frozen: true},
		{name: "no answer", source: shifting{refusal: errors.New("no")}, past: past, end: "2026-03-03T00:00:00Z", asked: 1, frozen: true, noted: 1},
	} {
		e := exportOf(&test.source, Target{Identity: "a", Calendar: Daily})
		e.Query.Address, e.Frozen = "query.t", test.frozen
		e.Span = Span{Start: Bound{At: day.Start}, End: Bound{At: at(test.end)}, Step: 24 * time.Hour}
		h := foldOrFail(t, test.past...)
		survey, err := Probe(context.Background(), []Export{e}, h, now, ProbeOptions{Unsized: test.unsized})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := BuildPlan(context.Background(), []Export{e}, h, now, PlanOptions{Survey: survey})
		if err != nil {
			t.Fatal(err)
		}
		refused := ""
		for _, f := range survey.Refused {
			refused += f.Err.Error()
			if !errors.Is(f.Err, ErrQuery) {
				t.Errorf("%s: %v, want %v", test.name, f.Err, ErrQuery)
			}
		}
		if test.source.asked != test.asked || len(plan.Drift) != test.drift || len(survey.Undescribed) != test.noted ||
			!strings.Contains(refused, test.refused) || (refused == "") != (test.refused == "") {
			t.Errorf("%s: asked %d times, drift %v, undescribed %v, refused %q", test.name, test.source.asked, plan.Drift, survey.Undescribed, refused)
		}
	}
}

// The columns of a frozen query stay, whatever comes in the middle of a run.
func TestFrozenRead(t *testing.T) {
	first := Schema{{Name: "TimeGenerated", Type: Datetime}, {Name: "Id", Type: String}, {Name: "N", Type: Int}}
	day := func(n int) Window {
		start := at("2026-03-01T00:00:00Z").AddDate(0, 0, n)
		return Window{start, start.AddDate(0, 0, 1)}
	}
	for _, test := range []struct {
		name   string
		change Schema
		want   string // "" keeps
	}{
		{"added", append(first[:3:3], Column{Name: "New", Type: Real}), "New (real) is new"},
		{"missing", first[:2], "N (int) is missing"},
		{"retyped", Schema{first[0], {Name: "Id", Type: Long}, first[2]}, "Id was string and is long"},
		{"another order", Schema{first[1], first[0], first[2]}, ""},
	} {
		for _, frozen := range []bool{true, false} {
			w := newWorld()
			source := &shifting{columns: first}
			e := exportOf(source, testTarget(w, "a", Daily))
			e.Frozen = frozen
			r := &Runner{Ledger: memLedger{w}, AtStep: func(step string) {
				if step == "done" {
					source.columns = test.change // from the second slice on
				}
			}}
			p := &Plan{}
			for n := range 3 {
				p.Slices = append(p.Slices, PlannedSlice{Query: e.Query.Address, Window: day(n), Sinks: []string{e.Targets[0].Identity}})
			}
			sum, err := r.Run(context.Background(), p, []Export{e}, foldOrFail(t))
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" || !frozen {
				if sum.Done != 3 {
					t.Errorf("%s, frozen %v: %+v, want 3 slices", test.name, frozen, sum)
				}
				continue
			}
			if sum.Done != 1 || len(sum.Failed) != 2 || !strings.Contains(sum.Failed[0].Err.Error(), test.want) || len(w.objects) != 1 {
				t.Errorf("%s: %+v with %d objects, want 1 slice and %q", test.name, sum, len(w.objects), test.want)
			}
			if !strings.Contains(sum.Failed[1].Err.Error(), "not tried") {
				t.Errorf("%s: the third slice: %v, want it not tried", test.name, sum.Failed[1].Err)
			}
		}
	}
}

// Queries with the same columns each have them in the ledger, once, whether they
// are read in one run or in two.
func TestColumnsOfEachQuery(t *testing.T) {
	for _, runs := range [][][]string{{{"query.one", "query.two"}}, {{"query.one"}, {"query.two"}}} {
		w := newWorld()
		for n, queries := range runs {
			p := &Plan{}
			var exports []Export
			for _, name := range queries {
				e := exportOf(&shifting{columns: tableColumns}, testTarget(w, "a", Daily))
				e.Query.Address = name
				exports = append(exports, e)
				for day := range 2 {
					start := at("2026-03-01T00:00:00Z").AddDate(0, n, day)
					p.Slices = append(p.Slices, PlannedSlice{Query: name, Window: Window{start, start.AddDate(0, 0, 1)}, Sinks: []string{e.Targets[0].Identity}})
				}
			}
			r := &Runner{Ledger: memLedger{w}}
			if _, err := r.Run(context.Background(), p, exports, foldOrFail(t, w.entries...)); err != nil {
				t.Fatal(err)
			}
		}
		schemas := make(map[string]int)
		for _, e := range w.entries {
			if e.Kind == KindSchema {
				schemas[e.Query]++
			}
		}
		if len(schemas) != 2 || schemas["query.one"] != 1 || schemas["query.two"] != 1 {
			t.Errorf("in %d runs: entries with columns by query: %v, want one of each", len(runs), schemas)
		}
	}
}
