package ledger

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// build returns a segment with these lines.
func build(t testing.TB, h Header, lines ...string) []byte {
	t.Helper()
	var all [][]byte
	for _, line := range lines {
		all = append(all, []byte(line+"\n"))
	}
	data, err := encodeSegment(h, all)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// reseal gives a changed header line the sum that fits it.
func reseal(data []byte, change func(head string) string) []byte {
	line, body, _ := bytes.Cut(data, []byte("\n"))
	head, _ := cutSum(line)
	changed := change(string(head))
	return append([]byte(changed+sumField+hash([]byte(changed))+"\"}\n"), body...)
}

func TestSegmentRoundTrip(t *testing.T) {
	odd := entry(pipeline.KindIntended, "a\x00\"\\<&>\u2028 é 𝄞")
	odd.Start = time.Date(1, 1, 1, 0, 0, 0, 100, time.UTC)
	odd.End = time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC)
	odd.Rows, odd.Bytes, odd.Number = 1<<63-1, -1<<63, -1
	odd.From, odd.To = begin.Add(100), begin.Add(300)
	odd.Part = "0f"
	schema := pipeline.Entry{Kind: pipeline.KindSchema, Query: "query.a", Columns: pipeline.Schema{{Name: "A", Type: pipeline.Long, As: "A_2"}}}
	query := entry(pipeline.KindQuery, "")
	query.Text = "T\r\n| where a < 1 && b >= 2\n"
	failed := entry(pipeline.KindFailed, "")
	failed.Reason = strings.Repeat("long ", 100_000)

	var lines [][]byte
	var want []pipeline.Entry
	for _, e := range []pipeline.Entry{odd, schema, query, failed, entry(pipeline.KindDone, "k"), entry(pipeline.KindForgotten, "k")} {
		e.Time = begin
		seen, line, err := encodeEntry(e)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(seen, e) {
			t.Errorf("entry: got %+v, want %+v", seen, e)
		}
		lines, want = append(lines, line), append(want, e)
	}
	if !bytes.Contains(lines[2], []byte("a < 1 && b >= 2")) {
		t.Errorf("KQL is escaped: %s", lines[2])
	}
	h := Header{Seq: 42, Prev: "p", Lineage: "l", Run: "r", Time: begin, Tool: `","sum":"`, Who: "büro\n"}
	data, err := encodeSegment(h, lines)
	if err != nil {
		t.Fatal(err)
	}
	got, entries, err := decodeSegment(data)
	if err != nil {
		t.Fatal(err)
	}
	h.Format, h.Entries, h.Nonce, h.Body = 1, len(want), got.Nonce, got.Body
	if got != h {
		t.Errorf("header: got %+v, want %+v", got, h)
	}
	if !reflect.DeepEqual(entries, want) {
		t.Errorf("entries: got %+v, want %+v", entries, want)
	}
	again, _ := encodeSegment(h, lines)
	if bytes.Equal(again, data) {
		t.Error("two segments with the same content are equal: a writer could take another's for its own")
	}
}

func TestEntriesAreUTC(t *testing.T) {
	zone := time.FixedZone("", 3600)
	e := entry(pipeline.KindDone, "k")
	e.Start, e.End, e.To, e.Time = e.Start.In(zone), e.End.In(zone), begin.In(zone), begin.In(zone)
	got, _, err := encodeEntry(e)
	if err != nil {
		t.Fatal(err)
	}
	want := entry(pipeline.KindDone, "k")
	want.To, want.Time = begin, begin
	if !reflect.DeepEqual(got, want) { // compares locations, as map keys do
		t.Errorf("got %+v %+v, want %+v %+v", got, got.Receipt, want, want.Receipt)
	}
}

