package emulator

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// view is what one query sees: the datasets of its workspaces as they were
// when it began, in an order of its own. It is a kql.Database.
type view struct {
	snapshots []*snapshot
	until     *pipeline.Tick // hides rows that arrive later
	order     *rand.PCG      // nil keeps the order

	mu     sync.Mutex
	tables map[string]*kql.Table
}

func newView(sets []*Dataset) *view {
	v := &view{tables: make(map[string]*kql.Table)}
	for _, s := range sets {
		v.snapshots = append(v.snapshots, s.snapshot())
	}
	return v
}

// Tables implements kql.Database.
func (v *view) Tables() []string {
	var names []string
	for _, s := range v.snapshots {
		names = append(names, s.names...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Table implements kql.Database.
func (v *view) Table(name string) (*kql.Table, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t, ok := v.tables[name]; ok {
		return t, t != nil
	}
	var found *kql.Table
	for _, s := range v.snapshots {
		if t := s.tables[name]; t != nil {
			found = merge(found, t)
		}
	}
	if found != nil {
		found = v.arrange(found)
	}
	v.tables[name] = found
	return found, found != nil
}

// rows returns how many rows the tables hold that have been asked for.
func (v *view) rows() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	var n int64
	for _, t := range v.tables {
		if t != nil {
			n += int64(len(t.Rows))
		}
	}
	return n
}

// arrange hides rows that have not arrived and shuffles the others.
func (v *view) arrange(t *kql.Table) *kql.Table {
	if v.until == nil && v.order == nil {
		return t
	}
	rows := make([][]kql.Value, 0, len(t.Rows))
	arrival := slices.IndexFunc(t.Columns, func(c kql.Column) bool { return c.Name == kql.IngestionColumn })
	for _, row := range t.Rows {
		if v.until != nil && arrival >= 0 {
			if at, ok := row[arrival].(pipeline.Tick); ok && at > *v.until {
				continue
			}
		}
		rows = append(rows, row)
	}
	if v.order != nil {
		rand.New(v.order).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	return &kql.Table{Name: t.Name, Columns: t.Columns, Rows: rows}
}

// merge puts the rows of b under those of a. A column is the same if name and
// type are; what a row lacks is empty.
func merge(a, b *kql.Table) *kql.Table {
	if a == nil {
		return b
	}
	columns := slices.Clone(a.Columns)
	place := make([]int, len(b.Columns))
	for i, c := range b.Columns {
		place[i] = slices.IndexFunc(columns, func(o kql.Column) bool { return o.Name == c.Name && o.Type == c.Type })
		if place[i] < 0 {
			place[i] = len(columns)
			columns = append(columns, c)
		}
	}
	rows := make([][]kql.Value, 0, len(a.Rows)+len(b.Rows))
	for _, row := range a.Rows {
		rows = append(rows, append(slices.Clone(row), emptyRow(columns[len(row):])...))
	}
	for _, row := range b.Rows {
		wide := emptyRow(columns)
		for i, v := range row {
			wide[place[i]] = v
		}
		rows = append(rows, wide)
	}
	return &kql.Table{Name: a.Name, Columns: columns, Rows: rows}
}

// emptyRow has "" for strings and null for everything else.
func emptyRow(columns []kql.Column) []kql.Value {
	row := make([]kql.Value, len(columns))
	for i, c := range columns {
		if c.Type == pipeline.String {
			row[i] = ""
		}
	}
	return row
}

// orders gives each query an order of rows: the same seed and the same history
// of that query give the same order, and a repetition gives another.
type orders struct {
	seed uint64

	mu   sync.Mutex
	past map[uint64]uint64
}

func newOrders(seed uint64) *orders { return &orders{seed: seed, past: make(map[uint64]uint64)} }

func (o *orders) next(parts ...string) *rand.PCG {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	name := h.Sum64()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.past[name]++
	return rand.NewPCG(o.seed^name, o.past[name])
}
