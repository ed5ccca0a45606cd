package loganalytics

import "strings"

// rowWise are the operators that make each row from one row.
var rowWise = map[string]bool{
	"where": true, "filter": true, "extend": true, "project": true, "project-away": true, "project-keep": true,
	"project-rename": true, "project-reorder": true, "project-by-names": true, "parse": true, "parse-where": true,
	"parse-kv": true, "mv-expand": true, "mvexpand": true, "render": true,
}

// whole are the operators whose answer over a window is not that of its
// slices put together, with what they do.
var whole = map[string]string{
	"summarize": "aggregates rows", "distinct": "compares rows with each other", "count": "aggregates rows",
	"take": "picks some of the rows", "limit": "picks some of the rows", "top": "picks some of the rows",
	"sample": "picks some of the rows", "sample-distinct": "picks some of the rows", "top-nested": "aggregates rows",
	"top-hitters": "aggregates rows", "make-series": "aggregates rows", "serialize": "depends on the order of rows",
	"scan": "depends on the order of rows", "partition": "treats groups of rows", "reduce": "aggregates rows",
	"fork": "returns several results", "facet": "returns several results", "find": "reads tables of its own",
	"search": "does not name its columns", "getschema": "describes the answer", "consume": "returns no rows",
	"make-graph": "relates rows to each other", "graph-match": "relates rows to each other",
	"graph-merge": "relates rows to each other", "graph-to-table": "relates rows to each other",
	"graph-shortest-paths": "relates rows to each other", "graph-mark-components": "relates rows to each other",
	"assert-schema": "checks the columns", "macro-expand": "runs for several tables", "execute_and_cache": "keeps the answer",
}

// crossRow are functions that look at other rows.
var crossRow = map[string]bool{
	"prev": true, "next": true, "row_number": true, "row_cumsum": true, "row_rank_dense": true, "row_rank_min": true,
	"row_window_session": true, "cursor_after": true, "cursor_before_or_at": true, "cursor_current": true,
	"current_cursor": true,
}

// scalarFunctions are those whose result is a value wherever they stand in a
// let; any other function may return rows.
var scalarFunctions = names(`abs ago array_concat array_length array_slice array_sort_asc array_sort_desc
	base64_decode_tostring base64_encode_tostring bag_keys bag_merge bag_pack bin case ceiling coalesce countof datetime
	datetime_add datetime_diff datetime_part dayofmonth dayofweek dayofyear decimal double dynamic endofday endofmonth
	endofweek endofyear extract extract_all floor format_datetime format_timespan geo_point_to_s2cell getmonth getyear guid
	has_any_index hash hash_md5 hash_sha256 hourofday iff iif indexof int ipv4_compare isempty isnotempty isnotnull isnull
	long make_datetime make_list make_set make_string make_timespan materialize_view max_of min_of monthofyear new_guid
	not now pack pack_array pack_dictionary parse_ipv4 parse_json parse_path parse_url parse_xml pow range real regex_quote
	repeat replace replace_regex replace_string reverse round set_difference set_intersect set_union split startofday
	startofmonth startofweek startofyear strcat strcat_array strcat_delim string strlen substring time timespan tobool
	todatetime todecimal todouble todynamic toguid toint tolong tolower toreal toscalar tostring totimespan toupper translate
	trim trim_end trim_start typeof unixtime_milliseconds_todatetime unixtime_seconds_todatetime url_decode url_encode
	week_of_year zip bool boolean date`)

func names(list string) map[string]bool {
	set := make(map[string]bool)
	for _, name := range strings.Fields(list) {
		set[name] = true
	}
	return set
}

const summaryOperator = "Operator needs the whole window"

// operator walks what stands between two pipes and returns the shape of its
// result.
func (w *walker) operator(p part, input shape) shape {
	word, rest := w.word(p)
	head := part{p.from, max(rest.from, min(p.from+1, p.to))}
	switch {
	case rowWise[word]:
		w.scalar(rest)
		return input
	case word == "sort" || word == "order":
		w.scalar(rest)
		if w.perRow == 0 {
			w.warn(head, "Order within a slice only", "%s orders the rows of each slice, not those of the archive.", word)
		}
		return input
	case word == "as":
		if name, _ := w.name(rest, rest.from); name != "" {
			w.define(name, input)
		}
		return input
	case word == "union":
		return w.union(rest, input)
	case word == "join" || word == "lookup":
		return w.join(head, word, rest, input)
	case word == "mv-apply" || word == "mvapply":
		return w.apply(rest, input)
	case word == "invoke":
		return w.invoke(head, rest, input)
	case word == "evaluate":
		w.scalar(rest)
		if w.in(rest, rest.from) == "bag_unpack" {
			return input
		}
		return w.refuse(head, summaryOperator, "Whether evaluate %s can be cut in time cannot be told.", w.in(rest, rest.from))
	}
	switch word {
	case "fork", "partition", "facet":
		w.branches(rest, word == "fork")
	default:
		w.scalar(rest)
	}
	if does := whole[word]; does != "" {
		return w.refuse(head, summaryOperator, "%s %s, so the answer over the window is not that of its slices put together.", word, does)
	}
	return w.refuse(head, "Unknown operator", "Whether %q can be cut in time is not known.", w.at(p.from))
}

// branches walks an operator that holds further ones in all of its brackets,
// or in the last.
func (w *walker) branches(p part, all bool) {
	for i := p.from; i < p.to; i = w.after(i) {
		if w.at(i) == "(" && (all || w.after(i) == p.to) {
			w.operators(w.inside(i))
		} else if w.match[i] > i {
			w.bracket(i, w.in(p, i-1))
		}
	}
}

