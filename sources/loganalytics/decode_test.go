package loganalytics

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// decodeRows decodes an answer and returns its rows as Go values, nil for
// null. It also checks what every record must be.
func decodeRows(t testing.TB, d *decoder) (answer, [][]any, error) {
	t.Helper()
	var rows [][]any
	records := 0
	var schema *arrow.Schema
	d.emit = func(r arrow.Record) error {
		records++
		if schema == nil {
			schema = r.Schema()
		}
		if r.Schema() != schema {
			t.Errorf("record %d has a schema of its own", records)
		}
		if r.NumRows() > int64(d.maxRows) {
			t.Errorf("record %d has %d rows, want at most %d", records, r.NumRows(), d.maxRows)
		}
		if r.NumRows() == 0 && records > 1 {
			t.Errorf("record %d has no rows", records)
		}
		rows = append(rows, recordRowsOf(r)...)
		return nil
	}
	a, err := d.decode()
	if err != nil {
		return a, rows, err
	}
	if want := a.Columns.Arrow(); records > 0 && !schema.Equal(want) {
		t.Errorf("schema of the records: got %v, want %v", schema, want)
	}
	if (records > 0) != (len(a.Columns) > 0) {
		t.Errorf("%d records for %d columns", records, len(a.Columns))
	}
	if a.Rows != int64(len(rows)) {
		t.Errorf("answer says %d rows, records hold %d", a.Rows, len(rows))
	}
	return a, rows, nil
}

func newDecoder(body string) *decoder {
	return &decoder{jsonReader: newJSONReader(strings.NewReader(body)), maxRows: recordRows, maxBytes: recordBytes}
}

func recordRowsOf(r arrow.Record) [][]any {
	rows := make([][]any, r.NumRows())
	for i := range rows {
		rows[i] = make([]any, r.NumCols())
		for c, column := range r.Columns() {
			if column.IsNull(i) {
				continue
			}
			switch a := column.(type) {
			case *array.Boolean:
				rows[i][c] = a.Value(i)
			case *array.Int32:
				rows[i][c] = a.Value(i)
			case *array.Int64:
				rows[i][c] = a.Value(i)
			case *array.Float64:
				rows[i][c] = a.Value(i)
			case *array.String:
				rows[i][c] = strings.Clone(a.Value(i))
			}
		}
	}
	return rows
}

