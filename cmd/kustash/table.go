package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
)

// table is a result for people: columns as wide as their values, long values
// cut.
type table struct {
	names  []string
	widths []int
	rows   [][]string
}

// maxCell is how many characters of a value a table shows.
const maxCell = 60

func (t *table) add(rec arrow.Record) error {
	if t.names == nil {
		for _, f := range rec.Schema().Fields() {
			t.names = append(t.names, f.Name)
			t.widths = append(t.widths, utf8.RuneCountInString(f.Name))
		}
	}
	for i := range int(rec.NumRows()) {
		row := make([]string, len(t.names))
		for c := range row {
			if !rec.Column(c).IsNull(i) {
				row[c] = cell(rec.Column(c).ValueStr(i))
			}
			t.widths[c] = max(t.widths[c], utf8.RuneCountInString(row[c]))
		}
		t.rows = append(t.rows, row)
	}
	return nil
}

// cell makes a value printable on one line: control characters would let a
// logged text act on the terminal.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > maxCell {
		return string(r[:maxCell-1]) + "…"
	}
	return s
}

// row adds a line of texts that are fit to print, the names of columns first.
func (t *table) row(cells ...string) {
	for i, c := range cells {
		if t.names == nil || i == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(c))
	}
	if t.names == nil {
		t.names = cells
		return
	}
	t.rows = append(t.rows, cells)
}

// print writes the table and the number of its rows.
func (t *table) print(w io.Writer) error {
	if err := t.lines(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "(%s)\n", count(len(t.rows), "row"))
	return err
}

// lines writes the table alone.
func (t *table) lines(w io.Writer) error {
	out := bufio.NewWriter(w)
	line := func(cells []string) {
		for i, c := range cells {
			if i > 0 {
				_, _ = out.WriteString("  ")
			}
			_, _ = out.WriteString(c)
			if i < len(cells)-1 {
				_, _ = out.WriteString(strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(c)))
			}
		}
		_, _ = out.WriteString("\n")
	}
	line(t.names)
	for _, row := range t.rows {
		line(row)
	}
	return out.Flush()
}
