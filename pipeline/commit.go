package pipeline

import (
	"context"
	"fmt"
)

// bringToEnd commits what was read.
func (t *tee) bringToEnd(ctx context.Context) error {
	defer t.failures()
	ctx = context.WithoutCancel(ctx)
	if err := t.intend(); err != nil {
		return err
	}
	t.commit(ctx)
	return t.finish(ctx)
}

// intend records what is about to be published. Without that record nothing
// may be.
func (t *tee) intend() error {
	var entries []Entry
	for _, o := range t.live() {
		objects := o.objects()
		for _, f := range objects {
			if f.Slice.Part != "" {
				f.receipt.Parts = partsOf(objects, f.Slice.Window)
			}
			f.receipt.Swap = t.piece.swapID()
			entries = append(entries, f.entry(KindIntended, o))
			t.mu.Lock()
			t.intents[o.intent(f.Slice)]++
			t.mu.Unlock()
		}
	}
	if len(entries) > 0 {
		if err := t.record(entries...); err != nil {
			return err
		}
	}
	t.step("intended")
	return nil
}

// partsOf returns how many of the files are hash parts of this window.
func partsOf(files []*file, w Window) int {
	n := 0
	for _, f := range files {
		if f.Slice.Window == w && f.Slice.Part != "" {
			n++
		}
	}
	return n
}

// empty returns the receipt of a slice without rows that leaves no object.
func (f File) empty() Receipt {
	return Receipt{Window: f.Slice.Window, Part: f.Slice.Part, Cut: f.Slice.Cut,
		Fingerprint: f.Slice.Query.Fingerprint, Ends: f.Ends}
}

// objects returns the files that are to be published; the others had no rows.
func (o *out) objects() []*file {
	var objects []*file
	for _, f := range o.files {
		if f.receipt.Key != "" {
			objects = append(objects, f)
		}
	}
	return objects
}

func (f *file) entry(kind Kind, o *out) Entry {
	return Entry{Kind: kind, Query: f.Slice.Query.Address, Sink: o.Identity, Receipt: &f.receipt}
}

// commit publishes the objects. Where the outcome is in doubt it is settled
// the way the next start would.
func (t *tee) commit(ctx context.Context) {
	for _, o := range t.live() {
		if cause := t.publish(ctx, o); cause != nil {
			t.doubt(ctx, o, cause)
		}
	}
	t.step("commit")
}

// publish makes the files of a sink visible, up to the first that fails.
func (t *tee) publish(ctx context.Context, o *out) error {
	for _, f := range o.objects() {
		if err := t.Ledger.Held(); err != nil {
			return err
		}
		if err := f.tx.Commit(ctx); err != nil {
			return err
		}
		f.done = true
		t.step("publish")
	}
	return nil
}

// doubt finds out what became of a publication that failed, and records it.
func (t *tee) doubt(ctx context.Context, o *out, cause error) {
	if err := t.Ledger.Held(); err != nil {
		t.drop(o, "publish the file", cause) // whoever holds the lock now settles it
		return
	}
	var group []intent
	for _, f := range o.objects() {
		group = append(group, intent{f.File, f.receipt})
	}
	end, err := t.settle(ctx, o.Target, group, true)
	switch {
	case err != nil:
		t.drop(o, "publish the file", fmt.Errorf("%w; %w", cause, err))
	case end == KindDone:
		for _, f := range o.files {
			f.done = true
		}
	default:
		var entries []Entry
		for _, f := range o.objects() {
			e := f.entry(end, o)
			e.Kept = o.keeps(end, f.receipt)
			entries = append(entries, e)
		}
		_ = t.record(entries...)
		t.drop(o, "publish the file", cause)
	}
}

// finish records what is done: all files of a sink in one step.
func (t *tee) finish(ctx context.Context) error {
	var entries []Entry
	for _, o := range t.live() {
		if t.piece.swap {
			entries = append(entries, t.current(o))
			continue
		}
		for _, f := range o.files {
			entries = append(entries, f.entry(KindDone, o))
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := t.record(entries...); err != nil {
		return err
	}
	t.step("done")
	t.told()
	if t.piece.swap {
		for _, o := range t.live() {
			t.clear(ctx, o)
		}
	}
	return nil
}

// told tells of what is done.
func (t *tee) told() {
	live := t.live()
	for _, o := range live {
		for _, f := range o.files {
			t.tell(Event{Kind: SliceDone, Query: f.Slice.Query.Address, Sink: o.Identity, Window: f.Slice.Window,
				Part: f.Slice.Part, Rows: f.receipt.Rows, Bytes: f.receipt.Bytes, Key: f.receipt.Key, Why: t.piece.why})
		}
	}
	t.count(func(sum *Summary) {
		sum.Rows += t.rows
		if len(live) == len(t.outs) {
			sum.Done++
		}
		for _, o := range live {
			for _, f := range o.objects() {
				sum.Bytes, sum.Files = sum.Bytes+f.receipt.Bytes, sum.Files+1
			}
		}
	})
}
