package parquet

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/sinktest"
)

// fileColumns gives columns their names in files, as an answer's get them.
func fileColumns(columns ...pipeline.Column) pipeline.Schema {
	named, _ := pipeline.Schema(nil).Extend(columns, false)
	return named
}

func nullsOf(columns pipeline.Schema, n int) []sinktest.Row {
	return slices.Repeat([]sinktest.Row{make(sinktest.Row, len(columns))}, n)
}

// Tables of every shape come back through both libraries as they were written.
func TestShapes(t *testing.T) {
	type shape struct {
		columns   pipeline.Schema
		rows      []sinktest.Row
		perRecord int
		groupSize int64
	}
	shapes := map[string]shape{
		"no rows":   {columns: sinktest.Columns},
		"all null":  {columns: sinktest.Columns, rows: nullsOf(sinktest.Columns, 9000), perRecord: 2500},
		"extremes":  {columns: sinktest.Columns, rows: sinktest.Extremes()},
		"groups":    {columns: sinktest.Columns, rows: sinktest.RandomRows(150, 8), perRecord: 7, groupSize: 1},
		"one group": {columns: sinktest.Columns, rows: sinktest.RandomRows(9000, 9), perRecord: 9000},
	}

	many := shape{perRecord: 100}
	for i := range 500 {
		types := []pipeline.Type{pipeline.Bool, pipeline.Int, pipeline.Long, pipeline.Real, pipeline.Decimal, pipeline.String, pipeline.Datetime, pipeline.Timespan}
		many.columns = append(many.columns, pipeline.Column{Name: fmt.Sprintf("c%d", i), Type: types[i%len(types)]})
	}
	for n := range 300 {
		var row sinktest.Row
		for i := range many.columns {
			values := []any{n%2 == 0, int32(n), int64(n * i), float64(n) / 3, fmt.Sprintf("%d.%d", n, i), fmt.Sprint("text ", n%7), fmt.Sprintf("2026-01-01T00:00:00.%07dZ", n*i), fmt.Sprintf("00:00:00.%07d", n)}
			value := values[i%len(values)]
			if (n+i)%5 == 0 {
				value = nil
			}
			row = append(row, value)
		}
		many.rows = append(many.rows, row)
	}
	shapes["500 columns"] = many

	large := shape{columns: fileColumns(pipeline.Column{Name: "a", Type: pipeline.String}, pipeline.Column{Name: "b", Type: pipeline.Dynamic}, pipeline.Column{Name: "n", Type: pipeline.Long}), perRecord: 10}
	for i := range 8 {
		large.rows = append(large.rows, sinktest.Row{strings.Repeat(string(rune('a'+i)), 1<<20), `"` + strings.Repeat("é", 1<<19) + `"`, int64(i)})
	}
	large.rows[5][0], large.rows[6][1] = nil, ""
	shapes["cells of 1 MB"] = large

	narrow := shape{columns: fileColumns(pipeline.Column{Name: "n", Type: pipeline.Long}, pipeline.Column{Name: "b", Type: pipeline.Bool}, pipeline.Column{Name: "s", Type: pipeline.String}), perRecord: 16384}
	for i := range 100_000 {
		row := sinktest.Row{int64(i), i%3 == 0, fmt.Sprint(i % 1000)}
		if i%17 == 0 {
			row[i%3] = nil
		}
		narrow.rows = append(narrow.rows, row)
	}
	shapes["100,000 narrow rows"] = narrow

	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			for _, compression := range []string{"zstd", "none"} {
				f := formatOf(t, Options{Compression: compression})
				if s.groupSize > 0 {
					f.groupSize = s.groupSize
				}
				data := written(t, f, s.columns, s.rows, max(s.perRecord, 1))
				readByAll(t, f, data, s.columns, s.rows)
			}
		})
	}
}

