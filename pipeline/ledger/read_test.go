package ledger

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// small returns a store with a ledger of four segments, closed.
func small(t *testing.T) *Memory {
	t.Helper()
	store := NewMemory()
	l := mustOpen(t, store, newClock().options("first"))
	mustAppend(t, l, entry(pipeline.KindIntended, "a"))
	mustAppend(t, l, entry(pipeline.KindDone, "a"), entry(pipeline.KindIntended, "b"))
	mustAppend(t, l, entry(pipeline.KindForgotten, "b"))
	mustClose(t, l)
	return store
}

func TestReadNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	for _, store := range []Store{NewMemory(), NewDir(dir)} {
		if s := mustRead(t, store); !reflect.DeepEqual(s, &Snapshot{}) {
			t.Errorf("%T: got %+v, want an empty snapshot", store, s)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("reading left a trace: %v", err)
	}
}

func TestAppendThenRead(t *testing.T) {
	store := small(t)
	s := mustRead(t, store)
	checkKeys(t, "entries", s.Entries, "intended a", "done a", "intended b", "forgotten b")
	if s.Seq != 4 || len(s.Segments) != 4 || s.Holder != nil {
		t.Errorf("got seq %d, %d segments, holder %v, want 4, 4, nobody", s.Seq, len(s.Segments), s.Holder)
	}
	for i, h := range s.Segments {
		if h.Seq != int64(i+1) || h.Lineage != s.Lineage || h.Who != "first" || h.Tool != "kustash 0.1.0" || !h.Time.Equal(begin) {
			t.Errorf("segment %d: got %+v", i+1, h)
		}
	}
	if s.Segments[0].Entries != 0 {
		t.Errorf("the first segment has %d entries, want none", s.Segments[0].Entries)
	}
	for _, e := range s.Entries {
		if !e.Time.Equal(begin) {
			t.Errorf("%s %s was recorded at %v, want %v", e.Kind, e.Key, e.Time, begin)
		}
	}

	l := mustOpen(t, store, newClock().options("second"))
	if seq, hash := l.Head(); l.Lineage() != s.Lineage || seq != s.Seq || hash != s.Hash {
		t.Errorf("reopened: got %s %d %s, want %s %d %s", l.Lineage(), seq, hash, s.Lineage, s.Seq, s.Hash)
	}
	got := entriesOf(l)
	if !reflect.DeepEqual(got, s.Entries) {
		t.Errorf("entries: got %+v, want %+v", got, s.Entries)
	}
	held := mustRead(t, store)
	if held.Holder == nil || held.Holder.Who != "second" || held.Holder.Operation != "apply" || held.Holder.PID != os.Getpid() {
		t.Errorf("holder: got %v, want second", held.Holder)
	}
	mustClose(t, l)
	if after := mustRead(t, store); after.Seq != s.Seq {
		t.Errorf("opening and closing wrote segment %d", after.Seq)
	}
}

func TestEveryFlippedByteIsFound(t *testing.T) {
	store := small(t)
	for seq := int64(1); seq <= 4; seq++ {
		name := segmentName(seq)
		for at := range store.objects[name] {
			for _, flip := range []byte{0x01, 0x20, 0x80} {
				store.objects[name][at] ^= flip
				s, err := Read(context.Background(), store)
				if err == nil || !strings.Contains(err.Error(), "segment "+name+":") || s != nil {
					t.Fatalf("%s byte %d flipped by %#x: got %v, want an error about it", name, at, flip, err)
				}
				store.objects[name][at] ^= flip
			}
		}
	}
	mustRead(t, store)
}

func TestEveryCutIsFound(t *testing.T) {
	store := small(t)
	for seq := int64(1); seq <= 4; seq++ {
		name := segmentName(seq)
		whole := store.objects[name]
		for n := range whole {
			store.objects[name] = whole[:n]
			if _, err := Read(context.Background(), store); err == nil || !strings.Contains(err.Error(), "segment "+name+":") {
				t.Fatalf("%s cut to %d bytes: got %v, want an error about it", name, n, err)
			}
		}
		store.objects[name] = whole
	}
}

func TestTampering(t *testing.T) {
	for name, test := range map[string]struct {
		tamper func(objects map[string][]byte)
		seq    int64 // of the segment that the error names
		want   string
	}{
		"first deleted":  {func(o map[string][]byte) { delete(o, segmentName(1)) }, 1, "is missing"},
		"middle deleted": {func(o map[string][]byte) { delete(o, segmentName(3)) }, 3, "is missing"},
		"last deleted":   {func(o map[string][]byte) { delete(o, segmentName(4)) }, 4, "is missing"},
		"all deleted": {func(o map[string][]byte) {
			for seq := range int64(4) {
				delete(o, segmentName(seq+1))
			}
		}, 1, "is missing"},
		"swapped":  {func(o map[string][]byte) { swapObjects(o, 2, 3) }, 2, "says that it is segment 3"},
		"copied":   {func(o map[string][]byte) { o[segmentName(5)] = o[segmentName(4)] }, 5, "says that it is segment 4"},
		"number 0": {func(o map[string][]byte) { o[segmentName(0)] = o[segmentName(1)] }, 1, "is missing"},
		"number 10²⁰": {func(o map[string][]byte) {
			o["ledger/99999999999999999999.jsonl"] = o[segmentName(4)]
		}, 5, "is missing"},
		"made anew": {func(o map[string][]byte) {
			o[segmentName(2)] = reseal(o[segmentName(2)], func(s string) string { return strings.Replace(s, `"first"`, `"other"`, 1) })
		}, 3, "does not follow segment " + segmentName(2)},
		"other lineage": {func(o map[string][]byte) {
			o[segmentName(4)] = reseal(o[segmentName(4)], func(s string) string { return strings.Replace(s, `"lineage":"`, `"lineage":"x`, 1) })
		}, 4, "belongs to the lineage x"},
		"no lineage": {func(o map[string][]byte) {
			o[segmentName(1)] = reseal(o[segmentName(1)], func(s string) string { return strings.Replace(s, `"lineage":"`, `"lineage":"","was":"`, 1) })
		}, 1, "names no lineage"},
	} {
		store := small(t)
		test.tamper(store.objects)
		for what, open := range map[string]func() error{
			"read": func() error { _, err := Read(context.Background(), store); return err },
			"open": func() error { _, err := Open(context.Background(), store, newClock().options("second")); return err },
		} {
			err := open()
			if err == nil || !strings.Contains(err.Error(), segmentName(test.seq)) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, %s: got %v, want %q about segment %d", name, what, err, test.want, test.seq)
			}
		}
		if _, k, err := readLock(context.Background(), store); err != nil || k.held() {
			t.Errorf("%s: the lock is still held after a failed open: %v, %v", name, k, err)
		}
	}
}

