package csv_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/sinktest"
)

// readCSV prints the rows of a file as JSON: fields as Python's csv reads them,
// with what the dialect marks taken back. Python before 3.13 does not tell an
// empty field from "".
const readCSV = `
import csv, gzip, json, re, subprocess, sys
name, delimiter, null, escape, neutralise = sys.argv[1:]
if name.endswith(".gz"):
    data = gzip.open(name).read()
elif name.endswith(".zst"):
    data = subprocess.run(["zstd", "-dc", name], check=True, capture_output=True).stdout
else:
    data = open(name, "rb").read()
lines = data.decode("utf-8").split("\n")
assert lines.pop() == "", "the last line has no end"
quoting = csv.QUOTE_MINIMAL
if hasattr(csv, "QUOTE_NOTNULL") and next(csv.reader([',""'], quoting=csv.QUOTE_NOTNULL)) == [None, ""]:
    quoting = csv.QUOTE_NOTNULL
csv.field_size_limit(1 << 30)

def unmark(text):
    if text is None or text == null:
        return text
    if escape == "true":
        assert "\n" not in text and "\r" not in text
        text = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r", "\\": "\\"}[m[1]], text)
    if neutralise == "true":
        text = re.sub(r"^'('*[=+\-@\t\r\n])", r"\1", text)
    return text

rows = list(csv.reader((line + "\n" for line in lines), delimiter=delimiter, quoting=quoting, strict=True))
json.dump({"nulls": quoting != csv.QUOTE_MINIMAL, "lines": len(lines),
           "rows": [[[field, unmark(field)] for field in row] for row in rows]}, sys.stdout)
`

// Python reads files of every setting, cell by cell.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 to read with")
	}
	rows := append(sinktest.Extremes(), sinktest.RandomRows(50, 4)...)
	hard := append(sinktest.Row{}, rows[0]...)
	for i, text := range []string{"=1+1", "''@x", "\r\n-5", `\N`, `\n\`, "NULL", "a;b\t|c,", strings.Repeat("\"\n", 1<<19)} {
		row := append(sinktest.Row{}, hard...)
		row[6+i%2], row[12] = text, text
		rows = append(rows, row)
	}
	rec := sinktest.Record(sinktest.Columns, rows)
	for name, o := range options {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("zstd"); err != nil && o.Compression == "zstd" {
				t.Skip("there is no program zstd, and Python's module for it is new")
			}
			f := newFormat(t, o)
			file := filepath.Join(t.TempDir(), "x."+f.Ext())
			if err := os.WriteFile(file, []byte(encode(t, o, sinktest.Columns, rec)), 0o666); err != nil {
				t.Fatal(err)
			}
			delimiter := o.Delimiter
			if delimiter == "" {
				delimiter = ","
			}
			run := exec.Command(python, "-c", readCSV, file, delimiter, o.Null, fmt.Sprint(o.Newline == "escape"), fmt.Sprint(o.Formulas == "neutralise"))
			var stderr bytes.Buffer
			run.Stderr = &stderr
			out, err := run.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr.Bytes())
			}
			var read struct {
				Nulls bool
				Lines int
				Rows  [][][2]*string // as it stands, and with marks taken back
			}
			if err := json.Unmarshal(out, &read); err != nil {
				t.Fatal(err)
			}
			if o.Header == nil {
				for i, c := range sinktest.Columns {
					if got := *read.Rows[0][i][1]; got != c.FileName() {
						t.Errorf("column %d: %q, want %q", i, got, c.FileName())
					}
				}
				read.Rows = read.Rows[1:]
			}
			if len(read.Rows) != len(rows) {
				t.Fatalf("%d rows, want %d", len(read.Rows), len(rows))
			}
			if o.Newline == "escape" && read.Lines-len(rows) > 1 {
				t.Errorf("%d lines for %d rows", read.Lines, len(rows))
			}
			for i, row := range read.Rows {
				for c, field := range row {
					comparePython(t, fmt.Sprintf("row %d, column %d", i, c), field, cellText(rec.Column(c), i), o, read.Nulls)
				}
			}
		})
	}
}

// cellText is what a cell stands for; nil for a null.
func cellText(column interface {
	IsNull(int) bool
	ValueStr(int) string
}, row int) *string {
	if column.IsNull(row) {
		return nil
	}
	text := column.ValueStr(row)
	if reals, ok := column.(*array.Float64); ok {
		text = strings.Replace(fmt.Sprint(reals.Value(row)), "Inf", "Infinity", 1)
		text = strings.TrimPrefix(text, "+")
	}
	return &text
}

func comparePython(t *testing.T, where string, field [2]*string, want *string, o csv.Options, nulls bool) {
	t.Helper()
	switch {
	case want == nil && o.Null == "" && nulls:
		if field[0] != nil {
			t.Errorf("%s: %q, want None", where, *field[0])
		}
	case want == nil:
		if field[0] == nil || *field[0] != o.Null {
			t.Errorf("%s: %v, want the null %q", where, field[0], o.Null)
		}
	case field[1] == nil || *field[1] != *want:
		t.Errorf("%s: got %.60q, want %.60q", where, *field[1], *want)
	case o.Null != "" && *want == "" && *field[0] != "":
		t.Errorf("%s: an empty text is %q", where, *field[0])
	}
}
