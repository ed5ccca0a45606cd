package loganalytics

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

func TestDecodeSplitsRecords(t *testing.T) {
	var rows []string
	var want [][]any
	for i := range 100 {
		text := strings.Repeat("x", i)
		if i%3 == 0 {
			rows, want = append(rows, fmt.Sprintf(`[null,%d]`, i)), append(want, []any{nil, int64(i)})
		} else {
			rows, want = append(rows, fmt.Sprintf(`["%s",null]`, text)), append(want, []any{text, nil})
		}
	}
	body := `{"tables":[{` + twoColumns + `,"rows":[` + strings.Join(rows, ",") + `]}]}`
	for _, limit := range []struct{ rows, bytes, records int }{
		{recordRows, recordBytes, 1}, {100, recordBytes, 1}, {99, recordBytes, 2}, {7, recordBytes, 15}, {1, recordBytes, 100}, {recordRows, 1, 100}, {recordRows, 1000, 5},
	} {
		d := newDecoder(body)
		d.maxRows, d.maxBytes = limit.rows, limit.bytes
		_, got, err := decodeRows(t, d)
		if err != nil || showRows(got) != showRows(want) {
			t.Errorf("%+v: got %v\n%swant\n%s", limit, err, showRows(got), showRows(want))
		}
		records := 0
		d = newDecoder(body)
		d.maxRows, d.maxBytes = limit.rows, limit.bytes
		d.emit = func(arrow.Record) error { records++; return nil }
		if _, err := d.decode(); err != nil || records != limit.records {
			t.Errorf("%+v: got %d records, %v; want %d", limit, records, err, limit.records)
		}
	}
}

// A table without rows still tells its columns, duplicates and odd names
// included.
func TestDecodeNoRows(t *testing.T) {
	body := `{"tables":[{"name":"getschema","columns":[{"name":"a","type":"STRING"},{"name":"A","type":"Double"},{"name":"a","type":"Guid"},{"name":"ü\n","type":"datetime"}],"rows":[]}]}`
	calls := 0
	a, err := decodeAnswer(strings.NewReader(body), func(r arrow.Record) error {
		calls++
		if r.NumRows() != 0 || r.NumCols() != 4 {
			t.Errorf("got %d rows and %d columns, want 0 and 4", r.NumRows(), r.NumCols())
		}
		return nil
	})
	if err != nil || calls != 1 || a.Rows != 0 {
		t.Errorf("got %d records, %d rows, %v", calls, a.Rows, err)
	}
	if got, want := fmt.Sprint(a.Columns), "[{a string } {A real } {a guid } {ü\n datetime }]"; got != want {
		t.Errorf("columns: got %s, want %s", got, want)
	}
}

// sliceError cannot be compared: doing so panics.
type sliceError []string

func (e sliceError) Error() string { return e[0] }

func TestDecodeEmitRefuses(t *testing.T) {
	for name, refusal := range map[string]error{
		"plain": errors.New("disk full"), "end": io.ErrUnexpectedEOF, "empty": errEmptyAnswer, "odd": sliceError{"odd"},
	} {
		for _, body := range []string{envelopes["plain"], envelopes["rows first"], `{"tables":[{` + twoColumns + `,"rows":[]}]}`} {
			calls := 0
			d := newDecoder(body)
			d.maxRows = 1
			d.emit = func(arrow.Record) error { calls++; return refusal }
			_, err := d.decode()
			if fmt.Sprintf("%T %v", err, err) != fmt.Sprintf("%T %v", refusal, refusal) || calls != 1 {
				t.Errorf("%s: got %v after %d records, want %v after 1", name, err, calls, refusal)
			}
		}
	}
}

type oddReader struct{ calls int }

func (r *oddReader) Read(p []byte) (int, error) {
	if r.calls++; r.calls < 3 {
		return copy(p, `{"x":[1`[r.calls:r.calls+1]), nil
	}
	return 0, sliceError{"odd"}
}

func TestDecodeReaderErrors(t *testing.T) {
	emit := func(arrow.Record) error { return nil }
	_, err := decodeAnswer(io.MultiReader(strings.NewReader(`{`), &oddReader{}), emit)
	if odd := (sliceError)(nil); !errors.As(err, &odd) {
		t.Errorf("got %v, want the reader's error", err)
	}
	_, err = decodeAnswer(io.MultiReader(strings.NewReader(`{"tables":`), stuckReader{}), emit)
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that never reads: got %v, want %v", err, io.ErrNoProgress)
	}
}

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

