package csv

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sinks"
)

// dialect is all that a reader must know.
type dialect struct {
	header     bool
	delimiter  byte
	null       string // the text of a null
	escape     bool   // line ends and backslashes
	neutralise bool   // texts that are formulas for spreadsheets
}

// plain is the dialect without settings.
var plain = dialect{header: true, delimiter: ','}

// settings returns what differs from the plain dialect.
func (d dialect) settings() (s []sinks.Setting) {
	if !d.header {
		s = append(s, sinks.Setting{Name: "header", Value: "false"})
	}
	if d.delimiter != ',' {
		s = append(s, sinks.Setting{Name: "delimiter", Value: string(d.delimiter)})
	}
	if d.null != "" {
		s = append(s, sinks.Setting{Name: "null", Value: d.null})
	}
	if d.escape {
		s = append(s, sinks.Setting{Name: "newline", Value: "escape"})
	}
	if d.neutralise {
		s = append(s, sinks.Setting{Name: "formulas", Value: "neutralise"})
	}
	return s
}

// dialectOf returns the dialect of an object from its metadata.
func dialectOf(m sinks.Metadata) (dialect, error) {
	d := plain
	settings, err := sinks.ParseSettings(m.Format)
	if err != nil {
		return d, err
	}
	for _, s := range settings {
		switch {
		case s.Name == "null":
			d.null = s.Value
		case s.Name == "delimiter" && len(s.Value) == 1:
			d.delimiter = s.Value[0]
		case s == sinks.Setting{Name: "header", Value: "false"}:
			d.header = false
		case s == sinks.Setting{Name: "newline", Value: "escape"}:
			d.escape = true
		case s == sinks.Setting{Name: "formulas", Value: "neutralise"}:
			d.neutralise = true
		default:
			return d, fmt.Errorf("it was written with %s = %q, which this version does not know", s.Name, s.Value)
		}
	}
	return d, nil
}

// maxNull is how long the text of a null may be. Stores keep it with each file.
const maxNull = 64

func checkNull(d dialect) error {
	var err error
	switch {
	case len(d.null) > maxNull:
		err = fmt.Errorf("it has %d bytes, more than %d", len(d.null), maxNull)
	case d.null != "" && d.needsQuotes(d.null):
		err = fmt.Errorf("%q holds the delimiter, a quote or a line end, or begins or ends with a space: within quotes it would be a text", d.null)
	default:
		return nil
	}
	return &pipeline.SettingError{Name: "null", Err: err}
}

// appendField appends a text that is no null, in quotes where readers would
// else read another one: where it holds the delimiter, a quote or a line end,
// begins or ends with a space, is empty or the text of a null.
func (d dialect) appendField(dst []byte, s string) []byte {
	if s != d.null && !d.needsQuotes(s) {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

func (d dialect) needsQuotes(s string) bool {
	if s == "" || isSpace(s[0]) || isSpace(s[len(s)-1]) {
		return true
	}
	for i := range len(s) {
		switch s[i] {
		case d.delimiter, '"', '\r', '\n':
			return true
		}
	}
	return false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// neutralises reports whether values of the type may be formulas. Times,
// timespans and decimals are texts of the service's own making.
func (d dialect) neutralises(t pipeline.Type) bool {
	return d.neutralise && (t == pipeline.String || t == pipeline.Dynamic || t == pipeline.GUID)
}

// mark returns a text as the dialect writes it: with an apostrophe before a
// formula if formulas says so, and without line ends. unmark is its inverse.
func (d dialect) mark(s string, formulas bool) string {
	if formulas && isFormula(strings.TrimLeft(s, "'")) {
		s = "'" + s
	}
	if d.escape && strings.ContainsAny(s, "\\\r\n") {
		s = escapes.Replace(s)
	}
	return s
}

// isFormula reports whether spreadsheets may compute a cell of this text. A
// text with apostrophes before it gets another one, so that one can be taken
// from each.
func isFormula(s string) bool { return s != "" && strings.IndexByte("=+-@\t\r\n", s[0]) >= 0 }

var escapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)

// unmark returns the text that mark got. It changes text, and returns a part
// of it.
func (d dialect) unmark(text []byte, formulas bool) ([]byte, error) {
	if d.escape {
		var err error
		if text, err = unescape(text); err != nil {
			return nil, err
		}
	}
	if !formulas {
		return text, nil
	}
	bare := 0 // apostrophes
	for bare < len(text) && text[bare] == '\'' {
		bare++
	}
	switch {
	case bare == len(text) || !isFormula(string(text[bare:bare+1])):
		return text, nil
	case bare == 0:
		return nil, fmt.Errorf("%.60q is a formula", text)
	}
	return text[1:], nil
}

// unescape undoes escapes in place.
func unescape(text []byte) ([]byte, error) {
	done := text[:0]
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch c {
		case '\n', '\r':
			return nil, fmt.Errorf("%.60q holds a line end", text)
		case '\\':
			if i++; i == len(text) {
				return nil, errors.New("it ends in half an escape")
			}
			switch c = text[i]; c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case '\\':
			default:
				return nil, fmt.Errorf("the escape \\%c is unknown", c)
			}
		}
		done = append(done, c)
	}
	return done, nil
}
