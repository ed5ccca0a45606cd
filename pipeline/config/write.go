package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Style says how diagnostics are written.
type Style struct {
	Width int  // columns; 0 does not wrap
	Color bool // with terminal escapes
}

// WriteDiagnostics writes diagnostics for people, each with its place and the
// source line, which is taken from files. Names and texts from the pipeline
// are shown without control characters.
func WriteDiagnostics(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics, s Style) error {
	var b bytes.Buffer
	for i, d := range diags {
		if i > 0 {
			b.WriteByte('\n')
		}
		s.write(&b, files, d)
	}
	_, err := w.Write(b.Bytes())
	return err
}

const (
	red       = "31"
	yellow    = "33"
	bold      = "1"
	underline = "4"
)

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s Style) write(b *bytes.Buffer, files map[string]*hcl.File, d *hcl.Diagnostic) {
	severity := s.paint(red, "Error:")
	if d.Severity == hcl.DiagWarning {
		severity = s.paint(yellow, "Warning:")
	}
	fmt.Fprintf(b, "%s %s\n\n", severity, s.paint(bold, printable(d.Summary)))
	if d.Subject != nil {
		s.quote(b, files[d.Subject.Filename], *d.Subject)
	}
	for line := range strings.SplitSeq(d.Detail, "\n") {
		b.WriteString(wrap(printable(line), s.Width))
		b.WriteByte('\n')
	}
}

// quote writes the place and the first line of the source that is meant.
func (s Style) quote(b *bytes.Buffer, file *hcl.File, at hcl.Range) {
	name := printable(at.Filename)
	if at.Start.Line == 0 { // a file as a whole
		fmt.Fprintf(b, "  on %s\n\n", name)
		return
	}
	fmt.Fprintf(b, "  on %s line %d%s:\n", name, at.Start.Line, within(file, at))
	line, from, to, ok := sourceLine(file, at)
	if !ok {
		b.WriteByte('\n')
		return
	}
	head, mid, tail := printable(line[:from]), printable(line[from:to]), printable(line[to:])
	fmt.Fprintf(b, "%4d: %s%s%s\n", at.Start.Line, head, s.paint(underline, mid), tail)
	if !s.Color && mid != "" {
		blank := strings.Map(func(r rune) rune {
			if r == '\t' {
				return r
			}
			return ' '
		}, head)
		fmt.Fprintf(b, "      %s%s\n", blank, strings.Repeat("^", max(1, len([]rune(mid)))))
	}
	b.WriteByte('\n')
}

// within names the block around a place.
func within(file *hcl.File, at hcl.Range) string {
	if file == nil {
		return ""
	}
	nav, ok := file.Nav.(interface{ ContextString(int) string })
	if !ok {
		return ""
	}
	if text := nav.ContextString(at.Start.Byte); text != "" {
		return ", in " + printable(text)
	}
	return ""
}

// sourceLine returns the line a place begins in, and which bytes of it are
// meant.
func sourceLine(file *hcl.File, at hcl.Range) (line string, from, to int, ok bool) {
	if file == nil || at.Start.Byte < 0 || at.Start.Byte > len(file.Bytes) {
		return "", 0, 0, false
	}
	begin := bytes.LastIndexByte(file.Bytes[:at.Start.Byte], '\n') + 1
	end := len(file.Bytes)
	if i := bytes.IndexByte(file.Bytes[at.Start.Byte:], '\n'); i >= 0 {
		end = at.Start.Byte + i
	}
	line = strings.TrimRight(string(file.Bytes[begin:end]), "\r")
	from = min(at.Start.Byte-begin, len(line))
	to = min(max(from, at.End.Byte-begin), len(line))
	if from == to && to < len(line) {
		to++
	}
	return line, from, to, true
}

// printable replaces control characters, which could rewrite a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if (r < ' ' && r != '\t') || (r >= 0x7f && r < 0xa0) || r == '\u2028' || r == '\u2029' || (r >= '\u202a' && r <= '\u202e') || (r >= '\u2066' && r <= '\u2069') {
			return '\ufffd'
		}
		return r
	}, s)
}

// wrap breaks a text at spaces so that no line is longer than width, where
// that is possible.
func wrap(text string, width int) string {
	if width <= 0 {
		return text
	}
	var b strings.Builder
	column := 0
	for word := range strings.SplitSeq(text, " ") {
		n := len([]rune(word))
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// jsonDiagnostic is a diagnostic in the output of -json.
type jsonDiagnostic struct {
	Severity string     `json:"severity"`
	Summary  string     `json:"summary"`
	Detail   string     `json:"detail"`
	Range    *jsonRange `json:"range,omitempty"`
	Source   string     `json:"source,omitempty"` // the first line
}

type jsonRange struct {
	File  string  `json:"file"`
	Start jsonPos `json:"start"`
	End   jsonPos `json:"end"`
}

type jsonPos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// DiagnosticJSON returns one diagnostic as a JSON object with severity
// ("error" or "warning"), summary, detail, range (file, and start and end with
// line, column and byte, the first two counted from 1) and source line.
func DiagnosticJSON(files map[string]*hcl.File, d *hcl.Diagnostic) json.RawMessage {
	j := jsonDiagnostic{Severity: "error", Summary: d.Summary, Detail: d.Detail}
	if d.Severity == hcl.DiagWarning {
		j.Severity = "warning"
	}
	if at := d.Subject; at != nil {
		j.Range = &jsonRange{at.Filename, jsonPos(at.Start), jsonPos(at.End)}
		if line, _, _, ok := sourceLine(files[at.Filename], *at); ok {
			j.Source = line
		}
	}
	text, err := json.Marshal(j)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return text
}
