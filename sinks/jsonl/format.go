// Package jsonl is the format of JSON lines: one object a line, its members in
// the order of the columns, UTF-8.
//
// Numbers are exact; NaN, Infinity and -Infinity, which JSON does not have,
// are texts. Times, timespans, decimals and guids are the texts the service
// sent, and so are dynamic values unless dynamic = "json" makes them part of
// the line.
package jsonl

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Options is the block format "jsonl".
type Options struct {
	Compression string `hcl:"compression,optional"` // "none" (default) or "gzip"
	// Dynamic is "text" (default), a string of exactly what was received, or
	// "json", the value itself without white space. A dynamic text that is no
	// JSON is a string in both.
	Dynamic string `hcl:"dynamic,optional"`
}

// Format is a sinks.Format, a sinks.Checker, a sinks.Settled and a
// sinks.Decoder.
type Format struct {
	zip     bool
	dynamic bool // as JSON
}

var (
	_ sinks.Format  = (*Format)(nil)
	_ sinks.Checker = (*Format)(nil)
	_ sinks.Settled = (*Format)(nil)
	_ sinks.Decoder = (*Format)(nil)
)

// dynamicJSON is the setting that a reader must know.
const dynamicJSON = "dynamic=json"

// New returns the format of these options. A value that is none of those
// allowed is a *pipeline.SettingError.
func New(o Options) (*Format, error) {
	f := &Format{}
	var err error
	if f.zip, err = sinks.Gzip(o.Compression); err != nil {
		return nil, err
	}
	switch o.Dynamic {
	case "", "text":
	case "json":
		f.dynamic = true
	default:
		return nil, &pipeline.SettingError{Name: "dynamic", Err: fmt.Errorf("%q is none of text and json", o.Dynamic)}
	}
	return f, nil
}

// Ext implements sinks.Format.
func (f *Format) Ext() string {
	if f.zip {
		return "jsonl.gz"
	}
	return "jsonl"
}

// Settings implements sinks.Settled.
func (f *Format) Settings() string {
	if f.dynamic {
		return dynamicJSON
	}
	return ""
}

// NewEncoder implements sinks.Format.
func (f *Format) NewEncoder(w io.Writer, schema *arrow.Schema) (sinks.Encoder, error) {
	columns, err := pipeline.SchemaOf(schema)
	if err != nil {
		return nil, err
	}
	e := &encoder{Lines: sinks.NewLines(w, f.zip)}
	for i, c := range columns {
		start := byte(',')
		if i == 0 {
			start = '{'
		}
		name := append(appendString([]byte{start}, c.FileName()), ':')
		e.columns = append(e.columns, column{start: name, json: f.dynamic && c.Type == pipeline.Dynamic})
	}
	return e, nil
}
