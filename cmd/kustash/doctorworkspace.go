package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/sources/loganalytics"
)

// examined is implemented by sources that can be looked into.
type examined interface {
	pipeline.Source
	pipeline.Clock
	pipeline.Catalog
	asker
	Access() loganalytics.Access
	Claims(context.Context) (azauth.Claims, error)
	Reads(q pipeline.Query) []string
}

// patient is a workspace, with what earlier checks have found out about it.
type patient struct {
	*doctor
	address string // workspace.NAME
	source  examined
	access  loganalytics.Access
	claims  azauth.Claims // zero until there is a token that can be read
	// offset is how much this machine's clock is ahead of the endpoint's.
	offset    time.Duration
	hasOffset bool
	tables    []string // that could be read
}

// workspaceChecks lists the checks of a workspace and the queries that read it.
func (d *doctor) workspaceChecks(w config.Workspace, exports []pipeline.Export, byTable []config.TableQuery) []check {
	source, ok := w.Source.(examined)
	if !ok {
		return []check{{step: "query", target: w.Address, within: w.Address, run: func(context.Context) outcome {
			return outcome{status: warned, detail: "this kind of workspace cannot be examined"}
		}}}
	}
	p := &patient{doctor: d, address: w.Address, source: source, access: source.Access()}
	endpoint := place{p.access.Endpoint, "endpoint"}
	authority := place{p.access.Authority, "authority"}
	all := p.hostChecks(endpoint, func(_ context.Context, f outcome) outcome { return f })
	reached := all[len(all)-1].id()
	issuer := reached
	if authority.url().Host != endpoint.url().Host {
		all = append(all, p.hostChecks(authority, p.unlessNeedless)...)
		issuer = all[len(all)-1].id()
	}
	token := check{step: "token", target: p.access.Audience, within: p.address, needs: []string{issuer}, run: p.token}
	query := check{step: "query", target: "print 1", within: p.address, needs: []string{reached, token.id()}, run: p.query}
	all = append(all, token, query)
	all = append(all, p.exportChecks(exports, query.id())...)
	for _, q := range byTable {
		all = append(all, check{step: "query", target: q.Template.Query.Address, within: p.address, needs: []string{query.id()}, run: p.listing})
	}
	return append(all, check{step: "clock", target: "of this machine", within: p.address, needs: []string{reached}, run: p.clock})
}

// unlessNeedless makes light of an authority that cannot be reached if there
// is a token all the same, as from a machine's own identity.
func (p *patient) unlessNeedless(ctx context.Context, f outcome) outcome {
	if f.status != failed {
		return f
	}
	if _, err := p.source.Claims(ctx); err != nil && !errors.Is(err, azauth.ErrOpaque) {
		return f
	}
	return outcome{status: warned, detail: f.detail + "; the credential does not need it"}
}

// token gets a token and shows whose it is.
func (p *patient) token(ctx context.Context) outcome {
	var claims azauth.Claims
	err := p.retry.Do(ctx, func() (err error) {
		claims, err = p.source.Claims(ctx)
		var refused *azauth.Error
		if errors.As(err, &refused) && refused.Transient {
			err = &pipeline.RetryAfter{Wait: min(refused.Wait, p.retry.Max), Err: err}
		}
		return err
	}, nil)
	switch {
	case errors.Is(err, azauth.ErrOpaque):
		return healthy("issued; %v", err)
	case err != nil:
		return p.noToken(err)
	}
	p.claims = claims
	f := p.identity(claims)
	f.claims = &claims
	if claims.Audience != "" && !sameAudience(claims.Audience, p.access.Audience) {
		f.status, f.help = failed, "other-cloud"
		f.detail = "it is for " + claims.Audience + ", and this workspace takes those for " + p.access.Audience
		f.advice = []string{"Set cloud of the workspace to that of its tenant: public, usgov or china."}
		if cloud := loganalytics.CloudOf(strings.TrimSuffix(claims.Audience, "/")); cloud != "" {
			f.advice = []string{fmt.Sprintf("The token is one of the cloud %s. If the workspace is there too, say so:\ncloud = %q", cloud, cloud),
				"If not, use a credential of the workspace's own tenant."}
		}
	}
	return f
}

// identity shows the claims.
func (p *patient) identity(c azauth.Claims) outcome {
	f := healthy("issued")
	if c.Application != "" {
		f.detail += " to " + c.Application
	}
	for _, line := range []struct{ name, text string }{
		{"application", c.Application},
		{"object", c.Object},
		{"person", c.Name},
		{"tenant", c.Tenant},
		{"audience", c.Audience},
		{"proved", c.How()},
		{"roles", strings.Join(c.Roles, ", ")},
		{"scope", c.Scope},
		{"expires", expiry(c.Expires)},
	} {
		if line.text != "" {
			f.facts = append(f.facts, fmt.Sprintf("%-12s %s", line.name, line.text))
		}
	}
	if c.Object != "" {
		f.facts = append(f.facts, "Roles on workspaces are given to the object; whether it has one, only a query tells.")
	}
	return f
}

func expiry(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s, in %s", pipeline.ShortTime(at), short(time.Until(at).Round(time.Minute)))
}

// apiApplication is the query service's own application id, which tokens of
// version 2.0 have as their audience.
const apiApplication = "ca7f3f0b-7d91-482c-8e09-c5d840d0eac5"

func sameAudience(got, want string) bool {
	return strings.EqualFold(strings.TrimSuffix(got, "/"), strings.TrimSuffix(want, "/")) || strings.EqualFold(got, apiApplication)
}

