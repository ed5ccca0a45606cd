package parquet

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/xitongsys/parquet-go/layout"
	"github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/schema"
	"github.com/xitongsys/parquet-go/source"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Metadata implements sinks.Embedder.
func (f *Format) Metadata(r io.ReaderAt, size int64) (m sinks.Metadata, err error) {
	defer recovered(&err)
	footer, err := readFooter(r, size)
	if err != nil {
		return m, err
	}
	fields := make(map[string]string)
	for _, pair := range footer.GetKeyValueMetadata() {
		if name, ok := strings.CutPrefix(pair.GetKey(), metaPrefix); ok {
			fields[name] = pair.GetValue()
		}
	}
	return sinks.MetadataOf(func(name string) string { return fields[name] })
}

// Check implements sinks.Checker. It decodes every page with parquet-go, one
// at a time.
func (f *Format) Check(ctx context.Context, r io.ReaderAt, size int64, m sinks.Metadata) (rows int64, err error) {
	defer recovered(&err)
	footer, err := readFooter(r, size)
	if err != nil {
		return 0, err
	}
	if len(footer.Schema) == 0 {
		return 0, fmt.Errorf("the footer has no schema")
	}
	elements := footer.Schema[1:]
	for i, e := range elements {
		if e.GetNumChildren() != 0 || e.Type == nil || e.GetRepetitionType() != parquet.FieldRepetitionType_OPTIONAL {
			return 0, fmt.Errorf("column %d, %q, is no optional column of single values", i+1, e.Name)
		}
	}
	leaves, err := leavesOf(elements, m.Columns)
	if err != nil {
		return 0, err
	}
	c := &checker{r: r, size: size, leaves: leaves, handler: handlerOf(footer.Schema), bounds: sinks.BoundsOf(m)}
	c.times = c.bounds.Column(m.Columns)
	for i, group := range footer.RowGroups {
		c.before = rows
		if err := c.checkGroup(ctx, group, elements); err != nil {
			return rows, fmt.Errorf("row group %d: %w", i+1, err)
		}
		rows += group.NumRows
	}
	if rows != footer.NumRows {
		return rows, fmt.Errorf("the row groups hold %d rows, the footer says %d", rows, footer.NumRows)
	}
	return rows, nil
}

// handlerOf gives parquet-go's decoder a schema with plain names: it makes
// others into Go names, and two columns may get the same.
func handlerOf(elements []*parquet.SchemaElement) *schema.SchemaHandler {
	plain := make([]*parquet.SchemaElement, len(elements))
	for i, e := range elements {
		named := *e
		named.Name = plainName(i)
		plain[i] = &named
	}
	return schema.NewSchemaHandlerFromSchemaList(plain)
}

func plainName(element int) string { return fmt.Sprintf("C%d", element) }

type checker struct {
	r       io.ReaderAt
	size    int64
	leaves  []leaf
	handler *schema.SchemaHandler
	bounds  sinks.Bounds
	times   int     // the column that is held against them; -1 if none is
	micros  []int64 // of that column, in the row group; noTime is null
	before  int64   // rows of the row groups before
}

// noTime stands for a null among microseconds.
const noTime = math.MinInt64

func (c *checker) checkGroup(ctx context.Context, group *parquet.RowGroup, elements []*parquet.SchemaElement) error {
	if len(group.Columns) != len(elements) {
		return fmt.Errorf("%d columns of %d", len(group.Columns), len(elements))
	}
	var before int64 // nulls of the column before
	for i, chunk := range group.Columns {
		name, meta := elements[i].Name, chunk.MetaData
		switch {
		case meta == nil || chunk.FilePath != nil:
			return fmt.Errorf("column %s is not in the file", name)
		case len(meta.PathInSchema) != 1 || meta.PathInSchema[0] != name:
			return fmt.Errorf("column %s is where %s must be", strings.Join(meta.PathInSchema, "."), name)
		case meta.NumValues != group.NumRows:
			return fmt.Errorf("column %s has %d values, want %d", name, meta.NumValues, group.NumRows)
		}
		if c.timed(i) && c.leaves[i].kind == micros {
			c.micros = c.micros[:0]
		}
		nulls, err := c.checkChunk(ctx, i, meta)
		if err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		if s := meta.Statistics; s != nil && s.NullCount != nil && *s.NullCount != nulls {
			return fmt.Errorf("column %s has %d nulls, its statistics say %d", name, nulls, *s.NullCount)
		}
		if c.leaves[i].kind == digits && nulls != before {
			return fmt.Errorf("column %s has %d nulls, the column of its microseconds %d", name, nulls, before)
		}
		before = nulls
	}
	return nil
}

