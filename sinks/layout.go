package sinks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/kustash/kustash/pipeline"
)

// DefaultLayout is the layout of a sink that declares none.
const DefaultLayout = "{query}/date={date}"

// rulesLayout is how layout = "rules" puts files: into folders of five minutes as
// the data export rules of a workspace do, below one for each table
// (https://learn.microsoft.com/azure/azure-monitor/logs/logs-data-export).
// Readers of Hive's folders do not take it: two of them are named m.
var rulesLayout = "{query}/y={year}/m={month}/d={day}/h={hour}/m={" + fiveMinutes + "}"

// fiveMinutes is the placeholder of the minute in which five of them begin.
const fiveMinutes = "5m"

// Layout names the folders of a sink's objects. The zero value is the default.
type Layout struct {
	parts    []layoutPart
	calendar pipeline.Calendar
}

// layoutPart is one folder: literals and placeholders in turn.
type layoutPart []layoutPiece

type layoutPiece struct {
	literal string
	name    string // of the placeholder; "" for a literal
}

// ParseLayout reads a template of folders such as "{query}/date={date}". Names
// in braces are query, table, workspace, year, month, day, date and hour; any
// other is an error. So is a layout in which two times far apart share a
// folder that they should not, such as {month} without {year}. "rules" is the
// layout of data export rules.
func ParseLayout(text string) (Layout, error) {
	rules := text == "rules"
	if rules {
		text = rulesLayout
	}
	var l Layout
	names, keys := make(map[string]bool), make(map[string]bool)
	for folder := range strings.SplitSeq(text, "/") {
		part, err := parseFolder(folder)
		if err != nil {
			return Layout{}, fmt.Errorf("layout %q: %w", text, err)
		}
		if key := part.key(); key != "" {
			if keys[strings.ToLower(key)] && !rules {
				return Layout{}, fmt.Errorf("layout %q: the key %q is there twice", text, key)
			}
			keys[strings.ToLower(key)] = true
		}
		for _, p := range part {
			names[p.name] = true
		}
		l.parts = append(l.parts, part)
	}
	var err error
	if l.calendar, err = calendarOf(names); err != nil {
		return Layout{}, fmt.Errorf("layout %q: %w", text, err)
	}
	return l, nil
}

func parseFolder(folder string) (layoutPart, error) {
	switch {
	case folder == "":
		return nil, fmt.Errorf("a folder without a name; it must not begin or end with a slash")
	case folder == "." || folder == "..":
		return nil, fmt.Errorf("the folder %q would leave the sink's root", folder)
	case strings.TrimRight(folder, ". ") != folder:
		return nil, fmt.Errorf("the folder %q: Windows and Azure drop a dot or space at the end", folder)
	case folder[0] == '_' || folder[0] == '.':
		return nil, fmt.Errorf("the folder %q: readers pass over names that begin with %q", folder, folder[:1])
	}
	var part layoutPart
	for rest := folder; rest != ""; {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			return append(part, layoutPiece{literal: rest}), nil
		}
		if open > 0 {
			part = append(part, layoutPiece{literal: rest[:open]})
		}
		end := strings.IndexByte(rest, '}')
		if rest[open] == '}' || end < 0 {
			return nil, fmt.Errorf("the folder %q has a brace without its other half", folder)
		}
		name := rest[open+1 : end]
		if placeholders[name] == nil {
			return nil, fmt.Errorf("{%s} is none of %s%s", name, knownPlaceholders(), suggestion(name))
		}
		part = append(part, layoutPiece{name: name})
		rest = rest[end+1:]
	}
	return part, nil
}

func knownPlaceholders() string {
	return "{query}, {table}, {workspace}, {year}, {month}, {day}, {date} and {hour}"
}

// suggestion returns the nearest placeholder if one is near.
func suggestion(name string) string {
	best, distance := "", 3
	for _, known := range slices.Sorted(maps.Keys(placeholders)) {
		if d := levenshtein.Distance(strings.ToLower(name), known, nil); d < distance {
			best, distance = known, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean {%s}?", best)
}

// calendarOf returns the finest unit of time among the names. Each unit needs
// those above it, or one folder would hold every January.
func calendarOf(names map[string]bool) (pipeline.Calendar, error) {
	year := names["year"] || names["date"]
	month := names["month"] || names["date"]
	day := names["day"] || names["date"]
	switch {
	case names[fiveMinutes] && !names["hour"]:
		return 0, fmt.Errorf("{%s} without {hour} puts the same minutes of different hours into one folder; add {hour}", fiveMinutes)
	case names["hour"] && !(year && month && day):
		return 0, fmt.Errorf("{hour} without {date} puts the same hour of different days into one folder; add {date}")
	case names["day"] && !(year && month):
		return 0, fmt.Errorf("{day} without {year} and {month} puts the same day of different months into one folder; add them, or use {date}")
	case names["month"] && !year:
		return 0, fmt.Errorf("{month} without {year} puts the same month of different years into one folder; add {year}")
	case names[fiveMinutes]:
		return pipeline.FiveMinutes, nil
	case names["hour"]:
		return pipeline.Hourly, nil
	case day:
		return pipeline.Daily, nil
	case month:
		return pipeline.Monthly, nil
	case year:
		return pipeline.Yearly, nil
	}
	return pipeline.NoCalendar, nil
}

// key returns the name before "=" in a folder such as "date={date}", which
// readers of partitioned data add to the columns; "" if there is none.
func (p layoutPart) key() string {
	if p[0].name != "" {
		return ""
	}
	key, _, ok := strings.Cut(p[0].literal, "=")
	if !ok {
		return ""
	}
	return key
}

func (l Layout) orDefault() Layout {
	if l.parts != nil {
		return l
	}
	d, err := ParseLayout(DefaultLayout)
	if err != nil {
		panic(err) // a constant
	}
	return d
}

// Calendar returns what one folder covers: the finest unit of time named.
func (l Layout) Calendar() pipeline.Calendar { return l.orDefault().calendar }

// Check reports why objects of the query have no folder in this layout, such
// as {table} for a query that reads more than one. It does not look at times.
func (l Layout) Check(q pipeline.Query) error {
	_, err := l.folder(q, time.Time{})
	return err
}

// checkColumns reports a column that a reader of the folders could not tell
// from a key of the layout.
func (l Layout) checkColumns(columns pipeline.Schema) error {
	for _, part := range l.orDefault().parts {
		for _, c := range columns {
			if key := part.key(); key != "" && strings.EqualFold(key, c.FileName()) {
				return fmt.Errorf("the column %s and the layout's folder %s=… have one name for readers; name the folder differently in layout, or the column in the query", c.FileName(), key)
			}
		}
	}
	return nil
}
