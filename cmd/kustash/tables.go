package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/sources/loganalytics"
)

var tablesVerb = verb{
	name:  "tables",
	brief: "list a workspace's tables, their volume and who exports them",
	usage: "[-chdir=DIR] tables [flags]",
	help: `Lists the tables of a workspace that had rows in the last 30 days: the column
that the service filters by, columns, rows and volume, and the queries of this
pipeline that read it by name. Rows are counted, one short query for 25 tables.
Volumes are what the service bills, from the table Usage, which is some hours
late; in a workspace without it they are estimated from the rows. Tables known
to be Basic or Auxiliary are not counted, because that would be billed.`,
	run: runTables,
}

// tableSource is implemented by sources that can say how large tables are.
type tableSource interface {
	pipeline.Catalog
	pipeline.Clock
	Reads(q pipeline.Query) []string
	Volumes(ctx context.Context, tables []pipeline.Table, now time.Time, estimate bool) (map[string]loganalytics.Volume, error)
	Usage(ctx context.Context, now time.Time) (bytes map[string]loganalytics.Volume, ok bool, err error)
}

func runTables(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	name := f.String("workspace", "", "`name` of the workspace; needed only if there are several")
	asJSON := f.Bool("json", false, "one JSON object a line")
	all := f.Bool("all", false, "also tables without rows in the last 30 days")
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	pl, err := p.load(&load, *asJSON)
	if err != nil {
		return 0, err
	}
	w, err := chooseWorkspace(pl, *name)
	if err != nil {
		return 0, err
	}
	source, ok := w.Source.(tableSource)
	if !ok {
		return 0, fmt.Errorf("%s cannot list its tables", w.Address)
	}
	list, refused, err := p.listTables(ctx, source)
	if err != nil {
		return 0, fmt.Errorf("tables of %s: %w", w.Address, err)
	}
	shown := slices.Clone(list)
	if !*all {
		shown = slices.DeleteFunc(shown, func(t listedTable) bool { return t.MonthRows == 0 && t.MonthBytes <= 0 })
	}
	for i := range shown {
		shown[i].readers = readers(pl, w.Address, source, shown[i].Name)
	}
	if *asJSON {
		return exitDone, p.tablesJSON(w, shown)
	}
	if err := tableOfTables(shown).lines(p.stdout); err != nil {
		return 0, err
	}
	if n := len(list) - len(shown); n > 0 {
		fmt.Fprintf(p.stderr, "%s without rows in the last 30 days not shown; -all shows them.\n", count(n, "table"))
	}
	for _, name := range refusedNames(refused) {
		fmt.Fprintf(p.stderr, "%s %s: %v\n", p.paint(yellow, "Not counted:"), name, refused[name])
	}
	return exitDone, nil
}

// listedTable is a table with its volume.
type listedTable struct {
	pipeline.Table
	loganalytics.Volume
	readers []string // addresses of queries
}

// listTables asks for everything but the readers. Tables that could not be
// counted come back with the reason.
func (p *process) listTables(ctx context.Context, source tableSource) (list []listedTable, refused map[string]error, err error) {
	var tables []pipeline.Table
	var now time.Time
	err = p.retry.Do(ctx, func() (err error) {
		if tables, err = source.Tables(ctx); err == nil {
			now, err = source.Now(ctx)
		}
		return err
	}, p.tellRetry)
	if err != nil {
		return nil, nil, err
	}
	var billed map[string]loganalytics.Volume
	var told bool
	err = p.retry.Do(ctx, func() (err error) {
		billed, told, err = source.Usage(ctx, now)
		return err
	}, p.tellRetry)
	if err != nil {
		return nil, nil, fmt.Errorf("ask for the billed volume: %w", err)
	}
	counted := make(map[string]loganalytics.Volume)
	countable := slices.DeleteFunc(slices.Clone(tables), func(t pipeline.Table) bool {
		return t.Plan != pipeline.Analytics || t.TimeColumn == ""
	})
	var mu sync.Mutex
	refused, err = pipeline.Ask(ctx, countable, p.retry, func(ctx context.Context, some []pipeline.Table) error {
		volumes, err := source.Volumes(ctx, some, now, !told)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(counted, volumes)
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("count rows: %w", err)
	}
	for _, t := range tables {
		one := listedTable{Table: t, Volume: loganalytics.Volume{DayRows: -1, MonthRows: -1, DayBytes: -1, MonthBytes: -1}}
		if v, ok := counted[t.Name]; ok {
			one.Volume = v
		}
		if told {
			v := billed[t.Name] // a table that is not in it received nothing
			one.DayBytes, one.MonthBytes = v.DayBytes, v.MonthBytes
		}
		list = append(list, one)
	}
	return list, refused, nil
}

// readers returns the queries of the pipeline that read a table by its name.
func readers(pl *config.Pipeline, workspace string, source tableSource, table string) []string {
	var all []string
	for _, e := range pl.Exports {
		if e.Workspace == workspace && slices.Contains(source.Reads(e.Query), table) {
			all = append(all, e.Query.Address)
		}
	}
	for _, q := range pl.Tables {
		if q.Template.Workspace == workspace && q.Covers(table) {
			all = append(all, q.Address(table))
		}
	}
	return all
}

func refusedNames(refused map[string]error) []string {
	var names []string
	for name := range refused {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// tableOfTables lays the list out for people. What is not known is "-".
func tableOfTables(list []listedTable) *table {
	t := &table{}
	t.row("TABLE", "TIME COLUMN", "PLAN", "COLUMNS", "ROWS 24H", "ROWS 30D", "SIZE 24H", "SIZE 30D", "EXPORTED BY")
	known := func(n int64, show func(int64) string) string {
		if n < 0 {
			return "-"
		}
		return show(n)
	}
	for _, one := range list {
		plan, columns := string(one.Plan), "-"
		if len(one.Columns) > 0 {
			columns = fmt.Sprint(len(one.Columns))
		}
		t.row(one.Name, orDash(one.TimeColumn), orDash(plan), columns,
			known(one.DayRows, amount), known(one.MonthRows, amount), known(one.DayBytes, size), known(one.MonthBytes, size),
			orDash(strings.Join(one.readers, " ")))
	}
	return t
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (p *process) tablesJSON(w config.Workspace, list []listedTable) error {
	enc := json.NewEncoder(p.stdout)
	if err := enc.Encode(map[string]any{"format_version": formatVersion, "tool": tool(), "workspace": w.Address}); err != nil {
		return err
	}
	known := func(n int64) any {
		if n < 0 {
			return nil
		}
		return n
	}
	for _, one := range list {
		var plan any // null where the workspace does not say
		if one.Plan != "" {
			plan = one.Plan
		}
		exported := one.readers
		if exported == nil {
			exported = []string{}
		}
		err := enc.Encode(map[string]any{"type": "table", "name": one.Name, "time_column": one.TimeColumn, "plan": plan,
			"columns": len(one.Columns), "rows_24h": known(one.DayRows), "rows_30d": known(one.MonthRows),
			"bytes_24h": known(one.DayBytes), "bytes_30d": known(one.MonthBytes), "exported_by": exported})
		if err != nil {
			return err
		}
	}
	return nil
}
