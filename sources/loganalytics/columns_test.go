package loganalytics

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// Whatever the shape of a text, its columns are those of a read, and none of
// the rows comes with them.
func TestColumnsOfEmulator(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Hour)
	window := pipeline.Window{Start: now.Add(-3 * time.Hour), End: now}
	data := ticking(t, now.Add(-2*time.Hour), pipeline.Tick(time.Minute/pipeline.TickSize), 300)
	for _, f := range []emulator.Function{
		{Name: "parsed", Body: "A | extend Twice = N * 2"},
		{Name: "since", Parameters: "n:long", Body: "A | where N > n | project TimeGenerated, Big = N"},
	} {
		if err := data.AddFunction(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := data.Add(&kql.Table{Name: "Cheap_CL", Columns: []kql.Column{
		{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Bag", Type: pipeline.Dynamic}}}); err != nil {
		t.Fatal(err)
	}
	if err := data.Configure("Cheap_CL", emulator.TableOptions{Plan: emulator.Basic}); err != nil {
		t.Fatal(err)
	}
	if err := data.Append("Cheap_CL", emulator.Row{"TimeGenerated": now.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	described, rows := 0, int64(0)
	t.Cleanup(func() { // after the server has closed
		if described != 16 || rows != 0 {
			t.Errorf("%d questions for columns had %d rows, want 16 and 0", described, rows)
		}
	})
	s := emulated(t, emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1}, Observe: func(x emulator.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		if width(x.Timespan) <= 3*time.Second {
			described, rows = described+1, rows+x.Rows
		}
	}}, "v2")
	for _, q := range []pipeline.Query{
		{Text: "A"},
		{Text: "A | where N > 5 // with a remark"},
		{Text: "A | extend M = tostring(N); // behind the end"},
		{Text: "let least = 3; let B2 = B | project TimeGenerated, Other = todouble(N);\nunion withsource=Which A, B2 | where N > least"},
		{Text: "A | summarize Rows = count(), Most = max(N) by bin(TimeGenerated, 1h)"},
		{Text: "A | project TimeGenerated, N | render timechart with (title=\"a | b\")"},
		{Text: "A | where TimeGenerated between (slice_start - 1h .. slice_end) | project TimeGenerated, N", Reach: time.Hour},
		{Text: "A | summarize count()"},
		{Text: "parsed"},
		{Text: "since(7)"},
		{Text: "search in (A, B) N > 3"},
		{Text: "union A, B*"},
		{Text: "set truncationmaxrecords = 1000;\nA"},
		{Text: "A | extend Created = TimeGenerated", TimeColumn: "TimeGenerated"},
		{Text: "Cheap_CL", Plan: pipeline.Basic},
		{Text: "Cheap_CL | extend N = 1", Plan: pipeline.Basic},
	} {
		var want pipeline.Schema
		_, err := s.Read(context.Background(), pipeline.Slice{Query: q, Window: window},
			func(rec arrow.Record) (err error) {
				want, err = pipeline.SchemaOf(rec.Schema())
				return err
			})
		if err != nil {
			t.Errorf("read %q: %v", q.Text, err)
			continue
		}
		got, err := s.Columns(context.Background(), q)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("columns of %q: %v, %v; a read has %v", q.Text, got, err, want)
		}
	}
}

// Where rows decide on the columns, nothing is asked.
func TestColumnsOfRows(t *testing.T) {
	service := newService(t, reply(500, ""))
	s := service.source(t)
	for _, text := range []string{
		"T | evaluate bag_unpack(Bag)",
		"let Wide = T | evaluate hint.distribution = per_node pivot(Name);\nWide",
	} {
		if got, err := s.Columns(context.Background(), pipeline.Query{Text: text}); got != nil || err != nil {
			t.Errorf("columns of %q: %v, %v; want none", text, got, err)
		}
	}
	if len(service.asked) > 0 {
		t.Errorf("%d requests", len(service.asked))
	}
	if _, err := s.Columns(context.Background(), pipeline.Query{Text: "T | project evaluate"}); err == nil {
		t.Error("a column named evaluate was not asked about")
	}
}

// The question has the manners of every other, and its errors their meaning.
func TestColumnsQuestion(t *testing.T) {
	for _, test := range []struct {
		answer http.HandlerFunc
		want   error
	}{
		{reply(403, `{"error":{"code":"InsufficientAccessError","message":"no"}}`), pipeline.ErrAccess},
		{reply(400, `{"error":{"code":"BadArgumentError","message":"bad","innererror":{"code":"SemanticError","message":"bad"}}}`), pipeline.ErrQuery},
		{reply(200, `{"tables":[{"name":"PrimaryResult","columns":[{"name":"N","type":"long"}],"rows":[]}]}`), nil},
	} {
		service := newService(t, test.answer)
		got, err := service.source(t).Columns(context.Background(), pipeline.Query{Text: "T", TimeColumn: "Created", TimeSlack: 24 * time.Hour})
		if !errors.Is(err, test.want) || (err == nil) != (len(got) == 1) {
			t.Errorf("%v, %v, want %v", got, err, test.want)
		}
		one := service.asked[0]
		if one.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("headers %v, want no cached answer", one.header)
		}
		if w := width(one.body["timespan"]); w > 3*time.Second {
			t.Errorf("timespan %q, want a few seconds", one.body["timespan"])
		}
	}
}

// width returns how long a timespan is that has both ends, or a day.
func width(timespan string) time.Duration {
	start, end, _ := strings.Cut(timespan, "/")
	from, err := time.Parse(time.RFC3339, start)
	if err != nil {
		return 24 * time.Hour
	}
	to, err := time.Parse(time.RFC3339, end)
	if err != nil {
		return 24 * time.Hour
	}
	return to.Sub(from)
}
