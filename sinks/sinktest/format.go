package sinktest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// Format checks the promises of sinks.Format, and of sinks.Checker where the
// format is one. What the bytes mean is for the format's own tests.
func Format(t *testing.T, format sinks.Format) {
	t.Run("Rows", func(t *testing.T) {
		for _, n := range []int{0, 1025} {
			for _, size := range []int{1, 700, 10000} {
				verifyRows(t, format, append(Extremes(), RandomRows(n, uint64(n))...), size)
			}
		}
		verifyRows(t, format, nil, 1)
	})
	t.Run("Closer", func(t *testing.T) { testCloser(t, format) })
	t.Run("Reuse", func(t *testing.T) { testReuse(t, format) })
	t.Run("Failing", func(t *testing.T) { testFailing(t, format) })
	t.Run("Damage", func(t *testing.T) { testDamage(t, format) })
	if decoder, ok := format.(sinks.Decoder); ok && decoder.Exact(Columns) {
		t.Run("Decode", func(t *testing.T) { testDecode(t, format) })
	}
	if checker, ok := format.(sinks.Checker); ok {
		t.Run("Bounds", func(t *testing.T) { testBounds(t, format, checker) })
		t.Run("Torn", func(t *testing.T) { testTorn(t, format, checker) })
		t.Run("Columns", func(t *testing.T) { testColumns(t, format, checker) })
	}
}

// encode returns the bytes and the metadata of an object.
func encode(t testing.TB, format sinks.Format, records []arrow.Record) ([]byte, sinks.Metadata) {
	t.Helper()
	s, store := newSink(t, format)
	tx, receipt := prepare(t, s, File(1, Columns), records)
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	return store.Bytes(receipt.Key), sinks.Metadata{Columns: Columns, Rows: receipt.Rows, Format: settings(format)}
}

func settings(format sinks.Format) string {
	if s, ok := format.(sinks.Settled); ok {
		return s.Settings()
	}
	return ""
}

