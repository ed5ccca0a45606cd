package kustash_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// agreed are the modules that go.mod requires directly, each with its reason.
var agreed = map[string]string{
	"github.com/Azure/azure-sdk-for-go/sdk/azcore":         "options and tokens of azidentity",
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity":     "managed identities of all of Azure's machines, and the Azure CLI",
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob": "the state in a container of Azure Blob",
	"github.com/agext/levenshtein":                         "\"Did you mean\" for names in pipeline files and flags",
	"github.com/apache/arrow/go/v15":                       "records and schemas of the engine; writes Parquet",
	"github.com/aws/aws-sdk-go-v2":                         "settings and retries of the modules for S3",
	"github.com/aws/aws-sdk-go-v2/config":                  "keys of the default chain of AWS: single sign-on, roles of machines and containers",
	"github.com/aws/aws-sdk-go-v2/credentials":             "keys that a pipeline names",
	"github.com/aws/aws-sdk-go-v2/service/s3":              "archives in a bucket of S3",
	"github.com/aws/smithy-go":                             "errors of the modules for S3",
	"github.com/golang-jwt/jwt/v5":                         "signs the assertion of a certificate; azidentity has it anyway",
	"github.com/google/uuid":                               "ids of runs, locks and requests",
	"github.com/hashicorp/hcl/v2":                          "the language of pipeline files",
	"github.com/klauspost/compress":                        "gzip and zstd at the speed of the network",
	"github.com/rogpeppe/go-internal":                      "file locks that work on all three systems; script tests",
	"github.com/xitongsys/parquet-go":                      "reads Parquet back: verify shares no code with the writer",
	"github.com/zclconf/go-cty":                            "values and functions of pipeline files",
	"github.com/zclconf/go-cty-yaml":                       "yamldecode and yamlencode",
	"golang.org/x/oauth2":                                  "tokens",
	"golang.org/x/sync":                                    "a weighted semaphore that a cancelled wait leaves",
	"golang.org/x/sys":                                     "renames that never replace, on each system",
	"golang.org/x/term":                                    "whether there is a terminal, and its width",
	"software.sslmate.com/src/go-pkcs12":                   "PFX files; the one of azidentity cannot read those of OpenSSL 3",
}

func TestDependencies(t *testing.T) {
	raw, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	got := directRequirements(string(raw))
	for _, name := range got {
		if agreed[name] == "" {
			t.Errorf("go.mod requires %s, which is not agreed: add it to the list in modules_test.go with its reason", name)
		}
	}
	for name := range agreed {
		if !slices.Contains(got, name) {
			t.Errorf("go.mod no longer requires %s: remove it from the list in modules_test.go", name)
		}
	}
}

// directRequirements returns the modules of the require lines that are not
// marked as indirect.
func directRequirements(text string) (names []string) {
	inBlock := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 2 && fields[0] == "require" && fields[1] == "(":
			inBlock = true
			continue
		case len(fields) == 1 && fields[0] == ")":
			inBlock = false
		case len(fields) > 0 && fields[0] == "require":
			fields = fields[1:]
		case !inBlock:
			continue
		}
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") && !strings.HasSuffix(strings.TrimSpace(line), "// indirect") {
			names = append(names, fields[0])
		}
	}
	return names
}

func TestDirectRequirements(t *testing.T) {
	got := directRequirements(`module a.example/m

go 1.26.0

require b.example/one v1.0.0

require (
	b.example/two v2.0.0 // kept
	b.example/three v0.3.0 // indirect
)

replace b.example/one => ../one
`)
	if want := []string{"b.example/one", "b.example/two"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// machinePath is an absolute path that means something on one machine only.
var machinePath = regexp.MustCompile(`(?:^|[^A-Za-z0-9_./}-])(/(?:work|root|go/pkg/mod|home/[a-z][a-z0-9_-]*|Users/[A-Za-z]+)/)`)

// speaksOfPaths are files whose subject are the paths of other machines, with
// the reason.
var speaksOfPaths = map[string]string{
	"pipeline/config/functions_test.go": "what ~ stands for",
}

func TestNoMachinePaths(t *testing.T) {
	for _, name := range projectFiles(t) {
		raw, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(raw, 0) >= 0 || speaksOfPaths[name] != "" {
			continue
		}
		number := 0
		for line := range strings.Lines(string(raw)) {
			number++
			if found := machinePath.FindStringSubmatch(line); found != nil {
				t.Errorf("%s:%d: %s is a path of one machine", name, number, found[1])
			}
		}
	}
}

func TestMachinePath(t *testing.T) {
	for text, want := range map[string]bool{
		`cd /` + `work/main`:              true,
		`"/` + `root/.cache/x"`:           true,
		`=/` + `home/alice/pipeline`:      true,
		`/` + `go/pkg/mod/github.com`:     true,
		`/var/lib/kustash`:                false,
		`.github/workflows/ci.yml`:        false,
		`https://example.com/work/a`:      false,
		`archive/home/a/b`:                false,
		`${HOME}/work/b`:                  false,
		`the folder /home holds archives`: false,
	} {
		if got := machinePath.MatchString(text); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
}
