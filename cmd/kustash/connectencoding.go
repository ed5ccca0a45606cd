package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// encoding is how files keep values: what a reader must be told about them.
type encoding struct {
	kind        string // parquet, csv or jsonl
	compression string // of a text: "", gzip or zstd
	header      bool   // csv: the first line names the columns
	delimiter   string // csv
	null        string // csv: the text of a null, without quotes
	escaped     bool   // csv: line ends and backslashes in texts are written \n, \r and \\
	marked      bool   // csv: an apostrophe stands before what looks like a formula
	dynamicJSON bool   // jsonl: dynamic values are JSON themselves
	// types of the columns of Parquet; nil is the default of each.
	types map[string]string
}

// encodingOf reads what files say of themselves. A setting that is not known
// here is an error: a reader that is not told of it would read something else.
func encodingOf(st sinks.Stored) (encoding, error) {
	ext, settings, _ := strings.Cut(st.Format, " ")
	kind, compressed, _ := strings.Cut(ext, ".")
	e := encoding{kind: kind, header: true, delimiter: ",", types: st.Types}
	switch compressed {
	case "":
	case "gz":
		e.compression = "gzip"
	case "zst":
		e.compression = "zstd"
	default:
		return e, fmt.Errorf("it is compressed as %s, which connect does not know", compressed)
	}
	if !slices.Contains([]string{"parquet", "csv", "jsonl"}, kind) {
		return e, fmt.Errorf("its format is %s, which connect does not know", kind)
	}
	list, err := sinks.ParseSettings(settings)
	if err != nil {
		return e, err
	}
	for _, s := range list {
		switch {
		case s.Name == "delimiter":
			e.delimiter = s.Value
		case s.Name == "null":
			e.null = s.Value
		case s == sinks.Setting{Name: "header", Value: "false"}:
			e.header = false
		case s == sinks.Setting{Name: "newline", Value: "escape"}:
			e.escaped = true
		case s == sinks.Setting{Name: "formulas", Value: "neutralise"}:
			e.marked = true
		case s == sinks.Setting{Name: "dynamic", Value: "json"}:
			e.dynamicJSON = true
		default:
			return e, fmt.Errorf("it has the setting %s=%s, which connect does not know", s.Name, s.Value)
		}
	}
	return e, nil
}

// dialectError refuses CSV that the statements for a reader do not undo.
func (e encoding) dialectError(title string) error {
	switch {
	case e.escaped:
		return fmt.Errorf("it has newline = \"escape\", which connect undoes in DuckDB only, not in %s", title)
	case e.marked:
		return fmt.Errorf("it has formulas = \"neutralise\", which connect undoes in DuckDB only, not in %s", title)
	case e.null != "":
		return fmt.Errorf("it has null = %q, of which connect can tell DuckDB only, not %s", e.null, title)
	}
	return nil
}

// form is how one value is kept.
type form int

const (
	native    form = iota // as the reader's own type
	text                  // as the text that the service sent
	micros                // a time, with the seventh digit in a column beside it
	nanos                 // a time
	ticks                 // a timespan as a number of 100 ns
	fixed                 // a decimal of so many digits
	jsonValue             // JSON in JSON
	jsonReal              // a number of JSON, or a text where JSON has none
)

func (e encoding) form(c pipeline.Column) form {
	plain := c.Type == pipeline.Bool || c.Type == pipeline.Int || c.Type == pipeline.Long || c.Type == pipeline.Real
	kept := e.types[c.FileName()]
	switch {
	case e.kind == "csv":
	case e.kind == "jsonl" && c.Type == pipeline.Real:
		return jsonReal
	case plain:
		return native
	case e.kind == "jsonl":
		if c.Type == pipeline.Dynamic && e.dynamicJSON {
			return jsonValue
		}
	case c.Type == pipeline.Timespan:
		return ticks
	case c.Type == pipeline.Datetime && (e.types == nil || kept == "timestamp[us]"):
		return micros
	case c.Type == pipeline.Datetime && kept == "timestamp[ns]":
		return nanos
	case strings.HasPrefix(kept, "decimal("):
		return fixed
	}
	return text
}

// field is a column as the files of a scan have it.
type field struct {
	name  string
	kql   pipeline.Type
	form  form
	kept  string // type in the file of a fixed
	digit string // name of the column with the seventh digits, of micros
}

// fields returns the columns of files, in their order. Columns of seventh
// digits stand behind the time that they belong to.
func (e encoding) fields(columns pipeline.Schema) []field {
	digits := columns.DigitNames(func(c pipeline.Column) bool { return e.form(c) == micros })
	var all []field
	for _, c := range columns {
		name := c.FileName()
		all = append(all, field{name, c.Type, e.form(c), e.types[name], digits[name]})
	}
	return all
}

// nanosError refuses times of nanoseconds, which some readers do not know.
func (e encoding) nanosError(title string) error {
	for column, kept := range e.types {
		if kept == "timestamp[ns]" {
			return fmt.Errorf("the column %s has datetime = \"ns\", which %s does not read", column, title)
		}
	}
	return nil
}

// zstdError refuses texts that are compressed in a way that many readers do not
// know.
func (e encoding) zstdError(title string) error {
	if e.compression == "zstd" {
		return fmt.Errorf("%s reads no text that is compressed as zstd", title)
	}
	return nil
}
