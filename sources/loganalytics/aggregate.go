package loganalytics

import (
	"fmt"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// group notes that rows are put together whose time is the same up to width;
// ok is false if no slice is wide enough for what that makes.
func (w *walker) group(head part, width time.Duration) (ok bool) {
	// Rows of one instant lie in one slice, but not in one part of it.
	atom, ok := common(w.atom, max(width, pipeline.TickSize))
	if !ok {
		w.refuse(head, "Bins too wide", "All bins of the query begin together only once in more than %d days, and no slice may be narrower than that. "+
			"Use bins of which the widest is a multiple of the others.", maxDays)
		return false
	}
	w.atom = atom
	return true
}

// summarize allows an aggregation within pieces of time.
func (w *walker) summarize(head, p part, input shape) shape {
	w.scalar(p)
	values, keys := p, part{p.to, p.to}
	if by := w.find(p, "by"); by >= 0 {
		values, keys = part{p.from, by}, part{by + 1, p.to}
	}
	out := w.projected(keys, input.times)
	for _, one := range w.split(values, ",") {
		names, _ := w.assigned(one) // the name may be the key's, or the value's
		out = out.without(names...)
	}
	w.pick(values)
	return w.aggregate("summarize", head, keys, input, out)
}

// pick refuses aggregates that return one of several rows. Within whole bins
// they would be right, but of rows that tie another may come at each reading.
func (w *walker) pick(values part) {
	for i := values.from; i < values.to; i++ {
		switch name := w.at(i); name {
		case "arg_max", "arg_min", "argmax", "argmin":
			if w.kind(i) == tokenName && w.in(values, i+1) == "(" {
				w.refuse(part{i, i + 1}, "One of several rows", "%s returns one row of each group, of several with the same value any one, so that two readings of a slice may differ. "+
					"If that does no harm and the groups are bins of time, set assume_sliceable = true; slices keep to whole bins.", name)
			}
		}
	}
}

// distinct is a summarize without values.
func (w *walker) distinct(head, p part, input shape) shape {
	w.scalar(p)
	out := w.projected(p, input.times)
	if w.at(p.from) == "*" {
		out = input.times
	}
	return w.aggregate("distinct", head, p, input, out)
}

// aggregate judges rows put together by keys; out are the columns of the result
// that tell the time.
func (w *walker) aggregate(word string, head, keys part, input shape, out times) shape {
	width, ok := w.finest(keys, input.times, word == "pivot")
	if ok && w.group(head, width) {
		return shape{kind: input.kind, times: out}
	}
	if !ok {
		w.refuse(head, summaryOperator, "%s %s", word, w.whyWhole(keys, input))
	}
	return shape{kind: isMixed, times: out}
}

// finest returns the least width of the keys that tell the time. A bare name
// counts only where the operator has no other keys than columns: in all others
// the bin has to be seen.
func (w *walker) finest(keys part, in times, bare bool) (least time.Duration, ok bool) {
	for _, one := range w.split(keys, ",") {
		_, value := w.assigned(one)
		_, width, tells := w.instant(value, in)
		if tells && (bare || width > 0 && w.find(w.bare(value), "(") >= 0) && (!ok || width < least) {
			least, ok = width, true
		}
	}
	return least, ok
}

// otherGrids are functions of the time whose steps are not the multiples of
// one width since the year 1, in which slices are cut.
var otherGrids = names("startofweek startofmonth startofyear endofday endofweek endofmonth endofyear bin_at bin_auto getmonth getyear monthofyear week_of_year")

// whyWhole says why none of the keys tells the time.
func (w *walker) whyWhole(keys part, input shape) string {
	switch {
	case w.perRow > 0:
		return "aggregates rows. Within mv-apply it does no harm if it puts together nothing but the values of one row; then set assume_sliceable = true."
	case input.kind == isConstant:
		return "aggregates rows of a list. It does no harm if the list is the same in every slice; then set assume_sliceable = true."
	}
	for i := keys.from; i < keys.to; i++ {
		if w.kind(i) != tokenName || w.in(keys, i+1) != "(" {
			continue
		}
		if why := w.whyNoBin(w.at(i), w.split(w.inside(i+1), ","), input.times); why != "" {
			return "aggregates rows by " + why
		}
	}
	for _, one := range w.split(keys, ",") {
		if name, width, tells := w.instant(one, input.times); tells && width > 0 {
			return fmt.Sprintf("aggregates rows by %s, which is a bin of the time made further up. Write bin(%s, ...) of the same width here, so that it can be seen.", name, name)
		}
	}
	return "aggregates rows whatever their time, so the answer over the window is not that of its slices put together. " +
		fmt.Sprintf("Add bin(%s, 1h), or another width, to what it groups by.", w.column)
}

// whyNoBin says why a call within a key makes no bin that slices can keep to,
// or nothing.
func (w *walker) whyNoBin(function string, arguments []part, in times) string {
	if otherGrids[function] {
		return fmt.Sprintf("%s, whose steps are not the multiples of one width in which slices are cut. "+
			"Use bin(%s, 1d) and put days together later, or bin(%s, 7d) for weeks from Monday on.", function, w.column, w.column)
	}
	if function != "bin" && function != "floor" || len(arguments) != 2 {
		return ""
	}
	_, _, tells := w.instant(arguments[0], in)
	name, end := w.name(arguments[0], arguments[0].from)
	switch {
	case tells && w.span(arguments[1]) > 0:
		return fmt.Sprintf("bins of more than %d days together, and no slice may be narrower than that. Use narrower bins and put them together later.", maxDays)
	case tells:
		return "a bin whose width cannot be told from the text. Write it as a literal such as 1h, or as a let of one."
	case name == w.column && end == arguments[0].to:
		return fmt.Sprintf("%s, which is not the column of the table any more at this place. Keep the table's own %s for its bins.", w.column, w.column)
	}
	return ""
}

// plugin walks evaluate.
func (w *walker) plugin(head, p part, input shape) shape {
	name := w.in(p, p.from)
	open := p.from + 1
	if w.in(p, open) != "(" {
		w.scalar(p)
		return w.refuse(head, summaryOperator, "Whether this evaluate can be cut in time cannot be told.")
	}
	arguments := w.split(w.inside(open), ",")
	schema := part{w.after(open), p.to}
	w.scalar(part{open, p.to})
	switch {
	case name == "bag_unpack":
		if w.at(schema.from) == ":" && !schema.empty() && w.in(schema, schema.from+2) != "*" {
			input.times = w.only(schema, input.times)
		}
		for _, one := range arguments[1:] {
			if len(w.mentioned(one, times{"replace_source": 0})) > 0 {
				input.times = nil
			}
		}
		return input
	case name == "ipv4_lookup" || name == "ipv6_lookup":
		if list, end := w.name(arguments[0], arguments[0].from); list != "" && end == arguments[0].to {
			if s, ok := w.lookup(list); ok && s.kind == isConstant {
				return input
			}
		}
		return w.refuse(head, "Join of two reads", "%s pairs rows with those of another read, which a slice cuts as well.", name)
	case name == "pivot" && len(arguments) > 2:
		// It groups by the columns that are named behind the first two.
		keys := part{arguments[2].from, arguments[len(arguments)-1].to}
		return w.aggregate("pivot", head, keys, input, w.projected(keys, input.times))
	}
	return w.refuse(head, summaryOperator, "Whether evaluate %s can be cut in time cannot be told.", name)
}

// only returns those of t that p mentions.
func (w *walker) only(p part, t times) times {
	out := times{}
	for _, c := range w.mentioned(p, t) {
		out[c] = t[c]
	}
	return out
}
