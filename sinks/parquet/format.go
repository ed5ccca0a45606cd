// Package parquet is the format Apache Parquet. Arrow's implementation writes
// it; an independent one, xitongsys/parquet-go, reads it back for Check.
//
// Every column is optional and has the API's order. A datetime becomes two:
// microseconds, which every reader knows, and the seventh digit of the second
// in X_100ns; see Options for the other ways. A timespan is an int64 of 100 ns
// ticks. decimal, guid, string and dynamic are the text that was received;
// decimal columns that the settings name are decimal128. Statistics have the
// extremes of every type; a text of more than 4096 bytes leaves them out.
//
// Files declare no order of their rows and have no page index. The rows of a
// slice come in no order. And Arrow's writer offers neither: its properties
// (arrow/go v15, parquet/writer_properties.go) have no sorting columns, and
// nothing in its packages file and metadata sets the fields of a footer that
// say where an index is.
package parquet

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Options is the block format "parquet".
type Options struct {
	// Compression is "zstd" (default), "snappy", "gzip" or "none".
	Compression string `hcl:"compression,optional"`

	// Level is how hard zstd (1 to 22, of which the encoder makes four steps:
	// 1, 3, 6 and 10) or gzip (1 to 9) try.
	Level *int `hcl:"level,optional"`

	// Datetime says how datetime columns are kept. "micros" (default) is
	// TIMESTAMP(MICROS, UTC) and a column X_100ns with the seventh digit, 0 to
	// 9; "ns" is one exact TIMESTAMP(NANOS, UTC), for the years 1678 to 2262;
	// "string" is the text that was received.
	Datetime string `hcl:"datetime,optional"`

	// DatetimeColumns says it for single columns, by their names in files. A
	// name that an answer does not have is ignored: sinks have many queries.
	DatetimeColumns map[string]string `hcl:"datetime_columns,optional"`

	// Decimal keeps single decimal columns as decimal128 of a precision and a
	// scale, such as "38,10", by their names in files. A value that does not
	// fit is an error, and so is a column of another type; a name that an
	// answer does not have is ignored.
	Decimal map[string]string `hcl:"decimal,optional"`
}

// Format is a sinks.Format, sinks.Embedder, sinks.Checker and sinks.Decoder.
type Format struct {
	codec     codec
	datetime  string
	byColumn  map[string]string
	decimals  map[string]decimal
	groupSize int64 // bytes of input after which a row group ends
}

var (
	_ sinks.Format   = (*Format)(nil)
	_ sinks.Embedder = (*Format)(nil)
	_ sinks.Checker  = (*Format)(nil)
	_ sinks.Decoder  = (*Format)(nil)
)

// The ways to keep a datetime.
const (
	asMicros = "micros"
	asNanos  = "ns"
	asString = "string"
)

// groupSize is the size of a row group's input. Readers work on row groups in
// parallel, and hold one in memory.
const groupSize = 128 << 20

// New returns the format of these options. A value that is none of those
// allowed is a *pipeline.SettingError.
func New(o Options) (*Format, error) {
	f := &Format{groupSize: groupSize, datetime: asMicros, byColumn: maps.Clone(o.DatetimeColumns), decimals: make(map[string]decimal)}
	var err error
	if f.codec, err = newCodec(o.Compression, o.Level); err != nil {
		return nil, err
	}
	if o.Datetime != "" {
		if err := checkDatetime(o.Datetime); err != nil {
			return nil, &pipeline.SettingError{Name: "datetime", Err: err}
		}
		f.datetime = o.Datetime
	}
	for _, column := range slices.Sorted(maps.Keys(o.DatetimeColumns)) {
		if err := checkDatetime(o.DatetimeColumns[column]); err != nil {
			return nil, &pipeline.SettingError{Name: "datetime_columns", Err: fmt.Errorf("%s: %w", column, err)}
		}
	}
	for _, column := range slices.Sorted(maps.Keys(o.Decimal)) {
		if f.decimals[column], err = parseDecimal(o.Decimal[column]); err != nil {
			return nil, &pipeline.SettingError{Name: "decimal", Err: fmt.Errorf("%s: %w", column, err)}
		}
	}
	return f, nil
}

func checkDatetime(way string) error {
	switch way {
	case asMicros, asNanos, asString:
		return nil
	}
	return fmt.Errorf("%q is none of micros, ns and string", way)
}

// Ext implements sinks.Format.
func (f *Format) Ext() string { return "parquet" }

// NewEncoder implements sinks.Format. The encoder is a sinks.Describer.
func (f *Format) NewEncoder(w io.Writer, schema *arrow.Schema) (sinks.Encoder, error) {
	columns, err := pipeline.SchemaOf(schema)
	if err != nil {
		return nil, err
	}
	if err := f.checkDecimals(columns); err != nil {
		return nil, err
	}
	return newEncoder(w, f, f.leaves(columns))
}
