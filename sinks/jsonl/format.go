// Package jsonl is the format of JSON lines: one object a line, its members in
// the order of the columns, UTF-8.
//
// Numbers are exact; NaN, Infinity and -Infinity, which JSON does not have,
// are texts. Times, timespans, decimals and guids are the texts the service
// sent, and so are dynamic values unless dynamic = "json" makes them part of
// the line.
package jsonl

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Options is the block format "jsonl".
type Options struct {
	Compression string `hcl:"compression,optional"` // "none" (default), "gzip" or "zstd"
	Level       *int   `hcl:"level,optional"`       // of the compression: 1 to 9 for gzip, 1 to 22 for zstd

	// Dynamic is "text" (default), a string of exactly what was received, or
	// "json", the value itself without white space. A dynamic text that is no
	// JSON is a string in both.
	Dynamic string `hcl:"dynamic,optional"`
}

// Format is a sinks.Format, a sinks.Checker, a sinks.Settled and a
// sinks.Decoder.
type Format struct {
	compression sinks.Compression
	dynamic     bool // as JSON
}

var (
	_ sinks.Format  = (*Format)(nil)
	_ sinks.Checker = (*Format)(nil)
	_ sinks.Settled = (*Format)(nil)
	_ sinks.Decoder = (*Format)(nil)
)

// dynamicJSON is the setting that a reader must know.
var dynamicJSON = sinks.Setting{Name: "dynamic", Value: "json"}

// New returns the format of these options. Each value that is none of those
// allowed is a *pipeline.SettingError; all of them are told.
func New(o Options) (*Format, error) {
	compression, noCompression := sinks.ParseCompression(o.Compression, o.Level)
	dynamic, noDynamic := sinks.Choice("dynamic", o.Dynamic, "text", "json")
	if err := errors.Join(noCompression, noDynamic); err != nil {
		return nil, err
	}
	return &Format{compression: compression, dynamic: dynamic == "json"}, nil
}

// Ext implements sinks.Format.
func (f *Format) Ext() string { return f.compression.Ext("jsonl") }

// Settings implements sinks.Settled.
func (f *Format) Settings() string {
	if f.dynamic {
		return sinks.SettingsLine([]sinks.Setting{dynamicJSON})
	}
	return ""
}

// settingsOf returns what an object's metadata say of its settings.
func settingsOf(m sinks.Metadata) (dynamic bool, err error) {
	settings, err := sinks.ParseSettings(m.Format)
	if err != nil {
		return false, err
	}
	for _, s := range settings {
		if s != dynamicJSON {
			return false, fmt.Errorf("it was written with %s = %q, which this version does not know", s.Name, s.Value)
		}
		dynamic = true
	}
	return dynamic, nil
}

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
	e := &encoder{Lines: lines}
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
