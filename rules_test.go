package kustash_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

// rule is one promise about every file.
type rule struct {
	name  string
	text  string
	check func(*file) (offences []string)
}

var rules = []rule{
	{"imports", "imports point one way, and no cgo; see the table of layers", checkImports},
	{"blank imports", "nothing registers itself by being imported", checkBlankImports},
	{"init", "no init functions; what is needed is built where it is used", checkInit},
	{"process", "only cmd touches arguments, environment, streams, signals and the exit", checkProcess},
	{"goroutines", "goroutines start in pipeline/run.go and cmd; see startsGoroutines", checkGoroutines},
	{"names", "a package is named for what it does", checkPackageName},
}

// ofProcess are the names of the standard library through which a package
// touches the process it runs in. A list that is empty is all of the package.
var ofProcess = map[string][]string{
	"flag":      nil,
	"fmt":       {"Print", "Printf", "Println"},
	"log":       nil,
	"log/slog":  {"Debug", "Info", "Warn", "Error", "Log", "LogAttrs", "DebugContext", "InfoContext", "WarnContext", "ErrorContext", "Default", "SetDefault"},
	"os":        {"Args", "Environ", "Exit", "ExpandEnv", "Getenv", "LookupEnv", "Setenv", "Stderr", "Stdin", "Stdout"},
	"os/signal": nil,
}

func checkProcess(f *file) (offences []string) {
	if within(f.path, "cmd") {
		return nil
	}
	f.selectors(func(n ast.Node, pkg, name string) {
		if names, ok := ofProcess[pkg]; ok && (names == nil || slices.Contains(names, name)) {
			offences = append(offences, f.at(n, "%s.%s", pkg, name))
		}
	})
	return offences
}

// selectors calls visit for each use of a name of an imported package.
func (f *file) selectors(visit func(n ast.Node, pkg, name string)) {
	imported := make(map[string]string)
	for _, spec := range f.tree.Imports {
		name := path.Base(importPath(spec))
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imported[name] = importPath(spec)
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && imported[x.Name] != "" {
				visit(s, imported[x.Name], s.Sel.Name)
			}
		}
		return true
	})
}

// startsGoroutines are the files outside cmd that may, with the reason.
var startsGoroutines = map[string]string{
	"pipeline/run.go":        "the workers of a run, and the renewal of its lock",
	"sinks/azblob/upload.go": "sends blocks while the next is filled",
	"pipeline/queue.go":      "wakes the workers that wait for a slice when the run is cancelled",
}

func checkGoroutines(f *file) (offences []string) {
	if within(f.path, "cmd") || f.forTests() || startsGoroutines[f.path] != "" {
		return nil
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			offences = append(offences, f.at(n, "go statement"))
		case *ast.CallExpr: // of a sync.WaitGroup or errgroup.Group
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Go" && len(n.Args) == 1 {
				offences = append(offences, f.at(n, "call of Go"))
			}
		}
		return true
	})
	f.selectors(func(n ast.Node, pkg, name string) {
		if name == "AfterFunc" && (pkg == "time" || pkg == "context") {
			offences = append(offences, f.at(n, "%s.AfterFunc", pkg))
		}
	})
	return offences
}

func checkInit(f *file) (offences []string) {
	for _, d := range f.tree.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
			offences = append(offences, f.at(d, "init"))
		}
	}
	return offences
}

func checkBlankImports(f *file) (offences []string) {
	for _, spec := range f.tree.Imports {
		if name := importPath(spec); spec.Name != nil && spec.Name.Name == "_" && name != "embed" {
			offences = append(offences, f.at(spec, "blank import of %s", name))
		}
	}
	return offences
}

var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "errors", "misc", "shared", "base"}

func checkPackageName(f *file) []string {
	if name := f.tree.Name.Name; slices.Contains(emptyNames, name) {
		return []string{f.at(f.tree.Name, "package %s", name)}
	}
	return nil
}

