package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/pipeline/ledger/azblob"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/local"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sources/loganalytics"
)

// localState is the block state "local".
type localState struct {
	Path string `hcl:"path,optional"`
}

// kinds lists what blocks there are and builds what they declare. This file is
// the only place that knows all of them.
func (p *process) kinds() config.Kinds {
	w := &wiring{process: p, governors: loganalytics.NewGovernors()}
	w.governors.Pause = p.pause
	return config.Kinds{
		States: map[string]func() any{
			"local":      func() any { return &localState{Path: ".kustash"} },
			"azure_blob": func() any { return &azblob.Config{} },
		},
		Credentials: map[string]func() any{
			"default":           func() any { return &azauth.Default{} },
			"client_secret":     func() any { return &azauth.ClientSecret{} },
			"certificate":       func() any { return &azauth.Certificate{} },
			"workload_identity": func() any { return &azauth.WorkloadIdentity{} },
			"managed_identity":  func() any { return &azauth.ManagedIdentity{} },
			"azure_cli":         func() any { return &azauth.AzureCLI{} },
			"api_key":           func() any { return &azauth.APIKey{} },
		},
		Sinks: map[string]func() any{
			"local": func() any { return &local.Config{} },
		},
		Formats: map[string]func() any{
			"parquet": func() any { return &parquet.Options{} },
			"csv":     func() any { return &csv.Options{} },
			"jsonl":   func() any { return &jsonl.Options{} },
		},
		Workspace: func() any { return &loganalytics.Config{} },
		Source:    w.source,
		Sink:      w.sink,
	}
}

// wiring is what the blocks of one load share.
type wiring struct {
	*process
	governors *loganalytics.Governors
}

// allFormats can read back what a sink wrote before its format was changed.
func allFormats() ([]sinks.Format, error) {
	var all []sinks.Format
	for _, settings := range []any{
		&parquet.Options{},
		&csv.Options{}, &csv.Options{Compression: "gzip"},
		&jsonl.Options{}, &jsonl.Options{Compression: "gzip"},
	} {
		f, err := newFormat(settings)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func (w *wiring) source(b config.WorkspaceBlock) (pipeline.Source, pipeline.Limits, error) {
	c := *b.Settings.(*loganalytics.Config)
	c.Dir, c.Tool = b.Dir, "kustash/"+toolVersion()
	credential, err := w.credential(b)
	if err != nil {
		return nil, pipeline.Limits{}, err
	}
	source, err := loganalytics.New(c, credential, w.governors)
	if err != nil {
		return nil, pipeline.Limits{}, err
	}
	return source, source.Limits(), nil
}

// credential builds what a workspace declares, or the default chain.
func (w *wiring) credential(b config.WorkspaceBlock) (azauth.Credential, error) {
	auth := b.Auth
	if auth == nil {
		auth = &config.CredentialBlock{Kind: "default", Settings: &azauth.Default{}}
	}
	name := auth.Address
	if name == "" {
		name = "the credential of " + b.Address
	}
	block := auth.Settings.(azauth.Block)
	switch s := auth.Settings.(type) {
	case *azauth.Certificate:
		c := *s
		c.Dir = b.Dir
		block = c
	case *azauth.WorkloadIdentity:
		c := *s
		c.Dir = b.Dir
		block = c
	case *azauth.ManagedIdentity:
		c := *s
		c.RetryDelay = w.pause
		block = c
	case *azauth.Default:
		block = azauth.Default{Limits: s.Limits, RetryDelay: w.pause}
	}
	credential, err := block.Credential(name, w.lookup)
	var setting *pipeline.SettingError
	if err == nil || errors.As(err, &setting) {
		return credential, err
	}
	// The environment lacks it, which verbs that stay offline need not care about.
	return azauth.Missing(fmt.Errorf("%s: %w: %w", name, pipeline.ErrAccess, err)), nil
}

func (w *wiring) sink(b config.SinkBlock) (config.Sink, error) {
	layout, err := sinks.ParseLayout(b.Layout)
	if err != nil {
		return config.Sink{}, &pipeline.SettingError{Name: "layout", Err: err}
	}
	format, err := newFormat(b.FormatSettings)
	if err != nil {
		return config.Sink{}, err
	}
	c := *b.Settings.(*local.Config)
	store, err := local.New(local.Config{Path: inDir(b.Dir, c.Path)})
	if err != nil {
		return config.Sink{}, err
	}
	readers, err := allFormats()
	if err != nil {
		return config.Sink{}, err
	}
	// The place as written: folder, state and archive can be moved together.
	identity := "local:" + filepath.ToSlash(filepath.Clean(c.Path))
	sink, err := sinks.New(sinks.Options{Identity: identity, Format: format, Store: store, Layout: layout, Readers: readers})
	if err != nil {
		return config.Sink{}, err
	}
	return config.Sink{
		Identity: identity,
		Calendar: layout.Calendar(),
		Sink:     sink,
	}, nil
}

// newFormat builds a format from its block's settings.
func newFormat(settings any) (sinks.Format, error) {
	switch o := settings.(type) {
	case *parquet.Options:
		return parquet.New(*o)
	case *csv.Options:
		return csv.New(*o)
	case *jsonl.Options:
		return jsonl.New(*o)
	}
	panic(fmt.Sprintf("no format for %T", settings))
}

// inDir returns a path of a pipeline file as the process can open it.
func inDir(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// stateStore returns the store of the pipeline's state. The loader has checked
// its settings.
func (p *process) stateStore(pl *config.Pipeline) (ledger.Store, error) {
	switch c := pl.State.Settings.(type) {
	case *localState:
		return ledger.NewDir(statePath(pl)), nil
	case *azblob.Config:
		chain, err := azauth.Default{RetryDelay: p.pause}.Credential("the default chain of credentials", p.lookup)
		if err != nil {
			chain = azauth.Missing(fmt.Errorf("%w: %w", pipeline.ErrAccess, err))
		}
		return azblob.Open(*c, azauth.TokenCredential(chain, azblob.Audience))
	}
	panic(fmt.Sprintf("no state for %T", pl.State.Settings))
}

// statePath names the place of the state.
func statePath(pl *config.Pipeline) string {
	switch c := pl.State.Settings.(type) {
	case *localState:
		return inDir(pl.Dir, c.Path)
	case *azblob.Config:
		return c.Place()
	}
	panic(fmt.Sprintf("no state for %T", pl.State.Settings))
}
