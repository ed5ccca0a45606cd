package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/hashicorp/hcl/v2"

	"github.com/kustash/kustash/internal/secret"
	"github.com/kustash/kustash/pipeline"
)

type limitsSettings struct {
	Concurrency int `hcl:"concurrency,optional"`
	Requests    int `hcl:"requests,optional"`
}

type clientSecret struct {
	TenantID     string          `hcl:"tenant_id,optional"`
	ClientID     string          `hcl:"client_id,optional"`
	ClientSecret secret.Text     `hcl:"client_secret,optional"`
	Limits       *limitsSettings `hcl:"limits,block"`
}

type azureCLI struct{}

type answerLimits struct {
	Rows    int64         `hcl:"rows,optional"`
	Bytes   int64         `hcl:"bytes,optional"`
	Timeout time.Duration `hcl:"timeout,optional"`
}

type workspaceSettings struct {
	WorkspaceID string       `hcl:"workspace_id"`
	Cloud       string       `hcl:"cloud,optional"`
	Endpoint    string       `hcl:"endpoint,optional"`
	Additional  []string     `hcl:"additional_workspaces,optional"`
	Limits      answerLimits `hcl:"limits,block"`
}

type localSink struct {
	Path string `hcl:"path"`
}

type blobTag struct {
	Name  string  `hcl:"name"`
	Value *string `hcl:"value,optional"`
}

type blobSink struct {
	URL        string            `hcl:"url"`
	Connection secret.Text       `hcl:"connection_string,optional"`
	Metadata   map[string]string `hcl:"metadata,optional"`
	Tags       []blobTag         `hcl:"tag,block"`
}

type formatSettings struct {
	Compression string `hcl:"compression,optional"`
	Level       int8   `hcl:"level,optional"`
}

type stateSettings struct {
	Path string `hcl:"path,optional"`
}

// fakeSource refuses queries with "top" and warns of "search".
type fakeSource struct{ block WorkspaceBlock }

func (fakeSource) Read(context.Context, pipeline.Slice, func(arrow.Record) error) (pipeline.Reading, error) {
	return pipeline.Reading{}, nil
}

func (fakeSource) Check(q pipeline.Query, whole bool) pipeline.Judgement {
	var found []pipeline.Problem
	for _, word := range []string{"top", "broken", "search", "grüße"} {
		i := strings.Index(q.Text, word)
		if i < 0 || word == "top" && whole {
			continue
		}
		found = append(found, pipeline.Problem{Summary: "Query cannot be cut", Detail: fmt.Sprintf("The operator %q is the matter.", word),
			Offset: i, Length: len(word), Warning: word == "search"})
	}
	j := pipeline.Judgement{Problems: found, Placed: strings.Contains(q.Text, "slice_start")}
	if _, width, ok := strings.Cut(q.Text, "bin "); ok {
		j.Atom, _ = time.ParseDuration(strings.Fields(width)[0])
	}
	return j
}

func (fakeSource) Fingerprint(q pipeline.Query) string {
	return "fp1:" + strings.Join(strings.Fields(q.Text), " ")
}

type fakeSink struct {
	pipeline.Sink
	block SinkBlock
}

func fakeKinds() Kinds {
	return Kinds{
		States: map[string]func() any{"local": func() any { return &stateSettings{Path: ".kustash"} }},
		Credentials: map[string]func() any{
			"client_secret": func() any { return &clientSecret{Limits: &limitsSettings{Concurrency: 4, Requests: 150}} },
			"azure_cli":     func() any { return &azureCLI{} },
		},
		Sinks: map[string]func() any{
			"local": func() any { return &localSink{} },
			"blob":  func() any { return &blobSink{} },
		},
		Formats: map[string]func() any{
			"parquet": func() any { return &formatSettings{Compression: "zstd"} },
			"csv":     func() any { return &formatSettings{} },
		},
		Workspace: func() any {
			return &workspaceSettings{Cloud: "public", Limits: answerLimits{Rows: 500000, Bytes: 64000000, Timeout: 10 * time.Minute}}
		},
		Source: buildSource,
		Sink:   buildSink,
	}
}

func buildSource(b WorkspaceBlock) (pipeline.Source, pipeline.Limits, error) {
	s := b.Settings.(*workspaceSettings)
	var errs []error
	if s.Cloud != "public" && s.Cloud != "usgov" {
		errs = append(errs, &pipeline.SettingError{Name: "cloud", Err: fmt.Errorf("there is no cloud %q", s.Cloud)})
	}
	if s.Limits.Rows < 1 {
		errs = append(errs, &pipeline.SettingError{Name: "limits.rows", Err: errors.New("at least one row is needed")})
	}
	if b.Auth != nil && b.Auth.Kind == "client_secret" {
		c := b.Auth.Settings.(*clientSecret)
		if strings.HasPrefix(c.ClientSecret.Reveal(), "bad") {
			errs = append(errs, &pipeline.SettingError{Name: "client_secret", Err: fmt.Errorf("%s is not a secret", c.ClientSecret.Reveal())})
		}
	}
	if s.WorkspaceID == "boom" {
		errs = append(errs, errors.New("no such workspace"))
	}
	return fakeSource{b}, pipeline.Limits{Rows: s.Limits.Rows, Bytes: s.Limits.Bytes}, errors.Join(errs...)
}

func buildSink(b SinkBlock) (Sink, error) {
	place := ""
	switch s := b.Settings.(type) {
	case *localSink:
		place = s.Path
	case *blobSink:
		place = s.URL
	}
	calendar := pipeline.NoCalendar
	for part, c := range map[string]pipeline.Calendar{"{hour}": pipeline.Hourly, "{date}": pipeline.Daily, "{month}": pipeline.Monthly, "{year}": pipeline.Yearly} {
		if strings.Contains(b.Layout, part) {
			calendar = c
		}
	}
	if strings.Contains(b.Layout, "{minute}") {
		return Sink{}, &pipeline.SettingError{Name: "layout", Err: errors.New("{minute} is not a part of a layout")}
	}
	return Sink{Identity: b.Kind + ":" + place, Calendar: calendar, Sink: fakeSink{block: b}}, nil
}

// testEnv is the environment of tests.
var testEnv = map[string]string{
	"AZURE_TENANT_ID":     "tenant-1",
	"AZURE_CLIENT_SECRET": "hunter2-from-env",
	"EMPTY":               "",
}

func lookUp(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

func testOptions() Options {
	return Options{Kinds: fakeKinds(), Env: lookUp(testEnv), ToolVersion: "0.3.1"}
}

// base is what most test pipelines share.
const base = `
workspace "soc" {
  workspace_id = "11111111-2222-3333-4444-555555555555"
}
sink "local" "archive" {
  path = "archive"
}
`

// writeFiles makes a directory with the given files.
func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loadText loads a pipeline of one file.
func loadText(t testing.TB, text string, change ...func(*Options)) (*Pipeline, hcl.Diagnostics) {
	t.Helper()
	o := testOptions()
	for _, c := range change {
		c(&o)
	}
	return Load(writeFiles(t, map[string]string{"main.kustash.hcl": text}), o)
}

// show writes diagnostics as a person would see them.
func show(p *Pipeline, diags hcl.Diagnostics) string {
	var b strings.Builder
	_ = WriteDiagnostics(&b, p.Files, diags, Style{})
	return b.String()
}
