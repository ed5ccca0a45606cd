package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// logEvents returns a function for Runner.OnEvent that also writes events to
// stderr as KUSTASH_LOG asks: "debug" everything, "info" what slices come to,
// "warn" retries, splits and failures.
func (p *process) logEvents(next func(pipeline.Event)) (func(pipeline.Event), error) {
	value := p.getenv("KUSTASH_LOG")
	if value == "" || value == "off" {
		return next, nil
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.ToUpper(value))); err != nil {
		return nil, fmt.Errorf("KUSTASH_LOG=%s: the levels are debug, info, warn and off", value)
	}
	log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))
	levels := map[pipeline.EventKind]slog.Level{
		pipeline.SliceDone:    slog.LevelInfo,
		pipeline.Recovered:    slog.LevelInfo,
		pipeline.SliceRetried: slog.LevelWarn,
		pipeline.SliceSplit:   slog.LevelWarn,
		pipeline.SliceFailed:  slog.LevelError,
	}
	return func(e pipeline.Event) {
		at, known := levels[e.Kind]
		if !known {
			at = slog.LevelDebug
		}
		args := []any{"query", e.Query, "window", e.Window.String()}
		for _, field := range []struct {
			name  string
			value any
			show  bool
		}{
			{"sink", e.Sink, e.Sink != ""}, {"part", e.Part, e.Part != ""}, {"key", e.Key, e.Key != ""}, {"rows", e.Rows, e.Rows > 0},
			{"bytes", e.Bytes, e.Bytes > 0}, {"wait", e.Wait, e.Wait > 0}, {"outcome", e.Text, e.Text != ""}, {"err", e.Err, e.Err != nil},
		} {
			if field.show {
				args = append(args, field.name, field.value)
			}
		}
		log.Log(context.Background(), at, "slice "+string(e.Kind), args...)
		next(e)
	}, nil
}
