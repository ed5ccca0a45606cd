package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

const goodMetadata = `{"tables":[
 {"id":"t/SecurityEvent","name":"SecurityEvent","timespanColumn":"TimeGenerated","labels":[],"related":{"x":1},"hasData":true,
  "columns":[{"name":"TimeGenerated","type":"datetime","isPreferredFacet":true},{"name":"EventID","type":"int"}]},
 {"name":"requests","timespanColumn":"timestamp","columns":[]},
 {"name":"Odd Name","columns":null},
 {"name":"Cheap_CL","plan":"Basic","timespanColumn":"TimeGenerated"}],
 "functions":[{"id":"f","name":"_Im_Dns","body":"x"}],"solutions":[],"permissions":{"workspaces":[]},"news":{"a":[1,{}]}}`

func TestReadMetadata(t *testing.T) {
	c, err := readMetadata(strings.NewReader(goodMetadata))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range c.list() {
		got = append(got, fmt.Sprintf("%s|%s|%s|%s|%d", table.Name, table.Text, table.TimeColumn, table.Plan, len(table.Columns)))
	}
	want := "Cheap_CL|Cheap_CL|TimeGenerated|basic|0 Odd Name|['Odd Name']|||0 SecurityEvent|SecurityEvent|TimeGenerated||2 requests|requests|timestamp||0"
	if strings.Join(got, " ") != want {
		t.Errorf("tables:\n got %s\nwant %s", strings.Join(got, " "), want)
	}
	for name, has := range map[string]bool{"SecurityEvent": true, "_Im_Dns": true, "securityevent": false, "": false} {
		if c.has(name) != has {
			t.Errorf("has(%q) = %v", name, !has)
		}
	}
}

// malformed metadata, and what the error must say.
var malformed = map[string]string{
	``:                                    "empty",
	`null`:                                "no list of tables",
	`[]`:                                  "not of the known form",
	`{}`:                                  "no list of tables",
	`{"tables":null}`:                     "no list of tables",
	`{"tables":{}}`:                       "not of the known form",
	`{"tables":[1]}`:                      "not of the known form",
	`{"tables":[]`:                        "unexpected EOF",
	`{"tables":[]} {}`:                    "goes on after its end",
	`{"tables":[]}x`:                      "goes on after its end",
	`{"tables":[{}]}`:                     "table 1 of the metadata: it has no name",
	`{"tables":[{"name":5}]}`:             "not of the known form",
	`{"tables":[{"name":"a\u001b[31m"}]}`: "characters that no name has",
	`{"tables":[{"name":"A","columns":[{"type":"int"}]}]}`:               "table A of the metadata: column 1",
	`{"tables":[{"name":"A","timespanColumn":"\u0000"}]}`:                "table A of the metadata",
	`{"tables":[{"name":"A","timespanColumn":"x"},{"name":"A"}]}`:        "lists table A twice",
	`{"tables":[],"functions":[{"name":" "}]}`:                           "function 1 of the metadata",
	`{"tables":[{"name":"` + strings.Repeat("x", maxNameSize+1) + `"}]}`: "bytes",
}

func TestMalformedMetadata(t *testing.T) {
	for text, want := range malformed {
		c, err := readMetadata(strings.NewReader(text))
		if err == nil || c != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want an error that says %q", text, err, want)
		}
	}
}

func FuzzReadMetadata(f *testing.F) {
	f.Add(goodMetadata)
	for text := range malformed {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := readMetadata(strings.NewReader(text))
		if (c == nil) != (err != nil) {
			t.Fatalf("catalog %v with error %v", c, err)
		}
		if err != nil {
			return
		}
		for _, table := range c.list() {
			if goodName(table.Name) != nil || !c.has(table.Name) {
				t.Errorf("table %q", table.Name)
			}
			if names, all := namesOf(table.Text); !all || len(names) != 1 || names[0] != table.Name {
				t.Errorf("table %q is read as %s, which reads %q (all: %v)", table.Name, table.Text, names, all)
			}
		}
	})
}

// TestCatalogOnce shows that the metadata is asked for once, however many need
// it, and by the right request.
func TestCatalogOnce(t *testing.T) {
	var mu sync.Mutex
	var asked []*http.Request
	s := newService(t, nil)
	s.list = func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r)
		mu.Unlock()
		reply(200, goodMetadata)(w, r)
	}
	source := s.source(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if c, err := source.catalog(context.Background()); err != nil || len(c.tables) != 4 {
				t.Errorf("catalog: %v, %v", c, err)
			}
		})
	}
	wait.Wait()
	if len(asked) != 1 {
		t.Fatalf("asked %d times, want once", len(asked))
	}
	r := asked[0]
	if want := "/v1/workspaces/" + strings.ToLower(testWorkspace) + "/metadata"; r.Method != "GET" || r.URL.Path != want || r.ContentLength > 0 {
		t.Errorf("asked %s %s with %d bytes, want GET %s without a body", r.Method, r.URL.Path, r.ContentLength, want)
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || r.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("headers %v", r.Header)
	}
}

