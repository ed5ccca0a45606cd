package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/sinks"
)

// stateCheck reads the ledger and makes sure that it can be written.
func (d *doctor) stateCheck(pl *config.Pipeline) check {
	return check{step: "state", target: statePath(pl), run: func(ctx context.Context) outcome {
		store, err := d.stateStore(pl)
		if err != nil {
			return outcome{status: failed, detail: err.Error(), help: "state"}
		}
		snapshot, err := ledger.Read(ctx, store)
		if err != nil {
			return outcome{status: failed, detail: err.Error(), help: "state",
				advice: []string{"Do not remove it: without it kustash does not know what it has exported. Restore it from a copy, or mend what the message names."}}
		}
		d.lineage = snapshot.Lineage
		if t, ok := store.(ledger.Trier); ok {
			if err := t.Try(ctx); err != nil {
				return unwritable(err, "state")
			}
		}
		f := healthy("can be written; no ledger yet, the first run makes one")
		if snapshot.Seq > 0 {
			f = healthy("can be written; %s, lineage %s", count(int(snapshot.Seq), "segment"), snapshot.Lineage)
		}
		if snapshot.Holder != nil {
			f.status, f.help = warned, "lock"
			f.detail += "; locked"
			f.facts = []string{"by " + snapshot.Holder.String()}
			f.advice = []string{"Let that run end. If it has died, the next one finds that out and goes on by itself."}
		}
		return f
	}}
}

// inspected is implemented by sinks that can be looked into.
type inspected interface {
	Inspect(ctx context.Context, lineage string) (marked bool, err error)
}

// sinkCheck makes sure that a sink can be written, and that it is this
// pipeline's.
func (d *doctor) sinkCheck(s config.DeclaredSink, state string) check {
	return check{step: "sink", target: s.Address, needs: []string{state}, run: func(ctx context.Context) outcome {
		sink, ok := s.Sink.Sink.(inspected)
		if !ok {
			return outcome{status: warned, detail: "this kind of sink cannot be examined"}
		}
		marked, err := sink.Inspect(ctx, d.lineage)
		var foreign *sinks.Foreign
		switch {
		case errors.As(err, &foreign):
			return outcome{status: failed, detail: err.Error(), help: "foreign-sink", advice: []string{
				"If this pipeline was moved, put back the state of lineage " + foreign.Lineage + "; if that is lost, move what is in its place away and run \"kustash state rebuild\".",
				"If the archive is another pipeline's, give this sink a place of its own.",
			}}
		case err != nil:
			return unwritable(err, "sink")
		case marked:
			return d.kept(ctx, s, healthy("%s can be written, and belongs to this pipeline", s.Identity))
		}
		if a, ok := s.Sink.Sink.(archive); ok {
			if _, err := a.Lineage(ctx); errors.Is(err, pipeline.ErrUnreadable) {
				return healthy("%s can be written, but not read: verify and state rebuild will not see what is there", s.Identity)
			}
		}
		return d.kept(ctx, s, healthy("%s can be written, and belongs to nobody yet", s.Identity))
	}}
}

// kept adds what forbids to delete in a sink, where something may have to be.
func (d *doctor) kept(ctx context.Context, s config.DeclaredSink, f outcome) outcome {
	sink, ok := s.Sink.Sink.(interface {
		Keeps(ctx context.Context) (why string, err error)
	})
	if !ok {
		return f
	}
	why, err := sink.Keeps(ctx)
	switch {
	case err != nil:
		return unwritable(err, "sink")
	case why == "":
		return f
	}
	f.facts = append(f.facts, why+": what is written stays; the state must live elsewhere")
	if !s.Keep {
		f.status = warned
		f.advice = append(f.advice, `Files that others take over from cannot be deleted: write superseded = "keep", and let readers go by "kustash connect".`)
	}
	return f
}

// unwritable explains why no file can be made to appear somewhere.
func unwritable(err error, help string) outcome {
	f := outcome{status: failed, detail: err.Error(), help: help}
	var path *fs.PathError
	where := "the folder"
	if errors.As(err, &path) {
		where = path.Path
	}
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		f.advice = []string{fmt.Sprintf("Let %s write to %s, or name another folder.", whoami(), where)}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		f.advice = []string{"There is no room: make some, or name a folder on another disk."}
	case errors.Is(err, pipeline.ErrMismatch), errors.Is(err, syscall.ENOTDIR):
		f.advice = []string{fmt.Sprintf("A file is where a folder must be on the way to %s: move it away, or name another folder.", where)}
	default:
		f.advice = []string{"Mend what the message names, or name another folder."}
	}
	return f
}
