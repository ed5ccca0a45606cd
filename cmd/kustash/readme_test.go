package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The pipeline of the README is valid and in the canonical layout, and the
// verbs it names exist.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```hcl\n")
	text, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the README shows no pipeline")
	}
	s := &shell{t: t, dir: t.TempDir()}
	s.write("main.kustash.hcl", text)
	for _, args := range [][]string{{"validate"}, {"fmt", "-check", "-diff"}} {
		if code, output := s.run(args...); code != exitDone {
			t.Errorf("%v: exit %d\n%s", args, code, output)
		}
	}
	named := regexp.MustCompile("(?m)^kustash ([a-z]+)").FindAllStringSubmatch(string(readme), -1)
	p := &process{verbs: allVerbs()}
	for _, m := range named {
		if p.verb(m[1]) == nil {
			t.Errorf("the README names the verb %q, which there is not", m[1])
		}
	}
	if len(named) == 0 {
		t.Error("the README names no verb")
	}
}
