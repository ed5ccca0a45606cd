package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/ledger"
	"github.com/kustash/kustash/sinks"
)

// archive is a sink that keeps manifests, see sinks.Sink.
type archive interface {
	pipeline.Sink
	pipeline.Lister
	Lineage(ctx context.Context) (string, error)
	Manifests(ctx context.Context) ([]string, error)
	ReadManifest(ctx context.Context, name string) ([]byte, error)
	WriteManifest(ctx context.Context, name string, data []byte) error
	Describe(ctx context.Context, key string) (sinks.Metadata, error)
}

const manifestFormat = 1

// manifestHeader is the first line of a manifest. Entries are counted from the
// beginning of the ledger: the manifest has those after From, up to To, that are
// about its sink.
type manifestHeader struct {
	Format  int       `json:"format_version"`
	Lineage string    `json:"lineage"`
	Chain   string    `json:"chain"` // ledger.Chain
	Sink    string    `json:"sink"`  // identity
	From    int       `json:"from"`
	To      int       `json:"to"`
	Seq     int64     `json:"seq"`  // the ledger's last segment
	Head    string    `json:"head"` // its SHA-256, hex
	Time    time.Time `json:"time"`
	Tool    string    `json:"tool"`
	Entries int       `json:"entries"` // lines after the header
	Body    string    `json:"body"`    // SHA-256 of those, hex
}

// name returns the name under which a manifest is kept, so that those of
// one chain are in order.
func (h manifestHeader) name() string { return fmt.Sprintf("%s-%020d", h.Chain, h.Seq) }

// manifestLine is an entry with its number in the ledger, from 1.
type manifestLine struct {
	N int `json:"n"`
	pipeline.Entry
}

// archives returns the declared sinks that keep manifests, by identity.
func (s *session) archives() map[string]archive {
	all := make(map[string]archive)
	for _, e := range s.templates() {
		for _, t := range e.Targets {
			if a, ok := t.Sink.(archive); ok {
				all[t.Identity] = a
			}
		}
	}
	return all
}

// keepers tells the sinks that keep, or cannot delete, what steps down.
func (s *session) keepers() map[string]bool {
	all := make(map[string]bool)
	for _, e := range s.templates() {
		for _, t := range e.Targets {
			remover, ok := t.Sink.(pipeline.Remover)
			all[t.Identity] = t.Keep || !ok || !remover.Removes()
		}
	}
	return all
}

// writeManifests brings the manifests of every sink up to date: a run that died
// before it could is made up for.
func (s *session) writeManifests(ctx context.Context) error {
	if err := s.ledger.Flush(ctx); err != nil {
		return err
	}
	var problems []error
	for identity, a := range s.archives() {
		if err := s.writeManifest(ctx, identity, a); err != nil {
			problems = append(problems, fmt.Errorf("write the manifest of %s: %w", s.sinkAddress(identity), err))
		}
	}
	return errors.Join(problems...)
}

func (s *session) writeManifest(ctx context.Context, identity string, a archive) error {
	lineage, err := a.Lineage(ctx)
	switch {
	case errors.Is(err, pipeline.ErrUnreadable): // nobody could say from where on a manifest has to go
		return nil
	case err != nil || lineage != s.ledger.Lineage():
		return err // it has not been enrolled, so nothing was written to it
	}
	chain, err := ledger.Chain(ctx, s.store)
	if err != nil {
		return err
	}
	from, err := newestManifest(ctx, a, chain)
	if errors.Is(err, pipeline.ErrUnreadable) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, all, err := s.ledger.Since(ctx, from)
	if err != nil || len(entries) == 0 {
		return err
	}
	queries := make(map[string]bool)
	for _, l := range s.history.Lines() {
		if l.Sink == identity {
			queries[l.Query] = true
		}
	}
	for _, e := range entries {
		if e.Sink == identity {
			queries[e.Query] = true
		}
	}
	if len(queries) == 0 {
		return nil // what older manifests say of the sink still holds
	}
	seq, head := s.ledger.Head()
	header := manifestHeader{Format: manifestFormat, Lineage: s.ledger.Lineage(), Chain: chain, Sink: identity, From: from, To: all,
		Seq: seq, Head: head, Time: time.Now().UTC(), Tool: tool()}
	var lines []manifestLine
	for i, e := range entries {
		if e.Sink == identity || e.Sink == "" && queries[e.Query] || e.Kind == pipeline.KindMoved {
			lines = append(lines, manifestLine{from + i + 1, e})
		}
	}
	if len(lines) == 0 {
		return nil
	}
	raw, err := encodeManifest(header, lines)
	if err != nil {
		return err
	}
	return a.WriteManifest(ctx, header.name(), raw)
}

