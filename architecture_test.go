// Package kustash_test holds the rules of the code base that a compiler does
// not know: which package may import which, what only the command may touch,
// which modules are agreed on. A rule that is broken is named with file and
// line. Changing a table below is a decision, and shows as such in review.
package kustash_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/kustash/kustash"

const arrow = "github.com/apache/arrow/go/v15"

// layer says what the packages of a folder may import besides the standard
// library. Names of packages are patterns of path.Match, relative to the root.
type layer struct {
	packages string
	project  []string // packages of this project
	modules  []string // packages of others, and what is below them
}

// layers is searched from the top; the first match holds. A package that no
// line names fails, so a new folder is placed here first.
var layers = []layer{
	{"cmd/kustash",
		[]string{"pipeline", "pipeline/*", "pipeline/ledger/azblob", "sources/*", "sources/*/emulator", "sinks", "sinks/*", "internal/*"},
		[]string{arrow, "github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty", "golang.org/x/sys", "golang.org/x/term"}},

	{"pipeline", nil, []string{arrow}},
	{"pipeline/config",
		[]string{"pipeline", "internal/secret"},
		[]string{"github.com/agext/levenshtein", "github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty", "github.com/zclconf/go-cty-yaml"}},
	{"pipeline/ledger",
		[]string{"pipeline", "internal/durable"},
		[]string{"github.com/google/uuid", "github.com/rogpeppe/go-internal/lockedfile", "golang.org/x/sys"}},
	{"pipeline/ledger/azblob", []string{"pipeline", "pipeline/ledger", "internal/azcontainer"},
		[]string{"github.com/Azure/azure-sdk-for-go/sdk/azcore", "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"}},
	{"pipeline/ledger/ledgertest", []string{"pipeline", "pipeline/ledger"}, nil},

	{"sources/*/emulator/kql", []string{"pipeline"}, nil},
	{"sources/*/emulator",
		[]string{"pipeline", "sources/*/emulator/kql"},
		[]string{"github.com/agext/levenshtein", "github.com/google/uuid", "github.com/klauspost/compress"}},
	{"sources/*",
		[]string{"pipeline", "internal/*"},
		[]string{arrow, "github.com/agext/levenshtein", "github.com/google/uuid", "github.com/klauspost/compress", "golang.org/x/oauth2", "golang.org/x/sync/semaphore", "golang.org/x/time"}},

	{"sinks", []string{"pipeline", "internal/*"}, []string{arrow, "github.com/agext/levenshtein", "github.com/klauspost/compress"}},
	{"sinks/sinktest", []string{"pipeline", "sinks"}, []string{arrow, "github.com/klauspost/compress"}},
	{"sinks/parquet", []string{"pipeline", "sinks", "internal/*"}, []string{arrow, "github.com/xitongsys/parquet-go", "github.com/klauspost/compress"}},
	{"sinks/azblob", []string{"pipeline", "sinks", "internal/azcontainer"},
		[]string{"github.com/Azure/azure-sdk-for-go/sdk/azcore", "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob", "github.com/google/uuid"}},
	{"sinks/s3", []string{"pipeline", "sinks", "internal/*"}, []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	{"sinks/s3/s3test", nil, nil},
	{"sinks/*", []string{"pipeline", "sinks", "internal/*"}, []string{arrow, "github.com/google/uuid"}},

	// Refusals of a token endpoint are errors of the contract, so this one
	// package below the sources knows it.
	{"internal/azauth", []string{"pipeline", "internal/secret"},
		[]string{"golang.org/x/oauth2", "github.com/Azure/azure-sdk-for-go/sdk/azcore", "github.com/Azure/azure-sdk-for-go/sdk/azidentity",
			"github.com/golang-jwt/jwt/v5", "github.com/google/uuid", "software.sslmate.com/src/go-pkcs12"}},
	{"internal/azcontainer/wormtest", nil, nil},
	// Wrong settings and what may not be read are errors of the contract.
	{"internal/azcontainer", []string{"pipeline", "internal/secret"},
		[]string{"github.com/Azure/azure-sdk-for-go/sdk/azcore", "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"}},
	{"internal/durable/durabletest", []string{"internal/durable"}, nil},
	{"internal/*", []string{"internal/*"}, []string{"golang.org/x/sys"}},
}

// file is one Go file of the module that is not a test.
type file struct {
	path string // relative to the root, with slashes
	set  *token.FileSet
	tree *ast.File
}

// at words an offence at a place in the file.
func (f *file) at(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.path, f.set.Position(n.Pos()).Line, fmt.Sprintf(format, args...))
}

