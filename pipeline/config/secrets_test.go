package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestStraySecretsAreNotQuoted puts a secret where it is not expected.
func TestStraySecretsAreNotQuoted(t *testing.T) {
	for _, text := range []string{
		"credential \"azure_cli\" \"x\" {\n  client_secret = \"VALUE\"\n}",
		"credential \"azure_cli\" \"x\" { client_secret = \"VALUE\" }",
		"workspace \"x\" {\n  workspace_id = \"x\"\n  auth \"azure_cli\" { api_key = \"VALUE\" }\n}",
		"credential \"client_secret\" \"x\" { client_secrt = \"VALUE\" }",
	} {
		p, diags := loadText(t, strings.ReplaceAll(text, "VALUE", "the-value"))
		if shown := show(p, diags); !diags.HasErrors() || strings.Contains(shown, "the-value") {
			t.Errorf("%s\ngives\n%s", text, shown)
		}
	}
}

const theSecret = "s3cr3t-Value\"x"

// Whatever is done with a sensitive value, no way of showing the result of a
// load shows it.
func TestSecretsAreNeverShown(t *testing.T) {
	quoted := strings.ReplaceAll(theSecret, `"`, `\"`)
	uses := map[string]string{
		"parseint":    `locals { x = parseint(SECRET, 10) }`,
		"jsondecode":  `locals { x = jsondecode(SECRET) }`,
		"yamldecode":  `locals { x = yamldecode("a: [${SECRET}") }`,
		"timeadd":     `locals { x = timeadd(SECRET, "1h") }`,
		"formatdate":  `locals { x = formatdate(SECRET, "2026-01-01T00:00:00Z") }`,
		"regex":       `locals { x = regex(SECRET, "a") }`,
		"regex class": `locals { x = regex("[${SECRET}", "a") }`,
		"index":       `locals { x = { a = 1 }[SECRET] }`,
		"lookup":      `locals { x = lookup({ a = 1 }, SECRET) }`,
		"duplicate":   `locals { x = { for i in [1, 2] : SECRET => i } }`,
		"number":      `locals { x = 1 + SECRET }`,
		"tonumber":    `locals { x = tonumber(SECRET) }`,
		"substring":   `locals { x = parseint(substr(SECRET, 0, 8), 10) }`,
		"path":        `locals { x = file("/${SECRET}") }`,
		"env":         `locals { x = env(SECRET) }`,
		"key":         "workspace \"x\" {\n  for_each     = toset([SECRET])\n  workspace_id = each.key\n}",
		"map key":     "workspace \"x\" {\n  for_each     = { (SECRET) = 1 }\n  workspace_id = each.key\n}",
		"id":          "workspace \"x\" { workspace_id = SECRET }",
		"count":       "workspace \"x\" {\n  workspace_id = \"x\"\n  limits { rows = SECRET }\n}",
		"builder":     "credential \"client_secret\" \"x\" { client_secret = \"bad-${SECRET}\" }\nworkspace \"x\" {\n  workspace_id = \"x\"\n  auth         = credential.x\n}",
		"list":        "credential \"client_secret\" \"x\" { client_secret = [SECRET] }",
		"duration":    "workspace \"x\" {\n  workspace_id = \"x\"\n  limits { timeout = SECRET }\n}",
		"output":      `output "x" { value = "${SECRET}!" }`,
		"output kept": "output \"x\" {\n  value     = SECRET\n  sensitive = true\n}",
		"label":       "sink \"blob\" \"x\" {\n  url = \"u\"\n  dynamic \"format\" {\n    for_each = [1]\n    labels   = [SECRET]\n    content {}\n  }\n}",
		"dynamic":     "sink \"blob\" \"x\" {\n  url = \"u\"\n  dynamic \"tag\" {\n    for_each = { a = SECRET }\n    content { name = tag.value }\n  }\n}",
		"layout":      "sink \"blob\" \"x\" {\n  url    = \"u\"\n  layout = SECRET\n}",
		"state":       "kustash {\n  state \"local\" { path = SECRET }\n}",
		"validation":  "variable \"v\" {\n  default = 1\n  validation {\n    condition     = var.v == SECRET\n    error_message = \"not ${SECRET}\"\n  }\n}",
		"query":       base + "query \"q\" {\n  workspace = workspace.soc\n  kql       = \"top ${SECRET}\"\n  sinks     = [SECRET]\n  late      = SECRET\n  window { start = SECRET }\n}",
	}
	for origin, reference := range map[string]string{"variable": "var.secret", "environment": `env("THE_SECRET_ONE")`, "function": `sensitive(env("PLAIN"))`} {
		for name, use := range uses {
			text := "variable \"secret\" {\n  sensitive = true\n}\n" + strings.ReplaceAll(use, "SECRET", reference)
			o := testOptions()
			o.Env = lookUp(map[string]string{"THE_SECRET_ONE": theSecret, "PLAIN": theSecret})
			o.Vars = []VarArg{{Name: "secret", Value: theSecret}}
			p, diags := Load(writeFiles(t, map[string]string{"main.kustash.hcl": text}), o)
			shown := show(p, diags) + fmt.Sprint(diags) + fmt.Sprintf("%+v %v", p.Outputs, p.Hash)
			for _, o := range p.Outputs {
				shown += o.String() + string(o.JSON())
			}
			for _, d := range diags {
				shown += string(DiagnosticJSON(p.Files, d)) + fmt.Sprintf("%+v", *d)
			}
			for _, part := range []string{theSecret, quoted, theSecret[:8]} {
				if name == "output kept" {
					shown = strings.ReplaceAll(shown, fmt.Sprintf("%+v", p.Outputs), "")
				}
				if strings.Contains(shown, part) {
					t.Errorf("%s of a %s shows %q:\n%s", name, origin, part, shown)
				}
			}
			if len(diags) == 0 && name != "output kept" && name != "builder" {
				t.Errorf("%s of a %s is accepted", name, origin)
			}
		}
	}
}

