package loganalytics

import (
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// recordedReply returns a reply that the service once sent, or skips the test
// where the recordings are not at hand.
func recordedReply(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile(shared(t, "reference/recorded/"+name))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestDecodeRecorded(t *testing.T) {
	const types = `"2015-12-31T23:59:59.9Z" bool(false) "74be27de-1e4e-49d9-b579-fe0b331d3642" int32(12345) int64(1234567890123) float64(12345.6789) "string value" "00:00:10" "0.10101" <nil>(<nil>) `
	const limit = "PartialError/EngineError/-2133196797: "
	for name, c := range map[string]struct{ columns, rows, err string }{
		"la-200-count-cached": {columns: "Count long", rows: "int64(5) \n"},
		"la-200-print-bool":   {columns: "print_0 bool", rows: "bool(true) \n"},
		"la-200-nulls": {
			columns: "DateTime datetime, Bool bool, Guid guid, Int int, Long long, Double real, String string, Timespan timespan, Decimal decimal, Dynamic dynamic",
			rows:    strings.Repeat("<nil>(<nil>) ", 6) + `"I cant be null" ` + strings.Repeat("<nil>(<nil>) ", 3) + "\n",
		},
		"la-200-types-2021": {
			columns: "DateTime datetime, Bool bool, Guid guid, Int int, Long long, Double real, String string, Timespan timespan, Decimal decimal, NullBool bool",
			rows:    types + "\n",
		},
		"la-200-types-2025": {
			columns: "DateTime datetime, Bool bool, Guid guid, Int int, Long long, Double real, String string, Timespan timespan, Decimal decimal, NullBool bool, Dynamic dynamic",
			rows:    types + `"{\"a\":123,\"b\":\"hello\",\"c\":[1,2,3],\"d\":{}}" ` + "\n",
		},
		"la-200-render-statistics": {columns: "s string, i long", rows: "\"a\" int64(1) \n\"b\" int64(2) \n\"c\" int64(3) \n"},
		"la-200-partial-rows-2021": {columns: "s string", rows: "\"a\" \n",
			err: limit + "Query result set has exceeded the internal record count limit 1 (E_QUERY_RESULT_SET_TOO_LARGE; see https://aka.ms/kustoquerylimits)"},
		"la-200-partial-rows-2025": {columns: "s string", rows: "\"a\" \n",
			err: limit + "The results of this query exceed the set limit of 1 records, so not all records were returned (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003). See https://aka.ms/kustoquerylimits for more information and possible solutions."},
		"la-200-partial-overflow": {columns: "percentile_x_50 long", rows: "int64(2) \n",
			err: "PartialError/EngineError/-2133196788: Percentiles aggregator has encountered an overflow exception during evaluation (probably due to large weight expression). Results may be incorrect or incomplete (E_OVERFLOW; see https://aka.ms/kustoqueryfailures)."},
		"la-200-partial-bytes-2022": {
			columns: "TimeGenerated datetime, Thread dynamic, Logger dynamic, Log dynamic, ConnectionId dynamic, EntityPath dynamic, Message string",
			rows: `"2022-06-03T19:50:29.043Z" "boundedElastic-1" "com.azure.messaging.eventhubs.EventHubProducerAsyncClient" "Sending batch to be distributed round-robin in service." <nil>(<nil>) <nil>(<nil>) ` +
				`"{\"az.sdk.message\":\"Sending batch to be distributed round-robin in service.\",\"size\":500}" ` + "\n",
			err: limit + "Query result set has exceeded the internal data size limit 64000000 (E_QUERY_RESULT_SET_TOO_LARGE; see https://aka.ms/kustoquerylimits)"},
	} {
		t.Run(name, func(t *testing.T) {
			body := recordedReply(t, name+".json")
			d := newDecoder(body)
			d.r = iotest.HalfReader(d.r)
			a, rows, err := decodeRows(t, d)
			if err != nil {
				t.Fatal(err)
			}
			var columns []string
			for _, column := range a.Columns {
				columns = append(columns, column.Name+" "+string(column.Type))
			}
			if got := strings.Join(columns, ", "); got != c.columns || a.Table != "PrimaryResult" || a.Tables != 1 {
				t.Errorf("got table %q of %d with columns\n%s\nwant\n%s", a.Table, a.Tables, got, c.columns)
			}
			if got := showRows(rows); got != c.rows {
				t.Errorf("got rows\n%swant\n%s", got, c.rows)
			}
			var message string
			if a.Err != nil {
				message = a.Err.Error()
			}
			if message != c.err {
				t.Errorf("got error  %s\nwant error %s", message, c.err)
			}
			if statistics := a.Stats != nil; statistics != (name == "la-200-render-statistics") {
				t.Errorf("holds statistics: %v", statistics)
			} else if statistics && (*a.Stats.RowCount != 3 || *a.Stats.Size != 55) {
				t.Errorf("got %d rows of size %d, want 3 and 55", *a.Stats.RowCount, *a.Stats.Size)
			}
		})
	}
}

// A reply that its recorder has indented, with queries inside of JSON inside
// of texts.
func TestDecodeRecordedAlerts(t *testing.T) {
	body := recordedReply(t, "la-200-securityalert-rows.json")
	a, rows, err := decodeRows(t, newDecoder(body))
	if err != nil {
		t.Fatal(err)
	}
	want, err := refDecode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if difference := refDiffers(a, rows, want); difference != "" {
		t.Error(difference)
	}
	if len(rows) != 3 || len(a.Columns) != 34 {
		t.Fatalf("got %d rows of %d columns, want 3 of 34", len(rows), len(a.Columns))
	}
	first := map[string]any{}
	for i, c := range a.Columns {
		first[c.Name] = rows[0][i]
	}
	for name, want := range map[string]any{
		"TimeGenerated": "2023-02-20T11:04:02.6371632Z", "StartTime": "2022-01-06T13:01:34Z", "ConfidenceScore": nil, "IsIncident": false, "ResourceId": "", "Type": "SecurityAlert",
	} {
		if first[name] != want {
			t.Errorf("%s: got %v, want %v", name, first[name], want)
		}
	}
	const part = `The query_now parameter represents the time (in UTC) at which the scheduled analytics rule ran to produce this alert.\nset query_now = datetime(2023-02-20T10:58:58.1280000Z);\nSummarizedLog4JEvents | where EventType == \"Linux security`
	if got, _ := first["ExtendedProperties"].(string); !strings.Contains(got, part) {
		t.Errorf("ExtendedProperties: got %s, want it to hold %s", got, part)
	}
}

func TestDecodeRecordedErrors(t *testing.T) {
	for name, want := range map[string]string{
		"la-400-semantic":             "BadArgumentError/SemanticError/SEM0100: 'where' operator: Failed to resolve table or column expression named 'AppInsights'",
		"la-400-syntax":               "BadArgumentError/SyntaxError/SYN0002: Query could not be parsed at 'a' on line [1,5]",
		"la-404-path-not-found":       "PathNotFoundError: The requested path does not exist",
		"la-504-gateway-timeout-2022": "GatewayTimeout/GatewayTimeout: ADX query timed out",
		"la-batch-400-duplicate-id":   "BadArgumentError/QueryValidationError: duplicate id found '1'",
	} {
		e, ok := decodeError([]byte(recordedReply(t, name+".json")))
		if !ok || e.Error() != want || e.CorrelationID == "" {
			t.Errorf("%s: got %v (%v), want %s", name, e, ok, want)
		}
	}
}
