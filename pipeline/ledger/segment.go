package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

const (
	format        = 1
	segmentPrefix = "ledger/"
	segmentSuffix = ".jsonl"
	segmentDigits = 20
)

// Header is the first line of a segment: who wrote it, when, and what it
// follows.
type Header struct {
	Format  int       `json:"format"`
	Seq     int64     `json:"seq"`     // from 1
	Prev    string    `json:"prev"`    // SHA-256 of the segment before, hex; "" in the first
	Body    string    `json:"body"`    // SHA-256 of the lines after the header, hex
	Entries int       `json:"entries"` // lines after the header
	Lineage string    `json:"lineage"` // UUID of the ledger
	Run     string    `json:"run"`     // UUID of the writer
	Nonce   string    `json:"nonce"`
	Time    time.Time `json:"time"` // UTC
	Tool    string    `json:"tool"` // program and version
	Who     string    `json:"who"`
	// Operation is what the writer was about, such as apply or state rebuild.
	Operation string `json:"operation,omitempty"`
}

// segmentName returns the name of the object with this number.
func segmentName(seq int64) string {
	return fmt.Sprintf("%s%0*d%s", segmentPrefix, segmentDigits, seq, segmentSuffix)
}

// isSegment reports whether the name has the form of a segment's.
func isSegment(name string) bool {
	digits, ok := strings.CutPrefix(name, segmentPrefix)
	if !ok {
		return false
	}
	digits, ok = strings.CutSuffix(digits, segmentSuffix)
	return ok && len(digits) == segmentDigits && strings.Trim(digits, "0123456789") == ""
}

// sumField stands between the header's other fields and its own hash.
const sumField = `,"sum":"`

// encodeSegment fills in what follows from the body and returns the object.
func encodeSegment(h Header, lines [][]byte) ([]byte, error) {
	body := bytes.Join(lines, nil)
	h.Format, h.Entries, h.Body, h.Nonce = format, len(lines), hash(body), rand.Text()
	line, err := encodeLine(h)
	if err != nil {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte("}\n"))
	line = append(line, sumField+hash(line)+"\"}\n"...)
	return append(line, body...), nil
}

// decodeSegment returns what a segment says, once it is sure that these are
// the bytes that were written. What it follows is for the caller to check.
func decodeSegment(data []byte) (Header, []pipeline.Entry, error) {
	h, line, body, err := decodeHeader(data)
	if err != nil {
		return Header{}, nil, err
	}
	if h.Format != format {
		return Header{}, nil, fmt.Errorf("it has format %d and was written by %q: this version reads format %d only; use that one or a newer one", h.Format, h.Tool, format)
	}
	head, sum := cutSum(line)
	if sum == "" || sum != hash(head) {
		return Header{}, nil, damaged("its header does not match its hash")
	}
	if h.Body != hash(body) {
		return Header{}, nil, damaged("its entries do not match their hash")
	}
	if n := bytes.Count(body, []byte("\n")); n != h.Entries || (n > 0 && body[len(body)-1] != '\n') {
		return Header{}, nil, damaged("it has %d lines of the %d entries that its header names", n, h.Entries)
	}
	h.Time = h.Time.UTC()
	entries := make([]pipeline.Entry, 0, h.Entries)
	for n := 1; len(body) > 0; n++ {
		line, body, _ = bytes.Cut(body, []byte("\n"))
		e, err := decodeEntry(line)
		var unknown unknownKind
		if errors.As(err, &unknown) {
			return Header{}, nil, fmt.Errorf("entry %d has the kind %q, which this version does not know; use %q, which wrote it, or a newer one", n, string(unknown), h.Tool)
		}
		if err != nil {
			return Header{}, nil, damaged("entry %d: %v", n, err)
		}
		entries = append(entries, e)
	}
	return h, entries, nil
}

// decodeHeader cuts a segment into its header, as what it says and as a line,
// and its entries. It checks none of the hashes.
func decodeHeader(data []byte) (h Header, line, body []byte, err error) {
	line, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return h, nil, nil, damaged("it has no complete header")
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, nil, nil, damaged("its header is not what a ledger has (%v)", err)
	}
	return h, line, body, nil
}

// cutSum splits a header line into what is hashed and the hash; "" if it does
// not end in one.
func cutSum(line []byte) (head []byte, sum string) {
	const tail = len(sumField) + 2*sha256.Size + len(`"}`)
	at := len(line) - tail
	if at < 0 || string(line[at:at+len(sumField)]) != sumField || string(line[len(line)-2:]) != `"}` {
		return nil, ""
	}
	return line[:at], string(line[at+len(sumField) : len(line)-2])
}

// kindRules says which kinds this version writes and reads, and how.
var kindRules = map[pipeline.Kind]struct {
	durable bool // Append waits for it
	bare    bool // it needs no receipt
}{
	pipeline.KindQuery:       {bare: true},
	pipeline.KindSchema:      {bare: true},
	pipeline.KindIntended:    {durable: true},
	pipeline.KindDone:        {},
	pipeline.KindForgotten:   {durable: true},
	pipeline.KindFailed:      {durable: true},
	pipeline.KindUnavailable: {durable: true},
	pipeline.KindChecked:     {},
	pipeline.KindCurrent:     {durable: true},
	pipeline.KindRemoved:     {},
	pipeline.KindTainted:     {durable: true},
	pipeline.KindWaived:      {durable: true},
	pipeline.KindMoved:       {durable: true, bare: true},
}

type unknownKind pipeline.Kind

func (k unknownKind) Error() string {
	return fmt.Sprintf("this version does not know the kind %q", string(k))
}

// encodeEntry returns the line of e and e as a reader will see it, which is
// independent of what the caller still holds.
func encodeEntry(e pipeline.Entry) (pipeline.Entry, []byte, error) {
	line, err := encodeLine(e)
	if err != nil {
		return pipeline.Entry{}, nil, err
	}
	e, err = decodeEntry(line)
	return e, line, err
}

func decodeEntry(line []byte) (pipeline.Entry, error) {
	var e pipeline.Entry
	err := json.Unmarshal(line, &e)
	if rule, ok := kindRules[e.Kind]; !ok {
		// The kind decides how to read the rest, so it is the better message.
		var only struct {
			Kind pipeline.Kind `json:"kind"`
		}
		if json.Unmarshal(line, &only) == nil {
			return e, unknownKind(only.Kind)
		}
	} else if err == nil && e.Receipt == nil && !rule.bare {
		return e, fmt.Errorf("an entry of kind %q needs a receipt", e.Kind)
	}
	if err != nil {
		return e, err
	}
	e.Time = e.Time.UTC()
	if r := e.Receipt; r != nil {
		r.Start, r.End, r.From, r.To = r.Start.UTC(), r.End.UTC(), r.From.UTC(), r.To.UTC()
	}
	return e, nil
}

// encodeLine returns v as one line of JSON in which KQL stays readable.
func encodeLine(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// damaged is an error about a segment that was changed after it was written.
func damaged(what string, args ...any) error {
	return fmt.Errorf("%s: it was changed, replaced or cut short; restore it from a copy of the state", fmt.Sprintf(what, args...))
}
