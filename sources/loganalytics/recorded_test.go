package loganalytics

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

// TestRecorded serves answers that a live service gave to other clients.
func TestRecorded(t *testing.T) {
	dir := shared(t, "reference/recorded")
	for _, c := range []struct {
		name string
		want outcome
		says string // of the error, or the columns and the values
	}{
		{"la-200-count-cached", succeeds, "Count|5"},
		{"la-200-nulls", succeeds, "DateTime Bool Guid Int Long Double String Timespan Decimal Dynamic|(null) (null) (null) (null) (null) (null) I cant be null (null) (null) (null)"},
		{"la-200-partial-bytes-2022", tooLarge, "data size limit 64000000"},
		{"la-200-partial-overflow", final, "overflow"},
		{"la-200-partial-rows-2021", tooLarge, "record count limit 1"},
		{"la-200-partial-rows-2025", tooLarge, "set limit of 1 records"},
		{"la-200-print-bool", succeeds, "print_0|true"},
		{"la-200-render-statistics", succeeds, "s i|a 1 b 2 c 3"},
		{"la-200-types-2021", succeeds, "DateTime Bool Guid Int Long Double String Timespan Decimal NullBool|" +
			"2015-12-31T23:59:59.9Z false 74be27de-1e4e-49d9-b579-fe0b331d3642 12345 1234567890123 12345.6789 string value 00:00:10 0.10101 (null)"},
		{"la-200-types-2025", succeeds, "DateTime Bool Guid Int Long Double String Timespan Decimal NullBool Dynamic|" +
			"2015-12-31T23:59:59.9Z false 74be27de-1e4e-49d9-b579-fe0b331d3642 12345 1234567890123 12345.6789 string value 00:00:10 0.10101 (null) " +
			`{"a":123,"b":"hello","c":[1,2,3],"d":{}}`},
		{"la-400-semantic", noQuery, "may be empty here, or not readable"},
		{"la-400-syntax", noQuery, "line 1, position 5"},
		{"la-404-path-not-found", noAccess, "2f6105b0-b771-4f05-a596-8358621a16bc"},
		{"la-504-gateway-timeout-2022", retryLarge, "ADX query timed out"},
		{"la-batch-200-mixed-2021", final, ""},
		{"la-batch-200-partial-java", final, ""},
		{"la-batch-400-duplicate-id", noQuery, "duplicate id found"},
		{"token-401-invalid-client", noAccess, ""},
	} {
		body, err := os.ReadFile(filepath.Join(dir, c.name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(c.name, "-") {
			status, err := strconv.Atoi(part)
			if err != nil || status > 599 {
				continue
			}
			answer := reply(status, string(body))
			if status == 200 {
				answer = raw("Content-Encoding: gzip", zipped(string(body)))
			}
			var got collect
			err = newService(t, answer).source(t).Query(context.Background(), "T", "", got.emit)
			says := strings.Join(got.columns, " ") + "|" + strings.Join(got.values, " ")
			if err != nil {
				says = err.Error()
			}
			if o := outcomeOf(err); o != c.want || !strings.Contains(says, c.says) {
				t.Errorf("%s is %q: %s\nwant %q: %s", c.name, o, says, c.want, c.says)
			}
			break
		}
	}
}

// TestRecordedElsewhere serves the answers of Azure Data Explorer, whose
// protocols are others: none of them is ever taken for rows, or for none.
func TestRecordedElsewhere(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(shared(t, "reference/recorded"), "adx-*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no recorded answers: %v", err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var got collect
		err = newService(t, reply(200, string(body))).source(t).Query(context.Background(), "T", "", got.emit)
		if o := outcomeOf(err); o != final || len(got.values) > 0 {
			t.Errorf("%s is %q with %d values: %v\nwant %q", filepath.Base(name), o, len(got.values), err, final)
		}
	}
}

// TestRecordedToken uses a recorded token: it is sent as it came.
func TestRecordedToken(t *testing.T) {
	body, err := os.ReadFile(filepath.Join(shared(t, "reference/recorded"), "token-200-v2.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := newService(t, reply(200, `{"tables":[{"name":"PrimaryResult","columns":[{"name":"n","type":"long"}],"rows":[[1]]}]}`))
	s.token = string(body)
	var got collect
	if err := s.source(t).Query(context.Background(), "T", "", got.emit); err != nil {
		t.Fatal(err)
	}
	if sent := s.asked[0].header.Get("Authorization"); sent != "Bearer Sanitized" {
		t.Errorf("the request carries %q, want the recorded token", sent)
	}
}

// TestRecordedAlerts reads real rows, seven-digit times among them.
func TestRecordedAlerts(t *testing.T) {
	body, err := os.ReadFile(filepath.Join(shared(t, "reference/recorded"), "la-200-securityalert-rows.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got collect
	if err := newService(t, reply(200, string(body))).source(t).Query(context.Background(), "T", "", got.emit); err != nil {
		t.Fatal(err)
	}
	if got.rows != 3 || len(got.columns) != 34 {
		t.Errorf("%d rows of %d columns, want 3 of 34", got.rows, len(got.columns))
	}
}

// TestRecordedCut cuts recorded answers everywhere: none may count.
func TestRecordedCut(t *testing.T) {
	body, err := os.ReadFile(filepath.Join(shared(t, "reference/recorded"), "la-200-render-statistics.json"))
	if err != nil {
		t.Fatal(err)
	}
	whole := zipped(string(body))
	var cut []byte
	s := newService(t, nil)
	source := s.source(t)
	for n := 0; n < len(whole); n += 3 {
		cut = whole[:n]
		s.answer = raw("Content-Encoding: gzip", cut)
		err := source.Query(context.Background(), "T", "", new(collect).emit)
		var again *pipeline.RetryAfter
		if !errors.As(err, &again) {
			t.Fatalf("%d of %d bytes give %v, want another try", n, len(whole), err)
		}
	}
}
