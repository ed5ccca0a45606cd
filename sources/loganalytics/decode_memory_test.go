package loganalytics

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
)

// generated is an answer of many bytes that exists nowhere as a whole.
type generated struct {
	head, tail string
	block      []byte // of rows, each with a comma
	blocks     int
	at         []byte // what is left of the part at hand
	sent       int64
}

func (g *generated) Read(p []byte) (int, error) {
	for len(g.at) == 0 {
		switch {
		case g.head != "":
			g.at, g.head = []byte(g.head), ""
		case g.blocks > 1:
			g.at = g.block
			g.blocks--
		case g.blocks == 1:
			g.at = g.block[:len(g.block)-1] // without the comma
			g.blocks--
		case g.tail != "":
			g.at, g.tail = []byte(g.tail), ""
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, g.at)
	g.at = g.at[n:]
	g.sent += int64(n)
	return n, nil
}

// An answer may be as large as the service lets it be: what is held in memory
// is a record, with rows before columns not even all of the rows.
func TestDecodeMemory(t *testing.T) {
	const blocks, most = 500, 40 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // garbage is not what is measured
	columns := `{"name":"d","type":"dynamic"},` + strings.Repeat(`{"name":"c","type":"string"},`, 30) + `{"name":"e","type":"dynamic"}`
	row := `[7.50` + strings.Repeat(`,""`, 27) + strings.Repeat(`,"some \"text\" of a cell"`, 3) + `,"` + strings.Repeat("event data ", 220) + `"],`
	block := []byte(strings.Repeat(row, 40))
	for name, g := range map[string]*generated{
		"columns first": {head: `{"tables":[{"columns":[` + columns + `],"rows":[`, block: block, blocks: blocks, tail: `]}]}`},
		"rows first":    {head: `{"tables":[{"rows":[`, block: block, blocks: blocks, tail: `],"columns":[` + columns + `]}]}`},
		"second table":  {head: `{"tables":[{"columns":[{"name":"c","type":"int"}],"rows":[[1]]},{"rows":[`, block: block, blocks: blocks, tail: `]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GC()
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			var peak uint64
			look := func() {
				runtime.ReadMemStats(&now)
				if now.HeapAlloc > before.HeapAlloc {
					peak = max(peak, now.HeapAlloc-before.HeapAlloc)
				}
			}
			reader := &looking{r: g, look: look}
			a, err := decodeAnswer(reader, func(arrow.Record) error { look(); return nil })
			if err != nil {
				t.Fatal(err)
			}
			if g.sent < 50e6 {
				t.Errorf("the answer has %d bytes only", g.sent)
			}
			if strings.HasSuffix(name, "first") && a.Rows != 40*blocks {
				t.Errorf("got %d rows, want %d", a.Rows, 40*blocks)
			}
			t.Logf("heap grew by %d bytes", peak)
			if peak > most {
				t.Errorf("heap grew by %d bytes over an answer of %d, want at most %d", peak, g.sent, most)
			}
		})
	}
}

// looking calls look every megabyte.
type looking struct {
	r    io.Reader
	look func()
	n    int
}

func (l *looking) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.n += n; l.n > 1<<20 {
		l.look()
		l.n = 0
	}
	return n, err
}

// What one more row costs in allocations is nothing: a thousand rows more in
// the same record allocate no more than the arrays' growth.
func TestDecodeAllocations(t *testing.T) {
	allocations := func(rows int) float64 {
		var b strings.Builder
		for i := range rows {
			fmt.Fprintf(&b, `,["2026-01-02T03:04:05.%07dZ",%d,%d.25,null,"text \\ %d","{\"a\":%d}",true]`, i, i, i, i, i)
		}
		body := `{"tables":[{"columns":[{"name":"t","type":"datetime"},{"name":"l","type":"long"},{"name":"r","type":"real"},{"name":"i","type":"int"},{"name":"s","type":"string"},{"name":"d","type":"dynamic"},{"name":"b","type":"bool"}],"rows":[` + b.String()[1:] + `]}]}`
		return testing.AllocsPerRun(5, func() {
			if _, err := decodeAnswer(strings.NewReader(body), func(arrow.Record) error { return nil }); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := allocations(1000), allocations(8000)
	if grown := many - few; grown > 100 {
		t.Errorf("7000 rows more took %v allocations more, want no more than the growth of seven columns", grown)
	}
}
