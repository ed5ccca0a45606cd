package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// The parts of an instant are together its rows, each in one of them, however
// the tables tell their rows apart, and Count counts what Read hands over.
func TestPartsOfEmulator(t *testing.T) {
	instant := at("2026-01-01T00:00:00Z")
	for _, id := range []emulator.ItemID{emulator.ItemIDHidden, emulator.ItemIDAbsent, emulator.ItemIDEmpty} {
		data := ticking(t, instant, 0, 300)
		for _, table := range []string{"A", "B"} {
			if err := data.Configure(table, emulator.TableOptions{ItemID: id}); err != nil {
				t.Fatal(err)
			}
		}
		s := emulated(t, emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1}}, "v2")
		for text, want := range map[string]int64{
			"A": 300, "union A, B": 600, "A | where N % 3 == 0 | extend M = N * 2; // every third": 100,
			"A | where N < 10 | render table": 10,
		} {
			slice := pipeline.Slice{Query: pipeline.Query{Text: text}, Cut: pipeline.Cut{To: at("2026-01-02T00:00:00Z")},
				Window: pipeline.Window{Start: instant, End: instant.Add(pipeline.TickSize)}}
			seen := map[int64]int{}
			var rows, largest int64
			for _, part := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e",
				"f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "fa", "fb", "fc", "fd", "fe", "ff"} {
				slice.Part = part
				reading, err := s.Read(context.Background(), slice, numbers(seen))
				if err != nil {
					t.Fatalf("%s %q part %s: %v", id, text, part, err)
				}
				if n, err := s.Count(context.Background(), slice); err != nil || n != reading.Received {
					t.Errorf("%s %q part %s: %d counted, %v; %d read", id, text, part, n, err, reading.Received)
				}
				rows, largest = rows+reading.Received, max(largest, reading.Received)
			}
			slice.Part = ""
			if n, err := s.Count(context.Background(), slice); err != nil || n != want || rows != want {
				t.Errorf("%s %q: %d counted, %v, %d rows in the parts; want %d", id, text, n, err, rows, want)
			}
			whole := map[int64]int{}
			if _, err := s.Read(context.Background(), slice, numbers(whole)); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(seen) != fmt.Sprint(whole) {
				t.Errorf("%s %q: the parts hold other rows than the whole", id, text)
			}
			if want > 100 && largest > want/4 {
				t.Errorf("%s %q: one part has %d of %d rows", id, text, largest, want)
			}
		}
	}
}

// What only timespan reaches is told by the time column of the result; without
// that column it is refused, or at the author's word marked as approximate.
func TestLooseReads(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	data := ticking(t, start, pipeline.Tick(time.Second/2/pipeline.TickSize), 20)
	if err := data.AddFunction(emulator.Function{Name: "parsed", Body: "A | extend M = N"}); err != nil {
		t.Fatal(err)
	}
	s := emulated(t, emulator.Config{Data: data}, "v2")
	slice := pipeline.Slice{Query: pipeline.Query{Text: "parsed"}, Window: pipeline.Window{Start: start.Add(2 * time.Second), End: start.Add(5 * time.Second)}}
	var got collect
	reading, err := s.Read(context.Background(), slice, got.emit)
	if err != nil || got.rows != 6 || reading.Received <= 6 {
		t.Errorf("with its time: %d rows of %d received, %v; want 6 of more", got.rows, reading.Received, err)
	}
	if n, err := s.Count(context.Background(), slice); err != nil || n != 6 {
		t.Errorf("with its time: %d counted, %v; want 6", n, err)
	}
	slice.Query.Text = "parsed | project N"
	if _, err := s.Read(context.Background(), slice, new(collect).emit); !errors.Is(err, pipeline.ErrQuery) || !strings.Contains(err.Error(), "TimeGenerated") {
		t.Errorf("without its time: %v, want %v", err, pipeline.ErrQuery)
	}
	slice.Query.AssumeSliceable = true
	var loose marks
	if _, err := s.Read(context.Background(), slice, loose.emit); err != nil || loose.ends != pipeline.Approximate || loose.rows <= 6 {
		t.Errorf("at the author's word: %d rows, ends %q, %v; want more than 6, approximate", loose.rows, loose.ends, err)
	}
}

