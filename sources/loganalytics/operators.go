package loganalytics

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// rowWise are the operators that make each row from one row.
var rowWise = map[string]bool{
	"where": true, "filter": true, "extend": true, "project": true, "project-away": true, "project-keep": true,
	"project-rename": true, "project-reorder": true, "project-by-names": true, "parse": true, "parse-where": true,
	"parse-kv": true, "mv-expand": true, "mvexpand": true, "render": true,
}

// whole are the operators whose answer over a window is not that of its
// slices put together, with what they do.
var whole = map[string]string{
	"count": "aggregates rows",
	"take":  "picks some of the rows", "limit": "picks some of the rows", "top": "picks some of the rows",
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
	"prev": true, "next": true, "row_number": true, "row_cumsum": true, "row_rank": true, "row_rank_dense": true, "row_rank_min": true,
	"row_window_session": true, "cursor_after": true, "cursor_before_or_at": true, "cursor_current": true,
	"current_cursor": true,
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
		if word == "where" || word == "filter" {
			w.filtered(rest)
		}
		input.times = w.columns(word, rest, input.times)
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
		return w.plugin(head, rest, input)
	case word == "summarize":
		return w.summarize(head, rest, input)
	case word == "distinct":
		return w.distinct(head, rest, input)
	}
	return w.other(word, head, rest, input)
}

// other refuses an operator that needs the whole window, or one not known.
func (w *walker) other(word string, head, rest part, input shape) shape {
	switch word {
	case "fork", "partition", "facet":
		w.branches(rest, word == "fork", input)
	default:
		w.scalar(rest)
	}
	does := whole[word]
	switch {
	case does != "":
		w.refuse(head, summaryOperator, "%s %s, so the answer over the window is not that of its slices put together.", word, does)
	case head.empty():
		w.refuse(head, "Missing operator", "Nothing follows this |; take it out, or say what is to be done.")
	default:
		w.refuse(head, "Unknown operator", "Whether %q can be cut in time is not known.%s", w.at(head.from), likeOperator(word))
	}
	return shape{kind: isMixed, times: input.times}
}

// likeOperator suggests the operator that a misspelled word may mean.
func likeOperator(word string) string {
	if len(word) < 3 {
		return ""
	}
	known := slices.Concat(slices.Collect(maps.Keys(rowWise)), slices.Collect(maps.Keys(whole)), []string{"summarize", "distinct", "join", "lookup", "union", "sort", "order", "invoke", "evaluate", "mv-apply", "as"})
	slices.Sort(known)
	for _, name := range known {
		if levenshtein.Distance(strings.ToLower(word), name, nil) <= len(name)/4 {
			return fmt.Sprintf(" Did you mean %q?", name)
		}
	}
	return ""
}

// branches walks an operator that holds further ones in all of its brackets,
// or in the last.
func (w *walker) branches(p part, all bool, input shape) {
	for i := p.from; i < p.to; i = w.after(i) {
		if w.at(i) == "(" && (all || w.after(i) == p.to) {
			w.operators(w.inside(i), input)
		} else if w.match[i] > i {
			w.bracket(i, w.in(p, i-1))
		}
	}
}

// operators walks operators that stand without a source.
func (w *walker) operators(p part, input shape) {
	if w.depth++; w.depth <= maxNesting {
		for _, segment := range w.split(p, "|") {
			input = w.operator(segment, input)
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
	case right.kind == isConstant && joinsKept[word][kind]:
		if word == "join" {
			w.joins = append(w.joins, head)
		}
		return input
	case right.kind == isConstant && kind == "":
		return w.refuse(head, "Join without a kind", "The default kind of join keeps one row per key, so rows of different slices depend on each other; kind=inner keeps all.")
	case right.kind == isMixed && input.kind == isMixed:
		return input // said already
	}
	w.refuse(head, "Join of two reads", "%s pairs rows of two reads; pairs across the bound of a slice would be lost. "+
		"To keep them, place the slice by %s and %s, and say by reach how much earlier the query reads.", word, startName, endName)
	return shape{kind: isMixed, times: input.times}
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
	w.operators(w.inside(on+1), shape{kind: isRows})
	w.perRow--
	input.times = input.times.without(w.mentioned(p, input.times)...)
	return input
}

func (w *walker) invoke(head, p part, input shape) shape {
	w.scalar(part{p.from + 1, p.to})
	name := w.in(p, p.from)
	if _, own := w.lookup(name); own && w.in(p, p.from+1) == "(" {
		for _, argument := range w.split(w.inside(p.from+1), ",") {
			w.argument(argument)
		}
	}
	switch s, ok := w.lookup(name); {
	case ok && s.kind == isRows && input.kind == isRows:
		return s
	case ok && s.kind == isRows && input.kind == isConstant:
		return w.refuse(head, "Constant rows in a function", "What the function is given comes from no table, so every slice would return it again.")
	case ok && (s.kind == isRows || s.kind == isMixed):
		return shape{kind: isMixed, times: s.times}
	}
	w.unreached(head, name)
	return input
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
			if s, ok := w.lookup(text); ok && (s.kind == isRows || s.kind == isMixed) && w.in(p, i+1) != "=" {
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
	case name == "ingestion_time":
		w.warn(call, "Ingestion time", "The window is one of %s all the same: slices are cut by it, and the service's own filter works on it.", w.column)
	default:
		s, ok := w.lookup(name)
		switch {
		case ok && s.kind != isValue && s.kind != isConstant:
			w.second(call, s)
		case !ok && !scalarFunctions[name] && !aggregates[name] && !tableFunctions[name] && !grammar[name]:
			w.unreached(call, name)
		}
	}
}

// grammar are words that a bracket may follow without being called.
var grammar = names(`and or not in has_any has_all between by on with to typeof where kind of from step project extend
	default view asc desc nulls first last as hint regex has has_cs hasprefix hasprefix_cs hassuffix hassuffix_cs contains
	contains_cs containscs notcontains notcontainscs startswith startswith_cs endswith endswith_cs like likecs notlike
	notlikecs`)

const functionSummary = "Function of the workspace"

// unreached warns of a function of the workspace.
func (w *walker) unreached(p part, name string) {
	w.loose = append(w.loose, p)
	w.warn(p, functionSummary, "The text does not define %s, so the window cannot be put at the tables that it reads, and whether it can be cut in time cannot be told. %s", name, endsByColumn)
}

// endsByColumn says what becomes of reads that only the service's own filter
// reaches.
const endsByColumn = "Rows at the ends of a slice are told by the time column of the result, which has to keep it."

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
	bare := w.bare(inner)
	name, end := w.name(bare, bare.from)
	alone := name != "" && end == bare.to
	switch {
	case before == "toscalar" || before == "materialize" || w.at(i) == "(" && w.isTabular(inner):
		if s := w.pipe(inner); s.kind != isConstant {
			w.second(inner, s)
		}
	case alone && w.at(i) == "(" && (listTests[before] || before == "~"):
		if s, ok := w.lookup(name); !ok {
			w.loose = append(w.loose, inner)
			w.refuse(inner, "Table or column", "Whether %s is a table or a column cannot be told.", name)
		} else if s.kind != isValue && s.kind != isConstant {
			w.second(inner, s)
		}
	default:
		w.scalar(inner)
	}
}

// second refuses rows in the midst of an expression.
func (w *walker) second(p part, s shape) {
	if s.kind == isUnknown {
		w.loose = append(w.loose, p)
	}
	w.refuse(p, "Second read", "Rows are compared with those of another read, which a slice cuts as well. "+
		"To keep it whole, place the slice by %s and %s, and say by reach how much earlier the query reads.", startName, endName)
}
