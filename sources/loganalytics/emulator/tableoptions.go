package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// Plan is what a workspace pays for a table, which decides how it is queried.
type Plan string

// The plans. Tables of the latter two are refused on the query route and read
// on the search route, Basic ones there for the last 30 days only.
const (
	Analytics Plan = "Analytics" // also if empty
	Basic     Plan = "Basic"
	Auxiliary Plan = "Auxiliary"
)

// basicReach is how far back the rows of a Basic table can be read.
const basicReach = pipeline.Tick(30 * ticksDay)

// ItemID says what a table knows of the ids of its rows.
type ItemID string

// The kinds of ids. A client may rely on none of them.
const (
	ItemIDHidden ItemID = ""       // unique and stable, in a column that a query must name
	ItemIDAbsent ItemID = "absent" // there is no such column
	ItemIDEmpty  ItemID = "empty"  // the column is there and holds "" unless a row brings an id
)

// TableOptions are how the service treats a table.
type TableOptions struct {
	// Plan is Analytics if empty.
	Plan Plan
	// Retention is how long before Now a row is gone by its time. Zero keeps all.
	Retention time.Duration
	// ItemID is the kind of the column _ItemId.
	ItemID ItemID
}

func (o TableOptions) check() error {
	switch o.Plan {
	case "", Analytics, Basic, Auxiliary:
	default:
		return fmt.Errorf("plan %q is not Analytics, Basic or Auxiliary", o.Plan)
	}
	switch o.ItemID {
	case ItemIDHidden, ItemIDAbsent, ItemIDEmpty:
	default:
		return fmt.Errorf("item id %q is not absent, empty or left out", o.ItemID)
	}
	if o.Retention < 0 {
		return fmt.Errorf("retention %s is negative", o.Retention)
	}
	return nil
}

// Configure sets the options of a table. Add, for a table of that name, resets
// them. A change of ItemID takes the ids of all rows away or makes new ones.
func (d *Dataset) Configure(table string, o TableOptions) error {
	if err := o.check(); err != nil {
		return fmt.Errorf("configure table %s: %w", table, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old, ok := d.snapshot().tables[table]
	if !ok {
		return fmt.Errorf("configure table %s: there is no such table", table)
	}
	if d.snapshot().options[table].ItemID != o.ItemID {
		old = withIDs(old, o.ItemID)
	}
	d.publish(func(s *snapshot) {
		s.tables[table], s.options[table] = old, o
	})
	return nil
}

// Options returns the options of a table.
func (d *Dataset) Options(table string) TableOptions { return d.snapshot().options[table] }

// withIDs copies a table with ids of another kind.
func withIDs(t *kql.Table, kind ItemID) *kql.Table {
	columns := slices.DeleteFunc(slices.Clone(t.Columns), named(itemIDColumn))
	at := slices.IndexFunc(t.Columns, named(itemIDColumn))
	out := &kql.Table{Name: t.Name, Columns: withHidden(columns, kind), Rows: make([][]kql.Value, len(t.Rows))}
	add := newFiller(out, kind)
	for n, row := range t.Rows {
		cells := slices.Clone(row)
		if at >= 0 {
			cells = slices.Delete(cells, at, at+1)
		}
		if kind != ItemIDAbsent {
			// withHidden appends it where the ingestion time is there already.
			cells = append(cells, "")
			add.hidden(cells, n)
		}
		out.Rows[n] = cells
	}
	return out
}

// Function is a function that a workspace has saved.
type Function struct {
	Name string
	// Parameters are as they stand between the parentheses of a declaration:
	// "host:string, most:long = 10". Body is KQL that sees them, tables and other
	// saved functions.
	Parameters, Body string
}

// AddFunction saves a function, in place of one of the same name.
func (d *Dataset) AddFunction(f Function) error {
	text := f.Body
	if f.Parameters != "" {
		text = "(" + f.Parameters + ") {" + f.Body + "\n}"
	}
	if f.Name == "" || strings.ContainsAny(f.Name, " .()'\"[]|;,") {
		return fmt.Errorf("add function %s: it is not a name", f.Name)
	}
	if _, _, err := kql.SplitFunction(text); err != nil {
		return fmt.Errorf("add function %s: %w", f.Name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.publish(func(s *snapshot) { s.functions[f.Name] = f })
	return nil
}

// Functions returns the saved functions, sorted by name.
func (d *Dataset) Functions() []Function {
	s := d.snapshot()
	var list []Function
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		list = append(list, s.functions[name])
	}
	return list
}

// publish makes a new state out of a copy of the one there is. The mutex is
// held.
func (d *Dataset) publish(change func(*snapshot)) {
	old := d.snapshot()
	s := &snapshot{
		tables:    make(map[string]*kql.Table, len(old.tables)+1),
		options:   make(map[string]TableOptions, len(old.options)+1),
		functions: make(map[string]Function, len(old.functions)+1),
	}
	maps.Copy(s.tables, old.tables)
	maps.Copy(s.options, old.options)
	maps.Copy(s.functions, old.functions)
	change(s)
	s.names = slices.Sorted(maps.Keys(s.tables))
	d.now.Store(s)
}
