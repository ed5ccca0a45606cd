// Package csv is the format of RFC 4180: double quotes, UTF-8, lines that end
// in a line feed; a comma between fields unless another delimiter is set.
//
// A null is an empty field and an empty text is "", so that both come back. A
// null that is written as some other text stands without quotes, and a value
// of that text within them. PostgreSQL's COPY, DuckDB with allow_quoted_nulls =
// false and, for empty fields, Python's csv from 3.13 on with QUOTE_NOTNULL tell
// the two apart; DuckDB by default, pandas, spreadsheets and Go's encoding/csv
// do not. Whoever reads with those sets null to a text that no value has.
//
// Times, timespans and decimals are the text the service sent; numbers are the
// shortest text that reads back as the same value.
package csv

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Options is the block format "csv".
type Options struct {
	Compression string `hcl:"compression,optional"` // "none" (default), "gzip" or "zstd"
	Level       *int   `hcl:"level,optional"`       // of the compression: 1 to 9 for gzip, 1 to 22 for zstd
	Header      *bool  `hcl:"header,optional"`      // a first line of column names; default true
	Delimiter   string `hcl:"delimiter,optional"`   // "," (default), ";", "\t" or "|"

	// Null is the text of a null; "" (default) is an empty field. It cannot be
	// one that needs quotes.
	Null string `hcl:"null,optional"`

	// Newline is "keep" (default), or "escape": a line feed within a field is
	// the two characters \n, a carriage return \r, a backslash \\, so that each
	// row is one line.
	Newline string `hcl:"newline,optional"`

	// Formulas is "keep" (default), or "neutralise": a text that a spreadsheet
	// may take for a formula, because it begins with = + - @, a tab or a line
	// end, gets an apostrophe before it. So does one that has apostrophes before
	// such a beginning: whoever takes one from each has what was there. It holds
	// for column names and for columns of string, dynamic and guid; numbers,
	// times and timespans stay as they are.
	Formulas string `hcl:"formulas,optional"`
}

// Format is a sinks.Format, sinks.Checker, sinks.Settled and sinks.Decoder.
type Format struct {
	compression sinks.Compression
	dialect     dialect
}

var (
	_ sinks.Format  = (*Format)(nil)
	_ sinks.Checker = (*Format)(nil)
	_ sinks.Settled = (*Format)(nil)
	_ sinks.Decoder = (*Format)(nil)
)

// New returns the format of these options. Each value that is none of those
// allowed is a *pipeline.SettingError; all of them are told.
func New(o Options) (*Format, error) {
	compression, noCompression := sinks.ParseCompression(o.Compression, o.Level)
	newline, noNewline := sinks.Choice("newline", o.Newline, "keep", "escape")
	formulas, noFormulas := sinks.Choice("formulas", o.Formulas, "keep", "neutralise")
	delimiter, noDelimiter := parseDelimiter(o.Delimiter)
	d := dialect{
		header:     o.Header == nil || *o.Header,
		delimiter:  delimiter,
		null:       o.Null,
		escape:     newline == "escape",
		neutralise: formulas == "neutralise",
	}
	if err := errors.Join(noCompression, noDelimiter, checkNull(d), noNewline, noFormulas); err != nil {
		return nil, err
	}
	return &Format{compression: compression, dialect: d}, nil
}

// delimiters by the words that may be written for them by mistake.
var delimiters = map[string]string{
	"comma": ",", "semicolon": ";", "tab": "\t", "tabulator": "\t", `\t`: "\t", "pipe": "|", "bar": "|",
}

func parseDelimiter(text string) (byte, error) {
	switch text {
	case "":
		return ',', nil
	case ",", ";", "\t", "|":
		return text[0], nil
	}
	meant := ""
	if near := delimiters[strings.ToLower(text)]; near != "" {
		meant = fmt.Sprintf("; did you mean %q?", near)
	}
	err := fmt.Errorf(`%q is none of ",", ";", "\t" and "|"%s`, text, meant)
	return 0, &pipeline.SettingError{Name: "delimiter", Err: err}
}

// Ext implements sinks.Format.
func (f *Format) Ext() string { return f.compression.Ext("csv") }

// Settings implements sinks.Settled.
func (f *Format) Settings() string { return sinks.SettingsLine(f.dialect.settings()) }

// NewEncoder implements sinks.Format.
func (f *Format) NewEncoder(w io.Writer, schema *arrow.Schema) (sinks.Encoder, error) {
	columns, err := pipeline.SchemaOf(schema)
	if err != nil {
		return nil, err
	}
	lines, err := sinks.NewLines(w, f.compression)
	if err != nil {
		return nil, err
	}
	e := &encoder{Lines: lines, dialect: f.dialect}
	for i, c := range columns {
		e.formulas = append(e.formulas, e.neutralises(c.Type))
		if !f.dialect.header {
			continue
		}
		if i > 0 {
			e.Text = append(e.Text, e.delimiter)
		}
		e.Text = e.appendField(e.Text, e.mark(c.FileName(), e.neutralise))
	}
	if f.dialect.header {
		e.Text = append(e.Text, '\n')
	}
	return e, e.Flush()
}
