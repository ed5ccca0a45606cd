package loganalytics

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// Fingerprint implements pipeline.Checker: the author's tokens without
// comments and white space, time column, route, workspace id and additional
// workspaces.
func (s *Source) Fingerprint(q pipeline.Query) string {
	return fingerprint(q, s.workspace, s.additional)
}

// fingerprint takes the id of the workspace, or of the resource that is read
// in its place, and the further workspaces that are read as one with it.
func fingerprint(q pipeline.Query, scope string, additional []string) string {
	h := sha256.New()
	field := func(value string) { fmt.Fprintf(h, "%d:%s,", len(value), value) }
	for _, t := range scan(q.Text) {
		if t.kind != tokenSpace && t.kind != tokenComment {
			field(q.Text[t.start:t.end])
		}
	}
	fmt.Fprint(h, ";")
	column := q.TimeColumn
	if column == "" {
		column = serviceColumn
	}
	field(column)
	field(routeOf(q))
	field(strings.ToLower(scope))
	others := make(map[string]bool) // their order means nothing
	for _, one := range additional {
		others[strings.ToLower(one)] = true
	}
	for _, one := range slices.Sorted(maps.Keys(others)) {
		field(one)
	}
	return "fp1:" + hex.EncodeToString(h.Sum(nil))
}
