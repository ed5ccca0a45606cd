package loganalytics

import (
	"fmt"
	"time"
)

// shape says what an expression is, as far as slices are concerned.
type shape struct {
	kind
	times times         // of rows
	span  time.Duration // of a value that is a timespan the text tells
}

type kind uint8

const (
	isValue    kind = iota // a scalar
	isUnknown              // what a function returns that the text does not define
	isConstant             // rows that no table holds: the same in every slice
	isRows                 // rows of tables, each made from one row that was read
	isMixed                // anything else; a remark has been made
)

// remark is why a query cannot be read in slices, or what to know about it.
type remark struct {
	part
	summary, detail string
	warning         bool
}

// walker goes through the statements of a script in order. It knows enough
// grammar to tell where a table is read and by which operators rows pass, and
// takes everything that it does not know for something that cannot be sliced.
type walker struct {
	*script
	column   string             // that slices are cut on
	assigns  map[string]int     // how often a name may be given to something
	scopes   []map[string]shape // names of let, parameters and "as"; innermost last
	reads    []read
	loose    []part // reads that a let in front of the query does not reach
	relative []int  // calls that depend on the service's clock
	filters  []part // comparisons of the column with something fixed
	joins    []part // with lists
	remarks  []remark
	tabular  []part // statements that give a result
	result   shape  // of the last of them
	atom     time.Duration
	perRow   int // within operators that run for one row at a time
	depth    int // of brackets
}

// read is a place where rows come from a name that the text does not define.
type read struct {
	name string
	part
}

// maxNesting bounds recursion; deeper texts are not judged.
const maxNesting = 200

// walk goes through a script whose brackets are balanced, with the slices cut
// on the service's own column.
func walk(s *script) *walker { return walkBy(s, serviceColumn) }

// walkBy takes the column that slices are cut on; "" is the service's own.
func walkBy(s *script, column string) *walker {
	if column == "" {
		column = serviceColumn
	}
	w := &walker{script: s, column: column, assigns: map[string]int{}, scopes: []map[string]shape{{}}}
	parses := false // a parse names columns without any mark
	for i := range s.tokens {
		switch s.at(i) {
		case "|":
			parses = s.at(i+1) == "parse"
		case ";":
			parses = false
		}
		if parses || s.at(i+1) == "=" {
			w.assigns[s.at(i)]++
		}
	}
	for _, p := range s.statements {
		if s.at(p.from) == "." {
			continue // a management command
		}
		if result, ok := w.statement(p); ok {
			w.tabular, w.result = append(w.tabular, p), result
			if result.kind == isConstant {
				w.refuse(p, "Query without a table", "It reads no table, so every slice would return the same rows.")
			}
		}
	}
	return w
}

func (w *walker) refuse(p part, summary, format string, values ...any) shape {
	w.remarks = append(w.remarks, remark{part: p, summary: summary, detail: fmt.Sprintf(format, values...)})
	return shape{kind: isMixed}
}

// table is the shape of rows that come from a table as they are.
func (w *walker) table() shape { return shape{kind: isRows, times: times{w.column: 0}} }

func (w *walker) warn(p part, summary, format string, values ...any) {
	w.remarks = append(w.remarks, remark{p, summary, fmt.Sprintf(format, values...), true})
}

// statement reports the shape of a statement that gives a result, and false
// for one that gives none.
func (w *walker) statement(p part) (shape, bool) {
	rest := part{p.from + 1, p.to}
	switch w.at(p.from) {
	case "let":
		w.let(rest)
	case "set", "restrict":
	case "declare":
		w.declare(rest)
	case "alias":
		w.loose = append(w.loose, p)
	default:
		return w.pipe(p), true
	}
	return shape{}, false
}

func (w *walker) define(name string, s shape) { w.scopes[len(w.scopes)-1][name] = s }

func (w *walker) lookup(name string) (shape, bool) {
	for i := len(w.scopes) - 1; i >= 0; i-- {
		if s, ok := w.scopes[i][name]; ok {
			return s, true
		}
	}
	return shape{}, false
}

func (w *walker) let(p part) {
	name, at := w.name(p, p.from)
	if name == "" || w.in(p, at) != "=" {
		w.refuse(p, "Unknown kind of let", "This let cannot be followed.")
		return
	}
	value := part{at + 1, p.to}
	w.define(name, w.value(value))
}

// value returns the shape of what a let stands for. The name is not defined
// yet: within the value it still means a table.
func (w *walker) value(p part) shape {
	if w.at(p.from) == "view" {
		p.from++
	}
	p = w.bare(p)
	if w.lambda(p) {
		return w.function(w.inside(p.from), w.inside(w.match[p.to-1]))
	}
	if w.isTabular(p) || w.isCall(p) {
		return w.pipe(p)
	}
	if name, end := w.name(p, p.from); name != "" && end == p.to {
		if s, ok := w.lookup(name); ok {
			return s
		}
		return w.source(p)
	}
	w.scalar(p)
	if name := w.at(p.from); w.kind(p.from) == tokenName && w.in(p, p.from+1) == "(" && w.after(p.from+1) == p.to {
		if s, ok := w.lookup(name); ok {
			return s
		}
		if !scalarFunctions[name] {
			return shape{kind: isUnknown}
		}
	}
	return shape{span: w.span(p)}
}

// lambda reports whether p is parameters and a body.
func (w *walker) lambda(p part) bool {
	if w.at(p.from) == "view" {
		p.from++
	}
	return !p.empty() && w.at(p.from) == "(" && w.after(p.from) < p.to && w.at(w.after(p.from)) == "{" &&
		w.match[p.to-1] == w.after(p.from)
}

// function returns the shape of what a function of the text returns.
func (w *walker) function(parameters, body part) shape {
	w.scopes = append(w.scopes, map[string]shape{})
	defer func() { w.scopes = w.scopes[:len(w.scopes)-1] }()
	for _, p := range w.split(parameters, ",") {
		if name, at := w.name(p, p.from); name != "" {
			s := isValue
			if w.in(p, at) == ":" && w.in(p, at+1) == "(" {
				s = isRows
			}
			w.define(name, shape{kind: s})
		}
	}
	var result shape
	for _, p := range w.split(body, ";") {
		if p = w.bare(p); p.empty() {
			continue
		}
		if w.isTabular(p) || w.isTableName(p) || w.isCall(p) || w.at(p.from) == "let" {
			if s, ok := w.statement(p); ok {
				result = s
			}
			continue
		}
		w.scalar(p)
		result = shape{}
	}
	return result
}

// isTableName reports whether p is one name, and not that of a value.
func (w *walker) isTableName(p part) bool {
	name, end := w.name(p, p.from)
	if name == "" || end != p.to {
		return false
	}
	s, ok := w.lookup(name)
	return !ok || s.kind != isValue
}

// isCall reports whether p is a call that returns rows.
func (w *walker) isCall(p part) bool {
	if w.kind(p.from) != tokenName || w.in(p, p.from+1) != "(" || w.after(p.from+1) != p.to {
		return false
	}
	s, ok := w.lookup(w.at(p.from))
	return ok && s.kind != isValue || tableFunctions[w.at(p.from)]
}

// declare takes the names of query parameters.
func (w *walker) declare(p part) {
	open := w.find(p, "(")
	if w.at(p.from) != "query_parameters" || open < 0 {
		w.loose = append(w.loose, p)
		w.refuse(p, "Unknown kind of declare", "This declare cannot be followed.")
		return
	}
	for _, one := range w.split(w.inside(open), ",") {
		if name, _ := w.name(one, one.from); name != "" {
			w.define(name, shape{})
		}
	}
}
