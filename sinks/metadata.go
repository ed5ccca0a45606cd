package sinks

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// Metadata is what an object says about itself, so that a ledger can be made
// from an archive. As JSON it is the file beside a text file on local disk.
type Metadata struct {
	Lineage         string `json:"lineage"`
	Query           string `json:"query"`               // address
	Workspace       string `json:"workspace,omitempty"` // id of the workspace
	Fingerprint     string `json:"fingerprint"`
	pipeline.Window        // start and end
	Part            string `json:"part,omitempty"`
	// Piece counts the objects that hold the slice together, from 1; the last one
	// has in Pieces how many they are. Both are 0 for one that holds all of it.
	Piece        int    `json:"piece,omitempty"`
	Pieces       int    `json:"pieces,omitempty"`
	pipeline.Cut        // cut_from and cut
	Number       int    `json:"number"` // pipeline.File.Number
	Rows         int64  `json:"rows"`
	Bytes        int64  `json:"bytes,omitempty"`  // of the object; unknown to the object itself
	SHA256       string `json:"sha256,omitempty"` // of the object; unknown to the object itself
	Schema       string `json:"schema"`           // Hash of the columns
	// Columns has the KQL type of each column. A store with little room may
	// have dropped it.
	Columns  pipeline.Schema `json:"columns,omitempty"`
	Format   string          `json:"format"` // extension, and settings that a reader must know
	Tool     string          `json:"tool"`
	Replaces []string        `json:"replaces"` // keys of the objects that it takes over from
	Ends     pipeline.Ends   `json:"ends,omitempty"`
	// TimeColumn is the column, by its name in the object, that told the rows of
	// the slice: no value of it lies outside of the window. It is "" where that
	// cannot be said: an answer has no such column, or its author has put
	// something else into it.
	TimeColumn string `json:"time_column,omitempty"`

	// Embedded says that the object's own bytes hold all this, so that a store
	// may keep nothing beside them.
	Embedded bool `json:"-"`
}

// metadataOf returns what is known before the first row.
func metadataOf(f pipeline.File, format Format) Metadata {
	s := f.Slice
	name := format.Ext()
	if settled, ok := format.(Settled); ok && settled.Settings() != "" {
		name += " " + settled.Settings()
	}
	return Metadata{
		Lineage:     f.Lineage,
		Query:       s.Query.Address,
		Workspace:   s.Query.Workspace,
		Fingerprint: s.Query.Fingerprint,
		Window:      pipeline.Window{Start: s.Window.Start.UTC(), End: s.Window.End.UTC()},
		Part:        s.Part,
		Cut:         s.Cut,
		Number:      f.Number,
		Schema:      f.Columns.Hash(),
		Columns:     f.Columns,
		Format:      name,
		Tool:        f.Tool,
		Replaces:    append([]string{}, f.Replaces...),
		Ends:        f.Ends,
	}
}

// differs names the first thing that m says and the receipt denies; "" if
// there is none. What m does not know is no difference.
func (m Metadata) differs(r pipeline.Receipt) string {
	for _, d := range []struct {
		what      string
		got, want string
	}{
		{"start", stamp(m.Start), stamp(r.Start)},
		{"end", stamp(m.End), stamp(r.End)},
		{"part", m.Part, r.Part},
		{"piece", strconv.Itoa(m.Piece), strconv.Itoa(r.Piece)},
		{"lower cut", stamp(m.From), stamp(r.From)},
		{"cut", stamp(m.To), stamp(r.To)},
		{"rows", strconv.FormatInt(m.Rows, 10), strconv.FormatInt(r.Rows, 10)},
		{"fingerprint", m.Fingerprint, r.Fingerprint},
		{"schema", m.Schema, r.Schema},
		{"ends", string(m.Ends), string(r.Ends)},
	} {
		if d.got != d.want {
			return fmt.Sprintf("its metadata has the %s %q, the receipt %q", d.what, d.got, d.want)
		}
	}
	switch {
	case m.SHA256 != "" && m.SHA256 != r.SHA256:
		return "its metadata was written for an object with the SHA-256 " + m.SHA256
	case m.Columns != nil && m.Columns.Hash() != r.Schema:
		return fmt.Sprintf("its metadata has columns with the hash %s, the receipt %s", m.Columns.Hash(), r.Schema)
	case m.TimeColumn != "" && m.Columns != nil && BoundsOf(m).Column(m.Columns) < 0:
		return fmt.Sprintf("its metadata promises times in the column %q, which it does not have", m.TimeColumn)
	}
	return ""
}

