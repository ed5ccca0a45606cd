package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
)

// null stands for a null among the texts of a row; no value is it.
const null = "\x00null"

// realTable is a published table: its column types, and its rows as text.
type realTable struct {
	name  string
	types map[string]pipeline.Type
	rows  []map[string]any // numbers are json.Number
}

// Every cell of published tables comes back from Parquet and from CSV as it
// was served.
func TestRealDataRoundTrip(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out the 1.7 million cells of the published tables")
	}
	folder := filepath.Join("..", "..", "..", "shared", "realdata")
	if !isDir(folder) {
		t.Skip("needs the published tables in ../shared/realdata beside the repository")
	}
	tables := readRealTables(t, folder)
	data, err := emulator.LoadDataset(filepath.Join(folder, "schemas"), filepath.Join(folder, "rows"))
	if err != nil {
		t.Fatal(err)
	}
	service, err := emulator.New(emulator.Config{Data: data, Limits: emulator.Limits{Requests: -1}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	defer server.Close()
	s := &shell{t: t, dir: t.TempDir()}
	s.write("main.kustash.hcl", realPipeline(server.URL, tables))
	if code, output := s.run("apply", "-auto-approve"); code != exitDone {
		t.Fatalf("apply: exit %d\n%s", code, output)
	}
	if code, output := s.run("verify"); code != exitDone {
		t.Fatalf("verify: exit %d\n%s", code, output)
	}
	cells := 0
	for _, table := range tables {
		if len(table.rows) == 0 {
			continue
		}
		folder := filepath.Join("t", table.name)
		if table.types["TimeGenerated"] != pipeline.Datetime {
			folder = "t_" + table.name
		}
		cells += table.compare(t, "CSV", readCSV(t, filepath.Join(s.dir, "csv", folder)))
		cells += table.compare(t, "Parquet", readParquet(t, filepath.Join(s.dir, "parquet", folder)))
	}
	t.Logf("%d cells of %d tables compared", cells, len(tables))
	if cells == 0 {
		t.Error("nothing was compared")
	}
}

func readRealTables(t *testing.T, folder string) []realTable {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "rows", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var tables []realTable
	for _, name := range names {
		table := realTable{name: strings.TrimSuffix(filepath.Base(name), ".jsonl"), types: make(map[string]pipeline.Type)}
		schema, err := os.ReadFile(filepath.Join(folder, "schemas", table.name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var s struct {
			Columns  []struct{ Name, Type string }
			Observed []struct{ Name, Type string } `json:"observed_undocumented_columns"`
		}
		if err := json.Unmarshal(schema, &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range append(s.Columns, s.Observed...) {
			table.types[c.Name] = pipeline.Type(c.Type)
		}
		f, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(bytes.NewReader(f))
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
			d.UseNumber()
			row := make(map[string]any)
			if err := d.Decode(&row); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			table.rows = append(table.rows, row)
		}
		tables = append(tables, table)
	}
	return tables
}

func realPipeline(url string, tables []realTable) string {
	var names []string
	for _, table := range tables {
		if table.types["TimeGenerated"] == pipeline.Datetime {
			names = append(names, strconv.Quote(table.name))
		}
	}
	return fmt.Sprintf(workspaceBlock(url)+`
sink "local" "parquet" {
  path   = "parquet"
  layout = "{query}"
  format "parquet" {}
}
sink "local" "csv" {
  path   = "csv"
  layout = "{query}"
  format "csv" {}
}
query "t" {
  for_each  = toset([%s])
  workspace = workspace.w
  kql       = each.value
  window {
    start = "2019-01-01"
    end   = "2024-01-01"
  }
  sinks = [sink.parquet, sink.csv]
}
# Published with its times as text, which no window can cut.
query "t_Armorblox_CL" {
  workspace = workspace.w
  kql       = "Armorblox_CL | where slice_start < slice_end"
  window {
    start = "2019-01-01"
    end   = "2024-01-01"
    slice = "none"
  }
  sinks = [sink.parquet, sink.csv]
}
`, strings.Join(names, ", "))
}

// exported is what was read back: one text for each cell, or null.
type exported struct {
	columns []string
	rows    [][]string
}

// compare checks that the exported rows are the table's, as a multiset, and
// returns the number of cells.
func (r realTable) compare(t *testing.T, format string, got exported) int {
	t.Helper()
	var want []string
	for _, row := range r.rows {
		cells := make([]string, len(got.columns))
		for i, name := range got.columns {
			cells[i] = r.text(t, name, row)
		}
		for name := range row {
			if !slices.Contains(got.columns, name) && name[0] != '_' { // hidden by the service unless named
				t.Fatalf("%s of %s has no column %s", format, r.name, name)
			}
		}
		want = append(want, strings.Join(cells, "\x01"))
	}
	have := make([]string, len(got.rows))
	for i, row := range got.rows {
		have[i] = strings.Join(row, "\x01")
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("%s of %s: %d rows of %d: %s", format, r.name, len(have), len(want), firstDifference(have, want))
	}
	return len(got.rows) * len(got.columns)
}

// text is what a cell of the input has to become: the same text for all
// spellings of one value.
func (r realTable) text(t *testing.T, column string, row map[string]any) string {
	t.Helper()
	kind, ok := r.types[column]
	if !ok {
		t.Fatalf("%s has no column %s", r.name, column)
	}
	switch v := row[column].(type) {
	case nil:
		if kind == pipeline.String {
			return "" // the service has no null strings
		}
		return null
	case string:
		if v == "" && kind != pipeline.String && kind != pipeline.Dynamic {
			return null
		}
		switch kind {
		case pipeline.Datetime:
			return instant(t, v)
		case pipeline.GUID:
			return strings.ToLower(v)
		}
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		if kind == pipeline.Real {
			f, err := v.Float64()
			if err != nil {
				t.Fatal(err)
			}
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
		return v.String()
	default:
		t.Fatalf("%s.%s holds a %T", r.name, column, v)
		return ""
	}
}

func instant(t *testing.T, s string) string {
	t.Helper()
	tick, err := pipeline.ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return tick.Time().Format(pipeline.TimeLayout)
}

// sidecar reads the KQL types that stand beside a text file.
func sidecar(t *testing.T, path string) map[string]pipeline.Type {
	t.Helper()
	dir, base := filepath.Split(path)
	raw, err := os.ReadFile(filepath.Join(dir, "_"+base+".meta.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Columns pipeline.Schema }
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	types := make(map[string]pipeline.Type)
	for _, c := range m.Columns {
		types[c.FileName()] = c.Type
	}
	return types
}

// parseCSV reads RFC 4180 to the letter, unlike encoding/csv, which turns CR LF
// within a field into LF: a field without quotes and text is null.
func parseCSV(text string) [][]string {
	var records [][]string
	for text != "" {
		var record []string
		for more := true; more; {
			field := null
			if strings.HasPrefix(text, "\"") {
				var b strings.Builder
				for text = text[1:]; ; text = text[1:] {
					part, rest, _ := strings.Cut(text, "\"")
					b.WriteString(part)
					if text = rest; !strings.HasPrefix(text, "\"") {
						break
					}
					b.WriteByte('"')
				}
				field = b.String()
			} else if end := strings.IndexAny(text, ",\n"); end > 0 {
				field, text = text[:end], text[end:]
			}
			record = append(record, field)
			more = strings.HasPrefix(text, ",")
			text = text[1:]
		}
		records = append(records, record)
	}
	return records
}

func readCSV(t *testing.T, dir string) exported {
	t.Helper()
	var all exported
	for _, path := range filesBelow(t, dir, ".csv") {
		types := sidecar(t, path)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		records := parseCSV(string(text))
		all.columns = records[0]
		for _, record := range records[1:] {
			for i, name := range all.columns {
				switch {
				case record[i] == "", record[i] == null:
				case types[name] == pipeline.Datetime:
					record[i] = instant(t, record[i])
				case types[name] == pipeline.Real:
					f, err := strconv.ParseFloat(record[i], 64)
					if err != nil {
						t.Fatal(err)
					}
					record[i] = strconv.FormatFloat(f, 'g', -1, 64)
				}
			}
			all.rows = append(all.rows, record)
		}
	}
	return all
}

func filesBelow(t *testing.T, dir, suffix string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func readParquet(t *testing.T, dir string) exported {
	t.Helper()
	var all exported
	for _, path := range filesBelow(t, dir, ".parquet") {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		table, err := pqarrow.ReadTable(context.Background(), f, parquet.NewReaderProperties(memory.DefaultAllocator),
			pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		appendTable(t, &all, table)
		table.Release()
	}
	return all
}

// appendTable turns columns into texts; X and X_100ns become one instant.
func appendTable(t *testing.T, all *exported, table arrow.Table) {
	t.Helper()
	all.columns = nil
	first := len(all.rows)
	for range table.NumRows() {
		all.rows = append(all.rows, nil)
	}
	for c := 0; c < int(table.NumCols()); c++ {
		name := table.Schema().Field(c).Name
		cells := columnTexts(table.Column(c))
		if table.Schema().Field(c).Type.ID() == arrow.TIMESTAMP {
			c++
			if digit := table.Schema().Field(c).Name; digit != name+"_100ns" {
				t.Fatalf("after %s comes %s", name, digit)
			}
			for i, digit := range columnTexts(table.Column(c)) {
				if cells[i] != null {
					micros, err := strconv.ParseInt(cells[i], 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					ticks, err := strconv.ParseInt(digit, 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					epoch, _ := pipeline.ParseTime("1970-01-01T00:00:00Z")
					cells[i] = (epoch + pipeline.Tick(micros*10+ticks)).Time().Format(pipeline.TimeLayout)
				}
			}
		}
		all.columns = append(all.columns, name)
		for i, cell := range cells {
			all.rows[first+i] = append(all.rows[first+i], cell)
		}
	}
}

func columnTexts(column *arrow.Column) []string {
	var cells []string
	for _, chunk := range column.Data().Chunks() {
		for i := range chunk.Len() {
			switch a := chunk.(type) {
			default:
				cells = append(cells, a.ValueStr(i))
			case *array.Timestamp:
				cells = append(cells, strconv.FormatInt(int64(a.Value(i)), 10))
			case *array.Float64:
				cells = append(cells, strconv.FormatFloat(a.Value(i), 'g', -1, 64))
			case *array.String:
				cells = append(cells, a.Value(i))
			}
			if chunk.IsNull(i) {
				cells[len(cells)-1] = null
			}
		}
	}
	return cells
}
