package pipeline

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
)

// The rows of a slice go into several files where a sink bounds their size. Such
// pieces are hash parts in all but name: they become visible one after the other
// and count together, or not at all.

// fill writes rows into the last file of a sink, and into further ones once that
// is full.
func (t *tee) fill(ctx context.Context, o *out, rec arrow.Record) {
	for from := int64(0); from < rec.NumRows() || from == 0; {
		if o.last().full(o.Target) && !t.roll(ctx, o) {
			return
		}
		f := o.last()
		to := rec.NumRows()
		if o.MaxRows > 0 {
			to = min(to, from+o.MaxRows-f.rows)
		}
		part := rec.NewSlice(from, to)
		err := f.tx.Write(part)
		part.Release()
		if err != nil {
			t.drop(o, "write", err)
			return
		}
		if to == from { // a record without rows
			return
		}
		f.rows, from = f.rows+to-from, to
	}
}

// full reports whether a file takes no more rows.
func (f *file) full(t Target) bool {
	if f.rows == 0 {
		return false
	}
	sizer, ok := f.tx.(Sizer)
	return t.MaxRows > 0 && f.rows >= t.MaxRows || t.MaxBytes > 0 && ok && sizer.Size() >= t.MaxBytes
}

// roll completes the last file of a sink and begins the next. It reports false
// if the sink is out.
func (t *tee) roll(ctx context.Context, o *out) bool {
	f := o.last()
	if !t.complete(ctx, o, len(o.files)-o.first, 0) {
		return false
	}
	t.open(ctx, o, f.File)
	return o.failed == nil
}

// completeLast completes the last file of a slice: as its last piece, or as all
// of it. It reports false if the sink is out.
func (t *tee) completeLast(ctx context.Context, o *out) bool {
	n := len(o.files) - o.first
	if n == 1 {
		n = 0
	}
	if !t.complete(ctx, o, n, n) {
		return false
	}
	var rows int64
	for _, f := range o.files[o.first:] {
		f.receipt.Pieces = n
		rows += f.receipt.Rows
	}
	if rows != t.read1 {
		t.drop(o, "complete the files", fmt.Errorf("they hold %d rows of %d", rows, t.read1))
	}
	return o.failed == nil
}

// complete completes the last file of a sink, as the nth piece of a slice, or
// with 0 as all of it.
func (t *tee) complete(ctx context.Context, o *out, n, of int) bool {
	f := o.last()
	if p, ok := f.tx.(Piecer); ok && n > 0 {
		p.Piece(n, of)
	}
	receipt, err := f.tx.Prepare(ctx)
	if err == nil && receipt.Rows != f.rows {
		err = fmt.Errorf("it counted %d rows of %d", receipt.Rows, f.rows)
	}
	if err != nil {
		t.drop(o, "complete the file", err)
		return false
	}
	f.receipt = receipt
	f.receipt.Piece, f.receipt.Pieces = n, of
	return true
}

// CompletePieces reports whether receipts of one slice are all its pieces.
func CompletePieces(pieces []Receipt) bool {
	seen := make(map[int]bool)
	of := 0
	for _, r := range pieces {
		seen[r.Piece] = true
		of = max(of, r.Pieces)
	}
	for n := 1; n <= of; n++ {
		if !seen[n] {
			return false
		}
	}
	return of > 0 && len(seen) == of && len(pieces) == of
}
