package emulator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// letters is a table s with as many rows of one letter.
func letters(t *testing.T, n int) *Dataset {
	t.Helper()
	table := &kql.Table{Name: "T", Columns: []kql.Column{{Name: "s", Type: pipeline.String}}}
	for i := range n {
		table.Rows = append(table.Rows, []kql.Value{string(rune('a' + i%26))})
	}
	d := NewDataset()
	if err := d.Add(table); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTruncatedByRowsAsRecorded(t *testing.T) {
	for _, test := range []struct {
		file string
		old  bool
	}{{"la-200-partial-rows-2021.json", true}, {"la-200-partial-rows-2025.json", false}} {
		r := serve(t, Config{Data: letters(t, 2), OldWording: test.old, KeepOrder: true})
		got := r.query("set truncationmaxrecords=1;T", "")
		if want := recorded(t, test.file); got.body != want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.file, got.body, want)
		}
	}
}

func TestLimitsOfAnAnswer(t *testing.T) {
	one := kql.Size("a")
	tests := []struct {
		name   string
		limits Limits
		rows   int
		kept   int
		text   string // of the partial error
	}{
		{"below both", Limits{Rows: 5}, 4, 4, ""},
		{"exactly the rows", Limits{Rows: 5}, 5, 5, ""},
		{"one row more", Limits{Rows: 5}, 6, 5, "exceed the set limit of 5 records, so"},
		{"exactly the bytes", Limits{Bytes: 3 * one}, 3, 3, ""},
		{"one byte more", Limits{Bytes: 3 * one}, 4, 3, fmt.Sprintf("exceed the set limit of %d bytes, so", 3*one)},
		{"bytes first", Limits{Bytes: 2 * one, Rows: 3}, 9, 2, fmt.Sprintf("limit of %d bytes", 2*one)},
		{"rows first", Limits{Bytes: 3 * one, Rows: 2}, 9, 2, "limit of 2 records"},
		{"not even one", Limits{Bytes: one - 1}, 1, 0, "bytes"},
		{"none at all", Limits{Bytes: -1, Rows: -1}, 900, 900, ""},
	}
	for _, test := range tests {
		if test.name == "not even one" && one < 2 {
			test.limits.Bytes = -1
			continue
		}
		r := serve(t, Config{Data: letters(t, test.rows), Limits: test.limits})
		got := r.query("T", "", "Prefer", "include-statistics=true").decode(t)
		if len(got.Tables[0].Rows) != test.kept {
			t.Errorf("%s: got %d rows, want %d", test.name, len(got.Tables[0].Rows), test.kept)
		}
		if stats := got.Statistics.Query.DatasetStatistics[0]; stats.TableRowCount != int64(test.kept) || stats.TableSize != int64(test.kept)*one {
			t.Errorf("%s: got statistics %+v, want %d rows of %d bytes", test.name, stats, test.kept, one)
		}
		switch {
		case test.text == "" && got.Error != nil:
			t.Errorf("%s: got %+v", test.name, got.Error)
		case test.text != "" && (got.Error == nil || !strings.Contains(got.Error.Details[0].Inner.Message, test.text)):
			t.Errorf("%s: got %+v, want %q", test.name, got.Error, test.text)
		}
	}
}

func TestLimitHoldsForAllTables(t *testing.T) {
	table := letters(t, 4)
	one, _ := table.Table("T")
	a := truncate(&kql.Result{Tables: []*kql.Table{one, one}, MaxRecords: 6}, Limits{}.withDefaults(), false)
	if a.partial == nil || len(a.tables) != 2 || len(a.tables[0].rows) != 4 || len(a.tables[1].rows) != 2 {
		t.Errorf("got %d tables, %d rows, partial %v; want 4 and 2 rows", len(a.tables), a.rowCount(), a.partial)
	}
	// A query can lower the limit, never raise it.
	a = truncate(&kql.Result{Tables: []*kql.Table{one}, MaxRecords: 600}, Limits{Rows: 3}.withDefaults(), false)
	if a.partial == nil || a.rowCount() != 3 {
		t.Errorf("raised: got %d rows, partial %v", a.rowCount(), a.partial)
	}
}

func TestGatewayLimit(t *testing.T) {
	size := int64(len(serve(t, Config{Data: letters(t, 1000)}).query("T", "").body))
	for _, test := range []struct {
		limits Limits
		status int
	}{
		{Limits{GatewayBytes: size}, 200},
		{Limits{GatewayBytes: size - 1}, 400},
		{Limits{GatewayBytes: size - 1, GatewayStatus: 413}, 413},
		{Limits{GatewayBytes: -1}, 200},
	} {
		got := serve(t, Config{Data: letters(t, 1000), Limits: test.limits}).query("T", "")
		if got.status != test.status {
			t.Errorf("%+v: got %d %.200s, want %d", test.limits, got.status, got.body, test.status)
		}
		want := fmt.Sprintf(`{"error":{"message":"Maximum response size of %d bytes exceeded","code":"ResponsePayloadTooLarge","correlationId":"#"}}`, size-1)
		if test.status != 200 && masked(got.body) != want {
			t.Errorf("got %s, want %s", masked(got.body), want)
		}
	}
}

func TestFuzzyWarnings(t *testing.T) {
	r := serve(t, Config{Data: letters(t, 3), FuzzyWarnings: true})
	for text, want := range map[string]string{"T": "", "union isfuzzy=true T, T": "", "union isfuzzy=true T, Missing": "Warning"} {
		got := r.query(text, "").decode(t)
		severity := ""
		if got.Error != nil {
			severity = got.Error.Details[0].Inner.SeverityName
		}
		if severity != want || len(got.Tables[0].Rows) < 3 {
			t.Errorf("%s: got severity %q and %d rows, want %q", text, severity, len(got.Tables[0].Rows), want)
		}
	}
}
