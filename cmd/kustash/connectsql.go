package main

import (
	"fmt"
	"strings"
)

// quoted puts a text between two marks. The second mark within it is doubled.
func quoted(open, text, end string) string {
	return open + strings.ReplaceAll(text, end, end+end) + end
}

// literal returns a text as SQL writes it.
func literal(text string) string { return quoted("'", text, "'") }

// as gives an expression a name, unless it is that name.
func as(expression, name string) string {
	if expression == name {
		return name
	}
	return expression + " AS " + name
}

// listed writes texts one a line, with commas between them.
func listed(w *strings.Builder, indent string, texts []string) {
	for i, t := range texts {
		w.WriteString(indent + t)
		if i < len(texts)-1 {
			w.WriteByte(',')
		}
		w.WriteByte('\n')
	}
}

// mapped returns what f makes of each element.
func mapped[T any](list []T, f func(T) string) []string {
	all := make([]string, len(list))
	for i, x := range list {
		all[i] = f(x)
	}
	return all
}

// spanSQL returns an expression for the 100 ns ticks of a timespan's text, such
// as -1.02:03:04.5000000. match returns the text of a group of a pattern, number
// makes a number of it that is wide enough for the longest span, 0 of none.
func spanSQL(text string, match func(pattern string, group int) string, number func(string) string) string {
	part := func(pattern string, unit int64) string {
		return fmt.Sprintf("%s * %d", number(match(pattern, 1)), unit)
	}
	fraction := number(fmt.Sprintf("RPAD(%s, 7, '0')", match("[.]([0-9]+)$", 1)))
	return fmt.Sprintf("CASE WHEN %s LIKE '-%%' THEN -1 ELSE 1 END * (%s + %s + %s + %s + %s)", text,
		part("([0-9]+)[.][0-9]+:", 864_000_000_000), part("([0-9]+):[0-9]+:", 36_000_000_000),
		part("[0-9]+:([0-9]+):", 600_000_000), part("[0-9]+:[0-9]+:([0-9]+)", 10_000_000), fraction)
}
