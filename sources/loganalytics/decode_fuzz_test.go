package loganalytics

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

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
		body := randomAnswer(r)
		f.Add(body, 1+r.IntN(100))
		f.Add(respelt(r, body), 1+r.IntN(100))
	}
	for _, body := range recordedBodies(f) {
		f.Add(body, 1+r.IntN(1000))
	}
	f.Add(`{"tables":[{"name":"PrimaryResult","columns":[{"name":"D","type":"datetime"},{"name":"B","type":"bool"},{"name":"G","type":"guid"},{"name":"I","type":"int"},{"name":"L","type":"long"},{"name":"R","type":"real"},{"name":"T","type":"timespan"},{"name":"N","type":"decimal"},{"name":"Y","type":"dynamic"}],"rows":[["2015-12-31T23:59:59.9Z",false,"74be27de-1e4e-49d9-b579-fe0b331d3642",12345,1234567890123,12345.6789,"00:00:10","0.10101","{\"a\":123}"],[null,1,null,"7",1e3,"NaN","-1.00:00:00",5,[{}]]]}]}`, 1000)
	f.Fuzz(func(t *testing.T, body string, size int) {
		compare(t, body, min(max(size, 1), bufferSize))
	})
}

// Recorded answers, whole and cut at any byte, read the same as by the
// reference.
func TestDecodeRecordedCut(t *testing.T) {
	bodies := recordedBodies(t)
	if len(bodies) == 0 {
		t.Skip("../shared/reference/recorded is not there")
	}
	r := rand.New(rand.NewPCG(17, 18))
	for _, body := range bodies {
		compare(t, body, bufferSize)
		for n := 0; n < len(body); n += 1 + r.IntN(max(1, len(body)/100)) {
			compare(t, body[:n], 1+r.IntN(300))
		}
		compare(t, respelt(r, body), 1+r.IntN(300))
	}
}

// recordedBodies returns what the service once sent, or nothing where the
// recordings are not at hand. Those of other kinds of bodies are no answers,
// which the reference must find as well.
func recordedBodies(t testing.TB) (bodies []string) {
	t.Helper()
	names, err := filepath.Glob("../../../shared/reference/recorded/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(body))
	}
	return bodies
}

// respelt writes a JSON text in another way that means the same: characters of
// texts as escapes, halves of surrogates included, and white space between.
func respelt(r *rand.Rand, body string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(body); {
		c, size := utf8.DecodeRuneInString(body[i:])
		switch {
		case quoted && c == '\\':
			size = 2 // an escape already; the digits of \u may stay as they are
			b.WriteString(body[i : i+2])
		case c == '"':
			quoted = !quoted
			b.WriteByte('"')
		case quoted && c == '/' && r.IntN(2) == 0:
			b.WriteString(`\/`)
		case quoted && c >= 0x10000 && r.IntN(2) == 0:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04X`, high, low)
		case quoted && c < 0x10000 && r.IntN(8) == 0 && (c != utf8.RuneError || size > 1) && !inEscape(body, i):
			fmt.Fprintf(&b, `\u%04x`, c)
		case !quoted && strings.ContainsRune("{}[],:", c) && r.IntN(8) == 0:
			b.WriteString("\n\t" + body[i:i+size] + " \r")
		default:
			b.WriteString(body[i : i+size])
		}
		i += size
	}
	return b.String()
}

// inEscape reports whether body[i] is one of the digits of an escape.
func inEscape(body string, i int) bool {
	from := max(0, i-5)
	at := strings.LastIndex(body[from:i], `\u`)
	return at >= 0
}

// Answers with random tables, some of them spoiled at one place, read the same
// as by the reference.
func TestDecodeAgreesWithReference(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for range 800 {
		body := randomAnswer(r)
		compare(t, body, 1+r.IntN(200))
		body = respelt(r, body)
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
		return []any{int32(r.Uint32()), strconv.Itoa(r.IntN(1000)), json.Number(fmt.Sprintf("%d.0e1", r.IntN(1000))), rarely(r, json.Number("2147483648"), 1)}[r.IntN(4)]
	},
	pipeline.Long: func(r *rand.Rand) any {
		return []any{int64(r.Uint64()) >> r.IntN(64), int64(math.MinInt64), int64(math.MaxInt64), json.Number("-0"),
			rarely(r, json.Number("9223372036854775808"), 1), rarely(r, json.Number("1e999999999"), 1)}[r.IntN(6)]
	},
	pipeline.Real: func(r *rand.Rand) any {
		return []any{r.NormFloat64(), float64(r.IntN(1000)), r.ExpFloat64() * 1e300, "NaN", "-Infinity",
			json.Number("-0.0"), json.Number("5e-324"), json.Number("1" + strings.Repeat("0", 300)), rarely(r, json.Number("1e400"), 1)}[r.IntN(9)]
	},
	pipeline.Decimal: func(r *rand.Rand) any {
		return []any{fmt.Sprintf("%d.%020d", r.Int64()-r.Int64(), r.Int64()), json.Number(strings.Repeat("9", 50) + ".5e-6000")}[r.IntN(2)]
	},
	pipeline.String:   func(r *rand.Rand) any { return randomText(r) },
	pipeline.Datetime: func(r *rand.Rand) any { return randomTime(r) },
	pipeline.Timespan: func(r *rand.Rand) any {
		return fmt.Sprintf("-%d.%02d:00:59.%07d", r.IntN(1e6), r.IntN(24), r.IntN(1e7))
	},
	pipeline.GUID: func(r *rand.Rand) any {
		return fmt.Sprintf("%08x-%04x-%04x-%04X-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<48))
	},
	pipeline.Dynamic: func(r *rand.Rand) any {
		return []any{randomText(r), randomNested(r, 4), deep(195 + r.IntN(10)), []string{}, 1.5, false}[r.IntN(6)]
	},
}

// rarely is a value that spoils an answer, once in a while.
func rarely(r *rand.Rand, spoils, other any) any {
	if r.IntN(20) == 0 {
		return spoils
	}
	return other
}

func deep(n int) any { return json.RawMessage(strings.Repeat("[", n) + strings.Repeat("]", n)) }

// randomNested returns a value of lists and objects.
func randomNested(r *rand.Rand, depth int) any {
	if depth == 0 {
		return []any{randomText(r), r.Int64(), nil, true, json.Number("1e-7")}[r.IntN(5)]
	}
	if r.IntN(2) == 0 {
		list := []any{}
		for range r.IntN(4) {
			list = append(list, randomNested(r, depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range r.IntN(4) {
		object[randomText(r)] = randomNested(r, depth-1)
	}
	return object
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
