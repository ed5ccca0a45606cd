package pipeline

import (
	"fmt"
	"strings"
	"time"
)

// Selector picks queries, and a window of them, by address.
type Selector struct {
	text   string
	prefix string // all up to the key
	key    string // pattern of the key, with "*"
	keyed  bool
	window *Window
}

// ParseSelector reads ADDRESS or ADDRESS@FROM/TO. An address is query.NAME
// (every instance of it), query.NAME["key"] or query.NAME[key] with "*" for any
// text within the key, and workspace.NAME or sink.NAME for every query that
// uses it. FROM is inclusive, TO exclusive.
func ParseSelector(text string) (Selector, error) {
	s := Selector{text: text}
	key := strings.LastIndexByte(text, ']') + 1 // what stands within a key is the key's
	address, times, timed := strings.Cut(text[key:], "@")
	address = text[:key] + address
	if timed {
		from, to, ok := strings.Cut(times, "/")
		if !ok {
			return s, fmt.Errorf("%q: a window is written ADDRESS@FROM/TO", text)
		}
		start, err := ParseInstant(from)
		if err != nil {
			return s, fmt.Errorf("%q: %w", text, err)
		}
		end, err := ParseInstant(to)
		if err != nil {
			return s, fmt.Errorf("%q: %w", text, err)
		}
		if !start.Before(end) {
			return s, fmt.Errorf("%q: the window ends before it starts", text)
		}
		s.window = &Window{start, end}
	}
	s.prefix = address
	if open := strings.IndexByte(address, '['); open >= 0 {
		if !strings.HasSuffix(address, "]") {
			return s, fmt.Errorf("%q: the key's bracket is not closed", text)
		}
		s.prefix, s.keyed = address[:open], true
		s.key = strings.Trim(address[open+1:len(address)-1], `"'`)
	}
	kind, name, ok := strings.Cut(s.prefix, ".")
	if !ok || name == "" || (kind != "query" && kind != "workspace" && kind != "sink") {
		return s, fmt.Errorf("%q is no address; write query.NAME, query.NAME[\"key\"], workspace.NAME or sink.NAME", text)
	}
	return s, nil
}

// String returns the selector as it was given.
func (s Selector) String() string { return s.text }

// Matches reports whether the export, or something it uses, has the address.
func (s Selector) Matches(e Export) bool {
	if s.matches(e.Query.Address) || s.matches(e.Workspace) {
		return true
	}
	for _, t := range e.Targets {
		if s.matches(t.Address) {
			return true
		}
	}
	return false
}

// Names reports whether the selector is about exactly this address, or about
// the block that it is an instance of.
func (s Selector) Names(address string) bool { return s.matches(address) }

// Window returns the window that the selector names; Forever if it names none.
func (s Selector) Window() (w Window, given bool) {
	if s.window == nil {
		return Forever(), false
	}
	return *s.window, true
}

func (s Selector) matches(address string) bool {
	prefix, key, keyed := strings.Cut(address, "[")
	if prefix != s.prefix {
		return false
	}
	if !s.keyed {
		return true
	}
	return keyed && wild(s.key, strings.Trim(strings.TrimSuffix(key, "]"), `"`))
}

// Narrow returns the part of w that the selector names, widened to whole steps
// of the grid but not beyond w.
func (s Selector) Narrow(w Window, grid time.Duration) Window {
	if s.window == nil {
		return w
	}
	return Window{Floor(s.window.Start, grid), Ceil(s.window.End, grid)}.Intersect(w)
}

// wild matches a text against a pattern in which "*" stands for any text.
func wild(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	for i := len(head); i <= len(text); i++ {
		if wild(rest, text[i:]) {
			return true
		}
	}
	return false
}

// ParseInstant reads an absolute time: RFC 3339 with at most seven digits of
// fraction, minutes without seconds, or a date, which is its midnight in UTC.
func ParseInstant(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if t.Nanosecond()%int(TickSize) != 0 {
			return time.Time{}, fmt.Errorf("%q is finer than the service's clock, which has seven digits of a second", s)
		}
		if t = t.UTC(); t.Year() >= 1 && t.Year() <= 9999 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 2026-01-31 or 2026-01-31T08:30:00Z", s)
}
