package parquet

import (
	"fmt"
	"io"
	"strings"

	"github.com/xitongsys/parquet-go/parquet"

	"github.com/kustash/kustash/sinks"
)

var _ sinks.Typed = (*Format)(nil)

// Types implements sinks.Typed: "timestamp[us]", "timestamp[ns]",
// "decimal(P,S)", and else Parquet's name of the physical type, such as "int64".
func (f *Format) Types(r io.ReaderAt, size int64) (types map[string]string, err error) {
	defer recovered(&err)
	footer, err := readFooter(r, size)
	if err != nil {
		return nil, err
	}
	types = make(map[string]string)
	for i, e := range footer.Schema {
		if i > 0 { // the first is the root
			types[e.Name] = typeOf(e)
		}
	}
	return types, nil
}

func typeOf(e *parquet.SchemaElement) string {
	if l := e.LogicalType; l != nil {
		switch {
		case l.TIMESTAMP != nil && l.TIMESTAMP.Unit.IsSetMICROS():
			return "timestamp[us]"
		case l.TIMESTAMP != nil && l.TIMESTAMP.Unit.IsSetNANOS():
			return "timestamp[ns]"
		case l.DECIMAL != nil:
			return fmt.Sprintf("decimal(%d,%d)", l.DECIMAL.Precision, l.DECIMAL.Scale)
		}
	}
	return strings.ToLower(e.GetType().String())
}
