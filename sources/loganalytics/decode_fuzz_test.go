package loganalytics

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/kustash/kustash/pipeline"
)

var (
	refDecimal = regexp.MustCompile(`^(NaN|-?Infinity|[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?)$`)
	refGUID    = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// compare decodes body with a buffer of the given size and by the reference.
// Both must agree on whether it is an answer, and on what it says.
func compare(t *testing.T, body string, size int) {
	t.Helper()
	d := newDecoder("")
	d.jsonReader = *smallReader(body, size)
	d.maxRows = 3
	a, rows, err := decodeRows(t, d)
	want, wantErr := refDecode([]byte(body))
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: got %v, the reference %v", body, err, wantErr)
	}
	if err != nil {
		return
	}
	if difference := refDiffers(a, rows, want); difference != "" {
		t.Fatalf("%q: %s", body, difference)
	}
}

func FuzzDecodeAnswer(f *testing.F) {
	for _, body := range envelopes {
		f.Add(body, 64)
	}
	r := rand.New(rand.NewPCG(13, 14))
	for range 20 {
		f.Add(randomAnswer(r), 1+r.IntN(100))
	}
	f.Add(`{"tables":[{"name":"PrimaryResult","columns":[{"name":"D","type":"datetime"},{"name":"B","type":"bool"},{"name":"G","type":"guid"},{"name":"I","type":"int"},{"name":"L","type":"long"},{"name":"R","type":"real"},{"name":"T","type":"timespan"},{"name":"N","type":"decimal"},{"name":"Y","type":"dynamic"}],"rows":[["2015-12-31T23:59:59.9Z",false,"74be27de-1e4e-49d9-b579-fe0b331d3642",12345,1234567890123,12345.6789,"00:00:10","0.10101","{\"a\":123}"],[null,1,null,"7",1e3,"NaN","-1.00:00:00",5,[{}]]]}]}`, 1000)
	f.Fuzz(func(t *testing.T, body string, size int) {
		compare(t, body, min(max(size, 1), bufferSize))
	})
}

// Answers with random tables, some of them spoiled at one place, read the same
// as by the reference.
func TestDecodeAgreesWithReference(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for range 800 {
		body := randomAnswer(r)
		compare(t, body, 1+r.IntN(200))
		b := []byte(body)
		switch at := r.IntN(len(b)); r.IntN(3) {
		case 0:
			b[at] = byte(r.IntN(256))
		case 1:
			b = append(b[:at], b[at+1:]...)
		case 2:
			b[at] = `{}[],:"\0e.-n`[r.IntN(13)]
		}
		compare(t, string(b), 1+r.IntN(200))
	}
}

var randomCells = map[pipeline.Type]func(r *rand.Rand) any{
	pipeline.Bool: func(r *rand.Rand) any { return []any{true, false, 0, 1}[r.IntN(4)] },
	pipeline.Int: func(r *rand.Rand) any {
		return []any{int32(r.Uint32()), strconv.Itoa(r.IntN(1000)), json.Number(fmt.Sprintf("%d.0e1", r.IntN(1000)))}[r.IntN(3)]
	},
	pipeline.Long: func(r *rand.Rand) any { return int64(r.Uint64()) >> r.IntN(64) },
	pipeline.Real: func(r *rand.Rand) any {
		return []any{r.NormFloat64(), float64(r.IntN(1000)), r.ExpFloat64() * 1e300, "NaN", "-Infinity"}[r.IntN(5)]
	},
	pipeline.Decimal:  func(r *rand.Rand) any { return fmt.Sprintf("%d.%020d", r.Int64()-r.Int64(), r.Int64()) },
	pipeline.String:   func(r *rand.Rand) any { return randomText(r) },
	pipeline.Datetime: func(r *rand.Rand) any { return randomTime(r) },
	pipeline.Timespan: func(r *rand.Rand) any {
		return fmt.Sprintf("-%d.%02d:00:59.%07d", r.IntN(1e6), r.IntN(24), r.IntN(1e7))
	},
	pipeline.GUID: func(r *rand.Rand) any {
		return fmt.Sprintf("%08x-%04x-%04x-%04X-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<48))
	},
	pipeline.Dynamic: func(r *rand.Rand) any {
		return []any{randomText(r), map[string]any{"a": []any{1, randomText(r)}, "b": nil}, []string{}, 1.5, false}[r.IntN(5)]
	},
}

func randomTime(r *rand.Rand) string {
	s := pipeline.Tick(r.Int64N(int64(pipeline.MaxTick))).Time().Format("2006-01-02T15:04:05.9999999")
	return s + "Z"
}

// randomAnswer returns an answer with keys in random order, as encoding/json
// writes its values.
func randomAnswer(r *rand.Rand) string {
	kinds := []pipeline.Type{pipeline.Bool, pipeline.Int, pipeline.Long, pipeline.Real, pipeline.Decimal, pipeline.String, pipeline.Datetime, pipeline.Timespan, pipeline.GUID, pipeline.Dynamic}
	columns, chosen := []map[string]string{}, []pipeline.Type{}
	for range r.IntN(6) + r.IntN(2) {
		kind := kinds[r.IntN(len(kinds))]
		chosen = append(chosen, kind)
		columns = append(columns, map[string]string{"name": randomText(r), "type": string(kind)})
	}
	rows := [][]any{}
	if len(columns) > 0 {
		for range r.IntN(8) {
			row := make([]any, len(columns))
			for i, kind := range chosen {
				if r.IntN(4) > 0 {
					row[i] = randomCells[kind](r)
				}
			}
			rows = append(rows, row)
		}
	}
	table := shuffled(r, "name", randomText(r), "columns", columns, "rows", rows, "x", []int{1})
	tables := []json.RawMessage{table, table}[:1+r.IntN(2)]
	top := []any{"tables", tables, "statistics", map[string]int{"query": 1}}
	if r.IntN(3) == 0 {
		top = append(top, "error", map[string]any{"code": 5})
	}
	return string(shuffled(r, top...))
}

// shuffled writes an object of keys and values in random order.
func shuffled(r *rand.Rand, members ...any) json.RawMessage {
	var parts []string
	for i := 0; i < len(members); i += 2 {
		value, err := json.Marshal(members[i+1])
		if err != nil {
			panic(err)
		}
		space := strings.Repeat(" ", r.IntN(2)) + strings.Repeat("\n", r.IntN(2))
		parts = append(parts, space+strconv.Quote(members[i].(string))+space+":"+space+string(value)+space)
	}
	r.Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
	return json.RawMessage("{" + strings.Join(parts, ",") + "}")
}
