package sinks

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// placeholders says what each name stands for; a function of time gets the
// start of the slice.
var placeholders = map[string]func(q pipeline.Query, t time.Time) (string, error){
	"query":     func(q pipeline.Query, _ time.Time) (string, error) { return queryFolder(q.Address), nil },
	"table":     func(q pipeline.Query, _ time.Time) (string, error) { return tableFolder(q) },
	"workspace": func(q pipeline.Query, _ time.Time) (string, error) { return encodePart(q.Workspace), nil },
	"year":      timeFolder("2006"),
	"month":     timeFolder("01"),
	"day":       timeFolder("02"),
	"date":      timeFolder("2006-01-02"),
	"hour":      timeFolder("15"),
	fiveMinutes: func(_ pipeline.Query, t time.Time) (string, error) {
		return t.UTC().Truncate(5 * time.Minute).Format("04"), nil
	},
}

func timeFolder(layout string) func(pipeline.Query, time.Time) (string, error) {
	return func(_ pipeline.Query, t time.Time) (string, error) { return t.UTC().Format(layout), nil }
}

// folder returns the folders for objects whose slice starts at t.
func (l Layout) folder(q pipeline.Query, t time.Time) (string, error) {
	return pathOf(l.orDefault().parts, q, t)
}

func pathOf(parts []layoutPart, q pipeline.Query, t time.Time) (string, error) {
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte('/')
		}
		for _, p := range part {
			if p.name == "" {
				b.WriteString(encodeLiteral(p.literal))
				continue
			}
			text, err := placeholders[p.name](q, t)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}

// encodeLiteral keeps "=" and leaves leading characters alone: ParseLayout has
// looked at them.
func encodeLiteral(s string) string {
	pieces := strings.Split(s, "=")
	for i, p := range pieces {
		if p != "" {
			pieces[i] = strings.TrimSuffix(encodePart("x" + p + "x")[1:], "x")
		}
	}
	return strings.Join(pieces, "=")
}

// queryFolder turns query.events["SigninLogs"] into events/SigninLogs.
func queryFolder(address string) string {
	name, key, hasKey := splitAddress(address)
	if !hasKey {
		return encodePart(name)
	}
	return encodePart(name) + "/" + encodePart(key)
}

// splitAddress takes query.NAME["key"] apart.
func splitAddress(address string) (name, key string, hasKey bool) {
	name = strings.TrimPrefix(address, "query.")
	open := strings.IndexByte(name, '[')
	if open < 0 || !strings.HasSuffix(name, "]") {
		return name, "", false
	}
	key = name[open+1 : len(name)-1]
	if text, err := strconv.Unquote(key); err == nil {
		key = text
	}
	return name[:open], key, true
}

// oneTable matches a query that is a table, or a table and what is done to it.
var oneTable = regexp.MustCompile(`^\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:\||;?\s*$)`)

func tableFolder(q pipeline.Query) (string, error) {
	m := oneTable.FindStringSubmatch(q.Text)
	if m == nil {
		return "", fmt.Errorf("the layout names {table}, but the text of %s does not begin with one table; use {query}", q.Address)
	}
	return encodePart(m[1]), nil
}
