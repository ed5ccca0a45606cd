package emulator

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// customTable holds every type of KQL and the extremes of their values.
const customTable = "Kustash_Demo_CL"

// demoPlan says how many rows each demo table gets, bursts and bounds
// included, and what makes one.
var demoPlan = []struct {
	table string
	rows  int
	burst int // rows of one tick, once
	make  func(g *generator, at pipeline.Tick) Row
}{
	{"SecurityEvent", 6000, 700, (*generator).securityEvent},
	{"Syslog", 4200, 400, (*generator).syslog},
	{"CommonSecurityLog", 3100, 300, (*generator).commonSecurityLog},
	{"SigninLogs", 2000, 60, (*generator).signinLog},
	{"Heartbeat", 1600, 12, (*generator).heartbeat},
	{"DeviceProcessEvents", 1500, 90, (*generator).deviceProcessEvent},
	{"AuditLogs", 800, 40, (*generator).auditLog},
	{"AzureActivity", 500, 25, (*generator).azureActivity},
	{"SecurityAlert", 120, 3, (*generator).securityAlert},
	{customTable, 240, 16, (*generator).custom},
}

// DemoDataset makes the demo tables: about 20,000 invented rows of ten tables
// whose times lie in the days before end, end exclusive, spread as people work,
// with bursts in one tick, rows exactly on the hour and on the day, and most
// arrivals one to five minutes later. The same arguments give the same rows.
func DemoDataset(end time.Time, days int, seed uint64) (*Dataset, error) {
	if days < 1 || days > 3650 {
		return nil, fmt.Errorf("make demo tables: %d is not a number of days from 1 to 3650", days)
	}
	d := NewDataset()
	for _, p := range demoPlan {
		columns := withHidden(columnsOf(demoColumns[p.table]), ItemIDHidden)
		if err := d.Add(&kql.Table{Name: p.table, Columns: columns}); err != nil {
			return nil, fmt.Errorf("make demo tables: %w", err)
		}
		g := newGenerator(p.table, end, days, seed)
		rows := make([]Row, 0, p.rows)
		for _, at := range g.times(p.rows, p.burst) {
			g.n = len(rows)
			row := p.make(g, at)
			row["TenantId"], row["Type"] = DemoWorkspaceID, p.table
			row[timeGenerated], row[kql.IngestionColumn] = at, g.arrival(at)
			rows = append(rows, row)
		}
		if err := d.Append(p.table, rows...); err != nil {
			return nil, fmt.Errorf("make demo tables: %w", err)
		}
	}
	return d, nil
}

// WriteDemo writes the tables of DemoDataset into dir, which it creates if it
// is missing: TABLE.json and TABLE.jsonl, as LoadDataset reads them. Files of
// these names are replaced.
func WriteDemo(dir string, end time.Time, days int, seed uint64) error {
	d, err := DemoDataset(end, days, seed)
	if err != nil {
		return err
	}
	if err := d.Save(dir); err != nil {
		return fmt.Errorf("write demo tables: %w", err)
	}
	return nil
}

// Save writes the dataset into a folder, which it creates if it is missing, in
// the form that LoadDataset reads. Empty values are left out, _ItemId too
// where it is the one that LoadDataset would give.
func (d *Dataset) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	s := d.snapshot()
	for _, name := range s.names {
		if name != filepath.Base(name) || hasOddStart(name) {
			return fmt.Errorf("the name of table %q cannot be that of a file", name)
		}
		if err := saveTable(dir, s.tables[name], s.options[name]); err != nil {
			return err
		}
	}
	for _, f := range d.Functions() {
		text := f.Body
		if f.Parameters != "" {
			text = "(" + f.Parameters + ") {" + f.Body + "}"
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name+".kql"), []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

func hasOddStart(name string) bool { return name[0] == '_' || name[0] == '.' }

func saveTable(dir string, t *kql.Table, o TableOptions) error {
	list := schemaFile{Table: t.Name, Plan: o.Plan, ItemID: o.ItemID}
	if o.Retention > 0 {
		list.Retention = o.Retention.String()
	}
	for _, c := range t.Columns {
		if c.Name == itemIDColumn || c.Name == kql.IngestionColumn {
			continue
		}
		column := schemaColumn{Name: c.Name, Type: c.Type}
		if c.Hidden != hiddenColumn(c.Name) {
			column.Hidden = &c.Hidden
		}
		list.Columns = append(list.Columns, column)
	}
	path := filepath.Join(dir, t.Name+".json")
	if err := os.WriteFile(path, append(compact(list), '\n'), 0o666); err != nil {
		return err
	}
	f, err := os.Create(path + "l")
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	var line []byte
	for number, row := range t.Rows {
		line = appendRow(line[:0], t, row, number)
		_, _ = out.Write(line) // Flush tells
	}
	if err := out.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// appendRow writes one line of TABLE.jsonl.
func appendRow(b []byte, t *kql.Table, row []kql.Value, number int) []byte {
	b = append(b, '{')
	for i, c := range t.Columns {
		v := row[i]
		if v == nil || v == "" || c.Name == itemIDColumn && v == itemID(t.Name, number) {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(appendString(b, c.Name), ':')
		b = appendValue(b, v, c.Type)
	}
	return append(b, '}', '\n')
}
