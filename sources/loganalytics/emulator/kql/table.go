package kql

import "github.com/kustash/kustash/pipeline"

// Value is one cell: nil for null, else bool, int32, int64, float64, string,
// pipeline.Tick (datetime), Span, Decimal, GUID or Dynamic. A string is never
// null.
type Value any

// Span is a timespan in ticks of 100 ns.
type Span int64

// Decimal is the text of a decimal number.
type Decimal string

// GUID is the text of a guid: lower case, with hyphens.
type GUID string

// Dynamic is the text that the service sends for a dynamic value: JSON for
// objects and arrays, the bare text for a scalar string.
type Dynamic string

// Column is a column of a table or result. Hidden columns (_ItemId and the
// like) appear in a result only where the query names them.
type Column struct {
	Name   string
	Type   pipeline.Type
	Hidden bool
}

// IngestionColumn is the name of the hidden datetime column that
// ingestion_time() reads. A table without it has null ingestion times.
const IngestionColumn = "$ingestion"

// Table is a table of the database, or one table of a result. Rows have one
// value for each column. It is not changed once it is in use.
type Table struct {
	Name    string
	Columns []Column
	Rows    [][]Value
}

// Database finds tables. It is safe for concurrent use.
type Database interface {
	// Table returns the table of exactly this name.
	Table(name string) (*Table, bool)
	// Tables returns the names of all tables, sorted: for union * and search.
	Tables() []string
}
