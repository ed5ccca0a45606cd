package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

const (
	timeGenerated = "TimeGenerated"
	itemIDColumn  = "_ItemId"
)

// usualDelay is how long after its time a row arrives that does not say.
const usualDelay = pipeline.Tick(2 * ticksMinute)

// Dataset is a set of tables and saved functions. It is safe for concurrent
// use, also while an Emulator serves it: a query sees the tables as they were
// when it began.
//
// The zero value has none. Every table has two hidden columns that a query must
// name to see: _ItemId, unique and stable unless Configure says otherwise, and
// kql.IngestionColumn, which ingestion_time() reads. They are added where they
// are missing: an id made of table name and row number, and TimeGenerated plus
// two minutes.
type Dataset struct {
	now atomic.Pointer[snapshot]
	mu  sync.Mutex // of writers
}

// snapshot is one state of a Dataset. It is never changed.
type snapshot struct {
	names     []string // of tables, sorted
	tables    map[string]*kql.Table
	options   map[string]TableOptions
	functions map[string]Function

	known     sync.Once
	resources map[string]bool // what resourceIDs found
}

// Row is a row by its columns. A value is one of the Go types of kql.Value, or
// one of those that reading JSON gives: text, float64, json.Number,
// json.RawMessage, bool, nil; int and time.Time are taken too. A column left
// out is "" if it is a string, else null. "_ItemId" and "$ingestion" may be
// given: a late row is one whose $ingestion is much later than its
// TimeGenerated.
type Row map[string]any

// NewDataset returns a dataset without tables.
func NewDataset() *Dataset { return &Dataset{} }

func (d *Dataset) snapshot() *snapshot {
	if s := d.now.Load(); s != nil {
		return s
	}
	return &snapshot{}
}

// Tables returns the names of the tables, sorted.
func (d *Dataset) Tables() []string { return slices.Clone(d.snapshot().names) }

// Table returns the table of exactly this name as it is now. Neither it nor
// its rows may be changed.
func (d *Dataset) Table(name string) (*kql.Table, bool) {
	t, ok := d.snapshot().tables[name]
	return t, ok
}

// Add puts a table into the dataset, in place of one of the same name. Rows
// must have a value of the right type for each column. The rows are copied;
// their values are not.
func (d *Dataset) Add(t *kql.Table) error {
	table, err := complete(t)
	if err != nil {
		return fmt.Errorf("add table %s: %w", t.Name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.publish(func(s *snapshot) {
		s.tables[t.Name] = table
		delete(s.options, t.Name)
	})
	return nil
}

// Append adds rows to a table, all of them or, with an error, none. Queries
// that begin after it returns see them.
func (d *Dataset) Append(name string, rows ...Row) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old, ok := d.snapshot().tables[name]
	if !ok {
		return fmt.Errorf("append to table %s: there is no such table", name)
	}
	add := newFiller(old, d.snapshot().options[name].ItemID)
	for i, row := range rows {
		cells, err := add.row(row)
		if err != nil {
			return fmt.Errorf("append to table %s: row %d: %w", name, i+1, err)
		}
		old = &kql.Table{Name: name, Columns: old.Columns, Rows: append(old.Rows, cells)}
	}
	d.publish(func(s *snapshot) { s.tables[name] = old })
	return nil
}

// hiddenColumn reports whether the service leaves a column out unless it is
// named. _ResourceId is not among them.
func hiddenColumn(name string) bool {
	switch name {
	case itemIDColumn, kql.IngestionColumn, "_BilledSize", "_IsBillable", "_SubscriptionId", "_TimeReceived":
		return true
	}
	return false
}

// withHidden adds the columns that every table has.
func withHidden(columns []kql.Column, kind ItemID) []kql.Column {
	columns = slices.Clone(columns)
	if kind != ItemIDAbsent && !slices.ContainsFunc(columns, named(itemIDColumn)) {
		columns = append(columns, kql.Column{Name: itemIDColumn, Type: pipeline.String, Hidden: true})
	}
	if !slices.ContainsFunc(columns, named(kql.IngestionColumn)) {
		columns = append(columns, kql.Column{Name: kql.IngestionColumn, Type: pipeline.Datetime, Hidden: true})
	}
	return columns
}

func named(name string) func(kql.Column) bool {
	return func(c kql.Column) bool { return c.Name == name }
}

// complete checks a table and returns a copy with the hidden columns.
func complete(t *kql.Table) (*kql.Table, error) {
	if err := checkColumns(t.Columns); err != nil {
		return nil, err
	}
	if t.Name == "" {
		return nil, fmt.Errorf("it has no name")
	}
	out := &kql.Table{Name: t.Name, Columns: withHidden(t.Columns, ItemIDHidden), Rows: make([][]kql.Value, len(t.Rows))}
	add := newFiller(out, ItemIDHidden)
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return nil, fmt.Errorf("row %d has %d values for %d columns", i+1, len(row), len(t.Columns))
		}
		cells := append(slices.Clone(row), make([]kql.Value, len(out.Columns)-len(row))...)
		for n, c := range t.Columns {
			if !fits(row[n], c.Type) {
				return nil, fmt.Errorf("row %d: column %s: a %T is not a %s", i+1, c.Name, row[n], c.Type)
			}
			if row[n] == nil && c.Type == pipeline.String {
				cells[n] = ""
			}
		}
		add.hidden(cells, i)
		out.Rows[i] = cells
	}
	return out, nil
}

