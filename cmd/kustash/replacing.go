package main

import (
	"fmt"
	"slices"

	"github.com/kustash/kustash/pipeline"
)

// replacing returns the function for pipeline.PlanOptions.Replace; nil if
// nothing is to be read again. An address of which nothing is done is an error.
func (o *planFlags) replacing(exports []pipeline.Export, h *pipeline.History) (func(pipeline.Export, pipeline.Window) []pipeline.Window, error) {
	replaces, err := selectors("-replace", o.replaces, exports)
	if err != nil || len(replaces) == 0 {
		return nil, err
	}
	for _, s := range replaces {
		if !slices.ContainsFunc(exports, func(e pipeline.Export) bool { return s.Matches(e) && done(e, s, h) }) {
			return nil, fmt.Errorf("-replace: nothing of %s is done yet, so there is nothing to read again", s)
		}
	}
	return func(e pipeline.Export, w pipeline.Window) []pipeline.Window {
		var windows []pipeline.Window
		for _, s := range replaces {
			if s.Matches(e) {
				windows = append(windows, s.Narrow(w, e.Span.Grid()))
			}
		}
		return pipeline.Join(windows)
	}, nil
}

// done reports whether something is done of what a selector names of an export.
func done(e pipeline.Export, s pipeline.Selector, h *pipeline.History) bool {
	w := s.Narrow(pipeline.Forever(), e.Span.Grid())
	return slices.ContainsFunc(e.Targets, func(t pipeline.Target) bool {
		return slices.ContainsFunc(h.Line(e.Query.Address, t.Identity).Covered(), w.Overlaps)
	})
}
