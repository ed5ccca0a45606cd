package sinks

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/pipeline"
)

// Bounds holds the times of rows against the window of their slice. The zero
// value holds nothing against anything.
type Bounds struct {
	column     string
	start, end pipeline.Tick
}

// BoundsOf returns what the metadata of an object promises of its rows.
func BoundsOf(m Metadata) Bounds {
	return Bounds{m.TimeColumn, pipeline.TickOf(m.Start), pipeline.TickOf(m.End)}
}

// Column returns the index of the column that is held against the window; -1 if
// none is.
func (b Bounds) Column(columns pipeline.Schema) int {
	if b.column == "" {
		return -1
	}
	for i, c := range columns {
		if c.FileName() == b.column && c.Type == pipeline.Datetime {
			return i
		}
	}
	return -1
}

// Check returns an error that names column, time and window if the time of a
// row lies outside. The row is for the caller to name.
func (b Bounds) Check(at pipeline.Tick) error {
	if at >= b.start && at < b.end {
		return nil
	}
	return fmt.Errorf("%s is %s, outside of the slice %s … %s", b.column,
		at.Time().Format(pipeline.TimeLayout), pipeline.ShortTime(b.start.Time()), pipeline.ShortTime(b.end.Time()))
}

// CheckText is Check for a time as the service writes it.
func (b Bounds) CheckText(text string) error {
	at, err := pipeline.ParseTime(text)
	if err != nil {
		return fmt.Errorf("%s: %w", b.column, err)
	}
	return b.Check(at)
}

// promise finds out while an object is written whether its rows can be held
// against the slice later. A query's text may put anything into a column with
// the name of the time column, and rows are no worse for it: only an object that
// was written with the promise can be found to break it.
type promise struct {
	Bounds
	at     int // of the column in records; -1 if there is none
	broken bool
}

func newPromise(f pipeline.File) promise {
	p := promise{at: -1}
	if f.Ends == pipeline.Approximate {
		return p
	}
	for i, c := range f.Columns {
		if c.Name == f.Slice.Query.TimeColumn && c.Type == pipeline.Datetime {
			p.at = i
			p.Bounds = Bounds{c.FileName(), pipeline.TickOf(f.Slice.Window.Start), pipeline.TickOf(f.Slice.Window.End)}
		}
	}
	return p
}

// look takes note of the rows of a record. A null is a time of no row, which
// lies nowhere.
func (p *promise) look(rec arrow.Record) {
	if p.at < 0 || p.broken {
		return
	}
	times, ok := rec.Column(p.at).(*array.String)
	if !ok {
		p.broken = true
		return
	}
	for row := range times.Len() {
		if times.IsNull(row) {
			continue
		}
		if at, err := pipeline.ParseTime(times.Value(row)); err != nil || at < p.start || at >= p.end {
			p.broken = true
			return
		}
	}
}

// column returns the column that the object may promise to keep to the window.
func (p *promise) column() string {
	if p.at < 0 || p.broken {
		return ""
	}
	return p.Bounds.column
}
