package emulator

import (
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

type metadataBody struct {
	Tables        []metadataTable     `json:"tables"`
	Functions     []metadataFunction  `json:"functions"`
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

type metadataFunction struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Parameters string `json:"parameters,omitempty"`
	Body       string `json:"body"`
}

type metadataWorkspace struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	ResourceID string `json:"resourceId"`
	Region     string `json:"region"`
}

// metadata answers the metadata route: the tables of the workspace with their
// time columns, its saved functions, and nothing else that the real reply has.
func (x *exchange) metadata(workspace, guid string) *failure {
	if x.faulted() {
		return nil
	}
	data := x.e.workspaces[guid]
	name := x.e.nameOf(guid)
	reply := metadataBody{Tables: []metadataTable{}, Functions: []metadataFunction{}, Solutions: []any{}, ResourceTypes: []any{},
		Categories: []any{}, Queries: []any{}, Applications: []any{}, Resources: []any{}, Permissions: []any{},
		Workspaces: []metadataWorkspace{{workspace, name, resourceID(name), "emulated"}}}
	s := data.snapshot()
	for _, name := range s.names {
		reply.Tables = append(reply.Tables, describe(s.tables[name]))
	}
	for _, f := range data.Functions() {
		reply.Functions = append(reply.Functions, metadataFunction{"f/" + f.Name, f.Name, f.Parameters, f.Body})
	}
	sendJSON(x.w, 200, reply)
	return nil
}

// describe lists a table's columns, less those that no reply ever names.
func describe(t *kql.Table) metadataTable {
	m := metadataTable{ID: "t/" + t.Name, Name: t.Name, Timespan: kql.TimeColumn(t.Columns), Labels: []string{}}
	for _, c := range t.Columns {
		if c.Name != kql.IngestionColumn && c.Name != itemIDColumn {
			m.Columns = append(m.Columns, metadataColumn{c.Name, string(c.Type)})
		}
	}
	return m
}
