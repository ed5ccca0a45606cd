package emulator

import (
	"fmt"
	"io"

	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// partial is the error that stands beside the rows of an incomplete answer.
type partial struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Details []partialDetail `json:"details"`
}

type partialDetail struct {
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Inner   engineError `json:"innererror"`
}

type engineError struct {
	Code         string `json:"code"`
	Message      string `json:"message"`
	Severity     int    `json:"severity"`
	SeverityName string `json:"severityName"`
}

// resultSetTooLarge is E_QUERY_RESULT_SET_TOO_LARGE as the service writes it.
const resultSetTooLarge = "-2133196797"

// fuzzyUnion is the code of a warning whose code nobody has recorded.
const fuzzyUnion = "0"

func newPartial(p Partial) *partial {
	p.Severity = or(p.Severity, 2)
	name := "Error"
	if p.Severity > 2 {
		name = "Warning"
	}
	return &partial{Code: "PartialError", Message: "There were some errors when processing your query.",
		Details: []partialDetail{{Code: "EngineError", Message: "Something went wrong processing your query on the server.",
			Inner: engineError{or(p.Code, resultSetTooLarge), p.Message, p.Severity, or(p.SeverityName, name)}}}}
}

// exceeded words the message of a limit: records or bytes.
func exceeded(limit int64, bytes, oldWording bool) *partial {
	var text string
	switch {
	case oldWording && bytes:
		text = fmt.Sprintf("Query result set has exceeded the internal data size limit %d "+
			"(E_QUERY_RESULT_SET_TOO_LARGE; see https://aka.ms/kustoquerylimits)", limit)
	case oldWording:
		text = fmt.Sprintf("Query result set has exceeded the internal record count limit %d "+
			"(E_QUERY_RESULT_SET_TOO_LARGE; see https://aka.ms/kustoquerylimits)", limit)
	default:
		unit := "records"
		if bytes {
			unit = "bytes"
		}
		text = fmt.Sprintf("The results of this query exceed the set limit of %d %s, so not all records were returned "+
			"(E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003). See https://aka.ms/kustoquerylimits for more information and "+
			"possible solutions.", limit, unit)
	}
	return newPartial(Partial{Message: text})
}

// truncate makes an answer of a result, cut off where a limit is reached. The
// limits hold for all tables together; a query may lower that of rows.
func truncate(r *kql.Result, limits Limits, oldWording bool) *answer {
	records := limits.Rows
	if r.MaxRecords > 0 && (records < 0 || r.MaxRecords < records) {
		records = r.MaxRecords
	}
	a := &answer{}
	var rows, bytes int64
	for _, t := range r.Tables {
		s := newSection(t)
		for i, row := range t.Rows {
			size := s.rowSize(row)
			switch {
			case a.partial != nil:
			case records >= 0 && rows >= records:
				a.partial = exceeded(records, false, oldWording)
			case limits.Bytes >= 0 && bytes+size > limits.Bytes:
				a.partial = exceeded(limits.Bytes, true, oldWording)
			}
			if a.partial != nil {
				break
			}
			rows, bytes, s.size = rows+1, bytes+size, s.size+size
			s.rows = t.Rows[:i+1]
		}
		a.tables = append(a.tables, s)
	}
	return a
}

func (s *section) rowSize(row []kql.Value) int64 {
	var n int64
	for _, place := range s.place {
		n += kql.Size(row[place])
	}
	return n
}

// textBound is the most that any byte of the engine, and any cell, can grow to
// in the JSON text: six bytes for an escape, 32 for quotes, comma and a time.
const (
	textPerByte = 6
	textPerCell = 32
)

// fitsGateway reports whether the text of an answer stays below the gateway's
// limit. It writes the text only where a bound does not decide.
func (a *answer) fitsGateway(limit int64) bool {
	if limit < 0 {
		return true
	}
	var bound int64
	for _, s := range a.tables {
		bound += s.size*textPerByte + int64(len(s.rows))*int64(len(s.place)+1)*textPerCell
	}
	if bound < limit-4096 {
		return true
	}
	n, err := a.write(io.Discard, shape{})
	return err == nil && n <= limit
}
