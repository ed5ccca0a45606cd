package emulator

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

func TestValues(t *testing.T) {
	tests := []struct {
		value kql.Value
		kind  pipeline.Type
		want  string
	}{
		{nil, pipeline.Long, "null"},
		{nil, pipeline.Dynamic, "null"},
		{nil, pipeline.String, `""`},
		{"", pipeline.String, `""`},
		{true, pipeline.Bool, "true"},
		{int32(math.MinInt32), pipeline.Int, "-2147483648"},
		{int64(math.MaxInt64), pipeline.Long, "9223372036854775807"},
		{int64(math.MinInt64), pipeline.Long, "-9223372036854775808"},
		{0.0, pipeline.Real, "0"},
		{math.Copysign(0, -1), pipeline.Real, "-0"},
		{1.2, pipeline.Real, "1.2"},
		{1e20, pipeline.Real, "100000000000000000000"},
		{1e21, pipeline.Real, "1e21"},
		{1e100, pipeline.Real, "1e100"},
		{1e-7, pipeline.Real, "1e-7"},
		{-2.5e-10, pipeline.Real, "-2.5e-10"},
		{math.MaxFloat64, pipeline.Real, "1.7976931348623157e308"},
		{math.SmallestNonzeroFloat64, pipeline.Real, "5e-324"},
		{math.NaN(), pipeline.Real, `"NaN"`},
		{math.Inf(1), pipeline.Real, `"Infinity"`},
		{math.Inf(-1), pipeline.Real, `"-Infinity"`},
		{kql.Decimal("0.10101"), pipeline.Decimal, `"0.10101"`},
		{kql.GUID("74be27de-1e4e-49d9-b579-fe0b331d3642"), pipeline.GUID, `"74be27de-1e4e-49d9-b579-fe0b331d3642"`},
		{kql.Dynamic(`{"a":1}`), pipeline.Dynamic, `"{\"a\":1}"`},
		{kql.Dynamic("bare"), pipeline.Dynamic, `"bare"`},
		{tick("2015-12-31T23:59:59.9Z"), pipeline.Datetime, `"2015-12-31T23:59:59.9Z"`},
		{tick("2000-01-02T03:04:05Z"), pipeline.Datetime, `"2000-01-02T03:04:05Z"`},
		{tick("2023-02-20T11:04:02.6371632Z"), pipeline.Datetime, `"2023-02-20T11:04:02.6371632Z"`},
		{tick("2023-02-20T11:04:02.0000001Z"), pipeline.Datetime, `"2023-02-20T11:04:02.0000001Z"`},
		{pipeline.Tick(0), pipeline.Datetime, `"0001-01-01T00:00:00Z"`},
		{pipeline.MaxTick, pipeline.Datetime, `"9999-12-31T23:59:59.9999999Z"`},
		{kql.Span(0), pipeline.Timespan, `"00:00:00"`},
		{kql.Span(1), pipeline.Timespan, `"00:00:00.0000001"`},
		{kql.Span(1250000), pipeline.Timespan, `"00:00:00.1250000"`},
		{kql.Span(100_000_000), pipeline.Timespan, `"00:00:10"`},
		{kql.Span(-ticksDay - 1), pipeline.Timespan, `"-1.00:00:00.0000001"`},
		{kql.Span(math.MinInt64), pipeline.Timespan, `"-10675199.02:48:05.4775808"`},
		{kql.Span(math.MaxInt64), pipeline.Timespan, `"10675199.02:48:05.4775807"`},
	}
	for _, test := range tests {
		if got := string(appendValue(nil, test.value, test.kind)); got != test.want {
			t.Errorf("%T %v: got %s, want %s", test.value, test.value, got, test.want)
		}
	}
}