// showRows writes rows so that equal texts mean equal values and types, NaN
// and -0 included.
func showRows(rows [][]any) string {
	var b strings.Builder
	for _, row := range rows {
		for _, cell := range row {
			if s, ok := cell.(string); ok {
				fmt.Fprintf(&b, "%q ", s)
			} else {
				fmt.Fprintf(&b, "%T(%v) ", cell, cell)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

const (
	twoColumns = `"columns":[{"name":"s","type":"string"},{"name":"i","type":"long"}]`
	twoRows    = `"rows":[["a",1],["b",2]]`
	oneTable   = `{"name":"T",` + twoColumns + `,` + twoRows + `}`
	partial    = `"error":{"code":"PartialError","message":"m"}`
	counted    = `"statistics":{"query":{"datasetStatistics":[{"tableRowCount":2,"tableSize":55}]}}`
)

// envelopes are complete answers that hold twoRows, in all orders of keys.
var envelopes = map[string]string{
	"plain":              `{"tables":[` + oneTable + `]}`,
	"error last":         `{"tables":[` + oneTable + `],` + partial + `}`,
	"error first":        `{` + partial + `,"tables":[` + oneTable + `]}`,
	"statistics last":    `{"tables":[` + oneTable + `],"render":{"yMin":"NaN","a":[{}]},` + counted + `}`,
	"statistics first":   `{` + counted + `,"tables":[` + oneTable + `]}`,
	"rows first":         `{"tables":[{` + twoRows + `,` + twoColumns + `,"name":"T"}]}`,
	"rows between":       `{"tables":[{"name":"T",` + twoRows + `,` + twoColumns + `}]}`,
	"columns first":      `{"tables":[{` + twoColumns + `,"name":"T",` + twoRows + `}]}`,
	"unknown keys":       `{"x":[[[]],{"tables":[]}],"tables":[{"name":"T","x":{"y":-1.5e+3},` + strings.Replace(twoColumns, `{`, `{"x":[1,"\u00e9"],`, 1) + `,` + twoRows + `,"z":null}],"y":true}`,
	"two tables":         `{"tables":[` + oneTable + `,{"name":"U","columns":[],"rows":[[false]]}]}`,
	"error of no kind":   `{"tables":[` + oneTable + `],"error":null}`,
	"white space":        " {\n\t\"tables\" : [ {\r\n \"name\" : \"T\" , " + `"columns" : [ { "name" : "s" , "type" : "string" } , { "type" : "long", "name" : "i" } ] , "rows" : [ [ "a" , 1 ] , [ "b" , 2 ] ] } ] } ` + "\n",
	"escaped keys":       `{"t\u0061bles":[{"n\u0061me":"T",` + twoColumns + `,"row\u0073":[["\u0061",1],["b",2]]}]}`,
	"rows first, spaced": "{\"tables\":[{\"rows\" :  [ [ \"a\" , 1 ] ,\n[ \"b\" , 2 ] ] , " + twoColumns + ` , "name":"T"}]}`,
}

func TestDecodeEnvelope(t *testing.T) {
	want := showRows([][]any{{"a", int64(1)}, {"b", int64(2)}})
	readers := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r },
		"bytes": iotest.OneByteReader,
		"half":  iotest.HalfReader,
		"eof":   iotest.DataErrReader,
	}
	for name, body := range envelopes {
		for kind, reader := range readers {
			d := newDecoder(body)
			d.r = reader(d.r)
			a, rows, err := decodeRows(t, d)
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			if got := showRows(rows); got != want {
				t.Errorf("%s, %s: got rows\n%swant\n%s", name, kind, got, want)
			}
			tables := 1
			if name == "two tables" {
				tables = 2
			}
			if a.Table != "T" || a.Tables != tables {
				t.Errorf("%s, %s: got table %q of %d, want \"T\" of %d", name, kind, a.Table, a.Tables, tables)
			}
			if got, want := a.Err != nil, strings.Contains(body, "PartialError"); got != want {
				t.Errorf("%s, %s: holds an error: got %v, want %v", name, kind, got, want)
			}
			if got, want := a.Stats != nil, strings.Contains(body, "statistics"); got != want {
				t.Errorf("%s, %s: holds statistics: got %v, want %v", name, kind, got, want)
			}
		}
	}
}

// A body that ends too early is never an answer, wherever it ends.
func TestDecodeCut(t *testing.T) {
	bodies := map[string]string{"values": `{"tables":[{"name":"T","columns":[{"name":"d","type":"dynamic"},{"name":"r","type":"real"},{"name":"i","type":"int"}],"rows":[[{"a":["\ud83d\ude00ü",-1.5e3]},-1.25e2,1e1],["\u00fcé\\",0.5,-12],[null,12345678901234567890,0]]}]}`}
	for name, body := range envelopes {
		bodies[name] = strings.TrimSpace(body)
	}
	for name, body := range bodies {
		if _, _, err := decodeRows(t, newDecoder(body)); err != nil {
			t.Errorf("%s: whole: %v", name, err)
		}
		for n := range len(body) {
			_, _, err := decodeRows(t, newDecoder(body[:n]))
			if n == 0 && err != errEmptyAnswer || n > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: cut after %q: got %v, want an unexpected end", name, body[:n], err)
			}
			d := newDecoder("")
			d.r = io.MultiReader(strings.NewReader(body[:n]), iotest.ErrReader(os.ErrDeadlineExceeded))
			if _, _, err = decodeRows(t, d); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: connection lost after %q: got %v, want the error of the connection", name, body[:n], err)
			}
		}
		// Even behind the closing brace: the connection did not say that this was all.
		d := newDecoder("")
		d.r = io.MultiReader(strings.NewReader(body), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, _, err := decodeRows(t, d); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: connection lost behind the end: got %v", name, err)
		}
	}
}

func TestDecodeChecksum(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	io.WriteString(w, envelopes["plain"])
	w.Close()
	b := zipped.Bytes()
	b[len(b)-6] ^= 1
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	d := newDecoder("")
	d.r = r
	if _, _, err := decodeRows(t, d); !errors.Is(err, gzip.ErrChecksum) {
		t.Errorf("got %v, want %v", err, gzip.ErrChecksum)
	}
}

