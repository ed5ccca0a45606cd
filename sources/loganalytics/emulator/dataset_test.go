package emulator

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

func TestConvert(t *testing.T) {
	raw := func(s string) any { return json.RawMessage(s) }
	tests := []struct {
		in   any
		kind pipeline.Type
		want kql.Value
	}{
		{nil, pipeline.String, ""},
		{nil, pipeline.Long, nil},
		{raw("null"), pipeline.String, ""},
		{raw("null"), pipeline.Dynamic, nil},
		{raw(`"ä\u00e4\n"`), pipeline.String, "ää\n"},
		{raw("9223372036854775807"), pipeline.Long, int64(math.MaxInt64)},
		{raw(`"-9223372036854775808"`), pipeline.Long, int64(math.MinInt64)},
		{raw("9007199254740993"), pipeline.Long, int64(9007199254740993)},
		{raw("-2147483648"), pipeline.Int, int32(math.MinInt32)},
		{7, pipeline.Int, int32(7)},
		{7.0, pipeline.Long, int64(7)},
		{json.Number("7"), pipeline.Long, int64(7)},
		{uint8(7), pipeline.Real, 7.0},
		{raw("1.5e3"), pipeline.Real, 1500.0},
		{raw(`"Infinity"`), pipeline.Real, math.Inf(1)},
		{"-Infinity", pipeline.Real, math.Inf(-1)},
		{raw("0.10101"), pipeline.Decimal, kql.Decimal("0.10101")},
		{raw(`"79228162514264337593543950335"`), pipeline.Decimal, kql.Decimal("79228162514264337593543950335")},
		{raw("true"), pipeline.Bool, true},
		{"false", pipeline.Bool, false},
		{"2026-01-01T00:00:00.1234567Z", pipeline.Datetime, tick("2026-01-01T00:00:00.1234567Z")},
		{time.Date(2026, 1, 1, 1, 0, 0, 199, time.FixedZone("", 3600)), pipeline.Datetime, tick("2026-01-01T00:00:00.0000001Z")},
		{"", pipeline.Datetime, nil},
		{"1.02:03:04.5", pipeline.Timespan, kql.Span(ticksDay + 2*ticksHour + 3*ticksMinute + 4*ticksSecond + 5_000_000)},
		{kql.Span(5), pipeline.Timespan, kql.Span(5)},
		{"74BE27DE-1e4e-49d9-b579-fe0b331d3642", pipeline.GUID, kql.GUID("74be27de-1e4e-49d9-b579-fe0b331d3642")},
		{raw(`""`), pipeline.GUID, nil},
		{raw(`"{\"a\": 1}"`), pipeline.Dynamic, kql.Dynamic(`{"a": 1}`)},
		{raw(`""`), pipeline.Dynamic, kql.Dynamic("")},
		{raw(`{"a": [1, 9007199254740993]}`), pipeline.Dynamic, kql.Dynamic(`{"a":[1,9007199254740993]}`)},
		{raw(`12.50`), pipeline.Dynamic, kql.Dynamic("12.50")},
		{map[string]any{"a": "<&>"}, pipeline.Dynamic, kql.Dynamic(`{"a":"<&>"}`)},
	}
	for _, test := range tests {
		if got, err := convert(test.in, test.kind); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v to %s: got %#v (%v), want %#v", test.in, test.kind, got, err, test.want)
		}
	}
	if got, err := convert("NaN", pipeline.Real); err != nil || !math.IsNaN(got.(float64)) {
		t.Errorf("NaN: got %v (%v)", got, err)
	}
}

