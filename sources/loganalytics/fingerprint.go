package loganalytics

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// Fingerprint implements pipeline.Checker: the author's tokens without
// comments and white space, time column, route and workspace id.
func (s *Source) Fingerprint(q pipeline.Query) string {
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
	field("query")
	field(strings.ToLower(s.workspace))
	return "fp1:" + hex.EncodeToString(h.Sum(nil))
}
