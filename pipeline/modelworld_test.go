package pipeline

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
)

// disturbance is what happens to a process at one of its steps.
type disturbance int

const (
	crashBefore disturbance = iota
	crashAfter              // the step took effect
	lostAnswer              // it took effect and gives an error
	stalled                 // a second run goes from start to end meanwhile
	disturbances
)

func (d disturbance) String() string {
	return []string{"crash before", "crash after", "lost answer", "stall"}[d]
}

// process is one run over a world, disturbed at step at; -1 is never. No lock
// keeps a second one out: only the numbers of the ledger do.
type process struct {
	*world
	at, steps int
	how       disturbance
	other     func() // the second run
	dead      bool
	seen      int // entries that it knows of
}

func (p *process) step(do func() error) error {
	if p.dead {
		return errCrashed
	}
	p.steps++
	if p.steps-1 != p.at {
		return do()
	}
	switch p.how {
	case crashBefore:
		p.dead = true
		return errCrashed
	case crashAfter:
		_ = do()
		p.dead = true
		return errCrashed
	case lostAnswer:
		if err := do(); err != nil {
			return err
		}
		return errors.New("the answer was lost")
	}
	p.other()
	return do()
}

// numberedLedger takes entries only from a writer that knows all before them.
type numberedLedger struct{ *process }

func (l numberedLedger) Entries(ctx context.Context) ([]Entry, error) {
	entries, err := memLedger{l.world}.Entries(ctx)
	l.seen = len(entries)
	return entries, err
}

func (l numberedLedger) Append(ctx context.Context, entries ...Entry) error {
	if len(entries) == 0 {
		return nil
	}
	return l.process.step(func() error {
		if l.seen != len(l.entries) {
			return errors.New("another writer has that number")
		}
		err := memLedger{l.world}.Append(ctx, entries...)
		l.seen = len(l.entries)
		return err
	})
}

func (l numberedLedger) Renew(context.Context) error { return nil }
func (l numberedLedger) Held() error                 { return nil }

// stepSink makes every call a step of its process.
type stepSink struct {
	memSink
	p *process
}

func (s stepSink) Begin(ctx context.Context, f File) (tx Tx, err error) {
	err = s.p.step(func() (err error) { tx, err = s.memSink.Begin(ctx, f); return err })
	if err != nil {
		return nil, err
	}
	return stepTx{tx, s.p}, nil
}

func (s stepSink) Verify(ctx context.Context, r Receipt) error {
	return s.p.step(func() error { return s.memSink.Verify(ctx, r) })
}

func (s stepSink) Fence(ctx context.Context, f File, key string) error {
	return s.p.step(func() error { return s.memSink.Fence(ctx, f, key) })
}

func (s stepSink) Remove(ctx context.Context, r Receipt) error {
	return s.p.step(func() error { return s.memSink.Remove(ctx, r) })
}

func (s stepSink) Drop(ctx context.Context, key string) error {
	return s.p.step(func() error { return s.memSink.Drop(ctx, key) })
}

func (s stepSink) List(_ context.Context, each func(string, int64) error) error {
	for name := range s.objects {
		if key, ok := strings.CutPrefix(name, s.identity+"|"); ok {
			if err := each(key, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

var _ Reader = stepSink{}

func (s stepSink) Reads(string, Schema) bool { return true }

func (s stepSink) ReadBack(_ context.Context, r Receipt, _ Schema, emit func(arrow.Record) error) error {
	var rows []tableRow
	for _, row := range s.objects[s.identity+"|"+r.Key].rows {
		when, id, _ := strings.Cut(row, " ")
		at, err := time.Parse(TimeLayout, when)
		if err != nil {
			return err
		}
		rows = append(rows, tableRow{at: TickOf(at), id: id})
	}
	return emitRows(rows, emit)
}

type stepTx struct {
	Tx
	p *process
}

func (t stepTx) Write(rec arrow.Record) error {
	return t.p.step(func() error { return t.Tx.Write(rec) })
}

func (t stepTx) Prepare(ctx context.Context) (r Receipt, err error) {
	err = t.p.step(func() (err error) { r, err = t.Tx.Prepare(ctx); return err })
	return r, err
}

func (t stepTx) Commit(ctx context.Context) error {
	return t.p.step(func() error { return t.Tx.Commit(ctx) })
}
