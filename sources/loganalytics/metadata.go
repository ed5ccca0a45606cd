package loganalytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/kustash/kustash/pipeline"
)

// Bounds of the metadata that is taken. A workspace with every solution there
// is stays far below.
const (
	maxMetadata = 64 << 20 // bytes
	maxNameSize = 1024     // bytes of the name of a table, column or function
)

// metadataTries is how often the metadata may fail in a way that another try
// may mend. After that it is taken for one that cannot be read, so that a
// route that nothing depends on cannot stop an export.
const metadataTries = 3

// lister keeps the metadata of a source. It is read once, when it is needed
// first; a failure that no other try can mend is kept as well.
type lister struct {
	mu    sync.Mutex
	known *catalog
	final error
	tries int
}

// catalog returns what the workspace has. A *pipeline.RetryAfter may be tried
// again; any other error is the same whenever it is asked for.
func (s *Source) catalog(ctx context.Context) (*catalog, error) {
	l := &s.tables
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known != nil || l.final != nil {
		return l.known, l.final
	}
	found, err := s.fetchCatalog(ctx)
	if err == nil {
		l.known = found
		return found, nil
	}
	err = fmt.Errorf("read the list of tables: %w", err)
	var again *pipeline.RetryAfter
	if ctx.Err() != nil {
		return nil, err // says nothing of the route
	}
	if errors.As(err, &again) {
		if l.tries++; l.tries < metadataTries {
			return nil, err
		}
		err = fmt.Errorf("read the list of tables, tried %d times: %w", l.tries, again.Err)
	}
	l.final = err
	return nil, err
}

// fetchCatalog reads the metadata of the source's own workspace and of those
// that are read as one with it.
func (s *Source) fetchCatalog(ctx context.Context) (*catalog, error) {
	found := &catalog{tables: make(map[string]*tableInfo), functions: make(map[string]bool)}
	for i, route := range append([]string{s.route}, s.moreRoutes...) {
		if route == "" {
			return nil, fmt.Errorf("%q is the name of a workspace, by which its tables cannot be listed; give its id (a GUID) or its resource id in additional_workspaces", s.additional[i-1])
		}
		q := newQuestion("", "")
		q.path, q.route = metadataRoute, route
		var one *catalog
		q.take = func(body io.Reader) (err error) {
			one, err = readMetadata(body)
			return err
		}
		if _, err := s.ask(ctx, q, nil); err != nil {
			return nil, err
		}
		for _, t := range one.tables {
			if err := found.add(t); err != nil {
				return nil, err
			}
		}
		if i == 0 {
			found.functions = one.functions
		}
	}
	return found, nil
}

// knownTables returns the catalog for those who can do without: nil where it
// cannot be read. The error is one that another try may mend, or the end of
// ctx.
func (s *Source) knownTables(ctx context.Context) (*catalog, error) {
	c, err := s.catalog(ctx)
	var again *pipeline.RetryAfter
	if err != nil && (ctx.Err() != nil || errors.As(err, &again)) {
		return nil, err
	}
	return c, nil
}

// other reads an answer that is no table.
func (s *Source) other(ctx context.Context, q question, response *http.Response, b *body, plain io.Reader) error {
	limited := &io.LimitedReader{R: plain, N: maxMetadata + 1}
	err := q.take(limited)
	switch {
	case limited.N <= 0:
		return s.fail(q, response, nil, fmt.Sprintf("the answer is longer than %d bytes", maxMetadata))
	case err != nil:
		return s.badBody(ctx, q, response, b, err)
	}
	return nil
}

// readMetadata reads the answer of the metadata route
// (https://learn.microsoft.com/rest/api/loganalytics/dataaccess/metadata/get).
// Members that are not known are passed over. Anything else that is not of the
// documented form is an error: half a list of tables is worse than none.
func readMetadata(r io.Reader) (*catalog, error) {
	var reply struct {
		Tables *[]struct {
			Name           string `json:"name"`
			TimespanColumn string `json:"timespanColumn"`
			Plan           string `json:"plan"`
			Columns        []struct {
				Name string `json:"name"`
				Type string `json:"type"`
			} `json:"columns"`
		} `json:"tables"`
		Functions []struct {
			Name string `json:"name"`
		} `json:"functions"`
	}
	d := json.NewDecoder(r)
	if err := d.Decode(&reply); err != nil {
		if err == io.EOF {
			return nil, errEmptyAnswer
		}
		return nil, fmt.Errorf("the metadata is not of the known form: %w", err)
	}
	switch _, err := d.Token(); {
	case err == nil:
		return nil, errors.New("the metadata goes on after its end")
	case err != io.EOF:
		return nil, fmt.Errorf("the metadata goes on after its end: %w", err)
	case reply.Tables == nil:
		return nil, errors.New("the metadata has no list of tables")
	}
	c := &catalog{tables: make(map[string]*tableInfo), functions: make(map[string]bool)}
	for i, t := range *reply.Tables {
		if err := goodName(t.Name); err != nil {
			return nil, fmt.Errorf("table %d of the metadata: %w", i+1, err)
		}
		info := &tableInfo{Name: t.Name, TimeColumn: t.TimespanColumn, Plan: tablePlan(t.Plan)}
		for n, column := range t.Columns {
			if err := goodName(column.Name); err != nil {
				return nil, fmt.Errorf("table %s of the metadata: column %d: %w", t.Name, n+1, err)
			}
			info.Columns = append(info.Columns, pipeline.Column{Name: column.Name, Type: pipeline.Type(strings.ToLower(column.Type))})
		}
		if err := c.add(info); err != nil {
			return nil, err
		}
	}
	for i, f := range reply.Functions {
		if err := goodName(f.Name); err != nil {
			return nil, fmt.Errorf("function %d of the metadata: %w", i+1, err)
		}
		c.functions[f.Name] = true
	}
	return c, nil
}

// add takes a table, or what another workspace says of the same one.
func (c *catalog) add(t *tableInfo) error {
	known := c.tables[t.Name]
	switch {
	case t.TimeColumn != "" && goodName(t.TimeColumn) != nil:
		return fmt.Errorf("table %s of the metadata: %w", t.Name, goodName(t.TimeColumn))
	case known == nil:
		c.tables[t.Name] = t
		return nil
	case known.TimeColumn != t.TimeColumn:
		return fmt.Errorf("the metadata lists table %s twice, with the time columns %q and %q", t.Name, known.TimeColumn, t.TimeColumn)
	}
	have := make(map[pipeline.Column]bool)
	for _, column := range known.Columns {
		have[column] = true
	}
	for _, column := range t.Columns {
		if !have[column] {
			known.Columns = append(known.Columns, column)
		}
	}
	return nil
}

// tablePlan reads a plan; one that is not known is taken for the default.
func tablePlan(text string) pipeline.TablePlan {
	for _, p := range []pipeline.TablePlan{pipeline.Basic, pipeline.Auxiliary} {
		if strings.EqualFold(text, string(p)) {
			return p
		}
	}
	return pipeline.Analytics
}

// goodName refuses names that cannot be one and would do harm in a query, an
// address or on a terminal.
func goodName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("it has no name")
	case len(name) > maxNameSize:
		return fmt.Errorf("its name has %d bytes", len(name))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("its name %q holds characters that no name has", name)
	}
	return nil
}