// operators walks operators that stand without a source.
func (w *walker) operators(p part) {
	if w.depth++; w.depth <= maxNesting {
		for _, segment := range w.split(p, "|") {
			w.operator(segment, isRows)
		}
	}
	w.depth--
}

// joinsKept are the kinds of join that return for each row of the left side
// what it has with the right side, whatever the other rows are. The default,
// innerunique, drops rows with a key that another row has.
var joinsKept = map[string]map[string]bool{
	"join":   {"inner": true, "leftouter": true, "leftsemi": true, "leftanti": true, "anti": true, "leftantisemi": true},
	"lookup": {"": true, "inner": true, "leftouter": true},
}

func (w *walker) join(head part, word string, p part, input shape) shape {
	kind := ""
	for w.kind(p.from) == tokenName && (w.in(p, p.from+1) == "=" || w.in(p, p.from+1) == ".") {
		if w.at(p.from) == "kind" {
			kind = w.in(p, p.from+2)
		}
		p.from += 2
		if w.at(p.from-1) == "=" {
			p.from++
		}
	}
	on := w.find(p, "on")
	if on < 0 {
		on = p.to
	}
	right := w.source(part{p.from, on})
	w.scalar(part{on, p.to})
	switch {
	case right == isConstant && joinsKept[word][kind]:
		return input
	case right == isConstant && kind == "":
		return w.refuse(head, "Join without a kind", "The default kind of join keeps one row per key, so rows of different slices depend on each other; kind=inner keeps all.")
	case right == isMixed && input == isMixed:
		return isMixed // said already
	}
	return w.refuse(head, "Join of two reads", "%s pairs rows of two reads; pairs across the bound of a slice would be lost.", word)
}

// apply walks mv-apply, whose operators run for the values of one row.
func (w *walker) apply(p part, input shape) shape {
	on := w.find(p, "on")
	if on < 0 || w.in(p, on+1) != "(" {
		w.scalar(p)
		return w.refuse(p, "Unknown operator", "This form of mv-apply is not known.")
	}
	w.scalar(part{p.from, on})
	w.perRow++
	w.operators(w.inside(on + 1))
	w.perRow--
	return input
}

func (w *walker) invoke(head, p part, input shape) shape {
	w.scalar(part{p.from + 1, p.to})
	name := w.in(p, p.from)
	switch s, ok := w.lookup(name); {
	case ok && s == isRows:
		return input
	case ok && s == isMixed:
		return isMixed
	}
	w.loose = append(w.loose, head)
	return w.refuse(head, "Function of the workspace", "%s is a function that the text does not define, so whether it can be cut in time cannot be told.", name)
}

// listTests take a list in brackets, or a table.
var listTests = map[string]bool{"in": true, "has_any": true, "has_all": true}

// scalar walks an expression that is no rows by itself and finds the reads in
// it.
func (w *walker) scalar(p part) {
	for i := p.from; i < p.to; i = w.after(i) {
		text := w.at(i)
		switch {
		case w.match[i] > i:
			w.bracket(i, w.in(p, i-1))
		case w.kind(i) != tokenName || w.at(i-1) == ".":
		case w.in(p, i+1) == "(":
			w.called(i, text)
		default:
			// What is unknown is a value here: rows could not stand in this place.
			if s, ok := w.lookup(text); ok && (s == isRows || s == isMixed) && w.in(p, i+1) != "=" {
				w.second(part{i, i + 1}, s)
			}
		}
	}
}

// called notes what a call at i means for slices; its arguments are walked
// by the caller.
func (w *walker) called(i int, name string) {
	call := part{i, i + 1}
	switch {
	case name == "ago" || name == "now":
		w.relative = append(w.relative, i)
	case w.perRow == 0 && (crossRow[name] || strings.HasPrefix(name, "series_")):
		w.refuse(call, "Function of several rows", "%s looks at other rows, which may lie in another slice.", name)
	default:
		if s, ok := w.lookup(name); ok && s != isValue && s != isConstant {
			w.second(call, s)
		}
	}
}

// bracket walks what a bracket at i holds; before is the token in front.
func (w *walker) bracket(i int, before string) {
	inner := w.inside(i)
	if w.depth++; w.depth > maxNesting {
		w.loose = append(w.loose, inner)
		w.refuse(inner, "Query too deep", "Brackets are nested deeper than %d levels.", maxNesting)
		w.depth--
		return
	}
	defer func() { w.depth-- }()
	name, end := w.name(inner, inner.from)
	alone := name != "" && end == inner.to
	switch {
	case before == "toscalar" || before == "materialize":
		if s := w.pipe(inner); s != isConstant {
			w.second(inner, s)
		}
	case w.at(i) == "(" && w.isTabular(inner):
		if s := w.pipe(inner); s != isConstant {
			w.second(inner, s)
		}
	case alone && w.at(i) == "(" && (listTests[before] || before == "~"):
		if s, ok := w.lookup(name); !ok {
			w.loose = append(w.loose, inner)
			w.refuse(inner, "Table or column", "Whether %s is a table or a column cannot be told.", name)
		} else if s != isValue && s != isConstant {
			w.second(inner, s)
		}
	default:
		w.scalar(inner)
	}
}

// second refuses rows in the midst of an expression.
func (w *walker) second(p part, s shape) {
	if s == isUnknown {
		w.loose = append(w.loose, p)
	}
	w.refuse(p, "Second read", "Rows are compared with those of another read, which a slice cuts as well.")
}