// Row groups have a number of 16 bits.
func TestVeryManyRowGroups(t *testing.T) {
	columns := pipeline.Schema{{Name: "n", Type: pipeline.Long}}
	f := formatOf(t, Options{})
	f.groupSize = 1
	rows := make([]sinktest.Row, 2000)
	for i := range rows {
		rows[i] = sinktest.Row{int64(i)}
	}
	data := written(t, f, columns, rows, 1)
	footer, err := readFooter(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(footer.RowGroups) != len(rows) {
		t.Fatalf("%d row groups, %v, want %d", len(footer.RowGroups), err, len(rows))
	}
	readByAll(t, f, data, columns, rows)

	e, err := f.NewEncoder(new(bytes.Buffer), columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	e.(*encoder).file.groups = 1<<15 - 1
	for n := range 2 {
		if err = e.Write(sinktest.Record(columns, rows[:1])); n == 0 && err != nil {
			t.Errorf("the last row group: %v", err)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "more than 32768 row groups") {
		t.Errorf("one row group more: %v, want an error", err)
	}
}

// A row group ends near the size that it is meant to have, however many rows
// come at once.
func TestSizeOfRowGroups(t *testing.T) {
	columns := pipeline.Schema{{Name: "s", Type: pipeline.String}}
	for _, width := range []int{10, 1000, 100_000} {
		for _, perRecord := range []int{10, 100_000} {
			f := formatOf(t, Options{})
			f.groupSize = 1 << 20
			rows := make([]sinktest.Row, 5<<20/(width+8))
			for i := range rows {
				rows[i] = sinktest.Row{fmt.Sprintf("%0*d", width, i)}
			}
			data := written(t, f, columns, rows, perRecord)
			footer, err := readFooter(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			for i, group := range footer.RowGroups[:len(footer.RowGroups)-1] {
				if group.TotalByteSize < group.NumRows*int64(width) {
					t.Errorf("rows of %d bytes: row group %d says that it has %d bytes before compression", width, i+1, group.TotalByteSize)
				}
				if size := group.NumRows * int64(width+8); size < f.groupSize || size > f.groupSize*5/4 {
					t.Errorf("rows of %d bytes, %d a record: row group %d has %d bytes, want near %d", width, perRecord, i+1, size, f.groupSize)
				}
			}
		}
	}
}

// Whatever columns are called, every column of a file has a name of its own,
// ignoring case, and says whose it is.
func TestNames(t *testing.T) {
	datetime := func(name string) pipeline.Column { return pipeline.Column{Name: name, Type: pipeline.Datetime} }
	text := func(name string) pipeline.Column { return pipeline.Column{Name: name, Type: pipeline.String} }
	columns := fileColumns(
		text("same"), text("SAME"), text("Same"),
		datetime("X"), text("x_100NS"), text("X_100ns_2"), datetime("x"),
		datetime("y_100ns"), datetime("y"),
		text("a.b"), text("a"), text("a.b.c"), text(" blank "), text("tab\tand\nline"),
		text(`double " and single '`), text("back`tick\\"), text("[0]"), text("🚀 日本語"), text("é"), text("e\u0301"),
		text("%s"), text("schema"), text("list.element"), text(""), datetime(" "), text(strings.Repeat("long", 500)),
	)
	var rows []sinktest.Row
	for n := range 50 {
		var row sinktest.Row
		for i, c := range columns {
			value := any(fmt.Sprintf("%d of %q", n, c.Name))
			if c.Type == pipeline.Datetime {
				value = fmt.Sprintf("2026-01-%02dT00:00:00.%07dZ", i+1, n)
			}
			row = append(row, value)
		}
		rows = append(rows, row)
	}
	f := formatOf(t, Options{})
	data := written(t, f, columns, rows, 20)
	readByAll(t, f, data, columns, rows)

	got, schema := byArrow(t, data)
	seen := make(map[string]string)
	for _, name := range got.names {
		if other, ok := seen[strings.ToLower(name)]; ok {
			t.Errorf("two columns are named %q and %q", other, name)
		}
		seen[strings.ToLower(name)] = name
	}
	for name, of := range map[string]string{"X_100ns": "X", "x_2_100ns": "x_2", "y_100ns_100ns": "y_100ns", "y_100ns_2": "y"} {
		fields, ok := schema.FieldsByName(name)
		if !ok {
			t.Errorf("no column %s among %q", name, got.names)
			continue
		}
		if v, _ := fields[0].Metadata.GetValue("kustash.digits_of"); v != of {
			t.Errorf("column %s says that it has the digits of %q, want %q", name, v, of)
		}
	}
	for _, c := range columns {
		fields, ok := schema.FieldsByName(c.FileName())
		if !ok {
			t.Fatalf("no column %q", c.FileName())
		}
		if v, _ := fields[0].Metadata.GetValue("kql.name"); v != "" && v != c.Name || v == "" && c.As != "" {
			t.Errorf("column %q says that the service calls it %q, want %q", c.FileName(), v, c.Name)
		}
	}
}

// Files of one query from before and after its columns changed can be read as
// one table: a name has one type in all of them.
func TestGenerationsReadTogether(t *testing.T) {
	first := pipeline.Schema{{Name: "at", Type: pipeline.Datetime}, {Name: "Code", Type: pipeline.Int}, {Name: "gone", Type: pipeline.Real}}
	second := pipeline.Schema{{Name: "new", Type: pipeline.Bool}, {Name: "Code", Type: pipeline.String}, {Name: "at", Type: pipeline.Datetime}}
	third := pipeline.Schema{{Name: "Code", Type: pipeline.Int}, {Name: "at", Type: pipeline.Datetime}}
	values := map[pipeline.Type]any{pipeline.Datetime: "2026-01-01T00:00:00.1234567Z", pipeline.Int: int32(404), pipeline.Real: 0.5, pipeline.Bool: true, pipeline.String: "E404"}

	f := formatOf(t, Options{})
	var known, columns pipeline.Schema
	types := make(map[string]string)
	union := make(map[string][]any)
	for _, answer := range []pipeline.Schema{first, second, third} {
		columns, known = known.Extend(answer, false)
		var row sinktest.Row
		for _, c := range columns {
			row = append(row, values[c.Type])
		}
		data := written(t, f, columns, []sinktest.Row{row}, 1)
		readByAll(t, f, data, columns, []sinktest.Row{row})
		got, schema := byArrow(t, data)
		for i, name := range got.names {
			ty := schema.Field(i).Type.String()
			if before := types[name]; before != "" && before != ty {
				t.Errorf("column %s is %s in one file and %s in another", name, before, ty)
			}
			types[name] = ty
			union[name] = append(union[name], got.cells[i]...)
		}
	}
	want := map[string][]any{
		"at": {int64(1767225600123456), int64(1767225600123456), int64(1767225600123456)}, "at_100ns": {int64(7), int64(7), int64(7)},
		"Code": {int64(404), int64(404)}, "Code_string": {"E404"}, "gone": {uint64(0x3fe0000000000000)}, "new": {true},
	}
	if fmt.Sprint(union) != fmt.Sprint(want) {
		t.Errorf("the files together hold\n%v\nwant\n%v", union, want)
	}
}

// A dictionary that is given up with the last rows of a page leaves no page
// without values.
func TestDictionaryGivenUpWithPage(t *testing.T) {
	columns := pipeline.Schema{{Name: "s", Type: pipeline.String}}
	for width := 2040; width < 2060; width += 2 {
		rows := make([]sinktest.Row, pageRows+10)
		for i := range rows {
			rows[i] = sinktest.Row{fmt.Sprint(i % 9)}
			if i >= pageRows-512 {
				rows[i][0] = fmt.Sprintf("%0*d", width, i)
			}
		}
		f := formatOf(t, Options{})
		readByAll(t, f, written(t, f, columns, rows, pageRows), columns, rows)
	}
}

// A file with a column of one type is none with a column of another, unless the
// files of both look alike.
func TestCheckTellsTypesApart(t *testing.T) {
	const text, number = "text", "number"
	alike := map[pipeline.Type]string{
		pipeline.String: text, pipeline.GUID: text, pipeline.Dynamic: text, pipeline.Decimal: text,
		pipeline.Long: number, pipeline.Timespan: number,
		pipeline.Bool: "bool", pipeline.Int: "int", pipeline.Real: "real", pipeline.Datetime: "datetime",
	}
	f := formatOf(t, Options{})
	for as := range alike {
		data := written(t, f, pipeline.Schema{{Name: "x", Type: as}}, []sinktest.Row{{nil}}, 1)
		for want := range alike {
			columns := pipeline.Schema{{Name: "x", Type: want}}
			_, err := f.Check(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns})
			// A datetime may be text.
			good := alike[as] == alike[want] || alike[as] == text && want == pipeline.Datetime
			if (err == nil) != good {
				t.Errorf("a file of a %s, taken for one of a %s: %v, want an error: %v", as, want, err, !good)
			}
		}
	}
	for _, way := range []string{"ns", "string"} { // without the digits, only the type tells them apart
		data := written(t, formatOf(t, Options{Datetime: way}), pipeline.Schema{{Name: "x", Type: pipeline.Datetime}}, []sinktest.Row{{nil}}, 1)
		columns := pipeline.Schema{{Name: "x", Type: pipeline.Long}}
		if _, err := f.Check(t.Context(), bytes.NewReader(data), int64(len(data)), sinks.Metadata{Columns: columns}); err == nil {
			t.Errorf("a datetime kept as %s was taken for a long", way)
		}
	}
}
