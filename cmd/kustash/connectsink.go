package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/sinks"
)

// holder is a declared sink with what it has of a query.
type holder struct {
	address string
	line    *pipeline.Line
	sink    config.DeclaredSink
	place   location
	stored  stored
	asked   bool // the files say themselves how they are kept
}

// holders returns the sinks of a query in the order of its list, and then the
// other declared sinks that have something of it.
func (c *connector) holders(query string) []holder {
	var identities []string
	if e, ok := c.export(query); ok {
		for _, t := range e.Targets {
			identities = append(identities, t.Identity)
		}
	}
	for _, s := range c.Sinks {
		if c.history.Line(query, s.Identity).Files > 0 && !slices.Contains(identities, s.Identity) {
			identities = append(identities, s.Identity)
		}
	}
	var all []holder
	for _, identity := range identities {
		i := slices.IndexFunc(c.Sinks, func(s config.DeclaredSink) bool { return s.Identity == identity })
		if i >= 0 {
			all = append(all, holder{address: c.Sinks[i].Address, line: c.history.Line(query, identity), sink: c.Sinks[i]})
		}
	}
	return all
}

// holder chooses the sink whose files make the view of a query: the first that
// the reader can reach and that has all that any sink of the query has. It is
// nil if there is none to choose from.
func (c *connector) holder(query string) (*holder, error) {
	all := c.holders(query)
	candidates := all
	if c.sink != "" {
		candidates = slices.DeleteFunc(slices.Clone(all), func(h holder) bool { return h.address != c.sink })
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	var unreached error
	var names []string
	for _, h := range candidates {
		if err := c.reach(&h); err != nil {
			unreached = cmp.Or(unreached, fmt.Errorf("%s: %w", h.address, err))
			continue
		}
		if c.sink != "" || h.hasAll(all) {
			return &h, c.settle(h)
		}
		names = append(names, h.address)
	}
	if len(names) == 0 {
		return nil, unreached
	}
	return nil, fmt.Errorf("none of the sinks %s has all that the sinks of this query have together; choose one with -sink, or apply first", strings.Join(names, ", "))
}

// reach finds out where the reader finds the files of a sink.
func (c *connector) reach(h *holder) (err error) {
	if c.root != nil {
		h.place = *c.root
	} else if h.place, err = placeOf(c.Dir, h.sink.Identity); err != nil {
		return err
	}
	if _, err := c.engine.address(h.place, "key"); err != nil {
		return err
	}
	h.stored = asDeclared(c.formats[h.address], c.history.Columns)
	if s, ok := h.sink.Sink.Sink.(storer); ok && h.sink.Kind == "local" { // another's files need the network
		h.asked = true
		h.stored = func(ctx context.Context, r pipeline.Receipt) (sinks.Stored, error) { return s.Stored(ctx, r.Key) }
	}
	return nil
}

// settle makes sure that only one sink's files are said to be at -root.
func (c *connector) settle(h holder) error {
	if c.root == nil || c.rooted == "" || c.rooted == h.address {
		c.rooted = h.address
		return nil
	}
	return fmt.Errorf("-root is the place of one sink's files, and these are in %s, others in %s; choose one with -sink", h.address, c.rooted)
}

// hasAll reports whether the sink has all slices, and as many rows of them, as
// each of the others.
func (h holder) hasAll(others []holder) bool {
	for _, o := range others {
		if o.line.Rows > h.line.Rows {
			return false
		}
		for _, w := range o.line.Covered() {
			if len(w.Subtract(h.line.Covered())) > 0 {
				return false
			}
		}
	}
	return true
}
