package loganalytics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
)

// Source reads one workspace. It is safe for concurrent use.
type Source struct {
	workspace string // id of the workspace or the resource, lower case
	route     string // path of what is read
	endpoint  string
	tool      string
	limits    pipeline.Limits
	timeout   time.Duration // of a query
	grace     time.Duration // beyond it, until the answer begins
	idle      time.Duration // while it comes
	http      *http.Client
	tokens    *azauth.Tokens
	governor  *governor
	// additional are further workspaces that each question is asked of as well.
	additional []string
	moreRoutes []string // of their routes; "" where only the name is known
	// partly says that an answer may leave out what the credential may not
	// read, so that it is asked to say so.
	partly bool
	tables lister
}

// New checks c and returns its Source. It does not touch the network. shared
// is the process's; an error about one argument of the block is a
// *pipeline.SettingError.
func New(c Config, cred azauth.Credential, shared *Governors) (*Source, error) {
	s, err := c.check()
	if err == nil {
		err = s.checkDemo(azauth.ForDemo(cred))
	}
	if err != nil {
		return nil, err
	}
	var bounds azauth.Limits
	if limited, ok := cred.(azauth.Limited); ok {
		bounds = limited.Limits()
	}
	tool := c.Tool
	if tool == "" {
		tool = "kustash"
	}
	client := newClient(s)
	issuer := *client
	issuer.Timeout = tokenTime
	return &Source{
		workspace: s.scope,
		route:     s.route,
		endpoint:  s.endpoint,
		tool:      tool,
		limits:    s.limits,
		timeout:   s.timeout,
		grace:     grace,
		idle:      idleTime,
		http:      client,
		tokens:    azauth.NewTokens(cred, azauth.Target{Authority: s.authority, Assumed: c.Authority == "" && c.Cloud == "", Audience: s.audience, Client: &issuer}),
		governor:  shared.get(cred.Principal(), s.Cloud, bounds),

		additional: s.Additional,
		moreRoutes: s.moreRoutes,
		partly:     s.ResourceID != "" || len(s.Additional) > 0,
	}, nil
}

// Limits returns the limits of one answer, as configured.
func (s *Source) Limits() pipeline.Limits { return s.limits }

func (s *Source) host() string {
	if u, err := url.Parse(s.endpoint); err == nil {
		return u.Host
	}
	return s.endpoint
}

// Query runs a text as it is and hands every row of its answer to emit, or
// returns an error, by the rules of pipeline.Source for Read. timespan is sent
// with it, in one of the forms of ISO 8601; "" sends none.
func (s *Source) Query(ctx context.Context, text, timespan string, emit func(arrow.Record) error) error {
	_, err := s.ask(ctx, newQuestion(text, timespan), emit)
	return err
}

// Read implements pipeline.Source.
func (s *Source) Read(ctx context.Context, sl pipeline.Slice, emit func(arrow.Record) error) (pipeline.Reading, error) {
	q, r, err := s.question(ctx, sl, rewrite)
	if err != nil {
		return pipeline.Reading{}, err
	}
	if r.exact {
		return s.ask(ctx, q, emit)
	}
	reading, err := s.ask(ctx, q, trim(sl, r.told, emit))
	if errors.Is(err, pipeline.ErrTooLarge) && sl.Window.Ticks() <= int64(margin)/8 {
		err = narrowest(err)
	}
	return reading, err
}

// narrowest makes an error final that asks for a smaller slice of what only the
// service's own filter reaches: that stays wider than the slice by a second on
// both sides, so however narrow the slice is, the answer stays as large.
func narrowest(err error) error {
	final := fmt.Errorf("%v; the service's own filter, which alone reaches what the query reads, cannot be cut more finely: "+
		"ask for fewer columns or rows, or read the tables by queries of their own", err)
	var again *pipeline.RetryAfter
	if errors.As(err, &again) {
		return &pipeline.RetryAfter{Wait: again.Wait, Tries: again.Tries, Err: final}
	}
	return final
}

// Count implements pipeline.Counter. Basic and Auxiliary tables are not
// counted: their route takes the time of a slice with a margin only.
func (s *Source) Count(ctx context.Context, sl pipeline.Slice) (int64, error) {
	if routeOf(sl.Query) == searchRoute {
		return 0, fmt.Errorf("rows of a table with the plan %q can be read, but not counted within exact ends", sl.Query.Plan)
	}
	q, _, err := s.question(ctx, sl, countText)
	if err != nil {
		return 0, err
	}
	n := int64(-1)
	_, err = s.ask(ctx, q, func(rec arrow.Record) error {
		count, err := numberColumn(rec, "Count")
		if err == nil && rec.NumRows() == 1 {
			n = count(0)
		}
		return err
	})
	if err == nil && n < 0 {
		err = errors.New("the answer has no count")
	}
	return n, err
}

// question puts a slice into its query by write, which is rewrite or countText.
func (s *Source) question(ctx context.Context, sl pipeline.Slice,
	write func(pipeline.Query, pipeline.Window, pipeline.Cut, string, *catalog) (rewritten, error)) (q question, r rewritten, err error) {
	if err := withinReach(sl, time.Now()); err != nil {
		return q, r, err
	}
	var known *catalog
	if routeOf(sl.Query) != searchRoute { // where no let is put in front
		if known, err = s.knownTables(ctx); err != nil {
			return q, r, err
		}
	}
	r, err = write(sl.Query, sl.Window, sl.Cut, sl.Part, known)
	if err != nil {
		return q, r, err
	}
	q = newQuestion(r.text, r.timespan)
	q.path = routeOf(sl.Query)
	q.written, q.author = sl.Query.Text, r.author
	return q, r, nil
}
