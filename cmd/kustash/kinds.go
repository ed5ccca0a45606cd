package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/internal/azcontainer"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/pipeline/ledger"
	azblobstate "github.com/kustash/kustash/pipeline/ledger/azblob"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/azblob"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/local"
	"github.com/kustash/kustash/sinks/parquet"
	"github.com/kustash/kustash/sinks/s3"
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
			"azure_blob": func() any { return &azblobstate.Config{} },
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
			"local":      func() any { return &local.Config{} },
			"azure_blob": func() any { return &azblob.Config{} },
			"s3":         func() any { return &s3.Config{} },
		},
		Authenticated: map[string]bool{"azure_blob": true},
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
		&csv.Options{}, &csv.Options{Compression: "gzip"}, &csv.Options{Compression: "zstd"},
		&jsonl.Options{}, &jsonl.Options{Compression: "gzip"}, &jsonl.Options{Compression: "zstd"},
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
	credential, err := w.credential(b.Auth, b.Address, b.Dir)
	if err != nil {
		return nil, pipeline.Limits{}, err
	}
	source, err := loganalytics.New(c, credential, w.governors)
	if err != nil {
		return nil, pipeline.Limits{}, err
	}
	return source, source.Limits(), nil
}

// credential builds what a block declares, or the default chain; of is the block
// that asks, and dir where relative paths start.
func (p *process) credential(auth *config.CredentialBlock, of, dir string) (azauth.Credential, error) {
	if auth == nil {
		auth = &config.CredentialBlock{Kind: "default", Settings: &azauth.Default{}}
	}
	name := auth.Address
	if name == "" {
		name = "the credential of " + of
	}
	block := auth.Settings.(azauth.Block)
	switch s := auth.Settings.(type) {
	case *azauth.Certificate:
		c := *s
		c.Dir = dir
		block = c
	case *azauth.WorkloadIdentity:
		c := *s
		c.Dir = dir
		block = c
	case *azauth.ManagedIdentity:
		c := *s
		c.RetryDelay = p.pause
		block = c
	case *azauth.Default:
		block = azauth.Default{Limits: s.Limits, RetryDelay: p.pause}
	}
	credential, err := block.Credential(name, p.lookup)
	var setting *pipeline.SettingError
	if err == nil || errors.As(err, &setting) {
		return credential, err
	}
	// The environment lacks it, which verbs that stay offline need not care about.
	return azauth.Missing(fmt.Errorf("%s: %w: %w", name, pipeline.ErrAccess, err)), nil
}

// storageToken returns what gets tokens for a container; nil where its settings
// hold a secret.
func (p *process) storageToken(c azcontainer.Config, auth *config.CredentialBlock, of, dir string) (azcontainer.Token, error) {
	if auth != nil {
		if _, ok := auth.Settings.(*azauth.APIKey); ok {
			return nil, &pipeline.SettingError{Name: "auth", Err: errors.New("an API key opens the demo workspace only, and no container")}
		}
		if !c.NeedsToken() {
			return nil, &pipeline.SettingError{Name: "auth", Err: errors.New("there is a secret already, or the address is plain http, over which no token is sent; keep one of both")}
		}
	}
	if !c.NeedsToken() {
		return nil, nil
	}
	credential, err := p.credential(auth, of, dir)
	if err != nil {
		return nil, err
	}
	return azauth.TokenCredential(credential, azauth.Target{Authority: c.Authority(), Audience: azcontainer.Audience}), nil
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
	store, identity, err := w.store(b)
	if err != nil {
		return config.Sink{}, err
	}
	readers, err := allFormats()
	if err != nil {
		return config.Sink{}, err
	}
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

// store builds the store of a sink, and names its place: the key of coverage.
func (w *wiring) store(b config.SinkBlock) (store sinks.Store, identity string, err error) {
	switch c := b.Settings.(type) {
	case *local.Config:
		store, err = local.New(local.Config{Path: inDir(b.Dir, c.Path)})
		// As written: folder, state and archive can be moved together.
		return store, "local:" + filepath.ToSlash(filepath.Clean(c.Path)), err
	case *azblob.Config:
		token, err := w.storageToken(c.Config, b.Auth, b.Address, b.Dir)
		if err != nil {
			return nil, "", err
		}
		store, err = azblob.New(*c, token)
		return store, "azure_blob:" + c.Place(), err
	case *s3.Config:
		store, err = s3.New(*c)
		return store, "s3:" + c.Place(), err
	}
	panic(fmt.Sprintf("no store for %T", b.Settings))
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
	case *azblobstate.Config:
		token, err := p.storageToken(c.Config, pl.State.Auth, "the state", pl.Dir)
		if err != nil {
			return nil, fmt.Errorf("state: %w", err)
		}
		return azblobstate.Open(*c, token)
	}
	panic(fmt.Sprintf("no state for %T", pl.State.Settings))
}

// statePath names the place of the state.
func statePath(pl *config.Pipeline) string {
	switch c := pl.State.Settings.(type) {
	case *localState:
		return inDir(pl.Dir, c.Path)
	case *azblobstate.Config:
		return c.Place()
	}
	panic(fmt.Sprintf("no state for %T", pl.State.Settings))
}
