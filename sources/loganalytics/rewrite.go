package loganalytics

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// rewritten is a query with the window in it.
type rewritten struct {
	text     string
	timespan string // "" sends none
	exact    bool   // only rows of the window can come back
	told     bool   // or else, the result's time column tells which are
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
		if w.defines(name) || w.assigns[name] > 0 { // a name of the author's own
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

// rewrite puts the window, the cut and the part of a slice into the author's
// text. A shadowing let in front of it puts them at each table; the service's
// own filter, which reaches further, is wider because nothing says whether its
// ends are inclusive. known is nil where the workspace's tables are not.
func rewrite(q pipeline.Query, window pipeline.Window, cut pipeline.Cut, part string, known *catalog) (rewritten, error) {
	s := newScript(q.Text)
	if p, ok := s.broken(); ok {
		return rewritten{}, fmt.Errorf("%w: %s at byte %d: %s", pipeline.ErrQuery, p.Summary, p.Offset, p.Detail)
	}
	w := walkBy(s, q.TimeColumn)
	shadows, err := w.shadows(known)
	if err != nil {
		return rewritten{}, err
	}
	r := rewritten{tables: w.tables(), timespan: w.timespan(q, window, known)}
	bounds := w.bounds() == bothBounds
	r.exact = q.Plan == pipeline.Analytics && (bounds || len(w.unfiltered(known)) == 0)
	r.told = w.tells(window)
	if err := w.divisible(q, r.exact && !bounds, cut, part); err != nil {
		return rewritten{}, err
	}
	var lets []string
	switch {
	case q.Plan != pipeline.Analytics:
		// The route of these tables takes the time with the request only.
	case bounds:
		lets = []string{
			fmt.Sprintf("let %s = %s;", startName, literal(window.Start)),
			fmt.Sprintf("let %s = %s;", endName, literal(window.End)),
		}
	default:
		for _, t := range shadows {
			name := columnName(t.name)
			lets = append(lets, fmt.Sprintf("let %s = %s%s%s;", name, name, filter(t.column, window, cut), partFilter(part)))
		}
	}
	r.insert(w, lets)
	return r, nil
}

// divisible returns why a cut or a part cannot be put into the query: late rows
// and parts have to be told at the tables.
func (w *walker) divisible(q pipeline.Query, exact bool, cut pipeline.Cut, part string) error {
	reason := "reads more than plain tables"
	switch {
	case q.Plan != pipeline.Analytics:
		reason = fmt.Sprintf("reads a table of the plan %q", q.Plan)
	case w.bounds() == bothBounds:
		reason = fmt.Sprintf("uses %s and %s", startName, endName)
	}
	switch {
	case exact && w.atom > 0 && part != "":
		return errors.New("the query aggregates by time, so one instant of it cannot be read in parts: filter it further, or read the table as it is")
	case exact && w.atom > 0 && !cut.From.IsZero():
		return fmt.Errorf("the query aggregates by time, so %w: set late = \"replace\"", pipeline.ErrNotAlone)
	case exact:
	case !cut.From.IsZero():
		return fmt.Errorf("the query %s, so %w: set late = \"replace\"", reason, pipeline.ErrNotAlone)
	case part != "":
		return fmt.Errorf("the query %s, so one instant of it cannot be read in parts: leave out columns or rows, or read the tables by queries of their own", reason)
	}
	return nil
}

// shadow is a table that a let puts under the filter of a slice, with its
// column.
type shadow struct{ name, column string }

// shadows returns the tables to be filtered, in order of appearance: all names
// in the text that are the workspace's tables, or where those are not known,
// all that are read. A let of a name that turns out to be a column's does no
// harm.
func (w *walker) shadows(known *catalog) ([]shadow, error) {
	var all []shadow
	if known == nil {
		for _, name := range w.tables() {
			all = append(all, shadow{name, w.column})
		}
		return all, nil
	}
	reads := make(map[string]bool)
	for _, name := range w.tables() {
		reads[name] = true
	}
	seen := make(map[string]bool)
	for i := range w.tokens {
		name, _ := w.name(part{i, len(w.tokens)}, i)
		table := known.tables[name]
		if table == nil || seen[name] || w.at(i-1) == "." || w.defines(name) {
			continue
		}
		seen[name] = true
		column := w.columnOf(table)
		if has(table, column) {
			all = append(all, shadow{name, column})
		} else if reads[name] {
			return nil, fmt.Errorf("%w: the table %s has no column %s: name one of its own with time_column", pipeline.ErrQuery, name, column)
		}
		if reads[name] && w.atom > 0 && column != w.column {
			return nil, fmt.Errorf("%w: it aggregates by %s, but slices of the table %s are cut on %s: set time_column = %q and use that", pipeline.ErrQuery, w.column, name, column, column)
		}
	}
	return all, nil
}

// columnOf returns the column that slices of a table are cut on: the author's,
// or if he named none, the table's own.
func (w *walker) columnOf(t *tableInfo) string {
	if w.column == serviceColumn && t.TimeColumn != "" {
		return t.TimeColumn
	}
	return w.column
}

// has reports whether a table has a column, as far as is known.
func has(t *tableInfo, column string) bool {
	return len(t.Columns) == 0 || slices.ContainsFunc(t.Columns, func(c pipeline.Column) bool { return c.Name == column })
}

// isTable reports whether a name is a table's, which everything is while
// nothing is known.
func isTable(known *catalog, name string) bool { return known == nil || known.tables[name] != nil }

// timespan returns the window for the service's own filter. That works on each
// table's own column; how far the author's may be from it he has to say.
func (w *walker) timespan(q pipeline.Query, window pipeline.Window, known *catalog) string {
	own := w.column == serviceColumn
	if !own && known != nil {
		own = len(w.tables()) > 0 && len(w.unfiltered(known)) == 0
		for _, name := range w.tables() {
			own = own && known.tables[name] != nil && known.tables[name].TimeColumn == w.column
		}
	}
	if !own && q.TimeSlack <= 0 {
		return "" // rows of the window may lie anywhere
	}
	slack := q.TimeSlack
	if own {
		slack = 0
	}
	if w.bounds() == bothBounds {
		window.Start = window.Start.Add(-q.Reach)
	}
	return wider(pipeline.Window{Start: window.Start.Add(-slack), End: window.End.Add(slack)})
}

// partFilter returns the operator that keeps the rows of a part of an instant.
// A row without an _ItemId is told by all of its columns.
func partFilter(part string) string {
	if part == "" {
		return ""
	}
	const id = `column_ifexists("_ItemId", "")`
	return fmt.Sprintf(` | where substring(hash_sha256(iff(isempty(%s), tostring(pack_all()), tostring(%s))), 0, %d) == "%s"`, id, id, len(part), part)
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