func TestStringsSurviveJSON(t *testing.T) {
	texts := append([]string{"", "\x00\x1f", strings.Repeat("ä\"", 5000), "a\u0085b"}, oddTexts...)
	for _, s := range texts {
		raw := appendString(nil, s)
		var back string
		if err := json.Unmarshal(raw, &back); err != nil || back != s {
			t.Errorf("%q became %s, read back as %q (%v)", s, raw, back, err)
		}
	}
	if got, want := string(appendString(nil, "a\xffb\xed\xa0\x80")), `"a`+"\ufffd"+"b\ufffd\ufffd\ufffd"+`"`; got != want {
		t.Errorf("invalid UTF-8: got %q, want %q", got, want)
	}
	if got, want := string(appendString(nil, "\x01\n\r\t\b\f\"\\/<>&\u2028🦊")), `"\u0001\n\r\t\b\f\"\\/<>&\u2028🦊"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRecordedBodies reads what the service sent and writes it again.
func TestRecordedBodies(t *testing.T) {
	for _, name := range []string{"la-200-count-cached.json", "la-200-nulls.json", "la-200-partial-bytes-2022.json",
		"la-200-partial-overflow.json", "la-200-partial-rows-2021.json", "la-200-partial-rows-2025.json",
		"la-200-print-bool.json", "la-200-types-2021.json", "la-200-types-2025.json", "la-200-securityalert-rows.json"} {
		want := recorded(t, name)
		var compacted bytes.Buffer
		if err := json.Compact(&compacted, []byte(want)); err != nil {
			t.Fatal(err)
		}
		want = compacted.String()
		a := answerOf(t, want)
		var got bytes.Buffer
		if _, err := a.write(&got, shape{}); err != nil {
			t.Fatal(err)
		}
		if got.String() != want {
			t.Errorf("%s:\ngot  %.600s\nwant %.600s", name, got.String(), want)
		}
	}
}

func answerOf(t *testing.T, body string) *answer {
	t.Helper()
	var in struct {
		Tables []struct {
			Name    string
			Columns []kql.Column
			Rows    [][]json.RawMessage
		}
		Error *partial
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	a := &answer{partial: in.Error}
	for _, table := range in.Tables {
		out := &kql.Table{Name: table.Name, Columns: table.Columns}
		for _, raw := range table.Rows {
			var row []kql.Value
			for i, cell := range raw {
				v, err := convertJSON(cell, table.Columns[i].Type)
				if err != nil {
					t.Fatal(err)
				}
				row = append(row, v)
			}
			out.Rows = append(out.Rows, row)
		}
		s := newSection(out)
		s.rows = out.Rows
		a.tables = append(a.tables, s)
	}
	return a
}

// TestStatisticsShape compares all keys of the statistics, in order, with a
// recorded answer.
func TestStatisticsShape(t *testing.T) {
	drawn := strings.NewReplacer(`"columnchart"`, "null", `"the chart title"`, "null", `"the x axis title"`, "null")
	want := keysOf(t, drawn.Replace(recorded(t, "la-200-render-statistics.json")))
	a := answerOf(t, recorded(t, "la-200-render-statistics.json"))
	var got bytes.Buffer
	if _, err := a.write(&got, shape{preferences: preferences{statistics: true, render: true}}); err != nil {
		t.Fatal(err)
	}
	if got := keysOf(t, got.String()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func keysOf(t *testing.T, body string) string {
	t.Helper()
	var keys []string
	d := json.NewDecoder(strings.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return strings.Join(keys, " ")
		}
		if s, ok := token.(string); ok {
			keys = append(keys, s)
		} else if _, ok := token.(json.Delim); ok {
			keys = append(keys, token.(json.Delim).String())
		}
	}
}

func TestKeyOrderAndExtraTable(t *testing.T) {
	a := answerOf(t, `{"tables":[{"name":"P","columns":[{"name":"n","type":"long"}],"rows":[[1],[2]]}]}`)
	tests := []struct {
		fault Action
		want  string
	}{
		{Action{RowsFirst: true}, `{"tables":[{"rows":[[1],[2]],"columns":[{"name":"n","type":"long"}],"name":"P"}]}`},
		{Action{ErrorFirst: true, Partial: &Partial{Code: "7", Message: "m", Severity: 3}},
			`{"error":{"code":"PartialError","message":"There were some errors when processing your query.","details":[{"code":"EngineError",` +
				`"message":"Something went wrong processing your query on the server.","innererror":{"code":"7","message":"m","severity":3,"severityName":"Warning"}}]},` +
				`"tables":[{"name":"P","columns":[{"name":"n","type":"long"}],"rows":[[1],[2]]}]}`},
		{Action{ExtraTable: true}, `{"tables":[{"name":"P","columns":[{"name":"n","type":"long"}],"rows":[[1],[2]]},` +
			`{"name":"SecondaryResult","columns":[{"name":"Note","type":"string"}],"rows":[["a second table"]]}]}`},
	}
	for _, test := range tests {
		var got bytes.Buffer
		n, err := a.write(&got, shape{fault: test.fault})
		if err != nil || got.String() != test.want {
			t.Errorf("got  %s (%v)\nwant %s", got.String(), err, test.want)
		}
		if n != int64(got.Len()) {
			t.Errorf("it counted %d bytes of %d", n, got.Len())
		}
	}
	if len(a.tables) != 1 {
		t.Errorf("the fault changed the answer: %d tables", len(a.tables))
	}
}

func BenchmarkAnswer(b *testing.B) {
	row := []kql.Value{tick("2026-01-01T00:00:00.1234567Z"), "a text of some length \"quoted\"", int64(1234567), nil, "", 1.5}
	s := section{name: "PrimaryResult", rows: make([][]kql.Value, 100_000), place: []int{0, 1, 2, 3, 4, 5}, columns: make([]kql.Column, 6)}
	for i := range s.rows {
		s.rows[i] = row
	}
	a := &answer{tables: []section{s}}
	n, _ := a.write(bytes.NewBuffer(nil), shape{})
	b.SetBytes(n)
	for b.Loop() {
		_, _ = a.write(discard{}, shape{})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
