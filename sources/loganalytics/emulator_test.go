package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// emulated serves a dataset and returns a Source of it.
func emulated(t *testing.T, c emulator.Config, tokenVersion string) *Source {
	t.Helper()
	handler, err := emulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cred, err := azauth.ClientSecret{TenantID: emulator.DemoTenantID, ClientID: emulator.DemoClientID,
		ClientSecret: emulator.DemoClientSecret, TokenVersion: tokenVersion, Limits: &azauth.Limits{Requests: 100000}}.Credential("credential.demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{WorkspaceID: emulator.DemoWorkspaceID, Endpoint: server.URL, Authority: server.URL}, cred, NewGovernors())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.http.CloseIdleConnections)
	return s
}

// ticking returns tables A and B whose row n lies n steps after start.
func ticking(t *testing.T, start time.Time, step pipeline.Tick, rows int) *emulator.Dataset {
	t.Helper()
	d := emulator.NewDataset()
	for _, name := range []string{"A", "B"} {
		err := d.Add(&kql.Table{Name: name, Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "N", Type: pipeline.Long}}})
		if err != nil {
			t.Fatal(err)
		}
		for n := range rows {
			err := d.Append(name, emulator.Row{"TimeGenerated": (pipeline.TickOf(start) + step*pipeline.Tick(n)).Time(), "N": n})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

// numbers adds the values of column N to seen.
func numbers(seen map[int64]int) func(arrow.Record) error {
	return func(rec arrow.Record) error {
		column := rec.Column(rec.Schema().FieldIndices("N")[0]).(*array.Int64)
		for i := range column.Len() {
			seen[column.Value(i)]++
		}
		return nil
	}
}

// TestSlicesOfEmulator reads windows whose bounds lie on rows, one tick apart,
// whichever ends the service's own filter includes.
func TestSlicesOfEmulator(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	for ends := range 4 {
		data := ticking(t, start, 1, 30)
		s := emulated(t, emulator.Config{Data: data, TimespanEnds: emulator.Ends{StartExclusive: ends&1 != 0, EndExclusive: ends&2 != 0}}, []string{"v1", "v2"}[ends%2])
		for text, each := range map[string]int{
			"A":                                1,
			"A | where N >= 0 // x":            1,
			"union A, B":                       2,
			"let x = A; union x, (B)":          2,
			"A | where N in ((B | project N))": 1,
			"A | where TimeGenerated >= slice_start and TimeGenerated < slice_end": 1,
		} {
			seen := map[int64]int{}
			for from := 0; from < 30; from += 7 {
				w := pipeline.Window{Start: (pipeline.TickOf(start) + pipeline.Tick(from)).Time(), End: (pipeline.TickOf(start) + pipeline.Tick(from+7)).Time()}
				_, err := s.Read(context.Background(), pipeline.Slice{Query: pipeline.Query{Text: text}, Window: w}, numbers(seen))
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
			for n := range int64(30) {
				if seen[n] != each {
					t.Errorf("ends %d, %s: row %d came %d times, want %d", ends, text, n, seen[n], each)
				}
			}
		}
	}
}

// TestCutsOfEmulator reads what arrived before a cut, and then the rest.
func TestCutsOfEmulator(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	data := ticking(t, start, 1, 5)
	cut := at("2026-01-02T00:00:00Z")
	for n := 5; n < 8; n++ {
		err := data.Append("A", emulator.Row{"TimeGenerated": start, "N": n, "$ingestion": cut.Add(time.Duration(n-5) * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := emulated(t, emulator.Config{Data: data}, "")
	slice := pipeline.Slice{Query: pipeline.Query{Text: "A"}, Window: pipeline.Window{Start: start, End: start.Add(time.Hour)}}
	seen := map[int64]int{}
	for i, c := range []pipeline.Cut{{To: cut}, {From: cut, To: cut.Add(time.Hour)}, {From: cut.Add(time.Hour)}} {
		slice.Cut = c
		before := len(seen)
		if _, err := s.Read(context.Background(), slice, numbers(seen)); err != nil {
			t.Fatal(err)
		}
		if want := []int{5, 1, 2}[i]; len(seen)-before != want {
			t.Errorf("cut %d gives %d rows, want %d", i, len(seen)-before, want)
		}
	}
	for n := range int64(8) {
		if seen[n] != 1 {
			t.Errorf("row %d came %d times", n, seen[n])
		}
	}
}

func TestLimitsOfEmulator(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	slice := pipeline.Slice{Query: pipeline.Query{Text: "A"}, Window: pipeline.Window{Start: start, End: start.Add(time.Hour)}}
	for _, old := range []bool{false, true} {
		for name, limits := range map[string]emulator.Limits{
			"rows": {Rows: 10}, "bytes": {Bytes: 100}, "gateway": {GatewayBytes: 200}, "gateway as 502": {GatewayBytes: 200, GatewayStatus: 502},
		} {
			s := emulated(t, emulator.Config{Data: ticking(t, start, 1, 30), Limits: limits, OldWording: old}, "")
			if _, err := s.Read(context.Background(), slice, new(collect).emit); outcomeOf(err) != tooLarge {
				t.Errorf("%s: %v, want ErrTooLarge", name, err)
			}
		}
	}
	for _, access := range []emulator.Access{emulator.Denied, emulator.DeniedNetwork, emulator.DeniedUnauthorized, emulator.DeniedUser} {
		s := emulated(t, emulator.Config{Principals: []emulator.Principal{{Tenant: emulator.DemoTenantID, ClientID: emulator.DemoClientID,
			ClientSecret: emulator.DemoClientSecret, Access: access}}}, "")
		if _, err := s.Read(context.Background(), slice, new(collect).emit); outcomeOf(err) != noAccess {
			t.Errorf("%s: %v, want ErrAccess", access, err)
		}
	}
	s := emulated(t, emulator.Config{}, "")
	if _, err := s.Read(context.Background(), slice, new(collect).emit); outcomeOf(err) != noQuery {
		t.Errorf("missing table: %v, want ErrQuery", err)
	}
	wrong := emulated(t, emulator.Config{Principals: []emulator.Principal{{Tenant: emulator.DemoTenantID, ClientID: emulator.DemoClientID, ClientSecret: "x"}}}, "")
	if _, err := wrong.Read(context.Background(), slice, new(collect).emit); !errors.Is(err, pipeline.ErrAccess) {
		t.Errorf("wrong secret: %v, want ErrAccess", err)
	}
}

func TestNowOfEmulator(t *testing.T) {
	want := at("2026-03-04T05:06:07.1234567Z")
	s := emulated(t, emulator.Config{Now: func() time.Time { return want }}, "")
	if got, err := s.Now(context.Background()); err != nil || !got.Equal(want) {
		t.Errorf("Now = %v, %v; want %v", got, err, want)
	}
}

func TestProbeOfEmulator(t *testing.T) {
	start := at("2026-01-01T00:30:00Z")
	s := emulated(t, emulator.Config{Data: ticking(t, start, pipeline.Tick(10*time.Minute/pipeline.TickSize), 12)}, "")
	w := pipeline.Window{Start: at("2026-01-01T00:45:00Z"), End: at("2026-01-14T00:00:00Z")}
	for text, each := range map[string]int64{"A | where N > 5": 1, "union A, (B | take 1)": 2} {
		bins, err := s.Probe(context.Background(), pipeline.Query{Text: text}, w, time.Hour, pipeline.Cut{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range bins {
			if b.Bytes <= 0 {
				t.Errorf("%v has %d bytes", b.Window, b.Bytes)
			}
			got = append(got, fmt.Sprintf("%s-%s=%d", b.Window.Start.Format("15:04"), b.Window.End.Format("15:04"), b.Rows/each))
		}
		if want := "[00:45-01:00=1 01:00-02:00=6 02:00-03:00=3]"; fmt.Sprint(got) != want {
			t.Errorf("%s: bins %v, want %s", text, got, want)
		}
	}
	for _, text := range []string{"imDns()", "union A, B*", "print 1", "A | where ("} {
		if bins, err := s.Probe(context.Background(), pipeline.Query{Text: text}, w, time.Hour, pipeline.Cut{}); err == nil {
			t.Errorf("Probe(%q) = %v, want an error", text, bins)
		}
	}
}

func TestSpanLiteral(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Hour: "1h", 36 * time.Hour: "36h", 90 * time.Minute: "90m", 61 * time.Second: "61s",
		1500 * time.Millisecond: "1500ms", 300: "3tick"} {
		if got := spanLiteral(d); got != want {
			t.Errorf("spanLiteral(%v) = %s, want %s", d, got, want)
		}
	}
}
