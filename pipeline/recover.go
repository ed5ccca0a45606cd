package pipeline

import (
	"context"
	"errors"
	"fmt"
)

// Enroll makes sure that every sink of the exports can be written to and
// belongs to this ledger. It asks each sink once.
func (r *Runner) Enroll(ctx context.Context, exports []Export) error {
	asked := make(map[string]bool)
	var problems []error
	for _, e := range exports {
		for _, t := range e.Targets {
			if asked[t.Identity] {
				continue
			}
			asked[t.Identity] = true
			if err := t.Sink.Enroll(ctx, r.Lineage); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", t.Address, err))
			}
		}
	}
	return errors.Join(problems...)
}

// Recover settles the intents that an earlier run left open: each becomes done
// or forgotten in the ledger. It runs before planning, while the lock is held.
// An object that is not the one intended stays open: it is returned as a
// conflict, and its slice must not be planned until somebody has looked at it.
// Intents of sinks that no export names are left alone.
func (r *Runner) Recover(ctx context.Context, exports []Export, h *History) (conflicts []SliceError, err error) {
	for _, e := range exports {
		for _, t := range e.Targets {
			for _, intent := range h.Line(e.Query.Address, t.Identity).Open {
				conflict, err := r.recoverOne(ctx, e, t, h, intent)
				if err != nil {
					return conflicts, fmt.Errorf("recover %s in %s: %w", intent.Key, t.Address, err)
				}
				if conflict != nil {
					conflicts = append(conflicts, *conflict)
				}
			}
		}
	}
	return conflicts, nil
}

func (r *Runner) recoverOne(ctx context.Context, e Export, t Target, h *History, intent Receipt) (*SliceError, error) {
	columns, ok := h.Columns(intent.Schema)
	if !ok {
		return nil, fmt.Errorf("the ledger has no schema %s", intent.Schema)
	}
	f := File{
		Slice:   Slice{Query: e.Query, Window: intent.Window, Part: intent.Part, Cut: intent.Cut},
		Number:  intent.Number,
		Lineage: r.Lineage,
		Columns: columns,
		Tool:    r.Tool,
	}
	entry := Entry{Query: e.Query.Address, Sink: t.Identity, Receipt: &intent}
	var err error
	entry.Kind, err = r.settle(ctx, t, f, intent)
	if errors.Is(err, ErrMismatch) {
		conflict := &SliceError{e.Query.Address, t.Identity, intent.Window, intent.Part,
			fmt.Errorf("conflict: %w; move %s out of %s and apply again", err, intent.Key, t.Address)}
		entry.Kind, entry.Reason = KindFailed, conflict.Err.Error()
		return conflict, r.Ledger.Append(ctx, entry)
	}
	if err != nil {
		return nil, err
	}
	if r.OnEvent != nil {
		r.OnEvent(Event{Kind: Recovered, Query: e.Query.Address, Sink: t.Identity, Window: intent.Window,
			Part: intent.Part, Rows: intent.Rows, Bytes: intent.Bytes, Key: intent.Key, Text: string(entry.Kind)})
	}
	return nil, r.Ledger.Append(ctx, entry)
}

// settle finds out how a publication ended: KindDone if the object is there,
// KindForgotten if it is not and, because its name is now taken by an object
// without rows, never can be. An object that is another one gives ErrMismatch.
func (r *Runner) settle(ctx context.Context, t Target, f File, intent Receipt) (Kind, error) {
	err := t.Sink.Verify(ctx, intent)
	if err == nil {
		return KindDone, nil
	}
	if !errors.Is(err, ErrMissing) && !errors.Is(err, ErrMismatch) {
		return "", err
	}
	switch err := t.Sink.Fence(ctx, f, intent.Key); {
	case err == nil:
		return KindForgotten, nil
	case !errors.Is(err, ErrExists):
		return "", err
	}
	// Something is there that is no fence: what a late writer published, or a
	// stranger's object.
	if err := t.Sink.Verify(ctx, intent); err != nil {
		return "", err
	}
	return KindDone, nil
}
