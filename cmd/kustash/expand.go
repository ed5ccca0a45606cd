package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
)

// exports returns what the pipeline exports, as far as it is known: queries by
// table have the instances that the ledger knows until findTables has asked.
func (s *session) exports() []pipeline.Export {
	if len(s.instances) == 0 {
		return s.Pipeline.Exports
	}
	all := append(slices.Clone(s.Pipeline.Exports), s.instances...)
	slices.SortStableFunc(all, func(a, b pipeline.Export) int { return cmp.Compare(a.Query.Address, b.Query.Address) })
	return all
}

// templates returns the exports and the queries by table, for what concerns
// sources and sinks alone.
func (s *session) templates() []pipeline.Export {
	all := s.exports()
	for _, q := range s.Tables {
		all = append(all[:len(all):len(all)], q.Template)
	}
	return all
}

// recall takes the instances of queries by table from the ledger, which needs
// no network.
func (s *session) recall() {
	s.instances = nil
	for _, q := range s.Tables {
		for _, e := range q.Recorded(s.history) {
			s.instances = append(s.instances, e)
		}
	}
}

// untold returns the addresses of the queries by table of which the state has
// no instance yet.
func (s *session) untold() []string {
	var addresses []string
	for _, q := range s.Tables {
		if len(q.Recorded(s.history)) == 0 {
			addresses = append(addresses, q.Template.Query.Address)
		}
	}
	return addresses
}

// settleOn takes the instances from a saved plan, and the others that the
// ledger knows.
func (s *session) settleOn(tables map[string][]pipeline.Table) {
	s.instances = nil
	for _, q := range s.Tables {
		known := q.Recorded(s.history)
		for _, t := range tables[q.Template.Query.Address] {
			known[t.Name] = q.Instance(t)
		}
		for _, e := range known {
			s.instances = append(s.instances, e)
		}
	}
}

// foundTables are the tables of the queries by table, as the workspaces have
// them.
type foundTables struct {
	tables  map[string][]pipeline.Table // by address of the query
	gone    []pipeline.Export           // instances whose table is there no longer
	notes   []string
	refused []pipeline.SliceError
}

// findTables asks the workspaces which tables the queries by table stand for:
// those that the ledger knows already, and those with a row in the window. It
// makes them the session's instances. Names that no table has are reported
// like other mistakes of the pipeline's files.
func (p *process) findTables(ctx context.Context, s *session, now time.Time, retry pipeline.Retry, asJSON bool) (*foundTables, error) {
	f := &foundTables{tables: make(map[string][]pipeline.Table)}
	var instances []pipeline.Export
	var diags hcl.Diagnostics
	for _, q := range s.Tables {
		recorded := q.Recorded(s.history)
		chosen, wrong, err := f.choose(ctx, q, recorded, now, retry)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil: // what the ledger knows can go on without the list
			f.refuse(q.Template.Query.Address, q.Template.Span.Resolve(now), fmt.Errorf("find the tables of %s: %w", q.Template.Workspace, err))
			for _, e := range recorded {
				instances = append(instances, e)
			}
			continue
		}
		diags = append(diags, wrong...)
		f.tables[q.Template.Query.Address] = chosen
		for _, t := range chosen {
			instances = append(instances, q.Instance(t))
		}
	}
	s.instances = instances
	return f, p.report(s.Pipeline, diags, asJSON)
}

func (f *foundTables) refuse(query string, w pipeline.Window, err error) {
	f.refused = append(f.refused, pipeline.SliceError{Query: query, Window: w, Err: err})
}

func (f *foundTables) note(format string, values ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, values...))
}