func TestConvertRefuses(t *testing.T) {
	for kind, values := range map[pipeline.Type][]any{
		pipeline.String:   {1, true, json.RawMessage("{}"), json.RawMessage("1")},
		pipeline.Bool:     {1, "yes", json.RawMessage("0")},
		pipeline.Int:      {2147483648, "1.0", 1.5, true, int64(1) << 40},
		pipeline.Long:     {"9223372036854775808", 1.5, json.RawMessage("1e3"), json.RawMessage("[1]")},
		pipeline.Real:     {"1e999", "0x10", "inf", "1_0", true, json.RawMessage("{}")},
		pipeline.Decimal:  {"1,5", "NaN", ".", true},
		pipeline.Datetime: {"yesterday", 5, "2026-02-30", "2026-01-01T00:00:00.5z"},
		pipeline.Timespan: {"1h", 5, "00:61:00", time.Second},
		pipeline.GUID:     {"x", 5, "74be27de1e4e49d9b579fe0b331d3642"},
		pipeline.Dynamic:  {make(chan int), json.RawMessage("{")},
	} {
		for _, v := range values {
			if got, err := convert(v, kind); err == nil || !strings.Contains(err.Error(), "is not a value of type "+string(kind)) {
				t.Errorf("%v to %s: got %#v, %v", v, kind, got, err)
			}
		}
	}
}

func TestHiddenColumnsAreAdded(t *testing.T) {
	d := events(t, "2026-01-01T00:00:00Z")
	if err := d.Append("Events", Row{"TimeGenerated": "2026-01-01T00:00:00Z", "_ItemId": "mine", "$ingestion": "2026-01-02T00:00:00Z"}, Row{"N": 5}); err != nil {
		t.Fatal(err)
	}
	table, _ := d.Table("Events")
	if n := len(table.Columns); n != 5 || !table.Columns[3].Hidden || !table.Columns[4].Hidden {
		t.Fatalf("columns %+v", table.Columns)
	}
	first, second, third := table.Rows[0], table.Rows[1], table.Rows[2]
	if id, _ := first[3].(string); !guidForm.MatchString(id) || first[4] != tick("2026-01-01T00:02:00Z") {
		t.Errorf("first row: got %v", first)
	}
	if second[3] != "mine" || second[4] != tick("2026-01-02T00:00:00Z") || second[1] != "" || second[2] != nil {
		t.Errorf("second row: got %v", second)
	}
	if third[0] != nil || third[4] != nil || third[3] == first[3] {
		t.Errorf("third row: got %v", third)
	}
	again, _ := events(t, "2026-01-01T00:00:00Z").Table("Events")
	if again.Rows[0][3] != first[3] {
		t.Errorf("the id of a row changed from %v to %v", first[3], again.Rows[0][3])
	}
}

func TestZeroDataset(t *testing.T) {
	var d Dataset
	if got := d.Tables(); len(got) != 0 {
		t.Errorf("got tables %v", got)
	}
	if _, ok := d.Table("T"); ok {
		t.Error("it has a table")
	}
	second := "22222222-2222-4222-8222-222222222222"
	r := serve(t, Config{Data: &d, Others: map[string]*Dataset{second: nil}})
	for _, workspace := range []string{DemoWorkspaceID, second} {
		if got := r.send("GET", "/v1/workspaces/"+workspace+"/metadata", ""); got.status != 200 || !strings.HasPrefix(got.body, `{"tables":[],`) {
			t.Errorf("%s: got %d %s", workspace, got.status, got.body)
		}
	}
	// Columns with the names of the hidden ones are left alone if they are
	// something else.
	odd := &kql.Table{Name: "T", Columns: []kql.Column{{Name: "_ItemId", Type: pipeline.GUID}, {Name: kql.IngestionColumn, Type: pipeline.Long},
		{Name: "TimeGenerated", Type: pipeline.Datetime}}, Rows: [][]kql.Value{{nil, nil, tick("2026-01-01")}}}
	if err := d.Add(odd); err != nil {
		t.Fatal(err)
	}
	if got, _ := d.Table("T"); len(got.Columns) != 3 || got.Rows[0][0] != nil || got.Rows[0][1] != nil {
		t.Errorf("got %+v", got)
	}
}

