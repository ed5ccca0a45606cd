package loganalytics

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"

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

// limitText is how an engine names the limit that an answer exceeds, in its
// old and its present wording.
var limitText = regexp.MustCompile(`(?:record count limit|(data size limit)|set limit of) (\d+)(?: (bytes)\b)?`)

// excess returns how many answers a truncated one would fill, as far as the
// service says: statistics of the whole beside the limit that its error names.
// 0 is unknown.
func excess(a answer) float64 {
	if a.Stats == nil || a.Err == nil {
		return 0
	}
	for _, e := range a.Err.all() {
		m := limitText.FindStringSubmatch(e.Message)
		if m == nil {
			continue
		}
		limit, err := strconv.ParseInt(m[2], 10, 64)
		rows, bytes := fill(a.Stats.RowCount, maxRows), fill(a.Stats.Size, maxBytes)
		named := fill(a.Stats.RowCount, limit)
		if m[1] != "" || m[3] != "" {
			named = fill(a.Stats.Size, limit)
		}
		// Statistics of the part that was returned are no news.
		if err == nil && named > 1 {
			return max(named, rows, bytes)
		}
	}
	return 0
}

// fill returns how often n holds limit; 0 if n is not known.
func fill(n *int64, limit int64) float64 {
	if n == nil || limit <= 0 {
		return 0
	}
	return float64(*n) / float64(limit)
}