// In a body, ¦ marks the byte that a message is about, and ✂ the end of what
// arrives.
func TestDecodeMessages(t *testing.T) {
	rows := func(rows string) string { return `{"tables":[{"name":"T",` + twoColumns + `,"rows":[` + rows + `]}]}` }
	columns := func(columns string) string { return `{"tables":[{"columns":[` + columns + `],"rows":[]}]}` }
	long := strings.Repeat("ü", 50)
	for _, c := range []struct{ body, want string }{
		{"", "empty answer"},
		{" \r\n\t", "empty answer"},
		{`{`, "answer ends before its closing brace: unexpected EOF"},
		{`{"tables":[`, `answer ends inside "tables": unexpected EOF`},
		{`{"error":{"code"`, `answer ends inside "error": unexpected EOF`},
		{rows(`["a",1],["b",2✂`), `answer ends inside row 2: unexpected EOF`},
		{rows(`["a",1]✂`), `answer ends after row 1: unexpected EOF`},
		{rows(`["a",1], ✂`), `answer ends after row 1: unexpected EOF`},
		{`<html>`, `read answer: not a JSON object: it begins with "<html>"`},
		{`[1]`, `read answer: not a JSON object: it begins with "[1]"`},
		{"\xff", `read answer: not a JSON object: it begins with "�"`},
		{`{}`, `read answer: neither a table nor an error in it`},
		{`{"tables":[]}`, `read answer: neither a table nor an error in it`},
		{`{"tables":null,"error":null}`, `read answer: neither a table nor an error in it`},
		{`{"tables":¦{}}`, `read answer: unexpected '{' at byte @, want a list`},
		{`{"tables":[¦7]}`, `read answer: unexpected '7' at byte @, want an object`},
		{`{"tables":[` + oneTable + `,7e¦]}`, `read answer: unexpected ']' at byte @, want a digit`},
		{`{"tables":[],"tables":[]}`, `read answer: key "tables" comes twice`},
		{`{` + partial + `,` + partial + `}`, `read answer: key "error" comes twice`},
		{`{` + counted + `,` + counted + `}`, `read answer: key "statistics" comes twice`},
		{`{"tables":[{"rows":[],"rows":[]}]}`, `read answer: key "rows" comes twice`},
		{`{"tables":[{"columns":[],"columns":[]}]}`, `read answer: key "columns" comes twice`},
		{columns(`{"name":"a","name":"b"}`), `read answer: key "name" comes twice`},
		{columns(`{"name":"a"}`), `read answer: column 1 has no name or no type`},
		{columns(`{"name":"a","type":"int"},{"type":"int"}`), `read answer: column 2 has no name or no type`},
		{columns(`{"name":"a","type":¦null}`), `read answer: unexpected 'n' at byte @, want a text`},
		{columns(`{"name":"a","type":"object"}`), `read answer: column "a" has the unknown type "object"`},
		{`{"tables":[{"name":"T","rows":[]}]}`, `read answer: table "T" has no list of columns`},
		{`{"tables":[{"name":"T","columns":[]}]}`, `read answer: table "T" has no list of rows`},
		{`{"tables":[{"columns":[],"rows":¦null}]}`, `read answer: unexpected 'n' at byte @, want a list`},
		{`{"tables":[{"columns":[],"rows":[[]]}]}`, `read answer: row 1: the table has no columns`},
		{`{"tables":[{"rows":[[1]],"columns":[{"name":"a","type":"string"}]}]}`, `read answer: row 1, column "a" (string): 1 is not a text`},
		{`{"tables":[{"rows":7,"columns":[{"name":"a","type":"string"}]}]}`, `read answer: unexpected '7' at byte 0, want a list`},
		{envelopes["plain"] + ` ¦x`, `read answer: unexpected 'x' at byte @, want the end of the answer`},
		{envelopes["plain"] + `¦{}`, `read answer: unexpected '{' at byte @, want the end of the answer`},
		{`{"tables":[` + oneTable + `]¦]`, `read answer: unexpected ']' at byte @, want a comma or '}'`},
		{`{"tables":[` + oneTable + `],¦}`, `read answer: unexpected '}' at byte @, want a key`},
		{`{"tables" ¦[]}`, `read answer: unexpected '[' at byte @, want a colon`},
		{`{"a¦` + "\n" + `":1}`, `read answer: unexpected '\n' at byte @, want a text without control characters`},
		{rows(`¦7`), `read answer: row 1: unexpected '7' at byte @, want a list`},
		{rows(`["a",1],¦{"OneApiErrors":[]}`), `read answer: row 2: unexpected '{' at byte @, want a list`},
		{rows(`[]`), `read answer: row 1 has 0 cells, the table has 2 columns`},
		{rows(`["a",1],["b"]`), `read answer: row 2 has 1 cells, the table has 2 columns`},
		{rows(`["a",1,2]`), `read answer: row 1 has more cells, the table has 2 columns`},
		{rows(`["a",¦]`), `read answer: row 1, column "i" (long): unexpected ']' at byte @, want a value`},
		{rows(`["a",1],¦`), `read answer: row 2: unexpected ']' at byte @, want a list`},
		{rows(`["a",1¦;]`), `read answer: row 1: unexpected ';' at byte @, want a comma or ']'`},
		{rows(`["a","x"]`), `read answer: row 1, column "i" (long): "x" is not a number`},
		{rows(`["a","` + long + `"]`), `read answer: row 1, column "i" (long): "` + strings.Repeat("ü", 40) + `…" is not a number`},
		{rows(`["a",nul¦]`), `read answer: row 1, column "i" (long): unexpected ']' at byte @, want null`},
		{rows(`["a",{"b":[1,true]}]`), `read answer: row 1, column "i" (long): {"b":[1,true]} is not a number`},
		{rows(`["\¦x",1]`), `read answer: row 1, column "s" (string): unexpected 'x' at byte @, want an escape`},
		{rows(`["\u00¦g0",1]`), `read answer: row 1, column "s" (string): unexpected 'g' at byte @, want a hex digit`},
	} {
		body, _, _ := strings.Cut(c.body, "✂")
		at := strings.Index(body, "¦")
		body = strings.Replace(body, "¦", "", 1)
		want := strings.Replace(c.want, "@", strconv.Itoa(at), 1)
		_, _, err := decodeRows(t, newDecoder(body))
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", body, err, want)
		}
	}
}

