package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
)

// ReadFaults reads faults as JSON: a list of objects, or an object whose
// "faults" is one.
//
//	{"faults": [
//	  {"match": {"every": 7}, "action": {"status": 503, "body": "<html>busy</html>"}},
//	  {"match": {"query": "SigninLogs", "nth": 2}, "action": {"cut": true, "cut_after": 4096}}
//	]}
//
// The fields are those of Match and Action in lower case with underscores;
// durations are texts such as "1.5s", times RFC 3339, and "partial" is an
// object. An error names the field.
func ReadFaults(r io.Reader) ([]Fault, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	var list []json.RawMessage
	top := fields{"faults": into(&list)}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		err = into(&list)(raw)
	} else {
		err = top.read(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	faults := make([]Fault, len(list))
	for i, one := range list {
		if err := readFault(one, &faults[i]); err != nil {
			return nil, fmt.Errorf("read faults: %w", under(fmt.Sprintf("faults[%d]", i), err))
		}
	}
	if err := checkFaults(faults); err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	return faults, nil
}

func readFault(raw []byte, f *Fault) error {
	var match, action json.RawMessage
	if err := (fields{"match": into(&match), "action": into(&action)}).read(raw); err != nil {
		return err
	}
	if match != nil {
		if err := f.Match.fields().read(match); err != nil {
			return under("match", err)
		}
	}
	if action == nil {
		return under("action", errors.New("it is missing"))
	}
	return under("action", f.Action.fields().read(action))
}

func (m *Match) fields() fields {
	return fields{
		"route": into(&m.Route), "query": into(&m.Query), "from": into(&m.From), "to": into(&m.To),
		"nth": into(&m.Nth), "every": into(&m.Every), "probability": into(&m.Probability), "times": into(&m.Times),
	}
}

func (a *Action) fields() fields {
	return fields{
		"status": into(&a.Status), "body": into(&a.Body), "content_type": into(&a.ContentType),
		"retry_after": retryAfter(&a.RetryAfter), "cut": into(&a.Cut), "cut_after": into(&a.CutAfter),
		"delay": duration(&a.Delay), "drip": duration(&a.Drip), "takes": duration(&a.Takes),
		"error_first": into(&a.ErrorFirst), "rows_first": into(&a.RowsFirst),
		"statistics_rows": into(&a.StatisticsRows), "statistics_bytes": into(&a.StatisticsBytes),
		"no_statistics": into(&a.NoStatistics), "extra_table": into(&a.ExtraTable),
		"reset": into(&a.Reset), "end": into(&a.End), "end_after": into(&a.EndAfter),
		"corrupt_gzip": into(&a.CorruptGzip), "extra_keys": into(&a.ExtraKeys), "adx_values": into(&a.ADXValues),
		"unreadable": into(&a.Unreadable), "stale": into(&a.Stale),
		"partial": func(raw []byte) error {
			a.Partial = new(Partial)
			return a.Partial.fields().read(raw)
		},
	}
}

func (p *Partial) fields() fields {
	return fields{"code": into(&p.Code), "message": into(&p.Message), "severity": into(&p.Severity),
		"severity_name": into(&p.SeverityName)}
}

// fieldError is what is wrong with the field of a path.
type fieldError struct {
	path string
	err  error
}

func (e *fieldError) Error() string { return e.path + ": " + e.err.Error() }

// under puts an error, nil included, below a field.
func under(path string, err error) error {
	if err == nil {
		return nil
	}
	if inner, ok := err.(*fieldError); ok {
		return &fieldError{path + "." + inner.path, inner.err}
	}
	return &fieldError{path, err}
}

// fields is an object of a file: what reads the value of each key.
type fields map[string]func(raw []byte) error

// read reads an object and names the key of whatever is wrong.
func (f fields) read(raw []byte) error {
	var object map[string]json.RawMessage
	if err := into(&object)(raw); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		set, ok := f[key]
		if !ok {
			return under(key, fmt.Errorf("there is no such field%s", f.suggest(key)))
		}
		if err := set(object[key]); err != nil {
			return under(key, err)
		}
	}
	return nil
}

// suggest returns the nearest key as a question, or nothing.
func (f fields) suggest(key string) string {
	for _, known := range slices.Sorted(maps.Keys(f)) {
		if levenshtein.Distance(key, known, nil) <= 2 {
			return fmt.Sprintf("; did you mean %q?", known)
		}
	}
	return ""
}

// into reads a JSON value of the type of v.
func into(v any) func([]byte) error {
	return func(raw []byte) error {
		d := json.NewDecoder(bytes.NewReader(raw))
		if err := d.Decode(v); err != nil {
			return fmt.Errorf("%s is not %s", or(shorten(string(raw)), "an empty text"), wanted(v))
		}
		if _, err := d.Token(); err != io.EOF {
			return fmt.Errorf("something follows the value")
		}
		return nil
	}
}

// wanted names what a field takes.
func wanted(v any) string {
	switch v.(type) {
	case *string:
		return "a text"
	case *bool:
		return "true or false"
	case *int, *int64:
		return "a whole number"
	case *float64:
		return "a number"
	case *time.Time:
		return `a time such as "2026-01-31T08:30:00Z"`
	case *[]json.RawMessage:
		return "a list"
	}
	return "an object"
}

func duration(d *time.Duration) func([]byte) error {
	return func(raw []byte) error {
		var text string
		err := json.Unmarshal(raw, &text)
		if err == nil {
			*d, err = time.ParseDuration(text)
		}
		if err != nil {
			return fmt.Errorf(`%s is not a duration such as "1.5s"`, shorten(string(raw)))
		}
		return nil
	}
}

// retryAfter takes seconds as a number too.
func retryAfter(s *string) func([]byte) error {
	return func(raw []byte) error {
		var seconds uint32
		if json.Unmarshal(raw, &seconds) == nil {
			*s = fmt.Sprint(seconds)
			return nil
		}
		return into(s)(raw)
	}
}

// shorten keeps messages readable whatever stands in a file.
func shorten(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
