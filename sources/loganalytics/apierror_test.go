package loganalytics

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const inner = `{"code":"SyntaxError","message":"A recognition error occurred in the query.","innererror":{"code":"SYN0002","message":"Query could not be parsed at 'a' on line [1,5]","line":1,"pos":5,"token":"a"}}`

func TestDecodeError(t *testing.T) {
	for _, c := range []struct{ body, want, deepest string }{
		{`{"error":{"message":"bad","code":"BadArgumentError","correlationId":"c1","innererror":` + inner + `}}`,
			"BadArgumentError/SyntaxError/SYN0002: Query could not be parsed at 'a' on line [1,5]", "SYN0002"},
		{`{"error":{"code":"PathNotFoundError","message":"The requested path does not exist"}}`, "PathNotFoundError: The requested path does not exist", "PathNotFoundError"},
		{`{"error":{"code":"PartialError","message":"m","details":[{"code":"EngineError","innererror":{"code":-2133196797,"message":"too much","severity":2,"severityName":"Error"}},{"code":"W","message":"w","severity":"3"}]}}`,
			"PartialError/EngineError/-2133196797: too much; PartialError/W: w", "-2133196797"},
		{`{"error":{"code":"A","innererror":{"code":"B","details":[{"message":"d"}]},"details":[{"code":"C"}]}}`, "A/B: d; A/C", ""},
		{`{"error":{"code":"A","message":"outer","innererror":{"code":"B"}}}`, "A/B: outer", "B"},
		{`{"error":{"code":"A","details":null,"innererror":null}}`, "A", "A"},
		{`{"error":{"code":"A","details":{"code":"B"},"innererror":"why"}}`, "A: why; A/B", ""},
		{`{"error":{"code":"A","details":[null]}}`, "A", "A"},
		{`{"error":{"code":1.50,"message":["x"]}}`, `1.50: ["x"]`, "1.50"},
		{`{"error":{}}`, "no code and no message", ""},
		{`{"error":"invalid_client"}`, "invalid_client", ""},
		{`{"error":[1]}`, "[1]", ""},
		{`{"error":false}`, "false", ""},
		{" {\"Error\":{\"Code\":\"A\",\"innerError\":{\"code\":\"\\u00fc\"}}}\n", "A/ü", "ü"},
	} {
		e, ok := decodeError([]byte(c.body))
		if !ok {
			t.Errorf("%s: got no error", c.body)
			continue
		}
		if e.Error() != c.want || e.deepest().Code != c.deepest {
			t.Errorf("%s:\ngot  %s, deepest %q\nwant %s, deepest %q", c.body, e, e.deepest().Code, c.want, c.deepest)
		}
	}
	for _, body := range []string{"", " ", "<html>502</html>", "null", "[]", `"error"`, "{}", `{"error":null}`, `{"error":{}`, `{"tables":[]}`} {
		if e, ok := decodeError([]byte(body)); ok || e != nil {
			t.Errorf("%q: got %v, want no error", body, e)
		}
	}
}

func TestErrorMembers(t *testing.T) {
	e, _ := decodeError([]byte(`{"error":{"message":"bad","code":"BadArgumentError","correlationId":"c1","innererror":` + inner + `}}`))
	if e.CorrelationID != "c1" || e.Message != "bad" || e.Inner.Code != "SyntaxError" {
		t.Errorf("got %+v", e)
	}
	if d := e.deepest(); d.Line != "1" || d.Pos != "5" || d.Token != "a" {
		t.Errorf("deepest: got %+v", d)
	}
	e, _ = decodeError([]byte(`{"error":{"details":[{"innererror":{"code":"-1","severity":2,"severityName":"Error"}},{"code":"w","severityName":"Warning"}]}}`))
	var got []string
	for _, d := range e.all() {
		got = append(got, d.Code+" "+d.Severity+" "+d.SeverityName)
	}
	if want := "[-1 2 Error w  Warning]"; fmt.Sprint(got) != want {
		t.Errorf("all: got %v, want %s", got, want)
	}
}

// However deep an error nests, it is read in bounded depth.
func TestErrorDepth(t *testing.T) {
	nest := func(n int) string {
		return `{"error":` + strings.Repeat(`{"code":"x","innererror":`, n) + `null` + strings.Repeat("}", n) + `}`
	}
	for _, c := range []struct{ levels, want int }{{1, 1}, {maxDepth, maxDepth}, {maxDepth + 50, maxDepth}} {
		e, ok := decodeError([]byte(nest(c.levels)))
		if !ok {
			t.Fatalf("%d levels: no error", c.levels)
		}
		n := 0
		for ; e != nil; e = e.Inner {
			n++
		}
		if n != c.want {
			t.Errorf("%d levels: got %d, want %d", c.levels, n, c.want)
		}
	}
}

func FuzzDecodeError(f *testing.F) {
	f.Add([]byte(`{"error":{"code":"A","details":[{"innererror":{"code":-1}}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, ok := decodeError(body)
		if !ok {
			return
		}
		if !json.Valid(body) {
			t.Errorf("%q: an error out of what is no JSON", body)
		}
		if e.Error() == "" || e.deepest() == nil || len(e.all()) == 0 {
			t.Errorf("%q: got %q and %d innermost errors", body, e, len(e.all()))
		}
	})
}