// query asks the least that can be asked.
func (p *patient) query(ctx context.Context) outcome {
	err := p.ask(ctx, "print 1", "", nil)
	if err != nil {
		return p.refused(err)
	}
	if p.readable[p.access.Principal] == "" {
		p.readable[p.access.Principal] = p.address
	}
	return healthy("the workspace answers")
}

// ask runs a query, with few tries.
func (p *patient) ask(ctx context.Context, text, timespan string, emit func(arrow.Record) error) error {
	return p.retry.Do(ctx, func() error {
		return p.source.Query(ctx, text, timespan, func(rec arrow.Record) error {
			if emit == nil {
				return nil
			}
			return emit(rec)
		})
	}, nil)
}

// exportChecks lists the tables that the queries read, each once, and the
// queries. before is the check that must have passed.
func (p *patient) exportChecks(exports []pipeline.Export, before string) []check {
	var tables, queries []check
	for _, e := range exports {
		needs := []string{before}
		if e.Query.Plan == pipeline.Analytics {
			for _, name := range p.source.Reads(e.Query) {
				c := check{step: "table", target: name, within: p.address, needs: []string{before}, run: func(ctx context.Context) outcome {
					return p.table(ctx, name, e.Query.MissingTable == pipeline.MissingSkip)
				}}
				if !slices.ContainsFunc(tables, func(o check) bool { return o.id() == c.id() }) {
					tables = append(tables, c)
				}
				needs = append(needs, c.id())
			}
		}
		queries = append(queries, check{step: "query", target: e.Query.Address, within: p.address, needs: needs, run: func(ctx context.Context) outcome {
			return p.export(ctx, e.Query)
		}})
	}
	return append(tables, queries...)
}

// table counts the rows of a day, and looks for any if there are none.
func (p *patient) table(ctx context.Context, name string, mayMiss bool) outcome {
	rows := int64(0)
	literal := loganalytics.Literal(name)
	err := p.ask(ctx, literal+" | count", "P1D", func(rec arrow.Record) error {
		if counts, ok := rec.Column(0).(*array.Int64); ok && counts.Len() == 1 {
			rows = counts.Value(0)
		}
		return nil
	})
	if err != nil {
		return p.noTable(ctx, err, name, mayMiss)
	}
	p.tables = append(p.tables, name)
	if rows > 0 {
		return healthy("%s in the last day", count(int(rows), "row"))
	}
	found := int64(0)
	if err := p.ask(ctx, literal+" | take 1", "", func(rec arrow.Record) error { found += rec.NumRows(); return nil }); err != nil {
		return p.noTable(ctx, err, name, mayMiss)
	}
	if found > 0 {
		return healthy("no rows in the last day, older ones are there")
	}
	return outcome{status: warned, detail: "it can be read and holds no rows", help: "table",
		advice: []string{"If rows are expected, see whether its data connector sends any."}}
}

// export reads one minute of a query as a run would, and drops the rows.
func (p *patient) export(ctx context.Context, q pipeline.Query) outcome {
	end := pipeline.Floor(time.Now().Add(-p.offset-time.Hour), time.Minute)
	s := pipeline.Slice{Query: q, Window: pipeline.Window{Start: end.Add(-time.Minute), End: end}, Cut: pipeline.Cut{To: end.Add(time.Minute)}}
	rows := int64(0)
	err := p.retry.Do(ctx, func() error {
		rows = 0
		_, err := p.source.Read(ctx, s, func(rec arrow.Record) error { rows += rec.NumRows(); return nil })
		return err
	}, nil)
	switch {
	case errors.Is(err, pipeline.ErrTooLarge):
		return healthy("accepted; one minute of it is more than an answer may hold, so it will be read in smaller slices")
	case err != nil && q.MissingTable == pipeline.MissingSkip && isMissing(err):
		return outcome{status: warned, detail: "left out until the workspace has its tables"}
	case err != nil:
		return p.refused(err)
	}
	return healthy("accepted, %s in the minute to %s", count(int(rows), "row"), pipeline.ShortTime(end))
}

// listing reads the list of tables that a query by table is made from.
func (p *patient) listing(ctx context.Context) outcome {
	var tables []pipeline.Table
	err := p.retry.Do(ctx, func() (err error) {
		tables, err = p.source.Tables(ctx)
		return err
	}, nil)
	if err != nil {
		return p.refused(err)
	}
	return healthy("its tables are found at plan time, among %s that the workspace lists", count(len(tables), "table"))
}

// clock compares this machine's with the service's, or where that cannot be
// asked, with the endpoint's.
func (p *patient) clock(ctx context.Context) outcome {
	offset, whose, known := p.offset, "the endpoint's", p.hasOffset
	if p.seen[p.address+" query print 1"] == passed {
		asked := time.Now()
		if now, err := p.source.Now(ctx); err == nil {
			offset, whose, known = asked.Sub(now), "the service's", true
		}
	}
	if !known {
		return outcome{status: warned, detail: "the service did not tell its time, so the clock is not checked"}
	}
	ahead := "ahead of"
	if offset < 0 {
		ahead = "behind"
	}
	if offset.Abs() > clockTolerance {
		p.offset, p.hasOffset = offset, true
		return outcome{status: failed, help: "clock", detail: fmt.Sprintf("it is %v %s %s", offset.Abs().Round(time.Second), ahead, whose),
			advice: []string{p.setClock()}}
	}
	return healthy("less than a minute from %s", whose)
}

// setClock is the advice for a clock that is off.
func (p *patient) setClock() string {
	advice := "Set the clock of this machine, best by a time service (Linux: timedatectl set-ntp true; Windows: w32tm /resync)."
	if p.offset.Abs() > clockTolerance {
		advice += " At the service it is now:\n" + time.Now().Add(-p.offset).UTC().Format(time.RFC3339)
	}
	return advice
}
