package loganalytics

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/pipeline"
)

func (d *decoder) readTables() error {
	if c, err := d.next(); err != nil || c == 'n' {
		return d.skip(0)
	}
	return d.list(func() error {
		if d.answer.Tables++; d.answer.Tables > 1 {
			return d.skip(maxDepth)
		}
		if err := d.readTable(); err != nil {
			return err
		}
		return d.flush(true)
	})
}

// readTable takes the first table.
func (d *decoder) readTable() error {
	seen := once{}
	var early *spool // rows that came before the columns
	defer func() {
		if early != nil {
			early.close()
		}
	}()
	err := d.object(func(key []byte) (err error) {
		k := string(key)
		switch k {
		case "name", "columns", "rows":
			if err := seen.add(k); err != nil {
				return err
			}
		}
		switch {
		case k == "name":
			d.answer.Table, err = d.textMember()
		case k == "columns":
			err = d.readColumns()
		case k == "rows" && d.schema != nil:
			err = d.readRows()
		case k == "rows":
			early, err = d.spoolRows()
		default:
			err = d.skip(maxDepth)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !seen["columns"]:
		return fmt.Errorf("table %q has no list of columns", clipValue([]byte(d.answer.Table)))
	case !seen["rows"]:
		return fmt.Errorf("table %q has no list of rows", clipValue([]byte(d.answer.Table)))
	case early != nil:
		return d.readSpool(early)
	}
	return nil
}

func (d *decoder) readColumns() error {
	var schema pipeline.Schema
	err := d.list(func() error {
		c, err := d.readColumn(len(schema) + 1)
		if err != nil {
			return err
		}
		d.columns = append(d.columns, c)
		d.width += c.width
		schema = append(schema, c.Column)
		return nil
	})
	if err == nil {
		d.answer.Columns, d.schema = schema, schema.Arrow()
	}
	return err
}

func (d *decoder) readColumn(number int) (*column, error) {
	seen := once{}
	var name, kind string
	err := d.object(func(key []byte) (err error) {
		k := string(key)
		if k != "name" && k != "type" {
			return d.skip(maxDepth)
		}
		if err := seen.add(k); err != nil {
			return err
		}
		if k == "name" {
			name, err = d.textMember()
		} else {
			kind, err = d.textMember()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !seen["name"] || !seen["type"] {
		return nil, fmt.Errorf("column %d has no name or no type", number)
	}
	return newColumn(name, kind)
}

func (d *decoder) textMember() (string, error) {
	if err := d.open('"', "a text"); err != nil {
		return "", err
	}
	b, err := d.text()
	return string(b), err
}

func (d *decoder) readRows() error { return d.list(d.readRow) }

func (d *decoder) readRow() error {
	if _, err := d.next(); err != nil {
		return err
	}
	d.row++
	d.inRow = true
	if d.rows == 0 {
		for _, c := range d.columns {
			c.Reserve(d.expect)
		}
	}
	if err := d.readCells(); err != nil {
		return err
	}
	d.inRow = false
	d.rows++
	d.bytes += d.width
	if d.rows >= d.maxRows || d.bytes >= d.maxBytes {
		return d.flush(false)
	}
	return nil
}

func (d *decoder) readCells() error {
	if err := d.open('[', "a list"); err != nil {
		return d.inThisRow(err)
	}
	for i, c := range d.columns {
		first, err := d.next()
		if err != nil {
			return err
		}
		if first == ']' && i == 0 {
			return d.cellCount("0")
		}
		if err := d.readCell(c, first); err != nil {
			if err != d.err {
				err = fmt.Errorf("row %d, column %q (%s): %w", d.row, clipValue([]byte(c.Name)), c.Type, err)
			}
			return err
		}
		last := i == len(d.columns)-1
		if !last && d.buf[d.pos] == ',' {
			d.pos++
			continue
		}
		more, err := d.close(']')
		switch {
		case err != nil:
			return d.inThisRow(err)
		case more && last:
			return d.cellCount("more")
		case !more && !last:
			return d.cellCount(fmt.Sprint(i + 1))
		}
	}
	if len(d.columns) == 0 {
		return d.inThisRow(errors.New("the table has no columns"))
	}
	return nil
}

func (d *decoder) inThisRow(err error) error {
	if err == d.err {
		return err
	}
	return fmt.Errorf("row %d: %w", d.row, err)
}

func (d *decoder) cellCount(got string) error {
	return fmt.Errorf("row %d has %s cells, the table has %d columns", d.row, got, len(d.columns))
}

// flush hands the collected rows to emit, and if nothing has been handed over
// by the last flush, a record without rows.
func (d *decoder) flush(last bool) error {
	if len(d.columns) == 0 || d.rows == 0 && (!last || d.emitted) {
		return nil
	}
	arrays := make([]arrow.Array, len(d.columns))
	for i, c := range d.columns {
		arrays[i] = c.NewArray()
		defer arrays[i].Release()
	}
	record := array.NewRecord(d.schema, arrays, int64(d.rows))
	defer record.Release()
	if err := d.emit(record); err != nil {
		d.refused = true
		return err
	}
	d.answer.Rows += int64(d.rows)
	d.expect, d.rows, d.bytes, d.emitted = d.rows, 0, 0, true
	return nil
}

// spool is a temporary file.
type spool struct {
	file   *os.File
	remove bool // it still has a name
}

// spoolRows puts the rows of a table whose columns are not known yet aside:
// nothing says how many they are.
func (d *decoder) spoolRows() (*spool, error) {
	f, err := os.CreateTemp("", "kustash-rows-*")
	if err != nil {
		return nil, fmt.Errorf("put rows aside: %w", err)
	}
	s := &spool{file: f}
	s.remove = os.Remove(f.Name()) != nil // where an open file can lose its name, a crash leaves nothing
	w := bufio.NewWriter(f)
	d.begin()
	d.spill = w
	_, err = d.finish(d.skip(maxDepth + 2)) // the values are two lists deep
	d.spill = nil
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	return s, err
}

func (s *spool) close() {
	s.file.Close()
	if s.remove {
		os.Remove(s.file.Name())
	}
}

// readSpool reads rows that were put aside.
func (d *decoder) readSpool(s *spool) error {
	outer := d.jsonReader
	d.jsonReader = newJSONReader(s.file)
	d.textMax = outer.textMax
	err := d.readRows()
	if err != nil && err == d.err {
		err = fmt.Errorf("read the rows put aside: %w", err)
	}
	d.jsonReader = outer
	return err
}
