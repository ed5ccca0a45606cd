package jsonl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/sinks"
)

type encoder struct {
	*sinks.Lines
	columns []column
	rows    int64
	cells   []appender // of the record being written
}

// column is what all rows have in common.
type column struct {
	start []byte // "{" or ",", name and colon
	json  bool   // values are JSON themselves
}

// appender appends the value of a row that is not null.
type appender func(dst []byte, row int) []byte

// Write implements sinks.Encoder.
func (e *encoder) Write(rec arrow.Record) error {
	columns := rec.Columns()
	if len(columns) != len(e.columns) {
		return fmt.Errorf("a record of %d columns, want %d", len(columns), len(e.columns))
	}
	e.cells = e.cells[:0]
	for i, c := range columns {
		cell, err := appenderOf(c, e.columns[i].json)
		if err != nil {
			return fmt.Errorf("column %s: %w", rec.ColumnName(i), err)
		}
		e.cells = append(e.cells, cell)
	}
	for row := range int(rec.NumRows()) {
		for i, c := range columns {
			e.Text = append(e.Text, e.columns[i].start...)
			if c.IsNull(row) {
				e.Text = append(e.Text, "null"...)
			} else {
				e.Text = e.cells[i](e.Text, row)
			}
		}
		e.Text = append(e.Text, '}', '\n')
		if err := e.Flush(); err != nil {
			return fmt.Errorf("row %d: %w", e.rows+int64(row)+1, err)
		}
	}
	e.rows += rec.NumRows()
	clear(e.cells) // they hold the record
	return nil
}

func appenderOf(column arrow.Array, asJSON bool) (appender, error) {
	switch c := column.(type) {
	case *array.Boolean:
		return func(dst []byte, row int) []byte { return strconv.AppendBool(dst, c.Value(row)) }, nil
	case *array.Int32:
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, int64(c.Value(row)), 10) }, nil
	case *array.Int64:
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, c.Value(row), 10) }, nil
	case *array.Float64:
		return func(dst []byte, row int) []byte { return appendReal(dst, c.Value(row)) }, nil
	case *array.String:
		if asJSON {
			return func(dst []byte, row int) []byte { return appendJSON(dst, c.Value(row)) }, nil
		}
		return func(dst []byte, row int) []byte { return appendString(dst, c.Value(row)) }, nil
	}
	return nil, fmt.Errorf("values of the type %v cannot be written", column.DataType())
}

func appendReal(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		dst = append(dst, '"')
		return append(sinks.AppendReal(dst, v), '"')
	}
	if v == 0 && math.Signbit(v) {
		return append(dst, "-0.0"...) // DuckDB and Python take -0 for the integer 0
	}
	return sinks.AppendReal(dst, v)
}

// appendJSON appends a text that is JSON as a value on one line, digits of
// numbers and order of members as they are, and any other as a string.
func appendJSON(dst []byte, s string) []byte {
	out := bytes.NewBuffer(dst)
	if err := json.Compact(out, []byte(s)); err != nil {
		return appendString(dst, s)
	}
	return out.Bytes()
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. Only what JSON forbids is escaped.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}
