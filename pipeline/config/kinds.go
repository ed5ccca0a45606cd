package config

import "github.com/kustash/kustash/pipeline"

// Kinds tells the loader which kinds of blocks there are and builds what they
// declare. Each func() any returns a pointer to a fresh struct that is filled
// with defaults. Its fields carry tags as in gohcl: `hcl:"name"` is a required
// argument, `hcl:"name,optional"` one that may be left out, `hcl:"name,block"`
// a nested block. A block field that is a struct or a pointer to one takes at
// most one block and keeps its default without any; one that is a slice takes
// any number. A field of type secret.Text takes sensitive values, a
// time.Duration is written like "1h30m".
type Kinds struct {
	States, Credentials, Sinks, Formats map[string]func() any

	// Workspace makes the settings of a workspace. The arguments workspace_id,
	// resource_id, cloud and endpoint, where it has them, can be referred to.
	Workspace func() any

	// Authenticated names the kinds of sinks and states that take auth, an
	// argument or a block, as workspaces do.
	Authenticated map[string]bool

	// Source and Sink build what a block declares. They must not touch the
	// network or write anything. A *pipeline.SettingError is shown at the
	// argument it names ("limits.rows" is one of a nested block), any other
	// error at the block's header; joined errors are shown one by one.
	Source func(WorkspaceBlock) (pipeline.Source, pipeline.Limits, error)
	Sink   func(SinkBlock) (Sink, error)
}

// CredentialBlock is a declared credential.
type CredentialBlock struct {
	Address  string // credential.NAME; "" for an inline auth block
	Kind     string
	Settings any // what Kinds.Credentials[Kind] returned, filled in
}

// WorkspaceBlock is a declared workspace.
type WorkspaceBlock struct {
	Address  string // workspace.NAME or workspace.NAME["key"]
	Name     string
	Dir      string // of the pipeline; relative paths start here
	Settings any    // what Kinds.Workspace returned, filled in
	// Auth is the credential; nil is the default chain. Workspaces that refer
	// to the same credential block get the same pointer, and those with the
	// default chain nil, so limits of a principal can be shared by it.
	Auth *CredentialBlock
}

// SinkBlock is a declared sink.
type SinkBlock struct {
	Address        string // sink.NAME or sink.NAME["key"]
	Name           string
	Kind           string
	Dir            string           // of the pipeline; relative paths start here
	Settings       any              // what Kinds.Sinks[Kind] returned, filled in
	Auth           *CredentialBlock // as of WorkspaceBlock
	Format         string           // kind of the format
	FormatSettings any              // what Kinds.Formats[Format] returned, filled in
	Layout         string           // template of the folders, DefaultLayout if left out
}

// DefaultLayout and DefaultFormat hold for a sink that says nothing else.
const (
	DefaultLayout = "{query}/date={date}"
	DefaultFormat = "parquet"
)

// Sink is a sink as Kinds.Sink built it.
type Sink struct {
	Identity   string            // kind and place: the key of coverage
	Calendar   pipeline.Calendar // what one folder of the layout covers
	WriteEmpty bool              // empty = "file": a slice without rows leaves a file too; the loader sets it
	Keep       bool              // superseded = "keep": objects stay when others take over; the loader sets it
	// MaxRows and MaxBytes bound a file; 0 is no bound. The loader sets them.
	MaxRows, MaxBytes int64
	Sink              pipeline.Sink
}

// State is the declared place of the ledger.
type State struct {
	Kind     string
	Settings any              // what Kinds.States[Kind] returned, filled in
	Auth     *CredentialBlock // as of WorkspaceBlock
	// Sure says that no mistake was found in what it depends on, so that it is
	// the pipeline's whatever is wrong elsewhere.
	Sure bool
}

// DefaultState is the kind of state of a pipeline that declares none.
const DefaultState = "local"
