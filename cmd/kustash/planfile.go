package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
)

// planFormat is the version of saved plans.
const planFormat = 1

// planFile is a saved plan. It is refused when what it was made from has
// changed since.
type planFile struct {
	Kind     string `json:"kind"` // "kustash plan"
	Format   int    `json:"format_version"`
	Lineage  string `json:"lineage"` // "" if there was no state yet
	HeadSeq  int64  `json:"head_seq"`
	HeadHash string `json:"head_hash"`
	Config   string `json:"config"` // config.Pipeline.Hash
	Tool     string `json:"tool"`
	// Vars are the -var and -var-file arguments that the plan was made with.
	// Values of sensitive variables are left out: apply takes them anew.
	Vars []config.VarArg `json:"vars,omitempty"`
	// Tables are those that queries by table stood for, by address.
	Tables map[string][]pipeline.Table `json:"tables,omitempty"`
	// Refused are the queries that the plan leaves out.
	Refused []pipeline.Outside `json:"refused,omitempty"`
	pipeline.Plan
}

// sliceErrors returns what is not done whatever is applied.
func sliceErrors(told []pipeline.Outside) []pipeline.SliceError {
	var all []pipeline.SliceError
	for _, o := range told {
		all = append(all, pipeline.SliceError{Query: o.Query, Window: o.Window, Err: errors.New(o.Reason)})
	}
	return all
}

const planKind = "kustash plan"

func savePlan(name string, s *session, made *planned, vars []config.VarArg) error {
	var refused []pipeline.Outside
	for _, f := range made.refused {
		refused = append(refused, pipeline.Outside{Query: f.Query, Window: f.Window, Reason: f.Err.Error()})
	}
	data, err := json.MarshalIndent(planFile{
		Kind:     planKind,
		Format:   planFormat,
		Lineage:  s.snapshot.Lineage,
		HeadSeq:  s.snapshot.Seq,
		HeadHash: s.snapshot.Hash,
		Config:   s.Hash,
		Tool:     tool(),
		Vars:     slices.DeleteFunc(slices.Clone(vars), func(v config.VarArg) bool { return sensitive(s.Pipeline, v) }),
		Tables:   made.tables,
		Refused:  refused,
		Plan:     *made.plan,
	}, "", "  ")
	if err != nil {
		return err
	}
	// It may name data, in queries and keys: only who made it reads it.
	if err := durable.ReplacePrivate(name, append(data, '\n')); err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	return nil
}

func readPlan(name string) (*planFile, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	var f planFile
	if err := json.Unmarshal(data, &f); err != nil || f.Kind != planKind {
		return nil, fmt.Errorf("%s is not a plan that \"kustash plan -out=FILE\" saved", name)
	}
	if f.Format != planFormat {
		return nil, fmt.Errorf("%s has plan format %d, and this version reads %d; plan again", name, f.Format, planFormat)
	}
	return &f, nil
}

// sensitive reports whether the argument gives a value that is never saved.
func sensitive(pl *config.Pipeline, v config.VarArg) bool {
	return v.File == "" && slices.Contains(pl.Variables, config.DeclaredVariable{Name: v.Name, Sensitive: true})
}

// onlySensitive refuses variables that the saved plan has already decided on.
func (f *planFile) onlySensitive(pl *config.Pipeline, vars []config.VarArg) error {
	for _, v := range vars {
		if !sensitive(pl, v) {
			name := "-var " + v.Name
			if v.File != "" {
				name = "-var-file " + v.File
			}
			return fmt.Errorf("%s: a saved plan keeps the variables it was made with; only sensitive ones are given again", name)
		}
	}
	return nil
}

// stale returns why the plan does not fit the session any more.
func (f *planFile) stale(s *session, lineage string, seq int64, hash string) error {
	switch {
	case f.Config != s.Hash:
		return fmt.Errorf("the saved plan is stale: the pipeline's files or variables have changed since; plan again")
	case f.Lineage == "" && seq <= 1:
		return nil // the state has been founded since, and nothing else
	case f.Lineage != "" && f.Lineage != lineage:
		return fmt.Errorf("the saved plan is for another state (lineage %s, here %s); plan again", f.Lineage, lineage)
	case f.HeadSeq != seq || f.HeadHash != hash:
		return fmt.Errorf("the saved plan is stale: the state has changed since (segment %d then, %d now); plan again", f.HeadSeq, seq)
	}
	return nil
}
