package emulator

import (
	"fmt"
	"io"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// answer is a reply without its wrapping. It is not changed once made: the
// cache may hand it out again.
type answer struct {
	tables  []section
	partial *partial
	took    time.Duration
	scanned int64    // rows of the tables that were read
	read    []string // tables
	chart   string   // what the query wants drawn
}

// section is a table of an answer, less its hidden columns.
type section struct {
	name    string
	columns []kql.Column
	place   []int // of each column in a row
	rows    [][]kql.Value
	size    int64 // in the engine's measure

	statedRows, statedSize int64 // what the statistics say
}

func newSection(t *kql.Table) section {
	s := section{name: t.Name}
	for i, c := range t.Columns {
		if !c.Hidden {
			s.columns = append(s.columns, c)
			s.place = append(s.place, i)
		}
	}
	return s
}

func (a *answer) rowCount() int64 {
	var n int64
	for _, s := range a.tables {
		n += int64(len(s.rows))
	}
	return n
}

// shape is how an answer is written.
type shape struct {
	preferences
	fault Action
	more  []member // at the end
}

// member is a key of the envelope with its JSON.
type member struct {
	key   string
	value []byte
}

// body writes an answer to out in small pieces, so that one of 100 MB needs no
// memory of that size.
type body struct {
	out   io.Writer
	buf   []byte
	count int64
	err   error
	other bool // values as Azure Data Explorer writes them
	extra bool // keys that nobody knows
}

const pieceSize = 32 << 10

func (w *body) flush() {
	if w.err == nil && len(w.buf) > 0 {
		w.count += int64(len(w.buf))
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

func (w *body) raw(s string) { w.buf = append(w.buf, s...) }

func (w *body) text(s string) { w.buf = appendString(w.buf, s) }

// extraTable is what a fault appends.
var extraTable = section{name: "SecondaryResult", columns: []kql.Column{{Name: "Note", Type: pipeline.String}},
	place: []int{0}, rows: [][]kql.Value{{"a second table"}}}

// write sends the answer and returns how many bytes that took.
func (a *answer) write(out io.Writer, s shape) (int64, error) {
	w := &body{out: out, buf: make([]byte, 0, pieceSize+4096), other: s.fault.ADXValues, extra: s.fault.ExtraKeys}
	p := a.partial
	if s.fault.Partial != nil {
		p = newPartial(*s.fault.Partial)
	}
	w.raw("{")
	w.unknown()
	if s.fault.ErrorFirst && p != nil {
		w.raw(`"error":`)
		w.buf = append(append(w.buf, compact(p)...), ',')
	}
	w.raw(`"tables":[`)
	tables := a.tables
	if s.fault.ExtraTable {
		tables = append(tables[:len(tables):len(tables)], extraTable)
	}
	for i := range tables {
		if i > 0 {
			w.raw(",")
		}
		w.section(&tables[i], s.fault.RowsFirst)
	}
	w.raw("]")
	if s.render {
		w.render(a.chart)
	}
	if s.statistics && !s.fault.NoStatistics {
		w.statistics(a, s.fault)
	}
	if p != nil && !s.fault.ErrorFirst {
		w.raw(`,"error":`)
		w.buf = append(w.buf, compact(p)...)
	}
	for _, m := range s.more {
		w.raw(`,"` + m.key + `":`)
		w.buf = append(w.buf, m.value...)
	}
	w.raw("}")
	w.flush()
	return w.count, w.err
}

// unknown writes a key that a reader must pass over.
func (w *body) unknown() {
	if w.extra {
		w.raw(`"x-unknown":{"rows":[[1,"]}",null]],"error":{"code":"none"},"tables":[]},`)
	}
}

func (w *body) section(s *section, rowsFirst bool) {
	w.raw("{")
	w.unknown()
	if rowsFirst {
		w.raw(`"rows":`)
		w.rows(s)
		w.raw(`,"columns":`)
		w.columns(s)
		w.raw(`,"name":`)
		w.text(s.name)
		w.raw("}")
		return
	}
	w.raw(`"name":`)
	w.text(s.name)
	w.raw(`,"columns":`)
	w.columns(s)
	w.raw(`,"rows":`)
	w.rows(s)
	w.raw("}")
}

func (w *body) columns(s *section) {
	w.raw("[")
	for i, c := range s.columns {
		if i > 0 {
			w.raw(",")
		}
		w.raw("{")
		w.unknown()
		w.raw(`"name":`)
		w.text(c.Name)
		w.raw(`,"type":`)
		w.text(string(c.Type))
		w.raw("}")
	}
	w.raw("]")
}

func (w *body) rows(s *section) {
	w.raw("[")
	for i, row := range s.rows {
		if i > 0 {
			w.raw(",")
		}
		w.raw("[")
		for n, place := range s.place {
			if n > 0 {
				w.raw(",")
			}
			if w.other {
				w.buf = appendOther(w.buf, row[place], s.columns[n].Type)
				continue
			}
			w.buf = appendValue(w.buf, row[place], s.columns[n].Type)
		}
		w.raw("]")
		if len(w.buf) >= pieceSize {
			w.flush()
		}
		if w.err != nil {
			return
		}
	}
	w.raw("]")
}

func (w *body) render(chart string) {
	w.raw(`,"render":{"visualization":`)
	if chart == "" {
		w.raw("null")
	} else {
		w.text(chart)
	}
	w.raw(`,"title":null,"accumulate":false,"isQuerySorted":false,"kind":null,"legend":null,"series":null,` +
		`"yMin":"NaN","yMax":"NaN","xAxis":null,"xColumn":null,"xTitle":null,"yAxis":null,"yColumns":null,` +
		`"ySplit":null,"yTitle":null,"anomalyColumns":null}`)
}

// measure sets what the statistics state: what is sent, or with whole all that
// the result had before a limit cut it.
func (a *answer) measure(result *kql.Result, whole bool) {
	for i := range a.tables {
		s := &a.tables[i]
		s.statedRows, s.statedSize = int64(len(s.rows)), s.size
		if !whole || a.partial == nil {
			continue
		}
		rows := result.Tables[i].Rows
		s.statedRows = int64(len(rows))
		for _, row := range rows[len(s.rows):] {
			s.statedSize += s.rowSize(row)
		}
	}
}

// statistics writes what the engine tells about the query. Only the run time
// and the sizes mean anything.
func (w *body) statistics(a *answer, fault Action) {
	cpu := string(appendSpan(nil, kql.Span(a.took/pipeline.TickSize)))
	w.buf = fmt.Appendf(w.buf, `,"statistics":{"query":{"executionTime":%s,"resourceUsage":{`+
		`"cache":{"memory":{"hits":0,"misses":0,"total":0},"disk":{"hits":0,"misses":0,"total":0},`+
		`"shards":{"hot":{"hitbytes":0,"missbytes":0,"retrievebytes":0},"cold":{"hitbytes":0,"missbytes":0,"retrievebytes":0},"bypassbytes":0}},`+
		`"cpu":{"user":"%s","kernel":"00:00:00","totalCpu":"%s"},"memory":{"peakPerNode":524384},`+
		`"network":{"interClusterTotalBytes":0,"crossClusterTotalBytes":0}},`+
		`"inputDatasetStatistics":{"extents":{"total":0,"scanned":0,"scannedMinDatetime":"0001-01-01T00:00:00.0000000Z",`+
		`"scannedMaxDatetime":"0001-01-01T00:00:00.0000000Z"},"rows":{"total":%d,"scanned":%d},`+
		`"rowstores":{"scannedRows":0,"scannedValuesSize":0},"shards":{"queriesGeneric":0,"queriesSpecialized":0}},`+
		`"datasetStatistics":[`, appendReal(nil, a.took.Seconds()), cpu, cpu, a.scanned, a.scanned)
	for i, s := range a.tables {
		if i > 0 {
			w.raw(",")
		}
		w.buf = fmt.Appendf(w.buf, `{"tableRowCount":%d,"tableSize":%d}`, s.statedRows+fault.StatisticsRows, s.statedSize+fault.StatisticsBytes)
	}
	w.raw(`],"crossClusterResourceUsage":{}}}`)
}
