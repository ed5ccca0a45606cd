package emulator

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

var demoEnd = at("2026-03-10T13:37:42.1234567Z")

var sharedDemo = sync.OnceValues(func() (*Dataset, error) { return DemoDataset(demoEnd, 5, 1) })

func demo(t *testing.T) *Dataset {
	t.Helper()
	d, err := sharedDemo()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func column(t *kql.Table, name string) int {
	for i, c := range t.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

func TestDemoHoldsWhatBreaksThings(t *testing.T) {
	d := demo(t)
	types, total, widest := make(map[pipeline.Type]bool), 0, 0
	start := pipeline.TickOf(demoEnd) - 5*pipeline.Tick(ticksDay)
	for _, name := range d.Tables() {
		table, _ := d.Table(name)
		total += len(table.Rows)
		widest = max(widest, len(table.Columns))
		ticks := make(map[pipeline.Tick]int)
		hours, sevenDigits, late := 0, 0, 0
		when, arrival := column(table, "TimeGenerated"), column(table, kql.IngestionColumn)
		for _, row := range table.Rows {
			at := row[when].(pipeline.Tick)
			if at < start || at >= pipeline.TickOf(demoEnd) {
				t.Fatalf("%s: %s is outside the days", name, at.Time())
			}
			ticks[at]++
			if int64(at)%ticksHour == 0 {
				hours++
			}
			if int64(at)%10 != 0 {
				sevenDigits++
			}
			delay := int64(row[arrival].(pipeline.Tick) - at)
			if delay < ticksMinute || delay > 6*ticksHour {
				t.Fatalf("%s: a row arrives %d ticks after its time", name, delay)
			}
			if delay > 5*ticksMinute {
				late++
			}
		}
		for _, c := range table.Columns {
			types[c.Type] = true
		}
		burst := 0
		for _, n := range ticks {
			burst = max(burst, n)
		}
		if burst < 3 || hours < 2 || sevenDigits < len(table.Rows)/4 || late > len(table.Rows)/10 {
			t.Errorf("%s: %d rows, burst %d, %d on the hour, %d with seven digits, %d late", name, len(table.Rows), burst, hours, sevenDigits, late)
		}
		if last := table.Rows[len(table.Rows)-1][when].(pipeline.Tick); last < pipeline.TickOf(demoEnd)-pipeline.Tick(ticksDay) {
			t.Errorf("%s: the newest row is of %s", name, last.Time())
		}
	}
	if total < 19_000 || total > 21_000 || len(d.Tables()) < 7 || len(types) != 10 || widest < 100 {
		t.Errorf("%d rows, %d tables, %d types, widest %d columns", total, len(d.Tables()), len(types), widest)
	}
}

func TestDemoOddValues(t *testing.T) {
	d := demo(t)
	custom, _ := d.Table(customTable)
	found := make(map[string]bool)
	for _, row := range custom.Rows {
		for i, c := range custom.Columns {
			switch v := row[i].(type) {
			case nil:
				found["null "+string(c.Type)] = true
			case float64:
				found["NaN"] = found["NaN"] || math.IsNaN(v)
				found["Inf"] = found["Inf"] || math.IsInf(v, -1)
			case int64:
				found["int64"] = found["int64"] || v == math.MinInt64
			case string:
				found["empty"] = found["empty"] || v == ""
				found["newline"] = found["newline"] || strings.Contains(v, "\n")
				found["emoji"] = found["emoji"] || strings.Contains(v, "🦊")
				if !utf8.ValidString(v) {
					t.Fatalf("%q is not UTF-8", v)
				}
			}
		}
	}
	for _, what := range []string{"NaN", "Inf", "int64", "empty", "newline", "emoji", "null bool", "null int", "null long", "null real",
		"null decimal", "null datetime", "null timespan", "null guid", "null dynamic"} {
		if !found[what] {
			t.Errorf("the custom table has no %s", what)
		}
	}
	audit, _ := d.Table("AuditLogs")
	big := 0
	for _, row := range audit.Rows {
		if v, _ := row[column(audit, "TargetResources")].(kql.Dynamic); len(v) > 20_000 {
			big++
		}
	}
	if big < 2 || big > 20 {
		t.Errorf("%d audit rows have tens of KB", big)
	}
}

// TestDemoFiles writes the demo tables and loads them. They are the ones of
// DemoDataset with the same arguments, ids and arrivals included.
func TestDemoFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := WriteDemo(dir, demoEnd, 5, 1); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2*len(demoPlan) {
		t.Errorf("%d files, %v", len(files), err)
	}
	loaded, err := LoadDataset(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := demo(t)
	for _, name := range d.Tables() {
		want, _ := d.Table(name)
		got, _ := loaded.Table(name)
		sameTables(t, got, want)
	}
	one, two := newGenerator("Syslog", demoEnd, 5, 1).times(100, 3), newGenerator("Syslog", demoEnd, 5, 2).times(100, 3)
	if reflect.DeepEqual(one, two) {
		t.Error("another seed gives the same times")
	}
}

func TestSaveKeepsIDsOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	d := events(t, "2026-01-01T00:00:00Z")
	if err := d.Append("Events", Row{"TimeGenerated": demoEnd, "_ItemId": "of its own", "$ingestion": "2027-01-01"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(dir); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadDataset(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := d.Table("Events")
	got, _ := loaded.Table("Events")
	sameTables(t, got, want)
}

func sameTables(t *testing.T, got, want *kql.Table) {
	t.Helper()
	if len(got.Rows) != len(want.Rows) || !reflect.DeepEqual(got.Columns, want.Columns) {
		t.Fatalf("%s: %d rows of %d, columns %v", want.Name, len(got.Rows), len(want.Rows), got.Columns)
	}
	for i := range want.Rows {
		for n := range want.Columns {
			if !same(got.Rows[i][n], want.Rows[i][n]) {
				t.Fatalf("%s row %d column %s: got %#v, want %#v", want.Name, i+1, want.Columns[n].Name, got.Rows[i][n], want.Rows[i][n])
			}
		}
	}
}

// same compares cells; NaN is itself, and 0 is not -0.
func same(a, b kql.Value) bool {
	x, ok1 := a.(float64)
	y, ok2 := b.(float64)
	if ok1 && ok2 {
		return math.Float64bits(x) == math.Float64bits(y) || math.IsNaN(x) && math.IsNaN(y)
	}
	return a == b
}

func TestDemoRefuses(t *testing.T) {
	for _, days := range []int{0, -1, 4000} {
		if err := WriteDemo(t.TempDir(), demoEnd, days, 1); err == nil {
			t.Errorf("%d days: no error", days)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := events(t).Save(file); err == nil {
		t.Errorf("into a file: got %v", err)
	}
	odd := NewDataset()
	if err := odd.Add(&kql.Table{Name: "../T", Columns: []kql.Column{{Name: "a", Type: pipeline.Int}}}); err != nil {
		t.Fatal(err)
	}
	if err := odd.Save(t.TempDir()); err == nil {
		t.Error("a table left its folder")
	}
}

// TestArrivalsOverlap: rows do not arrive in the order of their times, as with
// loads that overlap.
func TestArrivalsOverlap(t *testing.T) {
	for _, name := range demo(t).Tables() {
		table, _ := demo(t).Table(name)
		at := slices.IndexFunc(table.Columns, named(kql.IngestionColumn))
		swapped := 0
		for i := 1; i < len(table.Rows); i++ {
			if table.Rows[i][at].(pipeline.Tick) < table.Rows[i-1][at].(pipeline.Tick) {
				swapped++
			}
		}
		if swapped == 0 {
			t.Errorf("%s: all rows arrive in the order of their times", name)
		}
	}
}