func (f *file) dir() string { return path.Dir(f.path) }

// forTests reports whether the file belongs to a suite or fake that only tests
// import: a package whose name ends in "test".
func (f *file) forTests() bool { return isTestSupport(f.dir()) }

func isTestSupport(dir string) bool { return strings.HasSuffix(dir, "test") }

func TestArchitecture(t *testing.T) {
	files := goFiles(t)
	if len(files) < 20 {
		t.Fatalf("found %d Go files, want the whole module", len(files))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range files {
				for _, offence := range r.check(f) {
					t.Errorf("%s\n\trule: %s", offence, r.text)
				}
			}
		})
	}
}

// checkImports finds arrows that layers does not allow.
func checkImports(f *file) (offences []string) {
	i := slices.IndexFunc(layers, func(l layer) bool { return matches([]string{l.packages}, f.dir()) })
	if i < 0 {
		return []string{f.at(f.tree.Name, "package %s has no line in the table of layers", f.dir())}
	}
	l := layers[i]
	for _, spec := range f.tree.Imports {
		name := importPath(spec)
		own, isOwn := strings.CutPrefix(name, module+"/")
		first, _, _ := strings.Cut(name, "/")
		switch {
		case name == "C":
			offences = append(offences, f.at(spec, "cgo"))
		case isOwn && isTestSupport(own):
			if !f.forTests() {
				offences = append(offences, f.at(spec, "%s imports %s, which is for tests", f.dir(), own))
			}
		case isOwn:
			if !matches(l.project, own) {
				offences = append(offences, f.at(spec, "%s may not import %s", f.dir(), own))
			}
		case name == "testing" && !f.forTests():
			offences = append(offences, f.at(spec, "testing outside tests"))
		case strings.Contains(first, ".") && !slices.ContainsFunc(l.modules, func(m string) bool { return within(name, m) }):
			offences = append(offences, f.at(spec, "%s may not import %s", f.dir(), name))
		}
	}
	return offences
}

func importPath(spec *ast.ImportSpec) string {
	name, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic(err) // the parser has accepted it
	}
	return name
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		if err != nil {
			panic(err) // the patterns are constants
		}
		return ok
	})
}

func within(name, parent string) bool { return name == parent || strings.HasPrefix(name, parent+"/") }

// goFiles parses the files of the module that are not tests, whatever system
// they are for.
func goFiles(t *testing.T) []*file {
	t.Helper()
	var files []*file
	set := token.NewFileSet()
	for _, name := range projectFiles(t) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || inOtherModule(name) {
			continue
		}
		tree, err := parser.ParseFile(set, filepath.FromSlash(name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, &file{name, set, tree})
	}
	return files
}

// inOtherModule reports whether a file is below interop, where each folder is a
// module of its own.
func inOtherModule(name string) bool { return within(name, "interop") }

// projectFiles lists what is or could be committed, relative to the root.
func projectFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if slices.Contains(notCommitted, name) {
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil // the .git of a second working tree is a file
		}
		if e.Type().IsRegular() {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// notCommitted are folders that the Makefile or git makes.
var notCommitted = []string{".git", "bin", "dist", "kustash-demo", "interop/js/node_modules", "interop/kql/node_modules", "interop/duckdb/node_modules", "interop/readers/node_modules", "interop/azurite/node_modules"}

func TestNotCommittedIsIgnored(t *testing.T) {
	raw, err := os.ReadFile(".gitignore")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(raw))
	for _, dir := range notCommitted[1:] {
		if !slices.Contains(lines, "/"+dir+"/") {
			t.Errorf("the rules pass over %s, but .gitignore has no line /%s/", dir, dir)
		}
	}
}