// Arrays that are kept stay what they were while the next records are built.
func TestDecodeRecordsKept(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `,["text %d",%d]`, i, i)
	}
	d := newDecoder(`{"tables":[{` + twoColumns + `,"rows":[` + b.String()[1:] + `]}]}`)
	d.maxRows = 10
	var kept []arrow.Record
	var texts []string
	d.emit = func(r arrow.Record) error {
		r.Retain()
		kept = append(kept, r)
		texts = append(texts, r.Column(0).(*array.String).Value(9))
		return nil
	}
	if _, err := d.decode(); err != nil {
		t.Fatal(err)
	}
	var rows [][]any
	for _, r := range kept {
		rows = append(rows, recordRowsOf(r)...)
		r.Release()
	}
	for i, row := range rows {
		if got, want := showRows([][]any{row}), showRows([][]any{{fmt.Sprintf("text %d", i), int64(i)}}); got != want {
			t.Errorf("row %d: got %s, want %s", i, got, want)
		}
	}
	for i, text := range texts {
		if want := fmt.Sprintf("text %d", i*10+9); text != want {
			t.Errorf("text of record %d: got %q, want %q", i, text, want)
		}
	}
}

// A record that nobody retains is gone when emit has returned.
func TestDecodeReleasesRecords(t *testing.T) {
	for _, refusal := range []error{nil, io.ErrShortWrite} {
		var kept []arrow.Record
		d := newDecoder(envelopes["plain"])
		d.maxRows = 1
		d.emit = func(r arrow.Record) error {
			for _, before := range kept {
				if len(before.Columns()) > 0 {
					t.Errorf("an earlier record still has %d columns", len(before.Columns()))
				}
			}
			kept = append(kept, r)
			return refusal
		}
		if _, err := d.decode(); err != refusal || len(kept) == 0 {
			t.Errorf("got %d records, %v; want %v", len(kept), err, refusal)
		}
		for _, r := range kept {
			if len(r.Columns()) > 0 {
				t.Errorf("a record still has %d columns", len(r.Columns()))
			}
		}
	}
}

func TestDecodeSpoolLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	for _, body := range []string{envelopes["rows first"], envelopes["rows first"][:40], `{"tables":[{` + twoRows + `}]}`} {
		decodeRows(t, newDecoder(body))
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", body, left, err)
		}
	}
	t.Setenv("TMPDIR", dir+"/absent")
	t.Setenv("TMP", dir+"/absent")
	if _, _, err := decodeRows(t, newDecoder(envelopes["rows first"])); err == nil || !strings.HasPrefix(err.Error(), "read answer: put rows aside: ") {
		t.Errorf("without a folder for temporary files: got %v", err)
	}
}

func TestDecodeTextLimit(t *testing.T) {
	row := func(kind, cell string) *decoder {
		d := newDecoder(`{"tables":[{"columns":[{"name":"c","type":"` + kind + `"}],"rows":[[` + cell + `]]}]}`)
		d.textMax = 3 * bufferSize
		return d
	}
	fits, tooLong := strings.Repeat("x", 3*bufferSize), strings.Repeat("x", 4*bufferSize)
	for _, kind := range []string{"string", "dynamic"} {
		_, rows, err := decodeRows(t, row(kind, `"`+fits+`"`))
		if err != nil || len(rows) != 1 || rows[0][0] != fits {
			t.Errorf("%s: longest text: %v", kind, err)
		}
		if _, _, err = decodeRows(t, row(kind, `"`+tooLong+`"`)); err == nil || !strings.Contains(err.Error(), "is longer than") {
			t.Errorf("%s: text beyond the limit: %v", kind, err)
		}
	}
	list := `["` + tooLong[:2*bufferSize] + `"]`
	if _, rows, err := decodeRows(t, row("dynamic", list)); err != nil || rows[0][0] != list {
		t.Errorf("long list: %v", err)
	}
	if _, _, err := decodeRows(t, row("dynamic", `["`+tooLong+`"]`)); err == nil || !strings.Contains(err.Error(), "is longer than") {
		t.Errorf("list beyond the limit: %v", err)
	}
}

func TestDecodeDepth(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":[`, n/2) + strings.Repeat(`]}`, n/2) }
	places := map[string]string{
		"unknown key": `{"x":%s,"tables":[` + oneTable + `]}`,
		"dynamic":     `{"tables":[{"columns":[{"name":"c","type":"dynamic"}],"rows":[[%s]]}]}`,
		"rows first":  `{"tables":[{"rows":[[%s]],"columns":[{"name":"c","type":"dynamic"}]}]}`,
		"error":       `{"tables":[` + oneTable + `],"error":%s}`,
		"statistics":  `{"tables":[` + oneTable + `],"statistics":%s}`,
	}
	for name, place := range places {
		if _, _, err := decodeRows(t, newDecoder(fmt.Sprintf(place, nested(maxDepth)))); err != nil {
			t.Errorf("%s: deepest nesting: %v", name, err)
		}
		for _, deeper := range []string{nested(maxDepth + 2), strings.Repeat("[", 1e6), strings.Repeat(`{"a":`, 1e6)} {
			if _, _, err := decodeRows(t, newDecoder(fmt.Sprintf(place, deeper))); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
				t.Errorf("%s: deeper nesting: got %.200v", name, err)
			}
		}
	}
}
