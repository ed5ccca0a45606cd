package emulator

import (
	"slices"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

type metadataBody struct {
	Tables        []metadataTable     `json:"tables"`
	Functions     []any               `json:"functions"`
	Solutions     []any               `json:"solutions"`
	ResourceTypes []any               `json:"resourceTypes"`
	Categories    []any               `json:"categories"`
	Queries       []any               `json:"queries"`
	Applications  []any               `json:"applications"`
	Workspaces    []metadataWorkspace `json:"workspaces"`
	Resources     []any               `json:"resources"`
	Permissions   []any               `json:"permissions"`
}

type metadataTable struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Timespan string           `json:"timespanColumn,omitempty"`
	Labels   []string         `json:"labels"`
	Columns  []metadataColumn `json:"columns"`
}

type metadataColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type metadataWorkspace struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	ResourceID string `json:"resourceId"`
	Region     string `json:"region"`
}

// metadata answers the metadata route: the tables of the workspace with their
// time columns, and nothing else that the real reply has.
func (x *exchange) metadata(sets []*Dataset, workspace string) *failure {
	if x.faulted() {
		return nil
	}
	v := newView(sets)
	reply := metadataBody{Tables: []metadataTable{}, Functions: []any{}, Solutions: []any{}, ResourceTypes: []any{},
		Categories: []any{}, Queries: []any{}, Applications: []any{}, Resources: []any{}, Permissions: []any{},
		Workspaces: []metadataWorkspace{{workspace, "emulator", resourceID(workspace), "emulated"}}}
	for _, name := range v.Tables() {
		t, _ := v.Table(name)
		reply.Tables = append(reply.Tables, describe(t))
	}
	sendJSON(x.w, 200, reply)
	return nil
}

// describe lists a table's columns, less those that no reply ever names.
func describe(t *kql.Table) metadataTable {
	m := metadataTable{ID: "t/" + t.Name, Name: t.Name, Timespan: timeColumn(t.Columns), Labels: []string{}}
	for _, c := range t.Columns {
		if c.Name != kql.IngestionColumn && c.Name != itemIDColumn {
			m.Columns = append(m.Columns, metadataColumn{c.Name, string(c.Type)})
		}
	}
	return m
}

// timeColumn is TimeGenerated, or timestamp in classic Application Insights
// tables.
func timeColumn(columns []kql.Column) string {
	for _, name := range []string{timeGenerated, "timestamp"} {
		if slices.ContainsFunc(columns, func(c kql.Column) bool { return c.Name == name && c.Type == pipeline.Datetime }) {
			return name
		}
	}
	return ""
}
