package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/sinks"
	"github.com/kustash/kustash/sinks/csv"
	"github.com/kustash/kustash/sinks/jsonl"
	"github.com/kustash/kustash/sinks/parquet"
)

var queryVerb = verb{
	name:  "query",
	brief: "run one KQL query and print the result",
	usage: "[-chdir=DIR] query [flags] KQL | -file=FILE | -",
	help: `Runs a query in a workspace of the pipeline. With -from and -to it is read in
slices like a pipeline's query, into one result. An incomplete answer is an
error and prints no rows.`,
	run: runQuery,
}

type queryFlags struct {
	load               loadFlags
	file, workspace    string
	timespan, from, to string
	format, out        string
}

func (o *queryFlags) add(f *flag.FlagSet) {
	o.load.add(f)
	f.StringVar(&o.file, "file", "", "read the query from this `file`")
	f.StringVar(&o.workspace, "workspace", "", "`name` of the workspace; needed only if there are several")
	f.StringVar(&o.timespan, "timespan", "", "ISO 8601 `span` sent with the query, such as P1D or START/END")
	f.StringVar(&o.from, "from", "", "first `time` to read (inclusive); needs -to")
	f.StringVar(&o.to, "to", "", "`time` to read up to (exclusive); needs -from")
	f.StringVar(&o.format, "format", "table", "table, csv or jsonl")
	f.StringVar(&o.out, "out", "", "write to this `file` (.parquet, .csv, .jsonl); created only when complete")
}

func runQuery(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var o queryFlags
	o.add(f)
	rest, err := p.parse(f, v, args, 1)
	if err != nil {
		return 0, err
	}
	text, err := p.queryText(&o, rest)
	if err != nil {
		return 0, err
	}
	pl, err := p.load(&o.load, false)
	if err != nil {
		return 0, err
	}
	w, err := chooseWorkspace(pl, o.workspace)
	if err != nil {
		return 0, err
	}
	r, err := p.newResult(&o)
	if err != nil {
		return 0, err
	}
	defer r.drop()
	if o.from != "" || o.to != "" {
		err = p.querySlices(ctx, w, text, &o, r.write)
	} else {
		err = p.queryOnce(ctx, w, text, o.timespan, r)
	}
	if err != nil {
		return 0, err
	}
	return exitDone, r.finish()
}

// queryText returns the query from the argument, the file or standard input.
func (p *process) queryText(o *queryFlags, rest []string) (string, error) {
	if (o.file == "") == (len(rest) == 0) {
		return "", errors.New(`query needs one text: "kustash query 'Heartbeat | take 5'", -file=FILE, or - for standard input`)
	}
	var text []byte
	var err error
	switch {
	case o.file != "":
		text, err = os.ReadFile(p.path(o.file))
	case rest[0] == "-":
		text, err = io.ReadAll(p.stdin)
	default:
		text = []byte(rest[0])
	}
	if err != nil {
		return "", fmt.Errorf("query: %w", err)
	}
	if strings.TrimSpace(string(text)) == "" {
		return "", errors.New("the query is empty")
	}
	return string(text), nil
}

func chooseWorkspace(pl *config.Pipeline, name string) (config.Workspace, error) {
	var names []string
	for _, w := range pl.Workspaces {
		short := strings.TrimPrefix(w.Address, "workspace.")
		if name == short || name == w.Address || (name == "" && len(pl.Workspaces) == 1) {
			return w, nil
		}
		names = append(names, short)
	}
	switch {
	case len(names) == 0:
		return config.Workspace{}, errors.New("the pipeline declares no workspace")
	case name == "":
		return config.Workspace{}, fmt.Errorf("there are several workspaces; choose one with -workspace: %s", strings.Join(names, ", "))
	}
	return config.Workspace{}, fmt.Errorf("there is no workspace %q.%s", name, config.DidYouMean(name, names))
}

// asker is implemented by sources that take queries as they are.
type asker interface {
	Query(ctx context.Context, text, timespan string, emit func(arrow.Record) error) error
}

func (p *process) queryOnce(ctx context.Context, w config.Workspace, text, timespan string, r *result) error {
	source, ok := w.Source.(asker)
	if !ok {
		return fmt.Errorf("%s takes no ad-hoc queries", w.Address)
	}
	return p.retry.Do(ctx, func() error {
		if err := r.reset(); err != nil {
			return err
		}
		err := source.Query(ctx, text, timespan, r.write)
		if errors.Is(err, pipeline.ErrTooLarge) {
			return fmt.Errorf("%v; ask for less, or read it in slices with -from and -to", err)
		}
		return err
	}, p.tellRetry)
}

func (p *process) tellRetry(wait time.Duration, err error) {
	fmt.Fprintf(p.stderr, "Trying again in %v: %v\n", wait.Round(time.Millisecond), err)
}