// TestCatalogFailures shows which failures are kept, and that slicing goes on
// without a catalog.
func TestCatalogFailures(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		asked   int    // in five tries
		retried int    // of the five, how many may be tried again
		says    string // the last error
	}{
		{"forbidden", reply(403, `{"error":{"code":"InsufficientAccessError","message":"no"}}`), 1, 0, "InsufficientAccessError"},
		{"not there", reply(404, `{"error":{"code":"PathNotFoundError","message":"no"}}`), 1, 0, "PathNotFoundError"},
		{"malformed", reply(200, `{"tables":7}`), 1, 0, "not of the known form"},
		{"not JSON", reply(200, `<html>`, "Content-Type", "text/html"), 3, 2, "not JSON"},
		{"empty", reply(200, ``), 3, 2, "empty"},
		{"fault", reply(503, ``), 3, 2, "tried 3 times"},
		{"cut", raw("Content-Length: 1000", []byte(`{"tables":[`)), 3, 2, "cut off"},
	} {
		n := 0
		s := newService(t, nil)
		s.list = func(w http.ResponseWriter, r *http.Request) { n++; c.answer(w, r) }
		source := s.source(t)
		retried := 0
		var last error
		for range 5 {
			known, err := source.catalog(context.Background())
			var again *pipeline.RetryAfter
			if errors.As(err, &again) {
				retried++
			}
			if known != nil || err == nil {
				t.Errorf("%s: catalog %v, %v", c.name, known, err)
			}
			last = err
		}
		if n != c.asked || retried != c.retried || !strings.Contains(fmt.Sprint(last), c.says) {
			t.Errorf("%s: asked %d times, %d to try again, then %v; want %d, %d, %q", c.name, n, retried, last, c.asked, c.retried, c.says)
		}
		if known, err := source.knownTables(context.Background()); known != nil || err != nil {
			t.Errorf("%s: slicing gets %v, %v, want neither", c.name, known, err)
		}
	}
}