// Secrets that are written out in files must not be quoted with the line.
func TestLiteralSecretsAreMasked(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"argument": {"main.kustash.hcl": "credential \"client_secret\" \"x\" {\n  client_secret = \"bad-s3cr3t-Value\"\n}\nworkspace \"w\" {\n  workspace_id = \"w\"\n  auth         = credential.x\n}\n"},
		"default":  {"main.kustash.hcl": "variable \"v\" {\n  sensitive = true\n  type      = number\n  default   = \"s3cr3t-Value\"\n}\n"},
		"syntax":   {"main.kustash.hcl": "credential \"client_secret\" \"x\" {\n  client_secret = \"s3cr3t-Value\" oops\n}\n"},
		"unclosed": {"main.kustash.hcl": "credential \"client_secret\" \"x\" {\n  client_secret = \"s3cr3t-Value\n}\n"},
		"json":     {"main.kustash.json": "{\"credential\": {\"client_secret\": {\"x\": {\"client_secret\": \"bad-s3cr3t-Value\"}}},\n\"workspace\": {\"w\": {\"workspace_id\": \"w\", \"auth\": \"${credential.x}\"}}}"},
		"values": {"main.kustash.hcl": "variable \"pin\" {\n  sensitive = true\n  type      = number\n}\n",
			"kustash.vars.hcl": "pin = \"s3cr3t-Value\"\n"},
		"values, no quotes": {"main.kustash.hcl": "variable \"pin\" {\n  sensitive = true\n}\n", "kustash.vars.hcl": "pin = s3cr3t-Value\n"},
		"values, syntax":    {"main.kustash.hcl": "variable \"pin\" {\n  sensitive = true\n}\n", "kustash.vars.hcl": "pin = \"s3cr3t-Value\" x\n"},
		"values, json":      {"main.kustash.hcl": "variable \"pin\" {\n  sensitive = true\n  type = number\n}\n", "x.auto.vars.json": "{\"pin\": \"s3cr3t-Value\"}\n"},
	} {
		p, diags := Load(writeFiles(t, files), testOptions())
		if !diags.HasErrors() {
			t.Errorf("%s: no error", name)
		}
		if text := show(p, diags); strings.Contains(text, "s3cr3t") {
			t.Errorf("%s shows the secret:\n%s", name, text)
		}
	}
}

// Masking changes neither offsets nor what stands beside the secret.
func TestMaskedFiles(t *testing.T) {
	p, _ := loadText(t, "credential \"client_secret\" \"x\" {\n  tenant_id     = \"shown\"\n  client_secret = \"${env(\"AZURE_CLIENT_SECRET\")}-süß\"\n}\n")
	got := string(p.Files["main.kustash.hcl"].Bytes)
	want := "credential \"client_secret\" \"x\" {\n  tenant_id     = \"shown\"\n  client_secret = \"${env(\"AZURE_CLIENT_SECRET\")}******\"\n}\n"
	if got != want {
		t.Errorf("masked = %q, want %q", got, want)
	}
}

func TestSecretArgumentsOfTheCommandLine(t *testing.T) {
	dir := writeFiles(t, map[string]string{"main.kustash.hcl": "variable \"pin\" {\n  sensitive = true\n  type      = list(number)\n}\n"})
	for _, value := range []string{"[s3cr3t]", "\"s3cr3t\"", "[\"s3cr3t\"]", "[s3cr3t", strings.Repeat("[", 300) + "s3cr3t"} {
		o := testOptions()
		o.Vars = []VarArg{{Name: "pin", Value: value}}
		p, diags := Load(dir, o)
		if text := show(p, diags); !diags.HasErrors() || strings.Contains(text, "s3cr3t") {
			t.Errorf("-var pin=%s: %s", filepath.Base(value), text)
		}
	}
}