// checkChunk decodes the pages of a column and returns how many nulls it has.
func (c *checker) checkChunk(ctx context.Context, column int, meta *parquet.ColumnMetaData) (nulls int64, err error) {
	offset := meta.DataPageOffset
	if meta.DictionaryPageOffset != nil {
		offset = *meta.DictionaryPageOffset
	}
	if offset < int64(len(magic)) || offset >= c.size {
		return 0, fmt.Errorf("its pages begin at byte %d of %d", offset, c.size)
	}
	plain := *meta
	plain.PathInSchema = []string{plainName(column + 1)}
	buffer := max(4<<10, min(256<<10, meta.TotalCompressedSize)) // of two that are made
	pages := source.ConvertToThriftReader(newFile(c.r, c.size), offset, buffer)
	var dict *layout.Page
	for values := int64(0); values < meta.NumValues; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		page, n, _, err := layout.ReadPage(pages, c.handler, &plain)
		if err != nil {
			return 0, fmt.Errorf("after %d values: %w", values, err)
		}
		if page.Header.GetType() == parquet.PageType_DICTIONARY_PAGE {
			dict = page
			continue
		}
		page.Decode(dict)
		pageNulls, err := checkValues(page.DataTable.Values, c.leaves[column])
		if err != nil {
			return 0, fmt.Errorf("after %d values: %w", values, err)
		}
		if c.timed(column) {
			if err := c.checkTimes(page.DataTable.Values, c.leaves[column].kind, values); err != nil {
				return 0, err
			}
		}
		nulls += pageNulls
		if values += n; n == 0 || values > meta.NumValues {
			return 0, fmt.Errorf("its pages hold %d values, the footer says %d", values, meta.NumValues)
		}
	}
	return nulls, nil
}

// timed reports whether a column of the file is, or is a part of, the one that
// is held against the slice.
func (c *checker) timed(column int) bool {
	return c.times >= 0 && c.leaves[column].column == c.times
}

// checkTimes holds values of the time column against the slice. done is how many
// of its values in the row group came before.
func (c *checker) checkTimes(values []any, k kind, done int64) error {
	for i, value := range values {
		at := done + int64(i)
		var err error
		switch v := value.(type) {
		case nil:
			if k == micros {
				c.micros = append(c.micros, noTime)
			}
		case string:
			err = c.bounds.CheckText(v)
		case int64:
			if k == micros {
				c.micros = append(c.micros, v)
			} else {
				err = c.bounds.Check(pipeline.TickOfMicros(ofNanos(v)))
			}
		case int32: // the seventh digit of what came before
			if at < int64(len(c.micros)) && c.micros[at] != noTime {
				err = c.bounds.Check(pipeline.TickOfMicros(c.micros[at], v))
			}
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", c.before+at+1, err)
		}
	}
	return nil
}

// ofNanos returns the microseconds and the seventh digit of nanoseconds since
// 1970.
func ofNanos(ns int64) (micros int64, digit int32) {
	micros = ns / 1000
	if ns%1000 < 0 {
		micros--
	}
	return micros, int32((ns - micros*1000) / 100)
}

func checkValues(values []any, l leaf) (nulls int64, err error) {
	k := l.kind
	for _, value := range values {
		if value == nil {
			nulls++
			continue
		}
		ok := false
		switch v := value.(type) {
		case bool:
			ok = k == booleans
		case int32:
			ok = k == int32s || k == digits && 0 <= v && v <= 9
		case int64:
			ok = k == int64s || k == micros || k == nanos || k == spans
		case float64:
			ok = k == doubles
		case string:
			ok = k == texts && utf8.ValidString(v) || k == decimals && l.decimal.holds([]byte(v))
		}
		if !ok {
			return nulls, fmt.Errorf("the value %.60v is none of the column's type", value)
		}
	}
	return nulls, nil
}