func TestCatalogCancelled(t *testing.T) {
	s := newService(t, nil)
	s.list = reply(200, goodMetadata)
	source := s.source(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := source.catalog(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if c, err := source.catalog(context.Background()); c == nil || err != nil {
		t.Errorf("after a cancelled try: %v, %v", c, err)
	}
}

// TestTablesOfEmulator lists tables and finds those with rows in a window.
func TestTablesOfEmulator(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	s := emulated(t, emulator.Config{Data: ticking(t, start, 10, 3)}, "v1")
	tables, err := s.Tables(context.Background())
	if err != nil || len(tables) != 2 || tables[0].Name != "A" || tables[0].TimeColumn != "TimeGenerated" {
		t.Fatalf("tables %v, %v", tables, err)
	}
	for _, c := range []struct {
		from, to pipeline.Tick
		want     string
	}{{0, 1, "[A B]"}, {20, 21, "[A B]"}, {1, 10, "[]"}, {21, 1000, "[]"}, {-100, 0, "[]"}} {
		w := pipeline.Window{Start: (pipeline.TickOf(start) + c.from).Time(), End: (pipeline.TickOf(start) + c.to).Time()}
		names, err := s.Filled(context.Background(), tables, w)
		if fmt.Sprint(names) != c.want || err != nil {
			t.Errorf("filled in [%d, %d): %v, %v; want %s", c.from, c.to, names, err, c.want)
		}
	}
	if one, err := s.Filled(context.Background(), tables[1:], pipeline.Window{Start: start, End: start.Add(1000)}); fmt.Sprint(one) != "[B]" || err != nil {
		t.Errorf("filled, of B alone: %v, %v", one, err)
	}
	unknown := append(tables, pipeline.Table{Name: "C", Text: "C", TimeColumn: "TimeGenerated"})
	if _, err := s.Filled(context.Background(), unknown, pipeline.Window{Start: start, End: start.Add(1000)}); !errors.Is(err, pipeline.ErrQuery) {
		t.Errorf("filled, with a table that is not there: %v, want ErrQuery", err)
	}
}

func TestMissing(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	for text, want := range map[string]string{
		"A":                   "[]",
		"A | where Nope == 1": "[]",
		"C | join kind=inner (A | project N) on N": "[C]",
		"union A, C, ['D E']":                      "[C D E]",
		"let C = A; C":                             "[]",
		"print 1":                                  "[]",
		"A | where x ==":                           "[]",
		"(":                                        "[]",
	} {
		s := emulated(t, emulator.Config{Data: ticking(t, start, 10, 3)}, "v2")
		got, err := s.Missing(context.Background(), pipeline.Query{Text: text})
		if fmt.Sprint(got) != want || err != nil {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestVolumes(t *testing.T) {
	now := at("2026-02-01T00:00:00Z")
	s := emulated(t, emulator.Config{Data: ticking(t, now.Add(-36*60*60*1e9), 36_000_000_000, 36)}, "v1")
	tables, err := s.Tables(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, estimate := range []bool{false, true} {
		got, err := s.Volumes(context.Background(), tables, now, estimate)
		if err != nil {
			t.Fatal(err)
		}
		a := got["A"]
		if len(got) != 2 || a.DayRows != 24 || a.MonthRows != 36 {
			t.Errorf("volumes %v, want 24 rows of the day and 36 of the month", got)
		}
		if estimate != (a.DayBytes > 0) || estimate != (a.MonthBytes > a.DayBytes) {
			t.Errorf("estimate %v: %d and %d bytes", estimate, a.DayBytes, a.MonthBytes)
		}
	}
	if _, ok, err := s.Usage(context.Background(), now); ok || err != nil {
		t.Errorf("usage without a table Usage: %v, %v", ok, err)
	}
}

// TestUsage reads what the service bills, which may be more than a day late.
func TestUsage(t *testing.T) {
	now := at("2026-02-01T00:00:00Z")
	data := ticking(t, now.Add(-time.Hour), 1, 1)
	err := data.Add(&kql.Table{Name: "Usage", Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime},
		{Name: "DataType", Type: pipeline.String}, {Name: "Quantity", Type: pipeline.Real}}})
	if err != nil {
		t.Fatal(err)
	}
	for ago, megabytes := range map[time.Duration]float64{time.Hour: 1.5, 23 * time.Hour: 2, 25 * time.Hour: 4, 31 * 24 * time.Hour: 1000} {
		if err := data.Append("Usage", emulator.Row{"TimeGenerated": now.Add(-ago), "DataType": "A", "Quantity": megabytes}); err != nil {
			t.Fatal(err)
		}
	}
	got, ok, err := emulated(t, emulator.Config{Data: data}, "v1").Usage(context.Background(), now)
	if want := (Volume{DayRows: -1, MonthRows: -1, DayBytes: 3_500_000, MonthBytes: 7_500_000}); err != nil || !ok || len(got) != 1 || got["A"] != want {
		t.Errorf("usage %v, %v, %v; want %v", got, ok, err, want)
	}
}

// TestFilledOnOtherColumn finds rows by a column that is not the service's: its
// own filter would lose those that arrived with another time.
func TestFilledOnOtherColumn(t *testing.T) {
	start := at("2026-01-01T00:00:00Z")
	data := emulator.NewDataset()
	err := data.Add(&kql.Table{Name: "A", Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Began", Type: pipeline.Datetime}}})
	if err == nil {
		err = data.Append("A", emulator.Row{"TimeGenerated": start.AddDate(0, 1, 0), "Began": start})
	}
	if err != nil {
		t.Fatal(err)
	}
	s := emulated(t, emulator.Config{Data: data}, "v1")
	for column, want := range map[string]string{"TimeGenerated": "[]", "Began": "[A]"} {
		got, err := s.Filled(context.Background(), []pipeline.Table{{Name: "A", Text: "A", TimeColumn: column}},
			pipeline.Window{Start: start, End: start.Add(time.Hour)})
		if fmt.Sprint(got) != want || err != nil {
			t.Errorf("by %s: %v, %v; want %s", column, got, err, want)
		}
	}
}

// TestCatalogOfSeveral lists the tables of all workspaces that are read as one.
func TestCatalogOfSeveral(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	s := newService(t, nil)
	s.list = func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.RequestURI)
		reply(200, fmt.Sprintf(`{"tables":[{"name":"A","timespanColumn":"t","columns":[{"name":"c%d","type":"int"}]},{"name":"T%d"}]}`, len(asked), len(asked)))(w, r)
	}
	tables, err := s.source(t, more(otherID, "/subscriptions/"+otherID+"/resourceGroups/g/providers/N/workspaces/w")).Tables(context.Background())
	if err != nil || len(tables) != 4 || len(tables[0].Columns) != 3 {
		t.Errorf("tables %v, %v; want A with three columns, T1, T2, T3", tables, err)
	}
	want := "/v1/workspaces/12345678-abcd-4321-9876-0123456789ab/metadata /v1/workspaces/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/metadata " +
		"/v1/subscriptions/" + otherID + "/resourceGroups/g/providers/N/workspaces/w/metadata"
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("asked\n got %s\nwant %s", got, want)
	}
	named := s.source(t, more("soc-west"))
	if _, err := named.Tables(context.Background()); err == nil || !strings.Contains(err.Error(), `"soc-west" is the name`) {
		t.Errorf("tables of a workspace of which only the name is known: %v", err)
	}
	if c, err := named.knownTables(context.Background()); c != nil || err != nil {
		t.Errorf("slicing gets %v, %v, want neither", c, err)
	}
}
