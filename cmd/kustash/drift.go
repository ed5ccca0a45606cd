package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/kustash/kustash/pipeline"
)

// undescribed notes the queries whose columns could not be asked for. Those of
// which nothing can be read say so themselves.
func (pl *planned) undescribed(s pipeline.Survey) {
	for _, f := range s.Undescribed {
		if !slices.ContainsFunc(s.Refused, func(r pipeline.SliceError) bool { return r.Query == f.Query }) {
			pl.notes = append(pl.notes, fmt.Sprintf("%s did not tell its columns beforehand, so a change of them shows when it is read: %s", f.Query, reason(f.Err.Error())))
		}
	}
}

// writeDrift shows columns, formats and folders that are not those of the files
// there are.
func (p *process) writeDrift(w io.Writer, pl *pipeline.Plan) {
	for _, d := range pl.Drift {
		fmt.Fprintf(w, "  %s\n", p.paint(bold, "# "+d.Query+" has other columns than its files"))
		line := func(color, sign, format string, args ...any) {
			fmt.Fprintf(w, "  %s %s\n", p.paint(color, sign), fmt.Sprintf(format, args...))
		}
		for _, c := range d.Added {
			line(green, "+", "%s (%s)%s", c.Name, c.Type, inFiles(c))
		}
		for _, c := range d.Missing {
			line(yellow, "-", "%s: the service does not return it any more; files before keep it", c.Name)
		}
		for _, c := range d.Retyped {
			line(yellow, "~", "%s: %s → %s, in files as %s", c.Name, c.Before.Type, c.Type, c.FileName())
		}
	}
	for _, m := range pl.Moved {
		if m.Before.Ext != m.After.Ext {
			fmt.Fprintf(w, "  %s new files of %s are written as %s; what is there stays %s\n", p.paint(yellow, "!"), m.Sink, m.After.Ext, m.Before.Ext)
		}
		if m.Before.Folder != m.After.Folder {
			fmt.Fprintf(w, "  %s new files of %s go to folders such as %q; what is there stays, as in %q\n", p.paint(yellow, "!"), m.Sink, m.After.Folder, m.Before.Folder)
		}
	}
}

// inFiles names a column's place in files, where its own name is taken.
func inFiles(c pipeline.Column) string {
	if c.FileName() == c.Name {
		return ""
	}
	return ", in files as " + c.FileName()
}

// drift writes what writeDrift shows.
func (v *jsonView) drift(pl *pipeline.Plan) {
	column := func(c pipeline.Column) map[string]any {
		return map[string]any{"name": c.Name, "type": c.Type, "in_files": c.FileName()}
	}
	columns := func(all []pipeline.Column) []map[string]any {
		list := []map[string]any{}
		for _, c := range all {
			list = append(list, column(c))
		}
		return list
	}
	for _, d := range pl.Drift {
		retyped := []map[string]any{}
		for _, c := range d.Retyped {
			one := column(c.Column)
			one["type_before"] = c.Before.Type
			retyped = append(retyped, one)
		}
		v.write("columns", map[string]any{"query": d.Query, "added": columns(d.Added), "missing": columns(d.Missing), "retyped": retyped})
	}
	for _, m := range pl.Moved {
		v.write("moved", map[string]any{"sink": m.Sink, "before": m.Before, "after": m.After})
	}
}
