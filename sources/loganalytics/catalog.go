package loganalytics

import (
	"sort"

	"github.com/kustash/kustash/pipeline"
)

// catalog is what the metadata of a workspace says. A nil catalog is one that
// is not known. It never changes once it has been read.
type catalog struct {
	tables    map[string]*tableInfo // by name
	functions map[string]bool       // saved functions and parsers, by name
}

// tableInfo is one table of a catalog.
type tableInfo struct {
	Name       string
	TimeColumn string // that the service's own time filter works on
	Columns    pipeline.Schema
	Plan       pipeline.TablePlan // Analytics as well if the metadata does not say
}

// has reports whether rows can come from the name, by way of a table or a
// saved function.
func (c *catalog) has(name string) bool { return c.tables[name] != nil || c.functions[name] }

// list returns the tables by name.
func (c *catalog) list() []pipeline.Table {
	all := make([]pipeline.Table, 0, len(c.tables))
	for _, t := range c.tables {
		all = append(all, pipeline.Table{Name: t.Name, TimeColumn: t.TimeColumn, Plan: t.Plan, Text: columnName(t.Name), Columns: t.Columns})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}