func TestUnwritableEntries(t *testing.T) {
	late := entry(pipeline.KindDone, "k")
	late.End = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, e := range map[string]pipeline.Entry{
		"unknown kind": {Kind: "guessed", Receipt: &pipeline.Receipt{}},
		"no kind":      {},
		"no receipt":   {Kind: pipeline.KindDone},
		"year 10000":   late,
	} {
		if _, _, err := encodeEntry(e); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestSegmentRefusals(t *testing.T) {
	h := Header{Seq: 1, Lineage: "l", Time: begin, Tool: "kustash 9.9"}
	plain := build(t, h, `{"kind":"schema","query":"q"}`)
	for name, test := range map[string]struct {
		data []byte
		want string // part of the error; "" if it must load
	}{
		"as written":     {plain, ""},
		"unknown fields": {reseal(build(t, h, `{"kind":"schema","query":"q","later":[{}]}`), func(s string) string { return s + `,"later":{}` }), ""},
		"format 2":       {reseal(plain, func(s string) string { return strings.Replace(s, `"format":1`, `"format":2`, 1) }), `format 2 and was written by "kustash 9.9"`},
		"no format":      {reseal(plain, func(s string) string { return strings.Replace(s, `"format":1,`, ``, 1) }), "format 0"},
		"unknown kind":   {build(t, h, `{"kind":"schema"}`, `{"kind":"later","query":"q"}`), `entry 2 has the kind "later", which this version does not know; use "kustash 9.9"`},
		"unknown shape":  {build(t, h, `{"kind":"later","rows":"many","time":7}`), `kind "later"`},
		"no object":      {build(t, h, `[]`), "entry 1"},
		"no JSON":        {build(t, h, `{"kind":"schema"`), "entry 1"},
		"two on a line":  {build(t, h, `{"kind":"schema"}{"kind":"schema"}`), "entry 1"},
		"empty line":     {build(t, h, ``), "entry 1"},
		"no receipt":     {build(t, h, `{"kind":"done"}`), "needs a receipt"},
		"bad time":       {build(t, h, `{"kind":"schema","time":"yesterday"}`), "entry 1"},
		"miscounted":     {reseal(plain, func(s string) string { return strings.Replace(s, `"entries":1`, `"entries":2`, 1) }), "1 lines of the 2 entries"},
		"line added":     {append(bytes.Clone(plain), "{}\n"...), "do not match their hash"},
		"empty":          {nil, "no complete header"},
		"line feeds":     {[]byte("\n\n"), "header"},
		"null":           {[]byte("null\n"), "format 0"},
		"CR LF":          {bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")), "hash"},
	} {
		_, _, err := decodeSegment(test.data)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want %q in it", name, err, test.want)
		}
	}
}

func TestSegmentNames(t *testing.T) {
	if got, want := segmentName(42), "ledger/00000000000000000042.jsonl"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for name, want := range map[string]bool{
		segmentName(1): true, segmentName(1<<63 - 1): true,
		"ledger/99999999999999999999.jsonl":     true, // a number too large is still no stranger
		"ledger/0000000000000000042.jsonl":      false,
		"ledger/00000000000000000042.jsonl.bak": false,
		"ledger/0000000000000000004x.jsonl":     false,
		"ledger/-0000000000000000042.jsonl":     false,
		"00000000000000000042.jsonl":            false,
	} {
		if got := isSegment(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// FuzzSegment checks that the reader never panics, accepts what the writer
// makes, and nothing that differs from it in one place.
func FuzzSegment(f *testing.F) {
	f.Add([]byte("{}\n"), "who", "text", 3, byte(1))
	f.Add(build(f, Header{Seq: 1}, `{"kind":"schema"}`), "", "\n", 99, byte(0x20))
	f.Add([]byte(`{"format":1,"sum":"`), `","sum":"`, "\xff", -1, byte(0x80))
	f.Fuzz(func(t *testing.T, data []byte, who, text string, at int, flip byte) {
		_, _, _ = decodeSegment(data)

		e := entry(pipeline.KindQuery, "k")
		e.Text = text
		seen, line, err := encodeEntry(e)
		if err != nil {
			t.Fatal(err)
		}
		made, err := encodeSegment(Header{Seq: 1, Who: who, Time: begin}, [][]byte{line})
		if err != nil {
			t.Fatal(err)
		}
		h, entries, err := decodeSegment(made)
		if err != nil || len(entries) != 1 || !reflect.DeepEqual(entries[0], seen) {
			t.Fatalf("got %+v, %+v, %v, want %+v", h, entries, err, seen)
		}
		if flip == 0 {
			return
		}
		at = int(uint(at) % uint(len(made)))
		made[at] ^= flip
		if _, _, err := decodeSegment(made); err == nil {
			t.Errorf("byte %d flipped by %#x and nobody noticed:\n%s", at, flip, made)
		}
	})
}

// What a receipt says of its read comes back as it was, and what it does not
// say stays unsaid: an input of no rows is not one that was never counted.
func TestEntriesOfReads(t *testing.T) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	w := pipeline.Window{Start: start, End: start.Add(time.Hour)}
	for _, e := range []pipeline.Entry{
		{Kind: pipeline.KindDone, Query: "query.t", Sink: "s", Receipt: &pipeline.Receipt{Window: w, Key: "k", Part: "3f", Parts: 16,
			Ends: pipeline.Approximate, Received: 12, Size: 3400, Input: pipeline.Amount{Known: true, Rows: 7, Bytes: 900}}},
		{Kind: pipeline.KindDone, Query: "query.t", Sink: "s", Receipt: &pipeline.Receipt{Window: w, Input: pipeline.Amount{Known: true}}},
		{Kind: pipeline.KindDone, Query: "query.t", Sink: "s", Receipt: &pipeline.Receipt{Window: w}},
		{Kind: pipeline.KindUnavailable, Query: "query.t", Sink: "s", Receipt: &pipeline.Receipt{Window: w}, Reason: "the oldest row is of 2026-03-02T00:00Z"},
		{Kind: pipeline.KindChecked, Query: "query.t", Sink: "s", Receipt: &pipeline.Receipt{Window: w, Input: pipeline.Amount{Known: true, Rows: 8}}},
	} {
		got, line, err := encodeEntry(e)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s\ngot  %+v %+v, %v\nwant %+v %+v", line, got, got.Receipt, err, e, e.Receipt)
		}
	}
}
