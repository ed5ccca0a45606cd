package parquet

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
	"github.com/xitongsys/parquet-go/layout"
	"github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/source"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/sinktest"
)

// written returns the bytes of a file of these rows.
func written(t testing.TB, f *Format, columns pipeline.Schema, rows []sinktest.Row, perRecord int) []byte {
	t.Helper()
	var b bytes.Buffer
	e, err := f.NewEncoder(&b, columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range sinktest.Records(columns, rows, perRecord) {
		if err := e.Write(rec); err != nil {
			t.Fatal(err)
		}
		sinktest.Spoil(rec)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func formatOf(t testing.TB, o Options) *Format {
	t.Helper()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// contents are the columns of a file as a reader sees them, in order. Cells are
// nil, bool, int64, the bits of a double, or text; decimals are their digits
// without the point.
type contents struct {
	names []string
	cells [][]any
}

func (c *contents) add(column int, v any) {
	switch n := v.(type) {
	case int32:
		v = int64(n)
	case float64:
		if v = math.Float64bits(n); n != n {
			v = "NaN"
		}
	}
	c.cells[column] = append(c.cells[column], v)
}

// byArrow reads a file with Arrow's own reader.
func byArrow(t testing.TB, data []byte) (c contents, schema *arrow.Schema) {
	t.Helper()
	table, err := pqarrow.ReadTable(t.Context(), bytes.NewReader(data), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	c.cells = make([][]any, table.NumCols())
	for i := range c.cells {
		c.names = append(c.names, table.Column(i).Name())
		for _, chunk := range table.Column(i).Data().Chunks() {
			for row := range chunk.Len() {
				c.add(i, arrowCell(chunk, row))
			}
		}
	}
	return c, table.Schema()
}

func arrowCell(column arrow.Array, row int) any {
	if column.IsNull(row) {
		return nil
	}
	switch a := column.(type) {
	case *array.Boolean:
		return a.Value(row)
	case *array.Int32:
		return a.Value(row)
	case *array.Int64:
		return a.Value(row)
	case *array.Float64:
		return a.Value(row)
	case *array.String:
		return strings.Clone(a.Value(row))
	case *array.Timestamp:
		return int64(a.Value(row))
	case *array.Decimal128:
		return a.Value(row).BigInt().String()
	}
	return fmt.Sprintf("a %T", column)
}

// byParquetGo reads a file with xitongsys/parquet-go, page by page.
func byParquetGo(t testing.TB, data []byte) (c contents) {
	t.Helper()
	footer, err := readFooter(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	handler := handlerOf(footer.Schema)
	c.cells = make([][]any, len(footer.Schema)-1)
	for i, e := range footer.Schema[1:] {
		c.names = append(c.names, e.Name)
		for _, group := range footer.RowGroups {
			meta := *group.Columns[i].MetaData
			meta.PathInSchema = []string{plainName(i + 1)}
			at := meta.DataPageOffset
			if meta.DictionaryPageOffset != nil {
				at = *meta.DictionaryPageOffset
			}
			pages := source.ConvertToThriftReader(newFile(bytes.NewReader(data), int64(len(data))), at, 4<<10)
			var dict *layout.Page
			for left := meta.NumValues; left > 0; {
				page, n, _, err := layout.ReadPage(pages, handler, &meta)
				if err != nil {
					t.Fatal(err)
				}
				if page.Header.GetType() == parquet.PageType_DICTIONARY_PAGE {
					dict = page
					continue
				}
				page.Decode(dict)
				for _, v := range page.DataTable.Values {
					if text, ok := v.(string); ok && e.LogicalType.DECIMAL != nil {
						v = signed(text)
					}
					c.add(i, v)
				}
				left -= n
			}
		}
	}
	return c
}

// signed returns the number that big-endian bytes in two's complement are.
func signed(b string) string {
	n := new(big.Int).SetBytes([]byte(b))
	if b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n.String()
}

// expectedContents are those of a file of these rows with the format's default
// settings.
func expectedContents(columns pipeline.Schema, rows []sinktest.Row) (c contents) {
	for _, l := range (&Format{datetime: asMicros}).leaves(columns) {
		c.names = append(c.names, l.name)
		c.cells = append(c.cells, nil)
		for _, row := range rows {
			v := row[l.column]
			if text, ok := v.(string); ok {
				switch l.source.Type {
				case pipeline.Timespan:
					v, _ = pipeline.ParseSpan(text)
				case pipeline.Datetime:
					at, _ := pipeline.ParseTime(text)
					us, digit := at.UnixMicros()
					if v = us; l.kind == digits {
						v = digit
					}
				}
			}
			c.add(len(c.cells)-1, v)
		}
	}
	return c
}

// readByAll reads a file with both libraries and with Check, and compares what
// they see with what was written.
func readByAll(t *testing.T, f *Format, data []byte, columns pipeline.Schema, rows []sinktest.Row) {
	t.Helper()
	want := expectedContents(columns, rows)
	byArrow, _ := byArrow(t, data)
	sameContents(t, "arrow", byArrow, want)
	sameContents(t, "parquet-go", byParquetGo(t, data), want)
	n, err := f.Check(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns})
	if err != nil || n != int64(len(rows)) {
		t.Errorf("Check: %d rows, %v, want %d", n, err, len(rows))
	}
}

func sameContents(t *testing.T, reader string, got, want contents) {
	t.Helper()
	if fmt.Sprintf("%q", got.names) != fmt.Sprintf("%q", want.names) {
		t.Fatalf("%s: columns %q, want %q", reader, got.names, want.names)
	}
	for i, name := range want.names {
		if len(got.cells[i]) != len(want.cells[i]) {
			t.Fatalf("%s: column %q has %d values, want %d", reader, name, len(got.cells[i]), len(want.cells[i]))
		}
		for row, v := range want.cells[i] {
			if got.cells[i][row] != v {
				t.Fatalf("%s: column %q, row %d: %.90v, want %.90v", reader, name, row+1, got.cells[i][row], v)
			}
		}
	}
}