func swapObjects(o map[string][]byte, a, b int64) {
	o[segmentName(a)], o[segmentName(b)] = o[segmentName(b)], o[segmentName(a)]
}

func TestStrangersAreIgnored(t *testing.T) {
	store := small(t)
	store.objects["ledger/00000000000000000002.jsonl.bak"] = []byte("x")
	store.objects["ledger/notes.txt"] = []byte("x")
	store.objects["checkpoints/1"] = []byte("x")
	checkKeys(t, "entries", mustRead(t, store).Entries, "intended a", "done a", "intended b", "forgotten b")
}

// TestVersion1 reads a ledger as version 1 left it. It must load for ever.
func TestVersion1(t *testing.T) {
	s := mustRead(t, NewDir("testdata/v1"))
	const head = "12961472a66490803727eae6c559c5826f38879fe56428a14401603c103c8d75"
	if s.Lineage != "7b9f5a0e-3c1d-4d6b-9a55-0f6f1f2b8c11" || s.Seq != 4 || s.Hash != head || s.Holder != nil {
		t.Errorf("got %s %d %s, holder %v", s.Lineage, s.Seq, s.Hash, s.Holder)
	}
	if who := s.Segments[3].Who; who != "archiver@büro" {
		t.Errorf("who: got %q", who)
	}
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	whole := pipeline.Receipt{
		Key: "events/SigninLogs/date=2026-11-20/a-f0-1234abcd.parquet", Window: pipeline.Window{Start: day(20), End: day(21)},
		Cut: pipeline.Cut{To: begin.Add(-10 * time.Minute)}, Rows: 9007199254740993, Bytes: 123456,
		SHA256: strings.Repeat("ab", 32), Fingerprint: "fp1:0011", Schema: "00112233445566aa",
	}
	part := whole
	part.Key, part.Window = "events/SigninLogs/date=2026-11-21/b-ha-f2-1234abcd.parquet", pipeline.Window{Start: day(21), End: day(21).Add(100)}
	part.Part, part.From, part.Rows, part.Bytes, part.Number = "a", day(20), 1, 2, 2
	const query, sink = `query.events["SigninLogs"]`, "local:archive"
	second := begin.Add(time.Second)
	night := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	want := []pipeline.Entry{
		{Kind: pipeline.KindQuery, Query: query, Declared: "fp1:0011", Text: "SigninLogs\n| where a < 3 && b > \"<&>\""},
		{Kind: pipeline.KindSchema, Query: query, Columns: pipeline.Schema{
			{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "Größe", Type: pipeline.Long}, {Name: "size", Type: pipeline.Real, As: "size_2"}}},
		{Kind: pipeline.KindIntended, Query: query, Sink: sink, Receipt: &whole},
		{Kind: pipeline.KindDone, Query: query, Sink: sink, Receipt: &whole, Time: second.Add(time.Second)},
		{Kind: pipeline.KindIntended, Query: query, Sink: sink, Receipt: &part, Time: second.Add(time.Second)},
		{Kind: pipeline.KindForgotten, Query: query, Sink: sink, Receipt: &part, Time: night},
		{Kind: pipeline.KindFailed, Query: query, Receipt: &pipeline.Receipt{Window: pipeline.Window{Start: day(21), End: day(22)}},
			Sink: sink, Reason: "the answer exceeds a limit of the service", Time: night.Add(time.Second)},
	}
	for i := range 3 {
		want[i].Time = begin.Add(123456700)
	}
	if !reflect.DeepEqual(s.Entries, want) {
		got, _ := json.MarshalIndent(s.Entries, "", " ")
		t.Errorf("got %s", got)
	}
	if _, err := pipeline.Fold(s.Entries); err != nil {
		t.Errorf("fold: %v", err)
	}
}

// TestVersion1Continues appends to a copy of the old ledger.
func TestVersion1Continues(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/v1")); err != nil {
		t.Fatal(err)
	}
	l := mustOpen(t, NewDir(dir), newClock().options("second"))
	mustAppend(t, l, entry(pipeline.KindIntended, "z"))
	mustClose(t, l)
	if s := mustRead(t, NewDir(dir)); s.Seq != 5 || len(s.Entries) != 8 {
		t.Errorf("got segment %d, %d entries, want 5, 8", s.Seq, len(s.Entries))
	}
}
