package config

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format returns a pipeline file or a file of values in canonical layout; only
// white space changes. A file with syntax errors is returned as it is, with
// diagnostics. JSON has no canonical layout and is checked only.
func Format(src []byte, filename string) ([]byte, hcl.Diagnostics) {
	l := newLoader("", Options{})
	if l.parse(src, filename); l.diags.HasErrors() {
		return src, l.finish()
	}
	if strings.HasSuffix(filename, ".json") {
		return src, nil
	}
	formatted := src
	// One pass may leave work for the next, where alignment follows from it.
	for range 4 {
		next := hclwrite.Format(formatted)
		if bytes.Equal(next, formatted) {
			break
		}
		formatted = next
	}
	if !sameTokens(src, formatted, filename) {
		return src, nil
	}
	return formatted, nil
}

// sameTokens makes sure that formatting has changed white space only.
func sameTokens(a, b []byte, filename string) bool {
	before, _ := hclsyntax.LexConfig(a, filename, hcl.InitialPos)
	after, _ := hclsyntax.LexConfig(b, filename, hcl.InitialPos)
	if len(before) != len(after) {
		return false
	}
	for i := range before {
		if before[i].Type != after[i].Type || !bytes.Equal(bytes.TrimSpace(before[i].Bytes), bytes.TrimSpace(after[i].Bytes)) {
			return false
		}
	}
	return true
}