// querySlices reads a window like a pipeline's query, one slice after the
// other. Each slice is held back until it is complete.
func (p *process) querySlices(ctx context.Context, w config.Workspace, text string, o *queryFlags, emit func(arrow.Record) error) error {
	bounds := planFlags{from: o.from, to: o.to}
	if o.from == "" || o.to == "" {
		return errors.New("-from and -to go together")
	}
	if o.timespan != "" {
		return errors.New("-timespan does not go with -from and -to")
	}
	from, to, err := bounds.bounds()
	if err != nil {
		return err
	}
	q := pipeline.Query{Address: "query", Text: text, TimeColumn: "TimeGenerated", Workspace: w.ID}
	var atom time.Duration
	if c, ok := w.Source.(pipeline.Checker); ok {
		judgement := c.Check(q, false)
		for _, problem := range judgement.Problems {
			if !problem.Warning {
				advice := ""
				if problem.Overrule != "" {
					advice = " To read it in one piece, leave out -from and -to and give -timespan=START/END."
				}
				return fmt.Errorf("%s: %s%s", problem.Summary, problem.Detail, advice)
			}
		}
		atom = judgement.Atom
	}
	if !pipeline.Floor(from, atom).Equal(from) || !pipeline.Floor(to, atom).Equal(to) {
		return fmt.Errorf("the query aggregates by %s, and -from and -to would cut such bins; write -from=%s -to=%s",
			short(atom), pipeline.ShortTime(pipeline.Floor(from, atom)), pipeline.ShortTime(pipeline.Ceil(to, atom)))
	}
	pieces := []pipeline.Slice{{Query: q, Window: pipeline.Window{Start: from, End: to}}}
	for len(pieces) > 0 {
		s := pieces[len(pieces)-1]
		pieces = pieces[:len(pieces)-1]
		err := p.readWhole(ctx, w.Source, s, emit)
		if errors.Is(err, pipeline.ErrTooLarge) {
			if halves := s.Split(2, atom); halves != nil {
				slices.Reverse(halves)
				pieces = append(pieces, halves...)
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("%v: %w", s.Window, err)
		}
	}
	return nil
}

// readWhole reads a slice and hands its records on only when all have come.
func (p *process) readWhole(ctx context.Context, source pipeline.Source, s pipeline.Slice, emit func(arrow.Record) error) error {
	var held []arrow.Record
	drop := func() {
		for _, r := range held {
			r.Release()
		}
		held = held[:0]
	}
	defer drop()
	err := p.retry.Do(ctx, func() error {
		drop()
		_, err := source.Read(ctx, s, func(r arrow.Record) error {
			r.Retain()
			held = append(held, r)
			return nil
		})
		return err
	}, p.tellRetry)
	if err != nil {
		return err
	}
	for _, r := range held {
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// result collects an answer in a temporary file, and shows it only when it is
// complete.
type result struct {
	process *process
	format  sinks.Format  // nil for a table
	out     string        // "" is stdout
	file    *os.File      // for stdout
	temp    *durable.Temp // for out
	encoder sinks.Encoder
	table   *table
}

func (p *process) newResult(o *queryFlags) (*result, error) {
	r := &result{process: p}
	if o.out != "" {
		r.out = p.path(o.out)
	}
	name := o.format
	if o.out != "" {
		name = strings.TrimPrefix(filepath.Ext(o.out), ".")
	}
	var err error
	switch name {
	case "table":
		r.table = &table{}
	case "csv":
		r.format, err = csv.New(csv.Options{})
	case "jsonl":
		r.format, err = jsonl.New(jsonl.Options{})
	case "parquet":
		r.format, err = parquet.New(parquet.Options{})
	default:
		if o.out != "" {
			return nil, fmt.Errorf("-out=%s: the file's name must end in .parquet, .csv or .jsonl", o.out)
		}
		return nil, fmt.Errorf("-format=%s:%s the formats are table, csv and jsonl", o.format, config.DidYouMean(o.format, []string{"table", "csv", "jsonl"}))
	}
	if err != nil {
		return nil, err
	}
	return r, r.reset()
}

// reset drops what came before.
func (r *result) reset() error {
	r.drop()
	if r.table != nil {
		r.table = &table{}
		return nil
	}
	var err error
	if r.out == "" {
		r.file, err = os.CreateTemp("", "_kustash-query-*.tmp")
		return err
	}
	folder := durable.Folder{Path: filepath.Dir(r.out)}
	if !isDir(folder.Path) {
		return fmt.Errorf("-out=%s: there is no folder %s", r.out, folder.Path)
	}
	r.temp, err = folder.CreateTemp(".")
	return err
}

func (r *result) write(rec arrow.Record) error {
	if r.table != nil {
		return r.table.add(rec)
	}
	if r.encoder == nil {
		columns, err := pipeline.SchemaOf(rec.Schema())
		if err != nil {
			return err
		}
		columns, _ = pipeline.Schema(nil).Extend(columns, false)
		var w io.Writer = r.file
		if r.temp != nil {
			w = r.temp
		}
		r.encoder, err = r.format.NewEncoder(w, columns.Arrow())
		if err != nil {
			return err
		}
	}
	return r.encoder.Write(rec)
}

// finish shows the result.
func (r *result) finish() error {
	if r.table != nil {
		return r.table.print(r.process.stdout)
	}
	if r.encoder != nil {
		if err := r.encoder.Close(); err != nil {
			return err
		}
	}
	if r.temp != nil {
		return r.publish()
	}
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(r.process.stdout, r.file)
	return err
}

func (r *result) publish() error {
	err := r.temp.Publish(filepath.Base(r.out))
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("-out=%s: the file exists; nothing was overwritten", r.out)
	}
	return err
}

// drop removes what has not been shown.
func (r *result) drop() {
	r.encoder = nil
	if r.temp != nil {
		_ = r.temp.Drop()
		r.temp = nil
	}
	if r.file != nil {
		_ = r.file.Close()
		_ = os.Remove(r.file.Name())
		r.file = nil
	}
}
