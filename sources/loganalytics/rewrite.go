package loganalytics

import (
	"fmt"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// rewritten is a query with the window in it.
type rewritten struct {
	text     string
	timespan string // "" sends none
	exact    bool   // only rows of the window can come back
	tables   []string

	added      int // line breaks put in front of the author's text
	line, from int // where: line of the author's text and position in it, from 1
}

// The names that an author may use in place of the window at each table.
const (
	startName = "slice_start"
	endName   = "slice_end"
)

// bounds says which of the two names a text uses without defining them.
type bounds int

const (
	noBound bounds = iota
	oneBound
	bothBounds
)

func (w *walker) bounds() bounds {
	used := map[string]bool{}
	for i, t := range w.tokens {
		name := w.at(i)
		if t.kind != tokenName || name != startName && name != endName || w.at(i-1) == "." {
			continue
		}
		if w.defines(name) {
			return noBound
		}
		used[name] = true
	}
	return bounds(len(used))
}

// defines reports whether the text gives the name a meaning at its top level.
func (w *walker) defines(name string) bool {
	_, ok := w.scopes[0][name]
	return ok
}

// rewrite puts the window and the cut of a slice into the author's text. The
// service's filter is widened by a second on both sides, because nothing says
// whether its ends are inclusive; a shadowing let at each table makes them
// exact.
func rewrite(text, column string, window pipeline.Window, cut pipeline.Cut) (rewritten, error) {
	s := newScript(text)
	if p, ok := s.broken(); ok {
		return rewritten{}, fmt.Errorf("%w: %s at byte %d: %s", pipeline.ErrQuery, p.Summary, p.Offset, p.Detail)
	}
	if column == "" {
		column = serviceColumn
	}
	w := walk(s)
	r := rewritten{tables: w.tables()}
	if column == serviceColumn {
		// The service's own filter works on this column and would lose rows of
		// a window on another one.
		r.timespan = wider(window)
	}
	var lets []string
	if w.bounds() == bothBounds {
		if !cut.From.IsZero() {
			return rewritten{}, fmt.Errorf("the query uses %s and %s, so late rows alone cannot be read: set late = \"replace\"", startName, endName)
		}
		r.exact = true
		lets = []string{
			fmt.Sprintf("let %s = %s;", startName, literal(window.Start)),
			fmt.Sprintf("let %s = %s;", endName, literal(window.End)),
		}
	} else {
		r.exact = len(w.loose) == 0 && len(w.shadowed()) == 0
		if !r.exact && !cut.From.IsZero() {
			return rewritten{}, fmt.Errorf("the query reads more than plain tables, so late rows alone cannot be read: set late = \"replace\"")
		}
		for _, name := range r.tables {
			if plainName(name) {
				lets = append(lets, fmt.Sprintf("let %s = %s%s;", name, name, filter(column, window, cut)))
			} else {
				lets = append(lets, fmt.Sprintf("let %s = %s%s;", quoteName(name), quoteName(name), filter(column, window, cut)))
			}
		}
	}
	r.insert(w, lets)
	return r, nil
}

// serviceColumn is the column that the service's own time filter works on.
const serviceColumn = "TimeGenerated"

// tables returns the names that are read and that a let in front of the query
// may stand for, in order of appearance.
func (w *walker) tables() []string {
	var all []string
	seen := map[string]bool{}
	for _, r := range w.reads {
		if !seen[r.name] && !w.defines(r.name) {
			seen[r.name] = true
			all = append(all, r.name)
		}
	}
	return all
}

// shadowed returns the reads of tables whose name the author defines himself,
// so that no other let may.
func (w *walker) shadowed() []read {
	var all []read
	for _, r := range w.reads {
		if w.defines(r.name) {
			all = append(all, r)
		}
	}
	return all
}

func plainName(name string) bool {
	return span(name, isNameRune) == len(name) && name != "" && (name[0] < '0' || name[0] > '9')
}

func columnName(name string) string {
	if plainName(name) {
		return name
	}
	return quoteName(name)
}

// literal writes an instant with all its digits.
func literal(t time.Time) string { return "datetime(" + t.UTC().Format(pipeline.TimeLayout) + ")" }

// filter returns the operators that keep the rows of the window and the cut.
func filter(column string, w pipeline.Window, cut pipeline.Cut) string {
	c := columnName(column)
	text := fmt.Sprintf(" | where %s >= %s and %s < %s", c, literal(w.Start), c, literal(w.End))
	from, to := "ingestion_time() >= "+literal(cut.From), "ingestion_time() < "+literal(cut.To)
	switch {
	case cut.From.IsZero() && cut.To.IsZero():
	case cut.From.IsZero():
		text += " | where isnull(ingestion_time()) or " + to
	case cut.To.IsZero():
		text += " | where " + from
	default:
		text += " | where " + from + " and " + to
	}
	return text
}

// margin is how much wider the service's own filter is on both sides.
const margin = pipeline.Tick(time.Second / pipeline.TickSize)

// wider returns the window for the service's own filter, within the years that
// the service knows.
func wider(w pipeline.Window) string {
	start := max(0, pipeline.TickOf(w.Start)-margin)
	end := min(pipeline.MaxTick, pipeline.TickOf(w.End)+margin)
	return start.Time().Format(pipeline.TimeLayout) + "/" + end.Time().Format(pipeline.TimeLayout)
}

// insert puts lines in front of the author's first statement that is no set.
func (r *rewritten) insert(w *walker, lets []string) {
	at := 0
	for _, p := range w.statements {
		if w.at(p.from) != "set" || w.at(p.to) != ";" {
			break
		}
		at = w.tokens[p.to].end
	}
	head, rest := w.text[:at], w.text[at:]
	if head == "" {
		rest = strings.TrimPrefix(rest, "\ufeff") // it may stand at the start only
	}
	front := strings.Join(lets, "\n") + "\n"
	if head != "" {
		front = "\n" + front
	}
	if len(lets) == 0 {
		front = ""
	}
	r.text = head + front + rest
	r.added = strings.Count(front, "\n")
	r.line = 1 + strings.Count(head, "\n")
	r.from = 1 + len(head) - (strings.LastIndexByte(head, '\n') + 1)
}

// author turns a line and position of the text that was sent into those of the
// author's text; ok is false for a place that he did not write.
func (r rewritten) author(line, position int) (int, int, bool) {
	switch {
	case r.added == 0, line < r.line, line == r.line && position < r.from:
		return line, position, true
	case line-r.added < r.line:
		return 0, 0, false
	case line-r.added == r.line:
		return r.line, position + r.from - 1, true
	}
	return line - r.added, position, true
}
