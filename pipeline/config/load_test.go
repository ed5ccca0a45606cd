package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

func TestFullPipeline(t *testing.T) {
	p, diags := Load("testdata/valid/full", testOptions())
	if diags.HasErrors() {
		t.Fatal(show(p, diags))
	}
	var addresses []string
	byAddress := make(map[string]pipeline.Export)
	for _, e := range p.Exports {
		addresses = append(addresses, e.Query.Address)
		byAddress[e.Query.Address] = e
	}
	want := []string{`query.events["SecurityEvent"]`, `query.events["SigninLogs"]`, "query.json", `query.regional["eu"]`, `query.regional["us"]`}
	if !reflect.DeepEqual(addresses, want) {
		t.Errorf("exports = %q, want %q", addresses, want)
	}
	events := byAddress[want[0]]
	if events.Query.Text != "SecurityEvent" || events.Workspace != "workspace.soc" || events.Query.Fingerprint != "fp1:SecurityEvent" ||
		events.Query.Workspace != "11111111-2222-3333-4444-555555555555" || events.Limits.Rows != 1000 || events.Limits.Bytes != 64000000 {
		t.Errorf("export = %+v", events)
	}
	if events.Late != pipeline.LateIgnore || events.OnChange != pipeline.Forward || !events.Query.AssumeSliceable {
		t.Errorf("late, on_change, assume_sliceable = %v, %v, %v", events.Late, events.OnChange, events.Query.AssumeSliceable)
	}
	if !events.Frozen || byAddress["query.json"].Frozen {
		t.Errorf("frozen = %v where schema = \"freeze\", %v where nothing is said", events.Frozen, byAddress["query.json"].Frozen)
	}
	wantSpan := pipeline.Span{
		Start: pipeline.Bound{Relative: true, Ago: 30 * 24 * time.Hour}, End: pipeline.Bound{Relative: true, Ago: 36 * time.Hour},
		Step: 6 * time.Hour, Settle: time.Hour, Lookback: 7 * 24 * time.Hour,
	}
	if events.Span != wantSpan {
		t.Errorf("span = %+v, want %+v", events.Span, wantSpan)
	}
	var targets []string
	for _, target := range events.Targets {
		targets = append(targets, target.Address+" "+target.Identity)
	}
	wantTargets := []string{"sink.archive local:data/archive", `sink.cold["eu"] blob:https://acct.example/eu`, `sink.cold["us"] blob:https://acct.example/us`}
	if !reflect.DeepEqual(targets, wantTargets) {
		t.Errorf("targets = %q, want %q", targets, wantTargets)
	}
	eu := byAddress[`query.regional["eu"]`]
	if eu.Query.Text != "SecurityAlert\n| where Region == \"eu\"\n" || eu.Targets[0].Calendar != pipeline.Monthly {
		t.Errorf("text = %q, calendar = %v", eu.Query.Text, eu.Targets[0].Calendar)
	}
	if got := eu.Span.Start.At; !got.Equal(time.Date(2026, 1, 1, 0, 0, 0, 100, time.UTC)) {
		t.Errorf("start = %v, want the tick kept", got)
	}
	if simple := byAddress["query.json"]; simple.Query.TimeColumn != "TimeGenerated" || simple.Late != pipeline.LateDefault ||
		simple.Span.Settle != 30*time.Minute || simple.Span.Lookback != 72*time.Hour || simple.Span.Step != 0 || simple.Span.Whole || !simple.Span.End.Relative {
		t.Errorf("defaults = %+v", simple)
	}
}

func TestSettings(t *testing.T) {
	p, diags := Load("testdata/valid/full", testOptions())
	if diags.HasErrors() {
		t.Fatal(show(p, diags))
	}
	if path := p.State.Settings.(*stateSettings).Path; p.State.Kind != "local" || path != "data/state" {
		t.Errorf("state = %s %q", p.State.Kind, path)
	}
	blocks := make(map[string]WorkspaceBlock)
	for _, w := range p.Workspaces {
		blocks[w.Address] = w.Source.(fakeSource).block
	}
	soc, k := blocks["workspace.soc"], blocks["workspace.k"]
	if soc.Auth == nil || soc.Auth != k.Auth || soc.Auth.Address != "credential.archiver" {
		t.Errorf("auth of soc and k = %p, %p, want the same credential", soc.Auth, k.Auth)
	}
	secretText := soc.Auth.Settings.(*clientSecret)
	if secretText.ClientSecret.Reveal() != "hunter2-from-env" || secretText.Limits.Concurrency != 2 || secretText.Limits.Requests != 150 {
		t.Errorf("credential = %+v", secretText)
	}
	if got := soc.Settings.(*workspaceSettings).Limits.Timeout; got != 90*time.Second {
		t.Errorf("timeout = %v", got)
	}
	if inline := blocks[`workspace.all["us"]`]; inline.Auth.Address != "" || inline.Settings.(*workspaceSettings).Cloud != "usgov" {
		t.Errorf("workspace.all[us] = %+v", inline)
	}
	if j := blocks["workspace.j"]; j.Auth == nil || j.Auth.Kind != "azure_cli" {
		t.Errorf("auth in JSON = %+v", j.Auth)
	}
	for _, s := range p.Sinks {
		block := s.Sink.Sink.(fakeSink).block
		switch settings := block.Settings.(type) {
		case *blobSink:
			if settings.Connection.Reveal() != "key=hunter2" || len(settings.Tags) != 2 || *settings.Tags[0].Value != "test" ||
				block.Format != "parquet" || block.FormatSettings.(*formatSettings).Compression != "zstd" {
				t.Errorf("%s = %+v, %+v", s.Address, settings, block)
			}
		case *localSink:
			if block.Format != "csv" || block.Layout != DefaultLayout || block.FormatSettings.(*formatSettings).Compression != "gzip" {
				t.Errorf("%s = %+v", s.Address, block)
			}
		}
	}
}

