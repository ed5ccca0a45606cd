package pipeline

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Describer is implemented by sources that can tell the columns of a query
// without reading rows.
type Describer interface {
	// Columns returns the columns that a read of q has at this moment: names,
	// types and order are those of Read's records. It is nil where the rows
	// themselves decide on them. Errors are those of Read.
	Columns(ctx context.Context, q Query) (Schema, error)
}

// Drift is how the columns that a query returns differ from those of its
// newest file. The zero value is no difference; another order is none.
type Drift struct {
	Query   string    `json:"query"`
	Added   []Column  `json:"added,omitempty"`
	Missing []Column  `json:"missing,omitempty"` // files before keep them
	Retyped []Retyped `json:"retyped,omitempty"`
}

// Retyped is a column of which the service has changed the type.
type Retyped struct {
	Column        // as it is now; FileName is that of the next files
	Before Column `json:"before"` // as the newest file has it
}

// None reports whether nothing has changed.
func (d Drift) None() bool { return len(d.Added)+len(d.Missing)+len(d.Retyped) == 0 }

// driftOf compares what a query returns now with its newest file. Both have
// file names out of the same Extend, by which a column is known.
func driftOf(query string, before, now Schema) Drift {
	d := Drift{Query: query}
	gone := make(map[string]Column) // columns of before that now lacks, by file name
	for _, c := range before {
		gone[c.FileName()] = c
	}
	var fresh []Column
	for _, c := range now {
		if _, ok := gone[c.FileName()]; ok {
			delete(gone, c.FileName())
		} else {
			fresh = append(fresh, c)
		}
	}
	for _, c := range fresh {
		retyped := false
		for _, b := range before {
			if _, ok := gone[b.FileName()]; ok && b.Name == c.Name {
				d.Retyped = append(d.Retyped, Retyped{c, b})
				delete(gone, b.FileName())
				retyped = true
				break
			}
		}
		if !retyped {
			d.Added = append(d.Added, c)
		}
	}
	for _, b := range before {
		if _, ok := gone[b.FileName()]; ok {
			d.Missing = append(d.Missing, b)
		}
	}
	return d
}

// Frozen is the error of a query whose columns have changed although it is to
// keep them. It is an ErrQuery: no slice of the query can be read until the
// author decides.
type Frozen struct{ Drift }

// Error implements error.
func (e *Frozen) Error() string {
	var changes []string
	for _, c := range e.Added {
		changes = append(changes, fmt.Sprintf("%s (%s) is new", c.Name, c.Type))
	}
	for _, c := range e.Missing {
		changes = append(changes, fmt.Sprintf("%s (%s) is missing", c.Name, c.Type))
	}
	for _, c := range e.Retyped {
		changes = append(changes, fmt.Sprintf("%s was %s and is %s", c.Name, c.Before.Type, c.Type))
	}
	return fmt.Sprintf("the columns have changed, and schema = \"freeze\" keeps them: %s. To take them as they are now, write schema = \"evolve\" in the block of %s",
		strings.Join(changes, ", "), e.Query)
}

// Unwrap returns ErrQuery.
func (e *Frozen) Unwrap() error { return ErrQuery }

// schemaKey is a schema of a query, by Schema.Hash.
type schemaKey struct{ query, hash string }

// adopt notes that a query has files with these columns. The same columns may
// be those of several queries.
func (h *History) adopt(query, hash string) {
	columns, known := h.columns[hash]
	if _, ok := h.schemas[schemaKey{query, hash}]; ok || !known {
		return
	}
	h.schemas[schemaKey{query, hash}] = len(h.schemas)
	h.known[query] = h.known[query].merge(columns)
}

// Recorded reports whether the ledger says of the query that its files have
// had the columns of this hash.
func (h *History) Recorded(query, hash string) bool {
	_, ok := h.schemas[schemaKey{query, hash}]
	return ok
}

// Newest returns the columns of the query's newest file: the one with the
// latest cut, and of several with the same those that were recorded last. It
// reports false for a query that has no file.
func (h *History) Newest(query string) (Schema, bool) {
	newest := newestFile{}
	for key, l := range h.lines {
		n := l.newest
		if key.query != query || n.Schema == "" {
			continue
		}
		if newest.Schema == "" || n.Cut.After(newest.Cut) ||
			n.Cut.Equal(newest.Cut) && h.schemas[schemaKey{query, n.Schema}] > h.schemas[schemaKey{query, newest.Schema}] {
			newest = n
		}
	}
	columns, ok := h.columns[newest.Schema]
	return columns, ok
}

// newestFile is the file of a line with the latest cut.
type newestFile struct {
	Key    string    `json:"key,omitempty"`
	Schema string    `json:"schema,omitempty"`
	Start  time.Time `json:"start,omitzero"`
	Cut    time.Time `json:"cut,omitzero"`
}

// Drift compares an answer's columns with those of the query's newest file. A
// query without a file has none. exact is as of Schema.Extend.
func (h *History) Drift(query string, answer Schema, exact bool) Drift {
	before, ok := h.Newest(query)
	if !ok {
		return Drift{Query: query}
	}
	now, _ := h.Known(query).Extend(answer, exact)
	return driftOf(query, before, now)
}

// describe asks for the columns of a query that has some slices to read and
// others in files. An answer that cannot be had is noted.
func (s *surveyor) describe(ctx context.Context, e Export) (asks []func()) {
	describer, ok := e.Source.(Describer)
	if _, filed := s.history.Newest(e.Query.Address); !ok || !filed || s.Unsized || len(s.missing(e)) == 0 {
		return nil
	}
	return append(asks, func() {
		var columns Schema
		err := s.Retry.Do(ctx, func() (err error) {
			columns, err = describer.Columns(ctx, e.Query)
			return err
		}, nil)
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.survey.Undescribed = append(s.survey.Undescribed, SliceError{Query: e.Query.Address, Window: e.Span.Resolve(s.survey.Now), Err: err})
			return
		}
		drift := s.history.Drift(e.Query.Address, columns, e.ExactNames)
		switch {
		case columns == nil || drift.None():
		case e.Frozen:
			s.refused(e, &Frozen{drift})
		default:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.survey.Drift[e.Query.Address] = drift
		}
	})
}

// kept returns an error if a query that is to keep its columns has others than
// before. The mutex of s is held.
func (s *state) kept(e *Export, columns Schema) error {
	if !e.Frozen {
		return nil
	}
	query := e.Query.Address
	before, ok := s.frozen[query]
	if !ok {
		before = columns
		s.frozen[query] = before
	}
	if drift := driftOf(query, before, columns); !drift.None() {
		return &Frozen{drift}
	}
	return nil
}
