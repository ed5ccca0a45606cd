package csv

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/kustash/kustash/sinks"
)

// Check implements sinks.Checker with the standard library's readers.
func (f *Format) Check(ctx context.Context, r io.ReaderAt, size int64, m sinks.Metadata) (int64, error) {
	text, err := sinks.ReadLines(r, size, f.zip)
	if err != nil {
		return 0, err
	}
	last := &lastByte{r: text}
	reader := csv.NewReader(last)
	reader.ReuseRecord = true
	reader.FieldsPerRecord = 0 // as many as in the first line
	if m.Columns != nil {
		reader.FieldsPerRecord = len(m.Columns)
	}
	if !strings.Contains(m.Format, noHeader) {
		if err := checkHeader(reader, m); err != nil {
			return 0, err
		}
	}
	bounds := sinks.BoundsOf(m)
	times := bounds.Column(m.Columns)
	for rows := int64(0); ; rows++ {
		if rows%1024 == 0 && ctx.Err() != nil {
			return rows, ctx.Err()
		}
		record, err := reader.Read()
		if err == io.EOF {
			if last.seen && last.byte != '\n' {
				return rows, fmt.Errorf("its last line has no end")
			}
			return rows, nil
		}
		if err != nil {
			return rows, fmt.Errorf("after %d rows: %w", rows, err)
		}
		if times >= 0 && record[times] != "" {
			if err := bounds.CheckText(record[times]); err != nil {
				return rows, fmt.Errorf("row %d: %w", rows+1, err)
			}
		}
	}
}

func checkHeader(reader *csv.Reader, m sinks.Metadata) error {
	names, err := reader.Read()
	if err == io.EOF {
		return fmt.Errorf("the line of column names is missing")
	}
	if err != nil {
		return fmt.Errorf("line of column names: %w", err)
	}
	for i, c := range m.Columns {
		if names[i] != c.FileName() {
			return fmt.Errorf("column %d is named %q, not %q", i+1, names[i], c.FileName())
		}
	}
	return nil
}

// lastByte remembers the last byte read: readers of CSV take a line that was
// cut short for a whole one.
type lastByte struct {
	r    io.Reader
	byte byte
	seen bool
}

func (l *lastByte) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if n > 0 {
		l.byte, l.seen = p[n-1], true
	}
	return n, err
}
