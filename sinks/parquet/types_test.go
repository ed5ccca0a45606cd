package parquet_test

import (
	"bytes"
	"maps"
	"testing"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks/parquet"
)

// Types says how the columns are kept, whatever the settings of the receiver.
func TestTypes(t *testing.T) {
	columns := pipeline.Schema{
		{Name: "a", Type: pipeline.Datetime}, {Name: "b", Type: pipeline.Datetime}, {Name: "c", Type: pipeline.Datetime}, {Name: "d", Type: pipeline.Timespan},
		{Name: "e", Type: pipeline.Bool}, {Name: "f", Type: pipeline.Int}, {Name: "g", Type: pipeline.Real}, {Name: "h", Type: pipeline.Decimal},
	}
	f, err := parquet.New(parquet.Options{DatetimeColumns: map[string]string{"b": "ns", "c": "string"}})
	if err != nil {
		t.Fatal(err)
	}
	data := encode(t, f, columns)
	want := map[string]string{"a": "timestamp[us]", "a_100ns": "int32", "b": "timestamp[ns]", "c": "byte_array", "d": "int64",
		"e": "boolean", "f": "int32", "g": "double", "h": "byte_array"}
	got, err := new(parquet.Format).Types(bytes.NewReader(data), int64(len(data)))
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, n := range []int{0, 3, len(data) / 2, len(data) - 1} {
		if got, err := f.Types(bytes.NewReader(data[:n]), int64(n)); err == nil {
			t.Errorf("the first %d bytes of the file: got %v, want an error", n, got)
		}
	}
}