func TestOutputs(t *testing.T) {
	p, diags := Load("testdata/valid/full", testOptions())
	if diags.HasErrors() {
		t.Fatal(show(p, diags))
	}
	want := map[string][2]string{
		"archive_path": {`"data/archive"`, `"data/archive"`},
		"json":         {`"X"`, `"X"`},
		"password":     {"(sensitive value)", `"(sensitive value)"`},
	}
	for _, o := range p.Outputs {
		if got := [2]string{o.String(), string(o.JSON())}; got != want[o.Name] {
			t.Errorf("output %s = %q, want %q", o.Name, got, want[o.Name])
		}
		delete(want, o.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing outputs: %v", want)
	}
}

func TestNoPipeline(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"empty", nil, `Run "kustash init"`},
		{"lone kustash.hcl", map[string]string{"kustash.hcl": base}, "rename it to main.kustash.hcl"},
		{"terraform", map[string]string{"main.tf": ""}, "rename it to main.kustash.hcl"},
		{"other", map[string]string{"sentinel.hcl": base}, "Files such as sentinel.hcl are not read: rename it to sentinel.kustash.hcl"},
		{"values only", map[string]string{"kustash.vars.hcl": "a = 1", "x.auto.vars.hcl": ""}, `Run "kustash init"`},
		{"left by editors", map[string]string{".main.kustash.hcl": base, ".kustash.hcl": base}, "kustash init"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, diags := Load(writeFiles(t, test.files), testOptions())
			if text := show(p, diags); !diags.HasErrors() || !strings.Contains(text, test.want) {
				t.Errorf("diagnostics = %s, want %q", text, test.want)
			}
		})
	}
	p, diags := Load(filepath.Join(t.TempDir(), "none"), testOptions())
	if text := show(p, diags); !strings.Contains(text, "no such file or directory") && !strings.Contains(text, "cannot find") {
		t.Errorf("diagnostics = %s", text)
	}
}

func TestJSONMistakes(t *testing.T) {
	dir := writeFiles(t, map[string]string{"base.kustash.hcl": base, "x.kustash.json": `{
  "terraform": {},
  "quer": {},
  "sink": {"locl": {"a": {}}, "local": {"archive": {"path": "b"}}},
  "query": {"q": {"workspace": "${workspace.scc}", "kql": "T", "sink": [], "sinks": ["archive"], "window": {"start": "now-1"}}}
}`})
	p, diags := Load(dir, testOptions())
	text := show(p, diags)
	for _, want := range []string{"Settings of the tool stand in a", `Did you mean "query"?`, `Did you mean "local"?`, "already declared at base.kustash.hcl:5",
		`Did you mean "soc"?`, "write sink.archive, without quotes", `"1" needs a unit`, "on x.kustash.json line 5, in query.q.window:"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestKQLInFile(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"main.kustash.hcl": base + `
query "q" {
  workspace = workspace.soc
  kql       = file("${path.module}/queries/q.kql")
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}`, "queries/q.kql": "T\n| where x == 'ä'\n| top 5\n"})
	p, diags := Load(dir, testOptions())
	if len(diags) != 1 {
		t.Fatal(show(p, diags))
	}
	at := diags[0].Subject
	if at.Filename != "./queries/q.kql" || at.Start.Line != 3 || at.Start.Column != 3 || at.End.Column != 6 {
		t.Errorf("subject = %v", at)
	}
	if text := show(p, diags); !strings.Contains(text, "   3: | top 5\n        ^^^\n") || !strings.Contains(text, "kql of query.q at main.kustash.hcl:11") {
		t.Errorf("shown as:\n%s", text)
	}
}

