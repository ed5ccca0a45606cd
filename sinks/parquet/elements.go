package parquet

import (
	"fmt"

	"github.com/xitongsys/parquet-go/parquet"

	"github.com/kustash/kustash/pipeline"
)

// leavesOf matches the columns of a file with those it was made from; a
// datetime or decimal may have been kept in any of its ways. Without columns the types in
// the file are taken for granted.
func leavesOf(elements []*parquet.SchemaElement, columns pipeline.Schema) ([]leaf, error) {
	var leaves []leaf
	if columns == nil {
		for _, e := range elements {
			leaves = append(leaves, leaf{name: e.Name, kind: kindOf(e), decimal: decimalOf(e)})
		}
		return leaves, nil
	}
	found := Format{byColumn: make(map[string]string), datetime: asMicros, decimals: make(map[string]decimal)}
	at := 0
	for _, c := range columns {
		if at >= len(elements) {
			break
		}
		if c.Type == pipeline.Datetime {
			switch kindOf(elements[at]) {
			case micros:
				found.byColumn[c.FileName()] = asMicros
				at++
			case nanos:
				found.byColumn[c.FileName()] = asNanos
			default:
				found.byColumn[c.FileName()] = asString
			}
		}
		if c.Type == pipeline.Decimal && kindOf(elements[at]) == decimals {
			found.decimals[c.FileName()] = decimalOf(elements[at])
		}
		at++
	}
	leaves = found.leaves(columns)
	if len(leaves) != len(elements) {
		return nil, fmt.Errorf("%d columns, want %d", len(elements), len(leaves))
	}
	for i, l := range leaves {
		e := elements[i]
		if e.Name != l.name {
			return nil, fmt.Errorf("column %d is named %q, not %q", i+1, e.Name, l.name)
		}
		if !sameType(e, l) {
			return nil, fmt.Errorf("column %s has the type %v (%v), which is none of %s", e.Name, e.GetType(), e.LogicalType, l.source.Type)
		}
	}
	return leaves, nil
}

// kindOf returns the first kind with the type of a column.
func kindOf(e *parquet.SchemaElement) kind {
	switch e.GetType() {
	case parquet.Type_BOOLEAN:
		return booleans
	case parquet.Type_INT32:
		return int32s
	case parquet.Type_DOUBLE:
		return doubles
	case parquet.Type_BYTE_ARRAY:
		if e.LogicalType != nil && e.LogicalType.STRING != nil {
			return texts
		}
	case parquet.Type_FIXED_LEN_BYTE_ARRAY:
		if d := decimalOf(e); d.precision > 0 && int(e.GetTypeLength()) == d.size() {
			return decimals
		}
	case parquet.Type_INT64:
		if e.LogicalType == nil || e.LogicalType.TIMESTAMP == nil {
			return int64s
		}
		if t := e.LogicalType.TIMESTAMP; t.IsAdjustedToUTC && t.Unit != nil {
			switch {
			case t.Unit.MICROS != nil:
				return micros
			case t.Unit.NANOS != nil:
				return nanos
			}
		}
	}
	return unknown
}

// unknown is the kind of a column that this format does not write.
const unknown kind = -1

// decimalOf returns the type of a column of decimals; others have none.
func decimalOf(e *parquet.SchemaElement) (d decimal) {
	if e.LogicalType == nil || e.LogicalType.DECIMAL == nil {
		return d
	}
	d = decimal{int(e.LogicalType.DECIMAL.Precision), int(e.LogicalType.DECIMAL.Scale)}
	if d.check() != nil {
		return decimal{}
	}
	return d
}

// sameType reports whether a column of a file has the type of a leaf there.
func sameType(e *parquet.SchemaElement, l leaf) bool {
	k := kindOf(e)
	if k == unknown || l.kind == unknown {
		return false
	}
	found := leaf{kind: k, decimal: decimalOf(e)}
	return types[k].physical == types[l.kind].physical && found.logical().Equals(l.logical())
}
