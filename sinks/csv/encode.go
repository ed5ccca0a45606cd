package csv

import (
	"fmt"
	"strconv"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/sinks"
)

type encoder struct {
	*sinks.Lines
	rows  int64
	cells []appender // of the record being written
}

// appender appends the field of a row that is not null.
type appender func(dst []byte, row int) []byte

// Write implements sinks.Encoder.
func (e *encoder) Write(rec arrow.Record) error {
	e.cells = e.cells[:0]
	for i, column := range rec.Columns() {
		cell, err := appenderOf(column)
		if err != nil {
			return fmt.Errorf("column %s: %w", rec.ColumnName(i), err)
		}
		e.cells = append(e.cells, cell)
	}
	columns := rec.Columns()
	for row := range int(rec.NumRows()) {
		if len(columns) == 1 && columns[0].IsNull(row) {
			// Readers take an empty line for no row at all.
			return fmt.Errorf("column %s, row %d: a CSV file of one column cannot hold a null; use the format parquet or jsonl, or project a second column",
				rec.ColumnName(0), e.rows+int64(row)+1)
		}
		for i, column := range columns {
			if i > 0 {
				e.Text = append(e.Text, ',')
			}
			if column.IsValid(row) {
				e.Text = e.cells[i](e.Text, row)
			}
		}
		e.Text = append(e.Text, '\n')
		if err := e.Flush(); err != nil {
			return err
		}
	}
	clear(e.cells) // they hold the record
	e.rows += rec.NumRows()
	return nil
}

func appenderOf(column arrow.Array) (appender, error) {
	switch c := column.(type) {
	case *array.Boolean:
		return func(dst []byte, row int) []byte { return strconv.AppendBool(dst, c.Value(row)) }, nil
	case *array.Int32:
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, int64(c.Value(row)), 10) }, nil
	case *array.Int64:
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, c.Value(row), 10) }, nil
	case *array.Float64:
		return func(dst []byte, row int) []byte { return sinks.AppendReal(dst, c.Value(row)) }, nil
	case *array.String:
		return func(dst []byte, row int) []byte { return appendText(dst, c.Value(row)) }, nil
	}
	return nil, fmt.Errorf("values of the type %v cannot be written", column.DataType())
}

// appendText appends a text, in quotes where readers would else read another
// one: where it holds a comma, a quote or a line end, begins or ends with a
// space, or is empty and would be null.
func appendText(dst []byte, s string) []byte {
	if !needsQuotes(s) {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

func needsQuotes(s string) bool {
	if s == "" || isSpace(s[0]) || isSpace(s[len(s)-1]) {
		return true
	}
	for i := range len(s) {
		switch s[i] {
		case ',', '"', '\r', '\n':
			return true
		}
	}
	return false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
