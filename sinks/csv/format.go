// Package csv is the format of RFC 4180: comma, double quotes, UTF-8, lines
// that end in a line feed.
//
// A null is an empty field and an empty text is "", so that both come back.
// Times, timespans and decimals are the text the service sent; numbers are the
// shortest text that reads back as the same value.
package csv

import (
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/sinks"
)

// Options is the block format "csv".
type Options struct {
	Compression string `hcl:"compression,optional"` // "none" (default) or "gzip"
	Header      *bool  `hcl:"header,optional"`      // a first line of column names; default true
}

// Format is a sinks.Format, sinks.Checker, sinks.Settled and sinks.Decoder.
type Format struct {
	zip    bool
	header bool
}

var (
	_ sinks.Format  = (*Format)(nil)
	_ sinks.Checker = (*Format)(nil)
	_ sinks.Settled = (*Format)(nil)
	_ sinks.Decoder = (*Format)(nil)
)

// noHeader is the setting that a reader must know.
const noHeader = "header=false"

// New returns the format of these options. A value that is none of those
// allowed is a *pipeline.SettingError.
func New(o Options) (*Format, error) {
	f := &Format{header: o.Header == nil || *o.Header}
	var err error
	if f.zip, err = sinks.Gzip(o.Compression); err != nil {
		return nil, err
	}
	return f, nil
}

// Ext implements sinks.Format.
func (f *Format) Ext() string {
	if f.zip {
		return "csv.gz"
	}
	return "csv"
}

// Settings implements sinks.Settled.
func (f *Format) Settings() string {
	if f.header {
		return ""
	}
	return noHeader
}

// NewEncoder implements sinks.Format.
func (f *Format) NewEncoder(w io.Writer, schema *arrow.Schema) (sinks.Encoder, error) {
	e := &encoder{Lines: sinks.NewLines(w, f.zip)}
	if f.header {
		for i, field := range schema.Fields() {
			if i > 0 {
				e.Text = append(e.Text, ',')
			}
			e.Text = appendText(e.Text, field.Name)
		}
		e.Text = append(e.Text, '\n')
	}
	return e, nil
}
