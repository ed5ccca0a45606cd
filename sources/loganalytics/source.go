package loganalytics

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

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
		tokens:    azauth.NewTokens(cred, azauth.Target{Authority: s.authority, Audience: s.audience, Client: &issuer}),
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
	if routeOf(sl.Query) == searchRoute && sl.Part == "" {
		q, err := s.searched(sl)
		if err != nil {
			return pipeline.Reading{}, err
		}
		return s.ask(ctx, q, s.trim(sl, emit))
	}
	known, err := s.knownTables(ctx)
	if err != nil {
		return pipeline.Reading{}, err
	}
	r, err := rewrite(sl.Query, sl.Window, sl.Cut, sl.Part, known)
	if err != nil {
		return pipeline.Reading{}, err
	}
	q := newQuestion(r.text, r.timespan)
	q.written, q.author = sl.Query.Text, r.author
	q.skipMissing = sl.Query.MissingTable == pipeline.MissingSkip
	if !r.exact {
		emit = s.trim(sl, emit)
	}
	return s.ask(ctx, q, emit)
}

// trim returns an emit that hands on the rows of the slice alone.
func (s *Source) trim(sl pipeline.Slice, emit func(arrow.Record) error) func(arrow.Record) error {
	t := trimmer{column: sl.Query.TimeColumn, window: sl.Window, emit: emit}
	if t.column == "" {
		t.column = serviceColumn
	}
	return t.write
}

// trimmer drops rows outside of a window, for queries whose reads the
// service's own, wider filter alone reaches.
type trimmer struct {
	column  string
	window  pipeline.Window
	emit    func(arrow.Record) error
	emitted bool
}

func (t *trimmer) write(rec arrow.Record) error {
	at := -1
	for i, f := range rec.Schema().Fields() {
		if kind, _ := f.Metadata.GetValue(pipeline.TypeKey); f.Name == t.column && kind == string(pipeline.Datetime) {
			at = i
		}
	}
	if at < 0 {
		return fmt.Errorf("%w: it reads more than plain tables, so rows at the ends of a slice have to be told by %s, which its result lacks; "+
			"keep that column, or use %s and %s in the query", pipeline.ErrQuery, t.column, startName, endName)
	}
	times := rec.Column(at).(*array.String)
	start, end := pipeline.TickOf(t.window.Start), pipeline.TickOf(t.window.End)
	inside := func(i int) bool {
		if times.IsNull(i) {
			return false
		}
		tick, err := pipeline.ParseTime(times.Value(i))
		return err == nil && tick >= start && tick < end
	}
	for i, n := 0, int(rec.NumRows()); i < n; {
		from := i
		for i < n && inside(i) {
			i++
		}
		if i > from {
			if err := t.pass(rec, from, i); err != nil {
				return err
			}
		}
		for i < n && !inside(i) {
			i++
		}
	}
	if !t.emitted {
		return t.pass(rec, 0, 0)
	}
	return nil
}

func (t *trimmer) pass(rec arrow.Record, from, to int) error {
	t.emitted = true
	rows := rec.NewSlice(int64(from), int64(to))
	defer rows.Release()
	return t.emit(rows)
}
