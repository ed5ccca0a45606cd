package loganalytics

import "github.com/kustash/kustash/pipeline"

// catalog is what the metadata of a workspace says. A nil catalog is one that
// is not known.
type catalog struct {
	tables    map[string]*tableInfo // by name
	functions map[string]bool       // saved functions and parsers, by name
}

// tableInfo is one table of a catalog.
type tableInfo struct {
	Name       string
	TimeColumn string // that the service's own time filter works on
	Columns    pipeline.Schema
}
