package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/sinks"
)

var verifyVerb = verb{
	name:  "verify",
	brief: "re-read the archive and compare it with the ledger",
	usage: "[-chdir=DIR] verify [flags]",
	help: `Walks the ledger's chain of hashes, re-reads every file that counts (size,
SHA-256, rows and columns, Parquet by another library than the one that wrote
it), and lists files that are missing or that the ledger does not know.
Offline, unless -source asks the workspace to count again. Takes no lock and
changes nothing.`,
	run: runVerify,
}

func runVerify(ctx context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	var load loadFlags
	load.add(f)
	asJSON := f.Bool("json", false, "one JSON object a line")
	sample := f.String("sample", "100%", "re-read only this `share` of the files, always the same ones")
	source := f.Bool("source", false, "also recount the slices at the workspace, a query for each")
	if _, err := p.parse(f, v, args, 0); err != nil {
		return 0, err
	}
	share, err := parseShare(*sample)
	if err != nil {
		return 0, err
	}
	// All segments from the first on: a checkpoint proves nothing.
	s, err := p.readSession(ctx, &load, *asJSON, ledger.Read)
	var broken *ledger.Broken
	if *asJSON && errors.As(err, &broken) {
		c := &checker{process: p, session: &session{snapshot: &ledger.Snapshot{}}, json: true}
		c.find(finding{Type: "ledger", Key: broken.Segment, Text: err.Error()})
		return c.report()
	}
	if err != nil {
		return 0, err
	}
	c := &checker{process: p, session: s, share: share, json: *asJSON}
	if err := c.run(ctx); err != nil {
		return 0, err
	}
	if *source {
		if err := c.recount(ctx); err != nil {
			return 0, err
		}
	}
	return c.report()
}

// parseShare reads "10%" or "0.1".
func parseShare(s string) (float64, error) {
	digits, percent := strings.CutSuffix(s, "%")
	share, err := strconv.ParseFloat(digits, 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share > 0 && share <= 1) {
		return 0, fmt.Errorf("-sample=%s: write a share such as 10%%", s)
	}
	return share, nil
}

// checker compares sinks with the ledger.
type checker struct {
	*process
	*session
	share float64
	json  bool

	files, skipped int
	unread         []unread // in the sink at hand
	refused        int      // files of the sink at hand that may not be read
	why            error    // the last of those
	recounted      int      // slices that the workspace agrees with
	rows           int64
	findings       []finding
}

// finding is something that is not as the ledger says.
type finding struct {
	Type   string `json:"type"` // ledger, behind, damaged, missing, unknown, forgotten, foreign, marker, open, past, unreadable, recount
	Sink   string `json:"sink,omitempty"`
	Query  string `json:"query,omitempty"`
	Key    string `json:"key,omitempty"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"` // what to do
}

// run checks every sink that the pipeline declares.
func (c *checker) run(ctx context.Context) error {
	targets := make(map[string]pipeline.Target)
	var order []string
	for _, e := range c.exports() {
		for _, t := range e.Targets {
			if _, ok := targets[t.Identity]; !ok {
				order = append(order, t.Identity)
			}
			targets[t.Identity] = t
		}
	}
	for _, l := range c.history.Lines() {
		if _, ok := targets[l.Sink]; !ok && l.Files > 0 {
			c.find(finding{Type: "unreadable", Sink: l.Sink, Query: l.Query,
				Text: "no query of the pipeline uses this sink any more, so its files cannot be checked"})
		}
	}
	for _, identity := range order {
		if err := c.sink(ctx, targets[identity]); err != nil {
			return err
		}
	}
	return nil
}

// sink checks one sink: every file that counts, then every object that is there.
func (c *checker) sink(ctx context.Context, t pipeline.Target) error {
	if s, ok := t.Sink.(pipeline.Owner); ok {
		_, err := s.Owned(ctx, c.snapshot.Lineage)
		var foreign *sinks.Foreign
		if errors.As(err, &foreign) {
			c.find(finding{Type: "foreign", Sink: t.Address, Text: err.Error()})
			return nil // its files are unknown to this ledger, and evidence of the other
		}
		if err == nil {
			err = pipeline.Marked(ctx, t, c.history, c.snapshot.Lineage)
		}
		if err != nil {
			c.find(c.marker(t, err))
		}
	}
	if err := c.witness(ctx, t); err != nil {
		return fmt.Errorf("%s: %w", t.Address, err)
	}
	known := make(map[string]bool) // false is the name of a file that should not be there any more
	for _, l := range c.history.Lines() {
		if l.Sink != t.Identity {
			continue
		}
		for _, r := range l.Past {
			known[r.Key] = true
			c.find(finding{Type: "past", Sink: t.Address, Query: l.Query, Key: r.Key, Text: "others have taken over from this file; the next apply deletes it"})
		}
		for _, r := range l.Open {
			known[r.Key] = true
			c.find(finding{Type: "open", Sink: t.Address, Query: l.Query, Key: r.Key, Text: "the commit was interrupted; the next apply settles it"})
		}
		if err := c.line(ctx, t, l, known); err != nil {
			return err
		}
	}
	lister, ok := t.Sink.(pipeline.Lister)
	if !ok {
		return nil
	}
	sizes := make(map[string]int64)
	err := lister.List(ctx, func(key string, size int64) error {
		if len(c.unread) > 0 {
			sizes[key] = size
		}
		switch here, named := known[key]; {
		case here:
		case named:
			c.find(finding{Type: "forgotten", Sink: t.Address, Key: key, Text: "this file counts no more: its slice was forgotten, or read again"})
		default:
			c.find(finding{Type: "unknown", Sink: t.Address, Key: key, Text: "the ledger does not know this file; it is no part of the archive"})
		}
		return nil
	})
	c.closed(t)
	if errors.Is(err, pipeline.ErrUnreadable) {
		c.find(finding{Type: "unreadable", Sink: t.Address, Text: fmt.Sprintf("%v: whether files are missing, or strange ones are there, is not checked", err)})
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", t.Address, err)
	}
	c.compareSizes(t, sizes)
	return nil
}

