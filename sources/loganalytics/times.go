package loganalytics

import (
	"maps"
	"strings"
	"time"
)

// times are the columns that tell the time of what a row was made from, each
// with a width: all of it lies in that multiple of the width in which the
// value lies. A width of 0 is the very time of one row of a table.
type times map[string]time.Duration

// without returns the columns but those.
func (t times) without(columns ...string) times {
	rest := maps.Clone(t)
	for _, c := range columns {
		delete(rest, c)
	}
	return rest
}

// with returns the columns and one more, in place of one of that name.
func (t times) with(column string, width time.Duration) times {
	all := maps.Clone(t)
	if all == nil {
		all = times{}
	}
	all[column] = width
	return all
}

// both returns the columns that tell the time in two sets of rows.
func (t times) both(u times) times {
	all := times{}
	for c, width := range t {
		if other, ok := u[c]; ok {
			if wide, ok := common(width, other); ok {
				all[c] = wide
			}
		}
	}
	return all
}

// instant says what an expression tells of the time of a row: ok is true if
// its value tells it up to a width. The name is that of the column that it
// makes where it is given none.
// The functions keep the name of their first argument, so that bin(T, 1h)
// makes a column T.
func (w *walker) instant(p part, in times) (name string, width time.Duration, ok bool) {
	p = w.bare(p)
	if name, end := w.name(p, p.from); name != "" && end == p.to {
		width, ok = in[name]
		return name, width, ok
	}
	function := w.at(p.from)
	if w.kind(p.from) != tokenName || w.in(p, p.from+1) != "(" || w.after(p.from+1) != p.to {
		return "", 0, false
	}
	if _, own := w.lookup(function); own {
		return "", 0, false
	}
	arguments := w.split(w.inside(p.from+1), ",")
	name, width, ok = w.instant(arguments[0], in)
	if !ok {
		return "", 0, false
	}
	var step time.Duration
	switch {
	case (function == "bin" || function == "floor") && len(arguments) == 2:
		step = w.span(arguments[1])
	case function == "startofday" && len(arguments) == 1:
		step = 24 * time.Hour
	case function == "todatetime" && len(arguments) == 1:
		return name, width, true
	}
	if step == 0 {
		return "", 0, false
	}
	width, ok = common(width, step)
	return name, width, ok
}

// assigned reads one of a list of columns: what it is called, "" if that is not
// written, and what it is made of.
func (w *walker) assigned(p part) (columns []string, value part) {
	if name, at := w.name(p, p.from); name != "" && w.in(p, at) == "=" {
		return []string{name}, part{at + 1, p.to}
	}
	if w.at(p.from) == "(" && w.in(p, w.after(p.from)) == "=" {
		for _, one := range w.split(w.inside(p.from), ",") {
			if name, _ := w.name(one, one.from); name != "" {
				columns = append(columns, name)
			}
		}
		return columns, part{w.after(p.from) + 1, p.to}
	}
	return nil, p
}

// mentioned returns the columns of t that stand anywhere in p, also in
// brackets.
func (w *walker) mentioned(p part, t times) []string {
	var all []string
	for i := p.from; i < p.to; i++ {
		name := w.at(i)
		if w.kind(i) == tokenText && len(name) > 1 {
			name = unquote(name)
		}
		if _, ok := t[name]; ok {
			all = append(all, name)
		}
	}
	return all
}

// columns returns the columns that tell the time behind a row-wise operator.
func (w *walker) columns(word string, p part, in times) times {
	switch word {
	case "where", "filter", "project-reorder", "render":
		return in
	case "extend":
		out := in
		for _, one := range w.split(p, ",") {
			out = w.extended(one, out)
		}
		return out
	case "project":
		return w.projected(p, in)
	case "project-rename":
		out := in
		for _, one := range w.split(p, ",") {
			names, value := w.assigned(one)
			name, width, ok := w.instant(value, in)
			if out = out.without(append(names, name)...); ok && len(names) == 1 {
				out = out.with(names[0], width)
			}
		}
		return out
	case "project-away", "project-keep":
		out := times{}
		for c, width := range in {
			if w.listed(p, c) == (word == "project-keep") {
				out[c] = width
			}
		}
		return out
	case "project-by-names":
		return nil
	}
	// What is left makes columns of any name that it mentions.
	return in.without(w.mentioned(p, in)...)
}

// projected returns the columns that tell the time in a list that makes new
// rows. Of two with one name the first has it.
func (w *walker) projected(p part, in times) times {
	out, taken := times{}, map[string]bool{}
	for _, one := range w.split(p, ",") {
		names, value := w.assigned(one)
		name, width, ok := w.instant(value, in)
		switch {
		case len(names) > 0:
			ok = ok && len(names) == 1
		case ok:
			names = []string{name}
		default:
			names = w.mentioned(value, in)
		}
		if ok && !taken[names[0]] {
			out[names[0]] = width
		}
		for _, name := range names {
			taken[name] = true
		}
	}
	return out
}

// extended returns the columns that tell the time after one part of an extend.
// Parts in front of it count as done, so that nothing is taken for the time
// that is overwritten beside it.
func (w *walker) extended(p part, in times) times {
	names, value := w.assigned(p)
	name, width, ok := w.instant(value, in)
	switch {
	case ok && len(names) == 1:
		return in.with(names[0], width)
	case ok && len(names) == 0:
		return in.with(name, width)
	case len(names) == 0:
		return in.without(w.mentioned(value, in)...)
	}
	return in.without(names...)
}

// listed reports whether a list of columns, some with an asterisk, has one.
func (w *walker) listed(p part, column string) bool {
	for _, one := range w.split(p, ",") {
		if name, end := w.name(one, one.from); name == column && end == one.to {
			return true
		}
		start, length := w.offset(one)
		if pattern := w.text[start : start+length]; strings.Contains(pattern, "*") && matches(pattern, column) {
			return true
		}
	}
	return false
}

// matches reports whether text has the form of a pattern, in which an asterisk
// is any text.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, first) || !strings.HasSuffix(text[len(first):], last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		at := strings.Index(text, p)
		if at < 0 {
			return false
		}
		text = text[at+len(p):]
	}
	return true
}

// comparisons are the operators of a filter.
var comparisons = names("< > <= >= == between in")

// filtered notes where a condition compares the column that slices are cut on
// with something that no row holds.
func (w *walker) filtered(p part) {
	for i := p.from; i < p.to; i++ {
		if w.at(i) != w.column || w.kind(i) != tokenName || w.at(i-1) == "." {
			continue
		}
		next := i + 1
		if w.in(p, next) == "!" {
			next++
		}
		if comparisons[w.in(p, next)] && w.fixed(p, next+1) ||
			comparisons[w.in(p, i-1)] && w.in(p, i-2) == ")" && w.fixed(p, w.match[i-2]-1) {
			w.filters = append(w.filters, part{i, i + 1})
		}
	}
}

// fixed reports whether a value begins at i that no row holds.
func (w *walker) fixed(p part, i int) bool {
	for w.in(p, i) == "(" {
		i++
	}
	name := w.in(p, i)
	if _, known := w.lookup(name); known {
		return true
	}
	return name == "datetime" || name == "todatetime" || name == "make_datetime" || name == "date" || name == "ago" || name == "now"
}
