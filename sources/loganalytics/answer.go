package loganalytics

import (
	"bytes"
	"encoding/json"

	"github.com/kustash/kustash/pipeline"
)

// answer is what an answer says besides its rows.
type answer struct {
	Table   string          // name of the first table
	Columns pipeline.Schema // of the first table
	Rows    int64           // handed to emit
	Tables  int             // in the answer; only the first one's rows are handed over
	Stats   *stats          // nil if the answer holds none
	Err     *apiError       // nil if the answer holds none

	Permissions *permissions // nil if the answer holds none
}

// stats is what the service says about the first table. It is sent on request
// only, and the service promises none of it.
type stats struct {
	RowCount *int64
	Size     *int64 // bytes by the measure that the limit of an answer uses
}

// parseStats reads the value of "statistics". What is missing or of another
// shape stays nil.
func parseStats(raw []byte) *stats {
	var s struct {
		Query struct {
			DatasetStatistics []struct {
				TableRowCount, TableSize json.RawMessage
			} `json:"datasetStatistics"`
		} `json:"query"`
	}
	// A member of another type than expected is an error, but the rest is read.
	_ = json.Unmarshal(raw, &s)
	if len(s.Query.DatasetStatistics) == 0 {
		return nil
	}
	first := s.Query.DatasetStatistics[0]
	return &stats{RowCount: optionalInteger(first.TableRowCount), Size: optionalInteger(first.TableSize)}
}

func optionalInteger(raw []byte) *int64 {
	n, err := parseInteger(bytes.Trim(raw, `"`))
	if err != nil {
		return nil
	}
	return &n
}