func TestAddressesAreQuoted(t *testing.T) {
	p, diags := loadText(t, base+`
query "q" {
  for_each  = toset(["a\"b", "c\\d", "e\nf", "g]h", "ü", "x y"])
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}`)
	if diags.HasErrors() {
		t.Fatal(show(p, diags))
	}
	got := make(map[string]bool)
	for _, e := range p.Exports {
		got[e.Query.Address] = true
	}
	for _, want := range []string{`query.q["a\"b"]`, `query.q["c\\d"]`, `query.q["e\nf"]`, `query.q["g]h"]`, `query.q["ü"]`, `query.q["x y"]`} {
		if !got[want] {
			t.Errorf("no %s in %v", want, got)
		}
	}
}

func TestHash(t *testing.T) {
	load := func(text, kql string, env map[string]string, vars ...VarArg) string {
		t.Helper()
		o := testOptions()
		o.Env, o.Vars = lookUp(env), vars
		p, diags := Load(writeFiles(t, map[string]string{"main.kustash.hcl": text, "q.kql": kql}), o)
		if diags.HasErrors() {
			t.Fatal(show(p, diags))
		}
		return p.Hash
	}
	const text = `
variable "plain" { default = "a" }
variable "secret" {
  default   = "a"
  sensitive = true
}
output "o" { value = [file("q.kql"), var.plain, env("STAGE", "test")] }
output "s" {
  value     = [var.secret, env("MY_TOKEN", "none")]
  sensitive = true
}
`
	first := load(text, "T", nil)
	same := map[string]string{
		"again":             load(text, "T", nil),
		"the default given": load(text, "T", nil, VarArg{Name: "plain", Value: "a"}),
		"another secret":    load(text, "T", map[string]string{"MY_TOKEN": "abcdef"}, VarArg{Name: "secret", Value: "b"}),
		"unused variable":   load(text, "T", map[string]string{"OTHER": "x"}),
	}
	for name, hash := range same {
		if hash != first {
			t.Errorf("%s: the hash differs", name)
		}
	}
	others := map[string]string{
		"another file": load(text+"\n", "T", nil),
		"another read": load(text, "U", nil),
		"variable":     load(text, "T", nil, VarArg{Name: "plain", Value: "b"}),
		"environment":  load(text, "T", map[string]string{"STAGE": "prod"}),
	}
	for name, hash := range others {
		if hash == first {
			t.Errorf("%s: the hash is the same", name)
		}
	}
}

func TestDiagnosticsAreOrderedAndComplete(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"b.kustash.hcl": "sink \"local\" \"x\" {\n}\n",
		"a.kustash.hcl": "locals {\n  a = nope\n  b = 1 +\n}\nquery \"q\" {}\n",
	})
	if err := os.Mkdir(filepath.Join(dir, "dir.kustash.hcl"), 0o777); err != nil {
		t.Fatal(err)
	}
	_, diags := Load(dir, testOptions())
	var got []string
	for _, d := range diags {
		got = append(got, d.Subject.Filename+" "+d.Summary)
	}
	want := []string{"a.kustash.hcl Invalid reference", "a.kustash.hcl Invalid expression", "a.kustash.hcl Missing window block",
		"a.kustash.hcl Missing required argument", "a.kustash.hcl Missing required argument", "a.kustash.hcl Missing required argument",
		"b.kustash.hcl Missing required argument"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("diagnostics = %q, want %q", got, want)
	}
}

// What cannot be parsed is reported once and does no further harm.
func TestBrokenSyntax(t *testing.T) {
	for _, text := range []string{
		"kustash {\n  required_version = ]\n}\n",
		"variable \"v\" {\n  default = ]\n  sensitive = ]\n  type = ]\n}\n",
		"query \"q\" {\n  kql = <<KQL\n",
		"output \"o\" {\n  value = \"${\n",
		"\xff\xfe\x00",
		"a = " + strings.Repeat("(", 100_000),
		"a = " + strings.Repeat("!", 100_000) + "true",
		"a = " + strings.Repeat("true ? 1 : ", 10_000) + "1",
		strings.Repeat("x", maxFile+1),
	} {
		p, diags := loadText(t, text)
		if !diags.HasErrors() {
			t.Errorf("no error for %.40q", text)
		}
		show(p, diags)
	}
}

func TestLongChains(t *testing.T) {
	for _, test := range []struct {
		length int
		want   string
	}{{2000, ""}, {11_000, "refer to each other in a chain"}} {
		var b strings.Builder
		b.WriteString("locals {\n")
		for i := range test.length {
			fmt.Fprintf(&b, "  a%05d = local.a%05d\n", i, i+1)
		}
		fmt.Fprintf(&b, "  a%05d = 1\n", test.length)
		p, diags := loadText(t, b.String()+"}\noutput \"o\" {\n  value = local.a00000\n}\n")
		text := show(p, diags)
		if test.want == "" && (len(diags) > 0 || p.Outputs[0].String() != "1") || !strings.Contains(text, test.want) {
			t.Errorf("a chain of %d gives\n%.500s", test.length, text)
		}
	}
}