// encodeManifest returns a manifest, after filling in what its header says of
// the lines.
func encodeManifest(header manifestHeader, lines []manifestLine) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, line := range lines {
		if err := enc.Encode(line); err != nil {
			return nil, err
		}
	}
	body := bytes.Clone(b.Bytes())
	header.Entries, header.Body = len(lines), sha256Hex(body)
	b.Reset()
	err := enc.Encode(header)
	return append(b.Bytes(), body...), err
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// newestName returns the name of the newest manifest of a chain; "" if there is
// none.
func newestName(ctx context.Context, a archive, chain string) (newest string, err error) {
	names, err := a.Manifests(ctx)
	return newestOf(names, chain), err
}

// newestOf is newestName among the names of all manifests of a sink.
func newestOf(names []string, chain string) (newest string) {
	for _, name := range names { // in order
		if strings.HasPrefix(name, chain+"-") {
			newest = name
		}
	}
	return newest
}

// newestManifest returns how many entries of the ledger the manifests of a sink
// have accounted for.
func newestManifest(ctx context.Context, a archive, chain string) (int, error) {
	newest, err := newestName(ctx, a, chain)
	if err != nil || newest == "" {
		return 0, err
	}
	header, err := manifestOf(ctx, a, newest)
	return header.To, err
}

func manifestOf(ctx context.Context, a archive, name string) (manifestHeader, error) {
	raw, err := a.ReadManifest(ctx, name)
	if err != nil {
		return manifestHeader{}, err
	}
	header, _, err := parseManifest(raw)
	return header, err
}

// witness holds the ledger against the newest manifest of each sink, which has
// seen its head: a ledger that was cut short, or begun anew from a copy, does not
// have that any more.
func (c *checker) witness(ctx context.Context, t pipeline.Target) error {
	a, ok := t.Sink.(archive)
	if !ok || len(c.snapshot.Segments) == 0 {
		return nil
	}
	chain, err := ledger.Chain(ctx, c.store)
	if err != nil {
		return err
	}
	name, err := newestName(ctx, a, chain)
	if errors.Is(err, pipeline.ErrUnreadable) {
		return nil // so is the rest, and said to be
	}
	if err != nil || name == "" {
		return err
	}
	header, err := manifestOf(ctx, a, name)
	switch {
	case err != nil:
		c.find(finding{Type: "damaged", Sink: t.Address, Key: "manifest " + name, Text: err.Error(), Advice: "restore it from a copy"})
	case header.Seq > c.snapshot.Seq:
		c.find(finding{Type: "behind", Sink: t.Address, Text: fmt.Sprintf("manifest %s has seen segment %d, and the ledger ends with %d: what came after is missing", name, header.Seq, c.snapshot.Seq)})
	case c.hashOf(header.Seq) != header.Head:
		c.find(finding{Type: "behind", Sink: t.Address, Text: fmt.Sprintf("manifest %s has seen another segment %d than the ledger has", name, header.Seq)})
	}
	return nil
}

// hashOf returns the SHA-256 of a segment of the ledger that was read.
func (c *checker) hashOf(seq int64) string {
	if seq == c.snapshot.Seq {
		return c.snapshot.Hash
	}
	return c.snapshot.Segments[seq].Prev // of the one that follows
}

// parseManifest reads a manifest, once it is sure that its lines are those that
// were written.
func parseManifest(raw []byte) (header manifestHeader, lines []manifestLine, err error) {
	head, body, _ := bytes.Cut(raw, []byte("\n"))
	if err := json.Unmarshal(head, &header); err != nil {
		return header, nil, fmt.Errorf("its header: %w", err)
	}
	if header.Format != manifestFormat {
		return header, nil, fmt.Errorf("it has format %d, this version reads %d", header.Format, manifestFormat)
	}
	if sum := sha256Hex(body); sum != header.Body {
		return header, nil, fmt.Errorf("its lines have the SHA-256 %s, its header says %s: it was changed or cut short; restore it from a copy, or remove it: the files that it names speak for themselves", sum, header.Body)
	}
	for len(body) > 0 {
		var line manifestLine
		var text []byte
		text, body, _ = bytes.Cut(body, []byte("\n"))
		if err := json.Unmarshal(text, &line); err != nil {
			return header, nil, fmt.Errorf("line %d: %w", len(lines)+2, err)
		}
		lines = append(lines, line)
	}
	if len(lines) != header.Entries {
		return header, nil, fmt.Errorf("it has %d entries, its header says %d", len(lines), header.Entries)
	}
	return header, lines, nil
}
