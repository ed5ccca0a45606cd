package emulator

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestReadFaults(t *testing.T) {
	text := `{"faults": [
	  {"match": {"route": "any", "query": "Events", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00+01:00", "nth": 1, "every": 2, "probability": 0.5, "times": 3},
	   "action": {"status": 429, "body": "b", "content_type": "text/plain", "retry_after": 5, "delay": "1.5s", "drip": "1ms", "takes": "3m"}},
	  {"action": {"cut": true, "cut_after": 4096, "error_first": true, "rows_first": true, "statistics_rows": -1, "extra_table": true, "retry_after": "x",
	     "partial": {"code": "1", "message": "m", "severity": 3, "severity_name": "Warning"}}}]}`
	want := []Fault{
		{Match{"any", "Events", at("2026-01-01T00:00:00Z"), at("2026-01-01T23:00:00Z"), 1, 2, 0.5, 3},
			Action{Status: 429, Body: "b", ContentType: "text/plain", RetryAfter: "5", Delay: 1500 * time.Millisecond, Drip: time.Millisecond, Takes: 3 * time.Minute}},
		{Action: Action{Cut: true, CutAfter: 4096, ErrorFirst: true, RowsFirst: true, StatisticsRows: -1, ExtraTable: true, RetryAfter: "x",
			Partial: &Partial{"1", "m", 3, "Warning"}}},
	}
	got, err := ReadFaults(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].Match.From, got[i].Match.To = got[i].Match.From.UTC(), got[i].Match.To.UTC()
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got, err := ReadFaults(strings.NewReader(` [{"action":{"status":204}}]`)); err != nil || len(got) != 1 || got[0].Action.Status != 204 {
		t.Errorf("a bare list: got %+v, %v", got, err)
	}
	if got, err := ReadFaults(strings.NewReader(`{}`)); err != nil || len(got) != 0 {
		t.Errorf("no faults: got %+v, %v", got, err)
	}
}

func TestReadFaultsNamesTheField(t *testing.T) {
	for text, want := range map[string]string{
		``:                `an empty text is not an object`,
		`{"fault": []}`:   `fault: there is no such field; did you mean "faults"?`,
		`{"faults": 1}`:   `faults: 1 is not a list`,
		`[7]`:             `faults[0]: 7 is not an object`,
		`[] []`:           `something follows the value`,
		`[{}]`:            `faults[0].action: it is missing`,
		`[{"acton": {}}]`: `faults[0].acton: there is no such field; did you mean "action"?`,
		`[{"action": {"status": 500}}, {"action": {"delay": "soon"}}]`:  `faults[1].action.delay: "soon" is not a duration such as "1.5s"`,
		`[{"action": {"delay": 5}}]`:                                    `faults[0].action.delay: 5 is not a duration such as "1.5s"`,
		`[{"action": {"dely": "1s"}}]`:                                  `faults[0].action.dely: there is no such field; did you mean "delay"?`,
		`[{"action": {"status": "500"}}]`:                               `faults[0].action.status: "500" is not a whole number`,
		`[{"action": {"status": 99}}]`:                                  `faults[0].action.status: 99 is not the status of an answer`,
		`[{"action": {"cut": 1}}]`:                                      `faults[0].action.cut: 1 is not true or false`,
		`[{"action": {"cut": true, "cut_after": -1}}]`:                  `faults[0].action.cut_after: -1 is negative`,
		`[{"action": {"delay": "-1s"}}]`:                                `faults[0].action.delay: -1s is negative`,
		`[{"action": {"body": 1}}]`:                                     `faults[0].action.body: 1 is not a text`,
		`[{"action": {"status": 204, "body": "x"}}]`:                    `faults[0].action.body: an answer with status 204 has none`,
		`[{"action": {"partial": {"severty": 1}}}]`:                     `faults[0].action.partial.severty: there is no such field; did you mean "severity"?`,
		`[{"action": {}}]`:                                              `faults[0].action: it does nothing`,
		`[{"match": {"route": "login"}, "action": {"status": 500}}]`:    `faults[0].match.route: "login" is not query, search, metadata, token or any`,
		`[{"match": {"probability": 2}, "action": {"status": 500}}]`:    `faults[0].match.probability: 2 is not between 0 and 1`,
		`[{"match": {"nth": -1}, "action": {"status": 500}}]`:           `faults[0].match.nth: -1 is negative`,
		`[{"match": {"every": 1.5}, "action": {"status": 500}}]`:        `faults[0].match.every: 1.5 is not a whole number`,
		`[{"match": {"from": "yesterday"}, "action": {"status": 500}}]`: `faults[0].match.from: "yesterday" is not a time such as "2026-01-31T08:30:00Z"`,
		`[{"match": {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "action": {"status": 500}}]`: `faults[0].match.to: 2026-01-01T00:00:00Z is not after from`,
		`[{"match": {"xyz": 1}, "action": {"status": 500}}]`:                                                     `faults[0].match.xyz: there is no such field`,
	} {
		if _, err := ReadFaults(strings.NewReader(text)); err == nil || err.Error() != "read faults: "+want {
			t.Errorf("%s:\ngot  %v\nwant read faults: %s", text, err, want)
		}
	}
	broken := errors.New("disk on fire")
	if _, err := ReadFaults(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// TestDocumentedFaults: the example of users names each field, and its files
// use each.
func TestDocumentedFaults(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "examples", "emulator")
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	readme, every := read("README.md"), read("every-fault.json")
	for _, text := range []string{every, read("faults.json")} {
		if _, err := ReadFaults(strings.NewReader(text)); err != nil {
			t.Error(err)
		}
	}
	var f Fault
	var p Partial
	for _, known := range []fields{f.Match.fields(), f.Action.fields(), p.fields()} {
		for key := range known {
			if !strings.Contains(readme, "`"+key+"`") {
				t.Errorf("README.md does not name %q", key)
			}
			if !strings.Contains(every, `"`+key+`":`) {
				t.Errorf("every-fault.json has no example of %q", key)
			}
		}
	}
}
