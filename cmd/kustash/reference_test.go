package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The reference of pipeline files names every kind and argument that there is.
func TestReferenceIsWhole(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "pipeline.md"))
	if err != nil {
		t.Fatal(err)
	}
	words := make(map[string]bool)
	for _, word := range strings.FieldsFunc(string(raw), func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		words[word] = true
	}
	need := func(name, of string) {
		t.Helper()
		if !words[name] {
			t.Errorf("docs/pipeline.md does not name %q of %s", name, of)
		}
	}
	kinds := (&process{}).kinds()
	settings := []any{kinds.Workspace()}
	for _, class := range []map[string]func() any{kinds.States, kinds.Credentials, kinds.Sinks, kinds.Formats} {
		for kind, make := range class {
			need(kind, "the kinds")
			settings = append(settings, make())
		}
	}
	checked := 0
	var check func(reflect.Type)
	check = func(s reflect.Type) {
		for s.Kind() == reflect.Pointer || s.Kind() == reflect.Slice {
			s = s.Elem()
		}
		for i := range s.NumField() {
			name, what, _ := strings.Cut(s.Field(i).Tag.Get("hcl"), ",")
			if name == "" {
				continue
			}
			checked++
			need(name, s.String())
			if what == "block" {
				check(s.Field(i).Type)
			}
		}
	}
	for _, s := range settings {
		check(reflect.TypeOf(s))
	}
	if checked < 30 {
		t.Errorf("%d arguments were looked for, want all of them", checked)
	}
}
