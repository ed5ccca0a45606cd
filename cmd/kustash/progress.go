package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// progress shows a run on stderr: one line that is rewritten on a terminal, a
// plain line every ten seconds elsewhere.
type progress struct {
	p     *process
	w     io.Writer
	total int   // slices planned
	rows  int64 // estimated in all; 0 if unknown

	mu      sync.Mutex
	started time.Time
	shown   time.Time
	read    int64
	kept    int64
	bytes   int64
	ended   map[string]bool      // slices done or failed
	told    map[string]time.Time // reasons to try again, when they were last shown
	drawn   bool
}

const (
	redrawEvery = 200 * time.Millisecond
	printEvery  = 10 * time.Second
	repeatEvery = time.Minute // the same reason to try again
)

func (p *process) newProgress(plan *pipeline.Plan) *progress {
	slices, rows, _, known := plan.Totals()
	if !known {
		rows = 0
	}
	now := time.Now()
	return &progress{p: p, w: p.stderr, total: slices, rows: rows, started: now, shown: now, ended: make(map[string]bool), told: make(map[string]time.Time)}
}

// event takes one event of the run. It has the form of Runner.OnEvent.
func (g *progress) event(e pipeline.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := e.Query + "@" + e.Window.FileName() + e.Part
	switch e.Kind {
	case pipeline.SliceRead:
		g.read += e.Rows
	case pipeline.SliceSplit:
		g.total++
	case pipeline.SliceDone:
		g.ended[name] = true
		g.kept += e.Rows
		g.bytes += e.Bytes
	case pipeline.SliceFailed:
		g.ended[name] = true
	case pipeline.SliceRetried:
		g.retry(e)
	case pipeline.Recovered:
		g.say(fmt.Sprintf("settled an interrupted commit: %s %s", e.Key, map[string]string{"done": "is complete", "forgotten": "was never published and is read again"}[e.Text]))
	}
	now := time.Now()
	every := printEvery
	if g.p.bars {
		every = redrawEvery
	}
	if now.Sub(g.shown) >= every {
		g.shown = now
		g.draw(now)
	}
}

// retry says once a minute why slices are tried again, not for each of them.
func (g *progress) retry(e pipeline.Event) {
	why, now := reason(e.Err.Error()), time.Now()
	if last, ok := g.told[why]; ok && now.Sub(last) < repeatEvery {
		return
	}
	g.told[why] = now
	g.say(fmt.Sprintf("Trying again in %v: %s, %v: %v", e.Wait.Round(100*time.Millisecond), e.Query, e.Window, e.Err))
}

// say prints a line of its own.
func (g *progress) say(text string) {
	g.clear()
	fmt.Fprintln(g.w, text)
}

func (g *progress) clear() {
	if g.drawn {
		fmt.Fprint(g.w, "\r\x1b[K")
		g.drawn = false
	}
}

func (g *progress) draw(now time.Time) {
	elapsed := now.Sub(g.started)
	done := float64(len(g.ended)) / float64(max(1, g.total))
	if g.rows > 0 {
		done = min(1, float64(g.read)/float64(g.rows))
	}
	text := fmt.Sprintf("%d of %d slices, %s rows (%s/s), %s written", len(g.ended), g.total, amount(g.read),
		amount(int64(float64(g.read)/max(0.001, elapsed.Seconds()))), size(g.bytes))
	if done > 0.02 && done < 1 {
		text += ", about " + short(time.Duration(float64(elapsed)*(1-done)/done).Round(time.Second)) + " left"
	}
	if !g.p.bars {
		fmt.Fprintln(g.w, text)
		return
	}
	const width = 20
	filled := int(done * width)
	bar := "[" + strings.Repeat("=", filled) + strings.Repeat(" ", width-filled) + "] "
	line := bar + text
	if r := []rune(line); g.p.width > 0 && len(r) >= g.p.width {
		line = string(r[:g.p.width-1])
	}
	fmt.Fprint(g.w, "\r\x1b[K"+line)
	g.drawn = true
}

// stop removes the line that is being rewritten.
func (g *progress) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clear()
}
