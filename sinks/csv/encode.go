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
	dialect
	formulas []bool // by column: whether its texts may be formulas
	rows     int64
	cells    []appender // of the record being written
}

// appender appends the field of a row that is not null.
type appender func(dst []byte, row int) []byte

// Write implements sinks.Encoder.
func (e *encoder) Write(rec arrow.Record) error {
	e.cells = e.cells[:0]
	for i, column := range rec.Columns() {
		cell, err := e.appenderOf(column, e.formulas[i])
		if err != nil {
			return fmt.Errorf("column %s: %w", rec.ColumnName(i), err)
		}
		e.cells = append(e.cells, cell)
	}
	for row := range int(rec.NumRows()) {
		if err := e.row(rec, row); err != nil {
			return err
		}
	}
	clear(e.cells) // they hold the record
	e.rows += rec.NumRows()
	return nil
}

func (e *encoder) row(rec arrow.Record, row int) error {
	columns := rec.Columns()
	if len(columns) == 1 && e.null == "" && columns[0].IsNull(row) {
		// Readers take an empty line for no row at all.
		return fmt.Errorf("column %s, row %d: a CSV file of one column cannot hold a null that is an empty field; set null, use the format parquet or jsonl, or project a second column",
			rec.ColumnName(0), e.rows+int64(row)+1)
	}
	for i, column := range columns {
		if i > 0 {
			e.Text = append(e.Text, e.delimiter)
		}
		if column.IsNull(row) {
			e.Text = append(e.Text, e.null...)
			continue
		}
		from := len(e.Text)
		e.Text = e.cells[i](e.Text, row)
		if e.null != "" && string(e.Text[from:]) == e.null { // a number such as NaN
			e.Text = e.appendField(e.Text[:from], e.null)
		}
	}
	e.Text = append(e.Text, '\n')
	if err := e.Flush(); err != nil {
		return fmt.Errorf("row %d: %w", e.rows+int64(row)+1, err)
	}
	return nil
}

func (e *encoder) appenderOf(column arrow.Array, formulas bool) (appender, error) {
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
		return func(dst []byte, row int) []byte { return e.appendField(dst, e.mark(c.Value(row), formulas)) }, nil
	}
	return nil, fmt.Errorf("values of the type %v cannot be written", column.DataType())
}