func TestDecodeErrorOnly(t *testing.T) {
	for _, body := range []string{`{` + partial + `}`, `{"tables":null,` + partial + `}`, `{` + partial + `,"tables":[]}`} {
		a, rows, err := decodeRows(t, newDecoder(body))
		if err != nil || a.Err == nil || a.Err.Code != "PartialError" || a.Tables != 0 || len(rows) != 0 {
			t.Errorf("%s: got %+v, %v", body, a, err)
		}
	}
	a, _, err := decodeRows(t, newDecoder(`{"tables":[{"name":"T","columns":[],"rows":[]}],`+partial+`}`))
	if err != nil || a.Err == nil || a.Tables != 1 {
		t.Errorf("table without columns: got %+v, %v", a, err)
	}
}

func TestDecodeStatistics(t *testing.T) {
	for _, c := range []struct{ raw, rows, size string }{
		{`{"query":{"datasetStatistics":[{"tableRowCount":3,"tableSize":55},{"tableRowCount":9}]}}`, "3", "55"},
		{`{"query":{"datasetStatistics":[{"tableRowCount":"3"}]}}`, "3", "none"},
		{`{"query":{"datasetStatistics":[{"tableRowCount":1.5,"tableSize":9223372036854775807}]}}`, "none", "9223372036854775807"},
		{`{"query":{"executionTime":"x","datasetStatistics":[{"tableRowCount":null,"tableSize":{}}]}}`, "none", "none"},
		{`{"query":{"datasetStatistics":[]}}`, "", ""},
		{`{"query":7}`, "", ""},
		{`"x"`, "", ""},
		{`null`, "", ""},
	} {
		a, _, err := decodeRows(t, newDecoder(`{"tables":[`+oneTable+`],"statistics":`+c.raw+`}`))
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		show := func(n *int64) string {
			if n == nil {
				return "none"
			}
			return fmt.Sprint(*n)
		}
		var rows, size string
		if a.Stats != nil {
			rows, size = show(a.Stats.RowCount), show(a.Stats.Size)
		}
		if rows != c.rows || size != c.size {
			t.Errorf("%s: got %s rows of size %s, want %s and %s", c.raw, rows, size, c.rows, c.size)
		}
	}
}
