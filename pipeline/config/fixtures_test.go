package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// Each directory of testdata/valid is a pipeline without mistakes.
func TestValid(t *testing.T) {
	dirs, err := filepath.Glob("testdata/valid/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			p, diags := Load(dir, testOptions())
			if len(diags) > 0 {
				t.Errorf("unexpected diagnostics:\n%s", show(p, diags))
			}
			if len(p.Exports) == 0 && len(p.Outputs) == 0 {
				t.Error("the pipeline is empty")
			}
		})
	}
}

var wanted = regexp.MustCompile(`# (error|warning): ([^#]*)`)

// Each file of testdata/invalid names the messages it must give in comments on
// the lines they are about, "# error: part of the message". Unless its first
// line is "# alone", it stands beside a file with a workspace and a sink.
func TestInvalid(t *testing.T) {
	files, err := filepath.Glob("testdata/invalid/*.kustash.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), hclSuffix), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			pipeline := map[string]string{"test.kustash.hcl": string(text), "broken.kql": "SecurityEvent\n| broken x\n"}
			if !strings.HasPrefix(string(text), "# alone") {
				pipeline["base.kustash.hcl"] = base
			}
			p, diags := Load(writeFiles(t, pipeline), testOptions())
			checkWanted(t, string(text), p, diags)
		})
	}
}

func checkWanted(t *testing.T, text string, p *Pipeline, diags hcl.Diagnostics) {
	t.Helper()
	type want struct {
		line           int
		severity, part string
	}
	var wants []want
	for i, line := range strings.Split(text, "\n") {
		for _, m := range wanted.FindAllStringSubmatch(line, -1) {
			wants = append(wants, want{i + 1, m[1], strings.TrimSpace(m[2])})
		}
	}
	if len(wants) == 0 {
		t.Fatal("the fixture names no message")
	}
	left := append(hcl.Diagnostics(nil), diags...)
	for _, w := range wants {
		found := false
		for i, d := range left {
			severity := map[hcl.DiagnosticSeverity]string{hcl.DiagError: "error", hcl.DiagWarning: "warning"}[d.Severity]
			if d.Subject != nil && d.Subject.Filename == "test.kustash.hcl" && d.Subject.Start.Line == w.line &&
				severity == w.severity && strings.Contains(d.Summary+": "+d.Detail, w.part) {
				left = append(left[:i:i], left[i+1:]...)
				found = true
				break
			}
		}
		if !found {
			t.Errorf("line %d: no %s with %q", w.line, w.severity, w.part)
		}
	}
	if len(left) > 0 {
		t.Errorf("unexpected diagnostics:\n%s", show(p, left))
	}
}