// closed tells of the files that may not be read, all at once.
func (c *checker) closed(t pipeline.Target) {
	if c.refused > 0 {
		c.find(finding{Type: "unreadable", Sink: t.Address, Text: fmt.Sprintf("%s not re-read: %v", count(c.refused, "file"), c.why)})
	}
	c.refused, c.why = 0, nil
}

// line checks the files of one query, and notes the names that it has used.
func (c *checker) line(ctx context.Context, t pipeline.Target, l *pipeline.Line, known map[string]bool) error {
	var failed error
	var some []pipeline.Receipt
	check := func() bool {
		failed = c.reread(ctx, t, l.Query, some)
		some = some[:0]
		return failed == nil
	}
	err := l.Objects(ctx, pipeline.Forever(), func(o pipeline.Object) bool {
		if o.Key == "" {
			return true
		}
		known[o.Key] = known[o.Key] || o.Standing != pipeline.Gone
		switch {
		case o.Standing != pipeline.Current:
		case !c.sampled(o.Key):
			c.skipped++
			c.unread = append(c.unread, unread{l.Query, o.Receipt})
		default:
			some = append(some, o.Receipt)
		}
		return len(some) < filesAtOnce || check()
	})
	if err == nil && failed == nil {
		check()
	}
	return errors.Join(failed, err)
}

// filesAtOnce is how many files are re-read before what was found is noted, and
// readersAtOnce how many of them are read at a time: a store that is far away
// keeps each waiting.
const (
	filesAtOnce   = 256
	readersAtOnce = 4
)

// reread re-reads files, several at a time, and notes what it finds in order.
func (c *checker) reread(ctx context.Context, t pipeline.Target, query string, files []pipeline.Receipt) error {
	found := make([]error, len(files))
	next := make(chan int)
	var readers sync.WaitGroup
	for range min(readersAtOnce, len(files)) {
		readers.Go(func() {
			for i := range next {
				found[i] = t.Sink.Verify(ctx, files[i])
			}
		})
	}
	for i := range files {
		next <- i
	}
	close(next)
	readers.Wait()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	for i, r := range files {
		c.note(t, query, r, found[i])
	}
	return nil
}

// note takes down what came of re-reading a file.
func (c *checker) note(t pipeline.Target, query string, r pipeline.Receipt, err error) {
	switch {
	case err == nil:
		c.files++
		c.rows += r.Rows
	case errors.Is(err, pipeline.ErrUnreadable):
		c.refused++
		c.why = err
	case errors.Is(err, pipeline.ErrMissing):
		c.find(gone(t, query, r))
	case errors.Is(err, pipeline.ErrMismatch):
		c.find(damaged(t, query, r, err))
	default:
		c.find(finding{Type: "unreadable", Sink: t.Address, Query: query, Key: r.Key, Text: err.Error()})
	}
}

// sampled chooses files by a hash of their name, so that the choice is the
// same at each run and spread over the archive.
func (c *checker) sampled(key string) bool {
	if c.share >= 1 {
		return true
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	return float64(h.Sum64()%1_000_000)/1_000_000 < c.share
}

func (c *checker) found(kind string) bool {
	return slices.ContainsFunc(c.findings, func(f finding) bool { return f.Type == kind })
}

func (c *checker) find(f finding) {
	if f.Advice == "" {
		f.Advice = advice(f.Type)
	}
	c.findings = append(c.findings, f)
}

// report writes what was found and chooses the exit code.
func (c *checker) report() (int, error) {
	code := exitDone
	if len(c.findings) > 0 {
		code = exitFailed
	}
	if c.json {
		enc := json.NewEncoder(c.stdout)
		if err := enc.Encode(map[string]any{"format_version": formatVersion, "tool": tool(), "lineage": c.snapshot.Lineage,
			"head_seq": c.snapshot.Seq, "head_hash": c.snapshot.Hash}); err != nil {
			return exitFailed, err
		}
		for _, f := range c.findings {
			if err := enc.Encode(f); err != nil {
				return exitFailed, err
			}
		}
		return code, enc.Encode(map[string]any{"type": "summary", "files": c.files, "rows": c.rows, "not_sampled": c.skipped, "recounted": c.recounted, "findings": len(c.findings)})
	}
	for _, f := range c.findings {
		place := f.Sink
		if f.Key != "" {
			place += " " + f.Key
		}
		c.printf("%s %s: %s\n", c.paint(red, f.Type), place, f.Text)
	}
	if c.snapshot.Seq == 0 {
		c.printf("Nothing has been exported yet; there is no ledger to verify.\n")
		return code, nil
	}
	c.printf("Ledger: %s, chain intact to %.12s. Archive: %s re-read with %s rows",
		count(int(c.snapshot.Seq), "segment"), c.snapshot.Hash, count(c.files, "file"), amount(c.rows))
	if c.skipped > 0 {
		c.printf(", %s not in the sample", count(c.skipped, "file"))
	}
	if c.recounted > 0 {
		c.printf(", %s recounted at the workspace", count(c.recounted, "slice"))
	}
	c.printf(": %s.\n", count(len(c.findings), "finding"))
	for _, a := range adviceAfter {
		if c.found(a.kind) {
			c.printf("%s\n", a.text)
		}
	}
	return code, nil
}