func newSink(t testing.TB, format sinks.Format) (*sinks.Sink, *Memory) {
	t.Helper()
	store := NewMemory()
	s, err := sinks.New(sinks.Options{Format: format, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return s, store
}

func prepare(t testing.TB, s pipeline.Sink, f pipeline.File, records []arrow.Record) (pipeline.Tx, pipeline.Receipt) {
	t.Helper()
	tx, err := s.Begin(ctx, f)
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	for _, rec := range records {
		if err := tx.Write(rec); err != nil {
			t.Fatalf("write: %v", err)
		}
	}
	receipt, err := tx.Prepare(ctx)
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	return tx, receipt
}

func verifyRows(t *testing.T, format sinks.Format, rows []Row, size int) {
	t.Helper()
	s, _ := newSink(t, format)
	tx, receipt := prepare(t, s, File(1, Columns), Records(Columns, rows, size))
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if receipt.Rows != int64(len(rows)) {
		t.Errorf("the receipt of %d rows has %d", len(rows), receipt.Rows)
	}
	if err := s.Verify(ctx, receipt); err != nil {
		t.Errorf("%d rows in records of %d: %v", len(rows), size, err)
	}
	receipt.Rows++
	if err := s.Verify(ctx, receipt); !errors.Is(err, pipeline.ErrMismatch) {
		t.Errorf("one row too few: %v, want %v", err, pipeline.ErrMismatch)
	}
}

// closer notices when an encoder closes what it writes to.
type closer struct {
	bytes.Buffer
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func testCloser(t *testing.T, format sinks.Format) {
	var out closer
	e, err := format.NewEncoder(&out, Columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Write(Record(Columns, Extremes())); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil || out.closed || out.Len() == 0 {
		t.Errorf("close = %v, with %d bytes; writer closed: %v", err, out.Len(), out.closed)
	}
}

// testReuse spoils the memory of each record after it was written.
func testReuse(t *testing.T, format sinks.Format) {
	rows := RandomRows(3000, 5)
	want, m := encode(t, format, Records(Columns, rows, 700))
	again, _ := encode(t, format, Records(Columns, rows, 700))
	if !bytes.Equal(want, again) {
		t.Error("equal rows gave different bytes")
	}
	var out bytes.Buffer
	e, err := format.NewEncoder(&out, Columns.Arrow())
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range Records(Columns, rows, 700) {
		if err := e.Write(rec); err != nil {
			t.Fatal(err)
		}
		Spoil(rec)
	}
	if d, ok := e.(sinks.Describer); ok {
		full := File(1, Columns)
		if err := d.Describe(Described(full, format, int64(len(rows)))); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the encoder kept memory of records: %d bytes differ from the %d of %d rows", out.Len(), len(want), m.Rows)
	}
}

// Described returns the metadata that a sink gives an encoder of this file.
func Described(f pipeline.File, format sinks.Format, rows int64) sinks.Metadata {
	name := format.Ext()
	if s := settings(format); s != "" {
		name += " " + s
	}
	return sinks.Metadata{
		Lineage: f.Lineage, Query: f.Slice.Query.Address, Workspace: f.Slice.Query.Workspace, Fingerprint: f.Slice.Query.Fingerprint,
		Window: f.Slice.Window, Part: f.Slice.Part, Cut: f.Slice.Cut, Number: f.Number, Rows: rows,
		Schema: f.Columns.Hash(), Columns: f.Columns, Format: name, Tool: f.Tool, Replaces: []string{},
	}
}

// Spoil overwrites the values of a record, as its owner may once Write is back.
func Spoil(rec arrow.Record) {
	for _, column := range rec.Columns() {
		buffers := column.Data().Buffers()
		values := buffers[len(buffers)-1] // before it are validity and offsets
		if values == nil {
			continue
		}
		for i := range values.Bytes() {
			values.Bytes()[i] = 'Z'
		}
	}
}

type failing struct{ after int }

var errFull = errors.New("no space left on device")

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// testFailing lets the writer fail after any number of bytes: an error comes
// back, or the sink's own writer has it; never a panic.
func testFailing(t *testing.T, format sinks.Format) {
	records := Records(Columns, RandomRows(400, 9), 100)
	whole, _ := encode(t, format, records)
	for after := 0; after < len(whole); after += 1 + len(whole)/12 {
		store := &Faulty{Store: NewMemory()}
		left := after
		store.Fail = func(step string) error {
			if step == "write" {
				if left -= len(whole) / 40; left < 0 {
					return errFull
				}
			}
			return nil
		}
		s, err := sinks.New(sinks.Options{Format: format, Store: store})
		if err != nil {
			t.Fatal(err)
		}
		err = writeAll(s, 1, records)
		if left < 0 && !errors.Is(err, errFull) {
			t.Errorf("after %d bytes: %v, want %v", after, err, errFull)
		}
		if e, err := format.NewEncoder(&failing{after}, Columns.Arrow()); err == nil {
			for _, rec := range records {
				if err = e.Write(rec); err != nil {
					break
				}
			}
			_ = e.Close()
		}
	}
}

func writeAll(s pipeline.Sink, day int, records []arrow.Record) error {
	tx, err := s.Begin(ctx, File(day, Columns))
	if err != nil {
		return err
	}
	defer tx.Abort()
	for _, rec := range records {
		if err := tx.Write(rec); err != nil {
			return err
		}
	}
	if _, err := tx.Prepare(ctx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// testDamage spoils a committed object: whatever was changed, Verify says so,
// and no row of it is read back.
func testDamage(t *testing.T, format sinks.Format) {
	s, store := newSink(t, format)
	tx, r := prepare(t, s, File(1, Columns), Records(Columns, append(Extremes(), RandomRows(300, 3)...), 100))
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	whole := store.Bytes(r.Key)
	expect := func(what string, damaged []byte) {
		t.Helper()
		store.Change(r.Key, func([]byte) []byte { return damaged })
		if err := s.Verify(ctx, r); !errors.Is(err, pipeline.ErrMismatch) {
			t.Errorf("%s: %v, want %v", what, err, pipeline.ErrMismatch)
		}
		if !s.Reads(r.Key, Columns) {
			return
		}
		err := s.ReadBack(ctx, r, Columns, func(arrow.Record) error {
			t.Errorf("%s: rows were read back", what)
			return nil
		})
		if !errors.Is(err, pipeline.ErrMismatch) {
			t.Errorf("%s: reading back: %v, want %v", what, err, pipeline.ErrMismatch)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		damaged, at := bytes.Clone(whole), rng.IntN(len(whole))
		damaged[at] ^= 1 << rng.IntN(8)
		expect(fmt.Sprintf("a bit of byte %d", at), damaged)
	}
	for _, cut := range []int{1, 7, len(whole) / 2, len(whole)} {
		expect(fmt.Sprintf("without the last %d bytes", cut), whole[:len(whole)-cut])
	}
	expect("with another byte", append(bytes.Clone(whole), '\n'))
	expect("as itself twice", append(bytes.Clone(whole), whole...))
	other, _ := encode(t, format, Records(Columns, append(Extremes(), RandomRows(300, 4)...), 100))
	expect("as another object", other)
	store.Change(r.Key, func([]byte) []byte { return whole })
	if err := s.Verify(ctx, r); err != nil {
		t.Errorf("mended: %v", err)
	}
}

// testTorn reads back objects that lack their end: never all rows, whatever
// their hash.
func testTorn(t *testing.T, format sinks.Format, checker sinks.Checker) {
	whole, m := encode(t, format, Records(Columns, append(Extremes(), RandomRows(300, 3)...), 100))
	check := func(data []byte) (int64, error) {
		return checker.Check(ctx, bytes.NewReader(data), int64(len(data)), m)
	}
	if rows, err := check(whole); err != nil || rows != m.Rows {
		t.Fatalf("the whole object: %d rows, %v, want %d", rows, err, m.Rows)
	}
	for cut := 1; cut < len(whole); cut += 1 + len(whole)/50 {
		if rows, err := check(whole[:len(whole)-cut]); err == nil && rows == m.Rows {
			t.Errorf("without its last %d bytes: all rows and no error", cut)
		}
	}
	if rows, err := check(append(bytes.Clone(whole), "more"...)); err == nil && rows == m.Rows {
		t.Error("with bytes behind its end: all rows and no error")
	}
}

func testColumns(t *testing.T, format sinks.Format, checker sinks.Checker) {
	data, m := encode(t, format, Records(Columns, RandomRows(10, 3), 100))
	fewer, more := Columns[1:], append(Columns[:len(Columns):len(Columns)], pipeline.Column{Name: "more", Type: pipeline.String})
	for name, columns := range map[string]pipeline.Schema{"without the first": fewer, "with one more": more} {
		m.Columns = columns
		if _, err := checker.Check(ctx, bytes.NewReader(data), int64(len(data)), m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	m.Columns = nil
	if rows, err := checker.Check(ctx, bytes.NewReader(data), int64(len(data)), m); err != nil || rows != 10 {
		t.Errorf("without columns to compare: %d rows, %v, want 10", rows, err)
	}
}
