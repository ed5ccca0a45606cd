package jsonl_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/sinktest"
)

// readJSON prints the rows of a file as Python's json reads them: members as
// pairs, so that none hides another, and numbers as the text that stands there.
// A value of the last column but one is its JSON, or the text that is none.
const readJSON = `
import gzip, json, subprocess, sys
name, dynamic = sys.argv[1:]
if name.endswith(".gz"):
    data = gzip.open(name).read()
elif name.endswith(".zst"):
    data = subprocess.run(["zstd", "-dc", name], check=True, capture_output=True).stdout
else:
    data = open(name, "rb").read()
lines = data.decode("utf-8").split("\n")
assert lines.pop() == "", "the last line has no end"

def refuse(constant):
    raise ValueError(constant + " is no JSON")

def parse(text):
    return json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str, parse_constant=refuse)

rows = [parse(line) for line in lines]
if dynamic == "json":
    for row in rows:
        text = row[-1][1]
        try:
            want = None if text is None else parse(text)
        except ValueError:
            want = text
        assert row[-2][1] == want, (row[-2][1], want)
        row[-2] = (row[-2][0], text)
json.dump(rows, sys.stdout)
`

// Python reads files of every setting, cell by cell.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 to read with")
	}
	columns := append(sinktest.Columns[:len(sinktest.Columns):len(sinktest.Columns)], pipeline.Column{Name: "again", Type: pipeline.String})
	rows := append(sinktest.Extremes(), sinktest.RandomRows(50, 4)...)
	for _, text := range []string{
		`{"a":1,"a":[2,{"b":null}]}`, `["\ud800"]`, "[\"\u2028\x7f\"]", "[\"\x00\"]", `"\u0000"`, "NaN", "[-Infinity]", "1e400", "-0.0", "12345678901234567890.10", "[1,]", "\ufeff{}", "",
		`["` + strings.Repeat("\\\"\\n", 1<<18) + `"]`, strings.Repeat("\"\n\x00", 1<<18),
	} {
		row := append(sinktest.Row{}, rows[0]...)
		row[6], row[12] = text, text
		rows = append(rows, row)
	}
	for i, row := range rows {
		rows[i] = append(row, row[12])
	}
	rec := sinktest.Record(columns, rows)
	for name, o := range options {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("zstd"); err != nil && o.Compression == "zstd" {
				t.Skip("there is no program zstd, and Python's module for it is new")
			}
			file := filepath.Join(t.TempDir(), "x."+newFormat(t, o).Ext())
			if err := os.WriteFile(file, []byte(encode(t, o, columns, rec)), 0o666); err != nil {
				t.Fatal(err)
			}
			compareRows(t, pythonRows(t, python, file, o), columns, rec)
		})
	}
}

// pythonRows returns the members of each row.
func pythonRows(t *testing.T, python, file string, o jsonl.Options) (rows [][][2]any) {
	t.Helper()
	run := exec.Command(python, "-c", readJSON, file, o.Dynamic)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err == nil {
		err = json.Unmarshal(out, &rows)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	return rows
}

func compareRows(t *testing.T, rows [][][2]any, columns pipeline.Schema, rec arrow.Record) {
	t.Helper()
	if int64(len(rows)) != rec.NumRows() {
		t.Fatalf("%d rows, want %d", len(rows), rec.NumRows())
	}
	for i, row := range rows {
		if len(row) != len(columns) {
			t.Fatalf("row %d: %d members, want %d", i, len(row), len(columns))
		}
		for c, member := range row {
			if member[0] != columns[c].FileName() || member[1] != cellValue(rec.Column(c), i) {
				t.Errorf("row %d: %v is %.60q, want %s %.60q", i, member[0], member[1], columns[c].FileName(), cellValue(rec.Column(c), i))
			}
		}
	}
}

// cellValue is what Python says of a cell: numbers are texts.
func cellValue(column arrow.Array, row int) any {
	if column.IsNull(row) {
		return nil
	}
	switch c := column.(type) {
	case *array.Boolean:
		return c.Value(row)
	case *array.Float64:
		text := string(sinks.AppendReal(nil, c.Value(row)))
		if text == "-0" { // an integer would lose its sign
			text = "-0.0"
		}
		return text
	}
	return column.ValueStr(row)
}