func checkColumns(columns []kql.Column) error {
	seen := make(map[string]bool)
	for _, c := range columns {
		switch {
		case c.Name == "":
			return fmt.Errorf("a column has no name")
		case seen[c.Name]:
			return fmt.Errorf("column %s is there twice", c.Name)
		case !c.Type.Valid():
			return fmt.Errorf("column %s: %q is not a type of KQL", c.Name, c.Type)
		}
		seen[c.Name] = true
	}
	return nil
}

// filler makes rows of a table.
type filler struct {
	table  *kql.Table
	empty  []kql.Value
	place  map[string]int
	time   int // places; -1 if there is none
	id     int
	arrive int
	rows   int
}

func newFiller(t *kql.Table, kind ItemID) *filler {
	f := &filler{table: t, empty: emptyRow(t.Columns), place: make(map[string]int, len(t.Columns)),
		time: -1, id: -1, arrive: -1, rows: len(t.Rows)}
	for i, c := range t.Columns {
		f.place[c.Name] = i
		switch {
		case c.Name == timeGenerated:
			f.time = i
		case c.Name == itemIDColumn && c.Type == pipeline.String && kind == ItemIDHidden:
			f.id = i
		case c.Name == kql.IngestionColumn && c.Type == pipeline.Datetime:
			f.arrive = i
		}
	}
	return f
}

// blank returns a row without values, for set and then finish.
func (f *filler) blank() []kql.Value { return slices.Clone(f.empty) }

func (f *filler) set(cells []kql.Value, key string, v any) error {
	at, ok := f.place[key]
	if !ok {
		return fmt.Errorf("column %s: the table has no such column", key)
	}
	value, err := convert(v, f.table.Columns[at].Type)
	if err != nil {
		return fmt.Errorf("column %s: %w", key, err)
	}
	cells[at] = value
	return nil
}

// finish completes a row and counts it.
func (f *filler) finish(cells []kql.Value) []kql.Value {
	f.hidden(cells, f.rows)
	f.rows++
	return cells
}

// row converts a row. Of several faults it names the first by column.
func (f *filler) row(row Row) ([]kql.Value, error) {
	cells := f.blank()
	for key, v := range row {
		if f.set(cells, key, v) == nil {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(row)) {
			if err := f.set(cells, key, row[key]); err != nil {
				return nil, err
			}
		}
	}
	return f.finish(cells), nil
}

// hidden fills in id and arrival where a row does not bring them.
func (f *filler) hidden(cells []kql.Value, number int) {
	if f.id >= 0 && (cells[f.id] == nil || cells[f.id] == "") {
		cells[f.id] = itemID(f.table.Name, number)
	}
	if f.arrive < 0 || f.time < 0 || cells[f.arrive] != nil {
		return
	}
	if at, ok := cells[f.time].(pipeline.Tick); ok {
		cells[f.arrive] = min(at+usualDelay, pipeline.MaxTick)
	}
}

// itemID is the id of the row with that number, counted from 0.
func itemID(table string, number int) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(table+"/"+strconv.Itoa(number))).String()
}
