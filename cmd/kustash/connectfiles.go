package main

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// storer is implemented by sinks that know how an object keeps its values.
type storer interface {
	Stored(ctx context.Context, key string) (sinks.Stored, error)
}

// stored says how a file keeps its values. It may be called concurrently.
type stored func(context.Context, pipeline.Receipt) (sinks.Stored, error)

// collect puts the current files of a query into the scans of its view.
func (c *connector) collect(ctx context.Context, s subject, h *holder, v *view) error {
	files, err := current(ctx, s, h)
	if err != nil {
		return err
	}
	kept, err := h.stored.each(ctx, files)
	if err != nil {
		return err
	}
	for i, r := range files {
		sc, err := c.scanOf(r, kept[i], v)
		if err != nil {
			return err
		}
		name, err := c.engine.address(h.place, r.Key)
		if err != nil {
			return err
		}
		sc.files = append(sc.files, name)
		v.files, v.rows = v.files+1, v.rows+r.Rows
	}
	if v.files > 0 && !slices.Contains(c.places, h.place) {
		c.places = append(c.places, h.place)
	}
	return nil
}

// current returns the files that count, each once, in the order of their
// windows. A file that the subject's window cuts is taken whole.
func current(ctx context.Context, s subject, h *holder) ([]pipeline.Receipt, error) {
	var files []pipeline.Receipt
	seen := make(map[string]bool)
	for _, w := range s.window {
		done, err := h.line.Done(ctx, w)
		if err != nil {
			return nil, err
		}
		for _, r := range done {
			if r.Key != "" && !seen[r.Key] { // one without a key had no rows
				seen[r.Key] = true
				files = append(files, r)
			}
		}
	}
	return files, nil
}

// each asks several files at a time: an archive may have very many.
func (s stored) each(ctx context.Context, files []pipeline.Receipt) ([]sinks.Stored, error) {
	kept, errs := make([]sinks.Stored, len(files)), make([]error, len(files))
	var wait sync.WaitGroup
	workers := runtime.NumCPU()
	for first := range workers {
		wait.Go(func() {
			for i := first; i < len(files) && ctx.Err() == nil; i += workers {
				if kept[i], errs[i] = s(ctx, files[i]); errs[i] != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%w; \"kustash verify\" says what is wrong with the archive", err)
		}
	}
	return kept, nil
}

// scanOf returns the scan that a file belongs to.
func (c *connector) scanOf(r pipeline.Receipt, st sinks.Stored, v *view) (*scan, error) {
	for _, sc := range v.scans {
		if sc.schema == r.Schema && sc.format == st.Format && maps.Equal(sc.types, st.Types) {
			return sc, nil
		}
	}
	columns, ok := c.history.Columns(r.Schema)
	if !ok {
		return nil, fmt.Errorf("the state does not know the columns of %s", r.Key)
	}
	e, err := encodingOf(st)
	if err == nil {
		err = c.engine.encodes(e)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Key, err)
	}
	sc := &scan{encoding: e, schema: r.Schema, format: st.Format, fields: e.fields(columns)}
	v.scans = append(v.scans, sc)
	return sc, nil
}
