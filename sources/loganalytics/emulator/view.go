package emulator

import (
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// rules are the circumstances of one query that decide what it sees.
type rules struct {
	now      pipeline.Tick
	holdBack bool      // hide rows that arrive later than now
	search   bool      // the search route
	order    *rand.PCG // nil keeps the order
	resource string    // only rows of this resource, in lower case; "" is all
	// workspace finds what workspace("name") means.
	workspace func(name string) ([]*Dataset, *failure)
}

// view is what one query sees: the datasets of its workspaces as they were
// when it began, in an order of its own. It is a kql.Database with functions
// and neighbours.
type view struct {
	rules
	snapshots []*snapshot

	mu     sync.Mutex
	tables map[string]*kql.Table
	plans  map[string]Plan // of the tables that have been asked for
	others []*view         // what workspace("...") reached
}

func newView(sets []*Dataset, r rules) *view {
	v := &view{rules: r, tables: make(map[string]*kql.Table), plans: make(map[string]Plan)}
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
		t := s.tables[name]
		if t == nil {
			continue
		}
		o := s.options[name]
		if v.plans[name] == "" || o.Plan == Basic || o.Plan == Auxiliary {
			v.plans[name] = or(o.Plan, Analytics)
		}
		found = merge(found, v.arrange(t, o))
	}
	if found != nil {
		found = v.shuffle(found)
	}
	v.tables[name] = found
	return found, found != nil
}

// Function implements kql.Library.
func (v *view) Function(name string) (parameters, body string, ok bool) {
	for _, s := range v.snapshots {
		if f, ok := s.functions[name]; ok && !v.search {
			return f.Parameters, f.Body, true
		}
	}
	return "", "", false
}

// Workspace implements kql.Federation.
func (v *view) Workspace(name string) (kql.Database, error) {
	sets, failed := v.workspace(name)
	if failed != nil {
		return nil, failed
	}
	other := newView(sets, v.rules)
	other.resource = ""
	v.mu.Lock()
	defer v.mu.Unlock()
	v.others = append(v.others, other)
	return other, nil
}

// read returns the tables that have been asked for, sorted.
func (v *view) read() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.plans))
}

// refusal says why the tables that the query read cannot be read like that.
func (v *view) refusal() *failure {
	v.mu.Lock()
	defer v.mu.Unlock()
	var cheap, full int
	for _, plan := range v.plans {
		if plan == Analytics {
			full++
		} else {
			cheap++
		}
	}
	for _, other := range v.others {
		if refused := other.refusal(); refused != nil {
			return refused
		}
	}
	switch {
	case !v.search && cheap > 0:
		return basicOnQuery()
	case v.search && (cheap > 1 || cheap+full > 6):
		return tooManyOnSearch()
	}
	return nil
}

// arrange hides rows that have not arrived, that are gone, or that belong to
// another resource.
func (v *view) arrange(t *kql.Table, o TableOptions) *kql.Table {
	oldest := pipeline.Tick(0)
	if o.Retention > 0 {
		oldest = back(v.now, int64(o.Retention/pipeline.TickSize))
	}
	if v.search && o.Plan == Basic {
		oldest = max(oldest, back(v.now, int64(basicReach)))
	}
	arrival := slices.IndexFunc(t.Columns, named(kql.IngestionColumn))
	when := slices.IndexFunc(t.Columns, named(kql.TimeColumn(t.Columns)))
	owner := slices.IndexFunc(t.Columns, named("_ResourceId"))
	if !v.holdBack && oldest == 0 && v.resource == "" {
		return t
	}
	seen := func(row []kql.Value) bool {
		if v.holdBack && arrival >= 0 {
			if at, ok := row[arrival].(pipeline.Tick); ok && at > v.now {
				return false
			}
		}
		if oldest > 0 && when >= 0 {
			if at, ok := row[when].(pipeline.Tick); ok && at < oldest {
				return false
			}
		}
		return v.resource == "" || owner >= 0 && ownedBy(row[owner], v.resource)
	}
	var rows [][]kql.Value
	for _, row := range t.Rows {
		if seen(row) {
			rows = append(rows, row)
		}
	}
	return &kql.Table{Name: t.Name, Columns: t.Columns, Rows: rows}
}

// ownedBy reports whether a row's _ResourceId is the resource or lies in it, as
// a machine lies in its resource group.
func ownedBy(id kql.Value, resource string) bool {
	s, _ := id.(string)
	s = strings.ToLower(s)
	return s == resource || strings.HasPrefix(s, resource+"/")
}

func (v *view) shuffle(t *kql.Table) *kql.Table {
	if v.order == nil {
		return t
	}
	rows := slices.Clone(t.Rows)
	rand.New(v.order).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
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
