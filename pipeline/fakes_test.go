package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// tableSource serves rows by their tick, refuses answers of more than limit
// rows, and fails at random.
type tableSource struct {
	rows  []tableRow
	limit int
	now   Tick // rows are hidden until it has reached got; 0 hides none

	mu     sync.Mutex
	rng    *rand.Rand // nil: no faults
	reads  int
	probes []Window
}

type tableRow struct {
	at  Tick
	id  string
	got Tick // its ingestion time, when it should be readable; 0 does not say
	// odd is how much later it really is readable: a row that comes out of turn.
	odd Tick
}

var tableColumns = Schema{{Name: "TimeGenerated", Type: Datetime}, {Name: "Id", Type: String}}

func (s *tableSource) Read(ctx context.Context, slice Slice, emit func(arrow.Record) error) (Reading, error) {
	s.mu.Lock()
	s.reads++
	fault := -1
	if s.rng != nil {
		fault = s.rng.IntN(12)
	}
	s.mu.Unlock()
	hits := s.in(slice)
	tooLarge := s.limit > 0 && len(hits) > s.limit
	if tooLarge {
		hits = hits[:s.limit]
	}
	switch fault {
	case 0:
		return Reading{}, &RetryAfter{Err: errors.New("throttled")}
	case 1:
		hits = hits[:len(hits)/2] // the connection breaks after half of them
	}
	for start := 0; ; start += 3 {
		end := min(start+3, len(hits))
		if err := emitRows(hits[start:end], emit); err != nil {
			return Reading{}, err
		}
		if end == len(hits) {
			break
		}
	}
	switch {
	case fault == 1:
		return Reading{}, &RetryAfter{Err: errors.New("connection reset")}
	case tooLarge:
		return Reading{}, fmt.Errorf("limit of %d rows: %w", s.limit, ErrTooLarge)
	}
	return Reading{Received: int64(len(hits))}, ctx.Err()
}

// in returns the rows of a slice.
func (s *tableSource) in(slice Slice) []tableRow {
	var hits []tableRow
	for _, row := range s.rows {
		sum := sha256.Sum256([]byte(row.id))
		if row.at >= TickOf(slice.Window.Start) && row.at < TickOf(slice.Window.End) && slice.Cut.holds(row.got) && (s.now == 0 || row.got+row.odd <= s.now) &&
			strings.HasPrefix(hex.EncodeToString(sum[:]), slice.Part) {
			hits = append(hits, row)
		}
	}
	return hits
}

// holds reports whether a read under the cut returns a row that could be read
// first at that time.
func (c Cut) holds(got Tick) bool {
	if got == 0 {
		return c.From.IsZero()
	}
	return (c.From.IsZero() || got >= TickOf(c.From)) && (c.To.IsZero() || got < TickOf(c.To))
}

func (s *tableSource) Probe(_ context.Context, q Query, w Window, step time.Duration, cut Cut) ([]Bin, error) {
	s.mu.Lock()
	s.probes = append(s.probes, w)
	s.mu.Unlock()
	var bins []Bin
	for _, one := range gridSlices(w, step) {
		if n := int64(len(s.in(Slice{Query: q, Window: one, Cut: cut}))); n > 0 {
			bins = append(bins, Bin{one, n, 10 * n})
		}
	}
	return bins, nil
}

func (s *tableSource) Count(_ context.Context, slice Slice) (int64, error) {
	return int64(len(s.in(slice))), nil
}

func emitRows(rows []tableRow, emit func(arrow.Record) error) error {
	b := array.NewRecordBuilder(memory.DefaultAllocator, tableColumns.Arrow())
	defer b.Release()
	for _, row := range rows {
		b.Field(0).(*array.StringBuilder).Append(row.at.Time().Format(TimeLayout))
		b.Field(1).(*array.StringBuilder).Append(row.id)
	}
	rec := b.NewRecord()
	defer rec.Release()
	return emit(rec)
}

// world is what survives a crash: the objects of the sinks and the ledger's
// entries. After crash nothing changes any more.
type world struct {
	mu      sync.Mutex
	entries []Entry
	objects map[string]object // by identity and key
	crashed bool
	rng     *rand.Rand // nil: no faults in sinks
}

type object struct {
	rows []string
	sum  string
}

func newWorld() *world { return &world{objects: make(map[string]object)} }

func (w *world) crash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.crashed = true
}

// restart gives the process of the next run.
func (w *world) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.crashed = false
}

// intents returns how many intents the ledger holds.
func (w *world) intents() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, e := range w.entries {
		if e.Kind == KindIntended {
			n++
		}
	}
	return n
}

var errCrashed = errors.New("the process is gone")