// choose returns the tables that one query exports.
func (f *foundTables) choose(ctx context.Context, q config.TableQuery, recorded map[string]pipeline.Export, now time.Time, retry pipeline.Retry) ([]pipeline.Table, hcl.Diagnostics, error) {
	c, ok := q.Template.Source.(pipeline.Catalog)
	if !ok {
		return nil, nil, errors.New("it has no list of tables")
	}
	var all []pipeline.Table
	err := retry.Do(ctx, func() (err error) {
		all, err = c.Tables(ctx)
		return err
	}, nil)
	if err != nil {
		return nil, nil, err
	}
	selected, notes, diags := q.Select(all)
	f.notes = append(f.notes, notes...)
	f.missed(q, recorded, all)
	var known, fresh []pipeline.Table
	for _, t := range selected {
		if _, ok := recorded[t.Name]; ok || q.Template.Query.Plan != pipeline.Analytics {
			known = append(known, t) // one that the ledger has, or whose rows cost money to look for
			continue
		}
		fresh = append(fresh, t)
	}
	w := q.Template.Span.Resolve(now)
	if w.Empty() {
		return known, diags, nil
	}
	occupied, refused, err := pipeline.Occupied(ctx, c, fresh, w, retry)
	for _, t := range fresh {
		if reason := refused[t.Name]; reason != nil {
			f.refuse(q.Address(t.Name), w, fmt.Errorf("look for rows of the table: %w; name it in except, or give its plan", reason))
		}
	}
	if len(recorded) > 0 {
		for _, t := range occupied {
			f.note("%s is new: there was no such table, or no row in it, when the state was written last", q.Address(t.Name))
		}
	}
	if n := len(fresh) - len(occupied) - len(refused); n > 0 && err == nil {
		f.note("%s leaves out %s without a row in its window", q.Template.Query.Address, count(n, "table"))
	}
	return append(known, occupied...), diags, err
}

// missed notes the recorded instances whose table is there no longer.
func (f *foundTables) missed(q config.TableQuery, recorded map[string]pipeline.Export, all []pipeline.Table) {
	var names []string
	for name := range recorded {
		if !slices.ContainsFunc(all, func(t pipeline.Table) bool { return t.Name == name }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		f.gone = append(f.gone, recorded[name])
		f.note("%s: %s has no table %s any more, or does not show it to this credential; what is archived is kept, no longer exported. Name it in except to take it out of status",
			q.Address(name), q.Template.Workspace, name)
	}
}

// absent finds the queries that wait for a table, and notes them.
func (f *foundTables) absent(ctx context.Context, exports []pipeline.Export, retry pipeline.Retry) (map[string]bool, error) {
	all, err := pipeline.Absent(ctx, exports, retry)
	if err != nil {
		return nil, fmt.Errorf("look for missing tables: %w", err)
	}
	waiting := make(map[string]bool)
	for _, a := range all {
		waiting[a.Query] = true
		f.note("%s: table %s does not exist yet, or this credential does not see it; skipped, and exported from the start of its window once it is there", a.Query, strings.Join(a.Tables, ", "))
	}
	return waiting, nil
}

// explain adds the names of tables that a refused query asks for and that the
// workspace does not have.
func explain(ctx context.Context, exports []pipeline.Export, refused []pipeline.SliceError) {
	for i, r := range refused {
		at := slices.IndexFunc(exports, func(e pipeline.Export) bool { return e.Query.Address == r.Query })
		if at < 0 || !errors.Is(r.Err, pipeline.ErrQuery) {
			continue
		}
		c, ok := exports[at].Source.(pipeline.Catalog)
		if !ok {
			continue
		}
		missing, err := c.Missing(ctx, exports[at].Query)
		if err != nil || len(missing) == 0 {
			continue
		}
		var names []string
		if all, err := c.Tables(ctx); err == nil {
			for _, t := range all {
				names = append(names, t.Name)
			}
		}
		refused[i].Err = fmt.Errorf("%s has no table %s, or does not show it to this credential.%s missing_table = \"skip\" waits for it. %w",
			exports[at].Workspace, strings.Join(missing, ", "), config.DidYouMean(missing[0], names), r.Err)
	}
}

// billed notes the slices that cost money.
func (pl *planned) billed() {
	for _, e := range pl.exports {
		n := 0
		for _, s := range pl.plan.Slices {
			if s.Query == e.Query.Address {
				n++
			}
		}
		if e.Query.Plan != pipeline.Analytics && n > 0 {
			pl.notes = append(pl.notes, fmt.Sprintf("%s reads a table of the plan %s: the service bills each of the %s by the GB that it scans", e.Query.Address, e.Query.Plan, count(n, "slice")))
		}
	}
}
