package config

import (
	"sort"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/kustash/kustash/pipeline"
)

// Options are what a load depends on besides the files.
type Options struct {
	Kinds Kinds
	// Env looks up an environment variable; nil is an empty environment.
	Env func(name string) (value string, ok bool)
	// Vars are the -var and -var-file arguments in the order given.
	Vars []VarArg
	// ToolVersion is compared with required_version. A version that is not
	// three numbers, such as "dev", satisfies everything.
	ToolVersion string
}

// Pipeline is a loaded directory. Everything in it has been checked as far as
// that is possible without the network, if the diagnostics hold no error.
type Pipeline struct {
	Dir     string
	Files   map[string]*hcl.File // by name, for WriteDiagnostics; literal secrets are masked
	State   State
	Exports []pipeline.Export // by address
	Tables  []TableQuery      // by address: queries whose exports the workspaces have to name
	Outputs []Output          // by name
	Moves   []Move            // in the order in which they are to be made
	// Workspaces and Sinks are by address, used by a query or not.
	Workspaces []Workspace
	Sinks      []DeclaredSink
	Variables  []DeclaredVariable // by name
	// Hash is the SHA-256, in hex, of the pipeline files, of the files,
	// environment variables and variable values that were used. Sensitive
	// values are left out.
	Hash string
}

// Workspace is a declared workspace with its source.
type Workspace struct {
	Address string
	ID      string // the argument workspace_id, or resource_id
	Source  pipeline.Source
	Limits  pipeline.Limits
}

// DeclaredVariable is a variable of the pipeline.
type DeclaredVariable struct {
	Name      string
	Sensitive bool
}

// DeclaredSink is a declared sink with its address.
type DeclaredSink struct {
	Address string
	Kind    string
	Sink
}

// Load reads the pipeline in dir. The diagnostics are all that could be found,
// in the order of files and lines, and hold no sensitive value. The pipeline is
// never nil; with errors among the diagnostics it serves for quoting the
// source and must not be run.
func Load(dir string, o Options) (*Pipeline, hcl.Diagnostics) {
	l := newLoader(dir, o)
	p := l.load()
	p.Files = l.maskedFiles()
	p.Hash = l.hash()
	return p, l.finish()
}

// loader is one load. Blocks are evaluated when they are first referred to, so
// their order does not matter; every problem goes to diags.
type loader struct {
	Options
	dir       string
	files     map[string]*hcl.File
	diags     hcl.Diagnostics
	functions map[string]function.Function

	variables map[string]*variable
	locals    map[string]*local
	blocks    map[string]map[string]*block // by type and name
	outputs   []*hcl.Block
	moved     []*hcl.Block
	settings  *hcl.Block // the kustash block

	told    map[hcl.Range]bool // see tell
	stack   []string           // addresses of what is being evaluated
	secrets secrets
	inputs  map[string]string // what came from outside, for the hash
}

func newLoader(dir string, o Options) *loader {
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	l := &loader{
		Options:   o,
		dir:       dir,
		files:     make(map[string]*hcl.File),
		variables: make(map[string]*variable),
		locals:    make(map[string]*local),
		blocks:    make(map[string]map[string]*block),
		inputs:    make(map[string]string),
		told:      make(map[hcl.Range]bool),
	}
	for _, class := range []string{"credential", "workspace", "sink", "query"} {
		l.blocks[class] = make(map[string]*block)
	}
	l.functions = l.allFunctions()
	return l
}

func (l *loader) load() *Pipeline {
	p := &Pipeline{Dir: l.dir}
	bodies := l.readPipeline()
	for _, body := range bodies {
		l.collect(body)
	}
	if !l.versionFits() {
		return p
	}
	l.assignVariables()
	l.validateVariables()
	for _, name := range sortedKeys(l.variables) {
		p.Variables = append(p.Variables, DeclaredVariable{name, l.variables[name].sensitive})
	}
	p.State = l.state()
	p.State.Sure = !l.diags.HasErrors()
	for _, name := range sortedKeys(l.locals) {
		l.localValue(l.locals[name])
	}
	for _, b := range l.all("credential") {
		l.evaluate(b)
	}
	for _, b := range l.all("workspace") {
		l.evaluate(b)
		for _, in := range b.usable() {
			p.Workspaces = append(p.Workspaces, Workspace{in.address, in.workspaceID(), in.source, in.limits})
		}
	}
	for _, b := range l.all("sink") {
		l.evaluate(b)
		for _, in := range b.usable() {
			p.Sinks = append(p.Sinks, DeclaredSink{in.address, in.kind, in.sink})
		}
	}
	for _, b := range l.all("query") {
		l.evaluate(b)
		for _, in := range b.usable() {
			if in.tables != nil {
				p.Tables = append(p.Tables, *in.tables)
				continue
			}
			p.Exports = append(p.Exports, in.export)
		}
	}
	p.Moves = l.evaluateMoves()
	p.Outputs = l.evaluateOutputs()
	return p
}

// all returns the blocks of a type by name.
func (l *loader) all(class string) []*block {
	var all []*block
	for _, name := range sortedKeys(l.blocks[class]) {
		all = append(all, l.blocks[class][name])
	}
	return all
}

// evaluate fills in a block, once.
func (l *loader) evaluate(b *block) cty.Value { return l.evaluateAt(b, b.block.DefRange) }

// evaluateAt evaluates a block that is referred to at a place.
func (l *loader) evaluateAt(b *block, at hcl.Range) cty.Value {
	if b.evaluated {
		return b.value
	}
	if !l.enter(b.address(), at) {
		return cty.DynamicVal
	}
	defer l.leave()
	switch b.class {
	case "credential":
		l.evaluateCredential(b)
	case "workspace":
		l.evaluateWorkspace(b)
	case "sink":
		l.evaluateSink(b)
	case "query":
		l.evaluateQuery(b)
	}
	b.evaluated = true
	return b.value
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
