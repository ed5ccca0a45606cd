package pipeline

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
)

// steadySource has so many rows in every minute and tells its time, or why not.
type steadySource struct {
	perMinute int64
	refusal   error
}

func (s *steadySource) Read(context.Context, Slice, func(arrow.Record) error) (Reading, error) {
	return Reading{}, s.refusal
}

func (s *steadySource) Now(context.Context) (time.Time, error) {
	return at("2026-01-01T03:00:00Z"), s.refusal
}

func (s *steadySource) Probe(_ context.Context, _ Query, w Window, step time.Duration, _ Cut) ([]Bin, error) {
	var bins []Bin
	for _, piece := range gridSlices(w, step) {
		bins = append(bins, Bin{piece, s.perMinute * piece.Ticks() / int64(time.Minute/TickSize), 0})
	}
	return bins, nil
}

// A row that comes late to a slice of minutes is told although its hour, by what
// is known of the query since, would not be counted by minutes any more.
func TestLateInMinutes(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	now := start.Add(3 * time.Hour)
	source := &steadySource{perMinute: 100}
	e := Export{Query: Query{Address: "query.t", Fingerprint: "fp1:a"}, Source: source, Limits: Limits{Rows: 1000}, Targets: []Target{{Identity: "a"}},
		Span: Span{Start: Bound{At: start}, End: Bound{At: start.Add(time.Hour)}, Lookback: 72 * time.Hour}}
	plan := func(past ...Entry) *Plan {
		t.Helper()
		h := foldOrFail(t, past...)
		survey, err := Probe(context.Background(), []Export{e}, h, now, ProbeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := BuildPlan(context.Background(), []Export{e}, h, now, PlanOptions{Survey: survey})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var done []Entry
	for _, s := range plan().Slices {
		if !s.Input.Known {
			t.Errorf("the input of %v is not known", s.Window)
		}
		d := doneEntry("a", s.Window)
		d.Fingerprint, d.Rows, d.Input, d.To = "fp1:a", s.Input.Rows/64, s.Input, CutAt(now)
		done = append(done, d)
	}
	if len(done) != 12 {
		t.Fatalf("%d slices, want twelve of five minutes", len(done))
	}
	if p := plan(done...); len(p.Changed) != 0 || len(p.Slices) != 0 {
		t.Errorf("with nothing new: %+v", p)
	}
	source.perMinute++
	p := plan(done...)
	late := 0
	for _, s := range p.Slices {
		if s.Why == WhyLate && s.Rows == 5 {
			late++
		}
	}
	if late != 12 || len(p.Slices) != 12 {
		t.Errorf("with a row more in each minute: %+v, want all 12 slices with five late rows", p.Slices)
	}
}

// One workspace that gives nothing does not keep the others from being read.
func TestOneSourceDenies(t *testing.T) {
	denied := errors.Join(ErrAccess, errors.New("role missing"))
	good, bad := Export{Source: &steadySource{}}, Export{Source: &steadySource{refusal: denied}, Workspace: "workspace.bad"}
	local := at("2026-01-01T02:59:00Z")
	if now, err := ServiceNow(context.Background(), []Export{bad, good}, Retry{}, local); err != nil || !now.Equal(at("2026-01-01T03:00:00Z")) {
		t.Errorf("one of two: %v, %v, want the time of the other", now, err)
	}
	if now, err := ServiceNow(context.Background(), []Export{bad}, Retry{}, local); !errors.Is(err, ErrAccess) {
		t.Errorf("the only one: %v, %v, want %v", now, err, ErrAccess)
	}
	other := Export{Source: &steadySource{refusal: errors.New("unreachable")}}
	if now, err := ServiceNow(context.Background(), []Export{good, other}, Retry{}, local); err == nil {
		t.Errorf("one that may be back: %v, want its error", now)
	}
}

// A piece of which a part is archived stops its own query only.
func TestProbeWholeInPart(t *testing.T) {
	e := Export{Query: Query{Address: "query.t"}, Targets: []Target{{Identity: "a"}}, Source: &steadySource{},
		Span: Span{Whole: true, Start: Bound{At: at("2026-03-01T00:00:00Z")}, End: Bound{At: at("2026-03-03T00:00:00Z")}}}
	h := foldOrFail(t, doneEntry("a", window("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")))
	survey, err := Probe(context.Background(), []Export{e}, h, at("2026-04-01T00:00:00Z"), ProbeOptions{})
	if err != nil || len(survey.Refused) != 1 {
		t.Errorf("%+v, %v, want the query refused", survey, err)
	}
}

func TestProbePiecesOfOddSteps(t *testing.T) {
	year := Window{at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")}
	for _, step := range []time.Duration{time.Hour, 90 * time.Minute, 24*time.Hour + time.Millisecond, 7 * time.Minute} {
		if n := len(probePieces(year, Span{Step: step}.probeStep())); n > 40 {
			t.Errorf("slices of %v: %d probes for a year", step, n)
		}
	}
}

// A failure of what has become unavailable is none any more.
func TestUnavailableIsNoFailure(t *testing.T) {
	w := window("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
	h := foldOrFail(t, Entry{Kind: KindFailed, Query: "query.t", Receipt: &Receipt{Window: w}, Reason: "boom"},
		Entry{Kind: KindUnavailable, Query: "query.t", Sink: "a", Receipt: &Receipt{Window: w}, Reason: "old"})
	e := Export{Query: Query{Address: "query.t"}, Span: Span{Start: Bound{At: w.Start}, End: Bound{At: w.End}}, Targets: []Target{{Identity: "a"}}}
	if c := reportOrFail(t, h, at("2026-02-01T00:00:00Z"), e)[0]; len(c.Failed) != 0 || len(c.Unavailable) != 1 || !c.Complete() {
		t.Errorf("coverage is %+v, want unavailable, complete and without a failure", c)
	}
}

// A piece is not read while the cut would leave out some of its rows.
func TestWholeAfterItsCut(t *testing.T) {
	end := at("2026-01-02T00:00:00Z")
	s := Span{Whole: true, Start: Bound{At: at("2026-01-01T00:00:00Z")}, End: Bound{At: end}}
	if w := s.Resolve(end.Add(CutDelay - time.Second)); !w.Empty() {
		t.Errorf("before its cut: %v, want nothing", w)
	}
	if w := s.Resolve(end.Add(CutDelay)); w.Empty() {
		t.Error("after its cut nothing is read")
	}
}

// Slices that could get late rows without a word are counted.
func TestUnwatched(t *testing.T) {
	now := at("2026-01-03T00:00:00Z")
	e := Export{Query: Query{Address: "query.t", Fingerprint: "fp1:a"}, Targets: []Target{{Identity: "a"}}, Source: &steadySource{}, Late: LateIgnore,
		Span: Span{Start: Bound{At: at("2026-01-01T00:00:00Z")}, End: Bound{Relative: true}, Lookback: 36 * time.Hour}}
	done := func(start, end, print string, known bool) Entry {
		d := doneEntry("a", window(start, end))
		d.Fingerprint, d.Input.Known = print, known
		return d
	}
	h := foldOrFail(t,
		done("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z", "fp1:a", false), // too old for late rows
		done("2026-01-01T06:00:00Z", "2026-01-01T18:00:00Z", "fp1:a", false),
		done("2026-01-01T18:00:00Z", "2026-01-02T00:00:00Z", "fp1:a", true),
		done("2026-01-02T00:00:00Z", "2026-01-02T06:00:00Z", "fp1:a", false),
		done("2026-01-02T06:00:00Z", "2026-01-02T12:00:00Z", "fp1:before", false)) // by another text
	if c := reportOrFail(t, h, now, e)[0]; c.Unwatched != 3 || c.Watched != 1 {
		t.Errorf("%d slices are unwatched and %d watched, want 3 and 1", c.Unwatched, c.Watched)
	}
	e.Late = LateAppend // then those that were not counted are counted again
	if c := reportOrFail(t, h, now, e)[0]; c.Unwatched != 1 || c.Watched != 4 {
		t.Errorf("%d slices are unwatched and %d watched, want 1 and 4", c.Unwatched, c.Watched)
	}
}
