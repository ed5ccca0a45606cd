package emulator

import (
	"fmt"
	"slices"

	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// Alter gives a table other columns, in this order. Queries that begin after it
// returns see them. A row keeps its values in columns of the same name and
// type; in a column that is new or of another type it has none, which is "" for
// string and null for all else. _ItemId and kql.IngestionColumn stay whether
// they are named or not. With an error nothing has changed.
func (d *Dataset) Alter(name string, columns ...kql.Column) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old, ok := d.snapshot().tables[name]
	if !ok {
		return fmt.Errorf("alter table %s: there is no such table", name)
	}
	columns = slices.Clone(columns)
	for _, hidden := range []string{itemIDColumn, kql.IngestionColumn} {
		if at := slices.IndexFunc(old.Columns, named(hidden)); at >= 0 && !slices.ContainsFunc(columns, named(hidden)) {
			columns = append(columns, old.Columns[at])
		}
	}
	if err := checkColumns(columns); err != nil {
		return fmt.Errorf("alter table %s: %w", name, err)
	}
	from := make([]int, len(columns)) // place in old; -1 for none
	for i, c := range columns {
		from[i] = slices.IndexFunc(old.Columns, func(o kql.Column) bool { return o.Name == c.Name && o.Type == c.Type })
	}
	altered := &kql.Table{Name: name, Columns: columns, Rows: make([][]kql.Value, len(old.Rows))}
	for n, row := range old.Rows {
		cells := emptyRow(columns)
		for i, at := range from {
			if at >= 0 {
				cells[i] = row[at]
			}
		}
		altered.Rows[n] = cells
	}
	d.publish(func(s *snapshot) { s.tables[name] = altered })
	return nil
}
