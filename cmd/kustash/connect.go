package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kustash/kustash/internal/durable"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/pipeline/ledger"
)

var connectVerb = verb{
	name:  "connect",
	brief: "print statements that make each query a view in DuckDB and others",
	usage: "[-chdir=DIR] connect [flags]",
	help: `Prints statements for DuckDB, Azure Data Explorer, Synapse or Spark that make each
query one typed view over exactly the files that count. Works offline and takes
no lock. Files change with each apply: connect again after it.

Of several sinks of a query, the first is taken, in the order of its list, that
holds all that any of them holds. No secret is printed; a comment says where the
reader wants it.`,
	run: runConnect,
}

type connectFlags struct {
	load                    loadFlags
	engine, sink, root, out string
	targets                 stringList
}

func (o *connectFlags) add(f *flag.FlagSet) {
	o.load.add(f)
	f.StringVar(&o.engine, "for", "duckdb", "the `reader`: duckdb, adx, synapse or spark")
	f.StringVar(&o.sink, "sink", "", "take the files of this sink, an `address`")
	f.Var(&o.targets, "target", "make views of this `address` only, or of files in ADDRESS@FROM/TO; may be repeated")
	f.StringVar(&o.root, "root", "", "`place` at which the reader finds a sink's files, if another than kustash: a folder, https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX or s3://BUCKET/PREFIX")
	f.StringVar(&o.out, "out", "", "write to this `file`, in place of what is there")
}

// engine writes the statements of one reader.
type engine struct {
	name  string
	title string
	// comment begins a line that the reader passes over.
	comment string
	// folds says that names of columns that differ in case only are one to it.
	folds bool
	// address returns how the reader names a file.
	address func(location, string) (string, error)
	// encodes reports why the reader cannot take files of this kind; nil if it can.
	encodes func(encoding) error
	// setUp writes what must come before the views that read from these places.
	setUp func(w *strings.Builder, places []location)
	view  func(w *strings.Builder, v view)
}

// engines returns the readers in the order in which help lists them.
func engines() []engine {
	return []engine{duckdbEngine, adxEngine, synapseEngine, sparkEngine}
}

func engineNamed(name string) (engine, error) {
	var names []string
	for _, e := range engines() {
		if e.name == name {
			return e, nil
		}
		names = append(names, e.name)
	}
	return engine{}, fmt.Errorf("-for=%s: the readers are %s.%s", name, strings.Join(names, ", "), config.DidYouMean(name, names))
}

func runConnect(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var o connectFlags
	o.add(f)
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	e, err := engineNamed(o.engine)
	if err != nil {
		return 0, err
	}
	s, err := p.readSession(ctx, &o.load, false, ledger.Load)
	if err != nil {
		return 0, err
	}
	p.tellMoves(s)
	c := connector{session: s, engine: e, formats: p.declaredFormats(&o.load), sink: o.sink}
	if o.root != "" {
		root, err := placeAt(o.root)
		if err != nil {
			return 0, fmt.Errorf("-root=%s: %w", o.root, err)
		}
		c.root = &root
	}
	if err := c.connect(ctx, o.targets); err != nil {
		return 0, err
	}
	for _, w := range c.warnings {
		fmt.Fprintf(p.stderr, "%s %s\n", p.paint(yellow, "Warning:"), w)
	}
	if o.out == "" {
		p.printf("%s", c.text())
		return exitDone, nil
	}
	name := p.path(o.out)
	if !isDir(filepath.Dir(name)) {
		return 0, fmt.Errorf("-out=%s: there is no folder %s", o.out, filepath.Dir(o.out))
	}
	if err := durable.Replace(name, []byte(c.text())); err != nil {
		return 0, fmt.Errorf("-out=%s: %w", o.out, err)
	}
	p.printf("Wrote %s over %s to %s\n", count(c.made, "view"), count(c.files(), "file"), o.out)
	return exitDone, nil
}

// text returns all statements.
func (c *connector) text() string {
	var w strings.Builder
	c.note(&w, "Views of an archive for %s, made by %s.", c.engine.title, tool())
	if c.snapshot.Seq == 0 {
		c.note(&w, "Nothing has been exported yet.")
	} else {
		c.note(&w, "They are of the state as it was at segment %d, lineage %s, head %.12s.", c.snapshot.Seq, c.snapshot.Lineage, c.snapshot.Hash)
	}
	c.note(&w, "Files change with each apply: run \"kustash connect\" after it.")
	var setUp strings.Builder
	if c.engine.setUp(&setUp, c.places); setUp.Len() > 0 {
		w.WriteString("\n" + setUp.String())
	}
	for _, v := range c.views {
		w.WriteByte('\n')
		for _, n := range v.notes {
			c.note(&w, "%s", n)
		}
		if len(v.columns) > 0 {
			c.engine.view(&w, v)
		}
	}
	return w.String()
}

// note writes a comment. What is in it cannot end the line.
func (c *connector) note(w *strings.Builder, format string, values ...any) {
	w.WriteString(c.engine.comment + " " + oneLine(fmt.Sprintf(format, values...)) + "\n")
}

// oneLine returns a text without what some reader takes for the end of a line.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}

func (c *connector) files() int {
	n := 0
	for _, v := range c.views {
		n += v.files
	}
	return n
}
