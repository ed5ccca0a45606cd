package parquet

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"github.com/kustash/kustash/pipeline"
)

// kind says what values of a Parquet column are made from.
type kind int

const (
	booleans kind = iota
	int32s
	int64s
	doubles
	texts
	micros // of a datetime, since 1970
	digits // of the same datetime: what micros leaves out, 0 to 9
	nanos  // of a datetime, since 1970
	spans  // of a timespan: 100 ns ticks
	decimals
)

// leaf is one column of the file.
type leaf struct {
	name    string
	kind    kind
	column  int     // of the record
	decimal decimal // of decimals
	source  pipeline.Column
}

// unitKey is the metadata key of an Arrow field that counts something other
// than its type says.
const unitKey = "kustash.unit"

// digitsKey is the metadata key of an Arrow field that holds the seventh digits
// of a datetime, and names the column of its microseconds.
const digitsKey = "kustash.digits_of"

// types of a kind, as Parquet and as Arrow have them.
var types = [...]struct {
	physical   parquet.Type
	logical    schema.LogicalType
	arrow      arrow.DataType
	dictionary bool // worth a look at the values
	unit       string
}{
	booleans: {parquet.Types.Boolean, schema.NoLogicalType{}, arrow.FixedWidthTypes.Boolean, false, ""},
	int32s:   {parquet.Types.Int32, schema.NoLogicalType{}, arrow.PrimitiveTypes.Int32, true, ""},
	int64s:   {parquet.Types.Int64, schema.NoLogicalType{}, arrow.PrimitiveTypes.Int64, true, ""},
	doubles:  {parquet.Types.Double, schema.NoLogicalType{}, arrow.PrimitiveTypes.Float64, false, ""},
	texts:    {parquet.Types.ByteArray, schema.StringLogicalType{}, arrow.BinaryTypes.String, true, ""},
	micros:   {parquet.Types.Int64, schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), arrow.FixedWidthTypes.Timestamp_us, false, ""},
	digits:   {parquet.Types.Int32, schema.NoLogicalType{}, arrow.PrimitiveTypes.Int32, true, "100ns of the microsecond before"},
	nanos:    {parquet.Types.Int64, schema.NewTimestampLogicalType(true, schema.TimeUnitNanos), arrow.FixedWidthTypes.Timestamp_ns, false, ""},
	spans:    {parquet.Types.Int64, schema.NoLogicalType{}, arrow.PrimitiveTypes.Int64, true, "100ns"},
	decimals: {parquet.Types.FixedLenByteArray, nil, nil, true, ""}, // a leaf has the others
}

// logical returns what the column's values mean.
func (l leaf) logical() schema.LogicalType {
	if l.kind == decimals {
		return schema.NewDecimalLogicalType(int32(l.decimal.precision), int32(l.decimal.scale))
	}
	return types[l.kind].logical
}

// length returns the bytes of a value where all have as many, else -1.
func (l leaf) length() int {
	if l.kind == decimals {
		return l.decimal.size()
	}
	return -1
}

// arrow returns the column's type to readers built on Arrow.
func (l leaf) arrow() arrow.DataType {
	if l.kind == decimals {
		return &arrow.Decimal128Type{Precision: int32(l.decimal.precision), Scale: int32(l.decimal.scale)}
	}
	return types[l.kind].arrow
}

// leaves returns the columns of a file.
func (f *Format) leaves(columns pipeline.Schema) []leaf {
	names := columns.DigitNames(func(c pipeline.Column) bool { return f.kindOf(c) == micros })
	var leaves []leaf
	for i, c := range columns {
		l := leaf{name: c.FileName(), kind: f.kindOf(c), column: i, decimal: f.decimals[c.FileName()], source: c}
		leaves = append(leaves, l)
		if l.kind == micros {
			l.name, l.kind = names[l.name], digits
			leaves = append(leaves, l)
		}
	}
	return leaves
}

func (f *Format) kindOf(c pipeline.Column) kind {
	switch c.Type {
	case pipeline.Bool:
		return booleans
	case pipeline.Int:
		return int32s
	case pipeline.Long:
		return int64s
	case pipeline.Real:
		return doubles
	case pipeline.Timespan:
		return spans
	case pipeline.Decimal:
		if _, ok := f.decimals[c.FileName()]; ok {
			return decimals
		}
	case pipeline.Datetime:
		way, ok := f.byColumn[c.FileName()]
		if !ok {
			way = f.datetime
		}
		switch way {
		case asMicros:
			return micros
		case asNanos:
			return nanos
		}
	}
	return texts
}

// schemaOf returns the file's schema. Its root is required: Arrow's default,
// repeated, is refused by strict readers.
func schemaOf(leaves []leaf) (*schema.Schema, error) {
	var fields schema.FieldList
	for _, l := range leaves {
		node, err := schema.NewPrimitiveNodeLogical(l.name, parquet.Repetitions.Optional, l.logical(), types[l.kind].physical, l.length(), -1)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", l.name, err)
		}
		fields = append(fields, node)
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	return schema.NewSchema(root), nil
}

// arrowSchema returns the value of ARROW:schema, through which readers built
// on Arrow see the metadata of fields: a serialized stream without records, in
// base64, as all implementations write it.
func arrowSchema(leaves []leaf) (string, error) {
	var fields []arrow.Field
	for _, l := range leaves {
		keys, values := []string{pipeline.TypeKey}, []string{string(l.source.Type)}
		if l.source.FileName() != l.source.Name {
			keys, values = append(keys, pipeline.NameKey), append(values, l.source.Name)
		}
		if unit := types[l.kind].unit; unit != "" {
			keys, values = append(keys, unitKey), append(values, unit)
		}
		if l.kind == digits {
			keys, values = append(keys, digitsKey), append(values, l.source.FileName())
		}
		fields = append(fields, arrow.Field{Name: l.name, Type: l.arrow(), Nullable: true, Metadata: arrow.NewMetadata(keys, values)})
	}
	var b bytes.Buffer
	if err := ipc.NewWriter(&b, ipc.WithSchema(arrow.NewSchema(fields, nil))).Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
