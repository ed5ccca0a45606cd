package loganalytics

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/pipeline"
)

// trim returns an emit that hands on the rows of the slice alone.
func trim(sl pipeline.Slice, told bool, emit func(arrow.Record) error) func(arrow.Record) error {
	t := trimmer{column: timeColumn(sl.Query), window: sl.Window, emit: emit, told: told, assumed: sl.Query.AssumeSliceable}
	return t.write
}

// trimmer drops rows outside of a window, for queries whose reads the
// service's own, wider filter alone reaches.
type trimmer struct {
	column  string
	window  pipeline.Window
	emit    func(arrow.Record) error
	told    bool // the column is the time of the rows
	assumed bool // the author says that slices are right without their ends
	emitted bool
}

func (t *trimmer) write(rec arrow.Record) error {
	at := -1
	for i, f := range rec.Schema().Fields() {
		if kind, _ := f.Metadata.GetValue(pipeline.TypeKey); t.told && f.Name == t.column && kind == string(pipeline.Datetime) {
			at = i
		}
	}
	switch {
	case at < 0 && t.assumed:
		return t.approximate(rec)
	case at < 0:
		return fmt.Errorf("%w: it reads more than plain tables, so rows at the ends of a slice have to be told by %s, which its result lacks or has another time in; "+
			"keep that column, or use %s and %s in the query", pipeline.ErrQuery, t.column, startName, endName)
	}
	times := rec.Column(at).(*array.String)
	start, end := pipeline.TickOf(t.window.Start), pipeline.TickOf(t.window.End)
	inside := func(i int) bool {
		if times.IsNull(i) {
			return false
		}
		tick, err := pipeline.ParseTime(times.Value(i))
		return err == nil && tick >= start && tick < end
	}
	for i, n := 0, int(rec.NumRows()); i < n; {
		from := i
		for i < n && inside(i) {
			i++
		}
		if i > from {
			if err := t.pass(rec, from, i); err != nil {
				return err
			}
		}
		for i < n && !inside(i) {
			i++
		}
	}
	if !t.emitted {
		return t.pass(rec, 0, 0)
	}
	return nil
}

// approximate hands on all rows and says that their ends are not sure.
func (t *trimmer) approximate(rec arrow.Record) error {
	marked := arrow.NewMetadata([]string{pipeline.EndsKey}, []string{string(pipeline.Approximate)})
	rows := array.NewRecord(arrow.NewSchema(rec.Schema().Fields(), &marked), rec.Columns(), rec.NumRows())
	defer rows.Release()
	return t.emit(rows)
}

func (t *trimmer) pass(rec arrow.Record, from, to int) error {
	t.emitted = true
	rows := rec.NewSlice(int64(from), int64(to))
	defer rows.Release()
	return t.emit(rows)
}