// Fields returns the metadata as pairs of name and text, for places that keep
// only those. Times have seven digits, lists are JSON. What is empty is left
// out.
func (m Metadata) Fields() map[string]string {
	fields := map[string]string{
		"lineage":     m.Lineage,
		"query":       m.Query,
		"workspace":   m.Workspace,
		"fingerprint": m.Fingerprint,
		"start":       stamp(m.Start),
		"end":         stamp(m.End),
		"part":        m.Part,
		"cut_from":    stamp(m.From),
		"cut":         stamp(m.To),
		"number":      strconv.Itoa(m.Number),
		"rows":        strconv.FormatInt(m.Rows, 10),
		"sha256":      m.SHA256,
		"schema":      m.Schema,
		"format":      m.Format,
		"tool":        m.Tool,
		"replaces":    "[]",
		"ends":        string(m.Ends),
		"time_column": m.TimeColumn,
	}
	for name, n := range map[string]int{"piece": m.Piece, "pieces": m.Pieces} {
		if n > 0 {
			fields[name] = strconv.Itoa(n)
		}
	}
	if m.Bytes > 0 {
		fields["bytes"] = strconv.FormatInt(m.Bytes, 10)
	}
	if m.Columns != nil {
		fields["columns"] = listJSON(m.Columns)
	}
	if len(m.Replaces) > 0 {
		fields["replaces"] = listJSON(m.Replaces)
	}
	for name, text := range fields {
		if text == "" {
			delete(fields, name)
		}
	}
	return fields
}

// MetadataOf reads back what Fields returned; field returns the text of a
// name, or "" if there is none. Names it does not know are nobody's business.
func MetadataOf(field func(name string) string) (Metadata, error) {
	m := Metadata{
		Lineage:     field("lineage"),
		Query:       field("query"),
		Workspace:   field("workspace"),
		Fingerprint: field("fingerprint"),
		Part:        field("part"),
		SHA256:      field("sha256"),
		Schema:      field("schema"),
		Format:      field("format"),
		Tool:        field("tool"),
		Replaces:    []string{},
		Ends:        pipeline.Ends(field("ends")),
		TimeColumn:  field("time_column"),
	}
	if m.Lineage == "" {
		return m, fmt.Errorf("no lineage among the metadata: kustash did not write it")
	}
	for name, into := range map[string]any{
		"start": &m.Start, "end": &m.End, "cut_from": &m.From, "cut": &m.To,
		"piece": &m.Piece, "pieces": &m.Pieces, "number": &m.Number, "rows": &m.Rows, "bytes": &m.Bytes,
		"columns": &m.Columns, "replaces": &m.Replaces,
	} {
		if text := field(name); text != "" {
			if err := parseField(text, into); err != nil {
				return m, fmt.Errorf("metadata %s %q: %w", name, text, err)
			}
		}
	}
	return m, nil
}

func parseField(text string, into any) error {
	at, ok := into.(*time.Time)
	if !ok {
		return json.Unmarshal([]byte(text), into)
	}
	tick, err := pipeline.ParseTime(text)
	*at = tick.Time()
	return err
}

// stamp writes an instant with seven digits; "" is no instant.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(pipeline.TimeLayout)
}

func listJSON(list any) string {
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // lists of strings and columns always marshal
	}
	return string(b)
}