// chance reports true once in n times, where faults are on.
func (w *world) chance(n int) bool { return w.rng != nil && w.rng.IntN(n) == 0 }

// rowsIn returns the rows of all objects of a sink, sorted.
func (w *world) rowsIn(identity string) []string {
	var rows []string
	for key, o := range w.objects {
		if strings.HasPrefix(key, identity+"|") {
			rows = append(rows, o.rows...)
		}
	}
	sort.Strings(rows)
	return rows
}

// memLedger keeps its entries in the world.
type memLedger struct{ *world }

func (l memLedger) Entries(context.Context) ([]Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Entry(nil), l.entries...), nil
}

func (l memLedger) Append(_ context.Context, entries ...Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.crashed {
		return errCrashed
	}
	for _, e := range entries {
		if e.Receipt != nil {
			r := *e.Receipt
			e.Receipt = &r
		}
		e.Time = time.Unix(0, 0).UTC()
		l.entries = append(l.entries, e)
	}
	return nil
}

func (l memLedger) Renew(context.Context) error { return nil }
func (l memLedger) Held() error                 { return nil }

// memSink keeps its objects in the world.
type memSink struct {
	*world
	identity string
}

func (s memSink) Enroll(context.Context, string) error { return nil }

func (s memSink) Begin(_ context.Context, f File) (Tx, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chance(40) {
		return nil, errors.New("disk full")
	}
	return &memTx{sink: s, file: f}, nil
}

func (s memSink) Verify(_ context.Context, r Receipt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[s.identity+"|"+r.Key]
	switch {
	case !ok:
		return ErrMissing
	case o.sum != r.SHA256:
		return ErrMismatch
	}
	return nil
}

func (s memSink) Fence(_ context.Context, _ File, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.crashed {
		return errCrashed
	}
	if o, ok := s.objects[s.identity+"|"+key]; ok {
		if len(o.rows) == 0 {
			return nil
		}
		return ErrExists
	}
	s.objects[s.identity+"|"+key] = object{sum: "fence"}
	return nil
}

func (s memSink) Remove(_ context.Context, r Receipt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.identity + "|" + r.Key
	o, ok := s.objects[name]
	switch {
	case s.crashed:
		return errCrashed
	case !ok:
		return ErrMissing
	case o.sum != r.SHA256:
		return ErrMismatch
	}
	delete(s.objects, name)
	return nil
}

func (s memSink) Removes() bool { return true }

func (s memSink) Drop(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.identity + "|" + key
	switch _, ok := s.objects[name]; {
	case s.crashed:
		return errCrashed
	case !ok:
		return ErrMissing
	}
	delete(s.objects, name)
	return nil
}

type memTx struct {
	sink memSink
	file File
	rows []string
	key  string
}

func (t *memTx) Write(rec arrow.Record) error {
	t.sink.mu.Lock()
	defer t.sink.mu.Unlock()
	if t.sink.chance(60) {
		return errors.New("disk full")
	}
	for i := range int(rec.NumRows()) {
		t.rows = append(t.rows, rec.Column(0).ValueStr(i)+" "+rec.Column(1).ValueStr(i))
	}
	return nil
}

func (t *memTx) Prepare(context.Context) (Receipt, error) {
	s := t.file.Slice
	t.key = fmt.Sprintf("%s/%s-h%s-f%d", s.Query.Address, s.Window.FileName(), s.Part, t.file.Number+1)
	sum := sha256.Sum256([]byte(strings.Join(t.rows, "\n") + t.key))
	return Receipt{Key: t.key, Window: s.Window, Part: s.Part, Cut: s.Cut, Rows: int64(len(t.rows)),
		SHA256: hex.EncodeToString(sum[:]), Schema: t.file.Columns.Hash(), Number: t.file.Number, Fingerprint: s.Query.Fingerprint}, nil
}

func (t *memTx) Commit(context.Context) error {
	s := t.sink
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.crashed {
		return errCrashed
	}
	name := s.identity + "|" + t.key
	if _, taken := s.objects[name]; taken {
		return ErrExists
	}
	if s.chance(20) {
		return errors.New("connection lost before the object was made")
	}
	sum := sha256.Sum256([]byte(strings.Join(t.rows, "\n") + t.key))
	s.objects[name] = object{t.rows, hex.EncodeToString(sum[:])}
	if s.chance(20) {
		return errors.New("connection lost after the object was made")
	}
	return nil
}

func (t *memTx) Abort() error { return nil }

func reportOrFail(t *testing.T, h *History, now time.Time, exports ...Export) []Coverage {
	t.Helper()
	report, err := Report(context.Background(), exports, h, now)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