func TestOldestOfEmulator(t *testing.T) {
	start := at("2026-01-01T06:30:00.1234567Z")
	data := ticking(t, start, pipeline.Tick(time.Hour/pipeline.TickSize), 5)
	if err := data.Add(&kql.Table{Name: "None_CL", Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime}}}); err != nil {
		t.Fatal(err)
	}
	s := emulated(t, emulator.Config{Data: data}, "v2")
	for text, want := range map[string]time.Time{
		"A": start, "union A, B | where N > 3": start, "None_CL": {}, "union None_CL, A": start, "parser_of_somebody()": {},
	} {
		for _, from := range []time.Time{start.Add(-400 * 24 * time.Hour), start.Add(-time.Hour), start} {
			got, err := s.Oldest(context.Background(), pipeline.Query{Text: text}, pipeline.Window{Start: from, End: at("2026-06-01T00:00:00Z")})
			if err != nil || !got.Equal(want) {
				t.Errorf("%s from %v: %v, %v, want %v", text, from, got, err, want)
			}
		}
	}
	from := start.Add(90 * time.Minute)
	if got, err := s.Oldest(context.Background(), pipeline.Query{Text: "A"}, pipeline.Window{Start: from, End: at("2026-06-01T00:00:00Z")}); err != nil || !got.Equal(from) {
		t.Errorf("with older rows: %v, %v, want the start of the window", got, err)
	}
}

// Rows whose own time is empty, or too far from the service's, are in no slice.
func TestOutsideOfEmulator(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	data := emulator.NewDataset()
	if err := data.Add(&kql.Table{Name: "A", Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Created", Type: pipeline.Datetime}}}); err != nil {
		t.Fatal(err)
	}
	add := func(generated time.Time, created any) {
		t.Helper()
		if err := data.Append("A", emulator.Row{"TimeGenerated": generated, "Created": created}); err != nil {
			t.Fatal(err)
		}
	}
	add(start.Add(time.Hour), start)
	add(start, start.Add(2*time.Hour))
	s := emulated(t, emulator.Config{Data: data}, "v2")
	q := pipeline.Query{Text: "A", TimeColumn: "Created", TimeSlack: 2 * time.Hour}
	w := []pipeline.Window{{Start: start, End: start.Add(24 * time.Hour)}}
	if err := s.Outside(context.Background(), q, w); err != nil {
		t.Errorf("within the slack: %v", err)
	}
	bins, err := s.Probe(context.Background(), q, w[0], time.Hour, pipeline.Cut{})
	if err != nil || len(bins) != 2 {
		t.Errorf("bins %v, %v, want two by the other column", bins, err)
	}
	add(start.Add(3*time.Hour), start.Add(5*time.Hour+1e5))
	add(start.Add(3*time.Hour), nil)
	add(start.Add(4*time.Hour), nil)
	err = s.Outside(context.Background(), q, w)
	if err == nil || !strings.Contains(err.Error(), "3 rows of A") || !strings.Contains(err.Error(), "of 2 is empty, that of 1 is further than time_slack (2h0m0s)") {
		t.Errorf("outside: %v, want three rows in no slice", err)
	}
	if err := s.Outside(context.Background(), pipeline.Query{Text: "A"}, w); err != nil {
		t.Errorf("by the service's own column: %v", err)
	}
}

// marks collects rows and what their records say of the ends.
type marks struct {
	collect
	ends pipeline.Ends
}

func (m *marks) emit(rec arrow.Record) error {
	m.ends = pipeline.EndsOf(rec.Schema())
	return m.collect.emit(rec)
}
