package parquet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/xitongsys/parquet-go/common"
	format "github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/reader"
	"github.com/xitongsys/parquet-go/schema"
	"github.com/xitongsys/parquet-go/source"
)

// TestForeignArchive compares the archive that interop/readers has made with
// what the service sent, cell by cell, through parquet-go. KUSTASH_READERS is a
// folder of JSON files: what each Parquet file must hold.
func TestForeignArchive(t *testing.T) {
	dir := os.Getenv("KUSTASH_READERS")
	if dir == "" {
		t.Skip("make interop-readers runs it")
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var want foreign
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			compareForeign(t, want)
		})
	}
}

// foreign is what a file must hold. Cells are text, doubles the hexadecimal
// digits of their bits.
type foreign struct {
	File    string
	Columns []struct{ Name, Kind string }
	Rows    [][]*string
}

// kinds of columns, as the footer describes them.
var foreignTypes = map[string]string{
	"bool": "BOOLEAN", "int": "INT32", "long": "INT64", "real": "DOUBLE", "text": "BYTE_ARRAY UTF8 STRING", "ticks": "INT64", "digits": "INT32",
	"micros": "INT64 TIMESTAMP_MICROS TIMESTAMP(UTC, MICROS)", "nanos": "INT64 TIMESTAMP(UTC, NANOS)",
}

func compareForeign(t *testing.T, want foreign) {
	data, err := os.ReadFile(want.File)
	if err != nil {
		t.Fatal(err)
	}
	p := openForeign(t, data)
	if got := len(p.names); got != len(want.Columns) {
		t.Fatalf("%d columns, want %d", got, len(want.Columns))
	}
	cells := make([][]string, len(p.names))
	id := -1
	for i, c := range want.Columns {
		if p.names[i] != c.Name || p.types[i] != foreignTypes[c.Kind] {
			t.Fatalf("column %d is %s, %s; want %s, %s", i, p.names[i], p.types[i], c.Name, foreignTypes[c.Kind])
		}
		if c.Name == "RowId" {
			id = i
		}
		cells[i] = p.column(t, i)
		if len(cells[i]) != len(want.Rows) {
			t.Fatalf("column %s has %d values, want %d", c.Name, len(cells[i]), len(want.Rows))
		}
	}
	wrong := 0
	for row, n := range cells[id] {
		at, err := strconv.Atoi(strings.Trim(n, `"`))
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range want.Rows[at] {
			cell := "null"
			if text != nil {
				cell = strconv.Quote(*text)
			}
			if got := cells[i][row]; got != cell {
				if wrong++; wrong <= 5 {
					t.Errorf("row %d, %s: got %.80s, want %.80s", at, p.names[i], got, cell)
				}
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d cells are wrong", wrong)
	}
}

// foreignFile is a file that parquet-go reads.
type foreignFile struct {
	*reader.ParquetReader
	names, types []string
}

// openForeign gives columns plain names for the library: it makes Go names of
// those in the file, and two may become one.
func openForeign(t *testing.T, data []byte) *foreignFile {
	t.Helper()
	p := &foreignFile{ParquetReader: &reader.ParquetReader{NP: 1, PFile: inMemory{bytes.NewReader(data), data}, ColumnBuffers: map[string]*reader.ColumnBufferType{}}}
	if err := p.ReadFooter(); err != nil {
		t.Fatal(err)
	}
	for i, e := range p.Footer.Schema[1:] {
		p.names, p.types = append(p.names, e.Name), append(p.types, foreignType(e))
		e.Name = fmt.Sprintf("C%d", i)
		for _, group := range p.Footer.RowGroups {
			group.Columns[i].MetaData.PathInSchema = []string{e.Name}
		}
	}
	p.SchemaHandler = schema.NewSchemaHandlerFromSchemaList(p.Footer.Schema)
	return p
}

func foreignType(e *format.SchemaElement) string {
	parts := []string{e.GetType().String()}
	if e.IsSetConvertedType() {
		parts = append(parts, e.GetConvertedType().String())
	}
	switch l := e.GetLogicalType(); {
	case l == nil:
	case l.IsSetSTRING():
		parts = append(parts, "STRING")
	case l.IsSetTIMESTAMP() && l.TIMESTAMP.IsAdjustedToUTC && l.TIMESTAMP.Unit.IsSetMICROS():
		parts = append(parts, "TIMESTAMP(UTC, MICROS)")
	case l.IsSetTIMESTAMP() && l.TIMESTAMP.IsAdjustedToUTC && l.TIMESTAMP.Unit.IsSetNANOS():
		parts = append(parts, "TIMESTAMP(UTC, NANOS)")
	default:
		parts = append(parts, l.String())
	}
	return strings.Join(parts, " ")
}

// column returns the cells of a column, quoted, or null.
func (p *foreignFile) column(t *testing.T, i int) []string {
	t.Helper()
	path := common.PathToStr([]string{p.SchemaHandler.GetRootInName(), fmt.Sprintf("C%d", i)})
	values, _, _, err := p.ReadColumnByPath(path, p.GetNumRows())
	if err != nil {
		t.Fatalf("column %s: %v", p.names[i], err)
	}
	cells := make([]string, len(values))
	for row, v := range values {
		switch v := v.(type) {
		case nil:
			cells[row] = "null"
		case float64:
			cells[row] = strconv.Quote(foreignReal(v))
		default:
			cells[row] = strconv.Quote(fmt.Sprint(v))
		}
	}
	return cells
}

func foreignReal(v float64) string {
	if math.IsNaN(v) {
		return "NaN"
	}
	return fmt.Sprintf("0x%016x", math.Float64bits(v))
}

// inMemory is a source.ParquetFile that is only read.
type inMemory struct {
	*bytes.Reader
	data []byte
}

// Open implements source.ParquetFile.
func (f inMemory) Open(string) (source.ParquetFile, error) {
	return inMemory{bytes.NewReader(f.data), f.data}, nil
}

// Create implements source.ParquetFile.
func (f inMemory) Create(string) (source.ParquetFile, error) { return nil, os.ErrPermission }

// Write implements io.Writer.
func (f inMemory) Write([]byte) (int, error) { return 0, os.ErrPermission }

// Close implements io.Closer.
func (f inMemory) Close() error { return nil }