// TestRules shows that each rule finds its offence, and where.
func TestRules(t *testing.T) {
	const own = module + "/"
	tests := []struct {
		rule, path, source string
		want               string // beginning of the only offence; "" is none
	}{
		{"imports", "pipeline/x.go", "package pipeline\nimport \"" + own + "sinks\"", "pipeline/x.go:2: pipeline may not import sinks"},
		{"imports", "pipeline/x.go", "package pipeline\nimport \"github.com/hashicorp/hcl/v2\"", "pipeline/x.go:2: "},
		{"imports", "pipeline/x.go", "package pipeline\nimport (\n\"fmt\"\n\"" + arrow + "/arrow\"\n)", ""},
		{"imports", "sources/a/x.go", "package a\nimport \"" + own + "sinks/csv\"", "sources/a/x.go:2: sources/a may not import sinks/csv"},
		{"imports", "sources/a/x.go", "package a\nimport \"" + own + "sources/b\"", "sources/a/x.go:2: "},
		{"imports", "sources/a/x.go", "package a\nimport \"" + own + "sources/a/emulator\"", "sources/a/x.go:2: "},
		{"imports", "sources/a/x.go", "package a\nimport \"" + own + "pipeline/config\"", "sources/a/x.go:2: "},
		{"imports", "sinks/a/x.go", "package a\nimport \"" + own + "sinks/b\"", "sinks/a/x.go:2: "},
		{"imports", "sinks/a/x.go", "package a\nimport \"" + own + "sinks\"", ""},
		{"imports", "sinks/a/x.go", "package a\nimport \"" + own + "sinks/sinktest\"", "sinks/a/x.go:2: sinks/a imports sinks/sinktest, which is for tests"},
		{"imports", "internal/a/x.go", "package a\nimport \"" + own + "pipeline\"", "internal/a/x.go:2: "},
		{"imports", "internal/a/x.go", "package a\nimport \"C\"", "internal/a/x.go:2: cgo"},
		{"imports", "internal/a/x.go", "package a\nimport \"testing\"", "internal/a/x.go:2: testing outside tests"},
		{"imports", "sinks/sinktest/x.go", "package sinktest\nimport \"testing\"", ""},
		{"imports", "elsewhere/x.go", "package elsewhere", "elsewhere/x.go:1: package elsewhere has no line"},
		{"imports", "x.go", "package kustash", "x.go:1: package . has no line"},
		{"blank imports", "sinks/x.go", "package sinks\nimport _ \"image/png\"", "sinks/x.go:2: "},
		{"blank imports", "sinks/x.go", "package sinks\nimport _ \"embed\"", ""},
		{"init", "sinks/x.go", "package sinks\n\nfunc init() {}", "sinks/x.go:3: init"},
		{"init", "sinks/x.go", "package sinks\ntype t int\nfunc (t) init() {}", ""},
		{"process", "sinks/x.go", "package sinks\nimport \"os\"\nvar home = os.Getenv(\"HOME\")", "sinks/x.go:3: os.Getenv"},
		{"process", "sinks/x.go", "package sinks\nimport sys \"os\"\nfunc f() { sys.Exit(1) }", "sinks/x.go:3: os.Exit"},
		{"process", "sinks/x.go", "package sinks\nimport \"fmt\"\nfunc f() { fmt.Println() }", "sinks/x.go:3: fmt.Println"},
		{"process", "sinks/x.go", "package sinks\nimport \"log\"\nvar l = log.Default()", "sinks/x.go:3: log.Default"},
		{"process", "sinks/x.go", "package sinks\nimport \"os\"\nvar f = os.Open", ""},
		{"process", "cmd/kustash/x.go", "package main\nimport \"os\"\nfunc f() { os.Exit(1) }", ""},
		{"goroutines", "sinks/x.go", "package sinks\nfunc f() {\n\tgo f()\n}", "sinks/x.go:3: go statement"},
		{"goroutines", "sinks/x.go", "package sinks\nimport \"sync\"\nfunc f(g *sync.WaitGroup) { g.Go(nil) }", "sinks/x.go:3: call of Go"},
		{"goroutines", "sinks/x.go", "package sinks\nimport \"time\"\nvar t = time.AfterFunc(1, nil)", "sinks/x.go:3: time.AfterFunc"},
		{"goroutines", "pipeline/run.go", "package pipeline\nfunc f() { go f() }", ""},
		{"names", "internal/util/x.go", "package util", "internal/util/x.go:1: package util"},
	}
	for _, tt := range tests {
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, tt.path, tt.source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(rules, func(r rule) bool { return r.name == tt.rule })
		got := rules[i].check(&file{tt.path, set, tree})
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tt.want)) {
			t.Errorf("rule %s on %s:\n%s\ngot  %q\nwant %q", tt.rule, tt.path, tt.source, got, tt.want)
		}
	}
}