func TestAppendIsAllOrNothing(t *testing.T) {
	d := events(t, "2026-01-01T00:00:00Z")
	before, _ := d.Table("Events")
	for _, test := range []struct {
		table string
		rows  []Row
		want  string
	}{
		{"Event", []Row{{}}, "append to table Event: there is no such table"},
		{"Events", []Row{{"N": 1}, {"N": "x"}}, `append to table Events: row 2: column N: "x" is not a value of type long`},
		{"Events", []Row{{"b": 1, "a": 1, "N": 1}}, "append to table Events: row 1: column a: the table has no such column"},
	} {
		if err := d.Append(test.table, test.rows...); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	if after, _ := d.Table("Events"); after != before {
		t.Errorf("the table changed: %d rows", len(after.Rows))
	}
	if err := d.Append("Events", Row{"N": 1}); err != nil {
		t.Fatal(err)
	}
	if after, _ := d.Table("Events"); len(before.Rows) != 1 || len(after.Rows) != 2 {
		t.Errorf("rows before %d, after %d, want 1 and 2", len(before.Rows), len(after.Rows))
	}
}

func TestAddChecksTables(t *testing.T) {
	long := []kql.Column{{Name: "a", Type: pipeline.Long}}
	for want, table := range map[string]*kql.Table{
		"add table : it has no name":                                  {Columns: long},
		`add table T: column a: "text" is not a type of KQL`:          {Name: "T", Columns: []kql.Column{{Name: "a", Type: "text"}}},
		"add table T: column a is there twice":                        {Name: "T", Columns: append(long, long[0])},
		"add table T: a column has no name":                           {Name: "T", Columns: []kql.Column{{Type: pipeline.Long}}},
		"add table T: row 1 has 2 values for 1 columns":               {Name: "T", Columns: long, Rows: [][]kql.Value{{int64(1), nil}}},
		"add table T: row 2: column a: a int is not a long":           {Name: "T", Columns: long, Rows: [][]kql.Value{{int64(1)}, {1}}},
		"add table T: row 1: column a: a string is not a long":        {Name: "T", Columns: long, Rows: [][]kql.Value{{"1"}}},
		"add table T: row 1: column s: a kql.Dynamic is not a string": {Name: "T", Columns: []kql.Column{{Name: "s", Type: pipeline.String}}, Rows: [][]kql.Value{{kql.Dynamic("")}}},
	} {
		if err := NewDataset().Add(table); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	d := NewDataset()
	for _, name := range []string{"b", "a", "b"} {
		if err := d.Add(&kql.Table{Name: name, Columns: long, Rows: [][]kql.Value{{int64(1)}}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.Tables(); !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("got tables %v", got)
	}
}

func TestMetadata(t *testing.T) {
	d := events(t)
	for _, table := range []*kql.Table{
		{Name: "Classic", Columns: []kql.Column{{Name: "timestamp", Type: pipeline.Datetime}, {Name: "_BilledSize", Type: pipeline.Real, Hidden: true}}},
		{Name: "Timeless", Columns: []kql.Column{{Name: "TimeGenerated", Type: pipeline.String}}}} {
		if err := d.Add(table); err != nil {
			t.Fatal(err)
		}
	}
	r := serve(t, Config{Data: d})
	for _, method := range []string{"GET", "POST"} {
		got := r.send(method, strings.Replace(queryPath, "/query", "/metadata", 1), "")
		want := `{"tables":[{"id":"t/Classic","name":"Classic","timespanColumn":"timestamp","labels":[],"columns":[{"name":"timestamp","type":"datetime"},{"name":"_BilledSize","type":"real"}]},` +
			`{"id":"t/Events","name":"Events","timespanColumn":"TimeGenerated","labels":[],"columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"Name","type":"string"},{"name":"N","type":"long"}]},` +
			`{"id":"t/Timeless","name":"Timeless","labels":[],"columns":[{"name":"TimeGenerated","type":"string"}]}],"functions":[],`
		if got.status != 200 || !strings.HasPrefix(got.body, want) {
			t.Errorf("%s: got %d %s\nwant %s", method, got.status, got.body, want)
		}
	}
}
